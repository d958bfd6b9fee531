//! The ports that the controller gets: the same calls, each through its gate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

use super::bucket::Haste;
use super::gate::Gate;
use super::usage::{metric_calls, metrics, pages, read_units, write_units};
use super::{Call, Shared};
use crate::control::ports::{
    AlarmDescription, CloudWatch, Ecs, Fetched, MetricQuery, PolicySource, PortError, Shards, Sqs,
    StateStore, StoreError, Versioned,
};
use crate::control::trigger::Shard;
use crate::model::blast_radius::Spent;
use crate::model::{Memory, Point, QueueDepth, ServiceId, ServiceStatus, TaskCount};

const LIST_CLUSTERS: &str = "ecs:ListClusters";
const LIST_SERVICES: &str = "ecs:ListServices";
const DESCRIBE_SERVICES: &str = "ecs:DescribeServices";
const UPDATE_SERVICE: &str = "ecs:UpdateService";
const GET_METRIC_DATA: &str = "cloudwatch:GetMetricData";
const DESCRIBE_ALARMS: &str = "cloudwatch:DescribeAlarms";
const GET_QUEUE_ATTRIBUTES: &str = "sqs:GetQueueAttributes";
const SEND_MESSAGE: &str = "sqs:SendMessage";
const BATCH_GET_ITEM: &str = "dynamodb:BatchGetItem";
const PUT_ITEM: &str = "dynamodb:PutItem";
const GET_OBJECT: &str = "s3:GetObject";
const GET_PARAMETER: &str = "ssm:GetParameter";

/// All ports, for work with one deadline or none.
pub(super) struct Limited {
    shared: Arc<Shared>,
    deadline: Option<Timestamp>,
    /// Tokens that are kept for updates to come.
    kept_for_updates: AtomicU32,
}

type Statuses = BTreeMap<ServiceId, Result<ServiceStatus, PortError>>;

impl Limited {
    pub(super) fn new(shared: Arc<Shared>, deadline: Option<Timestamp>) -> Self {
        Self { shared, deadline, kept_for_updates: AtomicU32::new(0) }
    }

    fn call<'a>(&self, operation: &'static str, gate: &'a Gate) -> Call<'a> {
        Call { operation, gate, haste: Haste::Now, deadline: self.deadline, has_token: false }
    }

    async fn describe(
        &self,
        haste: Haste,
        cluster: &str,
        services: &[ServiceId],
    ) -> Result<Statuses, PortError> {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        let call = Call { haste, ..self.call(DESCRIBE_SERVICES, &gates.service_reads) };
        self.shared.make(call, |_| {}, || ports.ecs.describe_services(cluster, services)).await
    }

    /// The pages of a listing after the first were taken without asking; those who come next wait for them.
    fn more_pages(&self, operation: &'static str, gate: &Gate, names: usize) {
        let more = pages(names) - 1;
        self.shared.used(|used| used.add_calls(operation, more));
        gate.bucket(|bucket| bucket.charge(more));
    }

    /// Writes an item; whether its version was the expected one.
    async fn write<F>(
        &self,
        item: &(impl Serialize + Sync),
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<(), StoreError>
    where
        F: Future<Output = Result<(), StoreError>> + Send,
    {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        if !ports.states.is_dynamodb() {
            return attempt().await;
        }
        let units = write_units(item);
        let written = || async {
            match attempt().await {
                Ok(()) => Ok(true),
                Err(StoreError::Conflict) => Ok(false),
                Err(StoreError::Port(error)) => Err(error),
            }
        };
        let call = self.call(PUT_ITEM, &gates.state_writes);
        let as_expected = self.shared.make(call, |used| used.write_units += units, written).await?;
        if as_expected { Ok(()) } else { Err(StoreError::Conflict) }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let unused = self.kept_for_updates.load(Ordering::Relaxed);
        self.shared.gates.service_updates.bucket(|bucket| bucket.put_back(unused));
    }
}

#[async_trait]
impl Ecs for Limited {
    async fn list_clusters(&self) -> Result<Vec<String>, PortError> {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        let call = self.call(LIST_CLUSTERS, &gates.cluster_reads);
        let clusters = self.shared.make(call, |_| {}, || ports.ecs.list_clusters()).await?;
        self.more_pages(LIST_CLUSTERS, &gates.cluster_reads, clusters.len());
        Ok(clusters)
    }

    async fn list_services(&self, cluster: &str) -> Result<Vec<ServiceId>, PortError> {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        let call = self.call(LIST_SERVICES, &gates.service_reads);
        let services = self.shared.make(call, |_| {}, || ports.ecs.list_services(cluster)).await?;
        self.more_pages(LIST_SERVICES, &gates.service_reads, services.len());
        Ok(services)
    }

    async fn describe_services(&self, cluster: &str, services: &[ServiceId]) -> Result<Statuses, PortError> {
        self.describe(Haste::Now, cluster, services).await
    }

    async fn describe_services_at_leisure(
        &self,
        cluster: &str,
        services: &[ServiceId],
    ) -> Result<Statuses, PortError> {
        self.describe(Haste::AtLeisure, cluster, services).await
    }

    async fn room_to_update(&self) {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        let room = gates.service_updates.pass(Haste::Now, ports.clock.as_ref(), self.deadline).await;
        if room.is_ok() {
            self.kept_for_updates.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn set_desired_count(&self, service: &ServiceId, desired: TaskCount) -> Result<(), PortError> {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        let kept = |kept: u32| kept.checked_sub(1);
        let has_token =
            self.kept_for_updates.fetch_update(Ordering::Relaxed, Ordering::Relaxed, kept).is_ok();
        let call = Call { has_token, ..self.call(UPDATE_SERVICE, &gates.service_updates) };
        self.shared.make(call, |_| {}, || ports.ecs.set_desired_count(service, desired)).await
    }
}

#[async_trait]
impl CloudWatch for Limited {
    async fn get_metric_data(
        &self,
        queries: &[MetricQuery],
        now: Timestamp,
    ) -> Result<Vec<Result<Vec<Point>, PortError>>, PortError> {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        let (metrics, more) = (metrics(queries), metric_calls(queries).saturating_sub(1));
        let uses = |used: &mut super::Usage| {
            used.metrics += metrics;
            used.add_calls(GET_METRIC_DATA, more);
        };
        let call = self.call(GET_METRIC_DATA, &gates.metric_data);
        self.shared.make(call, uses, || ports.cloudwatch.get_metric_data(queries, now)).await
    }

    async fn describe_alarms(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, AlarmDescription>, PortError> {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        let call = self.call(DESCRIBE_ALARMS, &gates.alarms);
        self.shared.make(call, |_| {}, || ports.cloudwatch.describe_alarms(names)).await
    }
}

#[async_trait]
impl Sqs for Limited {
    async fn queue_depth(&self, queue: &str) -> Result<QueueDepth, PortError> {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        let call = self.call(GET_QUEUE_ATTRIBUTES, &gates.queues);
        self.shared.make(call, |_| {}, || ports.sqs.queue_depth(queue)).await
    }
}

/// The queue that shards go through, for work with one deadline or none.
pub(super) struct LimitedShards {
    pub(super) queue: Arc<dyn Shards>,
    pub(super) by: Arc<Limited>,
}

#[async_trait]
impl Shards for LimitedShards {
    async fn send(&self, shards: &[Shard]) -> Result<Vec<Result<(), PortError>>, PortError> {
        let shared = self.by.shared.as_ref();
        let call = self.by.call(SEND_MESSAGE, &shared.gates.queues);
        shared.make(call, |_| {}, || self.queue.send(shards)).await
    }
}

#[async_trait]
impl StateStore for Limited {
    fn is_dynamodb(&self) -> bool {
        self.shared.ports.states.is_dynamodb()
    }

    async fn load(&self, services: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError> {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        if !self.is_dynamodb() {
            return ports.states.load(services).await;
        }
        let call = self.call(BATCH_GET_ITEM, &gates.state_reads);
        let found = self.shared.make(call, |_| {}, || ports.states.load(services)).await?;
        let units = read_units(services.len(), found.values().map(|item| &item.memory));
        self.shared.used(|used| used.read_units += units);
        Ok(found)
    }

    async fn load_spent(&self) -> Result<Option<Versioned<Spent>>, PortError> {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        if !self.is_dynamodb() {
            return ports.states.load_spent().await;
        }
        let call = self.call(BATCH_GET_ITEM, &gates.state_reads);
        self.shared.make(call, |used| used.read_units += 1, || ports.states.load_spent()).await
    }

    async fn store_spent(&self, expected: Option<u64>, spent: &Spent) -> Result<(), StoreError> {
        self.write(spent, || self.shared.ports.states.store_spent(expected, spent)).await
    }

    async fn store(
        &self,
        service: &ServiceId,
        expected: Option<u64>,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        self.write(memory, || self.shared.ports.states.store(service, expected, memory)).await
    }
}

#[async_trait]
impl PolicySource for Limited {
    fn place(&self) -> String {
        self.shared.ports.policy.place()
    }

    /// A file is read without a call.
    async fn fetch(&self, known: Option<&str>) -> Result<Fetched, PortError> {
        let Shared { ports, gates, .. } = self.shared.as_ref();
        let operation = match self.place() {
            place if place.starts_with("s3://") => GET_OBJECT,
            place if place.starts_with("ssm:") => GET_PARAMETER,
            _ => return ports.policy.fetch(known).await,
        };
        let call = self.call(operation, &gates.policy_reads);
        self.shared.make(call, |_| {}, || ports.policy.fetch(known)).await
    }
}
