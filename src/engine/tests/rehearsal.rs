//! The rehearsal: what the load of the last days teaches, when it is asked for, and what happens without it.

use jiff::{SignedDuration, Timestamp};

use super::world::*;
use crate::engine::{HISTORY, decide, wanted_history};
use crate::model::memory::{
    LoadMemory, LookaheadTuning, QueueMemory, Rehearsed, Season, ServiceLevelMemory, StartMemory,
};
use crate::model::policy::{MaxCapacityBreach, PolicyKind, Predictive, PredictiveMode, QueueGoal};
use crate::model::{Memory, Observation, Point, ScalableTarget, ServiceStatus, TaskCount};

const NAME: &str = "level0";
const PER_TASK_S: f64 = 20.0;
const DAY: i64 = 1440;

fn service(mode: Option<PredictiveMode>) -> ScalableTarget {
    let predictive = mode.map(|mode| Predictive {
        mode,
        scheduling_buffer: seconds(300),
        max_capacity_breach: MaxCapacityBreach::HonorMaxCapacity,
    });
    ScalableTarget { predictive, ..target(0, 1000, [PolicyKind::ServiceLevel(level())]) }
}

/// A service whose tasks take 20 requests a second each.
fn known() -> Memory {
    let level = ServiceLevelMemory {
        per_task_s: Some(PER_TASK_S),
        per_task_weight: 5.0,
        ..ServiceLevelMemory::default()
    };
    Memory { service_levels: [(NAME.into(), level)].into(), ..Memory::default() }
}

fn at(minute: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minute)
}

/// A look half a minute after a minute ended, at requests a second in each minute since an earlier one.
fn seen_at(end: i64, since: i64, tasks: TaskCount, load_s: impl Fn(i64) -> f64) -> Observation {
    let mut seen = seen(at(end) + SignedDuration::from_secs(30), ServiceStatus::steady(tasks)).0;
    let points = (since..end).map(|minute| Point { start: at(minute), value: 60.0 * load_s(minute) });
    seen.metrics.insert(REQUESTS.into(), points.collect());
    seen
}

/// What a rehearsal on so many days chose, and the count that it led to.
fn rehearsed(
    mode: Option<PredictiveMode>,
    days: i64,
    load_s: impl Fn(i64) -> f64,
) -> (Rehearsed, Memory, TaskCount) {
    let decision = decide(&service(mode), &seen_at(days * DAY, 0, 1, load_s), known());
    let level = &decision.memory.service_levels[NAME];
    (level.load.rehearsed.unwrap(), decision.memory.clone(), decision.to)
}

/// Open from eight to eight.
fn office_hours(minute: i64) -> f64 {
    if (8 * 60..20 * 60).contains(&minute.rem_euclid(DAY)) { 400.0 } else { 1.0 }
}

#[test]
fn a_daily_opening_is_prepared_for_where_scaling_by_forecast_is_allowed() {
    let (chosen, memory, night) = rehearsed(Some(PredictiveMode::ForecastAndScale), 14, office_hours);
    assert_ne!(chosen.tuning.season, Season::None);
    assert!(night < 6, "{night} at midnight");
    // The next morning the load is still that of the night, and the tasks that start now run when it comes.
    let target = service(Some(PredictiveMode::ForecastAndScale));
    let wanted = |minute: i64, memory: &Memory| {
        let end = 14 * DAY + minute;
        decide(&target, &seen_at(end, end - 30, 2, office_hours), memory.clone())
    };
    let quiet = wanted(7 * 60, &memory);
    assert!(quiet.to < 6, "{} at seven", quiet.to);
    let ready = (7 * 60 + 1..8 * 60).fold(quiet, |before, minute| wanted(minute, &before.memory));
    assert!(20 <= ready.to, "{} at one minute to eight, for the work of 20", ready.to);
}

#[test]
fn without_it_no_pattern_is_chosen() {
    for mode in [None, Some(PredictiveMode::ForecastOnly)] {
        let (chosen, memory, _) = rehearsed(mode, 3, office_hours);
        assert_eq!((chosen.tuning.season, chosen.tuning.season_share), (Season::None, 0.0), "{mode:?}");
        assert_eq!(memory.service_levels[NAME].load.usual, None, "{mode:?}");
    }
}

#[test]
fn a_flat_load_is_served_cheaply() {
    let (_, _, tasks) = rehearsed(Some(PredictiveMode::ForecastAndScale), 3, |_| 400.0);
    assert!((21..=32).contains(&tasks), "{tasks} for the work of 20");
}

#[test]
fn bursts_that_nothing_announces_are_waited_for() {
    // Some minutes of 100 a second, at odd times, and nothing between them.
    let burst = |minute: i64| if (minute / 10 * 7919) % 23 == 0 { 100.0 } else { 0.0 };
    let (chosen, _, tasks) = rehearsed(Some(PredictiveMode::ForecastOnly), 3, burst);
    let tuning = chosen.tuning;
    assert!(50.0 < tuning.floor_s || 180.0 <= tuning.hold_min, "{tuning:?}");
    assert!(5 <= tasks, "{tasks} for bursts of 5 tasks' work");
}

#[test]
fn less_than_a_day_of_history_decides_plainly() {
    let decision = decide(&service(None), &seen_at(DAY - 1, 0, 1, |_| 400.0), known());
    let load = &decision.memory.service_levels[NAME].load;
    assert_eq!((load.rehearsed, load.tried_at.is_some()), (None, true));
    assert!(
        20 < decision.to && decision.reasons[0].text.to_string().ends_with("(not rehearsed yet)"),
        "{:?}",
        decision.reasons
    );
}

#[test]
fn history_with_holes_and_impossible_values_is_rehearsed_on_what_is_left() {
    let mut look = seen_at(3 * DAY, 0, 1, office_hours);
    let points = look.metrics.get_mut(REQUESTS).unwrap();
    points.retain(|point| point.start.as_second() % 7 != 0);
    for point in points.iter_mut().step_by(11) {
        point.value = f64::NAN;
    }
    let decision = decide(&service(Some(PredictiveMode::ForecastAndScale)), &look, known());
    assert!(decision.memory.service_levels[NAME].load.rehearsed.is_some());
    assert!(decision.to <= 1000);
}

#[test]
fn the_history_is_wanted_once_a_day_and_when_what_a_task_takes_turns_out_to_be_another() {
    let now = at(15 * DAY);
    let ago = |minutes: i64| now - SignedDuration::from_mins(minutes);
    let rehearsed = |minutes: i64, per_task_s: f64| {
        Some(Rehearsed { at: ago(minutes), per_task_s, tuning: LookaheadTuning::default() })
    };
    // (case, what a task takes with its weight, last try and last rehearsal, wanted)
    let cases = [
        ("what a task takes is not known", None, 1.0, None, None, false),
        ("it is hardly known", Some(20.0), 0.2, None, None, false),
        ("it is known", Some(20.0), 1.0, None, None, true),
        ("it was tried half an hour ago", Some(20.0), 1.0, Some(ago(30)), None, false),
        ("it was tried an hour ago", Some(20.0), 1.0, Some(ago(60)), None, true),
        ("rehearsed this day", Some(20.0), 1.0, Some(ago(1400)), rehearsed(1400, 20.0), false),
        ("rehearsed a day ago", Some(20.0), 1.0, Some(ago(1440)), rehearsed(1440, 20.0), true),
        (
            "a task takes a twentieth more than then",
            Some(21.0),
            1.0,
            Some(ago(100)),
            rehearsed(100, 20.0),
            false,
        ),
        ("a task takes a fifth less than then", Some(16.0), 1.0, Some(ago(100)), rehearsed(100, 20.0), true),
        (
            "rehearsed by a clock that was wrong",
            Some(20.0),
            1.0,
            Some(ago(-600)),
            rehearsed(-600, 20.0),
            true,
        ),
    ];
    for (case, per_task_s, per_task_weight, tried_at, rehearsed, wanted) in cases {
        let load = LoadMemory { tried_at, rehearsed, ..LoadMemory::default() };
        let level = ServiceLevelMemory { per_task_s, per_task_weight, load, ..ServiceLevelMemory::default() };
        let memory = Memory { service_levels: [(NAME.into(), level)].into(), ..Memory::default() };
        let target = service(None);
        let keys: Vec<&str> =
            wanted_history(&target, &memory, now).iter().map(|metric| metric.key.as_str()).collect();
        assert_eq!(keys, if wanted { vec![REQUESTS] } else { vec![] }, "{case}");
    }
    assert_eq!(HISTORY, seconds(14 * 86_400));
}

#[test]
fn queues_want_the_history_where_tasks_start_too_slowly() {
    let target = target(0, 100, [PolicyKind::Queue(queue(QueueGoal::StartWithin(seconds(180))))]);
    let slow = StartMemory { seen: 200.0, mean_s: 200.0, look_s: 60.0, ..StartMemory::default() };
    // (case, start times, messages a second and task, wanted)
    let cases = [
        ("fast starts", StartMemory::default(), Some(2.0), false),
        ("slow starts", slow.clone(), Some(2.0), true),
        ("slow starts of tasks of unknown speed", slow, None, false),
    ];
    for (case, starts, finished_per_task_s, wanted) in cases {
        let learned = QueueMemory { finished_per_task_s, ..QueueMemory::default() };
        let memory = Memory { starts, queues: [("queue0".into(), learned)].into(), ..Memory::default() };
        let keys: Vec<&str> =
            wanted_history(&target, &memory, at(0)).iter().map(|metric| metric.key.as_str()).collect();
        assert_eq!(keys, if wanted { vec![SENT] } else { vec![] }, "{case}");
    }
}

#[test]
fn a_queue_of_slow_starters_rehearses_on_its_arrivals() {
    let target = target(0, 100, [PolicyKind::Queue(queue(QueueGoal::StartWithin(seconds(180))))]);
    let starts = StartMemory {
        seen: 200.0,
        mean_s: 200.0,
        variance_s2: 100.0,
        look_s: 60.0,
        ..StartMemory::default()
    };
    let learned =
        QueueMemory { finished_per_task_s: Some(2.0), at_full_work: true, ..QueueMemory::default() };
    let memory = Memory { starts, queues: [("queue0".into(), learned)].into(), ..Memory::default() };
    let mut look = seen_at(2 * DAY, 0, 1, |_| 20.0);
    let points = look.metrics.remove(REQUESTS).unwrap();
    look.metrics.insert(SENT.into(), points);
    look.queues.insert("orders".into(), depth(10, 0));
    let decision = decide(&target, &look, memory.clone());
    assert!(decision.memory.queues["queue0"].load.rehearsed.is_some());
    assert!((10..=16).contains(&decision.to), "{} for the work of 10", decision.to);
}

#[test]
fn the_memory_of_a_rehearsed_service_fits_its_item() {
    let (_, memory, _) =
        rehearsed(Some(PredictiveMode::ForecastAndScale), 3, |minute| office_hours(minute) + 0.123_456_7);
    let size = serde_json::to_string(&memory).unwrap().len();
    assert!(size < 8_000, "{size} bytes");
}
