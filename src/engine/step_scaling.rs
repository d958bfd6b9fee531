//! Step scaling: answers an alarm's breach with a step by its size, and goes on while the alarm stays in ALARM.
//!
//! Bounds, rounding, minimum magnitude and cooldown are Application Auto Scaling's:
//! <https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html>.

use std::fmt;

use super::cooldown;
use super::figures::{number, tasks};
use super::freshness::is_possible_value;
use super::recommend::{Look, Opinion, Vote};
use crate::model::policy::{AdjustmentType, MetricAggregation, StepAdjustment, StepScaling};
use crate::model::sentence::{Phrase, phrase};
use crate::model::{AlarmState, Memory, Name, ReasonCode, Sentence, TaskCount};

/// The policy's vote.
pub(super) fn vote(look: &Look<'_>, name: &Name, policy: &StepScaling, memory: &Memory) -> Opinion {
    let Some(alarm) = look.observation.alarms.get(&policy.alarm) else {
        return Opinion::blind(phrase!("the alarm {alarm} was not observed", alarm = policy.alarm.clone()));
    };
    let named = || policy.alarm.clone();
    let unknown = || {
        Opinion::blind(phrase!("the alarm {alarm} is in ALARM, but its value is not known", alarm = named()))
    };
    match alarm.state {
        AlarmState::Ok => {
            let text = phrase!("the alarm {alarm} is OK", alarm = named());
            Opinion::new(Vote::Neutral, ReasonCode::AlreadyAtDesiredCapacity, text)
        }
        AlarmState::InsufficientData => {
            Opinion::blind(phrase!("the alarm {alarm} has insufficient data", alarm = named()))
        }
        AlarmState::Alarm => match (alarm.value, alarm.threshold) {
            (Some(value), Some(threshold)) if is_possible_value(value) && threshold.is_finite() => {
                in_alarm(look, name, policy, value, threshold, memory)
            }
            (Some(value), Some(_)) => {
                let refused =
                    phrase!("{alarm} cannot have the value {value:e}; not observed", alarm = named());
                unknown().with_refused(Some(Sentence::new(refused)))
            }
            _ => unknown(),
        },
    }
}

fn in_alarm(
    look: &Look<'_>,
    name: &Name,
    policy: &StepScaling,
    value: f64,
    threshold: f64,
    memory: &Memory,
) -> Opinion {
    let breach = value - threshold;
    let told = phrase!(
        "{alarm} is in ALARM at {aggregate} of {value}, threshold {threshold}, so {breach} beyond it",
        alarm = policy.alarm.clone(),
        aggregate = aggregate(policy.metric_aggregation),
        value = number(value),
        threshold = number(threshold),
        breach = number(breach)
    );
    let Some(step) = step_for(&policy.steps, breach) else {
        let text = phrase!("{told}; no step adjustment found for it, so the count stays");
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::AlreadyAtDesiredCapacity, text);
    };
    let told =
        phrase!("{told}: step {bounds} {change}", bounds = bounds(step), change = change(policy, step));
    let scales_out = match policy.adjustment_type {
        AdjustmentType::ExactCapacity => i64::from(look.desired) < i64::from(step.change),
        AdjustmentType::ChangeInCapacity | AdjustmentType::PercentChangeInCapacity => 0 < step.change,
    };
    if scales_out {
        scale_out(look, name, policy, step, memory, told)
    } else {
        scale_in(look, policy, step, memory, told)
    }
}

/// Scale-out starts from what runs, so that tasks which are starting count as already there, and from the floor at least.
fn scale_out(
    look: &Look<'_>,
    name: &Name,
    policy: &StepScaling,
    step: &StepAdjustment,
    memory: &Memory,
    told: impl Phrase,
) -> Opinion {
    let service = &look.observation.service;
    let cooling = cooldown::scale_out(memory, name, policy.cooldown, look.observation.now);
    if let (Some(before), false) = (cooling, policy.adjustment_type == AdjustmentType::ExactCapacity) {
        let needed = adjusted(policy, step, before.from).saturating_sub(before.from);
        let (count, why) = cooldown::less_what_was_added(before, needed, look.desired, policy.cooldown);
        let code = if count == look.desired { ReasonCode::CoolingDown } else { ReasonCode::StepScaling };
        return Opinion::new(Vote::Wants(count), code, phrase!("{told}; {why}"));
    }
    let base = service.running.min(look.desired).max(look.capacity.min());
    let count = adjusted(policy, step, base);
    if count <= look.desired {
        let text = phrase!(
            "{told}; from {base} that is {count}, and {tasks} desired already",
            tasks = tasks(look.desired)
        );
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::AlreadyAtDesiredCapacity, text);
    }
    Opinion::new(Vote::Wants(count), ReasonCode::StepScaling, phrase!("{told}; from {base} to {count}"))
}

fn scale_in(
    look: &Look<'_>,
    policy: &StepScaling,
    step: &StepAdjustment,
    memory: &Memory,
    told: impl Phrase,
) -> Opinion {
    let count = adjusted(policy, step, look.desired);
    if count == look.desired {
        let text = phrase!("{told}; {tasks} stay", tasks = tasks(count));
        return Opinion::new(Vote::Wants(count), ReasonCode::AlreadyAtDesiredCapacity, text);
    }
    if let Some(why) = cooldown::scale_in(memory, policy.cooldown, look.observation.now) {
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::CoolingDown, phrase!("{told}; {why}"));
    }
    let text = phrase!("{told}; from {desired} to {count}", desired = look.desired);
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

fn bounds(step: &StepAdjustment) -> impl Phrase + use<> {
    let bound = |bound: Option<f64>, none: &'static str| {
        fmt::from_fn(move |f| match bound {
            Some(bound) => write!(f, "{}", number(bound)),
            None => f.write_str(none),
        })
    };
    phrase!("({lower}, {upper})", lower = bound(step.lower, "-inf"), upper = bound(step.upper, "+inf"))
}

fn change(policy: &StepScaling, step: &StepAdjustment) -> impl Phrase + use<> {
    let (kind, least, change) = (policy.adjustment_type, policy.min_adjustment_magnitude, step.change);
    fmt::from_fn(move |f| match kind {
        AdjustmentType::ExactCapacity => write!(f, "sets {change}"),
        AdjustmentType::ChangeInCapacity => write!(f, "changes by {change:+}"),
        AdjustmentType::PercentChangeInCapacity => {
            write!(f, "changes by {change:+} %, at least {}", tasks(least))
        }
    })
}
