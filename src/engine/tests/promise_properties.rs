//! What holds for the promise policies whatever was learned: they stay within the bounds, and more load gives no fewer tasks.

use proptest::prelude::*;

use super::world::*;
use crate::engine::decide;
use crate::engine::staffing::{Need, late_share};
use crate::model::memory::{
    LoadMemory, LookaheadMemory, LookaheadTuning, QueueMemory, Rehearsed, Season, ServiceLevelMemory,
    StartMemory, Starting, UsualLoad,
};
use crate::model::policy::{PolicyKind, QueueGoal};
use crate::model::{Memory, ScalableTarget, ServiceStatus};

/// A number as a memory may hold it that nobody looked after.
fn odd() -> BoxedStrategy<f64> {
    prop_oneof![
        60 => 0.0..100.0_f64,
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(-1.0), Just(1e-300), Just(5e-324)],
        1 => prop_oneof![Just(1e300), Just(-1e300), Just(f64::MAX), Just(1e14), Just(1e-5)],
    ]
    .boxed()
}

/// The same where most are shares.
fn odd_share() -> BoxedStrategy<f64> {
    prop_oneof![60 => 0.0..1.0_f64, 1 => odd(), 1 => Just(1e14), 1 => Just(-1.0)].boxed()
}

fn odd_second() -> impl Strategy<Value = i64> {
    prop_oneof![6 => -7200..7200_i64, 1 => Just(-3_000_000_000_i64), 1 => Just(3_000_000_000_i64)]
}

fn season() -> impl Strategy<Value = Season> {
    prop_oneof![Just(Season::None), Just(Season::Daily), Just(Season::Weekly)]
}

prop_compose! {
    fn tuning(number: impl Fn() -> BoxedStrategy<f64>)(
        newest in number(), trend in number(), hold_min in number(), margin in number(), floor_s in number(),
        season_share in number(), relative in any::<bool>(), season in season(),
    ) -> LookaheadTuning {
        LookaheadTuning { newest, trend, hold_min, margin, floor_s, relative, season, season_share }
    }
}

prop_compose! {
    fn odd_load()(
        (level_s, slope_s, held_s, variance) in (odd(), odd(), odd(), odd()),
        begun in any::<bool>(),
        forecasts in proptest::collection::vec(odd(), 0..80),
        until in proptest::option::of(odd_second()),
        tried in proptest::option::of(odd_second()),
        rehearsed in proptest::option::of((odd_second(), odd(), tuning(odd_share).boxed())),
        usual in proptest::option::of((
            prop_oneof![1 => Just(i64::MIN), 1 => Just(i64::MAX), 20 => Just(5_890_752_i64)],
            proptest::collection::vec(odd(), 0..20),
        )),
    ) -> LoadMemory {
        LoadMemory {
            until: until.map(after),
            lookahead: LookaheadMemory { begun, level_s, slope_s, held_s, variance, forecasts },
            tried_at: tried.map(after),
            rehearsed: rehearsed.map(|(at, per_task_s, tuning)| Rehearsed { at: after(at), per_task_s, tuning }),
            usual: usual.map(|(first_slot, load_s)| UsualLoad { first_slot, load_s }),
        }
    }
}

prop_compose! {
    fn odd_memory()(
        (looked_at, look_s, seen, mean_s, variance_s2) in (proptest::option::of(odd_second()), odd(), odd(), odd(), odd()),
        starting in proptest::collection::vec((odd_second(), any::<u32>()), 0..20),
        (finished, arrivals, in_flight) in (
            proptest::option::of(odd()), proptest::option::of(odd()), proptest::option::of(odd()),
        ),
        at_full_work in any::<bool>(),
        (per_task_s, per_task_weight, requests, late) in (proptest::option::of(odd()), odd(), odd(), odd()),
        queue_load in odd_load().boxed(),
        level_load in odd_load().boxed(),
    ) -> Memory {
        let starting = starting.into_iter().map(|(since, tasks)| Starting { since: after(since), tasks });
        let starts = StartMemory {
            looked_at: looked_at.map(after), look_s, seen, mean_s, variance_s2, starting: starting.collect(),
        };
        let queue = QueueMemory {
            finished_per_task_s: finished,
            at_full_work,
            arrivals_s: arrivals,
            in_flight_per_task: in_flight,
            load: queue_load,
            ..QueueMemory::default()
        };
        let level = ServiceLevelMemory {
            per_task_s, per_task_weight, requests, late, load: level_load, ..ServiceLevelMemory::default()
        };
        Memory {
            starts,
            queues: [("queue0".into(), queue)].into(),
            service_levels: [("level1".into(), level)].into(),
            ..Memory::default()
        }
    }
}

fn both(promise_s: u64) -> ScalableTarget {
    let queue = queue(QueueGoal::StartWithin(seconds(promise_s)));
    target(1, 60, [PolicyKind::Queue(queue), PolicyKind::ServiceLevel(level())])
}

/// A memory that looks can have left behind.
fn sound_load() -> impl Strategy<Value = LoadMemory> {
    let share = || (0.0..1.0_f64).boxed();
    let numbers = (0.0..500.0_f64, -50.0..50.0_f64, 0.0..900.0_f64, 0.0..1.0_f64);
    let forecasts = proptest::collection::vec(0.0..900.0_f64, 0..6);
    let more = (0.0..400.0_f64, 0.0..8.0_f64, 0.0..900.0_f64);
    (numbers, forecasts, proptest::option::of((tuning(share), more))).prop_map(
        |(numbers, forecasts, rehearsed)| {
            let (level_s, slope_s, held_s, variance) = numbers;
            let rehearsed = rehearsed.map(|(tuning, (hold_min, margin, floor_s))| Rehearsed {
                at: after(-600),
                per_task_s: 20.0,
                tuning: LookaheadTuning { hold_min, margin, floor_s, ..tuning },
            });
            LoadMemory {
                lookahead: LookaheadMemory { begun: true, level_s, slope_s, held_s, variance, forecasts },
                rehearsed,
                ..LoadMemory::default()
            }
        },
    )
}

proptest! {
    #[test]
    fn a_memory_of_garbage_neither_panics_nor_leaves_the_bounds(
        memory in odd_memory().boxed(),
        desired in 0..80_u32,
        (visible, in_flight) in (0..5_000_u64, 0..500_u64),
        load in 0.0..1e6_f64,
        used in 0.0..120.0_f64,
        promise_s in prop_oneof![Just(1_u64), Just(60), Just(180)],
    ) {
        let stored: Memory = serde_json::from_str(&serde_json::to_string(&memory).unwrap()).unwrap();
        let mut memory = stored;
        for look in 0..4 {
            let seen = seen(after(60 * look), ServiceStatus::steady(desired))
                .queue("orders", depth(visible, in_flight))
                .points(SENT, &[load, load])
                .points(DELETED, &[load])
                .points(REQUESTS, &[load, load])
                .points(WITHIN, &[99.0])
                .points(CPU, &[used]);
            let target = both(promise_s);
            let decision = decide(&target, &seen.0, memory.clone());
            prop_assert_eq!(target.capacity.clamp(decision.to), decision.to);
            let text = serde_json::to_string(&decision.memory).unwrap();
            prop_assert!(serde_json::from_str::<Memory>(&text).is_ok(), "what is remembered can be read again: {}", text);
            memory = decision.memory;
        }
    }

    #[test]
    fn more_messages_never_give_fewer_tasks(
        desired in 0..60_u32,
        starting in 0..20_u32,
        in_flight in 0..100_u64,
        rate in proptest::option::of(0.01..20.0_f64),
        at_full_work in any::<bool>(),
        held in proptest::option::of(1.0..20.0_f64),
        sent in proptest::option::of(0.0..5_000.0_f64),
        before in proptest::option::of(0..3_000_u64),
        mean_s in 10.0..300.0_f64,
        load in sound_load().boxed(),
        (fewer, more) in (1..5_000_u64, 0..5_000_u64),
    ) {
        let running = desired.saturating_sub(starting);
        let looks = before.into_iter().map(|visible| crate::model::memory::QueueLook { at: after(-60), visible, running });
        let learned = QueueMemory {
            finished_per_task_s: rate,
            at_full_work,
            in_flight_per_task: held,
            load,
            looks: looks.collect(),
            ..QueueMemory::default()
        };
        let starts = StartMemory { seen: 200.0, mean_s, look_s: 60.0, ..StartMemory::default() };
        let memory = Memory { starts, queues: [("queue0".into(), learned)].into(), ..Memory::default() };
        let target = target(0, 10_000, [PolicyKind::Queue(queue(QueueGoal::StartWithin(seconds(180))))]);
        let at = |visible| {
            let status = ServiceStatus { running, pending: desired - running, ..ServiceStatus::steady(desired) };
            let seen = seen(after(0), status).queue("orders", depth(visible, in_flight));
            let seen = sent.into_iter().fold(seen, |seen, sent| seen.points(SENT, &[sent]));
            decide(&target, &seen.0, memory.clone())
        };
        let (low, high) = (at(fewer), at(fewer + more));
        prop_assert!(low.to <= high.to, "{:?}\n{:?}", low.reasons, high.reasons);
    }

    #[test]
    fn more_requests_in_the_newest_minute_never_give_fewer_tasks(
        desired in 0..60_u32,
        load in sound_load().boxed(),
        late in 0.0..2_000.0_f64,
        earlier in 0.0..60_000.0_f64,
        (fewer, more) in (0.0..60_000.0_f64, 0.0..60_000.0_f64),
    ) {
        let learned = ServiceLevelMemory {
            per_task_s: Some(20.0),
            per_task_weight: 5.0,
            requests: 1e6,
            late,
            load,
            ..ServiceLevelMemory::default()
        };
        let memory = Memory { service_levels: [("level0".into(), learned)].into(), ..Memory::default() };
        let target = target(0, 100_000, [PolicyKind::ServiceLevel(level())]);
        let at = |newest| {
            let seen = seen(after(0), ServiceStatus::steady(desired)).points(REQUESTS, &[earlier, newest]);
            decide(&target, &seen.0, memory.clone())
        };
        let (low, high) = (at(fewer), at(fewer + more));
        prop_assert!(low.to <= high.to, "{:?}\n{:?}", low.reasons, high.reasons);
    }

    #[test]
    fn a_higher_load_or_margin_never_needs_fewer_tasks(
        (held_s, more_s) in (0.0..5_000.0_f64, 0.0..5_000.0_f64),
        (variance, more_variance) in (0.0..4.0_f64, 0.0..4.0_f64),
        (margin, more_margin) in (0.0..8.0_f64, 0.0..8.0_f64),
        floor_s in 0.0..1_000.0_f64,
        relative in any::<bool>(),
    ) {
        let tuning = LookaheadTuning { floor_s, relative, ..LookaheadTuning::default() };
        let tasks = |held_s: f64, variance: f64, margin: f64| {
            let memory = LookaheadMemory { begun: true, held_s, variance, ..LookaheadMemory::default() };
            Need::of(&memory, &tuning, 20.0).tasks(margin)
        };
        let least = tasks(held_s, variance, margin);
        prop_assert!(least <= tasks(held_s + more_s, variance, margin));
        prop_assert!(least <= tasks(held_s, variance + more_variance, margin));
        prop_assert!(least <= tasks(held_s, variance, margin + more_margin));
        prop_assert!(floor_s / 20.0 <= least);
    }

    #[test]
    fn more_tasks_are_never_later_and_more_work_never_less_late(
        (tasks, more_tasks) in (0.0..200.0_f64, 0.0..20.0_f64),
        (work, more_work) in (0.0..200.0_f64, 0.0..20.0_f64),
    ) {
        let late = late_share(tasks, work);
        prop_assert!((0.0..=1.0).contains(&late));
        prop_assert!(late_share(tasks + more_tasks, work) <= late);
        prop_assert!(late <= late_share(tasks, work + more_work));
    }
}
