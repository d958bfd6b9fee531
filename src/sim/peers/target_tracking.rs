//! Application Auto Scaling's target tracking for ECS.
//!
//! A high alarm (three points of three over the target) scales out in proportion to the metric, a low alarm (fifteen of
//! fifteen under nine tenths of it) scales in, rounding towards more capacity; while an alarm stays, its action is run again.
//! Sources: <https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html>,
//! <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html>; the
//! alarms' points are those that its users see (<https://github.com/aws/containers-roadmap/issues/1208>). Open in them and
//! chosen here: scale-in ("gradual") follows the greatest of the low alarm's points, and with a backlog, which is nothing while
//! the tasks suffice, takes a tenth of the tasks at most; the scale-out cooldown is 60 s, not the default of 300 s, as most
//! users set it; with a utilisation, which says nothing at zero, one task is kept.

use std::collections::VecDeque;

use crate::model::TaskCount;
use crate::model::capacity::tasks_rounded_up;
use crate::sim::Seconds;
use crate::sim::number::real;
use crate::sim::service::Step;
use crate::sim::trial::{Periods, Scaler, View, utilization};

/// Points over the target before a scale-out.
const OUT_AFTER: usize = 3;
/// Points under the low alarm's threshold before a scale-in.
const IN_AFTER: usize = 15;
/// The low alarm's threshold, as a share of the target.
const LOW: f64 = 0.9;
const OUT_COOLDOWN_S: Seconds = 60;
const IN_COOLDOWN_S: Seconds = 300;

/// Target tracking of one metric.
#[derive(Clone, Debug)]
pub struct TargetTracking {
    metric: Metric,
    target: f64,
    periods: Periods,
    rule: Rule,
}

#[derive(Clone, Copy, Debug)]
enum Metric {
    Utilization,
    BacklogPerTask,
}

impl TargetTracking {
    /// Keeps `ECSServiceAverageCPUUtilization` at a target, in per cent.
    pub fn utilization(target: f64) -> Self {
        Self::new(Metric::Utilization, target, Periods::minutes())
    }

    /// The same on the metric of twenty seconds,
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/target-tracking-faster-auto-scaling.html>.
    pub fn high_resolution(target: f64) -> Self {
        Self::new(Metric::Utilization, target, Periods::high_resolution())
    }

    /// Keeps the messages that wait for each task at a target, as
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html> shows. Without a task they are divided
    /// by one, as AWS Copilot does it; the plain ratio would have no value and never leave zero.
    pub fn backlog_per_task(target: f64) -> Self {
        Self::new(Metric::BacklogPerTask, target, Periods::minutes())
    }

    fn new(metric: Metric, target: f64, periods: Periods) -> Self {
        let gradual = matches!(metric, Metric::BacklogPerTask);
        Self { metric, target, periods, rule: Rule { gradual, ..Rule::default() } }
    }

    fn value(&self, steps: &[Step]) -> Option<f64> {
        match self.metric {
            Metric::Utilization => utilization(steps),
            Metric::BacklogPerTask => {
                let count = real(steps.len() as u64);
                let mean = |of: fn(&Step) -> f64| steps.iter().map(of).sum::<f64>() / count;
                Some(mean(|step| step.backlog) / mean(|step| f64::from(step.running)).max(1.0))
            }
        }
    }
}

impl Scaler for TargetTracking {
    fn look_every(&self) -> Seconds {
        self.periods.length_s()
    }

    fn look(&mut self, view: &View<'_>) -> Option<TaskCount> {
        while let Some(steps) = self.periods.next(view) {
            let value = self.value(steps);
            self.rule.see(value);
        }
        let status = view.status();
        let counts = Counts { desired: status.desired, running: status.running };
        match self.metric {
            Metric::Utilization if counts.desired == 0 => Some(1),
            Metric::Utilization => self.rule.act(view.now(), counts, self.target).map(|to| to.max(1)),
            Metric::BacklogPerTask => self.rule.act(view.now(), counts, self.target),
        }
    }
}

/// The counts that a rule starts from.
#[derive(Clone, Copy, Debug)]
struct Counts {
    desired: TaskCount,
    running: TaskCount,
}

/// The alarms with their points, and the cooldowns.
#[derive(Clone, Debug, Default)]
struct Rule {
    /// The newest points; none where the metric had no value.
    points: VecDeque<Option<f64>>,
    last_out: Option<ScaleOut>,
    last_in: Option<Seconds>,
    /// A scale-in takes a tenth of the tasks at most, and one at least.
    gradual: bool,
}

/// A scale-out whose cooldown may last.
#[derive(Clone, Copy, Debug)]
struct ScaleOut {
    at: Seconds,
    added: TaskCount,
}

impl Rule {
    fn see(&mut self, value: Option<f64>) {
        self.points.push_back(value);
        if IN_AFTER < self.points.len() {
            self.points.pop_front();
        }
    }

    /// The newest points, if there are so many and all of them hold.
    fn newest(&self, count: usize, holds: impl Fn(f64) -> bool) -> Option<Vec<f64>> {
        let newest: Vec<f64> = self.points.iter().rev().take(count).copied().collect::<Option<_>>()?;
        (newest.len() == count && newest.iter().all(|value| holds(*value))).then_some(newest)
    }

    fn act(&mut self, now: Seconds, counts: Counts, target: f64) -> Option<TaskCount> {
        if counts.desired == 0 {
            // From zero it takes one point that shows demand, and the smallest possible amount.
            return self.newest(1, |value| 0.0 < value).map(|_| 1);
        }
        if let Some(points) = self.newest(OUT_AFTER, |value| target < value) {
            return self.scale_out(now, counts, points.first()? / target);
        }
        let points = self.newest(IN_AFTER, |value| value < LOW * target)?;
        self.scale_in(now, counts, points.into_iter().fold(0.0, f64::max) / target)
    }

    /// Out in proportion, from what runs. In the cooldown what was added counts towards the next.
    fn scale_out(&mut self, now: Seconds, counts: Counts, ratio: f64) -> Option<TaskCount> {
        let Counts { desired, running } = counts;
        let wanted = tasks_rounded_up(f64::from(running) * ratio);
        let cooling = self.last_out.filter(|out| now - out.at < OUT_COOLDOWN_S);
        let to = match cooling {
            Some(out) => desired + wanted.saturating_sub(running).saturating_sub(out.added),
            None => wanted,
        };
        if to <= desired {
            return None;
        }
        let earlier = cooling.map_or(0, |out| out.added);
        self.last_out = Some(ScaleOut { at: now, added: earlier + to - desired });
        self.last_in = None;
        Some(to)
    }

    /// In as far as the metric stays at its target; no further, which AAS calls anticipated flapping.
    fn scale_in(&mut self, now: Seconds, counts: Counts, ratio: f64) -> Option<TaskCount> {
        if self.last_in.is_some_and(|at| now - at < IN_COOLDOWN_S) {
            return None;
        }
        let mut to = tasks_rounded_up(f64::from(counts.running) * ratio);
        if self.gradual {
            to = to.max(counts.desired - (counts.desired / 10).max(1));
        }
        if counts.desired <= to {
            return None;
        }
        self.last_in = Some(now);
        Some(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(points: &[f64]) -> Rule {
        let mut rule = Rule::default();
        for value in points {
            rule.see(Some(*value));
        }
        rule
    }

    fn steady(count: TaskCount) -> Counts {
        Counts { desired: count, running: count }
    }

    #[test]
    fn a_count_follows_from_the_points_of_both_alarms() {
        let low = |value: f64| vec![value; IN_AFTER];
        for (case, points, count, target, to) in [
            ("1500 messages for 10 tasks, 100 a task", vec![150.0; 3], 10, 100.0, Some(15)),
            ("three points over", vec![71.0, 80.0, 71.2], 4, 60.0, Some(5)),
            ("two points over", vec![59.0, 80.0, 80.0], 4, 60.0, None),
            ("just at the target", vec![60.0; 3], 4, 60.0, None),
            ("fifteen points under", low(30.0), 10, 60.0, Some(5)),
            ("fourteen points under", low(30.0)[1..].to_vec(), 10, 60.0, None),
            ("within ten per cent of the target", low(55.0), 10, 60.0, None),
            ("one task fewer would be over the target", low(53.0), 2, 60.0, None),
            ("nothing to do, and min is the trial's", low(0.0), 3, 60.0, Some(0)),
            ("from zero", vec![7.0], 0, 60.0, Some(1)),
            ("nothing at zero", vec![0.0], 0, 60.0, None),
        ] {
            assert_eq!(after(&points).act(0, steady(count), target), to, "{case}");
        }
        let mut gap = after(&[80.0, 80.0]);
        gap.see(None);
        assert_eq!(gap.act(0, steady(4), 60.0), None, "a point is missing");
    }

    #[test]
    fn tasks_that_start_are_not_asked_for_twice() {
        let starting = Counts { desired: 6, running: 4 };
        assert_eq!(after(&[90.0; 3]).act(0, starting, 60.0), None);
    }

    #[test]
    fn in_the_scale_out_cooldown_only_a_larger_need_goes_through_less_what_was_added() {
        let mut rule = after(&[90.0; 3]);
        assert_eq!(rule.act(0, steady(4), 60.0), Some(6));
        rule.see(Some(120.0));
        assert_eq!(rule.act(20, Counts { desired: 6, running: 4 }, 60.0), Some(8));
        assert_eq!(rule.act(40, Counts { desired: 8, running: 4 }, 60.0), None);
    }

    #[test]
    fn without_a_backlog_a_tenth_of_the_tasks_goes_and_one_at_least() {
        for (count, to) in [(30, 27), (8, 7), (1, 0)] {
            let mut rule = Rule { gradual: true, ..after(&[0.0; IN_AFTER]) };
            assert_eq!(rule.act(0, steady(count), 60.0), Some(to), "{count} tasks");
        }
    }

    #[test]
    fn the_scale_in_cooldown_blocks_scale_in_and_a_scale_out_ends_it() {
        let mut rule = after(&[30.0; IN_AFTER]);
        assert_eq!(rule.act(0, steady(8), 60.0), Some(4));
        assert_eq!(rule.act(240, steady(4), 60.0), None);
        assert_eq!(rule.clone().act(300, steady(4), 60.0), Some(2));
        (0..3).for_each(|_| rule.see(Some(90.0)));
        assert_eq!(rule.act(240, steady(4), 60.0), Some(6));
        (0..IN_AFTER).for_each(|_| rule.see(Some(30.0)));
        assert_eq!(rule.act(250, steady(6), 60.0), Some(3));
    }
}
