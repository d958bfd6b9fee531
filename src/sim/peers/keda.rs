//! KEDA's scaler for SQS: the queue's messages a task through the horizontal pod autoscaler, and KEDA itself to and from zero.
//!
//! Messages are those that wait and those in flight; `ceil(messages / queueLength)`; active with more than none. Sources:
//! <https://keda.sh/docs/2.21/scalers/aws-sqs/>, <https://keda.sh/docs/2.21/concepts/scaling-deployments/>,
//! <https://keda.sh/docs/2.21/reference/scaledobject-spec/>.

use super::hpa::{Behavior, SYNC_S, is_tolerated};
use crate::model::TaskCount;
use crate::model::capacity::tasks_rounded_up;
use crate::sim::Seconds;
use crate::sim::number::real;
use crate::sim::trial::{Scaler, View};

/// KEDA's `pollingInterval`: from zero it looks this often.
const POLLING_S: Seconds = 30;
/// KEDA's `cooldownPeriod`: so long after the last message the last task goes.
const COOLDOWN_S: Seconds = 300;

/// The scaler with its defaults.
#[derive(Clone, Debug)]
pub struct Keda {
    queue_length: f64,
    behavior: Behavior,
    active_at: Seconds,
}

impl Keda {
    /// So many messages a task: KEDA's `queueLength`.
    pub fn new(queue_length: f64) -> Self {
        Self { queue_length, behavior: Behavior::default(), active_at: 0 }
    }

    fn wanted(&mut self, now: Seconds, current: TaskCount, messages: u64) -> Option<TaskCount> {
        if now.is_multiple_of(POLLING_S) {
            if 0 < messages {
                self.active_at = now;
            }
            if current == 0 {
                return (0 < messages).then_some(1);
            }
            if COOLDOWN_S <= now - self.active_at {
                return Some(0);
            }
        }
        if current == 0 {
            return None;
        }
        Some(self.behavior.normalized(
            now,
            current,
            recommendation(real(messages) / self.queue_length, current),
        ))
    }
}

/// The autoscaler's `AverageValue` of an external metric: the tasks that its total asks for.
fn recommendation(tasks: f64, current: TaskCount) -> TaskCount {
    if is_tolerated(tasks / f64::from(current)) { current } else { tasks_rounded_up(tasks).max(1) }
}

impl Scaler for Keda {
    fn look_every(&self) -> Seconds {
        SYNC_S
    }

    fn look(&mut self, view: &View<'_>) -> Option<TaskCount> {
        let depth = view.depth()?;
        let messages = depth.visible + depth.in_flight.unwrap_or(0);
        self.wanted(view.now(), view.status().desired, messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_follows_the_messages_to_and_from_zero() {
        let mut keda = Keda::new(5.0);
        for (now, current, messages, to) in [
            (0, 0, 0, None),
            (15, 0, 7, None),
            (30, 0, 7, Some(1)),
            (45, 1, 7, Some(2)),
            (60, 2, 12, Some(3)),
            (75, 3, 16, Some(3)),
            (90, 3, 0, Some(3)),
            (345, 3, 0, Some(3)),
            (360, 3, 0, Some(0)),
        ] {
            assert_eq!(keda.wanted(now, current, messages), to, "at {now} s");
        }
    }

    #[test]
    fn the_autoscaler_keeps_one_task_until_the_cooldown_ends() {
        let mut keda = Keda::new(5.0);
        assert_eq!(keda.wanted(0, 2, 10), Some(2));
        let counts: Vec<_> = (1..21).map(|sync| keda.wanted(sync * SYNC_S, 2, 0)).collect();
        assert!(counts[..19].iter().all(|count| *count != Some(0)), "{counts:?}");
        assert_eq!(counts[19], Some(0));
    }
}
