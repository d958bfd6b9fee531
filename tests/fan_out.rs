//! A fleet that is shared out over several invocations, in virtual time: whatever becomes of its messages, every service is
//! looked at and none is changed twice.

#![cfg(test)]

#[path = "support/fleet.rs"]
mod fleet;

use std::time::Duration;

use fleet::{Mishap, Report, Setup, run};

/// Three hundred services in shards of fifty, of which one in twenty has to change.
fn setup(mishaps: Vec<Mishap>) -> Setup {
    Setup { services: 300, shard_size: Some(50), workers: 5, ticks: 2, mishaps }
}

fn call(report: &Report, operation: &str) -> usize {
    report.calls.get(operation).copied().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_fleet_is_looked_at_by_several_invocations_within_the_account_limits() {
    let (reports, updates) = run(&setup(vec![])).await;
    let first = &reports[0];
    assert_eq!((first.invocations, first.ended, first.sent.shards, first.sent.services), (6, 0, 5, 250));
    assert_eq!((first.decided.len(), first.throttled, first.errors.len()), (300, 0, 0), "{:?}", first.errors);
    assert!(first.took < Duration::from_secs(5), "{:?}", first.took);
    assert_eq!(updates.len(), 15);
    assert!(updates.values().all(|counts| *counts == [6]), "{updates:?}");
    let lists = reports.iter().map(|report| call(report, "ecs:ListServices")).sum::<usize>();
    assert_eq!(lists, 3, "the first tick lists for all, and the second knows it");
    assert_eq!(call(&reports[1], "ecs:UpdateService"), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_one_invocation_looks_at_all() {
    let (reports, updates) = run(&Setup { shard_size: None, workers: 0, ..setup(vec![]) }).await;
    let first = &reports[0];
    assert_eq!((first.invocations, first.sent.shards, first.decided.len(), updates.len()), (1, 0, 300, 15));
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_two_workers_have_at_the_same_time_acts_once() {
    let (reports, updates) = run(&setup(vec![Mishap::Twice(2)])).await;
    let first = &reports[0];
    assert_eq!(
        (first.invocations, first.decided.len(), first.errors.len()),
        (7, 300, 0),
        "{:?}",
        first.errors
    );
    assert!(updates.values().all(|counts| *counts == [6]), "{updates:?}");
    assert_eq!(updates.len(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_loses_nothing() {
    let (reports, updates) = run(&Setup { ticks: 1, ..setup(vec![Mishap::Dies(1)]) }).await;
    let first = &reports[0];
    assert_eq!((first.ended, first.invocations), (1, 6), "another took its shard");
    assert_eq!((first.decided.len(), updates.len()), (300, 15));
    assert!(Duration::from_secs(60) < first.took, "once it was visible again: {:?}", first.took);
    assert!(updates.values().all(|counts| *counts == [6]), "{updates:?}");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_takes_shards_the_next_tick_begins_anew_and_they_are_dropped() {
    let (reports, updates) = run(&Setup { workers: 0, ..setup(vec![]) }).await;
    let decided: Vec<usize> = reports.iter().map(|report| report.decided.len()).collect();
    assert_eq!(decided, [50, 50], "the part that the tick keeps");
    assert!(updates.values().all(|counts| *counts == [6]), "{updates:?}");
}
