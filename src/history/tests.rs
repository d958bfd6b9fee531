//! Reading, keeping and learning from a past, over a CloudWatch that is scripted.

mod replaying;

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::config::PolicyFile;
use crate::control::ports::{PortError, PortErrorKind};
use crate::model::{MetricStat, Point, ScalableTarget};

const DAY: i64 = 86_400;
/// Friday, 2 January 2026, midnight UTC.
const START: Timestamp = Timestamp::constant(1_767_312_000, 0);

fn at(seconds: i64) -> Timestamp {
    START.saturating_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn target(policies: &str) -> ScalableTarget {
    let text = format!(
        "version: 1\nservices:\n  - service: prod/web\n    capacity: {{ min: 1, max: 9 }}\n    policies: [{policies}]\n"
    );
    let file = PolicyFile::parse("trimtab.yaml", &text).unwrap();
    assert!(file.problems.is_empty(), "{:?}", file.problems);
    file.entries[0].target_for(&ServiceId::new("prod", "web"))
}

const CPU: &str = "target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }";
const LEVEL: &str = "service_level: { load_balancer: app/web/1, target_group: targetgroup/web/2, latency: 300ms, percent: 99.9 }";
const QUEUES: &str = "queue: { queue: [orders, refunds], start_within: 60s }";

/// A CloudWatch that has a value for each minute of each metric named, and fails from some call on.
#[derive(Default)]
struct Scripted {
    values: BTreeMap<&'static str, f64>,
    fails_from: Option<usize>,
    calls: Mutex<Vec<(i64, i64)>>,
}

#[async_trait]
impl MetricHistory for Scripted {
    async fn minutes(
        &self,
        stats: &[MetricStat],
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<Vec<Point>>, PortError> {
        let mut calls = self.calls.lock().unwrap();
        if self.fails_from.is_some_and(|from| from <= calls.len()) {
            return Err(PortError::new("cloudwatch:GetMetricData", PortErrorKind::Transient, "throttled"));
        }
        calls.push(((start.as_second() - START.as_second()), (end.as_second() - START.as_second())));
        let minutes = (start.as_second()..end.as_second()).step_by(60);
        let of = |stat: &MetricStat| {
            let queue = stat.dimensions.get("QueueName").cloned().unwrap_or_default();
            let name = format!("{queue}{}.{}", stat.name, stat.stat);
            let value = self.values.get(name.as_str()).copied();
            minutes
                .clone()
                .filter_map(|second| {
                    Some(Point { start: Timestamp::from_second(second).ok()?, value: value? })
                })
                .collect()
        };
        Ok(stats.iter().map(of).collect())
    }
}

fn read_all(
    source: &Scripted,
    target: &ScalableTarget,
    history: &mut History,
    end: i64,
) -> Result<(), PortError> {
    let sources = Sources::of(target);
    for part in history.missing(START, at(end)) {
        block_on(read(history, source, &sources, part))?;
    }
    Ok(())
}

fn empty(target: &ScalableTarget) -> History {
    History::empty(target.service.clone(), Sources::of(target).unit)
}

#[test]
fn the_load_is_what_the_policies_follow() {
    let web = [("RequestCount.Sum", 1200.0), ("TargetResponseTime.PR(:0.3)", 99.5)];
    let ecs = [("CPUUtilization.Average", 50.0), ("CPUUtilization.SampleCount", 4.0)];
    let queues = [
        ("ordersNumberOfMessagesSent.Sum", 600.0),
        ("refundsNumberOfMessagesSent.Sum", 60.0),
        ("ordersNumberOfMessagesDeleted.Sum", 300.0),
        ("refundsApproximateNumberOfMessagesVisible.Average", 7.0),
        ("ordersApproximateAgeOfOldestMessage.Maximum", 40.0),
    ];
    let values = web.into_iter().chain(ecs).chain(queues).collect();
    let source = Scripted { values, ..Scripted::default() };
    let first = |policies: &str| {
        let target = target(policies);
        let mut history = empty(&target);
        read_all(&source, &target, &mut history, 120).unwrap();
        assert_eq!(history.intervals.len(), 2);
        (history.unit.unwrap(), history.intervals[0])
    };

    let (unit, minute) = first(CPU);
    assert_eq!((unit, minute.rate), (LoadUnit::Work, 2.0), "4 tasks at 50 per cent keep 2 busy");
    assert_eq!((minute.running, minute.cpu, minute.visible), (Some(4.0), Some(50.0), None));

    let both = format!("{{ {CPU} }}, {{ {LEVEL} }}");
    let (unit, minute) = first(&both);
    assert_eq!((unit, minute.rate, minute.within), (LoadUnit::Requests, 20.0, Some(99.5)));

    let per_target = "target_tracking: { metric: ALBRequestCountPerTarget, resource_label: app/web/1/targetgroup/web/2, target: 9 }";
    let (unit, minute) = first(per_target);
    assert_eq!((unit, minute.rate, minute.within), (LoadUnit::Requests, 20.0, None));

    let (unit, minute) = first(QUEUES);
    assert_eq!((unit, minute.rate, minute.deleted), (LoadUnit::Messages, 11.0, Some(5.0)));
    assert_eq!((minute.visible, minute.oldest_age_s), (Some(7.0), Some(40.0)));
}

#[test]
fn container_insights_counts_tasks_where_it_is_on_and_twenty_second_samples_are_three_a_minute() {
    let read_one = |policies: &str, values: &[(&'static str, f64)]| {
        let target = target(policies);
        let mut history = empty(&target);
        let source = Scripted { values: values.iter().copied().collect(), ..Scripted::default() };
        read_all(&source, &target, &mut history, 60).unwrap();
        history.intervals[0]
    };
    let samples = ("CPUUtilization.SampleCount", 6.0);
    assert_eq!(read_one(CPU, &[samples]).running, Some(6.0));
    let insights = [samples, ("RunningTaskCount.Average", 5.0), ("DesiredTaskCount.Average", 8.0)];
    let minute = read_one(CPU, &insights);
    assert_eq!((minute.running, minute.desired), (Some(5.0), Some(8.0)));
    let high = CPU.replace("Utilization,", "UtilizationHighResolution,");
    assert_eq!(read_one(&high, &[samples]).running, Some(2.0));
}

#[test]
fn what_is_not_published_did_not_happen() {
    let target = target(LEVEL);
    let mut history = empty(&target);
    read_all(&Scripted::default(), &target, &mut history, 60).unwrap();
    let minute = history.intervals[0];
    assert_eq!((minute.rate, minute.running, minute.within), (0.0, Some(0.0), None));
}

#[test]
fn an_interrupted_read_goes_on_where_it_stopped_a_day_at_a_time() {
    let target = target(CPU);
    let (from, until) = (START, at(2 * DAY + 3600));
    let mut history = empty(&target);
    let flaky = Scripted { fails_from: Some(2), ..Scripted::default() };
    let error = read_all(&flaky, &target, &mut history, 2 * DAY + 3600).unwrap_err();
    assert!(error.to_string().contains("throttled"));
    assert_eq!(*flaky.calls.lock().unwrap(), [(0, DAY), (DAY, 2 * DAY)]);

    let kept = history.to_csv();
    let mut history = History::parse("kept.csv", &kept).unwrap();
    assert_eq!(history.missing(from, until), vec![at(2 * DAY)..until]);
    let steady = Scripted::default();
    read_all(&steady, &target, &mut history, 2 * DAY + 3600).unwrap();
    assert_eq!(*steady.calls.lock().unwrap(), [(2 * DAY, 2 * DAY + 3600)]);
    assert_eq!(history.missing(from, until), []);
    assert_eq!(history.intervals.len(), 2 * 1440 + 60);
}

#[test]
fn a_hole_in_the_middle_is_all_that_is_asked_for() {
    let mut history = empty(&target(CPU));
    read_all(&Scripted::default(), &target(CPU), &mut history, 600).unwrap();
    history.intervals.retain(|minute| !(at(120)..at(240)).contains(&minute.start));
    assert_eq!(history.missing(START, at(660)), vec![at(120)..at(240), at(600)..at(660)]);
}

#[test]
fn a_history_is_kept_as_csv_that_is_a_load_trace_as_well() {
    let target = target(QUEUES);
    let values = [("ordersNumberOfMessagesSent.Sum", 100.0), ("CPUUtilization.SampleCount", 3.0)];
    let source = Scripted { values: values.into_iter().collect(), ..Scripted::default() };
    let mut history = empty(&target);
    read_all(&source, &target, &mut history, 180).unwrap();
    let csv = history.to_csv();
    assert_eq!(
        csv.lines().take(2).collect::<Vec<_>>(),
        [
            "t,rate,running,desired,cpu,within,deleted,visible,oldest_age_s,load,service",
            "1767312000,1.666667,3,,,,0,0,0,messages,prod/web",
        ]
    );
    let mut rounded = history;
    rounded.intervals.iter_mut().for_each(|minute| minute.rate = 1.666_667);
    assert_eq!(History::parse("a.csv", &csv).unwrap(), rounded);
    let trace = crate::sim::load::Trace::parse("a.csv", &csv).unwrap();
    assert!((trace.duration_s() - 180.0).abs() < 1e-9);
}

#[test]
fn a_plain_trace_is_a_history_of_its_load_alone() {
    let history = History::parse("a.csv", "t,rate\n0,5\n300,6\n600,7\n").unwrap();
    assert_eq!((history.service.clone(), history.unit), (None, None));
    assert_eq!(history.start().unwrap().to_string(), "2026-01-01T00:00:00Z");
    assert!((history.duration_s() - 900.0).abs() < 1e-9);
    assert_eq!(history.intervals[1].running, None);
    let (fit, held) = history.split_at(0.7);
    assert_eq!((fit.intervals.len(), held.intervals.len()), (3, 0), "the rest begins at a whole interval");
    let (fit, held) = history.split_at(0.6);
    assert_eq!((fit.intervals.len(), held.intervals.len()), (2, 1));
}

#[test]
fn what_is_no_history_is_refused_with_its_place() {
    for (text, told) in [
        ("t,rate\n0,1\n", "a.csv has 1 rows; a load trace needs two at least"),
        ("t,rate\n0,1\n60,-1\n", "a.csv, line 3: rate must be a number, zero or more"),
        (
            "t,rate,running\n0,1,2\n60,1,many\n",
            "a.csv is not a history: CSV deserialize error: record 2 (line: 3",
        ),
        (
            "t,rate,service\n0,1,prod/a\n60,1,prod/b\n",
            "a.csv has rows of prod/a and of prod/b; a history is of one service and one load",
        ),
        ("t,rate,load\n0,1,work\n60,1,tons\n", "unknown variant `tons`"),
    ] {
        let error = History::parse("a.csv", text).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

fn interval(minute: i64, of: impl FnOnce(&mut Interval)) -> Interval {
    let mut interval = Interval {
        start: at(60 * minute),
        rate: 0.0,
        running: None,
        desired: None,
        cpu: None,
        within: None,
        deleted: None,
        visible: None,
        oldest_age_s: None,
    };
    of(&mut interval);
    interval
}

fn history(intervals: impl Iterator<Item = Interval>) -> History {
    History { service: None, unit: None, intervals: intervals.collect() }
}

#[test]
fn what_a_task_takes_is_learned_from_its_utilisation_where_it_was_busy() {
    // A task uses 5 per cent when idle and takes 40 requests a second: at night the idle part would mislead.
    let past = history((0..100).map(|minute| {
        let rate = if minute % 2 == 0 { 2.0 } else { 60.0 };
        interval(minute, |interval| {
            interval.rate = rate;
            interval.running = Some(2.0);
            interval.cpu = Some(5.0 + 100.0 * rate / 2.0 / 40.0);
        })
    }));
    let PerTask { rate, learned } = per_task(&past, LoadUnit::Requests, 20.0);
    assert_eq!(learned, Learned::Utilisation { intervals: 50 });
    assert!((37.0..40.0).contains(&rate), "{rate}");
}

#[test]
fn what_a_worker_takes_is_learned_where_more_waited_than_was_deleted() {
    let past = history((0..60).map(|minute| {
        let backlog = (20..40).contains(&minute);
        interval(minute, |interval| {
            interval.running = Some(3.0);
            interval.deleted = Some(if backlog { 6.0 } else { 0.5 });
            interval.visible = Some(if backlog { 5000.0 } else { 0.0 });
        })
    }));
    let PerTask { rate, learned } = per_task(&past, LoadUnit::Messages, 2.0);
    assert_eq!((rate, learned), (2.0, Learned::Backlog { intervals: 20 }));
}

#[test]
fn without_a_backlog_the_most_that_a_worker_was_seen_to_do_is_the_least_that_it_can() {
    let past = history((0..100).map(|minute| {
        interval(minute, |interval| {
            interval.running = Some(2.0);
            interval.cpu = Some(10.0);
            interval.deleted = Some(if minute < 10 { 3.0 } else { 1.0 });
            interval.visible = Some(0.0);
        })
    }));
    let most = PerTask { rate: 1.5, learned: Learned::MostSeen { intervals: 100 } };
    assert_eq!(per_task(&past, LoadUnit::Messages, 2.0), most);
}

#[test]
fn what_nothing_tells_is_assumed_and_work_needs_no_figure() {
    let past = history((0..60).map(|minute| interval(minute, |interval| interval.rate = 5.0)));
    let assumed = PerTask { rate: 20.0, learned: Learned::Assumed };
    assert_eq!(per_task(&past, LoadUnit::Requests, 20.0), assumed);
    assert_eq!(per_task(&past, LoadUnit::Work, 20.0), PerTask { rate: 1.0, learned: Learned::ByDefinition });
}
