//! Step scaling against Application Auto Scaling's documented rules and examples.

use super::world::*;
use crate::model::policy::{AdjustmentType, PolicyKind, StepScaling};
use crate::model::{AlarmState, ReasonCode, ScalableTarget, ServiceStatus, TaskCount};

use AdjustmentType::{ChangeInCapacity, ExactCapacity, PercentChangeInCapacity};

const HIGH: &str = "latency-high";
const LOW: &str = "latency-low";

fn service(policies: impl IntoIterator<Item = StepScaling>) -> ScalableTarget {
    target(0, 100, policies.into_iter().map(PolicyKind::StepScaling))
}

fn out_ladder() -> StepScaling {
    let ladder = [(Some(0.0), Some(10.0), 0), (Some(10.0), Some(20.0), 10), (Some(20.0), None, 30)];
    steps(HIGH, PercentChangeInCapacity, &ladder)
}

fn in_ladder() -> StepScaling {
    let ladder = [(Some(-10.0), Some(0.0), 0), (Some(-20.0), Some(-10.0), -10), (None, Some(-20.0), -30)];
    steps(LOW, PercentChangeInCapacity, &ladder)
}

#[test]
fn the_documented_example_of_aws() {
    // Threshold 50 on both sides; (value, tasks, wanted).
    let cases: &[(f64, TaskCount, TaskCount)] =
        &[(60.0, 10, 11), (70.0, 11, 14), (40.0, 14, 13), (30.0, 13, 10), (55.0, 10, 10), (45.0, 10, 10)];
    for (value, tasks, wanted) in cases {
        let state = |breached| if breached { AlarmState::Alarm } else { AlarmState::Ok };
        let seen = seen(after(0), ServiceStatus::steady(*tasks))
            .alarm(HIGH, state(50.0 < *value), 50.0, *value)
            .alarm(LOW, state(*value < 50.0), 50.0, *value);
        assert_eq!(
            decide_fresh(&service([out_ladder(), in_ladder()]), &seen).to,
            *wanted,
            "{value} on {tasks} tasks"
        );
    }
}

#[test]
fn adjustments_round_and_bound_as_application_auto_scaling_does() {
    // (case, type, change, least, tasks, wanted)
    let cases: &[(&str, AdjustmentType, i32, TaskCount, TaskCount, TaskCount)] = &[
        ("12.7 is 12", PercentChangeInCapacity, 127, 1, 10, 22),
        ("0.67 is 1", PercentChangeInCapacity, 67, 0, 1, 2),
        ("-0.58 is -1", PercentChangeInCapacity, -29, 0, 2, 1),
        ("-6.67 is -6", PercentChangeInCapacity, -29, 0, 23, 17),
        ("the least magnitude lifts a small per cent", PercentChangeInCapacity, 25, 2, 4, 6),
        ("a change by tasks", ChangeInCapacity, 3, 1, 4, 7),
        ("a change below the floor ends at it", ChangeInCapacity, -30, 1, 4, 0),
        ("a change over the ceiling ends at it", ChangeInCapacity, 300, 1, 4, 100),
        ("an exact count", ExactCapacity, 42, 1, 4, 42),
        ("an exact count below", ExactCapacity, 3, 1, 40, 3),
    ];
    for (case, kind, change, least, tasks, wanted) in cases {
        let everything = [(None, Some(0.0), *change), (Some(0.0), None, *change)];
        let policy = StepScaling { min_adjustment_magnitude: *least, ..steps(HIGH, *kind, &everything) };
        let seen = seen(after(0), ServiceStatus::steady(*tasks)).alarm(HIGH, AlarmState::Alarm, 50.0, 60.0);
        assert_eq!(decide_fresh(&service([policy]), &seen).to, *wanted, "{case}");
    }
}

#[test]
fn bounds_are_inclusive_on_the_side_of_the_threshold() {
    type Case<'a> = (f64, &'a [(Option<f64>, Option<f64>, i32)], TaskCount);
    let up = [(Some(0.0), Some(15.0), 1), (Some(15.0), None, 3)];
    let down = [(Some(-15.0), Some(0.0), -1), (None, Some(-15.0), -3)];
    // (value, ladder, wanted of 10)
    let cases: &[Case<'_>] = &[
        (50.0, &up, 11),
        (64.9, &up, 11),
        (65.0, &up, 13),
        (50.0, &down, 9),
        (35.1, &down, 9),
        (35.0, &down, 7),
    ];
    for (value, ladder, wanted) in cases {
        let policy = steps(HIGH, ChangeInCapacity, ladder);
        let seen = seen(after(0), ServiceStatus::steady(10)).alarm(HIGH, AlarmState::Alarm, 50.0, *value);
        assert_eq!(decide_fresh(&service([policy]), &seen).to, *wanted, "{value}");
    }
}

#[test]
fn it_goes_on_stepping_while_the_alarm_stays_in_alarm() {
    let policy = steps(HIGH, ChangeInCapacity, &[(Some(0.0), None, 2)]);
    let mut run = Run::new(service([policy]), 4);
    let counts: Vec<TaskCount> = (0..4)
        .map(|minute| run.look(60 * minute, |seen| seen.alarm(HIGH, AlarmState::Alarm, 50.0, 60.0)))
        .collect();
    assert_eq!(counts, [6, 8, 10, 12]);
}

#[test]
fn in_a_scale_out_cooldown_a_larger_step_adds_the_difference() {
    let ladder = [(Some(0.0), Some(20.0), 2), (Some(20.0), None, 3)];
    let policy = StepScaling { cooldown: seconds(300), ..steps(HIGH, ChangeInCapacity, &ladder) };
    let mut run = Run::new(service([policy]), 4);
    let breach = |value: f64| move |seen: Seen| seen.alarm(HIGH, AlarmState::Alarm, 50.0, value);
    assert_eq!(run.look(0, breach(60.0)), 6, "two more");
    assert_eq!(run.look(60, breach(60.0)), 6, "the same step waits");
    assert_eq!(run.look(120, breach(80.0)), 7, "three, of which two are there");
    assert_eq!(run.look(600, breach(60.0)), 9, "after the cooldown it steps again");
}

#[test]
fn a_scale_in_waits_for_its_cooldown() {
    let policy =
        StepScaling { cooldown: seconds(120), ..steps(LOW, ChangeInCapacity, &[(None, Some(0.0), -1)]) };
    let mut run = Run::new(service([policy]), 10);
    let low = |seen: Seen| seen.alarm(LOW, AlarmState::Alarm, 50.0, 20.0);
    assert_eq!([0, 60, 120].map(|second| run.look(second, low)), [9, 9, 8]);
}

#[test]
fn tasks_that_are_starting_count_as_already_there() {
    let policy =
        StepScaling { cooldown: seconds(0), ..steps(HIGH, ChangeInCapacity, &[(Some(0.0), None, 2)]) };
    let mut run = Run::new(service([policy]), 4);
    let high = |seen: Seen| seen.alarm(HIGH, AlarmState::Alarm, 50.0, 60.0);
    assert_eq!(run.look_at(0, 4, high).to, 6);
    assert_eq!(run.look_at(60, 4, high).to, 6, "the two that were asked for still start");
    assert_eq!(run.look_at(120, 6, high).to, 8, "they run, and the alarm stays");
}

#[test]
fn below_the_floor_it_is_raised_to_the_floor_and_goes_on_from_there() {
    let policy = steps(HIGH, ChangeInCapacity, &[(Some(0.0), None, 1)]);
    let mut below = service([policy]);
    below.capacity = crate::model::Capacity::new(10, 100).unwrap();
    let seen = seen(after(0), ServiceStatus::steady(4)).alarm(HIGH, AlarmState::Alarm, 50.0, 60.0);
    assert_eq!(decide_fresh(&below, &seen).to, 11);
}

#[test]
fn an_alarm_that_cannot_tell_or_has_no_step_changes_nothing() {
    let target = service([steps(HIGH, ChangeInCapacity, &[(Some(10.0), None, 1)])]);
    let at = || seen(after(0), ServiceStatus::steady(4));
    let mut no_value = at().alarm(HIGH, AlarmState::Alarm, 50.0, 0.0);
    no_value.0.alarms.get_mut(HIGH).unwrap().value = None;
    let cases = [
        ("not observed", at(), ReasonCode::InsufficientData),
        (
            "insufficient data",
            at().alarm(HIGH, AlarmState::InsufficientData, 50.0, 90.0),
            ReasonCode::InsufficientData,
        ),
        ("no value", no_value, ReasonCode::InsufficientData),
        ("not a number", at().alarm(HIGH, AlarmState::Alarm, 50.0, f64::NAN), ReasonCode::InsufficientData),
        ("no step", at().alarm(HIGH, AlarmState::Alarm, 50.0, 55.0), ReasonCode::AlreadyAtDesiredCapacity),
        ("at rest", at().alarm(HIGH, AlarmState::Ok, 50.0, 90.0), ReasonCode::AlreadyAtDesiredCapacity),
    ];
    for (case, seen, code) in cases {
        let decision = decide_fresh(&target, &seen);
        assert_eq!((decision.to, decision.binding), (4, code), "{case}");
    }
}

#[test]
fn in_a_cooldown_all_that_was_added_since_it_began_counts() {
    let ladder = [(Some(0.0), Some(15.0), 2), (Some(15.0), None, 3)];
    let policy = StepScaling { cooldown: seconds(300), ..steps(HIGH, ChangeInCapacity, &ladder) };
    let mut run = Run::new(service([policy]), 4);
    let breach = |value: f64| move |seen: Seen| seen.alarm(HIGH, AlarmState::Alarm, 50.0, value);
    let counts = [(0, 55.0), (60, 70.0), (120, 70.0), (180, 70.0)];
    assert_eq!(counts.map(|(second, value)| run.look(second, breach(value))), [6, 7, 7, 7]);
}

#[test]
fn a_value_that_no_alarm_can_have_takes_no_step() {
    let everything = [(None, Some(0.0), -2), (Some(0.0), None, 5)];
    for value in [-5.0, -1e300, 1e300, f64::INFINITY] {
        let target = service([steps(HIGH, ChangeInCapacity, &everything)]);
        let seen = seen(after(0), ServiceStatus::steady(8)).alarm(HIGH, AlarmState::Alarm, 50.0, value);
        let decision = decide_fresh(&target, &seen);
        assert_eq!((decision.to, decision.binding), (8, ReasonCode::InsufficientData), "{value}");
        assert!(decision.reasons.iter().any(|reason| reason.code == ReasonCode::ValueRefused), "{value}");
    }
}
