//! What trimtab would have done beside what really happened.
//!
//! In shadow trimtab looks, decides and does nothing. Its log then tells at each look how many tasks it wanted; Application Auto
//! Scaling (AAS), or whoever scales, tells how many there were. This module lays the two over each other.
//!
//! One thing it cannot know: a count that trimtab wanted and did not get changed no load. Had it been obeyed, its next looks would
//! have seen something else. So a difference is true at the moment it begins, and a guess for as long as it lasts.

mod activities;
mod compare;
mod log;
mod promise;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

pub use self::activities::{NotActivities, ScalingActivity};
pub use self::compare::{Comparison, Moves, Side, compare};
pub use self::promise::{Promise, Within};
pub use self::verdict::{verdict, when};
use crate::model::{ServiceId, TaskCount};

/// What trimtab saw and wanted at a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// When it looked.
    pub at: Timestamp,
    /// The desired count that it found.
    pub from: TaskCount,
    /// The desired count that it wanted.
    pub to: TaskCount,
    /// Whether it set it: false in shadow.
    pub applied: bool,
}

/// A desired count that really was, from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// From when.
    pub at: Timestamp,
    /// The count.
    pub count: TaskCount,
}

/// All that is known of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// What trimtab saw and wanted, in any order.
    pub looks: Vec<Look>,
    /// What really was, from another source than the looks.
    pub counts: Vec<Count>,
    /// The counts are measured minute by minute. Otherwise they are told where they change, and what trimtab found at its looks
    /// counts as well.
    pub measured: bool,
    /// How the promise was kept, minute by minute, where that is known.
    pub within: Vec<Within>,
}

/// A span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// It begins with the first look where this is not given or is before it.
    pub since: Option<Timestamp>,
    /// It ends with the last look where this is not given.
    pub until: Option<Timestamp>,
}

/// The evidence of a fleet, as it is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet {
    /// By service.
    pub services: BTreeMap<ServiceId, Evidence>,
    /// What was read.
    pub read: Read,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Read {
    /// Lines that are decisions.
    pub decisions: usize,
    /// Lines that are something else: metrics, errors, reports of Lambda.
    pub other_lines: usize,
    /// Decisions that could not be read.
    pub unreadable: usize,
    /// Scaling activities that set a count.
    pub activities: usize,
}

impl Fleet {
    /// Adds trimtab's log: one JSON object a line, as the function writes it, also behind the time that some tools put before
    /// it; or what `aws logs filter-log-events` prints. Other lines are passed over and counted.
    pub fn add_log(&mut self, text: &str) {
        log::read(text, self);
    }

    /// Adds what `aws application-autoscaling describe-scaling-activities` prints: one document, or several.
    ///
    /// # Errors
    /// [`NotActivities`] where the text is something else.
    pub fn add_activities(&mut self, text: &str) -> Result<(), NotActivities> {
        let activities = activities::read(text)?;
        self.add_each_activity(&activities);
        Ok(())
    }

    /// Adds scaling activities; those that set no count of a service are passed over.
    pub fn add_each_activity(&mut self, activities: &[ScalingActivity]) {
        for (service, count) in activities.iter().filter_map(ScalingActivity::count) {
            self.services.entry(service).or_default().counts.push(count);
            self.read.activities += 1;
        }
    }
}
