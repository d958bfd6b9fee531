//! The settings of a target that can be tuned, and the values to try.

use std::time::Duration;

use crate::config::Setting;
use crate::model::capacity::{TaskCount, tasks_rounded_down};
use crate::model::duration::format_duration;
use crate::model::policy::{PolicyKind, QueueGoal, TargetTracking};
use crate::model::{Capacity, MetricSource, ScalableTarget};

/// A setting that can be tuned.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Knob {
    of: Of,
    /// What it is now.
    pub(super) current: f64,
    /// What is tried, by rising value, where it is no goal.
    listed: Vec<f64>,
    /// The most that is tried, where it is a goal.
    most: f64,
    /// Whether it is a goal, which decides most: values about the best so far are tried, and in the end finer ones.
    pub(super) is_goal: bool,
    /// The place of the goal that it is tried with: what is best for one depends on the other.
    pub(super) beside: Option<usize>,
}

/// What a knob sets. The numbers are those of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Target(usize),
    ScaleOutAfter(usize),
    ScaleInAfter(usize),
    ScaleOutCooldown(usize),
    ScaleInCooldown(usize),
    BacklogPerTask(usize),
    IdleFor(usize),
    Min,
    Stabilization,
}

/// The knobs of a target, those that matter most first.
pub(super) fn knobs(target: &ScalableTarget) -> Vec<Knob> {
    let mut goals = Vec::new();
    let mut others = Vec::new();
    for (index, policy) in target.policies.iter().enumerate() {
        match &policy.kind {
            PolicyKind::TargetTracking(policy) => {
                goals.push(goal(Of::Target(index), policy.target, most(policy)));
                others.extend(pace(index, policy));
            }
            PolicyKind::Queue(policy) => {
                if let QueueGoal::BacklogPerTask(backlog) = policy.goal {
                    goals.push(goal(Of::BacklogPerTask(index), backlog, f64::INFINITY));
                }
                others.push(seconds(Of::IdleFor(index), policy.idle_for, &[60, 300, 900]));
            }
            PolicyKind::ServiceLevel(_) | PolicyKind::StepScaling(_) => {}
        }
    }
    others.push(minimum(target.capacity));
    others.push(seconds(Of::Stabilization, target.behavior.scale_in.stabilization, &[0, 120, 300, 600]));
    for knob in &mut others {
        let goal = goals.iter().position(|goal| goal.policy() == knob.policy()).unwrap_or(0);
        knob.beside = Some(goal).filter(|goal| *goal < goals.len());
    }
    goals.append(&mut others);
    goals
}

/// What of a target cannot be tuned, and why.
pub(super) fn untuned(target: &ScalableTarget) -> Vec<String> {
    let why = |kind: &PolicyKind| match kind {
        PolicyKind::StepScaling(_) => Some("its steps are not searched"),
        PolicyKind::ServiceLevel(_) => Some("it has no settings but its promise, and finds the rest itself"),
        PolicyKind::Queue(policy) => match policy.goal {
            QueueGoal::StartWithin(_) => {
                Some("it has no settings but its promise, and finds the rest itself")
            }
            QueueGoal::BacklogPerTask(_) => None,
        },
        PolicyKind::TargetTracking(_) => None,
    };
    let told = target.policies.iter().filter_map(|policy| Some((&policy.name, why(&policy.kind)?)));
    told.map(|(name, why)| format!("{name} is not tuned: {why}")).collect()
}

fn goal(of: Of, current: f64, most: f64) -> Knob {
    Knob { of, current, listed: Vec::new(), most, is_goal: true, beside: None }
}

/// A utilisation above 95 per cent leaves nothing to be seen of more load.
fn most(policy: &TargetTracking) -> f64 {
    const FULL: f64 = 95.0;
    match &policy.metric.source {
        MetricSource::Stat(stat) if stat.namespace == "AWS/ECS" => FULL.max(policy.target),
        MetricSource::Stat(_) | MetricSource::Math(_) => f64::INFINITY,
    }
}

/// How soon a target tracking policy acts, and how often. Where so many of more points count, they stay as they are.
fn pace(index: usize, policy: &TargetTracking) -> Vec<Knob> {
    let points = |of: Of, after: u32, within: u32, values: &[u32]| {
        (after == within).then(|| plain(of, f64::from(after), values.iter().copied().map(f64::from)))
    };
    let mut knobs = Vec::new();
    let (after, within) = (policy.scale_out_after, policy.scale_out_within);
    knobs.extend(points(Of::ScaleOutAfter(index), after, within, &[1, 2, 3]));
    knobs.push(seconds(Of::ScaleOutCooldown(index), policy.scale_out_cooldown, &[0, 60, 180]));
    if !policy.disable_scale_in {
        let (after, within) = (policy.scale_in_after, policy.scale_in_within);
        knobs.extend(points(Of::ScaleInAfter(index), after, within, &[1, 3, 5, 10, 15]));
        knobs.push(seconds(Of::ScaleInCooldown(index), policy.scale_in_cooldown, &[0, 60, 180, 300]));
    }
    knobs
}

fn seconds(of: Of, current: Duration, values: &[u32]) -> Knob {
    plain(of, current.as_secs_f64(), values.iter().copied().map(f64::from))
}

fn plain(of: Of, current: f64, values: impl Iterator<Item = f64>) -> Knob {
    let listed = rising(current, values);
    Knob { of, current, listed, most: f64::INFINITY, is_goal: false, beside: None }
}

/// A floor of more than one task is often there for a reason that no load shows, so it is never brought below two.
fn minimum(capacity: Capacity) -> Knob {
    let min = f64::from(capacity.min());
    let tried =
        [min.min(2.0), (min / 2.0).ceil().max(min.min(2.0)), min + 1.0, min + 2.0, min * 1.5, min * 2.0];
    let allowed = tried.iter().map(|value| value.ceil()).filter(|value| *value <= f64::from(capacity.max()));
    plain(Of::Min, min, allowed)
}

fn rising(current: f64, values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.chain([current]).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// A figure with the three digits that people write.
fn three_digits(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

impl Knob {
    /// The number of the policy that it is a setting of.
    fn policy(&self) -> Option<usize> {
        match self.of {
            Of::Target(index)
            | Of::ScaleOutAfter(index)
            | Of::ScaleInAfter(index)
            | Of::ScaleOutCooldown(index)
            | Of::ScaleInCooldown(index)
            | Of::BacklogPerTask(index)
            | Of::IdleFor(index) => Some(index),
            Of::Min | Of::Stabilization => None,
        }
    }

    /// What is tried where the best so far is `best`.
    pub(super) fn values(&self, best: f64) -> Vec<f64> {
        const FACTORS: [f64; 10] = [0.4, 0.55, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5, 2.0, 3.0];
        if self.is_goal { self.scaled(best, &FACTORS) } else { self.listed.clone() }
    }

    /// The values near one, and it.
    pub(super) fn near(&self, value: f64) -> Vec<f64> {
        const FACTORS: [f64; 4] = [0.7, 0.85, 1.15, 1.3];
        self.scaled(value, &FACTORS)
    }

    /// A value times these factors, where that is allowed, and it.
    pub(super) fn scaled(&self, value: f64, factors: &[f64]) -> Vec<f64> {
        let values = factors.iter().map(|factor| three_digits(value * factor));
        rising(value, values.filter(|value| *value <= self.most))
    }

    /// The target with this value.
    pub(super) fn set(&self, target: &mut ScalableTarget, value: f64) {
        let duration = || Duration::try_from_secs_f64(value).unwrap_or_default();
        let count = || tasks_rounded_down(value);
        if self.of == Of::Min {
            target.capacity = target.capacity.overlaid(Some(count()), None);
        } else if self.of == Of::Stabilization {
            target.behavior.scale_in.stabilization = duration();
        }
        for (index, policy) in target.policies.iter_mut().enumerate() {
            match &mut policy.kind {
                PolicyKind::TargetTracking(policy) => set_tracking(policy, self.of, index, value),
                PolicyKind::Queue(policy) if self.of == Of::BacklogPerTask(index) => {
                    policy.goal = QueueGoal::BacklogPerTask(value);
                }
                PolicyKind::Queue(policy) if self.of == Of::IdleFor(index) => policy.idle_for = duration(),
                PolicyKind::Queue(_) | PolicyKind::ServiceLevel(_) | PolicyKind::StepScaling(_) => {}
            }
        }
    }

    /// The setting in the policy file.
    pub(super) fn setting(&self, value: f64) -> Setting {
        let tracking =
            |index: usize, key: &str| ["policies", &index.to_string(), "target_tracking", key].join(" ");
        let queue = |index: usize, key: &str| ["policies", &index.to_string(), "queue", key].join(" ");
        let duration = || format_duration(Duration::try_from_secs_f64(value).unwrap_or_default());
        let (keys, value) = match self.of {
            Of::Target(index) => (tracking(index, "target"), value.to_string()),
            Of::ScaleOutAfter(index) => (tracking(index, "scale_out_after"), value.to_string()),
            Of::ScaleInAfter(index) => (tracking(index, "scale_in_after"), value.to_string()),
            Of::ScaleOutCooldown(index) => (tracking(index, "scale_out_cooldown"), duration()),
            Of::ScaleInCooldown(index) => (tracking(index, "scale_in_cooldown"), duration()),
            Of::BacklogPerTask(index) => (queue(index, "backlog_per_task"), value.to_string()),
            Of::IdleFor(index) => (queue(index, "idle_for"), duration()),
            Of::Min => ("capacity min".to_owned(), value.to_string()),
            Of::Stabilization => ("behavior scale_in stabilization".to_owned(), duration()),
        };
        Setting { keys: keys.split(' ').map(str::to_owned).collect(), value }
    }
}

fn set_tracking(policy: &mut TargetTracking, of: Of, at: usize, value: f64) {
    let duration = || Duration::try_from_secs_f64(value).unwrap_or_default();
    let points: TaskCount = tasks_rounded_down(value);
    match of {
        Of::Target(index) if index == at => policy.target = value,
        Of::ScaleOutAfter(index) if index == at => {
            (policy.scale_out_after, policy.scale_out_within) = (points, points);
        }
        Of::ScaleInAfter(index) if index == at => {
            (policy.scale_in_after, policy.scale_in_within) = (points, points);
        }
        Of::ScaleOutCooldown(index) if index == at => policy.scale_out_cooldown = duration(),
        Of::ScaleInCooldown(index) if index == at => policy.scale_in_cooldown = duration(),
        Of::Target(_)
        | Of::ScaleOutAfter(_)
        | Of::ScaleInAfter(_)
        | Of::ScaleOutCooldown(_)
        | Of::ScaleInCooldown(_)
        | Of::BacklogPerTask(_)
        | Of::IdleFor(_)
        | Of::Min
        | Of::Stabilization => {}
    }
}
