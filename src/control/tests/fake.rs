//! A cloud made by hand: it answers from a table, notes every call, and fails on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::control::answer::Answer;
use crate::control::memory_store::MemoryStore;
use crate::control::ports::{
    AlarmDescription, Clock, CloudWatch, Ecs, Fetched, MetricQuery, PolicySource, PortError, PortErrorKind,
    Shards, Sqs, StateStore, StoreError, Versioned,
};
use crate::control::trigger::{Shard, Trigger};
use crate::control::{Controller, Ports, Settings};
use crate::model::blast_radius::{Spending, Spent};
use crate::model::{
    AlarmState, AlarmStatus, Memory, MetricSource, MetricStat, Point, QueueDepth, ServiceId, ServiceStatus,
    TaskCount,
};

pub(super) const NOW: &str = "2026-01-01T12:00:30Z";

#[derive(Debug)]
pub(super) struct FakeCloud {
    world: Mutex<World>,
    memories: MemoryStore,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) policy: String,
    pub(super) services: BTreeMap<ServiceId, ServiceStatus>,
    /// The newest minutes' value by `NAME` or `NAME cluster/service`.
    pub(super) metrics: BTreeMap<String, f64>,
    /// The newest minutes' values by `NAME`, oldest first, where they differ or some are missing.
    pub(super) series: BTreeMap<String, Vec<Option<f64>>>,
    pub(super) alarms: BTreeMap<String, AlarmDescription>,
    pub(super) queues: BTreeMap<String, QueueDepth>,
    /// Calls that begin with one of these fail.
    pub(super) failing: BTreeSet<&'static str>,
    /// How long a look takes: the time that one DescribeServices call does.
    pub(super) look_takes: Duration,
    /// From when on DescribeServices does not answer.
    pub(super) hangs_from: Option<Timestamp>,
    /// Beyond how many points GetMetricData does not answer.
    pub(super) hangs_beyond: Option<u32>,
    /// Whether looks side by side come to the blast radius's account at once.
    pub(super) races: bool,
    /// Looks of others that are remembered just before the next ones of the controller.
    pub(super) rivals: u32,
    /// What others book just before the next bookings of the controller, the last one first.
    pub(super) rival_spendings: Vec<Spending>,
    pub(super) calls: Vec<String>,
    pub(super) queries: Vec<MetricQuery>,
    /// The shards that were sent to other invocations.
    pub(super) shards: Vec<Shard>,
}

impl FakeCloud {
    pub(super) fn new(entries: &[Value]) -> Arc<Self> {
        let world = World {
            now: NOW.parse().unwrap(),
            policy: policy(entries),
            services: BTreeMap::new(),
            metrics: BTreeMap::new(),
            series: BTreeMap::new(),
            alarms: BTreeMap::new(),
            queues: BTreeMap::new(),
            failing: BTreeSet::new(),
            look_takes: Duration::ZERO,
            hangs_from: None,
            hangs_beyond: None,
            races: false,
            rivals: 0,
            rival_spendings: Vec::new(),
            calls: Vec::new(),
            queries: Vec::new(),
            shards: Vec::new(),
        };
        Arc::new(Self { world: Mutex::new(world), memories: MemoryStore::default() })
    }

    /// A cloud with one service of `desired` tasks under `entry`.
    pub(super) fn with_service(entry: &Value, desired: TaskCount) -> Arc<Self> {
        let cloud = Self::new(std::slice::from_ref(entry));
        cloud.run(entry["service"].as_str().unwrap(), desired);
        cloud
    }

    pub(super) fn run(&self, service: &str, desired: TaskCount) {
        self.world().services.insert(id(service), ServiceStatus::steady(desired));
    }

    pub(super) fn desired(&self, service: &str) -> TaskCount {
        self.world().services[&id(service)].desired
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub(super) fn pass(&self, time: Duration) {
        let mut world = self.world();
        world.now = world.now.checked_add(time).unwrap();
    }

    pub(super) fn memory(&self, service: &str) -> Option<Versioned> {
        block_on(self.memories.load(&[id(service)])).unwrap().remove(&id(service))
    }

    /// The calls that begin with `operation`, and forgets them all.
    pub(super) fn take_calls(&self, operation: &str) -> Vec<String> {
        let calls = std::mem::take(&mut self.world().calls);
        calls.into_iter().filter(|call| call.starts_with(operation)).collect()
    }

    pub(super) fn controller(self: &Arc<Self>) -> Controller {
        self.controller_with(Settings::default())
    }

    pub(super) fn controller_with(self: &Arc<Self>, settings: Settings) -> Controller {
        Controller::new(self.ports(), settings)
    }

    pub(super) fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            ecs: self.clone(),
            cloudwatch: self.clone(),
            sqs: self.clone(),
            states: self.clone(),
            shards: None,
            policy: self.clone(),
            clock: self.clone(),
        }
    }

    /// The answer of a fresh controller.
    pub(super) fn answer(self: &Arc<Self>, trigger: &Trigger) -> Answer {
        block_on(self.controller().handle(trigger))
    }

    fn note(&self, operation: &'static str, detail: &str) -> Result<(), PortError> {
        let mut world = self.world();
        let call = format!("{operation} {detail}");
        let fails = world.failing.iter().any(|failing| call.starts_with(failing));
        world.calls.push(call);
        if fails { Err(PortError::new(operation, PortErrorKind::Transient, "out of order")) } else { Ok(()) }
    }
}

#[async_trait]
impl Ecs for FakeCloud {
    async fn list_clusters(&self) -> Result<Vec<String>, PortError> {
        self.note("ecs:ListClusters", "")?;
        let clusters: BTreeSet<String> =
            self.world().services.keys().map(|id| id.cluster().to_owned()).collect();
        Ok(clusters.into_iter().collect())
    }

    async fn list_services(&self, cluster: &str) -> Result<Vec<ServiceId>, PortError> {
        self.note("ecs:ListServices", cluster)?;
        Ok(self.world().services.keys().filter(|id| id.cluster() == cluster).cloned().collect())
    }

    async fn describe_services(
        &self,
        cluster: &str,
        services: &[ServiceId],
    ) -> Result<BTreeMap<ServiceId, Result<ServiceStatus, PortError>>, PortError> {
        self.note("ecs:DescribeServices", &format!("{cluster} {}", services.len()))?;
        let now = self.now();
        let hangs_from = self.world().hangs_from;
        if hangs_from.is_some_and(|from| from <= now) {
            std::future::pending::<()>().await;
        }
        let takes = self.world().look_takes;
        self.pass(takes);
        let world = self.world();
        let missing = || PortError::new("ecs:DescribeServices", PortErrorKind::NotFound, "it is MISSING");
        let status = |id: &ServiceId| world.services.get(id).cloned().ok_or_else(missing);
        Ok(services.iter().map(|id| (id.clone(), status(id))).collect())
    }

    async fn set_desired_count(&self, service: &ServiceId, desired: TaskCount) -> Result<(), PortError> {
        self.note("ecs:UpdateService", &format!("{service} {desired}"))?;
        self.world().services.get_mut(service).unwrap().desired = desired;
        Ok(())
    }
}

#[async_trait]
impl CloudWatch for FakeCloud {
    async fn get_metric_data(
        &self,
        queries: &[MetricQuery],
        now: Timestamp,
    ) -> Result<Vec<Result<Vec<Point>, PortError>>, PortError> {
        self.note("cloudwatch:GetMetricData", &queries.len().to_string())?;
        self.world().queries.extend_from_slice(queries);
        let hangs_beyond = self.world().hangs_beyond;
        if hangs_beyond.is_some_and(|most| queries.iter().any(|query| most < query.points)) {
            std::future::pending::<()>().await;
        }
        Ok(queries.iter().map(|query| self.points(query, now)).collect())
    }

    async fn describe_alarms(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, AlarmDescription>, PortError> {
        self.note("cloudwatch:DescribeAlarms", &names.len().to_string())?;
        let world = self.world();
        Ok(names.iter().filter_map(|name| Some((name.clone(), world.alarms.get(name)?.clone()))).collect())
    }
}

impl FakeCloud {
    /// Five minutes of one value, or as much of a series as is asked for, the last of which ended at the last full minute.
    fn points(&self, query: &MetricQuery, now: Timestamp) -> Result<Vec<Point>, PortError> {
        let MetricSource::Stat(stat) = &query.source else { return Ok(Vec::new()) };
        let world = self.world();
        let value = match (stat.dimensions.get("ClusterName"), stat.dimensions.get("ServiceName")) {
            (Some(cluster), Some(service)) => {
                world.metrics.get(&format!("{} {cluster}/{service}", stat.name))
            }
            _ => world.metrics.get(&stat.name),
        };
        if world.failing.contains(stat.name.as_str()) {
            return Err(PortError::new(
                "cloudwatch:GetMetricData",
                PortErrorKind::Refused,
                "no such statistic",
            ));
        }
        let minute = now.as_second().div_euclid(60) * 60;
        let start = |age: i64| Timestamp::from_second(minute - 60 * age).unwrap();
        let values = world.series.get(&stat.name).cloned().unwrap_or_else(|| vec![value.copied(); 5]);
        let newest_first = values.iter().rev().zip(1..=i64::from(query.points));
        let mut points: Vec<Point> = newest_first
            .filter_map(|(value, age)| Some(Point { start: start(age), value: (*value)? }))
            .collect();
        points.reverse();
        Ok(points)
    }
}

#[async_trait]
impl Sqs for FakeCloud {
    async fn queue_depth(&self, queue: &str) -> Result<QueueDepth, PortError> {
        self.note("sqs:GetQueueAttributes", queue)?;
        Ok(self.world().queues.get(queue).copied().unwrap_or_default())
    }
}

#[async_trait]
impl Shards for FakeCloud {
    async fn send(&self, shards: &[Shard]) -> Result<Vec<Result<(), PortError>>, PortError> {
        self.note("sqs:SendMessage", &shards.len().to_string())?;
        let send = |shard: &Shard| {
            self.note("shard", &format!("{} {}", shard.services[0], shard.services.len()))?;
            self.world().shards.push(shard.clone());
            Ok(())
        };
        Ok(shards.iter().map(send).collect())
    }
}

#[async_trait]
impl StateStore for FakeCloud {
    fn is_dynamodb(&self) -> bool {
        true
    }

    async fn load(&self, services: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError> {
        self.note("load", &services.len().to_string())?;
        self.memories.load(services).await
    }

    async fn load_spent(&self) -> Result<Option<Versioned<Spent>>, PortError> {
        self.note("load", "spent")?;
        let spent = self.memories.load_spent().await;
        if self.world().races {
            let_others_go_first().await;
        }
        spent
    }

    async fn store_spent(&self, expected: Option<u64>, spent: &Spent) -> Result<(), StoreError> {
        self.note("store", "spent")?;
        let rival = self.world().rival_spendings.pop();
        if let Some(rival) = rival {
            let before = self.memories.load_spent().await?.map(|stored| stored.memory).unwrap_or_default();
            self.memories.store_spent(expected, &before.with(rival)).await?;
        }
        self.memories.store_spent(expected, spent).await
    }

    async fn store(
        &self,
        service: &ServiceId,
        expected: Option<u64>,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        self.note("store", &service.to_string())?;
        let rival = {
            let mut world = self.world();
            let rival = 0 < world.rivals;
            world.rivals = world.rivals.saturating_sub(1);
            rival
        };
        if rival {
            self.memories.store(service, expected, &Memory::default()).await?;
        }
        self.memories.store(service, expected, memory).await
    }
}

#[async_trait]
impl PolicySource for FakeCloud {
    fn place(&self) -> String {
        "trimtab.yaml".to_owned()
    }

    async fn fetch(&self, known: Option<&str>) -> Result<Fetched, PortError> {
        self.note("fetch", known.map_or("", |_| "known"))?;
        let text = self.world().policy.clone();
        if known == Some(text.as_str()) {
            return Ok(Fetched::NotModified);
        }
        Ok(Fetched::Document { version: text.clone(), text })
    }
}

#[async_trait]
impl Clock for FakeCloud {
    fn now(&self) -> Timestamp {
        self.world().now
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration);
    }
}

/// Lets every look that goes on side by side come to where this one is.
async fn let_others_go_first() {
    let mut went = false;
    std::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut went, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

pub(super) fn id(service: &str) -> ServiceId {
    service.parse().unwrap()
}

pub(super) fn policy(entries: &[Value]) -> String {
    json!({ "version": 1, "services": entries }).to_string()
}

/// An entry of 2 to 20 tasks at 60% CPU.
pub(super) fn entry(service: &str) -> Value {
    let cpu = json!({ "metric": "ECSServiceAverageCPUUtilization", "target": 60 });
    json!({ "service": service, "capacity": { "min": 2, "max": 20 }, "policies": [{ "target_tracking": cpu }] })
}

/// An entry of 2 to 20 tasks under these policies.
pub(super) fn entry_with(service: &str, policies: &Value) -> Value {
    json!({ "service": service, "capacity": { "min": 2, "max": 20 }, "policies": policies })
}

/// One more task for a breach by less than 15, three more for a larger one.
pub(super) fn steps(alarm: &str) -> Value {
    let steps = json!([{ "lower": 0, "upper": 15, "change": 1 }, { "lower": 15, "change": 3 }]);
    json!({ "step_scaling": { "alarm": alarm, "adjustment_type": "ChangeInCapacity", "steps": steps } })
}

pub(super) fn sessions(target: u32, scale_in_after: u32) -> Value {
    let metric = json!({ "namespace": "MyApp", "name": "Sessions", "stat": "Average", "period": "60s" });
    json!({ "target_tracking": { "metric": metric, "target": target, "scale_in_after": scale_in_after } })
}

/// An alarm with threshold 50 on a metric of its own.
pub(super) fn alarm(state: AlarmState, value: f64, metric: &str) -> AlarmDescription {
    let since = Some("2026-01-01T11:58:00Z".parse().unwrap());
    AlarmDescription {
        status: AlarmStatus { state, threshold: Some(50.0), value: Some(value), since },
        metric: Some(MetricSource::Stat(MetricStat::new("MyApp", metric, [], "Average"))),
        period: Duration::from_mins(1),
        evaluation_periods: 1,
    }
}
