//! What is asked of the world, and what is decided when a part of it does not answer.

use serde_json::json;

use crate::control::ports::{AlarmDescription, MetricQuery};
use crate::control::trigger::{Shard, Trigger};
use crate::model::{AlarmState, QueueDepth};

use super::fake::{FakeCloud, alarm, entry, entry_with, id, sessions, steps};
use super::{check_error, decided};

#[test]
fn services_are_described_by_cluster_ten_at_a_time() {
    let cloud = FakeCloud::new(&[entry("*/*")]);
    for number in 0..13 {
        cloud.run(&format!("prod/service-{number}"), 2);
    }
    for number in 0..12 {
        cloud.run(&format!("stage/service-{number}"), 2);
    }
    assert_eq!(cloud.answer(&Trigger::Tick).decisions.len(), 25);
    let calls = cloud.take_calls("ecs:DescribeServices");
    let sizes = ["prod 10", "prod 3", "stage 10", "stage 2"];
    assert_eq!(calls, sizes.map(|size| format!("ecs:DescribeServices {size}")));
}

#[test]
fn no_batch_is_larger_than_its_api_takes() {
    let entries: Vec<_> = (0..501)
        .map(|number| {
            let cpu =
                json!({ "target_tracking": { "metric": "ECSServiceAverageCPUUtilization", "target": 60 } });
            entry_with(&format!("prod/service-{number}"), &json!([cpu, steps(&format!("alarm-{number}"))]))
        })
        .collect();
    let cloud = FakeCloud::new(&entries);
    for number in 0..501 {
        cloud.run(&format!("prod/service-{number}"), 2);
        cloud.world().alarms.insert(format!("alarm-{number}"), alarm(AlarmState::Ok, 1.0, "Latency"));
    }
    let answer = cloud.answer(&Trigger::Tick);
    assert_eq!((answer.decisions.len(), answer.errors.len()), (501, 0));
    let calls = cloud.take_calls("");
    let batches = |operation: &str| {
        let sizes = calls
            .iter()
            .filter(|call| call.starts_with(operation))
            .map(|call| call.rsplit(' ').next().unwrap());
        let mut sizes: Vec<usize> = sizes.map(|size| size.parse().unwrap()).collect();
        sizes.sort_unstable();
        (sizes.len(), sizes[0], sizes[sizes.len() - 1])
    };
    assert_eq!(batches("ecs:DescribeServices"), (51, 1, 10));
    assert_eq!(batches("cloudwatch:GetMetricData"), (2, 1, 500));
    assert_eq!(batches("cloudwatch:DescribeAlarms"), (6, 1, 100));
    assert_eq!(batches("load"), (6, 1, 100));
}

#[test]
fn what_several_services_need_is_asked_for_once() {
    let queue = json!({ "queue": { "queue": "orders", "backlog_per_task": 10 } });
    let api = entry_with("prod/api", &json!([sessions(100, 5), steps("slow"), queue]));
    let web = entry_with("prod/web", &json!([sessions(50, 15), steps("slow"), queue]));
    let cloud = FakeCloud::new(&[api, web]);
    cloud.run("prod/api", 2);
    cloud.run("prod/web", 2);
    cloud.world().alarms.insert("slow".to_owned(), alarm(AlarmState::Alarm, 60.0, "Sessions"));
    assert_eq!(cloud.answer(&Trigger::Tick).errors, []);
    assert_eq!(cloud.world().queries.iter().map(|query| query.points).collect::<Vec<_>>(), [18]);
    let calls = cloud.take_calls("");
    for once in ["sqs:GetQueueAttributes orders", "cloudwatch:DescribeAlarms 1", "cloudwatch:GetMetricData 1"]
    {
        assert_eq!(calls.iter().filter(|call| *call == once).count(), 1, "{once} in {calls:?}");
    }
}

#[test]
fn target_tracking_asks_for_a_quarter_of_an_hour_which_costs_no_more_than_the_points_it_counts() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    cloud.answer(&Trigger::Tick);
    let queries: Vec<MetricQuery> = cloud.world().queries.clone();
    assert_eq!(queries.iter().map(|query| query.points).collect::<Vec<_>>(), [15]);
}

#[test]
fn of_target_tracking_by_some_of_the_newest_points_it_asks_for_all_of_those() {
    let cpu = json!({ "metric": "ECSServiceAverageCPUUtilization", "target": 60, "scale_in_within": 20 });
    let entry = entry_with("prod/checkout", &json!([{ "target_tracking": cpu }]));
    let cloud = FakeCloud::with_service(&entry, 2);
    cloud.answer(&Trigger::Tick);
    assert_eq!(cloud.world().queries[0].points, 23);
}

#[test]
fn for_points_that_an_offset_leaves_out_it_asks_for_older_ones() {
    let mut policy = sessions(100, 5);
    policy["target_tracking"]["metric"]["offset"] = json!("90s");
    let cloud = FakeCloud::with_service(&entry_with("prod/checkout", &json!([policy])), 2);
    cloud.answer(&Trigger::Tick);
    assert_eq!(cloud.world().queries[0].points, 17);
}

#[test]
fn a_metric_reaches_the_decision() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 4);
    cloud.world().metrics.insert("CPUUtilization prod/checkout".to_owned(), 90.0);
    assert_eq!(decided(&cloud.answer(&Trigger::Tick)), ["prod/checkout 4>6!"]);
}

#[test]
fn a_queue_reaches_the_decision() {
    let queue = json!([{ "queue": { "queue": "orders", "backlog_per_task": 10 } }]);
    let cloud = FakeCloud::with_service(&entry_with("prod/worker", &queue), 2);
    cloud.world().queues.insert("orders".to_owned(), QueueDepth { visible: 60, ..QueueDepth::default() });
    assert_eq!(decided(&cloud.answer(&Trigger::Tick)), ["prod/worker 2>6!"]);
}

#[test]
fn a_step_is_chosen_by_the_newest_value_of_an_alarm_in_alarm() {
    let cases = [
        ("the metric's newest point goes before the value of the transition", Some(70.0), "prod/api 4>7!"),
        ("without a point the value of the transition stands", None, "prod/api 4>5!"),
    ];
    for (case, newest, outcome) in cases {
        let cloud = FakeCloud::with_service(&entry_with("prod/api", &json!([steps("slow")])), 4);
        cloud.world().alarms.insert("slow".to_owned(), alarm(AlarmState::Alarm, 60.0, "Latency"));
        cloud.world().metrics.extend(newest.map(|value| ("Latency".to_owned(), value)));
        assert_eq!(decided(&cloud.answer(&Trigger::Tick)), [outcome], "{case}");
    }
}

#[test]
fn a_step_is_chosen_by_the_aggregate_of_the_points_that_the_alarm_evaluates() {
    let (low, high) = (Some(52.0), Some(100.0));
    // (case, aggregation, values, outcome by a step that begins at 65)
    let cases = [
        ("the mean, 68", "Average", vec![high, low, low, high], "prod/api 4>7!"),
        ("the least", "Minimum", vec![low, high, low, high], "prod/api 4>5!"),
        ("the greatest", "Maximum", vec![low, high, low, low], "prod/api 4>7!"),
        (
            "none older than the three that it evaluates",
            "Maximum",
            vec![high, low, low, low],
            "prod/api 4>5!",
        ),
        ("none from before a gap", "Maximum", vec![high, None, low], "prod/api 4>5!"),
    ];
    for (case, aggregation, values, outcome) in cases {
        let mut policy = steps("slow");
        policy["step_scaling"]["metric_aggregation"] = json!(aggregation);
        let cloud = FakeCloud::with_service(&entry_with("prod/api", &json!([policy])), 4);
        let alarm = AlarmDescription { evaluation_periods: 3, ..alarm(AlarmState::Alarm, 60.0, "Latency") };
        cloud.world().alarms.insert("slow".to_owned(), alarm);
        cloud.world().series.insert("Latency".to_owned(), values);
        assert_eq!(decided(&cloud.answer(&Trigger::Tick)), [outcome], "{case}");
        assert_eq!(cloud.world().queries[0].points, 6, "{case}");
    }
}

#[test]
fn the_metric_of_an_alarm_that_is_not_in_alarm_is_not_paid_for() {
    let cloud = FakeCloud::with_service(&entry_with("prod/api", &json!([steps("slow")])), 4);
    cloud.world().alarms.insert("slow".to_owned(), alarm(AlarmState::Ok, 20.0, "Latency"));
    assert_eq!(decided(&cloud.answer(&Trigger::Tick)), ["prod/api 4>4"]);
    assert_eq!(cloud.take_calls("cloudwatch:GetMetricData"), [""; 0]);
}

#[test]
fn what_fails_leaves_the_others_decided() {
    let queue = json!([{ "queue": { "queue": "orders", "backlog_per_task": 10 } }]);
    let entries = [
        entry("prod/api"),
        entry_with("prod/sessions", &json!([sessions(100, 5)])),
        entry_with("prod/steps", &json!([steps("slow")])),
        entry_with("prod/worker", &queue),
        entry("stage/api"),
    ];
    let all =
        ["prod/api 1>2!", "prod/sessions 1>2!", "prod/steps 1>2!", "prod/worker 1>2!", "stage/api 1>2!"];
    let not_stage = &all[..4];
    let cases = [
        (
            "ecs:DescribeServices stage",
            not_stage,
            Some("stage/api"),
            "left as it is, because it cannot be described",
        ),
        (
            "cloudwatch:GetMetricData",
            &all[..],
            None,
            "decided without 3 metrics: cloudwatch:GetMetricData failed",
        ),
        ("Sessions", &all[..], Some("prod/sessions"), "without the metric Average Sessions of MyApp"),
        ("cloudwatch:DescribeAlarms", &all[..], Some("prod/steps"), "without the state of one alarm (slow)"),
        ("sqs:GetQueueAttributes orders", &all[..], Some("prod/worker"), "decided without the queue orders"),
        ("load", &[], Some("stage/api"), "what is remembered of it cannot be read"),
    ];
    for (failing, outcome, service, error) in cases {
        let cloud = FakeCloud::new(&entries);
        for decision in all {
            cloud.run(decision.split(' ').next().unwrap(), 1);
        }
        cloud.world().alarms.insert("slow".to_owned(), alarm(AlarmState::Ok, 20.0, "Latency"));
        cloud.world().failing.insert(failing);
        let answer = cloud.answer(&Trigger::Tick);
        assert_eq!(decided(&answer), outcome, "{failing}");
        check_error(&answer, service, &[error]);
    }
}

#[test]
fn a_service_that_is_gone_is_an_error_of_its_own() {
    let cloud = FakeCloud::new(&[entry("prod/api"), entry("prod/gone")]);
    cloud.run("prod/api", 1);
    let answer = cloud.answer(&Trigger::Tick);
    assert_eq!(decided(&answer), ["prod/api 1>2!"]);
    check_error(&answer, Some("prod/gone"), &["cannot be described", "it is MISSING"]);
}

#[test]
fn an_alarm_that_does_not_exist_is_named_with_its_services() {
    let cloud = FakeCloud::with_service(&entry_with("prod/api", &json!([steps("slwo")])), 1);
    let answer = cloud.answer(&Trigger::Shard(Shard::by_hand(vec![id("prod/api")])));
    assert_eq!(decided(&answer), ["prod/api 1>2!"]);
    check_error(&answer, Some("prod/api"), &["the alarm slwo", "CloudWatch has no alarm of this name"]);
}
