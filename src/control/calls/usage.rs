//! What is used of AWS: every attempt of a call by its kind, and what is paid for by another measure than calls.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use crate::control::ports::{MetricQuery, QUERIES_PER_GET};
use crate::model::metric::MetricTerm;
use crate::model::{Memory, MetricSource};

/// Names on one page of a listing.
const NAMES_PER_PAGE: usize = 100;
/// The bytes of a read unit that is strongly consistent, as the state store's reads are.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
const READ_UNIT: u64 = 4096;
/// The bytes of a write unit.
const WRITE_UNIT: u64 = 1024;
/// The bytes of an item of the state store beside its memory: the names of its attributes, its key, two numbers.
const BESIDE_MEMORY: u64 = 100;
/// Items of one read that are measured; the others are taken to be like them.
const MEASURED_ITEMS: usize = 8;

/// What was used of AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Attempts by the API's name of the call, as in `ecs:DescribeServices`; failed ones as well.
    pub calls: BTreeMap<&'static str, u64>,
    /// Metrics that GetMetricData was asked for.
    pub metrics: u64,
    /// DynamoDB's read units, estimated from the sizes of a sample of the items.
    pub read_units: u64,
    /// DynamoDB's write units, estimated from the sizes of the items.
    pub write_units: u64,
    /// Attempts that came after a failed one.
    pub retries: u64,
    /// Attempts that AWS throttled.
    pub throttled: u64,
}

impl Usage {
    /// What was used since `earlier`, of the same process.
    pub fn since(&self, earlier: &Self) -> Self {
        let calls = self.calls.iter().map(|(name, count)| {
            (*name, count.saturating_sub(earlier.calls.get(name).copied().unwrap_or_default()))
        });
        Self {
            calls: calls.filter(|(_, count)| 0 < *count).collect(),
            metrics: self.metrics.saturating_sub(earlier.metrics),
            read_units: self.read_units.saturating_sub(earlier.read_units),
            write_units: self.write_units.saturating_sub(earlier.write_units),
            retries: self.retries.saturating_sub(earlier.retries),
            throttled: self.throttled.saturating_sub(earlier.throttled),
        }
    }

    /// All attempts.
    pub fn call_count(&self) -> u64 {
        self.calls.values().sum()
    }

    pub(super) fn add_calls(&mut self, operation: &'static str, calls: u32) {
        *self.calls.entry(operation).or_default() += u64::from(calls);
    }
}

/// The calls that so many names took to list.
pub(super) fn pages(names: usize) -> u32 {
    u32::try_from(names.div_ceil(NAMES_PER_PAGE)).unwrap_or(u32::MAX).max(1)
}

/// The calls that queries take: all queries of a call look back over the same periods.
pub(super) fn metric_calls(queries: &[MetricQuery]) -> u32 {
    let mut by_period: BTreeMap<_, usize> = BTreeMap::new();
    for query in queries {
        *by_period.entry(query.period).or_default() += match &query.source {
            MetricSource::Stat(_) => 1,
            MetricSource::Math(terms) => terms.len(),
        };
    }
    let calls: usize = by_period.values().map(|entries| entries.div_ceil(QUERIES_PER_GET)).sum();
    u32::try_from(calls).unwrap_or(u32::MAX)
}

/// The metrics that queries ask for; math is free, the metrics in it are not.
pub(super) fn metrics(queries: &[MetricQuery]) -> u64 {
    let metrics = queries.iter().map(|query| match &query.source {
        MetricSource::Stat(_) => 1,
        MetricSource::Math(terms) => {
            let stats = terms.iter().filter(|term| matches!(term.term, MetricTerm::Stat(_)));
            u64::try_from(stats.count()).unwrap_or(u64::MAX).max(1)
        }
    });
    metrics.sum()
}

/// The units of reading items strongly consistently: of those that were found by their size, of an absent one a unit.
pub(super) fn read_units<'a>(asked: usize, found: impl ExactSizeIterator<Item = &'a Memory>) -> u64 {
    let found_count = found.len();
    let sample = found.step_by(found_count.div_ceil(MEASURED_ITEMS).max(1));
    let units: Vec<u64> = sample.map(|memory| item_bytes(memory).div_ceil(READ_UNIT)).collect();
    let count = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
    let of_found = (units.iter().sum::<u64>() * count(found_count)).checked_div(count(units.len()));
    of_found.unwrap_or_default() + count(asked.saturating_sub(found_count))
}

/// The units of writing an item.
pub(super) fn write_units(memory: &impl Serialize) -> u64 {
    item_bytes(memory).div_ceil(WRITE_UNIT)
}

fn item_bytes(memory: &impl Serialize) -> u64 {
    let mut length = Length(BESIDE_MEMORY);
    drop(serde_json::to_writer(&mut length, memory)); // one that is no JSON is not written either
    length.0
}

/// How much was written.
struct Length(u64);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
