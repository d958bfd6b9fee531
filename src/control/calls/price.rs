//! What calls cost: the list prices of us-east-1, before any free tier. ECS's calls and Systems Manager's standard parameters are
//! free.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Usage;
use crate::model::number::real;

/// Dollars for a metric that GetMetricData is asked for. <https://aws.amazon.com/cloudwatch/pricing/>
pub const METRIC: f64 = 0.01 / 1_000.0;
/// Dollars for any other request to CloudWatch, as DescribeAlarms. <https://aws.amazon.com/cloudwatch/pricing/>
pub const CLOUDWATCH_REQUEST: f64 = 0.01 / 1_000.0;
/// Dollars for a request to a standard queue. <https://aws.amazon.com/sqs/pricing/>
pub const SQS_REQUEST: f64 = 0.40 / 1_000_000.0;
/// Dollars for reading 4 KB strongly consistently on demand. <https://aws.amazon.com/dynamodb/pricing/on-demand/>
pub const READ_UNIT: f64 = 0.125 / 1_000_000.0;
/// Dollars for writing 1 KB on demand. <https://aws.amazon.com/dynamodb/pricing/on-demand/>
pub const WRITE_UNIT: f64 = 0.625 / 1_000_000.0;
/// Dollars for reading an object. <https://aws.amazon.com/s3/pricing/>
pub const S3_GET: f64 = 0.40 / 1_000_000.0;
/// Dollars for an invocation. <https://aws.amazon.com/lambda/pricing/>
pub const LAMBDA_REQUEST: f64 = 0.20 / 1_000_000.0;
/// Dollars for a gigabyte of memory during a second, of the processor that this is built for.
/// <https://aws.amazon.com/lambda/pricing/>
pub const LAMBDA_GB_SECOND: f64 =
    if cfg!(target_arch = "aarch64") { 0.000_013_333_4 } else { 0.000_016_666_7 };

/// A month of 43,800 minutes, as AWS's price calculator has it.
pub const MONTH: Duration = Duration::from_secs(43_800 * 60);

/// The function's own time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LambdaTime {
    /// Invocations.
    pub invocations: u32,
    /// How long they took, in seconds, times their memory, in gigabytes of 1,024 MB.
    pub gb_seconds: f64,
}

/// Dollars by what they were paid for: a call's name as in [`Usage::calls`], or `lambda`. What is free is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bill(BTreeMap<&'static str, f64>);

impl Bill {
    /// What this use costs.
    pub fn of(usage: &Usage, lambda: LambdaTime) -> Self {
        let calls = usage.calls.iter().map(|(name, count)| (*name, real(*count) * dollars_per_call(name)));
        let measured = [
            ("cloudwatch:GetMetricData", real(usage.metrics) * METRIC),
            ("dynamodb:BatchGetItem", real(usage.read_units) * READ_UNIT),
            ("dynamodb:PutItem", real(usage.write_units) * WRITE_UNIT),
            ("lambda", f64::from(lambda.invocations) * LAMBDA_REQUEST + lambda.gb_seconds * LAMBDA_GB_SECOND),
        ];
        let mut bill = Self::default();
        calls.chain(measured).for_each(|(name, dollars)| bill.add(name, dollars));
        bill
    }

    /// Adds another bill.
    pub fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|(name, dollars)| self.add(name, *dollars));
    }

    fn add(&mut self, name: &'static str, dollars: f64) {
        if 0.0 < dollars {
            *self.0.entry(name).or_default() += dollars;
        }
    }

    /// What a month costs in which as much is used as in this time.
    pub fn per_month(&self, over: Duration) -> Self {
        let times = MONTH.as_secs_f64() / over.as_secs_f64();
        Self(self.0.iter().map(|(name, dollars)| (*name, dollars * times)).collect())
    }

    /// The parts, by name.
    pub fn parts(&self) -> &BTreeMap<&'static str, f64> {
        &self.0
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        self.0.values().sum()
    }
}

/// What is paid for by the call.
fn dollars_per_call(name: &str) -> f64 {
    match name {
        "cloudwatch:GetMetricData" => 0.0, // by the metric
        "s3:GetObject" => S3_GET,
        name if name.starts_with("cloudwatch:") => CLOUDWATCH_REQUEST,
        name if name.starts_with("sqs:") => SQS_REQUEST,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(calls: &[(&'static str, u64)]) -> Usage {
        Usage { calls: calls.iter().copied().collect(), ..Usage::default() }
    }

    #[track_caller]
    fn check(case: &str, bill: &Bill, parts: &[(&'static str, f64)]) {
        let names: Vec<_> = bill.parts().keys().copied().collect();
        assert_eq!(names, parts.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{case}");
        for (name, dollars) in parts {
            let found = bill.parts()[name];
            assert!((found - dollars).abs() < dollars * 1e-9, "{case}: {name} costs {found}, not {dollars}");
        }
    }

    #[test]
    fn each_kind_of_use_has_its_price() {
        const MILLION: u64 = 1_000_000;
        let nothing = LambdaTime::default();
        // (use of a kind, its dollars by hand)
        let cases: [(Usage, &[(&'static str, f64)]); 8] = [
            (
                Usage { metrics: MILLION, ..usage(&[("cloudwatch:GetMetricData", 2000)]) },
                &[("cloudwatch:GetMetricData", 10.0)],
            ),
            (usage(&[("cloudwatch:DescribeAlarms", MILLION)]), &[("cloudwatch:DescribeAlarms", 10.0)]),
            (usage(&[("sqs:GetQueueAttributes", MILLION)]), &[("sqs:GetQueueAttributes", 0.40)]),
            (
                Usage { read_units: MILLION, ..usage(&[("dynamodb:BatchGetItem", 10_000)]) },
                &[("dynamodb:BatchGetItem", 0.125)],
            ),
            (
                Usage { write_units: MILLION, ..usage(&[("dynamodb:PutItem", MILLION)]) },
                &[("dynamodb:PutItem", 0.625)],
            ),
            (usage(&[("s3:GetObject", MILLION)]), &[("s3:GetObject", 0.40)]),
            (usage(&[("ssm:GetParameter", MILLION)]), &[]),
            (usage(&[("ecs:DescribeServices", MILLION), ("ecs:UpdateService", MILLION)]), &[]),
        ];
        for (used, parts) in cases {
            check(&format!("{used:?}"), &Bill::of(&used, nothing), parts);
        }
        let lambda = LambdaTime { invocations: 1_000_000, gb_seconds: 300_000.0 };
        let dollars = 0.20 + 300_000.0 * LAMBDA_GB_SECOND;
        check("the function", &Bill::of(&Usage::default(), lambda), &[("lambda", dollars)]);
    }

    #[test]
    fn a_month_of_minutes_costs_what_the_readme_says() {
        let a_metric = Usage { metrics: 1, ..Usage::default() };
        let a_queue = usage(&[("sqs:GetQueueAttributes", 1)]);
        let a_memory = Usage { read_units: 1, write_units: 1, ..Usage::default() };
        for (case, used, dollars) in
            [("metric", a_metric, 0.438), ("queue", a_queue, 0.017_52), ("memory", a_memory, 0.032_85)]
        {
            let month = Bill::of(&used, LambdaTime::default()).per_month(Duration::from_secs(60)).total();
            assert!((month - dollars).abs() < 1e-9, "a {case} a minute costs {month}");
        }
    }
}
