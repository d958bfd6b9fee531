//! Looks inside the minute. After a tick's look at everything, the services that gain by it are looked at again and again until
//! the next tick is near: those whose signals are newer than a minute, as the depth of a queue is.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use jiff::Timestamp;

use crate::model::policy::PolicyKind;
use crate::model::target::Mode;
use crate::model::{Change, ScalableTarget};

use super::answer::{Answer, AnswerError, ServiceDecision};
use super::ports::Clock;

/// The looks of a tick end so long after it began, so that two ticks do not overlap. Two that do are harmless: what each
/// remembers is under a version check.
pub const LOOKS_END: Duration = Duration::from_secs(55);
/// What is left between the last look and the moment at which the invocation is ended: time to answer.
pub(super) const TO_ANSWER: Duration = Duration::from_secs(2);
/// A metric of a shorter period has news within a minute.
pub(super) const A_MINUTE: Duration = Duration::from_secs(60);

/// What one trigger led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watch {
    /// The decisions and errors of all looks: each change, and each service's last hold.
    pub answer: Answer,
    /// How many looks there were: one, and those inside the minute.
    pub looks: u32,
    /// How long was waited between them.
    pub waited: Duration,
}

impl From<Answer> for Watch {
    /// One look.
    fn from(answer: Answer) -> Self {
        Self { answer, looks: 1, waited: Duration::ZERO }
    }
}

/// When a tick's later looks are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    began: Timestamp,
    every: Duration,
    end: Timestamp,
}

impl Pace {
    /// Looks every so often from the tick's beginning on, all of them done before the deadline and before the next tick.
    pub(super) fn new(began: Timestamp, every: Duration, deadline: Timestamp) -> Self {
        let before_deadline = deadline.saturating_sub(TO_ANSWER).unwrap_or(began);
        let before_tick = began.saturating_add(LOOKS_END).unwrap_or(began);
        Self { began, every, end: before_deadline.min(before_tick) }
    }

    /// The times of the looks after the first, as far as a look of no length could be done.
    pub(super) fn times(self) -> impl Iterator<Item = Timestamp> {
        let time = move |number: u32| self.began.saturating_add(self.every.saturating_mul(number)).ok();
        // The count is bounded as well, so that no clock and no interval lets a tick look for ever.
        (1..=60).map_while(time).take_while(move |time| self.began < *time && *time <= self.end)
    }

    /// When a look that is under way is given up.
    pub(super) fn end(self) -> Timestamp {
        self.end
    }

    /// Whether a look that begins at `time` is done in time if it takes as long as the last one took.
    pub(super) fn allows(self, time: Timestamp, lasts: Duration) -> bool {
        time.saturating_add(lasts).is_ok_and(|done| done <= self.end)
    }
}

/// The look, unless the time for it ends before it does. One that is given up is as one that a crash ended: what it remembered and
/// did not do is healed by the next.
pub(super) async fn in_time<T>(
    look: impl Future<Output = T>,
    clock: &dyn Clock,
    time: Duration,
) -> Option<T> {
    match select(pin!(look), clock.sleep(time)).await {
        Either::Left((found, _)) => Some(found),
        Either::Right(_) => None,
    }
}

/// What the answer says of a look that was given up.
pub(super) fn given_up() -> AnswerError {
    let error = "a look inside the minute took too long and was given up; the next tick looks again";
    AnswerError::world(None, error)
}

/// Whether a look within a minute after another can see anything new of the target.
pub(super) fn gains(target: &ScalableTarget) -> bool {
    let has_news = |kind: &PolicyKind| match kind {
        PolicyKind::Queue(_) => true,
        PolicyKind::TargetTracking(tracking) => tracking.metric.period < A_MINUTE,
        PolicyKind::ServiceLevel(level) => level.requests.period < A_MINUTE || level.within.period < A_MINUTE,
        PolicyKind::StepScaling(_) => false, // its alarm tells by itself when it changes
    };
    target.mode != Mode::Paused && target.policies.iter().any(|policy| has_news(&policy.kind))
}

/// Adds a later look: every change is told, and of what holds or says the same the last alone.
pub(super) fn add(answer: &mut Answer, later: &Answer) {
    for decision in &later.decisions {
        let last = answer.decisions.iter_mut().rev().find(|earlier| earlier.service == decision.service);
        match last.filter(|last| is_superseded(last, decision)) {
            Some(last) => *last = decision.clone(),
            None => answer.decisions.push(decision.clone()),
        }
    }
    answer.errors.extend(later.errors.iter().cloned());
}

fn is_superseded(earlier: &ServiceDecision, later: &ServiceDecision) -> bool {
    let is_same = (earlier.from, earlier.to) == (later.from, later.to);
    earlier.change == Change::Hold || is_same && !earlier.applied
}
