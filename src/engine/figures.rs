//! How figures are written in reasons: exact enough to recompute the count, short enough to read. Each is kept as it is until its
//! sentence is read.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::TaskCount;
use crate::model::duration::format_duration;

/// A real number with up to four digits after the point; one that nothing can have, in powers of ten.
pub(super) fn number(value: f64) -> Number {
    Number(value)
}

/// A real number in a sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: f64 = 1e15;
        let Self(value) = self;
        if LONGEST <= value.abs() {
            return write!(f, "{value:e}");
        }
        let text = format!("{value:.4}");
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A count with its noun: `1 task`, `5 tasks`.
pub(super) fn tasks(count: TaskCount) -> Counted {
    counted(u64::from(count), "task")
}

/// A count of anything that takes an s.
pub(super) fn counted(count: u64, noun: &'static str) -> Counted {
    Counted { count, noun }
}

/// A count with its noun in a sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    count: u64,
    noun: &'static str,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, noun } = self;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "{count} {noun}{plural}")
    }
}

/// A length of time, the short way: `1h30m`.
pub(super) fn span(length: Duration) -> Span {
    Span(length)
}

/// A length of time in a sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_duration(self.0))
    }
}

/// A moment, to the second.
pub(super) fn moment(at: Timestamp) -> Moment {
    Moment { at, format: "%Y-%m-%dT%H:%M:%SZ" }
}

/// A moment of the last day, to the second.
pub(super) fn time(at: Timestamp) -> Moment {
    Moment { at, format: "%H:%M:%SZ" }
}

/// A moment in a sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    at: Timestamp,
    format: &'static str,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.strftime(self.format).fmt(f)
    }
}

/// What a sentence says only where there is something to say.
pub(super) fn if_any<T: fmt::Display>(told: Option<T>) -> IfAny<T> {
    IfAny(told)
}

/// A part of a sentence that may be missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct IfAny<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for IfAny<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |told| told.fmt(f))
    }
}
