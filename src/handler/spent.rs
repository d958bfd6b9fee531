//! What one process spent since it began, as the answer to `status` and each event's metrics tell it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::control::calls::Usage;
use crate::control::calls::price::{Bill, LambdaTime};
use crate::model::duration::elapsed;

/// The time between two ticks.
const TICK: Duration = Duration::from_secs(60);
/// The megabytes of a gigabyte, as Lambda counts them.
const MB_PER_GB: f64 = 1024.0;

/// The account of a process.
#[derive(Debug)]
pub(super) struct Account {
    since: Timestamp,
    /// The function's memory; none outside of Lambda, where the time costs nothing.
    pub(super) memory_mb: Option<u32>,
    sums: Mutex<Sums>,
}

/// What the events so far added up to.
#[derive(Clone, Debug, Default)]
struct Sums {
    ticks: u32,
    worked: Sum,
    asked: Sum,
}

#[derive(Clone, Debug, Default)]
struct Sum {
    events: u32,
    bill: Bill,
}

/// One event, as the account has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// What was used for it.
    pub(super) usage: &'a Usage,
    /// How long it took, with its waits.
    pub(super) time: Duration,
    /// How many ticks were in it.
    pub(super) ticks: u32,
    /// Whether it was nothing but a question.
    pub(super) only_asked: bool,
}

impl Account {
    pub(super) fn new(since: Timestamp) -> Self {
        Self { since, memory_mb: None, sums: Mutex::default() }
    }

    /// Books an event, and tells what it cost in dollars.
    pub(super) fn book(&self, entry: Entry<'_>) -> f64 {
        let lambda = self.memory_mb.map(|memory| LambdaTime {
            invocations: 1,
            gb_seconds: entry.time.as_secs_f64() * f64::from(memory) / MB_PER_GB,
        });
        let bill = Bill::of(entry.usage, lambda.unwrap_or_default());
        let mut sums = self.sums();
        sums.ticks = sums.ticks.saturating_add(entry.ticks);
        let sum = if entry.only_asked { &mut sums.asked } else { &mut sums.worked };
        sum.events = sum.events.saturating_add(1);
        sum.bill.extend(&bill);
        bill.total()
    }

    /// A month's cost by what was booked.
    pub(super) fn per_month(&self, now: Timestamp) -> Bill {
        let Sums { ticks, worked, asked } = self.sums().clone();
        if worked.events == 0 {
            // Nothing worked here yet: a question looks as a tick does, so it stands for one a minute.
            return asked.bill.per_month(TICK * asked.events.max(1));
        }
        // A tick stands for a minute, also in a process that has not lived for one.
        worked.bill.per_month(elapsed(self.since, now).max(TICK * ticks.max(1)))
    }

    /// What is told to who asks for the status.
    pub(super) fn told(&self, used: &Usage, now: Timestamp) -> Value {
        let month = self.per_month(now);
        let parts: Map<String, Value> = month
            .parts()
            .iter()
            .map(|(name, dollars)| ((*name).to_owned(), json!(rounded(*dollars))))
            .collect();
        json!({
            "since": self.since,
            "ticks": self.sums().ticks,
            "calls": used.calls,
            "metrics": used.metrics,
            "read_units": used.read_units,
            "write_units": used.write_units,
            "retries": used.retries,
            "throttled": used.throttled,
            "cost_per_month": rounded(month.total()),
            "cost_by_part": parts,
        })
    }

    /// Each change under the lock is whole, so the sums are consistent even after a panic elsewhere.
    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// To a hundredth of a cent.
pub(super) fn rounded(dollars: f64) -> f64 {
    (dollars * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::calls::price::{LAMBDA_GB_SECOND, LAMBDA_REQUEST};

    const SECOND: Duration = Duration::from_secs(1);

    fn metrics(count: u64) -> Usage {
        Usage { metrics: count, ..Usage::default() }
    }

    fn entry(usage: &Usage, ticks: u32, only_asked: bool) -> Entry<'_> {
        Entry { usage, time: 300 * SECOND / 1000, ticks, only_asked }
    }

    #[track_caller]
    fn check(case: &str, account: &Account, age: Duration, dollars: f64) {
        let month = account.per_month(Timestamp::UNIX_EPOCH + age).total();
        assert!((month - dollars).abs() < 1e-9, "{case}: {month} a month, not {dollars}");
    }

    #[test]
    fn a_month_is_estimated_from_the_time_over_which_was_counted() {
        let account = Account::new(Timestamp::UNIX_EPOCH);
        account.book(entry(&metrics(100), 0, true));
        check("a question before the first tick is like a tick", &account, SECOND, 43.8);
        account.book(entry(&metrics(10), 1, false));
        check("a tick stands for a minute", &account, 2 * SECOND, 4.38);
        account.book(entry(&metrics(100), 0, true));
        check("questions are no part of what a month costs", &account, 3 * SECOND, 4.38);
        account.book(entry(&metrics(30), 1, false));
        check("forty metrics in two minutes", &account, 61 * SECOND, 8.76);
        account.book(entry(&metrics(20), 0, false));
        check("an alarm within them", &account, 120 * SECOND, 13.14);
        check("and nothing for two minutes more", &account, 240 * SECOND, 6.57);
    }

    #[test]
    fn the_time_of_the_function_costs_by_its_memory() {
        let (function, elsewhere) = (
            Account { memory_mb: Some(256), ..Account::new(Timestamp::UNIX_EPOCH) },
            Account::new(Timestamp::UNIX_EPOCH),
        );
        let usage = Usage::default();
        let dollars = function.book(entry(&usage, 1, false));
        let by_hand = 0.3 * 0.25 * LAMBDA_GB_SECOND + LAMBDA_REQUEST;
        assert!((dollars - by_hand).abs() < 1e-15, "{dollars}");
        check("43,800 such ticks", &function, SECOND, 43_800.0 * by_hand);
        elsewhere.book(entry(&usage, 1, false));
        check("a process that is no function", &elsewhere, SECOND, 0.0);
    }
}
