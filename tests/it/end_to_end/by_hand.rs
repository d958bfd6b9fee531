//! What people ask for: bounds, pauses, shadow and dry runs.

use serde_json::Value;

use super::{TICK, TRACKING, ask, decided, decision};
use crate::world::World;

/// A service of two tasks that needs one.
async fn idle(cluster: &str) -> World {
    let world = World::new(cluster).await;
    world.service("checkout", 2).await;
    world.cpu("checkout", 20.0).await;
    world
}

/// A service of four tasks that needs six.
async fn busy(cluster: &str) -> World {
    let world = World::new(cluster).await;
    world.service("checkout", 4).await;
    world.cpu("checkout", 90.0).await;
    world
}

#[tokio::test]
async fn bounds_set_by_hand_hold_until_they_are_resumed_and_status_shows_them() {
    let world = idle("bounded").await;
    let mut function = world.function(TRACKING).await;
    let memory = async |function: &mut _| {
        let status = ask(function, r#"{"action": "status"}"#).await;
        decision(&status, "checkout")["memory"].clone()
    };
    let set = r#"{"action": "set_capacity", "service": "$CLUSTER/checkout", "min": 5, "max": 9, "desired": 7, "until": "2999-12-01T18:00:00Z"}"#;
    let resume = r#"{"action": "resume", "service": "$CLUSTER/checkout"}"#;

    assert_eq!(decided(&ask(&mut function, &world.named(set)).await, "checkout"), (2, 7, true));
    let shown = memory(&mut function).await;
    assert_eq!((&shown["override"]["min"], &shown["override"]["max"]), (&5.into(), &9.into()), "{shown}");
    assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), (7, 5, true), "idle, but no lower");
    assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), (5, 5, false));

    let resumed = ask(&mut function, &world.named(resume)).await;
    let reason = "Resumed by hand: pauses and bounds set by hand have ended.";
    assert_eq!(decision(&resumed, "checkout")["reasons"][0], reason, "{resumed}");
    assert_eq!(memory(&mut function).await.get("override"), None);
}

#[tokio::test]
async fn status_tells_what_was_spent_since_the_process_began() {
    let world = idle("spending").await;
    let mut function = world.function(TRACKING).await;
    ask(&mut function, TICK).await;
    ask(&mut function, TICK).await;

    let spent = ask(&mut function, r#"{"action": "status"}"#).await["spent"].clone();

    let calls = &spent["calls"];
    for call in ["cloudwatch:GetMetricData", "dynamodb:BatchGetItem", "ecs:DescribeServices"] {
        let count = calls[call].as_u64().unwrap_or_default();
        assert!((1..=3).contains(&count), "two ticks and this look: {spent}");
    }
    assert_eq!(spent["ticks"], 2);
    assert!(1 <= spent["metrics"].as_u64().unwrap() && 1 <= spent["read_units"].as_u64().unwrap(), "{spent}");
    assert!(spent["since"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{spent}");
    let parts = spent["cost_by_part"].as_object().unwrap();
    let sum: f64 = parts.values().map(|dollars| dollars.as_f64().unwrap()).sum();
    let month = spent["cost_per_month"].as_f64().unwrap();
    assert!(0.0 < month && (month - sum).abs() < 0.001, "{spent}");
    assert!(parts.contains_key("lambda"), "{spent}");
}

#[tokio::test]
async fn a_pause_holds_in_every_function_until_it_is_resumed() {
    let world = idle("paused").await;
    let mut function = world.function(TRACKING).await;
    let pause = r#"{"action": "pause", "service": "$CLUSTER/checkout", "direction": "in", "reason": "sale"}"#;
    let resume = r#"{"action": "resume", "service": "$CLUSTER/checkout"}"#;

    assert_eq!(decided(&ask(&mut function, &world.named(pause)).await, "checkout"), (2, 2, false));
    drop(function);

    let mut another = world.function_with(&[]).await;
    let held = ask(&mut another, TICK).await;
    assert_eq!(decided(&held, "checkout"), (2, 2, false));
    assert_eq!(decision(&held, "checkout")["code"], "ScalingSuspended");

    assert_eq!(decided(&ask(&mut another, &world.named(resume)).await, "checkout"), (2, 1, true));
    assert_eq!(world.desired("checkout").await, 1);
}

#[tokio::test]
async fn a_function_in_shadow_says_what_it_would_do_and_does_nothing() {
    let world = busy("shadowed").await;
    world.file("trimtab.yaml", TRACKING);
    let mut function = world.function_with(&[("TRIMTAB_MODE", "shadow")]).await;

    for _ in 0..2 {
        assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), (4, 6, false));
    }
    assert_eq!(world.desired("checkout").await, 4);
}

#[tokio::test]
async fn a_service_in_shadow_or_paused_in_the_policy_file_is_left_as_it_is() {
    for (mode, to) in [("shadow", 6), ("paused", 4)] {
        let world = busy(&format!("mode-{mode}")).await;
        let policy = TRACKING.replace("    capacity", &format!("    mode: {mode}\n    capacity"));
        let mut function = world.function(&policy).await;
        assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), (4, to, false), "{mode}");
        assert_eq!(world.desired("checkout").await, 4, "{mode}");
    }
}

#[tokio::test]
async fn a_dry_run_decides_changes_nothing_and_remembers_nothing() {
    let world = busy("dry").await;
    let mut function = world.function(TRACKING).await;
    let evaluate = r#"{"action": "evaluate", "services": ["$CLUSTER/*"], "dry_run": true}"#;

    assert_eq!(decided(&ask(&mut function, &world.named(evaluate)).await, "checkout"), (4, 6, false));
    assert_eq!(world.desired("checkout").await, 4);
    let status = ask(&mut function, r#"{"action": "status"}"#).await;
    assert_eq!(decision(&status, "checkout")["memory"]["pending"], Value::Null, "{status}");

    assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), (4, 6, true), "now it is meant");
}
