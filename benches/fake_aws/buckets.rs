//! AWS's request rates, as token buckets.

use std::collections::BTreeMap;

use tokio::time::Instant;

/// What several operations may be called together.
#[derive(Debug)]
pub(crate) struct Rate {
    /// The operations that share it.
    pub(crate) operations: &'static [&'static str],
    /// Calls at once.
    pub(crate) burst: u32,
    /// Calls a second, sustained.
    pub(crate) per_second: u32,
}

/// The documented rates of an account in a region. CloudWatch documents no burst; a second's worth is assumed. DynamoDB's and SQS's
/// rates are beyond what one function calls.
///
/// Sources: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>,
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html>
pub(crate) const RATES: [Rate; 5] = [
    Rate { operations: &["ecs:DescribeServices", "ecs:ListServices"], burst: 100, per_second: 20 },
    Rate { operations: &["ecs:UpdateService"], burst: 50, per_second: 5 },
    Rate { operations: &["ecs:ListClusters"], burst: 50, per_second: 20 },
    Rate { operations: &["cloudwatch:GetMetricData"], burst: 500, per_second: 500 },
    Rate { operations: &["cloudwatch:DescribeAlarms"], burst: 9, per_second: 9 },
];

/// The buckets, each under the first of its operations.
#[derive(Debug)]
pub(super) struct Buckets(BTreeMap<&'static str, Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Buckets {
    /// Buckets that nobody took from for a while.
    pub(super) fn full() -> Self {
        let at = Instant::now();
        let bucket =
            |rate: &Rate| Some((*rate.operations.first()?, Bucket { tokens: rate.burst.into(), at }));
        Self(RATES.iter().filter_map(bucket).collect())
    }

    /// Whether a call of this operation is within its rate; if so, it is taken from it.
    pub(super) fn take(&mut self, operation: &str) -> bool {
        let Some(rate) = RATES.iter().find(|rate| rate.operations.contains(&operation)) else { return true };
        let Some(bucket) = rate.operations.first().and_then(|name| self.0.get_mut(name)) else { return true };
        let now = Instant::now();
        let refilled = (now - bucket.at).as_secs_f64() * f64::from(rate.per_second);
        bucket.tokens = (bucket.tokens + refilled).min(rate.burst.into());
        bucket.at = now;
        let within = 1.0 <= bucket.tokens;
        if within {
            bucket.tokens -= 1.0;
        }
        within
    }
}
