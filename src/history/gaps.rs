//! Which parts of a past are still to be read: an interrupted read goes on where it stopped.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::{History, MINUTE};

const DAY_S: i64 = 86_400;

impl History {
    /// The parts of the minutes from `start` until before `end` that are missing, oldest first, each within one day of
    /// UTC. `start` and `end` are whole minutes.
    pub fn missing(&self, start: Timestamp, end: Timestamp) -> Vec<Range<Timestamp>> {
        let mut missing = Vec::new();
        let mut next = start;
        for interval in self.between(start, end).intervals {
            missing.extend(by_day(next, interval.start));
            next = after(interval.start, SignedDuration::from_secs(MINUTE.as_secs().cast_signed()));
        }
        missing.extend(by_day(next, end));
        missing
    }
}

fn by_day(start: Timestamp, end: Timestamp) -> Vec<Range<Timestamp>> {
    let mut days = Vec::new();
    let mut start = start;
    while start < end {
        let left = DAY_S - start.as_second().rem_euclid(DAY_S);
        let day_end = after(start, SignedDuration::from_secs(left)).min(end);
        days.push(start..day_end);
        start = day_end;
    }
    days
}

fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
