//! The ports: all that the controller needs of the world. The AWS adapters, the embedded cloud and the tests implement
//! them. Batches are formed by the controller; an implementation may rely on the limits stated here.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;

use super::trigger::Shard;
use crate::model::blast_radius::Spent;
use crate::model::{
    AlarmStatus, Memory, MetricSource, Point, QueueDepth, ServiceId, ServiceStatus, TaskCount,
};

/// Services in one DescribeServices call, at most.
pub const SERVICES_PER_DESCRIBE: usize = 10;
/// Queries in one GetMetricData call, at most.
pub const QUERIES_PER_GET: usize = 500;
/// Names in one DescribeAlarms call, at most.
pub const ALARMS_PER_DESCRIBE: usize = 100;
/// Items in one read of the state store, at most.
pub const STATES_PER_LOAD: usize = 100;
/// Shards that are sent in one call, at most.
pub const SHARDS_PER_SEND: usize = 10;
/// The names of a shard, in bytes, at most, so that the shards of one call stay under the mebibyte that SQS takes at once.
///
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>
pub const BYTES_PER_SHARD: usize = 100_000;

/// Amazon ECS.
#[async_trait]
pub trait Ecs: Send + Sync {
    /// The names of all clusters.
    async fn list_clusters(&self) -> Result<Vec<String>, PortError>;

    /// All services of a cluster.
    async fn list_services(&self, cluster: &str) -> Result<Vec<ServiceId>, PortError>;

    /// Describes up to [`SERVICES_PER_DESCRIBE`] services of one cluster. A service that does not exist, or is not active,
    /// is an error of its own.
    async fn describe_services(
        &self,
        cluster: &str,
        services: &[ServiceId],
    ) -> Result<BTreeMap<ServiceId, Result<ServiceStatus, PortError>>, PortError>;

    /// [`Self::describe_services`] for a read that no decision waits for: every other call to ECS goes before it. What limits no
    /// calls makes no difference.
    async fn describe_services_at_leisure(
        &self,
        cluster: &str,
        services: &[ServiceId],
    ) -> Result<BTreeMap<ServiceId, Result<ServiceStatus, PortError>>, PortError> {
        self.describe_services(cluster, services).await
    }

    /// Waits until a following [`Self::set_desired_count`] would be sent at once, and keeps that place for it. What limits no
    /// calls does not wait. Where the invocation's time ends first it returns without a place.
    async fn room_to_update(&self) {}

    /// Sets the desired count and nothing else, which starts no deployment.
    async fn set_desired_count(&self, service: &ServiceId, desired: TaskCount) -> Result<(), PortError>;
}

/// Amazon CloudWatch.
#[async_trait]
pub trait CloudWatch: Send + Sync {
    /// The points, oldest first, of up to [`QUERIES_PER_GET`] queries, in the queries' order.
    async fn get_metric_data(
        &self,
        queries: &[MetricQuery],
        now: Timestamp,
    ) -> Result<Vec<Result<Vec<Point>, PortError>>, PortError>;

    /// The state of up to [`ALARMS_PER_DESCRIBE`] alarms, by name. An alarm that does not exist is absent.
    async fn describe_alarms(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, AlarmDescription>, PortError>;
}

/// Amazon SQS.
#[async_trait]
pub trait Sqs: Send + Sync {
    /// The depth of a queue, given by URL, ARN or name.
    async fn queue_depth(&self, queue: &str) -> Result<QueueDepth, PortError>;
}

/// Where parts of a large fleet's tick are sent, for other invocations to take.
#[async_trait]
pub trait Shards: Send + Sync {
    /// Sends up to [`SHARDS_PER_SEND`] shards, and tells of each, in order, whether it was. One that is said not to be may all
    /// the same arrive, and one that was may arrive twice.
    async fn send(&self, shards: &[Shard]) -> Result<Vec<Result<(), PortError>>, PortError>;
}

/// Where memories are kept.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Whether the memories are in DynamoDB, where every read and write is a call that is paid for.
    fn is_dynamodb(&self) -> bool {
        false
    }

    /// The memories of up to [`STATES_PER_LOAD`] services. A service that has none yet is absent; one whose item cannot
    /// be read as a memory comes with a fresh memory under the item's version.
    async fn load(&self, services: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError>;

    /// The account of the blast radius, which all invocations share; none where nothing was booked yet. One that cannot be read
    /// as an account is empty, under the item's version.
    async fn load_spent(&self) -> Result<Option<Versioned<Spent>>, PortError>;

    /// Writes the account of the blast radius, if the stored version is still `expected`, under the next one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another look wrote first: nothing was written.
    async fn store_spent(&self, expected: Option<u64>, spent: &Spent) -> Result<(), StoreError>;

    /// Writes a memory if the stored version is still `expected` (none: if there is no item yet), under the next one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another look wrote first: nothing was written.
    async fn store(
        &self,
        service: &ServiceId,
        expected: Option<u64>,
        memory: &Memory,
    ) -> Result<(), StoreError>;
}

/// Where the policy file is.
#[async_trait]
pub trait PolicySource: Send + Sync {
    /// The place, for messages: `trimtab.yaml`, `s3://bucket/key`, `ssm:/name`.
    fn place(&self) -> String;

    /// The document, or `NotModified` where it still has the version (ETag, parameter version) `known`.
    async fn fetch(&self, known: Option<&str>) -> Result<Fetched, PortError>;
}

/// Time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// One query of GetMetricData.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricQuery {
    /// What is asked for.
    pub source: MetricSource,
    /// The length of a period.
    pub period: Duration,
    /// How many periods to look back.
    pub points: u32,
}

/// An alarm as DescribeAlarms tells it, with what identifies services and gives its value.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmDescription {
    /// Its state, threshold and newest value.
    pub status: AlarmStatus,
    /// The metric that it watches, to read its newest values, where it watches just one or one expression.
    pub metric: Option<MetricSource>,
    /// The length of the metric's period.
    pub period: Duration,
    /// The newest periods that it evaluates: CloudWatch's `EvaluationPeriods`.
    pub evaluation_periods: u32,
}

/// A memory, of a service or of all, and the version that it was read under.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned<T = Memory> {
    /// The version to expect when it is written back.
    pub version: u64,
    /// The memory.
    pub memory: T,
}

/// What a policy source answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The document still has the known version.
    NotModified,
    /// The document.
    Document {
        /// Its text.
        text: String,
        /// Its version.
        version: String,
    },
}

/// A memory could not be written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another look wrote first.
    #[error("another look was remembered meanwhile")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A call to the world failed.
#[derive(Debug)]
pub struct PortError {
    /// The API's name of the call, as in `ecs:UpdateService`: the IAM action that it needs.
    pub operation: &'static str,
    /// What the reader can do about it.
    pub kind: PortErrorKind,
    /// What the other side said, in a sentence.
    pub message: String,
    /// The error underneath.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// What the reader can do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// Timed out, or a fault of the other side: the next look tries again.
    Transient,
    /// More calls came than the account may make: the next look tries again.
    Throttled,
    /// A permission is missing.
    Denied,
    /// What was asked for does not exist.
    NotFound,
    /// The call was refused for what it asked.
    Refused,
}

impl PortError {
    /// An error without another underneath.
    pub fn new(operation: &'static str, kind: PortErrorKind, message: impl Into<String>) -> Self {
        Self { operation, kind, message: message.into(), source: None }
    }

    /// The error of a call that was not made, or not answered, before the invocation's time ended.
    pub fn out_of_time(operation: &'static str) -> Self {
        let source: Box<dyn Error + Send + Sync> = Box::new(OutOfTime);
        let message = source.to_string();
        Self { operation, kind: PortErrorKind::Transient, message, source: Some(source) }
    }

    /// Whether the call failed for nothing but the end of the invocation's time, so that another invocation may make it.
    pub fn is_out_of_time(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.is::<OutOfTime>())
    }
}

/// The invocation's time ended.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the time of this invocation ended")]
pub struct OutOfTime;

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.operation, self.message)?;
        match self.kind {
            PortErrorKind::Transient | PortErrorKind::Throttled => {
                f.write_str(" (the next look tries again)")
            }
            PortErrorKind::Denied => write!(f, " (allow {} in the role's policy)", self.operation),
            PortErrorKind::NotFound | PortErrorKind::Refused => Ok(()),
        }
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
