//! Durations as people write them: `30s`, `5m`, `1h`, `300ms`, `7d`, or ISO 8601 as in `PT30S`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// A text that is not a duration.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} is not a duration: write 30s, 5m, 1h, 300ms or ISO 8601 as in PT30S")]
pub struct InvalidDuration {
    text: String,
}

/// The longest duration that is accepted: no rule of a scaler looks further than a year.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Reads a duration.
///
/// # Errors
/// [`InvalidDuration`] for text of another form, negative durations and those over a year.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration { text: text.to_owned() };
    if !text.ends_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(invalid());
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok());
    let signed = match days {
        Some(days) => SignedDuration::from_hours(days.checked_mul(24).ok_or_else(invalid)?),
        None => text.parse::<SignedDuration>().map_err(|_| invalid())?,
    };
    let duration = Duration::try_from(signed).map_err(|_| invalid())?;
    if LONGEST < duration { Err(invalid()) } else { Ok(duration) }
}

/// Writes a duration the short way: `45s`, `5m`, `1h30m`, `300ms`.
pub fn format_duration(duration: Duration) -> String {
    let (s, ms) = (duration.as_secs(), duration.subsec_millis());
    if ms != 0 {
        return format!("{}ms", duration.as_millis());
    }
    let mut parts = String::new();
    for (count, unit) in [(s / 3600, 'h'), (s % 3600 / 60, 'm'), (s % 60, 's')] {
        if count != 0 {
            parts.push_str(&count.to_string());
            parts.push(unit);
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts }
}

/// How long `later` is after `earlier`; zero where it is before, as after a clock that stepped back.
pub fn elapsed(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

/// The moment so long after another; the latest there is where that would be later.
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    // By its parts: jiff's own addition takes calendar spans too, and costs several times as much.
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    let sum = at.as_duration().checked_add(by);
    sum.and_then(|sum| Timestamp::from_duration(sum).ok()).unwrap_or(Timestamp::MAX)
}

/// The moment so long before another; the earliest there is where that would be earlier.
pub fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    let difference = at.as_duration().checked_sub(by);
    difference.and_then(|difference| Timestamp::from_duration(difference).ok()).unwrap_or(Timestamp::MIN)
}
