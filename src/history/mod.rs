//! A service's own past: what its load, its tasks and its promise were, interval by interval.
//!
//! It is read from CloudWatch a day at a time, kept as CSV that `trimtab simulate` reads as well, and replayed by
//! `trimtab backtest` and `trimtab tune`. Nothing here does I/O but through [`MetricHistory`].

mod gaps;
mod knobs;
mod per_task;
mod read;
mod recorded;
mod replay;
mod sources;
mod table;
mod tried;
mod tune;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use per_task::{Learned, PerTask, per_task};
pub use read::{MetricHistory, read};
pub use recorded::Measured;
pub use replay::{Assumptions, CannotReplay, Replay, Replayable};
pub use sources::Sources;
pub use table::InvalidHistory;
pub use tried::{Figure, Part, Tried};
pub use tune::{Candidate, Search, Tuning, Verdict, saved_percent, tune};

use crate::model::ServiceId;

/// The length of an interval that is read from CloudWatch, which keeps points of one minute for 15 days.
pub const MINUTE: Duration = Duration::from_secs(60);
/// The days for which CloudWatch keeps points of one minute.
pub const DAYS_KEPT: u32 = 15;

/// What a load is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadUnit {
    /// Requests a second, at a load balancer.
    Requests,
    /// Messages a second, sent to queues.
    Messages,
    /// Tasks that were busy: running tasks times their utilisation. It is what was served, not what was asked for: tasks
    /// that were overloaded hide how much more there was to do.
    Work,
}

/// One interval of a service's past. What was not published, or not asked for, is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its start.
    pub start: Timestamp,
    /// The load, in the history's unit.
    pub rate: f64,
    /// Tasks that ran.
    pub running: Option<f64>,
    /// Tasks that were desired.
    pub desired: Option<f64>,
    /// The tasks' mean utilisation of the processor they reserve, in per cent.
    pub cpu: Option<f64>,
    /// Requests that stayed within the promised latency, in per cent.
    pub within: Option<f64>,
    /// Messages deleted, a second.
    pub deleted: Option<f64>,
    /// Messages that waited.
    pub visible: Option<f64>,
    /// The greatest age of a message that waited, in seconds.
    pub oldest_age_s: Option<f64>,
}

/// A service's past, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Whose past it is, where that is told.
    pub service: Option<ServiceId>,
    /// What its load is counted in, where that is told.
    pub unit: Option<LoadUnit>,
    /// Its intervals, by rising start.
    pub intervals: Vec<Interval>,
}

impl History {
    /// A past of which nothing is known yet.
    pub fn empty(service: ServiceId, unit: LoadUnit) -> Self {
        Self { service: Some(service), unit: Some(unit), intervals: Vec::new() }
    }

    /// The intervals with their lengths, in seconds: each lasts until the next begins, and the last as long as the one
    /// before it.
    pub fn timed(&self) -> impl Iterator<Item = (&Interval, f64)> {
        let ends = self.intervals.iter().skip(1).map(|next| Some(next.start)).chain([None]);
        let mut before = MINUTE.as_secs_f64();
        self.intervals.iter().zip(ends).map(move |(interval, end)| {
            if let Some(end) = end {
                before = end.duration_since(interval.start).as_secs_f64();
            }
            (interval, before)
        })
    }

    /// When it begins.
    pub fn start(&self) -> Option<Timestamp> {
        self.intervals.first().map(|first| first.start)
    }

    /// How long it lasts, in seconds.
    pub fn duration_s(&self) -> f64 {
        self.timed().map(|(_, seconds)| seconds).sum()
    }

    /// The past from its first sign of the service on: a task that ran, or load. What was before that is not an idle
    /// service, which would cost its least count of tasks, but none.
    pub fn from_first_sign(mut self) -> Self {
        let is_sign =
            |interval: &Interval| 0.0 < interval.rate || interval.running.is_some_and(|count| 0.0 < count);
        let first = self.intervals.iter().position(is_sign).unwrap_or(0);
        self.intervals.drain(..first);
        self
    }

    /// The first part of it, as a share of its length, and the rest. The rest begins at a whole interval.
    pub fn split_at(&self, share: f64) -> (Self, Self) {
        let Some(start) = self.start() else { return (self.clone(), self.clone()) };
        let length = SignedDuration::try_from_secs_f64(self.duration_s() * share).unwrap_or_default();
        let middle = start.saturating_add(length).unwrap_or(start);
        let at = self.intervals.partition_point(|interval| interval.start < middle);
        let (first, rest) = self.intervals.split_at(at);
        let part = |intervals: &[Interval]| Self { intervals: intervals.to_vec(), ..self.clone() };
        (part(first), part(rest))
    }

    /// Takes intervals over; of two with the same start the new one stays.
    pub fn extend(&mut self, intervals: impl IntoIterator<Item = Interval>) {
        let mut all: Vec<Interval> = intervals.into_iter().collect();
        all.append(&mut self.intervals);
        all.sort_by_key(|interval| interval.start);
        all.dedup_by_key(|interval| interval.start);
        self.intervals = all;
    }

    /// The part of it from `start` until before `end`.
    pub fn between(&self, start: Timestamp, end: Timestamp) -> Self {
        let within = |interval: &&Interval| start <= interval.start && interval.start < end;
        Self { intervals: self.intervals.iter().filter(within).copied().collect(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
