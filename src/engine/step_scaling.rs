//! Step scaling: answers an alarm's breach with a step by its size, and goes on while the alarm stays in ALARM.
//!
//! Bounds, rounding, minimum magnitude and cooldown are Application Auto Scaling's:
//! <https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html>.

use super::cooldown;
use super::figures::{number, tasks};
use super::freshness::is_possible_value;
use super::recommend::{Look, Opinion, Vote};
use crate::model::policy::{AdjustmentType, MetricAggregation, StepAdjustment, StepScaling};
use crate::model::{AlarmState, Memory, ReasonCode, TaskCount};

/// The policy's vote.
pub(super) fn vote(look: &Look<'_>, name: &str, policy: &StepScaling, memory: &Memory) -> Opinion {
    let Some(alarm) = look.observation.alarms.get(&policy.alarm) else {
        return Opinion::blind(format!("the alarm {} was not observed", policy.alarm));
    };
    match alarm.state {
        AlarmState::Ok => {
            let text = format!("the alarm {} is OK", policy.alarm);
            Opinion::new(Vote::Neutral, ReasonCode::AlreadyAtDesiredCapacity, text)
        }
        AlarmState::InsufficientData => {
            Opinion::blind(format!("the alarm {} has insufficient data", policy.alarm))
        }
        AlarmState::Alarm => match (alarm.value, alarm.threshold) {
            (Some(value), Some(threshold)) if is_possible_value(value) && threshold.is_finite() => {
                in_alarm(look, name, policy, value, threshold, memory)
            }
            (Some(value), Some(_)) => {
                let refused = format!("{} cannot have the value {value:e}; not observed", policy.alarm);
                Opinion::blind(format!("the alarm {} is in ALARM, but its value is not known", policy.alarm))
                    .with_refused(Some(refused))
            }
            _ => {
                Opinion::blind(format!("the alarm {} is in ALARM, but its value is not known", policy.alarm))
            }
        },
    }
}

fn in_alarm(
    look: &Look<'_>,
    name: &str,
    policy: &StepScaling,
    value: f64,
    threshold: f64,
    memory: &Memory,
) -> Opinion {
    let breach = value - threshold;
    let told = format!(
        "{} is in ALARM at {} of {}, threshold {}, so {} beyond it",
        policy.alarm,
        aggregate(policy.metric_aggregation),
        number(value),
        number(threshold),
        number(breach)
    );
    let Some(step) = step_for(&policy.steps, breach) else {
        let text = format!("{told}; no step adjustment found for it, so the count stays");
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::AlreadyAtDesiredCapacity, text);
    };
    let told = format!("{told}: step {} {}", bounds(step), change(policy, step));
    let scales_out = match policy.adjustment_type {
        AdjustmentType::ExactCapacity => i64::from(look.desired) < i64::from(step.change),
        AdjustmentType::ChangeInCapacity | AdjustmentType::PercentChangeInCapacity => 0 < step.change,
    };
    if scales_out {
        scale_out(look, name, policy, step, memory, &told)
    } else {
        scale_in(look, policy, step, memory, &told)
    }
}

/// Scale-out starts from what runs, so that tasks which are starting count as already there, and from the floor at least.
fn scale_out(
    look: &Look<'_>,
    name: &str,
    policy: &StepScaling,
    step: &StepAdjustment,
    memory: &Memory,
    told: &str,
) -> Opinion {
    let service = &look.observation.service;
    let cooling = cooldown::scale_out(memory, name, policy.cooldown, look.observation.now);
    if let (Some(before), false) = (cooling, policy.adjustment_type == AdjustmentType::ExactCapacity) {
        let needed = adjusted(policy, step, before.from).saturating_sub(before.from);
        let (count, why) = cooldown::less_what_was_added(before, needed, look.desired, policy.cooldown);
        let code = if count == look.desired { ReasonCode::CoolingDown } else { ReasonCode::StepScaling };
        return Opinion::new(Vote::Wants(count), code, format!("{told}; {why}"));
    }
    let base = service.running.min(look.desired).max(look.capacity.min());
    let count = adjusted(policy, step, base);
    if count <= look.desired {
        let text =
            format!("{told}; from {base} that is {count}, and {} desired already", tasks(look.desired));
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::AlreadyAtDesiredCapacity, text);
    }
    Opinion::new(Vote::Wants(count), ReasonCode::StepScaling, format!("{told}; from {base} to {count}"))
}

fn scale_in(
    look: &Look<'_>,
    policy: &StepScaling,
    step: &StepAdjustment,
    memory: &Memory,
    told: &str,
) -> Opinion {
    let count = adjusted(policy, step, look.desired);
    if count == look.desired {
        let text = format!("{told}; {} stay", tasks(count));
        return Opinion::new(Vote::Wants(count), ReasonCode::AlreadyAtDesiredCapacity, text);
    }
    if let Some(why) = cooldown::scale_in(memory, policy.cooldown, look.observation.now) {
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::CoolingDown, format!("{told}; {why}"));
    }
    let text = format!("{told}; from {} to {count}", look.desired);
    Opinion::new(Vote::Wants(count), ReasonCode::StepScaling, text)
}

/// The step for a breach: at or above the threshold the lower bound belongs to the step, below it the upper one does. A
/// value just at the threshold takes either, for the alarm's comparison has decided that it is a breach.
fn step_for(steps: &[StepAdjustment], breach: f64) -> Option<&StepAdjustment> {
    let lower = |step: &StepAdjustment| step.lower.unwrap_or(f64::NEG_INFINITY);
    let upper = |step: &StepAdjustment| step.upper.unwrap_or(f64::INFINITY);
    let above = || steps.iter().find(|step| lower(step) <= breach && breach < upper(step));
    let below = || steps.iter().find(|step| lower(step) < breach && breach <= upper(step));
    if 0.0 < breach {
        above()
    } else if breach < 0.0 {
        below()
    } else {
        above().or_else(below)
    }
}

/// The count after a step, by AAS's rounding: 12.7 is 12, 0.67 is 1, -0.58 is -1, -6.67 is -6.
fn adjusted(policy: &StepScaling, step: &StepAdjustment, base: TaskCount) -> TaskCount {
    let change = i64::from(step.change);
    let count = match policy.adjustment_type {
        AdjustmentType::ExactCapacity => change,
        AdjustmentType::ChangeInCapacity => i64::from(base) + change,
        AdjustmentType::PercentChangeInCapacity => {
            let hundredths = i64::from(base) * change;
            let truncated = hundredths / 100;
            let rounded = if truncated == 0 { hundredths.signum() } else { truncated };
            let least = i64::from(policy.min_adjustment_magnitude);
            i64::from(base) + if rounded.abs() < least { change.signum() * least } else { rounded }
        }
    };
    TaskCount::try_from(count.max(0)).unwrap_or(TaskCount::MAX)
}

fn aggregate(how: MetricAggregation) -> &'static str {
    match how {
        MetricAggregation::Average => "an average",
        MetricAggregation::Minimum => "a minimum",
        MetricAggregation::Maximum => "a maximum",
    }
}

fn bounds(step: &StepAdjustment) -> String {
    let bound = |bound: Option<f64>, none: &str| bound.map_or_else(|| none.to_owned(), number);
    format!("({}, {})", bound(step.lower, "-inf"), bound(step.upper, "+inf"))
}

fn change(policy: &StepScaling, step: &StepAdjustment) -> String {
    match policy.adjustment_type {
        AdjustmentType::ExactCapacity => format!("sets {}", step.change),
        AdjustmentType::ChangeInCapacity => format!("changes by {:+}", step.change),
        AdjustmentType::PercentChangeInCapacity => {
            format!("changes by {:+} %, at least {}", step.change, tasks(policy.min_adjustment_magnitude))
        }
    }
}
