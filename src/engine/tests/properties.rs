//! What holds for every input.

use proptest::prelude::*;

use super::world::*;
use crate::engine::decide;
use crate::model::policy::{AdjustmentType, Behavior, PolicyKind, QueueGoal, ScalingPolicy};
use crate::model::{AlarmState, Capacity, Memory, Observation, ScalableTarget, ServiceStatus, TaskCount};

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 0.0..300.0_f64,
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(-5.0), Just(1e300), Just(0.0)],
    ]
}

fn any_service() -> impl Strategy<Value = ServiceStatus> {
    (0..80_u32, 0..80_u32, 0..40_u32, any::<bool>(), 0..10_u32).prop_map(
        |(desired, running, pending, deploying, protected)| ServiceStatus {
            desired,
            running,
            pending,
            deploying,
            scalable: true,
            protected,
        },
    )
}

fn any_target() -> impl Strategy<Value = ScalableTarget> {
    let kinds = proptest::sample::subsequence(all_kinds(), 0..=4);
    (kinds, 0..20_u32, 0..60_u32, any::<bool>()).prop_map(|(kinds, min, more, damped)| {
        let mut target = target(min, min + more, kinds);
        if damped {
            target.behavior = Behavior::default();
        }
        target
    })
}

fn all_kinds() -> Vec<PolicyKind> {
    let ladder = [(Some(0.0), Some(20.0), 10), (Some(20.0), None, 50)];
    vec![
        cpu(tracking()),
        PolicyKind::StepScaling(steps("high", AdjustmentType::PercentChangeInCapacity, &ladder)),
        PolicyKind::Queue(queue(QueueGoal::BacklogPerTask(7.0))),
        PolicyKind::Queue(queue(QueueGoal::StartWithin(seconds(120)))),
    ]
}

prop_compose! {
    fn any_look()(
        service in any_service(),
        values in proptest::collection::vec(any_value(), 0..6),
        state in prop_oneof![Just(AlarmState::Ok), Just(AlarmState::Alarm), Just(AlarmState::InsufficientData)],
        value in any_value(),
        visible in 0..2_000_u64,
        in_flight in 0..200_u64,
        seen_queue in any::<bool>(),
        gap in 1..400_i64,
    ) -> (i64, Observation) {
        let mut seen = seen(after(0), service).points(CPU, &values).alarm("high", state, 50.0, value);
        if seen_queue {
            seen = seen.queue("orders", depth(visible, in_flight));
        }
        (gap, seen.0)
    }
}

fn later(mut observation: Observation, second: i64) -> Observation {
    let shift = after(second).duration_since(observation.now);
    observation.now = after(second);
    for point in observation.metrics.values_mut().flatten() {
        point.start += shift;
    }
    observation
}

proptest! {
    #[test]
    fn the_count_is_always_within_the_bounds(
        target in any_target(),
        looks in proptest::collection::vec(any_look(), 1..8),
    ) {
        let (mut memory, mut second) = (Memory::default(), 0);
        for (gap, look) in looks {
            second += gap;
            let decision = decide(&target, &later(look, second), memory.clone());
            prop_assert_eq!(target.capacity.clamp(decision.to), decision.to);
            memory = decision.memory;
        }
    }

    #[test]
    fn the_same_input_gives_the_same_decision_also_through_the_stored_form_of_the_memory(
        target in any_target(),
        looks in proptest::collection::vec(any_look(), 1..6),
    ) {
        let (mut memory, mut second) = (Memory::default(), 0);
        for (gap, look) in looks {
            second += gap;
            let look = later(look, second);
            let stored: Memory = serde_json::from_str(&serde_json::to_string(&memory).unwrap()).unwrap();
            let decision = decide(&target, &look, memory.clone());
            prop_assert_eq!(format!("{decision:?}"), format!("{:?}", decide(&target, &look, memory.clone())));
            prop_assert_eq!(decision.to, decide(&target, &look, stored).to);
            memory = decision.memory;
        }
    }

    #[test]
    fn without_data_nothing_is_taken_away(target in any_target(), service in any_service()) {
        prop_assume!(!target.policies.is_empty());
        let decision = decide(&target, &seen(after(0), service.clone()).0, Memory::default());
        prop_assert!(target.capacity.clamp(service.desired) <= decision.to);
    }

    #[test]
    fn more_load_never_gives_fewer_tasks(
        target in any_target(),
        service in any_service(),
        low in 0.0..200.0_f64,
        more in 0.0..200.0_f64,
        messages in 0..500_u64,
        more_messages in 0..500_u64,
    ) {
        let at = |value: f64, visible| {
            let seen = seen(after(0), service.clone()).points(CPU, &[value]).queue("orders", depth(visible, 3));
            let state = if 50.0 <= value { AlarmState::Alarm } else { AlarmState::Ok };
            decide(&target, &seen.alarm("high", state, 50.0, value).0, Memory::default()).to
        };
        prop_assert!(at(low, messages) <= at(low + more, messages + more_messages));
    }

    #[test]
    fn constant_load_settles_and_stays(
        load in 0.0..3_000.0_f64,
        start in 1..60_u32,
    ) {
        let mut run = Run::new(ScalableTarget { behavior: Behavior::default(), ..target(1, 100, [cpu(tracking())]) }, start);
        let counts: Vec<TaskCount> = (0..30)
            .map(|minute| {
                let utilisation = load / f64::from(run.desired);
                run.look(60 * minute, |seen| seen.points(CPU, &[utilisation]))
            })
            .collect();
        prop_assert!(counts[20..].windows(2).all(|pair| pair[0] == pair[1]), "{:?}", counts);
        let settled = f64::from(*counts.last().unwrap());
        prop_assert!(load / settled <= 60.0 + 1e-6 || 100.0 <= settled, "{} on {}", load, settled);
    }

    #[test]
    fn target_tracking_agrees_with_the_naive_formula(
        tasks in 1..200_u32,
        value in 0.0..400.0_f64,
    ) {
        let seen = seen(after(0), ServiceStatus::steady(tasks)).points(CPU, &[value]);
        let decision = decide_fresh(&target(0, 100_000, [cpu(tracking())]), &seen);
        let exact = f64::from(tasks) * value / 60.0;
        let naive = if (54.0..=60.0).contains(&value) { f64::from(tasks) } else { (exact - 1e-6).ceil().max(0.0) };
        prop_assert!((f64::from(decision.to) - naive).abs() < 0.5, "{} for {}", decision.to, naive);
    }

    #[test]
    fn a_blind_policy_never_removes(service in any_service(), value in 0.0..60.0_f64) {
        let both = target(0, 100, [cpu(tracking()), cpu(tracking_of("Unseen", 50.0, false))]);
        let decision = decide_fresh(&both, &seen(after(0), service.clone()).points(CPU, &[value]));
        prop_assert!(service.desired <= decision.to);
    }
}

#[test]
fn the_policies_of_the_properties_have_names_of_their_own() {
    let target = target(0, 10, all_kinds());
    let names: std::collections::BTreeSet<_> =
        target.policies.iter().map(|ScalingPolicy { name, .. }| name).collect();
    assert_eq!(names.len(), 4);
    assert_eq!(target.capacity, Capacity::new(0, 10).unwrap());
}
