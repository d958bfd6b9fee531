//! The calls that a tick cannot do without, and what AWS's request rates alone make of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fake_aws::buckets::RATES;
use super::fake_aws::{Entries, FleetSize};

const SERVICES_PER_DESCRIBE: u64 = 10;
const NAMES_PER_PAGE: u64 = 100;
const METRICS_PER_GET: u64 = 500;

/// Calls by operation.
#[derive(Debug)]
pub(super) struct Needed(BTreeMap<&'static str, u64>);

/// The calls of a tick that sees all services for the first time, or of one that sets these counts.
pub(super) fn needed(first: bool, size: FleetSize, counts: &BTreeMap<String, u32>) -> Needed {
    let mut calls =
        BTreeMap::from([("cloudwatch:GetMetricData", count(size.services).div_ceil(METRICS_PER_GET))]);
    if first {
        calls.insert("ecs:DescribeServices", count(size.services).div_ceil(SERVICES_PER_DESCRIBE));
    } else {
        let mut clusters: BTreeMap<&str, u64> = BTreeMap::new();
        for service in counts.keys() {
            *clusters.entry(service.split('/').next().unwrap_or_default()).or_default() += 1;
        }
        let describes = clusters.values().map(|services| services.div_ceil(SERVICES_PER_DESCRIBE)).sum();
        calls.insert("ecs:DescribeServices", describes);
        calls.insert("ecs:UpdateService", count(counts.len()));
    }
    if first && size.entries == Entries::Glob {
        calls.insert("ecs:ListServices", count(size.services).div_ceil(NAMES_PER_PAGE));
    }
    Needed(calls)
}

impl Needed {
    /// What it takes to make them at the documented rates, from full buckets, if nothing else took any time.
    pub(super) fn least_time(&self) -> Duration {
        let times = RATES.iter().map(|rate| {
            let calls: u64 = rate.operations.iter().filter_map(|operation| self.0.get(operation)).sum();
            let beyond_burst = u32::try_from(calls).unwrap_or(u32::MAX).saturating_sub(rate.burst);
            Duration::from_secs(1) * beyond_burst / rate.per_second
        });
        times.max().unwrap_or_default()
    }
}

/// How many desired counts can be set in this time, from a full bucket.
pub(super) fn updates_within(time: Duration) -> usize {
    let rate = RATES.iter().find(|rate| rate.operations.contains(&"ecs:UpdateService"));
    let most =
        rate.map_or(u64::MAX, |rate| u64::from(rate.burst) + u64::from(rate.per_second) * time.as_secs());
    usize::try_from(most).unwrap_or(usize::MAX)
}

fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}
