//! Step 5: what forbids a change whatever is wanted: a deployment in progress, a pause, a service without a desired count.

use super::account::Account;
use super::figures::{if_any, moment};
use super::recommend::Look;
use crate::model::memory::{Memory, Pause, PauseDirection};
use crate::model::sentence::{Phrase, phrase};
use crate::model::target::{DuringDeployment, Mode};
use crate::model::{ReasonCode, Sentence, TaskCount};

/// Holds what a deployment in progress forbids. Scale-in waits as with Application Auto Scaling; a policy may ask for more
/// or less caution.
pub(super) fn hold_during_deployment(look: &Look<'_>, wanted: TaskCount, account: &mut Account) -> TaskCount {
    let held = match look.target.during_deployment {
        DuringDeployment::Ignore => false,
        DuringDeployment::NoScaleIn => wanted < look.desired,
        DuringDeployment::Hold => wanted != look.desired,
    };
    if !held || !look.observation.service.deploying {
        return wanted;
    }
    let text =
        phrase!("a deployment is in progress, so {desired} instead of {wanted}", desired = look.desired);
    account.bind(ReasonCode::DeploymentInProgress, text);
    look.desired
}

/// Holds what a pause forbids, bounds included: who pauses a service wants it left alone.
pub(super) fn hold_while_suspended(
    look: &Look<'_>,
    wanted: TaskCount,
    memory: &Memory,
    account: &mut Account,
) -> TaskCount {
    let desired = look.observation.service.desired;
    if !look.observation.service.scalable {
        let text =
            "the service takes no desired count (scheduling strategy DAEMON); remove it from the policy file";
        account.bind(ReasonCode::TargetServicePutResourceAsUnscalable, text);
        return desired;
    }
    if look.target.mode == Mode::Paused {
        account.bind(
            ReasonCode::ScalingSuspended,
            phrase!("the policy file has the service paused, so {desired} stays"),
        );
        return desired;
    }
    let pause = memory.pauses.iter().find(|pause| match pause.direction {
        PauseDirection::Both => true,
        PauseDirection::Out => desired < wanted,
        PauseDirection::In => wanted < desired,
        PauseDirection::Schedules => false,
    });
    let Some(pause) = pause else {
        return wanted;
    };
    let text = phrase!("{told}, so {desired} instead of {wanted}", told = told(pause));
    account.bind(ReasonCode::ScalingSuspended, text);
    desired
}

/// A pause in words: what is paused, until when and why.
pub(super) fn told(pause: &Pause) -> impl Phrase + use<> {
    let what = match pause.direction {
        PauseDirection::Both => "scaling is",
        PauseDirection::Out => "scale-out is",
        PauseDirection::In => "scale-in is",
        PauseDirection::Schedules => "scheduled actions and windows are",
    };
    let until = match pause.until {
        Some(until) => Sentence::new(moment(until)),
        None => Sentence::new("it is resumed"),
    };
    let reason = pause.reason.clone().map(|reason| phrase!(" ({reason})"));
    phrase!("{what} paused by hand until {until}{reason}", reason = if_any(reason))
}
