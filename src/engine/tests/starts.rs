//! How long tasks take to start, learned from nothing but counts.

use std::ops::Range;

use super::world::*;
use crate::engine::decide;
use crate::model::memory::StartMemory;
use crate::model::{Memory, ServiceStatus, TaskCount};

/// Looks at a service of which others set the count, and gives what is remembered.
fn look(memory: &Memory, second: i64, desired: TaskCount, running: TaskCount, deploying: bool) -> Memory {
    let pending = desired.saturating_sub(running);
    let service = ServiceStatus { running, pending, deploying, ..ServiceStatus::steady(desired) };
    decide(&target(0, 1000, []), &seen(after(second), service).0, memory.clone()).memory
}

/// Looks every so often at a service that asks for two tasks more at every eighth look, which take so long to start.
fn learned(start_s: i64, look_s: i64, looks: Range<i64>) -> StartMemory {
    let asked = |second: i64| TaskCount::try_from(second.div_euclid(8 * look_s) * 2).unwrap_or(0);
    let memory = looks.fold(Memory::default(), |memory, place| {
        let second = 8 * look_s + place * look_s;
        // What a look decides is in effect at the next.
        look(&memory, second, asked(second - look_s), asked(second - look_s.max(start_s)), false)
    });
    memory.starts
}

#[test]
fn the_mean_delay_is_learned_to_half_the_time_between_looks() {
    for look_s in [15_i32, 60] {
        for start_s in [20_i32, 45, 90] {
            let starts = learned(start_s.into(), look_s.into(), 0..200);
            let off = (starts.mean_s - f64::from(start_s)).abs();
            let allowed = f64::from(look_s) / 2.0;
            assert!(off <= allowed, "{start_s} s at looks of {look_s} s: {}", starts.mean_s);
            assert!(10.0 < starts.seen, "{start_s} s at looks of {look_s} s: {} seen", starts.seen);
            assert!((starts.look_s - f64::from(look_s)).abs() < 0.001, "{}", starts.look_s);
        }
    }
}

#[test]
fn tasks_that_start_when_others_are_asked_for_are_told_apart() {
    for look_s in [15_i32, 60] {
        let starts = learned(180, look_s.into(), 0..200);
        let off = (starts.mean_s - 180.0).abs();
        assert!(off <= f64::from(look_s) / 2.0, "looks of {look_s} s: {}", starts.mean_s);
    }
}

#[test]
fn a_start_is_half_way_between_the_looks_that_saw_it() {
    // (case, the looks as second, desired and running; tasks seen, mean delay)
    type Looks = [(i64, TaskCount, TaskCount)];
    let cases: &[(&str, &Looks, f64, f64)] = &[
        ("at the first look", &[(0, 2, 2), (60, 6, 6)], 4.0, 30.0),
        ("at the second", &[(0, 2, 2), (60, 6, 2), (120, 6, 6)], 4.0, 90.0),
        ("some at each", &[(0, 2, 2), (60, 6, 4), (120, 6, 6)], 4.0, 60.0),
        ("none yet", &[(0, 2, 2), (60, 6, 2)], 0.0, 0.0),
        (
            "the starting ones go first at a scale-in",
            &[(0, 2, 2), (60, 12, 2), (120, 7, 2), (180, 7, 7)],
            5.0,
            150.0,
        ),
        (
            "a start that was taken back was none",
            &[(0, 2, 2), (60, 12, 2), (120, 2, 2), (180, 2, 2)],
            0.0,
            0.0,
        ),
        ("a task that never starts is no slow one", &[(0, 2, 2), (60, 3, 2), (3000, 3, 3)], 0.0, 0.0),
        ("the clock steps back", &[(600, 2, 2), (660, 6, 2), (0, 6, 2), (60, 6, 6)], 0.0, 0.0),
        ("and goes on", &[(600, 2, 2), (660, 6, 2), (0, 6, 6), (60, 8, 6), (120, 8, 8)], 2.0, 90.0),
    ];
    for (case, looks, tasks, mean_s) in cases {
        let memory = looks.iter().fold(Memory::default(), |memory, (second, desired, running)| {
            look(&memory, *second, *desired, *running, false)
        });
        let told = (memory.starts.seen, memory.starts.mean_s);
        assert_eq!(told, (*tasks, *mean_s), "{case}");
    }
}

#[test]
fn a_deployment_teaches_nothing() {
    let before = look(&Memory::default(), 0, 2, 2, false);
    let asked = look(&before, 60, 6, 2, false);
    let deployed = look(&asked, 120, 6, 9, true);
    let over = look(&deployed, 180, 6, 6, false);
    assert_eq!((over.starts.seen, over.starts.starting.len()), (0.0, 0));
}

#[test]
fn what_starts_is_remembered_in_a_few_groups() {
    let memory = (0..500_i64).fold(Memory::default(), |memory, minute| {
        look(&memory, 60 * minute, TaskCount::try_from(minute).unwrap(), 0, false)
    });
    assert!(memory.starts.starting.len() <= 12, "{} groups", memory.starts.starting.len());
}
