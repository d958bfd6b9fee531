//! What is wrong with one service is told, and stops no other.

use std::fs;

use aws_sdk_ecs::types::SchedulingStrategy;
use serde_json::Value;

use super::{TICK, TRACKING, ask, decided, decision};
use crate::world::World;

/// The errors of an answer, one a line.
fn errors(answer: &Value) -> String {
    let errors = answer["errors"].as_array().expect("an answer has errors").iter();
    errors.map(|error| error["error"].as_str().expect("an error has a text")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_missing_service_and_a_missing_queue_leave_the_other_services_decided() {
    let world = World::new("partly-missing").await;
    world.service("checkout", 4).await;
    world.cpu("checkout", 90.0).await;
    world.service("worker", 3).await;
    let others = "  - service: $CLUSTER/gone
    capacity: { min: 1, max: 20 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
  - service: $CLUSTER/worker
    capacity: { min: 0, max: 20 }
    policies:
      - queue: { queue: $CLUSTER-no-queue, backlog_per_task: 10, idle_for: 0s }
";
    let mut function = world.function(&format!("{TRACKING}{others}")).await;

    let answer = function.invoke(TICK).await.unwrap();

    assert_eq!(decided(&answer, "checkout"), (4, 6, true));
    assert_eq!(decided(&answer, "worker"), (3, 3, false), "an unseen queue is not an empty one");
    let errors = errors(&answer);
    assert!(errors.contains("service partly-missing/gone does not exist"), "{errors}");
    assert!(
        errors.contains("partly-missing/worker is decided without the queue partly-missing-no-queue"),
        "{errors}"
    );
    assert_eq!(answer["decisions"].as_array().map(Vec::len), Some(2), "{answer}");
}

#[tokio::test]
async fn a_policy_file_that_goes_bad_leaves_the_last_good_one_in_force_and_is_told() {
    let cases = [
        ("services: [", "the last good policy file stays in force"),
        ("version: 2", "the last good policy file stays in force"),
        (&TRACKING.replace("target: 60", "tarjet: 60"), "the last good entry stays in force"),
    ];
    for (case, (bad, told)) in cases.into_iter().enumerate() {
        let world = World::new(&format!("gone-bad-{case}")).await;
        world.service("checkout", 4).await;
        let mut function = world.function(TRACKING).await;
        assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), (4, 4, false), "no metric yet");

        let path = world.file("trimtab.yaml", bad);
        world.cpu("checkout", 90.0).await;
        for expected in [(4, 6, true), (6, 6, false)] {
            let answer = function.invoke(TICK).await.unwrap();
            assert_eq!(decided(&answer, "checkout"), expected, "{bad}");
            assert!(errors(&answer).contains(told), "{answer}");
        }

        fs::write(path, world.named(TRACKING)).unwrap();
        ask(&mut function, TICK).await;
    }
}

#[tokio::test]
async fn without_a_good_policy_file_nothing_is_scaled_and_the_answer_says_why() {
    let world = World::new("never-good").await;
    let mut function = world.function("services: [").await;
    let answer = function.invoke(TICK).await.unwrap();
    assert_eq!(answer["decisions"], Value::Array(Vec::new()));
    assert!(errors(&answer).contains("trimtab.yaml:2:1: this is not YAML"), "{answer}");
    assert!(errors(&answer).contains("nothing is scaled"), "{answer}");
}

#[tokio::test]
async fn a_daemon_service_is_left_alone() {
    let world = World::new("daemonic").await;
    world.create_service("checkout", SchedulingStrategy::Daemon).await;
    world.cpu("checkout", 90.0).await;
    let mut function = world.function(&TRACKING.replace("min: 1", "min: 3")).await;

    let answer = ask(&mut function, TICK).await;

    assert_eq!(decided(&answer, "checkout"), (0, 0, false));
    assert_eq!(decision(&answer, "checkout")["code"], "TargetServicePutResourceAsUnscalable");
    assert_eq!(world.desired("checkout").await, 0);
}

#[tokio::test]
async fn what_cannot_be_remembered_is_not_done() {
    let world = World::new("forgetful").await;
    world.service("checkout", 4).await;
    world.cpu("checkout", 90.0).await;
    world.file("trimtab.yaml", TRACKING);
    let mut function = world.function_with(&[("TRIMTAB_STATE", "dynamodb:no-such-table")]).await;

    let answer = function.invoke(TICK).await.unwrap();

    assert!(errors(&answer).contains("what is remembered of it cannot be read"), "{answer}");
    assert_eq!(world.desired("checkout").await, 4);
}
