//! Attacks on the engine, each a sentence.

use super::world::*;
use crate::engine::decide;
use crate::model::policy::{PolicyKind, QueueGoal};
use crate::model::{Memory, Point, QueueDepth, ReasonCode, ServiceStatus};

#[test]
fn a_value_that_no_metric_can_have_is_not_observed_and_said() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300] {
        let seen = seen(after(0), ServiceStatus::steady(4)).points(CPU, &[value]);
        let decision = decide_fresh(&target(1, 100, [cpu(tracking())]), &seen);
        assert_eq!(decision.to, 4, "{value}");
        assert!(decision.reasons.iter().any(|reason| reason.code == ReasonCode::ValueRefused), "{value}");
    }
}

#[test]
fn an_impossible_value_does_not_hide_the_possible_one_before_it() {
    let seen = seen(after(0), ServiceStatus::steady(4)).points(CPU, &[90.0, f64::NAN]);
    assert_eq!(decide_fresh(&target(1, 100, [cpu(tracking())]), &seen).to, 6);
}

#[test]
fn a_point_from_the_future_is_not_observed() {
    let mut seen = seen(after(0), ServiceStatus::steady(4));
    seen.0.metrics.insert(CPU.into(), vec![Point { start: after(3600), value: 500.0 }]);
    assert_eq!(decide_fresh(&target(1, 100, [cpu(tracking())]), &seen).to, 4);
}

#[test]
fn a_clock_that_steps_back_neither_panics_nor_ends_a_cooldown() {
    let mut policy = tracking();
    policy.scale_out_cooldown = seconds(300);
    let mut run = Run::new(target(1, 100, [cpu(policy)]), 4);
    assert_eq!(run.look(600, |seen| seen.points(CPU, &[90.0])), 6);
    assert_eq!(run.look_at(0, 4, |seen| seen.points(CPU, &[90.0])).to, 6);
}

#[test]
fn a_time_that_was_far_ahead_once_does_not_hold_the_service_back() {
    let mut policy = tracking();
    policy.scale_in_cooldown = seconds(60);
    let mut run = Run::new(target(1, 100, [cpu(policy)]), 4);
    run.look(86_400, |seen| seen.points(CPU, &[30.0]));
    run.desired = 40;
    run.look(0, |seen| seen);
    assert_eq!(run.look(60, |seen| seen.points(CPU, &[50.0])), 34, "forty tasks, not those of tomorrow");
}

#[test]
fn extreme_targets_end_at_the_bounds() {
    let mut policy = tracking();
    policy.target = 1e-305;
    let seen_high = seen(after(0), ServiceStatus::steady(4)).points(CPU, &[90.0]);
    assert_eq!(decide_fresh(&target(1, 100, [cpu(policy)]), &seen_high).to, 100);
    let tiny = target(0, 50, [PolicyKind::Queue(queue(QueueGoal::BacklogPerTask(1e-300)))]);
    let full = seen(after(0), ServiceStatus::steady(4)).queue("orders", depth(1_000_000_000_000, 0));
    assert_eq!(decide_fresh(&tiny, &full).to, 50);
}

#[test]
fn a_queue_of_every_message_in_the_world_ends_at_the_ceiling() {
    let all = QueueDepth {
        visible: u64::MAX,
        in_flight: Some(u64::MAX),
        delayed: Some(u64::MAX),
        oldest_age_s: Some(u64::MAX),
    };
    for goal in [QueueGoal::BacklogPerTask(0.001), QueueGoal::StartWithin(seconds(1))] {
        let target = target(0, 50, [PolicyKind::Queue(queue(goal))]);
        let seen = seen(after(0), ServiceStatus::steady(50)).queue("orders", all);
        assert_eq!(decide_fresh(&target, &seen).to, 50, "{goal:?}");
    }
}

#[test]
fn the_same_look_twice_decides_the_same() {
    let target = target(1, 100, [cpu(tracking())]);
    let high = seen(after(0), ServiceStatus::steady(4)).points(CPU, &[90.0]);
    let first = decide(&target, &high.0, Memory::default());
    let second = decide(&target, &high.0, first.memory.clone());
    assert_eq!((first.to, second.to), (6, 6));
}

#[test]
fn the_memory_stays_small_however_long_it_runs() {
    let mut target = target(1, 100, [cpu(tracking())]);
    target.behavior.scale_in.stabilization = seconds(3600);
    let mut run = Run::new(target, 4);
    for look in 0..8_000 {
        let value = if look % 2 == 0 { 90.0 } else { 20.0 };
        run.look(5 * look, |seen| seen.points(CPU, &[value]));
    }
    let size = serde_json::to_string(&run.memory).unwrap().len();
    assert!(size < 40_000, "{size} bytes");
}
