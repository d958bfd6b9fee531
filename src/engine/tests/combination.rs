//! Several policies, missing data, deployments, protection, pauses and modes.

use super::world::*;
use crate::model::formula::Formula;
use crate::model::memory::{Pause, PauseDirection};
use crate::model::policy::{AdjustmentType, PolicyKind, QueueGoal, TargetTracking};
use crate::model::target::{Combine, DuringDeployment, Mode, OnMissingMetrics};
use crate::model::{AlarmState, Decision, Memory, ReasonCode, ScalableTarget, ServiceStatus, TaskCount};

#[test]
fn the_highest_recommendation_wins_and_scale_in_needs_every_policy() {
    let target = target(1, 100, [cpu(tracking()), cpu(tracking_of("Memory", 50.0, false))]);
    // (case, cpu, memory, wanted of 10)
    let cases: &[(&str, Option<f64>, Option<f64>, TaskCount)] = &[
        ("both out: the larger", Some(90.0), Some(60.0), 15),
        ("one out, one in: out", Some(90.0), Some(10.0), 15),
        ("one in, one content: nothing", Some(10.0), Some(50.0), 10),
        ("both in: the larger", Some(12.0), Some(30.0), 6),
        ("one out, one blind: out", Some(90.0), None, 15),
        ("a blind policy keeps the tasks another would remove", Some(10.0), None, 10),
        ("both blind: nothing", None, None, 10),
    ];
    for (case, cpu, memory, wanted) in cases {
        let mut seen = seen(after(0), ServiceStatus::steady(10));
        for (key, value) in [(CPU, cpu), ("Memory", memory)] {
            seen = value.map_or(seen.clone(), |value| seen.clone().points(key, &[value]));
        }
        assert_eq!(decide_fresh(&target, &seen).to, *wanted, "{case}");
    }
}

#[test]
fn where_all_must_agree_scale_out_goes_to_the_lowest_recommendation_or_waits() {
    type Case<'a> = (&'a str, Option<f64>, Option<f64>, TaskCount, ReasonCode);
    use ReasonCode::{ScaleInNotAgreed, ScaleOutNotAgreed, TargetTracking, WithinTolerance};
    let policies = [cpu(tracking()), cpu(tracking_of("Memory", 50.0, false))];
    let target = ScalableTarget { combine: Combine::AllAgree, ..target(1, 100, policies) };
    // (case, cpu, memory, wanted of 10, binding)
    let cases: &[Case<'_>] = &[
        ("both out: the smaller", Some(90.0), Some(60.0), 12, TargetTracking),
        ("one out, one content: nothing", Some(90.0), Some(50.0), 10, ScaleOutNotAgreed),
        ("one out, one in: nothing", Some(90.0), Some(10.0), 10, ScaleOutNotAgreed),
        ("one out, one blind: nothing", Some(90.0), None, 10, ScaleOutNotAgreed),
        ("both in: the larger, as ever", Some(12.0), Some(30.0), 6, TargetTracking),
        ("one in, one content: nothing, as ever", Some(10.0), Some(50.0), 10, WithinTolerance),
        ("one in, one blind: nothing, as ever", Some(10.0), None, 10, ScaleInNotAgreed),
    ];
    for (case, cpu, memory, wanted, binding) in cases {
        let mut seen = seen(after(0), ServiceStatus::steady(10));
        for (key, value) in [(CPU, cpu), ("Memory", memory)] {
            seen = value.map_or(seen.clone(), |value| seen.clone().points(key, &[value]));
        }
        let decision = decide_fresh(&target, &seen);
        assert_eq!((decision.to, decision.binding), (*wanted, *binding), "{case}");
    }
}

#[test]
fn who_did_not_agree_to_a_scale_out_is_named() {
    let steps =
        PolicyKind::StepScaling(steps("high", AdjustmentType::ChangeInCapacity, &[(Some(0.0), None, 1)]));
    let never_in = TargetTracking { disable_scale_in: true, ..tracking_of("Memory", 50.0, false) };
    let policies = [cpu(tracking()), steps, cpu(never_in)];
    let target = ScalableTarget { combine: Combine::AllAgree, ..target(1, 100, policies) };
    let seen = seen(after(0), ServiceStatus::steady(10))
        .points(CPU, &[90.0])
        .points("Memory", &[40.0])
        .alarm("high", AlarmState::Ok, 1.0, 0.1);
    let decision = decide_fresh(&target, &seen);
    let last = decision.reasons.last().unwrap();
    assert_eq!((decision.to, last.code), (10, ReasonCode::ScaleOutNotAgreed));
    assert_eq!(last.text, "steps1, tracking2 do not agree to scale-out, so 10 instead of 15");
}

/// CPU as `tracking0`, a queue at ten messages a task as `queue1`, and an alarm as `steps2` under a formula.
fn under_formula(formula: &str) -> ScalableTarget {
    let orders = PolicyKind::Queue(queue(QueueGoal::BacklogPerTask(10.0)));
    let ladder = steps("high", AdjustmentType::ChangeInCapacity, &[(Some(0.0), None, 2)]);
    let target = target(1, 100, [cpu(tracking()), orders, PolicyKind::StepScaling(ladder)]);
    ScalableTarget { combine: Combine::Formula(Formula::parse(formula).unwrap()), ..target }
}

/// Ten tasks with this CPU, so many messages, none of them in flight, and the alarm in this state.
fn under_load(cpu: Option<f64>, messages: Option<u64>, alarm: AlarmState) -> Seen {
    let seen = seen(after(0), ServiceStatus::steady(10)).alarm("high", alarm, 1.0, 2.0);
    let seen = cpu.map_or(seen.clone(), |cpu| seen.clone().points(CPU, &[cpu]));
    messages.map_or(seen.clone(), |messages| seen.clone().queue("orders", depth(messages, 0)))
}

#[test]
fn a_formula_makes_one_count_of_the_recommendations() {
    use AlarmState::{Alarm, InsufficientData, Ok};
    type Case<'a> = (&'a str, &'a str, (Option<f64>, Option<u64>, AlarmState), TaskCount, ReasonCode);
    use ReasonCode::{Formula, InsufficientData as NoData, ScaleInNotAgreed};
    let cases: &[Case<'_>] = &[
        (
            "out",
            "max(tracking0, min(queue1, 20)) + 0 * (steps2 ?? 0)",
            (Some(60.0), Some(500), Ok),
            20,
            Formula,
        ),
        ("in, although the highest would stay", "queue1", (Some(60.0), Some(40), Ok), 4, Formula),
        ("rounded up", "(tracking0 + queue1) / 2", (Some(60.0), Some(130), Ok), 12, Formula),
        (
            "below nothing is nothing",
            "queue1 - 50",
            (Some(60.0), Some(40), Ok),
            1,
            ReasonCode::AlreadyAtMinCapacity,
        ),
        (
            "over the ceiling",
            "queue1 * 50",
            (Some(60.0), Some(40), Ok),
            100,
            ReasonCode::AlreadyAtMaxCapacity,
        ),
        ("a condition", "queue1 > 20 ? queue1 : tracking0", (Some(90.0), Some(100), Ok), 15, Formula),
        (
            "a branch that is not taken needs nothing",
            "queue1 > 20 ? queue1 : steps2",
            (Some(60.0), Some(300), Ok),
            30,
            Formula,
        ),
        ("an alarm that speaks", "steps2", (Some(60.0), Some(100), Alarm), 12, Formula),
        (
            "an alarm at rest asks for nothing",
            "max(steps2, queue1)",
            (Some(60.0), Some(300), Ok),
            10,
            Formula,
        ),
        ("what it is to be then", "max(steps2 ?? 0, queue1)", (Some(60.0), Some(300), Ok), 30, Formula),
        ("one that cannot tell", "max(tracking0, queue1)", (None, Some(300), Ok), 10, NoData),
        ("what it is to be then, out", "max(tracking0 ?? 0, queue1)", (None, Some(300), Ok), 30, Formula),
        (
            "what it is to be then, in",
            "max(tracking0 ?? 0, queue1)",
            (None, Some(30), Ok),
            10,
            ScaleInNotAgreed,
        ),
        (
            "one that it does without cannot tell",
            "queue1",
            (Some(60.0), Some(30), InsufficientData),
            10,
            ScaleInNotAgreed,
        ),
        ("no number", "tracking0 / (queue1 - 10)", (Some(60.0), Some(100), Ok), 10, Formula),
    ];
    for (case, formula, (cpu, messages, alarm), wanted, binding) in cases {
        let decision = decide_fresh(&under_formula(formula), &under_load(*cpu, *messages, *alarm));
        assert_eq!((decision.to, decision.binding), (*wanted, *binding), "{case}: {:#?}", decision.reasons);
    }
}

#[test]
fn a_formula_takes_nothing_away_on_the_strength_of_a_fallback() {
    let mut target = under_formula("tracking0 / 2");
    target.on_missing_metrics = OnMissingMetrics::Fallback(30);
    let decision = decide_fresh(&target, &under_load(None, Some(0), AlarmState::Ok));
    assert_eq!((decision.to, decision.binding), (15, ReasonCode::Formula), "it is a figure like any other");
    target.on_missing_metrics = OnMissingMetrics::Fallback(6);
    let decision = decide_fresh(&target, &under_load(None, Some(0), AlarmState::Ok));
    assert_eq!((decision.to, decision.binding), (10, ReasonCode::ScaleInNotAgreed));
}

#[test]
fn a_formula_removes_no_task_that_something_else_holds() {
    // (case, formula, memory, in flight, protected, wanted of 10, binding)
    type Case<'a> = (&'a str, &'a str, f64, u64, TaskCount, TaskCount, ReasonCode);
    let never_in = TargetTracking { disable_scale_in: true, ..tracking_of("Memory", 50.0, false) };
    let policies =
        [cpu(tracking()), cpu(never_in), PolicyKind::Queue(queue(QueueGoal::BacklogPerTask(10.0)))];
    let formula = |text: &str| Combine::Formula(Formula::parse(text).unwrap());
    let cases: &[Case<'_>] = &[
        ("nothing", "tracking0 / 5", 5.0, 0, 0, 2, ReasonCode::Formula),
        ("a policy that never scales in", "tracking0 / 5", 35.0, 0, 0, 7, ReasonCode::ScaleInNotAgreed),
        ("work in flight", "tracking0 / 5", 5.0, 6, 0, 6, ReasonCode::WorkInFlight),
        ("protected tasks", "tracking0 / 5", 5.0, 0, 8, 8, ReasonCode::WorkInFlight),
        ("a policy that it names", "tracking1 + 1", 35.0, 0, 0, 8, ReasonCode::Formula),
    ];
    for (case, text, memory, in_flight, protected, wanted, binding) in cases {
        let target = ScalableTarget { combine: formula(text), ..target(1, 100, policies.clone()) };
        let service = ServiceStatus { protected: *protected, ..ServiceStatus::steady(10) };
        let seen = seen(after(0), service).points(CPU, &[60.0]).points("Memory", &[*memory]);
        let decision = decide_fresh(&target, &seen.queue("orders", depth(0, *in_flight)));
        assert_eq!((decision.to, decision.binding), (*wanted, *binding), "{case}: {:#?}", decision.reasons);
    }
}

#[test]
fn a_formula_is_told_with_its_figures() {
    let told = |formula, cpu| {
        let decision = decide_fresh(&under_formula(formula), &under_load(cpu, Some(300), AlarmState::Ok));
        decision.reasons.last().unwrap().text.to_string()
    };
    let cases = [
        (
            "(tracking0 + min(queue1, 25)) / 2",
            Some(75.0),
            "(tracking0 + min(queue1, 25)) / 2 = (13 + min(30, 25)) / 2 = 19, so 19 tasks",
        ),
        (
            "max(steps2 ?? 0, queue1) / 7",
            Some(75.0),
            "max(steps2 ?? 0, queue1) / 7 = max(steps2 ?? 0, 30) / 7 = 4.2857, so 5 tasks",
        ),
        ("queue1 / 0", Some(75.0), "queue1 / 0 = 30 / 0, which is not a number, so 10 tasks stay"),
        ("tracking0", None, "tracking0 has no result while tracking0 cannot tell, so 10 tasks stay"),
        ("steps2", Some(75.0), "steps2 has no result while steps2 asks for nothing, so 10 tasks stay"),
    ];
    for (formula, cpu, text) in cases {
        assert_eq!(told(formula, cpu), text, "{formula}");
    }
}

#[test]
fn a_policy_may_say_itself_what_it_asks_for_without_data() {
    use OnMissingMetrics::{Fallback, Hold};
    // (case, of the target, of the policy, wanted of 2)
    let cases = [
        ("its own fallback", Hold, Some(Fallback(6)), 6),
        ("its own hold", Fallback(6), Some(Hold), 2),
        ("the target's where it has none", Fallback(6), None, 6),
    ];
    for (case, of_target, of_policy, wanted) in cases {
        let mut target = target(1, 100, [cpu(tracking())]);
        target.on_missing_metrics = of_target;
        target.policies[0].on_missing_metrics = of_policy;
        assert_eq!(decide_fresh(&target, &seen(after(0), ServiceStatus::steady(2))).to, wanted, "{case}");
    }
}

#[test]
fn a_fallback_agrees_where_it_asks_for_more() {
    let policies = [cpu(tracking()), cpu(tracking_of("Memory", 50.0, false))];
    let target = ScalableTarget {
        combine: Combine::AllAgree,
        on_missing_metrics: OnMissingMetrics::Fallback(12),
        ..target(1, 100, policies)
    };
    for (tasks, wanted) in [(10, 12), (12, 12)] {
        let seen = seen(after(0), ServiceStatus::steady(tasks)).points(CPU, &[90.0]);
        assert_eq!(decide_fresh(&target, &seen).to, wanted, "{tasks}");
    }
}

#[test]
fn an_alarm_at_rest_does_not_veto_scale_in_and_one_in_alarm_does() {
    let steps =
        PolicyKind::StepScaling(steps("high", AdjustmentType::ChangeInCapacity, &[(Some(0.0), None, 1)]));
    let target = target(1, 100, [cpu(tracking()), steps]);
    let low = || seen(after(0), ServiceStatus::steady(10)).points(CPU, &[30.0]);
    assert_eq!(decide_fresh(&target, &low().alarm("high", AlarmState::Ok, 1.0, 0.1)).to, 5);
    assert_eq!(decide_fresh(&target, &low().alarm("high", AlarmState::Alarm, 1.0, 2.0)).to, 11);
    assert_eq!(decide_fresh(&target, &low().alarm("high", AlarmState::InsufficientData, 1.0, 0.0)).to, 10);
}

#[test]
fn a_fallback_is_a_floor_for_a_policy_without_data_and_never_scales_in() {
    let mut target = target(1, 100, [cpu(tracking())]);
    target.on_missing_metrics = OnMissingMetrics::Fallback(6);
    for (tasks, wanted) in [(2, 6), (6, 6), (9, 9)] {
        let decision = decide_fresh(&target, &seen(after(0), ServiceStatus::steady(tasks)));
        assert_eq!((decision.to, decision.binding), (wanted, ReasonCode::Fallback), "{tasks}");
    }
}

#[test]
fn a_deployment_forbids_what_the_policy_says() {
    use DuringDeployment::{Hold, Ignore, NoScaleIn};
    // (rule, value, wanted of 10)
    let cases = [
        (NoScaleIn, 90.0, 15),
        (NoScaleIn, 30.0, 10),
        (Hold, 90.0, 10),
        (Hold, 30.0, 10),
        (Ignore, 90.0, 15),
        (Ignore, 30.0, 5),
    ];
    for (rule, value, wanted) in cases {
        let mut target = target(1, 100, [cpu(tracking())]);
        target.during_deployment = rule;
        let service = ServiceStatus { deploying: true, ..ServiceStatus::steady(10) };
        let decision = decide_fresh(&target, &seen(after(0), service).points(CPU, &[value]));
        assert_eq!(decision.to, wanted, "{rule:?} at {value}");
    }
}

#[test]
fn the_surplus_of_a_rolling_deployment_is_not_counted() {
    let service = ServiceStatus { running: 8, deploying: true, ..ServiceStatus::steady(4) };
    let decision =
        decide_fresh(&target(1, 100, [cpu(tracking())]), &seen(after(0), service).points(CPU, &[75.0]));
    assert_eq!(decision.to, 5, "four that were asked for at 75 %, not eight");
}

#[test]
fn protected_tasks_are_not_taken_away() {
    let service = ServiceStatus { protected: 7, ..ServiceStatus::steady(10) };
    let decision =
        decide_fresh(&target(1, 100, [cpu(tracking())]), &seen(after(0), service).points(CPU, &[6.0]));
    assert_eq!((decision.to, decision.binding), (7, ReasonCode::WorkInFlight));
}

fn paused(direction: PauseDirection, until: Option<i64>) -> Memory {
    let reason = Some("sale".to_owned());
    Memory { pauses: vec![Pause { direction, until: until.map(after), reason }], ..Memory::default() }
}

fn decide_paused(memory: &Memory, tasks: TaskCount, value: f64) -> Decision {
    let target = target(2, 100, [cpu(tracking())]);
    crate::engine::decide(
        &target,
        &seen(after(0), ServiceStatus::steady(tasks)).points(CPU, &[value]).0,
        memory.clone(),
    )
}

#[test]
fn a_pause_holds_its_direction_until_it_ends() {
    use PauseDirection::{Both, In, Out};
    // (case, direction, until, tasks, value, wanted)
    type Case<'a> = (&'a str, PauseDirection, Option<i64>, TaskCount, f64, TaskCount);
    let cases: &[Case<'_>] = &[
        ("in does not hold out", In, Some(60), 10, 90.0, 15),
        ("in holds in", In, Some(60), 10, 30.0, 10),
        ("out holds out", Out, None, 10, 90.0, 10),
        ("out does not hold in", Out, None, 10, 30.0, 5),
        ("both hold everything", Both, None, 10, 90.0, 10),
        ("the floor's correction as well", Both, None, 1, 60.0, 1),
        ("a pause that ended holds nothing", Both, Some(0), 10, 90.0, 15),
    ];
    for (case, direction, until, tasks, value, wanted) in cases {
        assert_eq!(decide_paused(&paused(*direction, *until), *tasks, *value).to, *wanted, "{case}");
    }
}

#[test]
fn a_pause_says_until_when_and_why() {
    let decision = decide_paused(&paused(PauseDirection::In, Some(3600)), 10, 30.0);
    let last = decision.reasons.last().unwrap();
    assert_eq!(last.code, ReasonCode::ScalingSuspended);
    assert_eq!(last.text, "scale-in is paused by hand until 2026-01-01T01:00:00Z (sale), so 10 instead of 5");
}

#[test]
fn a_paused_entry_and_a_daemon_service_are_left_alone() {
    let mut paused = target(5, 100, [cpu(tracking())]);
    paused.mode = Mode::Paused;
    let low = seen(after(0), ServiceStatus::steady(3)).points(CPU, &[90.0]);
    assert_eq!(decide_fresh(&paused, &low).to, 3);
    let daemon = ServiceStatus { scalable: false, ..ServiceStatus::steady(3) };
    let decision = decide_fresh(&target(5, 100, []), &seen(after(0), daemon));
    assert_eq!((decision.to, decision.binding), (3, ReasonCode::TargetServicePutResourceAsUnscalable));
}

#[test]
fn a_count_that_someone_else_set_is_told_and_decided_from() {
    let mut run = Run::new(target(1, 100, [cpu(tracking())]), 4);
    run.look(0, |seen| seen.points(CPU, &[60.0]));
    run.desired = 9;
    let decision = run.look_at(60, 9, |seen| seen.points(CPU, &[60.0]));
    assert_eq!(decision.to, 9);
    assert_eq!(
        decision.reasons[0].text,
        "the desired count went from 4 to 9 since the last look: someone else set it"
    );
}
