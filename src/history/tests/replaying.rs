//! Trying policies on a past, and searching their settings on it.

use std::sync::Mutex;

use super::*;
use crate::config::with_settings;
use crate::model::policy::PolicyKind;
use crate::sim::service::TaskSize;
use crate::sim::tasks::StartTime;

const QUEUE: &str = "queue: { queue: orders, backlog_per_task: 50 }";

fn assumptions() -> Assumptions {
    Assumptions {
        per_task: None,
        promise_percent: None,
        task_start: StartTime { median_s: 45.0, p95_s: 90.0 },
        size: TaskSize::default(),
        latency_s: None,
        start_within_s: None,
    }
}

/// A past by the minute: the load, and the tasks that ran.
fn past(unit: LoadUnit, minutes: i64, rate: impl Fn(i64) -> f64, running: impl Fn(i64) -> f64) -> History {
    let intervals = (0..minutes).map(|minute| {
        interval(minute, |interval| {
            interval.rate = rate(minute);
            interval.running = Some(running(minute));
        })
    });
    History { unit: Some(unit), ..history(intervals) }
}

fn replay(history: &History, target: &ScalableTarget) -> Replay {
    Replay::new(history, &[target], assumptions()).unwrap()
}

fn close(found: f64, expected: f64, by: f64) {
    assert!((found - expected).abs() <= by, "{found}, not {expected}");
}

#[test]
fn the_counts_that_ran_are_replayed_as_they_were_with_the_time_that_tasks_start_and_drain() {
    let counts = |minute| [2.0, 5.0, 3.0][usize::try_from(minute / 10).unwrap()];
    let past = past(LoadUnit::Work, 30, |_| 1.0, counts);
    let happened = replay(&past, &target(CPU)).happened(&past, &[1, 2]).unwrap().unwrap();
    let (started, drained) = (3.0 * 45.0, 2.0 * 30.0);
    close(happened.task_hours().mean, (10.0 * 600.0 + started + drained) / 3600.0, 0.01);
    assert_eq!((happened.peak_tasks().most, happened.actions().mean), (5.0, 2.0));
    let measured = Measured::of(&past).unwrap();
    assert_eq!((measured.task_hours, measured.changes), (10.0 / 6.0, 2));
}

#[test]
fn a_short_gap_in_what_ecs_published_is_no_outage() {
    let with_gap = |length: i64| {
        let running = move |minute| if (10..10 + length).contains(&minute) { 0.0 } else { 4.0 };
        Measured::of(&past(LoadUnit::Work, 30, |_| 1.0, running)).unwrap().task_hours
    };
    close(with_gap(3), 2.0, 1e-9);
    close(with_gap(4), 2.0 - 4.0 * 4.0 / 60.0, 1e-9);
}

#[test]
fn a_past_begins_with_the_first_sign_of_the_service() {
    let ran_from =
        |first: i64| past(LoadUnit::Work, 30, |_| 0.0, move |minute| f64::from(u8::from(first <= minute)));
    let new = ran_from(20).from_first_sign();
    assert_eq!((new.start(), new.intervals.len()), (Some(at(20 * 60)), 10));
    assert_eq!(ran_from(99).from_first_sign().intervals.len(), 30, "without any sign it is what it was");
    let load_first = past(LoadUnit::Requests, 30, |minute| f64::from(u8::from(5 <= minute)), |_| 0.0);
    assert_eq!(load_first.from_first_sign().intervals.len(), 25);
}

#[test]
fn what_happened_is_not_told_where_no_counts_are() {
    let past = past(LoadUnit::Requests, 30, |_| 10.0, |_| 0.0);
    assert_eq!(Measured::of(&past), None);
    assert_eq!(replay(&past, &target(LEVEL)).happened(&past, &[1]).unwrap(), None);
}

#[test]
fn requests_within_the_latency_are_weighed_by_how_many_there_were() {
    let mut past = past(LoadUnit::Requests, 2, |minute| if minute == 0 { 90.0 } else { 10.0 }, |_| 1.0);
    past.intervals[0].within = Some(100.0);
    past.intervals[1].within = Some(50.0);
    close(Measured::of(&past).unwrap().within_percent.unwrap(), 95.0, 1e-9);
}

#[test]
fn what_the_past_does_not_tell_is_left_out_and_named() {
    let memory = "target_tracking: { metric: ECSServiceAverageMemoryUtilization, target: 70 }";
    let step = "step_scaling: { alarm: high, steps: [{ lower: 0, change: 1 }] }";
    let custom = "target_tracking: { metric: { namespace: MyApp, name: Sessions }, target: 9 }";
    let past = past(LoadUnit::Requests, 30, |_| 10.0, |_| 1.0);
    let left_out = |policies: &[&str]| {
        let policies: Vec<String> = policies.iter().map(|policy| format!("{{ {policy} }}")).collect();
        let target = target(&policies.join(", "));
        replay(&past, &target).replayable(&target)
    };
    let all = left_out(&[CPU, LEVEL, memory, step, custom, QUEUE]).unwrap();
    assert_eq!(all.target.policies.len(), 2);
    assert_eq!(
        all.left_out,
        [
            "target_tracking(ECSServiceAverageMemoryUtilization) is left out: the history does not tell what memory its \
             load takes",
            "step_scaling(high) is left out: the history does not tell when its alarm breached",
            "target_tracking(Sessions) is left out: the history does not tell its metric",
            "queue(orders) is left out: the history is of no queue",
        ]
    );
    let error = left_out(&[step]).unwrap_err().to_string();
    assert!(
        error.starts_with("the history of prod/web tells nothing that its policies follow: step_"),
        "{error}"
    );
}

#[test]
fn several_queues_are_replayed_as_one_with_all_messages() {
    let target = target("queue: { queue: [orders, refunds], backlog_per_task: 50 }");
    let past = past(LoadUnit::Messages, 30, |_| 1.0, |_| 1.0);
    let replayable = replay(&past, &target).replayable(&target).unwrap().target;
    let PolicyKind::Queue(queue) = &replayable.policies[0].kind else { panic!("{replayable:?}") };
    assert_eq!(queue.queues.len(), 1);
}

#[test]
fn a_policy_on_utilisation_follows_a_load_that_is_counted_in_busy_tasks() {
    let past = past(LoadUnit::Work, 240, |_| 3.0, |_| 5.0);
    let target = target(CPU);
    let part = replay(&past, &target).part(None, &past, &[1, 2]).unwrap();
    let tried = part.try_all(std::slice::from_ref(&target), &|| ());
    let tasks = tried[0].task_hours().mean / 4.0;
    assert!((5.0..7.0).contains(&tasks), "3 busy tasks at 60 per cent are 5 tasks, not {tasks}");
}

#[test]
fn what_a_task_takes_decides_how_many_are_needed() {
    let past = past(LoadUnit::Requests, 120, |_| 60.0, |_| 0.0);
    let target = target(CPU);
    let tasks = |per_task| {
        let assumptions = Assumptions { per_task: Some(per_task), ..assumptions() };
        let replay = Replay::new(&past, &[&target], assumptions).unwrap();
        assert_eq!(replay.per_task(), PerTask { rate: per_task, learned: Learned::Given });
        let part = replay.part(None, &past, &[1]).unwrap();
        part.try_all(std::slice::from_ref(&target), &|| ())[0].task_hours().mean / 2.0
    };
    let (slow, fast) = (tasks(20.0), tasks(60.0));
    assert!((4.5..6.5).contains(&slow) && (1.5..2.5).contains(&fast), "{slow}, {fast}");
}

fn search(promise_percent: f64) -> Search {
    Search { promise_percent, fit_share: 0.6, seeds: 1 }
}

fn tuned(past: &History, target: &ScalableTarget, promise_percent: f64) -> Tuning {
    let assumptions = Assumptions { promise_percent: Some(promise_percent), ..assumptions() };
    let replay = Replay::new(past, &[target], assumptions).unwrap();
    tune(&replay, past, target, search(promise_percent), &|_, _| ()).unwrap()
}

/// Ups and downs within each half hour.
fn waves(minute: i64) -> f64 {
    if minute % 30 < 15 { 20.0 } else { 60.0 }
}

#[test]
fn a_cautious_policy_is_made_cheaper_and_keeps_its_promise_on_what_was_held_out() {
    let past = past(LoadUnit::Requests, 300, waves, |_| 6.0);
    let target = target("target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 25 }");
    let tuning = tuned(&past, &target, 99.0);
    let Verdict::Cheaper(saved) = tuning.verdict else { panic!("{:?}", tuning.verdict) };
    assert!(5.0 < saved.mean, "{saved:?}");
    assert!(tuning.found.held_out.usd().mean < tuning.today.held_out.usd().mean);
    assert!(99.0 <= tuning.found.held_out.kept_percent().mean);
    assert_eq!(
        tuned(&past, &target, 99.0).found,
        tuning.found,
        "the same past and seeds give the same settings"
    );

    let costs: Vec<f64> = tuning.front.iter().map(|candidate| candidate.fit.usd().mean).collect();
    let kept: Vec<f64> = tuning.front.iter().map(|candidate| candidate.fit.kept_percent().mean).collect();
    assert!(costs.is_sorted() && kept.is_sorted() && 1 < costs.len(), "{costs:?} {kept:?}");
}

#[test]
fn the_settings_that_are_found_make_the_target_that_was_tried() {
    let text = "version: 1
services:
  - service: prod/web
    capacity: { min: 1, max: 9 }
    policies:
      - queue: { queue: orders, backlog_per_task: 5 } # a guess
";
    let past = past(LoadUnit::Messages, 200, |minute| waves(minute) / 20.0, |_| 3.0);
    let target = target("queue: { queue: orders, backlog_per_task: 5 }");
    let tuning = tuned(&past, &target, 99.0);
    assert!(!tuning.found.settings.is_empty());
    let edited = with_settings(text, &target.service, &tuning.found.settings).unwrap();
    let file = PolicyFile::parse("", &edited).unwrap();
    assert_eq!(file.entries[0].target_for(&target.service), tuning.found.target, "{edited}");
    assert!(edited.contains("# a guess"));
}

#[test]
fn a_promise_that_no_settings_keep_is_told() {
    let past = past(LoadUnit::Requests, 120, |_| 900.0, |_| 9.0);
    let tuning = tuned(&past, &target(CPU), 99.0);
    assert_eq!(tuning.verdict, Verdict::NoneKeeps, "nine tasks of 20 a second cannot serve 900");
}

#[test]
fn settings_that_fit_the_searched_part_alone_are_told() {
    let past = past(LoadUnit::Requests, 300, |minute| if minute < 180 { 30.0 } else { 900.0 }, |_| 9.0);
    let tuning = tuned(&past, &target(CPU), 99.0);
    assert_eq!(tuning.verdict, Verdict::NotKeptOnRest);
    assert!(tuning.found.held_out.kept_percent().mean < 50.0);
}

#[test]
fn promises_have_no_settings_to_search_but_their_bounds_have() {
    let past = past(LoadUnit::Requests, 60, |_| 30.0, |_| 3.0);
    let tuning = tuned(&past, &target(LEVEL), 90.0);
    assert_eq!(
        tuning.remarks,
        [
            "service_level(300ms 99.9%) is not tuned: it has no settings but its promise, and finds the rest itself"
        ]
    );
    let settings = tuning.front.iter().chain([&tuning.found]).flat_map(|candidate| &candidate.settings);
    assert!(settings.map(|setting| &setting.keys[0]).all(|key| key == "capacity" || key == "behavior"));
}

#[test]
fn progress_goes_up_to_its_end() {
    let past = past(LoadUnit::Requests, 60, |_| 30.0, |_| 3.0);
    let replay = Replay::new(&past, &[&target(LEVEL)], assumptions()).unwrap();
    let seen = Mutex::new(Vec::new());
    let progress = |done, of| seen.lock().unwrap().push((done, of));
    tune(&replay, &past, &target(LEVEL), search(90.0), &progress).unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(1 < seen.len() && seen.iter().all(|(done, of)| done <= of), "{seen:?}");
}

#[test]
fn settings_that_keep_the_promise_in_every_third_are_told_to_be_dearer() {
    let burst = |minute: i64| if (70..74).contains(&minute) { 90.0 } else { 30.0 };
    let past = past(LoadUnit::Requests, 300, burst, |_| 3.0);
    let target = target("target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }");
    let tuning = tuned(&past, &target, 92.0);
    let today = &tuning.today.fit;
    let altogether = today.kept_percent().mean;
    assert!(
        today.worst_third_percent < 92.0 && 92.0 <= altogether,
        "{} {altogether}",
        today.worst_third_percent
    );
    let Verdict::SaferAndDearer(saved) = tuning.verdict else { panic!("{:?}", tuning.verdict) };
    assert!(saved.mean < 0.0 && 92.0 <= tuning.found.fit.worst_third_percent, "{saved:?}");
}
