//! Step 1: each policy gives a recommendation with its reason, or abstains.

use super::account::Account;
use super::figures::tasks;
use super::{queue, service_level, step_scaling, target_tracking};
use crate::model::decision::Recommendation;
use crate::model::policy::{PolicyKind, ScalingPolicy};
use crate::model::sentence::{Phrase, phrase};
use crate::model::target::OnMissingMetrics;
use crate::model::{
    Capacity, Memory, Name, Observation, Reason, ReasonCode, ScalableTarget, Sentence, TaskCount,
};

/// All that a policy may look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub(super) target: &'a ScalableTarget,
    pub(super) observation: &'a Observation,
    /// The observed desired count, brought into the bounds first, as Application Auto Scaling does.
    pub(super) desired: TaskCount,
    /// The bounds in force.
    pub(super) capacity: Capacity,
}

/// What a policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vote {
    /// This count.
    Wants(TaskCount),
    /// Not fewer than this; no wish of its own (a policy that never scales in).
    NotBelow(TaskCount),
    /// Nothing: an alarm that is at rest.
    Neutral,
    /// It cannot tell, so nothing may be taken away.
    Blind,
}

/// A policy's vote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict<'a> {
    pub(super) policy: &'a Name,
    pub(super) vote: Vote,
    /// The code that binds where this vote decides.
    pub(super) code: ReasonCode,
}

impl Verdict<'_> {
    /// The count that is asked for.
    pub(super) fn wanted(&self) -> Option<TaskCount> {
        match self.vote {
            Vote::Wants(count) => Some(count),
            Vote::NotBelow(_) | Vote::Neutral | Vote::Blind => None,
        }
    }
}

/// A vote with the sentence that explains it, before it is given the policy's name.
#[derive(Debug)]
pub(super) struct Opinion {
    pub(super) vote: Vote,
    pub(super) code: ReasonCode,
    pub(super) text: Sentence,
    /// Values that were set aside.
    pub(super) refused: Option<Sentence>,
}

impl Opinion {
    pub(super) fn new(vote: Vote, code: ReasonCode, text: impl Phrase) -> Self {
        Self { vote, code, text: Sentence::new(text), refused: None }
    }

    pub(super) fn blind(text: impl Phrase) -> Self {
        Self::new(Vote::Blind, ReasonCode::InsufficientData, text)
    }

    pub(super) fn with_refused(self, refused: Option<Sentence>) -> Self {
        Self { refused, ..self }
    }
}

/// Asks every policy, and tells what each says.
pub(super) fn recommend<'a>(look: &Look<'a>, memory: &mut Memory, account: &mut Account) -> Vec<Verdict<'a>> {
    look.target
        .policies
        .iter()
        .map(|policy| {
            let name = &policy.name;
            let opinion = match &policy.kind {
                PolicyKind::TargetTracking(tracking) => target_tracking::vote(look, name, tracking, memory),
                PolicyKind::StepScaling(steps) => step_scaling::vote(look, name, steps, memory),
                PolicyKind::Queue(queue) => queue::vote(look, name, queue, memory),
                PolicyKind::ServiceLevel(level) => service_level::vote(look, name, level, memory),
            };
            verdict(look, policy, opinion, account)
        })
        .collect()
}

/// Puts the policy's name before its sentences, and the fallback in the place of a vote that is missing.
fn verdict<'a>(
    look: &Look<'_>,
    policy: &'a ScalingPolicy,
    opinion: Opinion,
    account: &mut Account,
) -> Verdict<'a> {
    let on_missing_metrics = policy.on_missing_metrics.unwrap_or(look.target.on_missing_metrics);
    let policy = &policy.name;
    let Opinion { mut vote, mut code, text, refused } = opinion;
    if let Some(refused) = refused {
        account.take(Reason { code: ReasonCode::ValueRefused, text: refused.by(policy.clone()) });
    }
    account.take(Reason { code, text: text.by(policy.clone()) });
    if let (Vote::Blind, OnMissingMetrics::Fallback(fallback)) = (vote, on_missing_metrics) {
        vote = Vote::Wants(look.desired.max(fallback));
        code = ReasonCode::Fallback;
        let text = phrase!(
            "without data it asks for the fallback of {tasks}, and never for fewer than the {desired} there are",
            tasks = tasks(fallback),
            desired = look.desired
        );
        account.take(Reason { code, text: Sentence::new(text).by(policy.clone()) });
    }
    Verdict { policy, vote, code }
}

/// What each policy asked for, for the answer.
pub(super) fn recommendations(verdicts: Vec<Verdict<'_>>) -> Vec<Recommendation> {
    verdicts.into_iter().map(|v| Recommendation { policy: v.policy.clone(), count: v.wanted() }).collect()
}

/// The policies that asked for more than this count: those whose scale-out cooldown a scale-out starts.
pub(super) fn asking_for_more(verdicts: &[Verdict<'_>], than: TaskCount) -> Vec<Name> {
    let asks = |verdict: &&Verdict<'_>| verdict.wanted().is_some_and(|count| than < count);
    verdicts.iter().filter(asks).map(|verdict| verdict.policy.clone()).collect()
}
