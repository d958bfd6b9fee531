//! The world behind the controller's ports: ECS, CloudWatch, SQS, a clock and a policy file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::faults::Call;
use super::number::whole;
use super::service::Workload;
use super::world::World;
use super::{STEP_S, Seconds};
use crate::control::ports::{
    AlarmDescription, Clock, CloudWatch, Ecs, Fetched, MetricQuery, PolicySource, PortError, PortErrorKind,
    Sqs,
};
use crate::model::{
    AlarmStatus, MetricSource, MetricStat, Point, QueueDepth, ServiceId, ServiceStatus, TaskCount,
};

/// A world that the controller reaches through its ports. Clones share it.
#[derive(Clone, Debug)]
pub struct SimCloud {
    world: Arc<Mutex<World>>,
}

impl SimCloud {
    /// Puts a world behind the ports.
    pub fn new(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)) }
    }

    /// Looks at the world, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers a call, where no fault is due.
    fn call<T>(
        &self,
        call: Call,
        answer: impl FnOnce(&mut World) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        self.with(|world| {
            let now = world.elapsed();
            world.faults.admit(call, now)?;
            answer(world)
        })
    }
}

#[async_trait]
impl Ecs for SimCloud {
    async fn list_clusters(&self) -> Result<Vec<String>, PortError> {
        self.call(Call::ListClusters, |world| {
            let mut clusters: Vec<String> =
                world.services().map(|service| service.spec().id.cluster().to_owned()).collect();
            clusters.dedup();
            Ok(clusters)
        })
    }

    async fn list_services(&self, cluster: &str) -> Result<Vec<ServiceId>, PortError> {
        self.call(Call::ListServices, |world| {
            let ids = world.services().map(|service| &service.spec().id);
            Ok(ids.filter(|id| id.cluster() == cluster).cloned().collect())
        })
    }

    async fn describe_services(
        &self,
        _cluster: &str,
        services: &[ServiceId],
    ) -> Result<BTreeMap<ServiceId, Result<ServiceStatus, PortError>>, PortError> {
        self.call(Call::DescribeServices, |world| {
            let status = |id: &ServiceId| match world.service(id) {
                Some(service) => Ok(service.status(world.elapsed())),
                None => Err(not_found(Call::DescribeServices, format!("there is no service {id}"))),
            };
            Ok(services.iter().map(|id| (id.clone(), status(id))).collect())
        })
    }

    async fn set_desired_count(&self, service: &ServiceId, desired: TaskCount) -> Result<(), PortError> {
        self.call(Call::UpdateService, |world| {
            let now = world.elapsed();
            match world.service_mut(service) {
                Some(service) => {
                    service.set_desired(desired, now);
                    Ok(())
                }
                None => Err(not_found(Call::UpdateService, format!("there is no service {service}"))),
            }
        })
    }
}

#[async_trait]
impl CloudWatch for SimCloud {
    async fn get_metric_data(
        &self,
        queries: &[MetricQuery],
        _now: Timestamp,
    ) -> Result<Vec<Result<Vec<Point>, PortError>>, PortError> {
        self.call(Call::GetMetricData, |world| {
            Ok(queries.iter().map(|query| metric_points(world, query)).collect())
        })
    }

    async fn describe_alarms(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, AlarmDescription>, PortError> {
        self.call(Call::DescribeAlarms, |world| {
            let known = names.iter().filter_map(|name| world.alarms().get(name));
            let describe = |alarm: &super::alarm::Alarm| AlarmDescription {
                status: AlarmStatus {
                    state: alarm.state,
                    threshold: Some(alarm.spec.threshold),
                    value: alarm.value,
                    since: Some(alarm.since),
                },
                metric: Some(MetricSource::Stat(alarm.spec.stat.clone())),
                period: Duration::from_secs(u64::from(alarm.spec.period_s)),
                evaluation_periods: u32::try_from(alarm.spec.evaluation_periods).unwrap_or(u32::MAX),
            };
            Ok(known.map(|alarm| (alarm.spec.name.clone(), describe(alarm))).collect())
        })
    }
}

#[async_trait]
impl Sqs for SimCloud {
    async fn queue_depth(&self, queue: &str) -> Result<QueueDepth, PortError> {
        self.call(Call::GetQueueAttributes, |world| {
            let name = queue.rsplit(['/', ':']).next().unwrap_or(queue);
            let of = |workload: &Workload| matches!(workload, Workload::Queue(work) if work.queue == name);
            match world.services().find(|service| of(&service.spec().workload)) {
                Some(service) => Ok(service.queue().depth(world.elapsed())),
                None => Err(not_found(Call::GetQueueAttributes, format!("there is no queue {queue}"))),
            }
        })
    }
}

fn metric_points(world: &World, query: &MetricQuery) -> Result<Vec<Point>, PortError> {
    let stat = plain_stat(&query.source)?;
    let period = Seconds::try_from(query.period.as_secs()).unwrap_or(Seconds::MAX).max(STEP_S);
    let points = world.metric(stat, period, query.points);
    Ok(points.into_iter().map(|(start, value)| Point { start: world.timestamp(start), value }).collect())
}

fn plain_stat(source: &MetricSource) -> Result<&MetricStat, PortError> {
    match source {
        MetricSource::Stat(stat) => Ok(stat),
        MetricSource::Math(_) => Err(PortError::new(
            Call::GetMetricData.operation(),
            PortErrorKind::Refused,
            "the embedded cloud has no metric math",
        )),
    }
}

fn not_found(call: Call, message: String) -> PortError {
    PortError::new(call.operation(), PortErrorKind::NotFound, message)
}

/// The world's time.
#[derive(Clone, Debug)]
pub struct SimClock {
    cloud: SimCloud,
}

impl SimClock {
    /// The time of a world.
    pub fn new(cloud: SimCloud) -> Self {
        Self { cloud }
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.cloud.with(|world| world.now())
    }

    /// Lets the world move on, in whole steps.
    async fn sleep(&self, duration: Duration) {
        let seconds = whole(duration.as_secs_f64().ceil());
        self.cloud.with(|world| {
            let changed = world.advance(world.elapsed() + seconds.next_multiple_of(STEP_S));
            world.unheard.extend(changed);
        });
    }
}

/// A policy file that is given as text and never changes.
#[derive(Clone)]
pub struct TextPolicy {
    place: String,
    text: String,
}

impl TextPolicy {
    /// The text, and the place that messages name.
    pub fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }
}

impl fmt::Debug for TextPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextPolicy").field("place", &self.place).finish_non_exhaustive()
    }
}

#[async_trait]
impl PolicySource for TextPolicy {
    fn place(&self) -> String {
        self.place.clone()
    }

    async fn fetch(&self, known: Option<&str>) -> Result<Fetched, PortError> {
        const VERSION: &str = "1";
        Ok(match known {
            Some(VERSION) => Fetched::NotModified,
            Some(_) | None => Fetched::Document { text: self.text.clone(), version: VERSION.to_owned() },
        })
    }
}
