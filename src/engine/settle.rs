//! Before anything is decided: what became of the last decision, and what no longer matters.
//!
//! A decision is remembered as pending before it is carried out. Seen in effect it becomes an activity, which cooldowns and rate
//! limits count from; not seen it is forgotten, so a failed update starts no cooldown and the next look decides anew.

use std::time::Duration;

use jiff::Timestamp;

use super::account::Account;
use super::figures::{moment, time};
use super::running;
use crate::model::duration::elapsed;
use crate::model::memory::{CountChange, Memory, PauseDirection};
use crate::model::policy::PolicyKind;
use crate::model::{Observation, ReasonCode, ScalableTarget};

/// No more changes than this are kept; one a look for the longest rate-limit period at ten seconds a look.
const MOST_CHANGES: usize = 180;

/// Settles the last decision against what is observed now.
pub(super) fn settle(
    target: &ScalableTarget,
    observation: &Observation,
    memory: &mut Memory,
    account: &mut Account,
) {
    let now = observation.now;
    settle_pending(observation, memory, account);
    expire_manual(now, memory, account);
    forget(target, now, memory);
    running::remember(observation, memory);
    let reached = |desired| desired == observation.service.desired;
    if let Some(manual) = memory.manual.as_mut()
        && (manual.min.is_some() || manual.max.is_some())
        && manual.desired.is_some_and(reached)
    {
        manual.desired = None;
    }
}

fn settle_pending(observation: &Observation, memory: &mut Memory, account: &mut Account) {
    let desired = observation.service.desired;
    match memory.pending.take() {
        Some(pending) if pending.to == desired => {
            let change = CountChange { at: pending.at, from: pending.from, to: pending.to };
            memory.changes.push(change);
            if change.from < change.to {
                memory.scale_outs.extend(pending.policies.into_iter().map(|policy| (policy, change)));
            }
        }
        Some(pending) if pending.from == desired => {
            let text = format!(
                "the change from {} to {} decided at {} is not seen in effect; it is decided anew",
                pending.from,
                pending.to,
                time(pending.at)
            );
            account.tell(ReasonCode::DesiredCountChanged, text);
        }
        Some(pending) => {
            let text = format!(
                "the desired count is {desired}, neither {} nor {}: someone else set it",
                pending.from, pending.to
            );
            account.tell(ReasonCode::DesiredCountChanged, text);
        }
        None => {
            if let Some(last) = memory.desired.filter(|last| *last != desired) {
                let text = format!(
                    "the desired count went from {last} to {desired} since the last look: someone else set it"
                );
                account.tell(ReasonCode::DesiredCountChanged, text);
            }
        }
    }
}

fn expire_manual(now: Timestamp, memory: &mut Memory, account: &mut Account) {
    if let Some(manual) = memory.manual
        && manual.until <= now
    {
        memory.manual = None;
        account.tell(ReasonCode::Override, format!("the override by hand ended at {}", moment(manual.until)));
    }
    memory.pauses.retain(|pause| {
        let ended = pause.until.is_some_and(|until| until <= now);
        if ended {
            let direction = match pause.direction {
                PauseDirection::Out => "scale-out",
                PauseDirection::In => "scale-in",
                PauseDirection::Both => "scaling",
                PauseDirection::Schedules => "scheduled actions and windows",
            };
            account.tell(ReasonCode::ScalingSuspended, format!("the pause of {direction} ended"));
        }
        !ended
    });
}

/// Drops what is older than anything that looks back at it.
fn forget(target: &ScalableTarget, now: Timestamp, memory: &mut Memory) {
    let behavior = &target.behavior;
    let limits =
        behavior.scale_out.policies.iter().chain(&behavior.scale_in.policies).map(|limit| limit.period);
    let longest = limits.chain(cooldowns(target)).max().unwrap_or_default();
    let surplus = memory.changes.len().saturating_sub(MOST_CHANGES);
    memory.changes.drain(..surplus);
    memory.changes.retain(|change| elapsed(change.at, now) <= longest);
    memory.scale_outs.retain(|policy, change| {
        elapsed(change.at, now) <= longest && target.policies.iter().any(|known| known.name == *policy)
    });
    let window = behavior.scale_out.stabilization.max(behavior.scale_in.stabilization);
    memory.recommendations.retain(|past| elapsed(past.at, now) < window);
    memory.queues.retain(|policy, _| target.policies.iter().any(|known| known.name == *policy));
    memory.service_levels.retain(|policy, _| target.policies.iter().any(|known| known.name == *policy));
}

fn cooldowns(target: &ScalableTarget) -> impl Iterator<Item = Duration> {
    target.policies.iter().map(|policy| match &policy.kind {
        PolicyKind::TargetTracking(tracking) => tracking.scale_out_cooldown.max(tracking.scale_in_cooldown),
        PolicyKind::StepScaling(steps) => steps.cooldown,
        PolicyKind::Queue(_) | PolicyKind::ServiceLevel(_) => Duration::ZERO,
    })
}
