//! What moves the bounds: schedules, windows, overrides by hand, forecasts; and that they hold always and last.

use super::world::*;
use crate::engine::decide;
use crate::model::memory::{ForecastMemory, ManualCapacity, Pause, PauseDirection};
use crate::model::policy::{MaxCapacityBreach, Predictive, PredictiveMode};
use crate::model::schedule::{Calendar, PartialCapacity, ScheduledAction, Window};
use crate::model::{Capacity, Memory, ReasonCode, ScalableTarget, ServiceStatus, TaskCount};

fn action(
    name: &str,
    when: &str,
    zone: Option<&str>,
    min: Option<TaskCount>,
    max: Option<TaskCount>,
) -> ScheduledAction {
    let when = Calendar::new(when, zone).unwrap();
    ScheduledAction {
        name: name.to_owned(),
        when,
        start: None,
        end: None,
        capacity: PartialCapacity { min, max },
    }
}

fn scheduled(actions: impl IntoIterator<Item = ScheduledAction>) -> ScalableTarget {
    ScalableTarget { schedules: actions.into_iter().collect(), ..target(1, 20, []) }
}

fn at(target: &ScalableTarget, now: &str, tasks: TaskCount) -> TaskCount {
    decide_fresh(target, &seen(now.parse().unwrap(), ServiceStatus::steady(tasks))).to
}

#[test]
fn the_count_is_brought_within_the_bounds_at_every_look() {
    for (tasks, wanted) in [(0, 2), (1, 2), (2, 2), (7, 7), (10, 10), (11, 10), (500, 10)] {
        assert_eq!(at(&target(2, 10, []), "2026-01-01T00:00:00Z", tasks), wanted, "{tasks}");
    }
}

#[test]
fn the_last_scheduled_action_holds_until_another() {
    let berlin = Some("Europe/Berlin");
    let target = scheduled([
        action("morning", "cron(0 8 ? * MON-FRI *)", berlin, Some(10), Some(20)),
        action("evening", "cron(0 20 ? * MON-FRI *)", berlin, Some(2), Some(5)),
    ]);
    // (case, time, tasks, wanted)
    let cases: &[(&str, &str, TaskCount, TaskCount)] = &[
        ("before Monday morning, Friday evening's bounds", "2026-01-05T06:59:59Z", 9, 5),
        ("eight in Berlin is seven in UTC in winter", "2026-01-05T07:00:00Z", 3, 10),
        ("until eight in the evening", "2026-01-05T18:59:59Z", 15, 15),
        ("which sets its own bounds", "2026-01-05T19:00:00Z", 15, 5),
        ("eight in Berlin is six in UTC in summer", "2026-07-06T06:00:00Z", 3, 10),
        ("nothing happens on Saturday", "2026-01-10T12:00:00Z", 9, 5),
    ];
    for (case, now, tasks, wanted) in cases {
        assert_eq!(at(&target, now, *tasks), *wanted, "{case}");
    }
}

#[test]
fn an_action_sets_only_the_bounds_it_names() {
    let floor = scheduled([action("floor", "at(2026-01-05T08:00:00)", None, Some(10), None)]);
    let ceiling = scheduled([action("ceiling", "at(2026-01-05T08:00:00)", None, None, Some(5))]);
    let both = scheduled([
        action("floor", "at(2026-01-05T08:00:00)", None, Some(10), None),
        action("ceiling", "at(2026-01-05T09:00:00)", None, None, Some(15)),
    ]);
    assert_eq!(at(&floor, "2026-01-05T07:59:59Z", 3), 3);
    assert_eq!(at(&floor, "2026-01-05T08:00:00Z", 3), 10);
    assert_eq!(at(&floor, "2026-01-05T08:00:00Z", 18), 18);
    assert_eq!(at(&ceiling, "2026-01-05T08:00:00Z", 18), 5);
    assert_eq!((at(&both, "2026-01-05T10:00:00Z", 3), at(&both, "2026-01-05T10:00:00Z", 18)), (10, 15));
}

#[test]
fn an_action_runs_at_its_start_and_not_after_its_end_and_what_it_set_stays() {
    let mut bounded = action("sale", "cron(0 8 * * ? *)", None, Some(10), None);
    bounded.start = Some("2026-01-05T00:00:00Z".parse().unwrap());
    bounded.end = Some("2026-01-07T00:00:00Z".parse().unwrap());
    let target = scheduled([bounded]);
    assert_eq!(at(&target, "2026-01-04T23:59:59Z", 3), 3, "before its start");
    assert_eq!(at(&target, "2026-01-05T00:00:00Z", 3), 10, "at its start, then by the cron expression");
    assert_eq!(
        at(&target, "2026-02-01T00:00:00Z", 3),
        10,
        "after its end the former values are not restored"
    );
}

#[test]
fn rates_count_from_their_start() {
    let mut hourly = action("hourly", "rate(1 hour)", None, Some(4), None);
    hourly.start = Some("2026-01-05T00:30:00Z".parse().unwrap());
    let target = scheduled([hourly]);
    assert_eq!(at(&target, "2026-01-05T00:29:59Z", 1), 1);
    assert_eq!(at(&target, "2026-01-05T00:30:00Z", 1), 4);
}

#[test]
fn schedules_follow_daylight_saving_time() {
    // Berlin skips 02:00-03:00 on 2026-03-29 and repeats it on 2026-10-25.
    let zone = Some("Europe/Berlin");
    let last = |cron: &str, now: &str| {
        let calendar = Calendar::new(cron, zone).unwrap();
        calendar.last_occurrence(now.parse().unwrap(), None).unwrap().to_string()
    };
    // (case, schedule, looked at, last occurrence)
    let cases = [
        (
            "a skipped time runs right after the gap",
            "cron(30 2 * * ? *)",
            "2026-03-29T03:00:00Z",
            "2026-03-29T01:00:00Z",
        ),
        (
            "before the gap it is the day before",
            "cron(30 2 * * ? *)",
            "2026-03-29T00:59:59Z",
            "2026-03-28T01:30:00Z",
        ),
        (
            "the same hour of the day on both sides",
            "cron(0 8 * * ? *)",
            "2026-03-28T12:00:00Z",
            "2026-03-28T07:00:00Z",
        ),
        (
            "the same hour of the day on both sides",
            "cron(0 8 * * ? *)",
            "2026-03-29T12:00:00Z",
            "2026-03-29T06:00:00Z",
        ),
        (
            "a repeated time runs at the first of the two",
            "cron(30 2 * * ? *)",
            "2026-10-25T00:45:00Z",
            "2026-10-25T00:30:00Z",
        ),
        ("and only then", "cron(30 2 * * ? *)", "2026-10-25T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("a single time in a gap", "at(2026-03-29T02:30:00)", "2026-03-30T00:00:00Z", "2026-03-29T01:30:00Z"),
    ];
    for (case, cron, now, wanted) in cases {
        assert_eq!(last(cron, now), wanted, "{case}");
    }
}

#[test]
fn cron_speaks_awss_dialect() {
    // (expression, looked at, last occurrence), UTC
    let cases = [
        ("cron(0/15 8-18 ? * MON-FRI *)", "2026-01-05T08:44:00Z", "2026-01-05T08:30:00Z"),
        ("cron(0 10 ? * 2 *)", "2026-01-06T00:00:00Z", "2026-01-05T10:00:00Z"), // 1 is Sunday
        ("cron(0 10 L * ? *)", "2026-03-15T00:00:00Z", "2026-02-28T10:00:00Z"),
        ("cron(0 10 ? * 6L *)", "2026-02-15T00:00:00Z", "2026-01-30T10:00:00Z"),
        ("cron(0 10 ? * MON#1 *)", "2026-01-20T00:00:00Z", "2026-01-05T10:00:00Z"),
        ("cron(0 10 1 JAN ? 2025-2027)", "2026-06-01T00:00:00Z", "2026-01-01T10:00:00Z"),
        ("cron(30 0 10 * * ? *)", "2026-01-05T12:00:00Z", "2026-01-05T10:00:00Z"),
    ];
    for (cron, now, wanted) in cases {
        let calendar = Calendar::new(cron, None).unwrap();
        let last = calendar.last_occurrence(now.parse().unwrap(), None);
        assert_eq!(last.map(|at| at.to_string()).as_deref(), Some(wanted), "{cron}");
    }
}

#[test]
fn in_a_window_its_bounds_hold_and_afterwards_the_former_count_returns() {
    let night = Window {
        name: "closed-at-night".to_owned(),
        start: Calendar::new("cron(0 20 ? * MON-FRI *)", Some("Europe/Berlin")).unwrap(),
        end: Calendar::new("cron(0 7 ? * MON-FRI *)", Some("Europe/Berlin")).unwrap(),
        capacity: PartialCapacity { min: Some(0), max: Some(0) },
    };
    let target = ScalableTarget { windows: vec![night], ..target(2, 20, []) };
    let mut memory = Memory::default();
    let mut desired = 7;
    let mut look = |now: &str| {
        let seen = seen(now.parse().unwrap(), ServiceStatus::steady(desired));
        let decision = decide(&target, &seen.0, memory.clone());
        memory = decision.memory.clone();
        desired = decision.to;
        decision.to
    };
    assert_eq!(look("2026-01-05T18:59:00Z"), 7);
    assert_eq!(look("2026-01-05T19:00:00Z"), 0, "closed");
    assert_eq!(look("2026-01-06T05:59:00Z"), 0, "still closed");
    assert_eq!(look("2026-01-06T06:00:00Z"), 7, "back at the former size, not at the floor");
    assert_eq!(look("2026-01-06T06:01:00Z"), 7);
    assert_eq!(look("2026-01-09T19:00:00Z"), 0, "Friday evening");
    assert_eq!(look("2026-01-11T12:00:00Z"), 0, "and over the weekend, for the end is on weekdays");
    assert_eq!(look("2026-01-12T06:00:00Z"), 7);
}

fn schedules_paused(until: Option<i64>) -> Memory {
    let pause = Pause {
        direction: PauseDirection::Schedules,
        until: until.map(after),
        reason: Some("holiday".to_owned()),
    };
    Memory { pauses: vec![pause], ..Memory::default() }
}

#[test]
fn while_schedules_are_paused_the_calendar_moves_no_bounds() {
    let always = |min, max| Window {
        name: "always".to_owned(),
        start: Calendar::new("at(2025-01-05T08:00:00)", None).unwrap(),
        end: Calendar::new("at(2030-01-05T08:00:00)", None).unwrap(),
        capacity: PartialCapacity { min, max },
    };
    let since_last_year =
        |min, max| [action("since", "at(2025-01-05T08:00:00)", None, min, max)].into_iter().collect();
    let base = || target(2, 20, [cpu(tracking())]);
    // (case, target, tasks, count while paused, count afterwards)
    let cases: [(&str, ScalableTarget, TaskCount, TaskCount, TaskCount); 3] = [
        (
            "an action's floor",
            ScalableTarget { schedules: since_last_year(Some(10), None), ..base() },
            4,
            4,
            10,
        ),
        (
            "an action's ceiling",
            ScalableTarget { schedules: since_last_year(None, Some(3)), ..base() },
            4,
            4,
            3,
        ),
        ("a window", ScalableTarget { windows: vec![always(Some(12), None)], ..base() }, 1, 2, 12),
    ];
    for (case, target, tasks, paused, resumed) in cases {
        let look = |second, tasks, memory: &Memory| {
            decide(
                &target,
                &seen(after(second), ServiceStatus::steady(tasks)).points(CPU, &[60.0]).0,
                memory.clone(),
            )
        };
        let first = look(0, tasks, &schedules_paused(Some(60)));
        assert_eq!(first.to, paused, "{case}");
        let told = first.reasons.iter().find(|reason| reason.code == ReasonCode::ScalingSuspended).unwrap();
        assert_eq!(
            told.text,
            "scheduled actions and windows are paused by hand until 2026-01-01T00:01:00Z (holiday), so they do not \
             move the bounds: 2 to 20 tasks"
        );
        assert_eq!(look(60, paused, &first.memory).to, resumed, "{case}, resumed");
    }
}

#[test]
fn while_schedules_are_paused_the_policies_and_what_is_set_by_hand_go_on() {
    let target = scheduled([action("floor", "at(2025-01-05T08:00:00)", None, Some(10), None)]);
    let target =
        ScalableTarget { policies: super::world::target(1, 20, [cpu(tracking())]).policies, ..target };
    let high = |tasks| seen(after(0), ServiceStatus::steady(tasks)).points(CPU, &[120.0]);
    assert_eq!(decide(&target, &high(3).0, schedules_paused(None)).to, 6);
    let manual = by_hand(Some(8), None, None).manual;
    assert_eq!(decide(&target, &high(3).0, Memory { manual, ..schedules_paused(None) }).to, 8);
}

#[test]
fn a_window_that_is_paused_gives_back_the_count_that_it_lowered() {
    let shut = Window {
        name: "shut".to_owned(),
        start: Calendar::new("at(2025-01-05T08:00:00)", None).unwrap(),
        end: Calendar::new("at(2030-01-05T08:00:00)", None).unwrap(),
        capacity: PartialCapacity { min: Some(0), max: Some(0) },
    };
    let target = ScalableTarget { windows: vec![shut], ..target(2, 20, []) };
    let look = |second, tasks, memory: &Memory| {
        decide(&target, &seen(after(second), ServiceStatus::steady(tasks)).0, memory.clone())
    };
    let shut = look(0, 7, &Memory::default());
    assert_eq!(shut.to, 0);
    let paused = look(60, 0, &Memory { pauses: schedules_paused(Some(120)).pauses, ..shut.memory });
    assert_eq!(paused.to, 7);
    assert!(
        paused
            .reasons
            .iter()
            .any(|reason| reason.text.to_string().starts_with("window shut is paused: back to the 7"))
    );
    assert_eq!(look(120, 7, &paused.memory).to, 0, "it is open when the pause ends");
}

fn by_hand(min: Option<TaskCount>, max: Option<TaskCount>, desired: Option<TaskCount>) -> Memory {
    Memory { manual: Some(ManualCapacity { min, max, desired, until: after(3600) }), ..Memory::default() }
}

#[test]
fn an_override_by_hand_lies_over_all_and_ends() {
    // (case, min, max, desired, tasks, wanted, wanted an hour later)
    type Case<'a> = (&'a str, Memory, TaskCount, TaskCount, TaskCount);
    let cases: &[Case<'_>] = &[
        ("a floor", by_hand(Some(8), None, None), 3, 8, 8),
        ("a ceiling", by_hand(None, Some(4), None), 9, 4, 4),
        ("beyond the base bounds", by_hand(None, Some(40), Some(30)), 3, 30, 20),
        ("a count alone is held", by_hand(None, None, Some(6)), 3, 6, 6),
        ("below the base floor", by_hand(Some(0), Some(0), None), 3, 0, 1),
    ];
    for (case, memory, tasks, wanted, later) in cases {
        let target = target(1, 20, []);
        let first = decide(&target, &seen(after(0), ServiceStatus::steady(*tasks)).0, memory.clone());
        assert_eq!(first.to, *wanted, "{case}");
        let second =
            decide(&target, &seen(after(3600), ServiceStatus::steady(first.to)).0, first.memory.clone());
        assert_eq!(second.to, *later, "{case}, ended");
        assert_eq!(second.memory.manual, None, "{case}");
    }
}

#[test]
fn a_count_set_with_bounds_is_gone_to_once() {
    let target = target(1, 20, [cpu(tracking())]);
    let first = decide(
        &target,
        &seen(after(0), ServiceStatus::steady(3)).points(CPU, &[60.0]).0,
        by_hand(Some(2), Some(20), Some(6)),
    );
    assert_eq!(first.to, 6);
    let second = decide(
        &target,
        &seen(after(60), ServiceStatus::steady(6)).points(CPU, &[20.0]).0,
        first.memory.clone(),
    );
    assert_eq!(second.to, 2, "from then on the policies decide within the bounds");
}

fn predictive(mode: PredictiveMode, breach: MaxCapacityBreach) -> (ScalableTarget, Memory) {
    let forecast = Predictive { mode, scheduling_buffer: seconds(300), max_capacity_breach: breach };
    let target = ScalableTarget { predictive: Some(forecast), ..target(1, 10, [cpu(tracking())]) };
    let forecast = ForecastMemory {
        since: Some(after(-90_000)),
        by_hour: [(1, 12.0)].into(),
        ..ForecastMemory::default()
    };
    (target, Memory { forecast: Some(forecast), ..Memory::default() })
}

#[test]
fn a_forecast_raises_the_count_ahead_of_the_hour_and_never_lowers_it() {
    use MaxCapacityBreach::{HonorMaxCapacity, IncreaseMaxCapacity};
    use PredictiveMode::{ForecastAndScale, ForecastOnly};
    let buffer = IncreaseMaxCapacity { buffer_percent: 10 };
    // (case, mode, breach, second, wanted of 4)
    let cases: &[(&str, PredictiveMode, MaxCapacityBreach, i64, TaskCount)] = &[
        ("five minutes before the hour, up to the ceiling", ForecastAndScale, HonorMaxCapacity, 3300, 10),
        ("or beyond it where that is allowed", ForecastAndScale, buffer, 3300, 12),
        ("not earlier", ForecastAndScale, HonorMaxCapacity, 3299, 4),
        ("only reported", ForecastOnly, HonorMaxCapacity, 3300, 4),
    ];
    for (case, mode, breach, second, wanted) in cases {
        let (target, memory) = predictive(*mode, *breach);
        let seen = seen(after(*second), ServiceStatus::steady(4)).points(CPU, &[60.0]);
        assert_eq!(decide(&target, &seen.0, memory.clone()).to, *wanted, "{case}");
    }
}

#[test]
fn a_forecast_learns_a_day_before_it_speaks() {
    let (mut target, _) = predictive(PredictiveMode::ForecastAndScale, MaxCapacityBreach::HonorMaxCapacity);
    target.policies = super::world::target(1, 10, [cpu(tracking())]).policies;
    let mut run = Run::new(target, 2);
    let mut busy_hour = |day: i64, value: f64| {
        (0..24)
            .map(|hour| {
                run.look(86_400 * day + 3600 * hour, |seen| {
                    seen.points(CPU, &[if hour == 9 { value } else { 30.0 }])
                })
            })
            .collect::<Vec<_>>()
    };
    let first = busy_hour(0, 180.0);
    let second = busy_hour(1, 60.0);
    assert_eq!((first[8], first[9]), (1, 3));
    assert_eq!(second[9], 3, "the second day has the tasks before the load");
}

#[test]
fn a_forecast_knows_the_weekday_after_a_week() {
    let (mut target, _) = predictive(PredictiveMode::ForecastAndScale, MaxCapacityBreach::HonorMaxCapacity);
    target.policies = super::world::target(1, 10, [cpu(tracking())]).policies;
    let mut run = Run::new(target, 2);
    let counts: Vec<TaskCount> = (0..9 * 24)
        .map(|hour| {
            let busy = hour % (7 * 24) == 9; // once a week
            let value = if busy { 180.0 } else { 30.0 };
            run.look(3600 * hour, |seen| seen.points(CPU, &[value]))
        })
        .collect();
    let at = |day: usize, hour: usize| counts[24 * day + hour];
    assert_eq!(at(1, 9), at(0, 9), "the day after, any day may be as the first");
    assert_eq!(at(7, 8), 1);
    assert!(3 <= at(7, 9), "the weekday comes again: {counts:?}");
    assert_eq!(at(8, 9), 1, "and the day after it is known to be quiet");
}

#[test]
fn the_ceiling_wins_over_a_higher_floor() {
    assert_eq!(Capacity::new(2, 10).unwrap().overlaid(Some(20), Some(5)), Capacity::new(5, 5).unwrap());
}

#[test]
fn the_binding_code_names_the_overlay() {
    let target = scheduled([action("floor", "at(2025-01-05T08:00:00)", None, Some(10), None)]);
    let decision = decide_fresh(&target, &seen(after(0), ServiceStatus::steady(3)));
    assert_eq!((decision.to, decision.binding), (10, ReasonCode::Scheduled));
}

#[test]
fn a_window_within_an_hour_that_the_clock_skips_opens_not_at_all() {
    let berlin = Some("Europe/Berlin");
    for end in ["cron(0 3 * * ? *)", "cron(45 2 * * ? *)"] {
        let night = Window {
            name: "night".to_owned(),
            start: Calendar::new("cron(30 2 * * ? *)", berlin).unwrap(),
            end: Calendar::new(end, berlin).unwrap(),
            capacity: PartialCapacity { min: Some(0), max: Some(0) },
        };
        let target = ScalableTarget { windows: vec![night], ..target(1, 20, []) };
        assert_eq!(at(&target, "2026-03-29T12:00:00Z", 4), 4, "{end}");
        assert_eq!(at(&target, "2026-03-28T01:40:00Z", 4), 0, "{end}, the day before");
    }
}

#[test]
fn a_ceiling_that_another_overlay_lifts_gives_the_floor_back() {
    let schedule = action("quiet", "at(2026-01-01T00:00:00)", None, None, Some(1));
    let sale = Window {
        name: "sale".to_owned(),
        start: Calendar::new("at(2026-01-02T00:00:00)", None).unwrap(),
        end: Calendar::new("at(2026-01-03T00:00:00)", None).unwrap(),
        capacity: PartialCapacity { min: None, max: Some(20) },
    };
    let target = ScalableTarget { windows: vec![sale], schedules: vec![schedule], ..target(4, 60, []) };
    assert_eq!(at(&target, "2026-01-01T12:00:00Z", 30), 1);
    assert_eq!((at(&target, "2026-01-02T12:00:00Z", 1), at(&target, "2026-01-02T12:00:00Z", 30)), (4, 20));
}

#[test]
fn a_count_set_by_hand_beyond_the_bounds_is_gone_to_as_far_as_they_let_it_and_once() {
    let target = target(1, 20, [cpu(tracking())]);
    let low = |second, tasks| seen(after(second), ServiceStatus::steady(tasks)).points(CPU, &[30.0]);
    let first = decide(&target, &low(60, 10).0, by_hand(Some(4), None, Some(80)));
    assert_eq!(first.to, 20);
    let second = decide(&target, &low(180, 20).0, first.memory.clone());
    assert_eq!(second.to, 10, "the policies decide again");
}

#[test]
fn a_forecast_holds_its_hour_to_the_end_and_learns_no_fault() {
    let (target, mut memory) =
        predictive(PredictiveMode::ForecastAndScale, MaxCapacityBreach::HonorMaxCapacity);
    memory.forecast.as_mut().unwrap().by_hour = [(0, 9.0), (1, 3.0)].into();
    let seen = seen(after(3400), ServiceStatus::steady(4)).points(CPU, &[60.0]);
    assert_eq!(decide(&target, &seen.0, memory.clone()).to, 9);
    let fault = super::world::seen(after(3400), ServiceStatus::steady(4)).points(CPU, &[90_000.0]);
    let learned = decide(&target, &fault.0, memory.clone()).memory.forecast.unwrap().peak;
    assert_eq!(learned, 20, "at most twice the ceiling");
}

#[test]
fn a_deployment_holds_the_return_from_a_window() {
    let mut target = target(1, 20, []);
    target.during_deployment = crate::model::target::DuringDeployment::Hold;
    let before_window = Some(crate::model::memory::BeforeWindow { window: "night".to_owned(), count: 8 });
    let memory = Memory { before_window, ..Memory::default() };
    let deploying = ServiceStatus { deploying: true, ..ServiceStatus::steady(2) };
    assert_eq!(decide(&target, &seen(after(0), deploying).0, memory.clone()).to, 2);
    assert_eq!(decide(&target, &seen(after(0), ServiceStatus::steady(2)).0, memory.clone()).to, 8);
}

#[test]
fn a_cron_expression_sets_one_of_its_day_fields() {
    let error = Calendar::new("cron(0 8 1 * MON *)", None).unwrap_err().to_string();
    assert!(error.ends_with("day-of-month and day-of-week cannot both be set; write ? for one"), "{error}");
}
