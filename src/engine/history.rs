//! Which history a look should bring: the promise policies rehearse on the load of the last days, once a day.

use std::time::Duration;

use jiff::Timestamp;

use super::starts::Delays;
use super::{deadline, service_level};
use crate::model::policy::{PolicyKind, ScalingPolicy};
use crate::model::{Memory, Metric, ScalableTarget};

/// How much of it: what CloudWatch keeps of one-minute points is 15 days, and 14 are two of every weekday.
pub const HISTORY: Duration = Duration::from_secs(14 * 86_400);

/// The metrics of which the next look should bring [`HISTORY`]. A look without it decides too, more plainly; it is asked for
/// again an hour later.
pub fn wanted_history<'a>(target: &'a ScalableTarget, memory: &Memory, now: Timestamp) -> Vec<&'a Metric> {
    let delays = Delays::of(memory);
    let wanted = |policy: &'a ScalingPolicy| -> Vec<&'a Metric> {
        match &policy.kind {
            PolicyKind::ServiceLevel(level) => {
                let learned = memory.service_levels.get(&policy.name);
                let wants = learned.is_some_and(|learned| service_level::wants_history(learned, now));
                wants.then_some(&level.requests).into_iter().collect()
            }
            PolicyKind::Queue(queue) => {
                let learned = memory.queues.get(&policy.name);
                let wants =
                    learned.is_some_and(|learned| deadline::wants_history(queue, learned, &delays, now));
                queue.queues.iter().filter(|_| wants).map(|queue| &queue.sent).collect()
            }
            PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) => Vec::new(),
        }
    };
    target.policies.iter().flat_map(wanted).collect()
}
