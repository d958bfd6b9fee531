//! How a promise was kept while there were fewer tasks than trimtab wanted, and while there were enough.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

/// How a promise was kept in a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Within {
    /// The start of the period.
    pub start: Timestamp,
    /// Its length.
    pub period: Duration,
    /// The share that kept the promise, in per cent.
    pub percent: f64,
}

/// How a promise was kept, by whether there were as many tasks as trimtab wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Promise {
    /// While there were fewer than trimtab wanted: periods, and the mean share that kept the promise in them, in per cent.
    pub fewer: Share,
    /// While there were not.
    pub enough: Share,
}

/// The mean over periods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Share {
    /// How many.
    pub periods: u32,
    /// The mean share in them, in per cent; none where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
}

impl Share {
    pub(super) fn of(percents: &[f64]) -> Self {
        let periods = u32::try_from(percents.len()).unwrap_or(u32::MAX);
        let percent = (0 < periods).then(|| percents.iter().sum::<f64>() / f64::from(periods));
        Self { periods, percent }
    }
}
