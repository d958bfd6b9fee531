//! The ports on the real AWS APIs. The only place that names an AWS type.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::control::ports::{
    AlarmDescription, Clock, CloudWatch, Ecs, Fetched, MetricQuery, PolicySource, PortError, PortErrorKind,
    Sqs, StateStore, StoreError, Versioned,
};
use crate::model::{Memory, Point, QueueDepth, ServiceId, ServiceStatus, TaskCount};

/// Every call that the adapters make, as the IAM action that it needs.
pub const OPERATIONS: &[&str] = &[
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "dynamodb:BatchGetItem",
    "dynamodb:PutItem",
    "ecs:DescribeServices",
    "ecs:ListClusters",
    "ecs:ListServices",
    "ecs:UpdateService",
    "s3:GetObject",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "ssm:GetParameter",
];

/// A stand-in for the SDK's configuration.
#[derive(Clone, Debug)]
pub struct SdkConfig;

/// A stand-in for reading it.
#[expect(clippy::unused_async, reason = "a stand-in")]
pub async fn load_config() -> SdkConfig {
    SdkConfig
}

/// A text that names no place of a policy file.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("no place")]
pub struct InvalidPlace;

/// A stand-in for the policy's source.
pub fn policy_source(place: &str, _cloud: &AwsCloud) -> Result<Box<dyn PolicySource>, InvalidPlace> {
    Ok(Box::new(Unconnected { policy: place.to_owned() }))
}

/// A stand-in for AWS.
#[derive(Clone, Debug)]
pub struct AwsCloud;

impl AwsCloud {
    /// A stand-in.
    pub fn new(_config: SdkConfig) -> Self {
        Self
    }

    /// A stand-in.
    pub fn ecs(&self) -> Unconnected {
        Unconnected::default()
    }

    /// A stand-in.
    pub fn cloudwatch(&self) -> Unconnected {
        Unconnected::default()
    }

    /// A stand-in.
    pub fn sqs(&self) -> Unconnected {
        Unconnected::default()
    }

    /// A stand-in.
    pub fn dynamodb(&self, _table: impl Into<String>, _clock: Arc<dyn Clock>) -> Unconnected {
        Unconnected::default()
    }
}

/// The system's clock, and waiting in real time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port that everything else reads time through")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A stand-in for every port.
#[derive(Debug, Default)]
pub struct Unconnected {
    policy: String,
}

fn nothing<T>() -> Result<T, PortError> {
    Err(PortError::new("sts:GetCallerIdentity", PortErrorKind::Refused, "nothing is connected"))
}

#[async_trait]
impl Ecs for Unconnected {
    async fn list_clusters(&self) -> Result<Vec<String>, PortError> {
        nothing()
    }
    async fn list_services(&self, _: &str) -> Result<Vec<ServiceId>, PortError> {
        nothing()
    }
    async fn describe_services(
        &self,
        _: &str,
        _: &[ServiceId],
    ) -> Result<BTreeMap<ServiceId, Result<ServiceStatus, PortError>>, PortError> {
        nothing()
    }
    async fn set_desired_count(&self, _: &ServiceId, _: TaskCount) -> Result<(), PortError> {
        nothing()
    }
}

#[async_trait]
impl CloudWatch for Unconnected {
    async fn get_metric_data(
        &self,
        _: &[MetricQuery],
        _: Timestamp,
    ) -> Result<Vec<Result<Vec<Point>, PortError>>, PortError> {
        nothing()
    }
    async fn describe_alarms(&self, _: &[String]) -> Result<BTreeMap<String, AlarmDescription>, PortError> {
        nothing()
    }
}

#[async_trait]
impl Sqs for Unconnected {
    async fn queue_depth(&self, _: &str) -> Result<QueueDepth, PortError> {
        nothing()
    }
}

#[async_trait]
impl StateStore for Unconnected {
    async fn load(&self, _: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError> {
        nothing()
    }
    async fn store(&self, _: &ServiceId, _: Option<u64>, _: &Memory) -> Result<(), StoreError> {
        Ok(nothing()?)
    }
}

#[async_trait]
impl PolicySource for Unconnected {
    fn place(&self) -> String {
        self.policy.clone()
    }
    async fn fetch(&self, _: Option<&str>) -> Result<Fetched, PortError> {
        nothing()
    }
}
