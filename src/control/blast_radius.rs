//! Keeps all services together within the blast radius. What a look wants to change is booked in one account before anything is
//! done, under a version check, so that looks side by side, in any number of invocations, never exceed it together.
//!
//! Scale-out goes before scale-in, and smaller changes before larger ones: one service that runs wild does not use up what the
//! others need. What is booked stays booked, carried out or not.

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::blast_radius::{BlastRadius, Spending, Spent};
use crate::model::{Change, Decision, Reason, ReasonCode, Sentence, ServiceId, TaskCount};

use super::answer::AnswerError;
use super::controller::Ports;
use super::ports::{PortError, StoreError};

/// Attempts to book where others book at the same time, with a wait that grows by the first one.
const MOST_ROUNDS: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The account as this process knows it: what holds while the one that all share cannot be reached.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    here: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The account that all share, as it was seen last.
    shared: Spent,
    /// What could not be booked in it.
    unbooked: Spent,
}

impl Known {
    /// What counts now, by this process's knowledge.
    fn used(&mut self, now: Timestamp) -> Spending {
        self.shared = std::mem::take(&mut self.shared).recent(now);
        self.unbooked = std::mem::take(&mut self.unbooked).recent(now);
        self.shared.sum(now).and(self.unbooked.sum(now))
    }
}

/// A change that a look wants to carry out.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) service: ServiceId,
    pub(super) from: TaskCount,
    pub(super) to: TaskCount,
}

/// How much of a change is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// All of it.
    All,
    /// Up to this count, for this reason.
    UpTo(TaskCount, String),
}

impl Ledger {
    /// Books as much of the changes as there is left, and tells what is granted of each, in their order.
    pub(super) async fn book(
        &self,
        ports: &Ports,
        limits: &BlastRadius,
        wanted: &[Wanted],
    ) -> (Vec<Grant>, Option<AnswerError>) {
        for round in 1..=MOST_ROUNDS {
            let stored = match ports.states.load_spent().await {
                Ok(stored) => stored,
                Err(error) => return self.book_here(ports, limits, wanted, &error),
            };
            let now = ports.clock.now();
            let (version, spent) = stored.map_or((None, Spent::default()), |s| (Some(s.version), s.memory));
            let spent = spent.recent(now);
            let used = self.learn(spent.clone(), now);
            let (grants, spending) = share(limits, used, wanted);
            if spending == Spending::nothing(now) {
                return (grants, None);
            }
            let next = spent.with(spending);
            match ports.states.store_spent(version, &next).await {
                Ok(()) => {
                    self.learn(next, now);
                    return (grants, None);
                }
                Err(StoreError::Conflict) => ports.clock.sleep(FIRST_WAIT * round).await,
                Err(StoreError::Port(error)) => return self.book_here(ports, limits, wanted, &error),
            }
        }
        let error = format!(
            "nothing is changed, because other looks were booked in the blast radius's account during each of \
             {MOST_ROUNDS} attempts; the next look tries again"
        );
        let why = "others change so much at the same time that the blast radius cannot be told";
        (wanted.iter().map(|change| held(change, why)).collect(), Some(AnswerError::world(None, error)))
    }

    /// Without the account that all share nothing is taken away, and what is added counts for this process alone.
    fn book_here(
        &self,
        ports: &Ports,
        limits: &BlastRadius,
        wanted: &[Wanted],
        error: &PortError,
    ) -> (Vec<Grant>, Option<AnswerError>) {
        let now = ports.clock.now();
        let mut here = self.here();
        let limits = BlastRadius { tasks_in: None, ..*limits };
        let outs: Vec<Wanted> = wanted.iter().filter(|change| change.is_out()).cloned().collect();
        let (grants, spending) = share(&limits, here.used(now), &outs);
        here.unbooked = std::mem::take(&mut here.unbooked).with(spending);
        let mut grants = grants.into_iter();
        let why = "the account of the blast radius cannot be reached, so scale-in waits";
        let grant = |change: &Wanted| {
            if change.is_out() { grants.next().unwrap_or(Grant::All) } else { held(change, why) }
        };
        let grants = wanted.iter().map(grant).collect();
        let error = format!(
            "the account of the blast radius cannot be reached, so nothing is scaled in, and scale-out is counted for \
             this process alone: {error}"
        );
        (grants, Some(AnswerError::world(None, error)))
    }

    /// Takes in the account that all share, and tells what counts now.
    fn learn(&self, shared: Spent, now: Timestamp) -> Spending {
        let mut here = self.here();
        here.shared = shared;
        here.used(now)
    }

    /// An account is put in as a whole, so it is consistent even after a panic elsewhere.
    fn here(&self) -> MutexGuard<'_, Known> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    fn is_out(&self) -> bool {
        self.from < self.to
    }

    fn size(&self) -> TaskCount {
        self.from.abs_diff(self.to)
    }
}

impl Grant {
    /// Cuts a decision to what is granted.
    pub(super) fn apply(self, decision: &mut Decision) {
        let Self::UpTo(count, text) = self else { return };
        decision.to = count;
        decision.reasons.push(Reason { code: ReasonCode::BlastRadius, text: Sentence::new(text) });
        decision.binding = ReasonCode::BlastRadius;
        if decision.change() == Change::Hold {
            decision.memory.pending = None;
        } else if let Some(pending) = &mut decision.memory.pending {
            pending.to = count;
        }
    }
}

/// What is left of a limit.
struct Left {
    limit: Option<u32>,
    left: u32,
}

impl Left {
    fn of(limit: Option<u32>, used: u32) -> Self {
        Self { limit, left: limit.map_or(u32::MAX, |limit| limit.saturating_sub(used)) }
    }

    fn take(&mut self, count: u32) {
        if self.limit.is_some() {
            self.left -= count.min(self.left);
        }
    }
}

/// Shares what is left among the changes, and tells what that spends.
fn share(limits: &BlastRadius, used: Spending, wanted: &[Wanted]) -> (Vec<Grant>, Spending) {
    let mut services = Left::of(limits.services, used.services);
    let mut tasks_in = Left::of(limits.tasks_in, used.tasks_in);
    let mut tasks_out = Left::of(limits.tasks_out, used.tasks_out);
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|place| {
        wanted.get(*place).map(|change| (Reverse(change.is_out()), change.size(), &change.service))
    });
    let mut grants = vec![Grant::All; wanted.len()];
    let mut spending = Spending::nothing(used.at);
    for place in order {
        let (Some(change), Some(grant)) = (wanted.get(place), grants.get_mut(place)) else { continue };
        let (tasks, spent, direction) = if change.is_out() {
            (&mut tasks_out, &mut spending.tasks_out, "scale out")
        } else {
            (&mut tasks_in, &mut spending.tasks_in, "scale in")
        };
        if services.left == 0 {
            let limit = services.limit.unwrap_or(0);
            *grant = held(
                change,
                &format!("the blast radius lets {limit} services change in a minute, and none is left"),
            );
            continue;
        }
        let granted = change.size().min(tasks.left);
        if granted < change.size() {
            let why = format!(
                "the blast radius lets all services together {direction} by {} tasks in a minute, and {} are left",
                tasks.limit.unwrap_or(0),
                tasks.left
            );
            *grant = up_to(change, granted, &why);
        }
        if 0 < granted {
            tasks.take(granted);
            services.take(1);
            *spent = spent.saturating_add(granted);
            spending.services = spending.services.saturating_add(1);
        }
    }
    (grants, spending)
}

fn held(change: &Wanted, why: &str) -> Grant {
    up_to(change, 0, why)
}

fn up_to(change: &Wanted, tasks: TaskCount, why: &str) -> Grant {
    let count =
        if change.is_out() { change.from.saturating_add(tasks) } else { change.from.saturating_sub(tasks) };
    Grant::UpTo(count, format!("{why}: {count} instead of {}", change.to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(
        limits: BlastRadius,
        used: Spending,
        wanted: &[(&str, TaskCount, TaskCount)],
    ) -> (Vec<TaskCount>, Spending) {
        let wanted: Vec<Wanted> = wanted
            .iter()
            .map(|(name, from, to)| Wanted { service: ServiceId::new("prod", *name), from: *from, to: *to })
            .collect();
        let (grants, spending) = share(&limits, used, &wanted);
        let count = |(grant, change): (&Grant, &Wanted)| match grant {
            Grant::All => change.to,
            Grant::UpTo(count, _) => *count,
        };
        (grants.iter().zip(&wanted).map(count).collect(), spending)
    }

    /// The limits, what is used, the services with their counts and wishes, and what they get.
    type Case<'a> = (&'a str, BlastRadius, Spending, &'a [(&'a str, TaskCount, TaskCount)], &'a [TaskCount]);

    #[test]
    fn what_is_left_goes_to_scale_out_first_and_to_smaller_changes_first() {
        let now = Timestamp::UNIX_EPOCH;
        let limits = |services, tasks_in, tasks_out| BlastRadius { services, tasks_in, tasks_out };
        let used = |services, tasks_in, tasks_out| Spending { at: now, services, tasks_in, tasks_out };
        let all = [("wild", 4, 500), ("in", 9, 2), ("small", 0, 3), ("other", 5, 1), ("mid", 2, 9)];
        let cases: &[Case<'_>] = &[
            ("no limit", limits(None, None, None), used(99, 99, 99), &all, &[500, 2, 3, 1, 9]),
            ("tasks out", limits(None, None, Some(20)), used(0, 0, 0), &all, &[14, 2, 3, 1, 9]),
            ("tasks out, some used", limits(None, None, Some(20)), used(0, 0, 15), &all, &[4, 2, 3, 1, 4]),
            ("tasks in", limits(None, Some(6), None), used(0, 0, 0), &all, &[500, 7, 3, 1, 9]),
            ("services: out first", limits(Some(4), None, None), used(0, 0, 0), &all, &[500, 9, 3, 1, 9]),
            ("services, some used", limits(Some(4), None, None), used(2, 0, 0), &all, &[4, 9, 3, 5, 9]),
            ("services, all used", limits(Some(4), None, None), used(9, 0, 0), &all, &[4, 9, 0, 5, 2]),
            ("nothing at all", limits(Some(0), None, None), used(0, 0, 0), &all, &[4, 9, 0, 5, 2]),
            ("no scale-in", limits(None, Some(0), None), used(0, 0, 0), &all, &[500, 9, 3, 5, 9]),
            (
                "one that gets nothing uses up no service",
                limits(Some(3), None, Some(3)),
                used(0, 0, 0),
                &all,
                &[4, 2, 3, 1, 2],
            ),
            (
                "of two of a size the first by name",
                limits(Some(1), None, None),
                used(0, 0, 0),
                &[("b", 1, 2), ("a", 1, 2)],
                &[1, 2],
            ),
        ];
        for (case, limits, used, wanted, granted) in cases {
            let (counts, spending) = shared(*limits, *used, wanted);
            assert_eq!(counts, *granted, "{case}");
            let changes = || wanted.iter().zip(&counts).map(|((_, from, _), to)| (*from, *to));
            let added: TaskCount = changes().map(|(from, to)| to.saturating_sub(from)).sum();
            let removed: TaskCount = changes().map(|(from, to)| from.saturating_sub(to)).sum();
            let changed = u32::try_from(changes().filter(|(from, to)| from != to).count()).unwrap();
            let expected = Spending { at: now, services: changed, tasks_in: removed, tasks_out: added };
            assert_eq!(spending, expected, "{case}: what is granted is what is booked");
        }
    }
}
