//! Which history a look should bring: the promise policies rehearse on the load of the last days, once a day.

use std::time::Duration;

use jiff::Timestamp;

use super::starts::Delays;
use super::{deadline, service_level};
use crate::model::memory::Rehearsed;
use crate::model::policy::{PolicyKind, QueueGoal, ScalingPolicy};
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
    target.policies.iter().for_each(|policy| LastTry::of(policy, before).forget_later(policy, after));
}

/// The policies that do not want history before a look. Where only the look itself showed that history would help it was not
/// asked for, so it was not missing either.
#[derive(Debug)]
pub(super) struct Unasked<'a>(Vec<(&'a ScalingPolicy, LastTry)>);

impl<'a> Unasked<'a> {
    pub(super) fn of(target: &'a ScalableTarget, before: &Memory, now: Timestamp) -> Self {
        let promises = target.policies.iter().filter(|policy| promises(policy));
        let unasked = promises.filter(|policy| !wants(policy, before, &Delays::of(before), now));
        Self(unasked.map(|policy| (policy, LastTry::of(policy, before))).collect())
    }

    /// Forgets tries without the history that nobody was asked for.
    pub(super) fn forget_tries(self, after: &mut Memory) {
        self.0.into_iter().for_each(|(policy, before)| before.forget_later(policy, after));
    }
}

fn promises(policy: &ScalingPolicy) -> bool {
    match &policy.kind {
        PolicyKind::ServiceLevel(_) => true,
        PolicyKind::Queue(queue) => matches!(queue.goal, QueueGoal::StartWithin(_)),
        PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) => false,
    }
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

/// The last try of a rehearsal, and the last rehearsal.
#[derive(Clone, Copy, Debug)]
struct LastTry {
    tried_at: Option<Timestamp>,
    rehearsed: Option<Rehearsed>,
}

impl LastTry {
    fn of(policy: &ScalingPolicy, memory: &Memory) -> Self {
        let load = match &policy.kind {
            PolicyKind::ServiceLevel(_) => {
                memory.service_levels.get(&policy.name).map(|learned| &learned.load)
            }
            PolicyKind::Queue(_) => memory.queues.get(&policy.name).map(|learned| &learned.load),
            PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) => None,
        };
        Self {
            tried_at: load.and_then(|load| load.tried_at),
            rehearsed: load.and_then(|load| load.rehearsed),
        }
    }

    /// Forgets a later try, where nothing came of it.
    fn forget_later(self, policy: &ScalingPolicy, after: &mut Memory) {
        let load = match &policy.kind {
            PolicyKind::ServiceLevel(_) => {
                after.service_levels.get_mut(&policy.name).map(|learned| &mut learned.load)
            }
            PolicyKind::Queue(_) => after.queues.get_mut(&policy.name).map(|learned| &mut learned.load),
            PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) => None,
        };
        if let Some(load) = load
            && load.rehearsed == self.rehearsed
        {
            load.tried_at = self.tried_at;
        }
    }
}
