//! What is learned of time: how long a task takes from the desired count that asks for it until it runs, and how long it is from
//! one look to the next. The promise policies look ahead by what it takes to help.
//!
//! A start is seen only by the looks before and after it, so its delay is taken as the middle between them.

use jiff::Timestamp;

use crate::model::duration::elapsed;
use crate::model::memory::{Memory, StartMemory, Starting};
use crate::model::{Observation, TaskCount};

/// Until starts are seen: a Fargate task of some hundred megabytes of image, in seconds.
const USUAL_START_S: f64 = 45.0;
const USUAL_START_DEVIATION_S: f64 = 25.0;
/// How many seen starts outweigh the usual one, and how many are remembered at most.
const PRIOR_STARTS: f64 = 4.0;
const MOST_STARTS: f64 = 200.0;
/// Until looks are seen, and at most: a look that was missed says nothing of the next.
const USUAL_LOOK_S: f64 = 60.0;
pub(super) const LONGEST_LOOK_S: f64 = 300.0;
/// The weight of the newest time between looks.
const NEWEST_LOOK: f64 = 0.1;
/// No more groups of starting tasks than this are followed.
const MOST_GROUPS: usize = 12;
/// A task that has not started after this long is not one that starts slowly.
pub(super) const LONGEST_START_S: f64 = 900.0;

/// How long it takes until a decision helps.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_field_names, reason = "the unit of each")]
pub(super) struct Delays {
    /// The time of a task to start, in seconds: the mean.
    pub(super) start_s: f64,
    /// Its standard deviation, in seconds.
    pub(super) start_deviation_s: f64,
    /// The time from one look to the next, in seconds.
    pub(super) look_s: f64,
}

impl Delays {
    /// What was learned, or what is usual.
    pub(super) fn of(memory: &Memory) -> Self {
        let starts = &memory.starts;
        let known = starts.seen.min(MOST_STARTS);
        let weight = known + PRIOR_STARTS;
        let mean = (starts.mean_s * known + USUAL_START_S * PRIOR_STARTS) / weight;
        let between = (starts.mean_s - USUAL_START_S).powi(2) * known * PRIOR_STARTS / weight;
        let variance =
            (starts.variance_s2 * known + USUAL_START_DEVIATION_S.powi(2) * PRIOR_STARTS + between) / weight;
        let look_s = if starts.look_s > 0.0 { starts.look_s } else { USUAL_LOOK_S };
        Self { start_s: mean, start_deviation_s: variance.sqrt(), look_s }
    }

    /// The share of tasks that run, on average over the first, the second, ... minute after they were asked for, as far as
    /// nearly all do: a start takes a log-normal time.
    pub(super) fn started_by_minute(&self) -> Vec<f64> {
        const PARTS: u32 = 6;
        const MOST_MINUTES: u32 = 12;
        let spread = (1.0 + (self.start_deviation_s / self.start_s).powi(2)).ln();
        let (middle, deviation) = (self.start_s.ln() - spread / 2.0, spread.sqrt().max(0.05));
        let started = |after_s: f64| {
            let x = (after_s.ln() - middle) / deviation;
            1.0 / (1.0 + (-(1.5976 * x + 0.070_56 * x * x * x)).exp())
        };
        let mut shares = Vec::new();
        for minute in 0..MOST_MINUTES {
            let parts = (0..PARTS).map(|part| {
                started(60.0 * f64::from(minute) + 60.0 * (f64::from(part) + 0.5) / f64::from(PARTS))
            });
            let share = parts.sum::<f64>() / f64::from(PARTS);
            shares.push(share);
            if 0.99 < share {
                break;
            }
        }
        shares
    }
}

/// Learns from the counts of this look against those of the last.
pub(super) fn learn(observation: &Observation, memory: &mut Memory) {
    let (now, service) = (observation.now, &observation.service);
    let before = memory.desired;
    let starts = &mut memory.starts;
    let Some(last) = starts.looked_at.replace(now).filter(|last| *last < now) else {
        return;
    };
    let look_s = elapsed(last, now).as_secs_f64();
    // Not every look at a service at rest is remembered.
    if look_s <= LONGEST_LOOK_S && memory.rest.is_none() {
        let usual = if starts.look_s > 0.0 { starts.look_s } else { look_s };
        starts.look_s = usual + (look_s - usual) * NEWEST_LOOK;
    }
    if service.deploying {
        starts.starting.clear(); // old and new tasks cannot be told apart
        return;
    }
    let before = before.unwrap_or(service.desired);
    if before < service.desired {
        starts.starting.push(Starting { since: last, tasks: service.desired - before });
    }
    let outstanding = service.desired.saturating_sub(service.running);
    take_newest(&mut starts.starting, before.saturating_sub(service.desired));
    take_started(starts, outstanding, last, now);
    let surplus = starts.starting.len().saturating_sub(MOST_GROUPS);
    starts.starting.drain(..surplus);
}

fn waiting(groups: &[Starting]) -> TaskCount {
    groups.iter().fold(0, |sum, group| sum.saturating_add(group.tasks))
}

/// A scale-in stops tasks that have not started first.
fn take_newest(groups: &mut Vec<Starting>, mut count: TaskCount) {
    while 0 < count {
        let Some(group) = groups.last_mut() else { return };
        let taken = group.tasks.min(count);
        group.tasks -= taken;
        count -= taken;
        if group.tasks == 0 {
            groups.pop();
        }
    }
}

/// The tasks that no longer wait have started, the oldest first.
fn take_started(starts: &mut StartMemory, outstanding: TaskCount, last: Timestamp, now: Timestamp) {
    let mut started = waiting(&starts.starting).saturating_sub(outstanding);
    while 0 < started {
        let Some(group) = starts.starting.first_mut() else { return };
        let taken = group.tasks.min(started);
        let since = group.since;
        group.tasks -= taken;
        started -= taken;
        if group.tasks == 0 {
            starts.starting.remove(0);
        }
        let (least, most) = (elapsed(since, last).as_secs_f64(), elapsed(since, now).as_secs_f64());
        sample(starts, f64::midpoint(least, most), f64::from(taken));
    }
}

/// Welford's update, with the memory's weight bounded so that it follows a change.
fn sample(starts: &mut StartMemory, delay_s: f64, count: f64) {
    if LONGEST_START_S < delay_s {
        return;
    }
    let known = (starts.seen + count).min(MOST_STARTS);
    let share = (count / known).min(1.0);
    let off = delay_s - starts.mean_s;
    starts.mean_s += off * share;
    starts.variance_s2 = (1.0 - share) * (starts.variance_s2 + share * off * off);
    starts.seen = known;
}
