//! Looks inside the minute of a tick.

use std::time::Duration;

use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::control::answer::{Answer, AnswerError, ServiceDecision};
use crate::control::calls::MOST_ATTEMPTS;
use crate::control::trigger::Trigger;
use crate::control::watch::add;
use crate::control::{Settings, Watch};
use crate::model::{Change, ReasonCode, ServiceId, TaskCount};

use super::fake::{FakeCloud, NOW, entry, entry_with, id, sessions};
use super::{check_error, decided};

const TEN_SECONDS: Duration = Duration::from_secs(10);

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn in_seconds(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn worker(service: &str, queue: &str) -> serde_json::Value {
    entry_with(service, &json!([{ "queue": { "queue": queue, "backlog_per_task": 10 } }]))
}

fn watch(cloud: &std::sync::Arc<FakeCloud>, every: Duration, deadline_s: i64) -> Watch {
    let settings = Settings { look_every: Some(every), ..Settings::default() };
    let controller = cloud.controller_with(settings);
    block_on(controller.watch(&Trigger::Tick, Some(in_seconds(deadline_s))))
}

#[test]
fn services_that_gain_by_it_are_looked_at_again_and_the_others_once() {
    let fast = json!({ "target_tracking": { "metric": "ECSServiceAverageCPUUtilizationHighResolution", "target": 60 } });
    let mut paused = worker("prod/paused", "paused");
    paused["mode"] = json!("paused");
    let entries =
        [entry("prod/api"), worker("prod/worker", "orders"), entry_with("prod/fast", &json!([fast])), paused];
    let cloud = FakeCloud::new(&entries);
    for service in ["prod/api", "prod/worker", "prod/fast", "prod/paused"] {
        cloud.run(service, 2);
    }
    let watch = watch(&cloud, TEN_SECONDS, 60);
    assert_eq!((watch.looks, watch.waited), (6, 5 * TEN_SECONDS));
    assert_eq!(watch.answer.decisions.len(), 4, "{:?}", watch.answer.decisions);
    let calls = cloud.take_calls("");
    let count = |call: &str| calls.iter().filter(|made| *made == call).count();
    assert_eq!(count("ecs:DescribeServices prod 4"), 1);
    assert_eq!(count("ecs:DescribeServices prod 2"), 5);
    assert_eq!(count("sqs:GetQueueAttributes orders"), 6);
    assert_eq!(count("sqs:GetQueueAttributes paused"), 1);
}

#[test]
fn where_no_service_gains_there_is_one_look_and_no_wait() {
    let cloud = FakeCloud::with_service(&entry("prod/api"), 2);
    let watch = watch(&cloud, TEN_SECONDS, 60);
    assert_eq!((watch.looks, watch.waited), (1, Duration::ZERO));
    assert_eq!(cloud.world().now, now());
}

#[test]
fn the_looks_end_before_the_next_tick_and_before_the_deadline() {
    // (case, between looks, a look takes, deadline, looks, done after), in seconds
    let cases = [
        ("every 10 s", 10, 0, 60, 6, 50),
        ("every 20 s", 20, 0, 60, 3, 40),
        ("every 30 s", 30, 0, 60, 2, 30),
        ("every 45 s", 45, 0, 60, 2, 45),
        ("a longer deadline does not reach into the next tick", 10, 0, 900, 6, 50),
        ("a shorter one ends them, with time to answer", 10, 0, 41, 4, 30),
        ("none is left", 10, 0, 11, 1, 0),
        ("it is over already", 10, 0, -5, 1, 0),
        ("a look that would not be done in time is not begun", 10, 8, 60, 5, 48),
        ("one that is missed is left out", 10, 12, 60, 3, 52),
        ("one look takes the whole minute", 10, 58, 60, 1, 58),
    ];
    for (case, every, takes, deadline, looks, done) in cases {
        let cloud = FakeCloud::with_service(&worker("prod/worker", "orders"), 2);
        cloud.world().look_takes = Duration::from_secs(takes);
        let watch = watch(&cloud, Duration::from_secs(every), deadline);
        assert_eq!((watch.looks, cloud.world().now), (looks, in_seconds(done)), "{case}");
    }
}

#[test]
fn a_look_that_does_not_end_is_given_up_in_time_to_answer() {
    for (deadline, done) in [(60, 55), (40, 38)] {
        let cloud = FakeCloud::with_service(&worker("prod/worker", "orders"), 2);
        cloud.world().hangs_from = Some(in_seconds(30));
        let watch = watch(&cloud, TEN_SECONDS, deadline);
        assert_eq!((watch.looks, cloud.world().now), (3, in_seconds(done)));
        assert_eq!(decided(&watch.answer), ["prod/worker 2>2"], "what was decided before is told");
        check_error(&watch.answer, None, &["given up", "the next tick looks again"]);
    }
}

#[test]
fn only_a_tick_with_a_deadline_looks_again() {
    let evaluate = super::evaluate(&["prod/worker"]);
    let alarm = Trigger::Alarm { name: "high".to_owned(), services: vec![id("prod/worker")] };
    let (often, once) = (Some(TEN_SECONDS), None);
    let cases = [
        (&Trigger::Tick, often, Some(in_seconds(60)), 6),
        (&Trigger::Tick, often, None, 1),
        (&Trigger::Tick, once, Some(in_seconds(60)), 1),
        (&evaluate, often, Some(in_seconds(60)), 1),
        (&alarm, often, Some(in_seconds(60)), 1),
    ];
    for (trigger, look_every, deadline, looks) in cases {
        let cloud = FakeCloud::with_service(&worker("prod/worker", "orders"), 2);
        let controller = cloud.controller_with(Settings { look_every, ..Settings::default() });
        assert_eq!(block_on(controller.watch(trigger, deadline)).looks, looks, "{trigger:?} {deadline:?}");
    }
}

#[test]
fn a_metric_of_a_minute_is_asked_for_once_and_one_of_seconds_at_each_look() {
    let fast = json!({ "metric": { "namespace": "MyApp", "name": "Fast", "period": "10s" }, "target": 50 });
    let policies = json!([sessions(50, 5), { "target_tracking": fast }]);
    let cloud = FakeCloud::with_service(&entry_with("prod/api", &policies), 2);
    cloud.world().metrics.insert("Sessions".to_owned(), 50.0);
    let watch = watch(&cloud, TEN_SECONDS, 60);
    assert_eq!((watch.looks, watch.answer.errors), (6, vec![]));
    assert_eq!(
        cloud.take_calls("cloudwatch:GetMetricData"),
        [vec!["cloudwatch:GetMetricData 2"], vec!["cloudwatch:GetMetricData 1"; 5]].concat()
    );
    let told = &watch.answer.decisions[0].reasons;
    assert!(told.iter().any(|reason| reason.contains("Sessions is 50")), "a later look knows it: {told:?}");
}

#[test]
fn a_failed_call_is_one_error_however_often_it_fails_and_is_tried_again() {
    let cloud = FakeCloud::with_service(&worker("prod/worker", "orders"), 2);
    cloud.world().failing.insert("sqs:GetQueueAttributes");
    let watch = watch(&cloud, TEN_SECONDS, 60);
    assert_eq!((watch.looks, watch.answer.errors.len()), (6, 1), "{:?}", watch.answer.errors);
    assert_eq!(cloud.take_calls("sqs:GetQueueAttributes").len(), 6 * MOST_ATTEMPTS as usize);
}

fn look(service: &str, from: TaskCount, to: TaskCount, applied: bool) -> Answer {
    let decision = ServiceDecision {
        service: ServiceId::new("prod", service),
        at: now(),
        from,
        to,
        change: match to.cmp(&from) {
            std::cmp::Ordering::Greater => Change::Out,
            std::cmp::Ordering::Less => Change::In,
            std::cmp::Ordering::Equal => Change::Hold,
        },
        applied,
        code: ReasonCode::Queue,
        reasons: Vec::new(),
        running: from,
        pending: 0,
        recommendations: Vec::new(),
        memory: None,
    };
    Answer {
        decisions: vec![decision],
        errors: vec![AnswerError::world(None, format!("{from}>{to}"))],
        ..Answer::default()
    }
}

#[test]
fn the_answer_has_each_change_and_the_last_hold() {
    // (case, from, to and applied of each look, told)
    type Case<'a> = (&'a str, &'a [(TaskCount, TaskCount, bool)], &'a [&'a str]);
    let cases: [Case<'_>; 5] = [
        ("holds", &[(4, 4, false), (4, 4, false)], &["prod/a 4>4"]),
        ("a change after a hold", &[(4, 4, false), (4, 6, true)], &["prod/a 4>6!"]),
        (
            "changes and a hold",
            &[(4, 6, true), (6, 6, false), (6, 9, true), (9, 9, false), (9, 9, false)],
            &["prod/a 4>6!", "prod/a 6>9!", "prod/a 9>9"],
        ),
        ("what is not carried out is said once", &[(4, 6, false), (4, 6, false)], &["prod/a 4>6"]),
        ("what failed and was done then", &[(4, 6, false), (4, 6, true)], &["prod/a 4>6!"]),
    ];
    for (case, looks, told) in cases {
        let mut answer = look("b", 1, 1, false);
        for (from, to, applied) in looks {
            add(&mut answer, &look("a", *from, *to, *applied));
        }
        assert_eq!(decided(&answer)[1..], *told, "{case}");
        assert_eq!(decided(&answer)[0], "prod/b 1>1", "{case}: others are left alone");
        assert_eq!(answer.errors.len(), 1 + looks.len(), "{case}");
    }
}
