//! The blast radius: what all services together may change within a minute, and the account of what they changed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::capacity::TaskCount;
use super::duration::elapsed;

/// How long a change counts: a minute, less the time by which a tick may come early, since a change of the last tick would
/// otherwise hold up this one.
pub const COUNTED_FOR: Duration = Duration::from_secs(55);

/// The most that may change within a minute, over all services. What is left out has no limit; zero lets nothing change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlastRadius {
    /// Services that are changed; one that is changed twice counts twice.
    pub services: Option<u32>,
    /// Tasks that are taken away.
    pub tasks_in: Option<TaskCount>,
    /// Tasks that are added.
    pub tasks_out: Option<TaskCount>,
}

/// What was changed within the last minute, oldest first, by the second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spent {
    changes: Vec<Spending>,
}

/// What was changed in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    /// When.
    pub at: Timestamp,
    /// Services that were changed.
    pub services: u32,
    /// Tasks that were taken away.
    pub tasks_in: TaskCount,
    /// Tasks that were added.
    pub tasks_out: TaskCount,
}

impl Spending {
    /// Nothing at all.
    pub fn nothing(at: Timestamp) -> Self {
        Self { at, services: 0, tasks_in: 0, tasks_out: 0 }
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            at: self.at,
            services: self.services.saturating_add(other.services),
            tasks_in: self.tasks_in.saturating_add(other.tasks_in),
            tasks_out: self.tasks_out.saturating_add(other.tasks_out),
        }
    }
}

impl Spent {
    /// Drops what counts no more. What another process's clock puts a little ahead counts; far ahead it is a fault, and would
    /// count for ever.
    pub fn recent(mut self, now: Timestamp) -> Self {
        let latest = now.saturating_add(SignedDuration::from_secs(300)).unwrap_or(Timestamp::MAX);
        self.changes.retain(|change| change.at <= latest && elapsed(change.at, now) < COUNTED_FOR);
        self
    }

    /// The sum.
    pub fn sum(&self, now: Timestamp) -> Spending {
        self.changes.iter().fold(Spending::nothing(now), |sum, change| sum.and(*change))
    }

    /// The account with one more change. Those of the same second become one, which bounds it.
    pub fn with(mut self, spending: Spending) -> Self {
        match self.changes.last_mut().filter(|last| last.at.as_second() == spending.at.as_second()) {
            Some(last) => *last = last.and(spending),
            None => self.changes.push(spending),
        }
        self
    }
}
