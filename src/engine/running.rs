//! How many tasks made a metric's value. A utilisation is a mean over the tasks that ran in its period; to multiply it by the
//! tasks that run a minute later would count a scale-out twice.

use std::time::Duration;

use jiff::Timestamp;

use super::recommend::Look;
use crate::model::duration::earlier;
use crate::model::memory::{Memory, RunningSpan};
use crate::model::policy::PolicyKind;
use crate::model::{Observation, ScalableTarget, TaskCount};

/// How long a point may take until it is seen, with a look that was missed.
const POINT_DELAY: Duration = Duration::from_secs(600);
/// No history is kept for longer.
const LONGEST_KEPT: Duration = Duration::from_secs(86_400);
/// No more spans than this are kept; a count that changes faster is read as it is now.
const MOST_SPANS: usize = 64;

/// Adds the look to the history of the running count.
pub(super) fn remember(target: &ScalableTarget, observation: &Observation, memory: &mut Memory) {
    let (now, running) = (observation.now, observation.service.running);
    match memory.running.last_mut() {
        Some(span) if span.running == running => span.until = span.until.max(now),
        _ => memory.running.push(RunningSpan { since: now, until: now, running }),
    }
    let oldest = earlier(now, kept(target));
    let surplus = memory.running.len().saturating_sub(MOST_SPANS);
    let mut place = 0;
    memory.running.retain(|span| {
        place += 1;
        surplus < place && oldest <= span.until
    });
}

/// How far back a policy can look: the oldest point of a scale-in, with its delay.
fn kept(target: &ScalableTarget) -> Duration {
    let reach = target.policies.iter().map(|policy| match &policy.kind {
        PolicyKind::TargetTracking(tracking) => tracking.metric.period * tracking.scale_in_after,
        PolicyKind::StepScaling(_) | PolicyKind::Queue(_) | PolicyKind::ServiceLevel(_) => Duration::ZERO,
    });
    (reach.max().unwrap_or_default() + target.warm_up + POINT_DELAY).min(LONGEST_KEPT)
}

/// The tasks that ran at the end of a period: those seen by the first look after it.
pub(super) fn at(look: &Look<'_>, spans: &[RunningSpan], end: Timestamp) -> TaskCount {
    let seen = spans.iter().find(|span| end <= span.until);
    let running = seen.map_or(look.observation.service.running, |span| span.running);
    during_deployment(look, running)
}

/// The tasks that ran at the end of a period and had done so for the warm-up.
pub(super) fn warm_at(
    look: &Look<'_>,
    spans: &[RunningSpan],
    end: Timestamp,
    warm_up: Duration,
) -> TaskCount {
    let running = at(look, spans, end);
    if warm_up.is_zero() {
        return running;
    }
    let since = earlier(end, warm_up);
    let warm = spans.iter().filter(|span| since <= span.until && span.since <= end);
    warm.map(|span| span.running).min().map_or(running, |warm| warm.min(running))
}

/// A rolling deployment runs old and new tasks side by side; the surplus is not capacity that was asked for.
fn during_deployment(look: &Look<'_>, running: TaskCount) -> TaskCount {
    let service = &look.observation.service;
    if service.deploying { running.min(service.desired) } else { running }
}
