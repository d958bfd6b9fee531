//! Faults on demand: which calls fail when, and how; and a count of every call.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Seconds;
use crate::control::ports::{PortError, PortErrorKind};

/// The calls that the world answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// ecs:ListClusters
    ListClusters,
    /// ecs:ListServices
    ListServices,
    /// ecs:DescribeServices
    DescribeServices,
    /// ecs:UpdateService
    UpdateService,
    /// cloudwatch:GetMetricData
    GetMetricData,
    /// cloudwatch:DescribeAlarms
    DescribeAlarms,
    /// sqs:GetQueueAttributes
    GetQueueAttributes,
}

impl Call {
    /// The API's name of the call.
    pub fn operation(self) -> &'static str {
        match self {
            Self::ListClusters => "ecs:ListClusters",
            Self::ListServices => "ecs:ListServices",
            Self::DescribeServices => "ecs:DescribeServices",
            Self::UpdateService => "ecs:UpdateService",
            Self::GetMetricData => "cloudwatch:GetMetricData",
            Self::DescribeAlarms => "cloudwatch:DescribeAlarms",
            Self::GetQueueAttributes => "sqs:GetQueueAttributes",
        }
    }
}

/// A time in which a call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// The call.
    pub call: Call,
    /// When.
    pub during: Range<Seconds>,
    /// How.
    pub kind: PortErrorKind,
}

/// The faults of a scenario, and a count of the calls made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    rules: Vec<FaultRule>,
    calls: BTreeMap<Call, u64>,
}

impl Faults {
    /// Faults by these rules.
    pub fn new(rules: Vec<FaultRule>) -> Self {
        Self { rules, calls: BTreeMap::new() }
    }

    /// How often each call was made, failed ones as well.
    pub fn calls(&self) -> &BTreeMap<Call, u64> {
        &self.calls
    }

    /// Counts a call, and fails it where a rule says so.
    pub(super) fn admit(&mut self, call: Call, now: Seconds) -> Result<(), PortError> {
        *self.calls.entry(call).or_default() += 1;
        match self.rules.iter().find(|rule| rule.call == call && rule.during.contains(&now)) {
            Some(rule) => {
                Err(PortError::new(call.operation(), rule.kind, "the scenario lets this call fail now"))
            }
            None => Ok(()),
        }
    }
}
