//! Explained decisions: from the reasons alone a person can recompute the count.

use super::world::*;
use crate::model::policy::{AdjustmentType, Behavior, PolicyKind, QueueGoal};
use crate::model::{AlarmState, Decision, ServiceStatus};

fn told(decision: &Decision) -> String {
    let reasons: Vec<String> = decision.reasons.iter().map(|reason| reason.text.to_string()).collect();
    format!("{} -> {} ({:?})\n{}", decision.from, decision.to, decision.binding, reasons.join("\n"))
}

#[test]
fn a_scale_out_by_target_tracking() {
    let seen = seen(after(0), ServiceStatus::steady(4)).points(CPU, &[71.2]);
    insta::assert_snapshot!(told(&decide_fresh(&target(2, 60, [cpu(tracking())]), &seen)));
}

#[test]
fn a_scale_in_that_two_policies_and_a_rate_limit_shape() {
    let policies = [cpu(tracking()), PolicyKind::Queue(queue(QueueGoal::BacklogPerTask(10.0)))];
    let mut target = target(2, 60, policies);
    target.behavior = Behavior::default();
    let seen = seen(after(0), ServiceStatus::steady(20)).points(CPU, &[12.0]).queue("orders", depth(70, 4));
    insta::assert_snapshot!(told(&decide_fresh(&target, &seen)));
}

#[test]
fn a_step_in_a_cooldown() {
    let ladder = [(Some(0.0), Some(15.0), 1), (Some(15.0), None, 3)];
    let policy = PolicyKind::StepScaling(steps("latency-high", AdjustmentType::ChangeInCapacity, &ladder));
    let mut run = Run::new(target(2, 60, [policy]), 4);
    run.look(0, |seen| seen.alarm("latency-high", AlarmState::Alarm, 0.5, 0.9));
    let decision = run.look_at(30, 4, |seen| seen.alarm("latency-high", AlarmState::Alarm, 0.5, 20.0));
    insta::assert_snapshot!(told(&decision));
}

#[test]
fn a_hold_for_missing_data() {
    let target = target(2, 60, [cpu(tracking()), cpu(tracking_of("Memory", 80.0, false))]);
    let seen = seen(after(0), ServiceStatus::steady(4)).points(CPU, &[10.0]);
    insta::assert_snapshot!(told(&decide_fresh(&target, &seen)));
}

#[test]
fn the_ceiling() {
    let seen = seen(after(0), ServiceStatus::steady(9)).points(CPU, &[170.0]);
    insta::assert_snapshot!(told(&decide_fresh(&target(2, 12, [cpu(tracking())]), &seen)));
}
