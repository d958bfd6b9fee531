//! The commands that see and change services, against the local AWS.

use serde_json::json;

use super::{in_world, run};
use crate::world::World;

const POLICY: &str = "version: 1
services:
  - service: $CLUSTER/busy
    capacity: { min: 1, max: 20 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
  - service: $CLUSTER/idle
    capacity: { min: 1, max: 20 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
";

/// A busy service of four tasks that needs six, and an idle one of six that needs two.
async fn two_services(cluster: &str) -> World {
    let world = World::new(cluster).await;
    for (service, tasks, percent) in [("busy", 4, 90.0), ("idle", 6, 20.0)] {
        world.service(service, tasks).await;
        world.cpu(service, percent).await;
    }
    world.file("trimtab.yaml", POLICY);
    world
}

#[tokio::test]
async fn clusters_and_their_services_are_listed() {
    let world = two_services("cli-listed").await;

    let clusters = run(in_world(&world, "clusters"));
    assert_eq!(clusters.status, 0, "{clusters:?}");
    assert!(clusters.stdout.starts_with("CLUSTER\n"), "{clusters:?}");
    assert!(clusters.stdout.lines().any(|line| line == "cli-listed"), "{clusters:?}");
    let data = run(in_world(&world, "clusters --json")).json();
    assert!(data.as_array().unwrap().contains(&json!("cli-listed")), "{data}");

    let everywhere = run(in_world(&world, "services"));
    assert_eq!(everywhere.status, 0, "{everywhere:?}");
    assert!(everywhere.stdout.lines().any(|line| line.starts_with("cli-listed/busy ")), "{everywhere:?}");

    let services = run(in_world(&world, "services $CLUSTER"));
    assert_eq!(services.status, 0, "{services:?}");
    insta::assert_snapshot!(services.stdout);
    let data = run(in_world(&world, "services $CLUSTER --json")).json();
    let row = |service: &str, count: u32| json!({ "service": service, "desired": count, "running": count, "pending": 0, "state": "steady" });
    assert_eq!(data, json!([row("cli-listed/busy", 4), row("cli-listed/idle", 6)]));

    let missing = run(in_world(&world, "services $CLUSTER-not"));
    assert_eq!(missing.status, 1, "{missing:?}");
    assert!(missing.stderr.contains("ClusterNotFoundException"), "{missing:?}");
}

#[tokio::test]
async fn a_service_is_scaled_by_hand() {
    let world = two_services("cli-scaled").await;

    let text = run(in_world(&world, "scale $CLUSTER/busy 7"));
    assert_eq!(
        (text.status, text.stdout.as_str()),
        (0, "cli-scaled/busy: desired count 4 -> 7\n"),
        "{text:?}"
    );
    let data = run(in_world(&world, "scale $CLUSTER/busy 5 --json")).json();
    assert_eq!(data, json!({ "service": "cli-scaled/busy", "from": 7, "to": 5 }));
    assert_eq!(world.desired("busy").await, 5);

    let missing = run(in_world(&world, "scale $CLUSTER/nobody 7"));
    assert_eq!(missing.status, 1, "{missing:?}");
    assert!(missing.stderr.contains("service cli-scaled/nobody does not exist"), "{missing:?}");
}

#[tokio::test]
async fn a_plan_tells_what_would_be_done_and_why_and_changes_nothing() {
    let world = two_services("cli-planned").await;

    let text = run(in_world(&world, "plan"));
    assert_eq!((text.status, text.stderr.as_str()), (0, ""), "{text:?}");
    for line in [
        "SERVICE           DESIRED  RUNNING  PLAN  BECAUSE",
        "cli-planned/busy        4        4  -> 6  TargetTracking",
        "cli-planned/idle        6        6  -> 2  TargetTracking",
        "cli-planned/busy 4 -> 6",
        "cli-planned/idle 6 -> 2",
    ] {
        assert!(text.stdout.lines().any(|found| found == line), "{line}: {text:?}");
    }
    assert!(text.stdout.contains("4 running x 90 / 60 = 6, so 6 tasks"), "{text:?}");
    assert!(text.stdout.lines().any(|line| line == "cloudwatch:GetMetricData      1       0.88"), "{text:?}");

    let data = run(in_world(&world, "plan --json")).json();
    let spent = &data["spent"];
    assert_eq!(
        (&spent["metrics"], &spent["calls"]["ecs:DescribeServices"]),
        (&json!(2), &json!(1)),
        "{spent}"
    );
    let told = data["decisions"].as_array().unwrap().iter();
    let told: Vec<_> =
        told.map(|decision| (&decision["to"], &decision["change"], &decision["applied"])).collect();
    assert_eq!(told, [(&json!(6), &json!("out"), &json!(false)), (&json!(2), &json!("in"), &json!(false))]);
    assert_eq!((world.desired("busy").await, world.desired("idle").await), (4, 6));
}

#[tokio::test]
async fn a_plan_for_an_event_is_of_the_services_that_it_concerns() {
    let world = two_services("cli-event").await;
    let event = r#"{"action": "set_capacity", "service": "$CLUSTER/idle", "min": 8, "until": "2999-12-01T18:00:00Z"}"#;
    world.file("event.json", event);

    let data = run(in_world(&world, "plan --event event.json --json"));

    assert_eq!(data.status, 0, "{data:?}");
    let decisions = data.json()["decisions"].clone();
    assert_eq!(decisions.as_array().map(Vec::len), Some(1), "{data:?}");
    assert_eq!((&decisions[0]["service"], &decisions[0]["to"]), (&json!("cli-event/idle"), &json!(8)));
    assert_eq!(world.desired("idle").await, 6);
}

#[tokio::test]
async fn invoke_acts_on_an_event_as_the_function_does_and_once() {
    let world = two_services("cli-invoked").await;
    world.file("tick.json", r#"{"action": "tick"}"#);

    for (busy, idle, applied) in [((4, 6), (6, 2), true), ((6, 6), (2, 2), false)] {
        let outcome = run(in_world(&world, "invoke tick.json"));
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
        let decisions = outcome.json()["decisions"].clone();
        for (decision, (from, to)) in decisions.as_array().unwrap().iter().zip([busy, idle]) {
            let told = (&decision["from"], &decision["to"], &decision["applied"]);
            assert_eq!(told, (&json!(from), &json!(to), &json!(applied)), "{outcome:?}");
        }
    }
    assert_eq!((world.desired("busy").await, world.desired("idle").await), (6, 2));
}

#[tokio::test]
async fn a_service_that_is_missing_is_told_beside_the_plan_of_the_others() {
    let world = two_services("cli-partly").await;
    world.file("trimtab.yaml", &POLICY.replace("$CLUSTER/idle", "$CLUSTER/gone"));

    let outcome = run(in_world(&world, "plan"));

    assert_eq!(outcome.status, 3, "{outcome:?}");
    assert!(outcome.stdout.contains("cli-partly/busy 4 -> 6\n"), "{outcome:?}");
    let told = "error: cli-partly/gone: the service is left as it is, because it cannot be described: ";
    assert!(outcome.stdout.contains(told), "{outcome:?}");
}

#[tokio::test]
async fn a_policy_file_that_is_wrong_is_told_and_ends_a_plan_with_status_1() {
    let world = two_services("cli-wrong").await;
    world.file("trimtab.yaml", "services: [");

    let outcome = run(in_world(&world, "plan"));

    assert_eq!(outcome.status, 1, "{outcome:?}");
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(told.contains("trimtab.yaml:2:1: this is not YAML"), "{outcome:?}");
}
