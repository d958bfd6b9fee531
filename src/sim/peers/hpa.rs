//! The horizontal pod autoscaler of Kubernetes, v2, with its default behaviour.
//!
//! Sources: <https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/>, and
//! `pkg/controller/podautoscaler/{replica_calculator,horizontal}.go` of <https://github.com/kubernetes/kubernetes>. The metrics
//! server gives a mean of 30 s that is 15 s old.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::TaskCount;
use crate::model::capacity::{tasks_rounded_down, tasks_rounded_up};
use crate::model::policy::{RateAmount, RateLimit, ScalingRules, SelectPolicy};
use crate::sim::Seconds;
use crate::sim::trial::{Scaler, View, utilization};

/// The share by which a metric may leave its target before anything happens.
pub(super) const TOLERANCE: f64 = 0.1;
/// The controller's sync period.
pub(super) const SYNC_S: Seconds = 15;
const METRIC_WINDOW_S: Seconds = 30;
const METRIC_DELAY_S: Seconds = 15;

/// The autoscaler on the utilisation of the processors.
#[derive(Clone, Debug)]
pub struct Hpa {
    target: f64,
    behavior: Behavior,
}

impl Hpa {
    /// Keeps the utilisation at a target, in per cent.
    pub fn new(target: f64) -> Self {
        Self { target, behavior: Behavior::default() }
    }
}

impl Scaler for Hpa {
    fn look_every(&self) -> Seconds {
        SYNC_S
    }

    fn look(&mut self, view: &View<'_>) -> Option<TaskCount> {
        let value = utilization(view.recent(METRIC_WINDOW_S, METRIC_DELAY_S)?)?;
        let status = view.status();
        let pods = Pods { current: status.desired, ready: status.running, unready: status.pending };
        let capacity = view.trial().capacity();
        let recommended = capacity.clamp(recommendation(value / self.target, pods));
        Some(self.behavior.normalized(view.now(), status.desired, recommended))
    }
}

/// The pods of a deployment.
#[derive(Clone, Copy, Debug)]
struct Pods {
    current: TaskCount,
    ready: TaskCount,
    unready: TaskCount,
}

/// `GetResourceReplicas`: the count by the ratio of the metric to its target. Pods that are not ready yet count as idle
/// where the ratio asks for more, and never turn its direction.
fn recommendation(ratio: f64, pods: Pods) -> TaskCount {
    let Pods { current, ready, unready } = pods;
    if unready == 0 || ratio <= 1.0 {
        return if is_tolerated(ratio) { current } else { tasks_rounded_up(ratio * f64::from(ready)) };
    }
    let all = f64::from(ready + unready);
    let ratio = ratio * f64::from(ready) / all;
    if is_tolerated(ratio) || ratio < 1.0 {
        return current;
    }
    tasks_rounded_up(ratio * all).max(current)
}

pub(super) fn is_tolerated(ratio: f64) -> bool {
    (1.0 - TOLERANCE..=1.0 + TOLERANCE).contains(&ratio)
}

/// Stabilisation and rate limits by direction.
#[derive(Clone, Debug)]
pub(super) struct Behavior {
    up: ScalingRules,
    down: ScalingRules,
    /// What was recommended when, before it was stabilised.
    recommendations: VecDeque<(Seconds, TaskCount)>,
    /// What was changed when, by how many.
    changes: VecDeque<(Seconds, i64)>,
}

impl Default for Behavior {
    /// Up by twice the count or four pods in 15 s, whichever is more; down to the greatest recommendation of five minutes.
    fn default() -> Self {
        let limit = |amount| RateLimit { amount, period: Duration::from_secs(15) };
        let rules = |stabilization, policies| ScalingRules {
            tolerance: TOLERANCE,
            stabilization: Duration::from_secs(stabilization),
            select: SelectPolicy::Max,
            policies,
        };
        let percent = limit(RateAmount::Percent(100));
        Self::new(rules(0, vec![percent, limit(RateAmount::Tasks(4))]), rules(300, vec![percent]))
    }
}

impl Behavior {
    fn new(up: ScalingRules, down: ScalingRules) -> Self {
        Self { up, down, recommendations: VecDeque::new(), changes: VecDeque::new() }
    }

    /// The recommendation, stabilised and limited.
    pub(super) fn normalized(
        &mut self,
        now: Seconds,
        current: TaskCount,
        recommended: TaskCount,
    ) -> TaskCount {
        let stabilized = self.stabilized(now, current, recommended);
        let to = self.limited(now, current, stabilized);
        if to != current {
            self.changes.push_back((now, i64::from(to) - i64::from(current)));
        }
        to
    }

    fn stabilized(&mut self, now: Seconds, current: TaskCount, recommended: TaskCount) -> TaskCount {
        let window = self.up.stabilization.max(self.down.stabilization).as_secs();
        self.recommendations.retain(|(at, _)| u64::from(now - at) < window);
        let within = |rules: &ScalingRules| {
            let window = rules.stabilization.as_secs();
            let recent = self.recommendations.iter().filter(move |(at, _)| u64::from(now - at) < window);
            recent.map(|(_, count)| *count)
        };
        let least = within(&self.up).fold(recommended, TaskCount::min);
        let most = within(&self.down).fold(recommended, TaskCount::max);
        self.recommendations.push_back((now, recommended));
        current.max(least).min(most)
    }

    fn limited(&mut self, now: Seconds, current: TaskCount, wanted: TaskCount) -> TaskCount {
        const LONGEST_PERIOD_S: Seconds = 1800;
        self.changes.retain(|(at, _)| now - at < LONGEST_PERIOD_S);
        let start = |limit: &RateLimit| {
            let recent = self.changes.iter().filter(|(at, _)| u64::from(now - at) < limit.period.as_secs());
            let since = recent.map(|(_, change)| change).sum::<i64>();
            f64::from(TaskCount::try_from((i64::from(current) - since).max(0)).unwrap_or(current))
        };
        if current < wanted {
            let most = |limit: &RateLimit| match limit.amount {
                RateAmount::Tasks(tasks) => tasks_rounded_up(start(limit) + f64::from(tasks)),
                RateAmount::Percent(percent) => {
                    tasks_rounded_up(start(limit) * (1.0 + f64::from(percent) / 100.0))
                }
            };
            let most = self.up.policies.iter().map(most).max().unwrap_or(wanted);
            wanted.min(most).max(current)
        } else {
            let least = |limit: &RateLimit| match limit.amount {
                RateAmount::Tasks(tasks) => tasks_rounded_down((start(limit) - f64::from(tasks)).max(0.0)),
                RateAmount::Percent(percent) => {
                    tasks_rounded_down(start(limit) * (1.0 - f64::from(percent) / 100.0).max(0.0))
                }
            };
            let least = self.down.policies.iter().map(least).min().unwrap_or(wanted);
            wanted.max(least).min(current)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recommendation_follows_the_ratio_and_what_is_ready() {
        for (case, ratio, current, ready, unready, to) in [
            ("twice the target", 2.0, 4, 4, 0, 8),
            ("half the target", 0.5, 4, 4, 0, 2),
            ("a little over", 1.1, 10, 10, 0, 10),
            ("more than a little over", 1.11, 10, 10, 0, 12),
            ("a little under", 0.91, 10, 10, 0, 10),
            ("those that start count as idle", 2.0, 6, 4, 2, 8),
            ("which may be within the tolerance", 1.5, 6, 4, 2, 6),
            ("and never turn the direction", 1.2, 8, 4, 4, 8),
            ("under the target only what is ready counts", 0.5, 6, 4, 2, 2),
        ] {
            assert_eq!(recommendation(ratio, Pods { current, ready, unready }), to, "{case}");
        }
    }

    #[test]
    fn up_at_most_twice_or_by_four_in_fifteen_seconds() {
        let mut behavior = Behavior::default();
        let mut counts = vec![1];
        for step in 1..6 {
            let current = counts[counts.len() - 1];
            counts.push(behavior.normalized(step * SYNC_S, current, 100));
        }
        assert_eq!(counts, [1, 5, 10, 20, 40, 80]);
    }

    #[test]
    fn down_only_to_the_greatest_recommendation_of_five_minutes() {
        let mut behavior = Behavior::default();
        assert_eq!(behavior.normalized(0, 10, 8), 8);
        assert_eq!(behavior.normalized(15, 8, 3), 8, "8 was recommended 15 s ago");
        assert_eq!(behavior.normalized(285, 8, 2), 8);
        assert_eq!(behavior.normalized(300, 8, 2), 3);
        assert_eq!(behavior.normalized(600, 3, 2), 2);
    }

    #[test]
    fn ten_per_cent_a_minute_brings_80_to_72_and_64() {
        let limit = RateLimit { amount: RateAmount::Percent(10), period: Duration::from_secs(60) };
        let up = Behavior::default().up;
        let down = ScalingRules { stabilization: Duration::ZERO, policies: vec![limit], ..up.clone() };
        let mut behavior = Behavior::new(up, down);
        assert_eq!(behavior.normalized(0, 80, 10), 72, "7.2 that may go count as 8");
        assert_eq!(behavior.normalized(30, 72, 10), 72);
        assert_eq!(behavior.normalized(60, 72, 10), 64);
    }
}
