//! Times by the calendar, as EventBridge and Application Auto Scaling write them: `at(…)`, `rate(…)` and `cron(…)`.
//!
//! A schedule is asked only for its last occurrence before a moment, so nothing about it needs to be remembered and no
//! occurrence can be missed. Rules: <https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html>.

use std::fmt;
use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::capacity::TaskCount;

/// Bounds that hold from a time on, until another action sets them: AAS's scheduled action.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledAction {
    /// The action's name.
    pub name: String,
    /// When it runs.
    pub when: Calendar,
    /// It does not run before.
    pub start: Option<Timestamp>,
    /// It does not run after.
    pub end: Option<Timestamp>,
    /// The bounds that it sets.
    pub capacity: PartialCapacity,
}

/// Bounds that hold from a time to another, after which the former ones hold again.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The window's name.
    pub name: String,
    /// When it begins.
    pub start: Calendar,
    /// When it ends.
    pub end: Calendar,
    /// The bounds in it.
    pub capacity: PartialCapacity,
}

/// A lower bound, an upper bound, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartialCapacity {
    /// The lower bound, where set.
    pub min: Option<TaskCount>,
    /// The upper bound, where set.
    pub max: Option<TaskCount>,
}

/// A schedule in a time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    schedule: Schedule,
    zone: TimeZone,
}

#[derive(Clone, Debug, PartialEq)]
enum Schedule {
    At(DateTime),
    Rate { every: SignedDuration, text: String },
    Cron { cron: Box<Cron>, text: String },
}

/// A text that is not a schedule.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidSchedule {
    /// It has none of the three forms.
    #[error(
        "{0:?} is not a schedule: write cron(0 8 ? * MON-FRI *), rate(5 minutes) or at(2026-12-01T08:00:00)"
    )]
    Form(String),
    /// The cron expression is not one.
    #[error(
        "{text:?} is not a cron expression of six fields (minutes hours day-of-month month day-of-week year): {why}"
    )]
    Cron {
        /// The expression.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The time zone is unknown.
    #[error("{0:?} is not a time zone: write an IANA name, as in Europe/Berlin")]
    Zone(String),
}

impl Calendar {
    /// Reads a schedule and its time zone (an IANA name; UTC where none is given).
    ///
    /// # Errors
    /// [`InvalidSchedule`] where either cannot be read.
    pub fn new(schedule: &str, zone: Option<&str>) -> Result<Self, InvalidSchedule> {
        let zone = match zone {
            Some(name) => TimeZone::get(name).map_err(|_| InvalidSchedule::Zone(name.to_owned()))?,
            None => TimeZone::UTC,
        };
        Ok(Self { schedule: schedule.parse()?, zone })
    }

    /// The last occurrence at or before `now` and not before `start`. A rate counts from `start`, or else from 1970.
    pub fn last_occurrence(&self, now: Timestamp, start: Option<Timestamp>) -> Option<Timestamp> {
        let occurrence = match &self.schedule {
            Schedule::At(at) => self.zone.to_ambiguous_timestamp(*at).compatible().ok()?,
            Schedule::Rate { every, .. } => {
                let origin = start.unwrap_or(Timestamp::UNIX_EPOCH);
                let since = now.duration_since(origin);
                if since.is_negative() {
                    return None;
                }
                let periods = since.as_secs() / every.as_secs();
                origin.checked_add(SignedDuration::from_secs(periods.checked_mul(every.as_secs())?)).ok()?
            }
            Schedule::Cron { cron, .. } => {
                cron.find_previous_occurrence(&now.to_zoned(self.zone.clone()), true).ok()?.timestamp()
            }
        };
        let started = start.is_none_or(|start| start <= occurrence);
        (occurrence <= now && started).then_some(occurrence)
    }
}

impl Calendar {
    /// Whether an occurrence was moved to this moment, because the clock that day skips the time that the cron expression names.
    pub fn is_moved_to(&self, occurrence: Timestamp) -> bool {
        match &self.schedule {
            Schedule::Cron { cron, .. } => {
                !cron.is_time_matching(&occurrence.to_zoned(self.zone.clone())).unwrap_or(true)
            }
            Schedule::At(_) | Schedule::Rate { .. } => false,
        }
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schedule {
            Schedule::At(at) => write!(f, "at({at})")?,
            Schedule::Rate { text, .. } | Schedule::Cron { text, .. } => f.write_str(text)?,
        }
        write!(f, " {}", self.zone.iana_name().unwrap_or("UTC"))
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || InvalidSchedule::Form(text.to_owned());
        let (kind, rest) = text.trim().split_once('(').ok_or_else(form)?;
        let inner = rest.strip_suffix(')').ok_or_else(form)?.trim();
        match kind {
            "at" => inner.parse().map(Self::At).map_err(|_| form()),
            "rate" => Ok(Self::Rate { every: rate(inner).ok_or_else(form)?, text: text.trim().to_owned() }),
            "cron" => Ok(Self::Cron { cron: Box::new(cron(inner)?), text: text.trim().to_owned() }),
            _ => Err(form()),
        }
    }
}

fn rate(text: &str) -> Option<SignedDuration> {
    let (count, unit) = text.split_once(char::is_whitespace)?;
    let seconds = match unit.trim() {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    let count: i64 = count.parse().ok().filter(|count| 0 < *count)?;
    count.checked_mul(seconds).map(SignedDuration::from_secs)
}

/// Reads AWS's six fields; seven, with seconds first, are accepted by AWS without second precision.
fn cron(text: &str) -> Result<Cron, InvalidSchedule> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let invalid = |why: &str| InvalidSchedule::Cron { text: text.to_owned(), why: why.to_owned() };
    let fields = match fields.as_slice() {
        [_seconds, rest @ ..] if rest.len() == 6 => rest,
        six if six.len() == 6 => six,
        other => return Err(invalid(&format!("it has {} fields", other.len()))),
    };
    if let [_, _, day_of_month, _, day_of_week, _] = fields
        && ![day_of_month, day_of_week].iter().any(|field| matches!(**field, "?" | "*"))
    {
        return Err(invalid("day-of-month and day-of-week cannot both be set; write ? for one"));
    }
    CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build()
        .parse(&format!("0 {}", fields.join(" ")))
        .map_err(|error| invalid(&error.to_string()))
}
