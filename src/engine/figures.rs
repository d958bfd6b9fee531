//! How figures are written in reasons: exact enough to recompute the count, short enough to read.

use jiff::Timestamp;

use crate::model::TaskCount;

/// A real number with up to four digits after the point; one that nothing can have, in powers of ten.
pub(super) fn number(value: f64) -> String {
    const LONGEST: f64 = 1e15;
    if LONGEST <= value.abs() {
        return format!("{value:e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A count with its noun: `1 task`, `5 tasks`.
pub(super) fn tasks(count: TaskCount) -> String {
    counted(u64::from(count), "task")
}

/// A count of anything that takes an s.
pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A moment, to the second.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A moment of the last day, to the second.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}
