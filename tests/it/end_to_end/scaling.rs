//! Counts that follow alarms, utilisation, schedules and queues.

use std::time::Duration;

use aws_sdk_cloudwatch::types::StateValue;

use super::{TICK, TRACKING, ask, decided};
use crate::world::World;

#[tokio::test]
async fn an_alarm_moves_the_count_as_the_policy_says_and_the_same_alarm_again_changes_nothing() {
    let world = World::new("alarmed").await;
    world.service("checkout", 4).await;
    world.cpu("checkout", 90.0).await;
    let mut function = world.function(TRACKING).await;

    let alarm = world.sample("alarm-direct-alarm");
    assert_eq!(decided(&ask(&mut function, &alarm).await, "checkout"), (4, 6, true));
    assert_eq!(world.desired("checkout").await, 6);

    for way in ["alarm-direct-alarm", "eventbridge-alarm", "sns-alarm", "sqs-sns-alarm"] {
        let again = ask(&mut function, &world.sample(way)).await;
        assert_eq!(decided(&again, "checkout"), (6, 6, false), "{way}: {again}");
    }
    assert_eq!(world.desired("checkout").await, 6);
}

#[tokio::test]
async fn a_tick_looks_at_every_service() {
    let world = World::new("ticked").await;
    for (service, percent) in [("busy", 90.0), ("content", 57.0), ("idle", 20.0)] {
        world.service(service, 6).await;
        world.cpu(service, percent).await;
    }
    let policy = TRACKING.replace("checkout", "*");
    let mut function = world.function(&policy).await;

    let answer = ask(&mut function, &world.sample("scheduled-rule")).await;

    assert_eq!(decided(&answer, "busy"), (6, 9, true), "6 x 90 / 60");
    assert_eq!(decided(&answer, "content"), (6, 6, false), "within the tolerance");
    assert_eq!(decided(&answer, "idle"), (6, 2, true), "6 x 20 / 60");
    for (service, desired) in [("busy", 9), ("content", 6), ("idle", 2)] {
        assert_eq!(world.desired(service).await, desired, "{service}");
    }
}

#[tokio::test]
async fn two_functions_that_race_agree_on_one_count() {
    let world = World::new("raced").await;
    world.service("checkout", 4).await;
    world.cpu("checkout", 90.0).await;
    let mut one = world.function(TRACKING).await;
    let mut other = world.function_with(&[]).await;

    let alarm = world.sample("alarm-direct-alarm");
    tokio::join!(ask(&mut one, &alarm), ask(&mut other, &alarm));

    assert_eq!(world.desired("checkout").await, 6);
}

#[tokio::test]
async fn steps_go_on_while_the_alarm_stays_and_stop_when_it_is_over() {
    let world = World::new("stepped").await;
    world.service("checkout", 2).await;
    world.cpu("checkout", 90.0).await;
    world.alarm("stepped-cpu-high", "checkout", 70.0).await;
    let mut function = world
        .function(
            "version: 1
services:
  - service: $CLUSTER/checkout
    capacity: { min: 1, max: 20 }
    policies:
      - step_scaling:
          alarm: $CLUSTER-cpu-high
          adjustment_type: ChangeInCapacity
          cooldown: 0s
          steps: [ { lower: 0, upper: 10, change: 1 }, { lower: 10, change: 3 } ]
",
        )
        .await;

    world.set_alarm("stepped-cpu-high", StateValue::Alarm).await;
    for (from, to) in [(2, 5), (5, 8), (8, 11)] {
        let answer = ask(&mut function, TICK).await;
        assert_eq!(decided(&answer, "checkout"), (from, to, true), "{answer}");
    }
    world.set_alarm("stepped-cpu-high", StateValue::Ok).await;
    assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), (11, 11, false));
    assert_eq!(world.desired("checkout").await, 11);
}

#[tokio::test]
async fn a_schedule_raises_the_floor_once_its_time_has_come() {
    let world = World::new("scheduled").await;
    world.service("checkout", 2).await;
    let mut function = world
        .function(
            "version: 1
services:
  - service: $CLUSTER/checkout
    capacity: { min: 1, max: 20 }
    schedules:
      - { name: past, schedule: at(2020-01-01T00:00:00), capacity: { min: 5 } }
      - { name: future, schedule: at(2199-01-01T00:00:00), capacity: { min: 9 } }
",
        )
        .await;

    assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), (2, 5, true));
    assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), (5, 5, false));
    assert_eq!(world.desired("checkout").await, 5);
}

#[tokio::test]
async fn a_queue_starts_its_workers_from_none_and_ends_the_last_one() {
    let world = World::new("queued").await;
    world.service("worker", 0).await;
    let orders = world.queue("$CLUSTER-orders").await;
    let mut function = world
        .function(
            "version: 1
services:
  - service: $CLUSTER/worker
    capacity: { min: 0, max: 20 }
    policies:
      - queue: { queue: $CLUSTER-orders, backlog_per_task: 10, idle_for: 0s }
",
        )
        .await;
    assert_eq!(decided(&ask(&mut function, TICK).await, "worker"), (0, 0, false));

    world.send(&orders, 25).await;
    assert_eq!(decided(&ask(&mut function, TICK).await, "worker"), (0, 3, true));
    assert_eq!(world.desired("worker").await, 3);

    world.empty(&orders).await;
    assert_eq!(decided(&ask(&mut function, TICK).await, "worker"), (3, 0, true));
    assert_eq!(world.desired("worker").await, 0);
}

#[tokio::test]
async fn what_ecs_reports_of_a_service_leads_to_a_look_at_it() {
    let world = World::new("reported").await;
    world.service("checkout", 4).await;
    world.cpu("checkout", 90.0).await;
    let mut function = world.function(TRACKING).await;

    let answer = ask(&mut function, &world.sample("ecs-deployment-completed")).await;

    assert_eq!(decided(&answer, "checkout"), (4, 6, true));
}

#[tokio::test]
async fn a_queue_leaves_zero_within_the_tick_at_a_later_look() {
    let world = World::new("watched").await;
    world.service("worker", 0).await;
    let orders = world.queue("$CLUSTER-orders").await;
    world.file(
        "trimtab.yaml",
        "version: 1
services:
  - service: $CLUSTER/worker
    capacity: { min: 0, max: 20 }
    policies:
      - queue: { queue: $CLUSTER-orders, backlog_per_task: 10 }
",
    );
    let mut function = world.function_with(&[("TRIMTAB_LOOK_EVERY", "10s")]).await;
    let arrival = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(world.desired("worker").await, 0, "the first look found nothing");
        world.send(&orders, 25).await;
    };

    // A timeout that leaves time for one more look, so that the test is short.
    let tick = function.invoke_within(TICK, Duration::from_secs(14));
    let (answer, ()) = tokio::join!(tick, arrival);
    let answer = answer.unwrap();

    assert_eq!(answer["errors"], serde_json::json!([]));
    assert_eq!(answer["looks"], 2, "{answer}");
    assert_eq!(decided(&answer, "worker"), (0, 3, true));
    assert_eq!(world.desired("worker").await, 3);
}

#[tokio::test]
async fn two_functions_side_by_side_keep_within_the_blast_radius_together() {
    let world = World::new("limited").await;
    let names: Vec<String> = (0..6).map(|number| format!("s{number}")).collect();
    for name in &names {
        world.service(name, 1).await;
    }
    let policy = "version: 1
blast_radius: { tasks_out: 10 }
services:
  - service: $CLUSTER/*
    capacity: { min: 5, max: 20 }
    schedules: [ { name: future, schedule: at(2199-01-01T00:00:00), capacity: { min: 9 } } ]
";
    let mut one = world.function(policy).await;
    let mut other = world.function_with(&[]).await;
    let evaluate = |services: &[String]| {
        let services: Vec<String> =
            services.iter().map(|name| world.named(&format!("$CLUSTER/{name}"))).collect();
        serde_json::json!({ "action": "evaluate", "services": services }).to_string()
    };
    let (some, others) = (evaluate(&names[..3]), evaluate(&names[3..]));

    tokio::join!(ask(&mut one, &some), ask(&mut other, &others));

    let mut added = 0;
    for name in &names {
        added += world.desired(name).await - 1;
    }
    assert_eq!(added, 10, "of the 24 that they want");
}
