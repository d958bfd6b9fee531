//! Which history a look should bring: the promise policies rehearse on the load of the last days, once a day.

use std::time::Duration;

use jiff::Timestamp;

use super::starts::Delays;
use super::{deadline, service_level};
use crate::model::memory::LoadMemory;
use crate::model::policy::{PolicyKind, ScalingPolicy};
use crate::model::{Memory, Metric, ScalableTarget};

/// How much of it: what CloudWatch keeps of one-minute points is 15 days, and 14 are two of every weekday.
pub const HISTORY: Duration = Duration::from_secs(14 * 86_400);

/// The metrics of which the next look should bring [`HISTORY`]. A look without it decides too, more plainly; it is asked for
/// again an hour later.
pub fn wanted_history<'a>(target: &'a ScalableTarget, memory: &Memory, now: Timestamp) -> Vec<&'a Metric> {
    let delays = Delays::of(memory);
    let wanting = target.policies.iter().filter(|policy| wants(policy, memory, &delays, now));
    wanting.flat_map(ScalingPolicy::history_metrics).collect()
}

/// After a look that could not bring the history that `before` wanted: the next look is asked for it, not one in an hour.
pub fn put_off_history(target: &ScalableTarget, before: &Memory, after: &mut Memory) {
    target.policies.iter().for_each(|policy| forget_try(policy, before, after));
}

/// Where only the look itself showed that history would help it was not asked for, so it was not missing either.
pub(super) fn forget_unasked(target: &ScalableTarget, before: &Memory, now: Timestamp, after: &mut Memory) {
    let delays = Delays::of(before);
    let unasked = target.policies.iter().filter(|policy| !wants(policy, before, &delays, now));
    unasked.for_each(|policy| forget_try(policy, before, after));
}

fn wants(policy: &ScalingPolicy, memory: &Memory, delays: &Delays, now: Timestamp) -> bool {
    match &policy.kind {
        PolicyKind::ServiceLevel(_) => {
            let learned = memory.service_levels.get(&policy.name);
            learned.is_some_and(|learned| service_level::wants_history(learned, now))
        }
        PolicyKind::Queue(queue) => {
            let learned = memory.queues.get(&policy.name);
            learned.is_some_and(|learned| deadline::wants_history(queue, learned, delays, now))
        }
        PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) => false,
    }
}

fn forget_try(policy: &ScalingPolicy, before: &Memory, after: &mut Memory) {
    let name = &policy.name;
    let (tried, load) = match &policy.kind {
        PolicyKind::ServiceLevel(_) => (
            before.service_levels.get(name).map(|learned| &learned.load),
            after.service_levels.get_mut(name).map(|learned| &mut learned.load),
        ),
        PolicyKind::Queue(_) => (
            before.queues.get(name).map(|learned| &learned.load),
            after.queues.get_mut(name).map(|learned| &mut learned.load),
        ),
        PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) => return,
    };
    let rehearsed = |load: Option<&LoadMemory>| load.and_then(|load| load.rehearsed);
    if let Some(load) = load
        && load.rehearsed == rehearsed(tried)
    {
        load.tried_at = tried.and_then(|tried| tried.tried_at);
    }
}
