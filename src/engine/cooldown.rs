//! Cooldowns as Application Auto Scaling defines them.
//!
//! In a scale-out cooldown a larger need still goes through, less what was already added; a scale-in cooldown blocks scale-in
//! only, and a scale-out ends it. Source: `TargetTrackingScalingPolicyConfiguration` and `StepScalingPolicyConfiguration` of
//! the Application Auto Scaling API.

use std::time::Duration;

use jiff::Timestamp;

use super::figures::{span, tasks, time};
use crate::model::TaskCount;
use crate::model::duration::elapsed;
use crate::model::memory::{CountChange, Memory};
use crate::model::sentence::{Phrase, phrase};

/// The policy's last scale-out, while its cooldown lasts.
pub(super) fn scale_out(
    memory: &Memory,
    policy: &str,
    cooldown: Duration,
    now: Timestamp,
) -> Option<CountChange> {
    memory.scale_outs.get(policy).copied().filter(|change| elapsed(change.at, now) < cooldown)
}

/// The sentence that tells why scale-in waits, while the cooldown of the last scale-in lasts.
pub(super) fn scale_in(memory: &Memory, cooldown: Duration, now: Timestamp) -> Option<impl Phrase> {
    let last = memory.changes.last().filter(|change| change.to < change.from)?;
    (elapsed(last.at, now) < cooldown).then(|| {
        phrase!(
            "the scale-in cooldown of {cooldown} after {from} to {to} at {at} still runs",
            cooldown = span(cooldown),
            from = last.from,
            to = last.to,
            at = time(last.at)
        )
    })
}

/// What is left of a need within a scale-out cooldown: `needed` more tasks than when it began, less those already added.
pub(super) fn less_what_was_added(
    change: CountChange,
    needed: TaskCount,
    desired: TaskCount,
    cooldown: Duration,
) -> (TaskCount, impl Phrase) {
    let added = change.to.saturating_sub(change.from);
    let more = needed.saturating_sub(added);
    let text = phrase!(
        "in the scale-out cooldown of {cooldown} since {since} only a need of more than the {tasks} then added goes through: {needed} less {added} is {more}",
        cooldown = span(cooldown),
        since = time(change.at),
        tasks = tasks(added)
    );
    (desired.saturating_add(more), text)
}
