//! A fleet that is shared out over several invocations, in virtual time: whatever becomes of its messages, every service is
//! looked at and none is changed twice.

#![cfg(test)]

#[path = "support/fleet.rs"]
mod fleet;

use std::collections::BTreeSet;
use std::time::Duration;

use fleet::{Mishap, Report, Setup, TIMEOUT, run};
use trimtab::model::TaskCount;

/// Three hundred services in shards of fifty, of which one in twenty has to change.
fn setup(mishaps: Vec<Mishap>) -> Setup {
    Setup {
        services: 300,
        one_busy_of: 20,
        shard_size: Some(50),
        workers: 5,
        timeout: TIMEOUT,
        ticks: 2,
        mishaps,
    }
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

#[tokio::test(start_paused = true)]
async fn what_the_rate_limits_leave_no_time_for_is_handed_over_and_done_by_the_next_tick() {
    let all_are_busy = Setup { services: 500, one_busy_of: 1, shard_size: None, workers: 0, ..setup(vec![]) };
    let (reports, updates) = run(&all_are_busy).await;
    let (first, second) = (&reports[0], &reports[1]);
    let changed = call(first, "ecs:UpdateService");
    assert!((320..=50 + 5 * 58).contains(&changed), "a burst of 50 and 5 a second: {changed}");
    assert_eq!(first.handed_over, 500 - changed);
    assert_eq!((call(second, "ecs:UpdateService"), second.handed_over), (500 - changed, 0));
    for report in reports {
        assert_eq!((report.ended, report.throttled, report.errors), (0, 0, vec![]));
    }
    assert_eq!(updates.len(), 500);
    assert!(updates.values().all(|counts| *counts == [6]), "{updates:?}");
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_time_for_goes_to_another_invocation_at_once_where_there_is_a_queue() {
    let all_are_busy =
        Setup { services: 500, one_busy_of: 1, shard_size: Some(500), workers: 1, ..setup(vec![]) };
    let (reports, updates) = run(&Setup { timeout: Duration::from_secs(20), ticks: 3, ..all_are_busy }).await;
    assert_eq!(updates.len(), 500);
    let changed = call(&reports[0], "ecs:UpdateService");
    assert!(50 + 5 * 30 < changed, "more than the one invocation of 20 s could: {changed}");
    let set: BTreeSet<TaskCount> = updates.into_values().flatten().collect();
    assert_eq!(set, BTreeSet::from([6]), "the next tick may set a count once more, never another");
    assert!((1..=3).contains(&reports[0].sent.shards), "{:?}", reports[0].sent);
}
