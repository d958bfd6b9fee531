//! What a tick leaves alone: the metrics of services at rest, the description of those of a large fleet that are content, and what
//! there is no time for.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::control::Controller;
use crate::control::calls::price::{Bill, LambdaTime};
use crate::control::trigger::Trigger;
use crate::model::{AlarmState, QueueDepth, ServiceStatus, TaskCount};

use super::fake::{FakeCloud, NOW, alarm, entry, entry_with, id, policy, steps};

const MINUTE: Duration = Duration::from_secs(60);
const EMPTY: QueueDepth = QueueDepth { visible: 0, in_flight: Some(0), delayed: Some(0), oldest_age_s: None };

fn cpu(cloud: &FakeCloud, service: &str, percent: f64) {
    cloud.world().metrics.insert(format!("CPUUtilization {service}"), percent);
}

/// A cloud with one service of two tasks, its least count, that has done next to nothing for an hour of ticks.
fn rested(entry: &Value) -> (Arc<FakeCloud>, Controller) {
    let cloud = FakeCloud::with_service(entry, 2);
    cpu(&cloud, entry["service"].as_str().unwrap(), 5.0);
    let controller = cloud.controller();
    for _ in 0..60 {
        assert_eq!(block_on(controller.handle(&Trigger::Tick)).errors, []);
        cloud.pass(MINUTE);
    }
    // The next tick is one that leaves it alone.
    while !asked_for_metrics(&cloud, &controller, &Trigger::Tick) {
        cloud.pass(MINUTE);
    }
    cloud.pass(MINUTE);
    (cloud, controller)
}

fn asked_for_metrics(cloud: &FakeCloud, controller: &Controller, trigger: &Trigger) -> bool {
    cloud.take_calls("");
    let _ = block_on(controller.handle(trigger));
    !cloud.take_calls("cloudwatch:GetMetricData").is_empty()
}

#[test]
fn the_longer_a_service_rests_the_less_often_its_metrics_are_asked_for() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    cpu(&cloud, "prod/checkout", 5.0);
    let controller = cloud.controller();
    let mut minutes = Vec::new();
    for minute in 0..60 {
        if asked_for_metrics(&cloud, &controller, &Trigger::Tick) {
            minutes.push(minute);
        }
        cloud.pass(MINUTE);
    }
    assert_eq!(minutes, [0, 1, 2, 3, 4, 6, 9, 13, 19, 28, 38, 48, 58]);
}

/// What is special about a service, its entry, and its processors' utilization in each minute.
type Load = (&'static str, Value, fn(u32) -> f64);

#[test]
fn a_service_that_may_not_be_left_alone_or_whose_metric_moves_is_looked_at_at_every_tick() {
    let every_minute = |mut entry: Value| {
        entry["look_at_least_every"] = json!("1m");
        entry
    };
    let cases: [Load; 4] = [
        ("by its policy", every_minute(entry("prod/checkout")), |_| 5.0),
        ("near the target", entry("prod/checkout"), |_| 58.0),
        (
            "with a metric that leaps",
            entry("prod/checkout"),
            |minute| if minute % 3 == 0 { 40.0 } else { 5.0 },
        ),
        ("with a metric that is missing", entry("prod/checkout"), |_| f64::NAN),
    ];
    for (case, entry, percent) in cases {
        let cloud = FakeCloud::with_service(&entry, 2);
        let controller = cloud.controller();
        for minute in 0..30_u32 {
            cpu(&cloud, "prod/checkout", percent(minute));
            cloud.world().series.insert("CPUUtilization".to_owned(), {
                let newest_last = (0..15).rev().map(|age| percent(minute + 15 - age));
                newest_last.map(|value| Some(value).filter(|value| value.is_finite())).collect()
            });
            assert!(asked_for_metrics(&cloud, &controller, &Trigger::Tick), "{case}, minute {minute}");
            cloud.pass(MINUTE);
        }
    }
}

/// What happens to a service of this entry, and the trigger that then comes.
type Event<'a> = (&'a str, &'a Value, fn(&FakeCloud), Trigger);

#[test]
fn what_is_seen_without_metrics_ends_a_rest_at_once() {
    let worker = json!({ "queue": { "queue": "orders", "backlog_per_task": 10 } });
    let with = |policies: Value| entry_with("prod/checkout", &policies);
    let tracking = entry("prod/checkout");
    let stepped = with(json!([tracking["policies"][0], steps("slow")]));
    let queued = with(json!([tracking["policies"][0], worker]));
    let evaluate = Trigger::Evaluate { services: vec!["prod/checkout".parse().unwrap()], dry_run: false };
    let cases: [Event<'_>; 6] = [
        ("someone set the count", &tracking, |cloud| cloud.run("prod/checkout", 7), Trigger::Tick),
        (
            "a task died",
            &tracking,
            |cloud| {
                let status = ServiceStatus { running: 1, ..ServiceStatus::steady(2) };
                cloud.world().services.insert(id("prod/checkout"), status);
            },
            Trigger::Tick,
        ),
        (
            "another policy file",
            &tracking,
            |cloud| {
                let mut entry = entry("prod/checkout");
                entry["capacity"]["max"] = json!(30);
                cloud.world().policy = policy(&[entry]);
            },
            Trigger::Tick,
        ),
        (
            "an alarm",
            &stepped,
            |cloud| {
                cloud.world().alarms.insert("slow".to_owned(), alarm(AlarmState::Alarm, 60.0, "Latency"));
            },
            Trigger::Tick,
        ),
        (
            "a message",
            &queued,
            |cloud| {
                cloud.world().queues.insert("orders".to_owned(), QueueDepth { visible: 1, ..EMPTY });
            },
            Trigger::Tick,
        ),
        ("someone asks", &tracking, |_| {}, evaluate),
    ];
    for (case, entry, change, trigger) in cases {
        let cloud = FakeCloud::with_service(entry, 2);
        cloud.world().alarms.insert("slow".to_owned(), alarm(AlarmState::Ok, 1.0, "Latency"));
        cloud.world().queues.insert("orders".to_owned(), EMPTY);
        cpu(&cloud, "prod/checkout", 5.0);
        let controller = cloud.controller();
        for _ in 0..20 {
            assert_eq!(block_on(controller.handle(&Trigger::Tick)).errors, [], "{case}");
            cloud.pass(MINUTE);
        }
        assert!(!asked_for_metrics(&cloud, &controller, &Trigger::Tick), "{case}: it rests");
        cloud.pass(MINUTE);
        change(&cloud);
        assert!(asked_for_metrics(&cloud, &controller, &trigger), "{case}");
    }
}

#[test]
fn a_rest_is_told_as_a_number_and_a_service_at_rest_that_wakes_is_scaled() {
    let (cloud, controller) = rested(&entry("prod/checkout"));
    let answer = block_on(controller.handle(&Trigger::Tick));
    assert_eq!((answer.decisions.len(), answer.at_rest), (0, 1));
    cpu(&cloud, "prod/checkout", 120.0);
    let mut minutes = 0;
    while cloud.desired("prod/checkout") == 2 {
        cloud.pass(MINUTE);
        let _ = block_on(controller.handle(&Trigger::Tick));
        minutes += 1;
    }
    assert_eq!(cloud.desired("prod/checkout"), 4);
    assert!(minutes <= 10, "within look_at_least_every: {minutes}");
}

#[test]
fn a_rest_is_remembered_when_it_grows_and_not_at_every_look() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    cpu(&cloud, "prod/checkout", 5.0);
    let controller = cloud.controller();
    for _ in 0..60 {
        let _ = block_on(controller.handle(&Trigger::Tick));
        cloud.pass(MINUTE);
    }
    assert_eq!(cloud.take_calls("store").len(), 10);
}

/// So many services of two tasks near their target: content, and not at rest.
fn fleet(count: usize) -> (Arc<FakeCloud>, Controller) {
    let entries: Vec<Value> = (0..count).map(|number| entry(&format!("prod/service-{number}"))).collect();
    let cloud = FakeCloud::new(&entries);
    for number in 0..count {
        let service = format!("prod/service-{number}");
        cloud.run(&service, 3);
        cpu(&cloud, &service, 58.0);
    }
    let controller = cloud.controller();
    (cloud, controller)
}

fn described(cloud: &FakeCloud) -> usize {
    let calls = cloud.take_calls("ecs:DescribeServices");
    calls.iter().map(|call| call.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
}

#[test]
fn of_a_large_fleet_a_fifth_is_described_at_a_tick_and_all_within_five() {
    let (cloud, controller) = fleet(3_000);
    let mut counts = Vec::new();
    for _ in 0..6 {
        assert_eq!(block_on(controller.handle(&Trigger::Tick)).decisions.len(), 3_000);
        counts.push(described(&cloud));
        cloud.pass(MINUTE);
    }
    assert_eq!(counts, [3_000, 600, 600, 600, 600, 600]);
    let first: Timestamp = NOW.parse().unwrap();
    for number in 0..3_000 {
        let memory = cloud.memory(&format!("prod/service-{number}")).unwrap().memory;
        assert!(first < memory.rest.unwrap().seen, "service-{number}");
    }
}

#[test]
fn in_a_large_fleet_what_asks_for_a_change_is_described_first_and_changed_at_the_same_tick() {
    let (cloud, controller) = fleet(600);
    let _ = block_on(controller.handle(&Trigger::Tick));
    cloud.pass(MINUTE);
    let _ = block_on(controller.handle(&Trigger::Tick));
    cloud.pass(MINUTE);
    described(&cloud);
    // Those that the rotation leaves out are the last by name, being as old as the others.
    let changing = ["prod/service-97", "prod/service-98", "prod/service-99"];
    for service in changing {
        cpu(&cloud, service, 90.0);
    }
    cloud.run("prod/service-99", 5); // by someone else
    let _ = block_on(controller.handle(&Trigger::Tick));
    assert!((500..=503).contains(&described(&cloud)));
    let counts: Vec<TaskCount> = changing.iter().map(|service| cloud.desired(service)).collect();
    assert_eq!(counts, [5, 5, 8], "ceil(3 x 90 / 60), and ceil(5 x 90 / 60) from what is described");
}

#[test]
fn what_there_is_no_time_to_describe_is_handed_over_and_looked_at_first_at_the_next_tick() {
    let entries: Vec<Value> = (0..300).map(|number| entry(&format!("prod/service-{number}"))).collect();
    let cloud = FakeCloud::new(&entries);
    for number in 0..300 {
        cloud.run(&format!("prod/service-{number}"), 2);
    }
    cloud.world().look_takes = Duration::from_secs(2);
    let controller = cloud.controller();
    let tick = |cloud: &FakeCloud| {
        let deadline = cloud.world().now + SignedDuration::from_secs(60);
        block_on(controller.watch(&Trigger::Tick, Some(deadline))).answer
    };
    let answer = tick(&cloud);
    assert_eq!((answer.decisions.len(), answer.handed_over.len()), (150, 150));
    assert_eq!(answer.errors.iter().filter(|error| error.error.contains("described")).count(), 0);
}

#[test]
fn services_that_need_more_tasks_are_changed_before_those_that_need_fewer() {
    let entries: Vec<Value> = (0..30).map(|number| entry(&format!("prod/service-{number}"))).collect();
    let cloud = FakeCloud::new(&entries);
    for number in 0..30 {
        let service = format!("prod/service-{number}");
        cloud.run(&service, 3);
        cpu(&cloud, &service, if number < 5 { 5.0 } else { 90.0 });
    }
    let answer = block_on(cloud.controller().handle(&Trigger::Tick));
    assert_eq!(answer.decisions.iter().filter(|decision| decision.applied).count(), 30);
    let updates = cloud.take_calls("ecs:UpdateService");
    assert!(updates[..25].iter().all(|update| update.ends_with(" 5")), "{updates:?}");
    assert!(updates[25..].iter().all(|update| update.ends_with(" 2")), "{updates:?}");
}

/// What ten services need in a minute of a day, in percents of a task each: next to nothing for four fifths of it, and then up to six
/// tasks at 60 %. Either goes up and down by a twentieth.
fn need(minute: u32) -> f64 {
    let hour = f64::from(minute % 1_440) / 60.0;
    let busy =
        if hour < 19.2 { 20.0 } else { 20.0 + 340.0 * ((hour - 19.2) / 4.8 * std::f64::consts::PI).sin() };
    busy * (1.0 + 0.05 * f64::from(minute * 7 % 13) / 13.0)
}

/// What a month of such days costs for ten services, by the calls of one day, and the metrics that were asked for in it.
fn day(look_at_least_every: &str) -> (f64, u64) {
    let names: Vec<String> = (0..10).map(|number| format!("prod/service-{number}")).collect();
    let entries = names.iter().map(|name| {
        let mut entry = entry(name);
        entry["look_at_least_every"] = json!(look_at_least_every);
        entry
    });
    let cloud = FakeCloud::new(&entries.collect::<Vec<_>>());
    for name in &names {
        cloud.run(name, 2);
    }
    let controller = cloud.controller();
    for minute in 15..15 + 1_440 {
        let tasks = f64::from(cloud.desired(&names[0]));
        let points = (0..15).map(|point| Some(need(minute - 14 + point) / tasks)).collect();
        cloud.world().series.insert("CPUUtilization".to_owned(), points);
        assert_eq!(block_on(controller.handle(&Trigger::Tick)).errors, []);
        for name in &names {
            cloud.run(name, cloud.desired(name)); // what was asked for runs by the next look
        }
        cloud.pass(MINUTE);
    }
    let used = controller.calls().used();
    let lambda = LambdaTime { invocations: 1_440, gb_seconds: 1_440.0 * 0.25 * 0.3 };
    (Bill::of(&used, lambda).per_month(MINUTE * 1_440).total(), used.metrics)
}

#[test]
fn services_at_rest_four_fifths_of_the_day_cost_less_than_the_two_alarms_of_application_auto_scaling() {
    const TWO_ALARMS: f64 = 0.20; // https://aws.amazon.com/cloudwatch/pricing/
    let (always, all_metrics) = day("1m");
    let (thrifty, metrics) = day("10m");
    assert_eq!(all_metrics, 14_400);
    assert!(TWO_ALARMS * 10.0 < always, "asked for at every tick: {always}");
    assert!(thrifty < TWO_ALARMS * 10.0, "{thrifty} for {metrics} metrics");
}
