//! A past as CSV. Its first columns, `t` and `rate`, are a load trace, which `trimtab simulate` reads; the others are told
//! where they are known.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use thiserror::Error;

use super::{History, Interval, LoadUnit};
use crate::model::ServiceId;
use crate::sim::load::{InvalidTrace, Trace};

/// Times of a trace below this are counted from its own beginning, not from 1970.
const OLDEST: Timestamp = Timestamp::constant(1_000_000_000, 0);
/// The beginning of a trace that does not tell its own: a Thursday, midnight UTC.
const RELATIVE_START: SignedDuration = SignedDuration::from_secs(1_767_225_600);

/// A text that is not a past.
#[derive(Debug, Error)]
pub enum InvalidHistory {
    /// It is not even a load trace.
    #[error(transparent)]
    Trace(#[from] InvalidTrace),
    /// A column besides `t` and `rate` has something else than it should.
    #[error("{name} is not a history: {source}")]
    Csv {
        /// Its name.
        name: String,
        /// What is wrong, and in which line.
        source: csv::Error,
    },
    /// Rows of several services, or of several units.
    #[error("{name} has rows of {one} and of {other}; a history is of one service and one load")]
    Mixed {
        /// Its name.
        name: String,
        /// The first.
        one: String,
        /// Another.
        other: String,
    },
}

#[derive(Deserialize)]
struct Row {
    t: f64,
    rate: f64,
    #[serde(default)]
    running: Option<f64>,
    #[serde(default)]
    desired: Option<f64>,
    #[serde(default)]
    cpu: Option<f64>,
    #[serde(default)]
    within: Option<f64>,
    #[serde(default)]
    deleted: Option<f64>,
    #[serde(default)]
    visible: Option<f64>,
    #[serde(default)]
    oldest_age_s: Option<f64>,
    #[serde(default)]
    load: Option<LoadUnit>,
    #[serde(default)]
    service: Option<ServiceId>,
}

impl History {
    /// Reads CSV: the columns of a load trace, `t` and `rate`, and any of `running`, `desired`, `cpu`, `within`, `deleted`,
    /// `visible`, `oldest_age_s`, `load` and `service`. Others are ignored. `name` is for messages.
    ///
    /// # Errors
    /// [`InvalidHistory`] where it is no load trace, a figure is none, or it mixes services.
    pub fn parse(name: &str, text: &str) -> Result<Self, InvalidHistory> {
        Trace::parse(name, text)?;
        let invalid = |source| InvalidHistory::Csv { name: name.to_owned(), source };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>().map_err(invalid)?;
        let mixed = |one: String, other: String| InvalidHistory::Mixed { name: name.to_owned(), one, other };
        let service = only(rows.iter().filter_map(|row| row.service.clone()))
            .map_err(|(one, other)| mixed(one.to_string(), other.to_string()))?;
        let unit = only(rows.iter().filter_map(|row| row.load))
            .map_err(|(one, other)| mixed(one.name().to_owned(), other.name().to_owned()))?;
        let offset = match rows.first() {
            Some(first) if time(first.t, SignedDuration::ZERO) < OLDEST => RELATIVE_START,
            _ => SignedDuration::ZERO,
        };
        let intervals = rows.iter().map(|row| row.interval(offset)).collect();
        Ok(Self { service, unit, intervals })
    }

    /// The history as CSV that [`History::parse`] reads; figures have six decimals at most.
    pub fn to_csv(&self) -> String {
        let header = "t,rate,running,desired,cpu,within,deleted,visible,oldest_age_s,load,service\n";
        let unit = self.unit.map_or("", LoadUnit::name);
        let service = self.service.as_ref().map(ToString::to_string).unwrap_or_default();
        let row = |interval: &Interval| {
            let known = [
                interval.running,
                interval.desired,
                interval.cpu,
                interval.within,
                interval.deleted,
                interval.visible,
                interval.oldest_age_s,
            ];
            let cells = known.map(|figure| figure.map(decimal).unwrap_or_default()).join(",");
            let (t, rate) = (interval.start.as_second(), decimal(interval.rate));
            format!("{t},{rate},{cells},{unit},{service}\n")
        };
        std::iter::once(header.to_owned()).chain(self.intervals.iter().map(row)).collect()
    }
}

impl LoadUnit {
    /// Its name in CSV.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Messages => "messages",
            Self::Work => "work",
        }
    }
}

impl Row {
    fn interval(&self, offset: SignedDuration) -> Interval {
        let known = |figure: Option<f64>| figure.filter(|figure| figure.is_finite() && 0.0 <= *figure);
        Interval {
            start: time(self.t, offset),
            rate: self.rate,
            running: known(self.running),
            desired: known(self.desired),
            cpu: known(self.cpu),
            within: known(self.within),
            deleted: known(self.deleted),
            visible: known(self.visible),
            oldest_age_s: known(self.oldest_age_s),
        }
    }
}

fn time(seconds: f64, offset: SignedDuration) -> Timestamp {
    let since = SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX);
    Timestamp::UNIX_EPOCH.saturating_add(since.saturating_add(offset)).unwrap_or(Timestamp::MAX)
}

/// The only value among these, if there is any.
fn only<T: PartialEq>(values: impl Iterator<Item = T>) -> Result<Option<T>, (T, T)> {
    let mut one = None;
    for value in values {
        match one {
            Some(one) if one != value => return Err((one, value)),
            _ => one = Some(value),
        }
    }
    Ok(one)
}

fn decimal(figure: f64) -> String {
    ((figure * 1e6).round() / 1e6).to_string()
}
