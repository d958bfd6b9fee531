//! AWS as a list of the calls that reached it, under a clock whose time passes only while everybody waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::control::Ports;
use crate::control::calls::Calls;
use crate::control::ports::{
    AlarmDescription, Clock, CloudWatch, Ecs, Fetched, MetricQuery, PolicySource, PortError, PortErrorKind,
    Shards, Sqs, StateStore, StoreError, Versioned,
};
use crate::control::trigger::Shard;
use crate::model::blast_radius::Spent;
use crate::model::duration::elapsed;
use crate::model::{Memory, Point, QueueDepth, ServiceId, ServiceStatus, TaskCount};

#[derive(Default)]
pub(super) struct Aws {
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    now: Timestamp,
    timers: BTreeMap<(Timestamp, u64), Waker>,
    timer_count: u64,
    /// Every call that came, in milliseconds since the beginning.
    calls: Vec<(u128, String)>,
    /// How the next calls of an operation, or of one with this detail, fail.
    pub(super) failures: BTreeMap<&'static str, VecDeque<PortErrorKind>>,
    /// Operations that do not answer.
    pub(super) hanging: BTreeSet<&'static str>,
    /// How long every call takes.
    pub(super) call_takes: Duration,
    pub(super) services: usize,
    pub(super) memories: BTreeMap<ServiceId, Versioned>,
    pub(super) is_dynamodb: bool,
    pub(super) policy_place: String,
}

impl Aws {
    pub(super) fn new() -> (Arc<Self>, Calls) {
        let aws = Arc::new(Self::default());
        let ports = Ports {
            ecs: aws.clone(),
            cloudwatch: aws.clone(),
            sqs: aws.clone(),
            states: aws.clone(),
            shards: Some(aws.clone()),
            policy: aws.clone(),
            clock: aws.clone(),
        };
        (aws, Calls::new(ports))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn fail(&self, call: &'static str, kinds: impl IntoIterator<Item = PortErrorKind>) {
        self.state().failures.insert(call, kinds.into_iter().collect());
    }

    /// The times, in milliseconds, at which calls that begin with this came.
    pub(super) fn times(&self, call: &str) -> Vec<u128> {
        let state = self.state();
        state.calls.iter().filter(|(_, came)| came.starts_with(call)).map(|(at, _)| *at).collect()
    }

    /// All calls, in the order in which they came.
    pub(super) fn order(&self) -> Vec<String> {
        self.state().calls.iter().map(|(_, call)| call.clone()).collect()
    }

    pub(super) fn elapsed_ms(&self) -> u128 {
        elapsed(Timestamp::UNIX_EPOCH, self.now()).as_millis()
    }

    pub(super) fn in_ms(&self, ms: u64) -> Timestamp {
        self.now() + Duration::from_millis(ms)
    }

    /// Runs to the end, and lets time pass to the next timer whenever there is nothing else to do.
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        loop {
            while woken.0.swap(false, Ordering::Relaxed) {
                if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return done;
                }
            }
            let mut state = self.state();
            let ((at, _), waiting) = state.timers.pop_first().expect("somebody waits for time");
            state.now = state.now.max(at);
            drop(state);
            waiting.wake();
        }
    }

    async fn answer(&self, operation: &'static str, detail: &str) -> Result<(), PortError> {
        let call = format!("{operation} {detail}").trim_end().to_owned();
        let at = self.elapsed_ms();
        let (failure, hangs, takes) = {
            let mut state = self.state();
            state.calls.push((at, call.clone()));
            let failures = state.failures.iter_mut().find(|(failing, _)| call.starts_with(**failing));
            let failure = failures.and_then(|(_, kinds)| kinds.pop_front());
            (failure, state.hanging.contains(operation), state.call_takes)
        };
        self.sleep(takes).await;
        if hangs {
            pending::<()>().await;
        }
        failure.map_or(Ok(()), |kind| Err(PortError::new(operation, kind, "by the script")))
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for Aws {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    async fn sleep(&self, duration: Duration) {
        let (until, number) = {
            let mut state = self.state();
            state.timer_count += 1;
            (state.now + duration, state.timer_count)
        };
        poll_fn(|context| {
            let mut state = self.state();
            if until <= state.now {
                return Poll::Ready(());
            }
            state.timers.insert((until, number), context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

#[async_trait]
impl Ecs for Aws {
    async fn list_clusters(&self) -> Result<Vec<String>, PortError> {
        self.answer("ecs:ListClusters", "").await?;
        Ok(vec!["prod".to_owned()])
    }

    async fn list_services(&self, cluster: &str) -> Result<Vec<ServiceId>, PortError> {
        self.answer("ecs:ListServices", cluster).await?;
        let services = self.state().services;
        Ok((0..services).map(|number| ServiceId::new(cluster, number.to_string())).collect())
    }

    async fn describe_services(
        &self,
        cluster: &str,
        _: &[ServiceId],
    ) -> Result<BTreeMap<ServiceId, Result<ServiceStatus, PortError>>, PortError> {
        self.answer("ecs:DescribeServices", cluster).await?;
        Ok(BTreeMap::new())
    }

    async fn set_desired_count(&self, service: &ServiceId, _: TaskCount) -> Result<(), PortError> {
        self.answer("ecs:UpdateService", service.service()).await
    }
}

#[async_trait]
impl CloudWatch for Aws {
    async fn get_metric_data(
        &self,
        queries: &[MetricQuery],
        _: Timestamp,
    ) -> Result<Vec<Result<Vec<Point>, PortError>>, PortError> {
        self.answer("cloudwatch:GetMetricData", "").await?;
        Ok(queries.iter().map(|_| Ok(Vec::new())).collect())
    }

    async fn describe_alarms(&self, _: &[String]) -> Result<BTreeMap<String, AlarmDescription>, PortError> {
        self.answer("cloudwatch:DescribeAlarms", "").await?;
        Ok(BTreeMap::new())
    }
}

#[async_trait]
impl Sqs for Aws {
    async fn queue_depth(&self, queue: &str) -> Result<QueueDepth, PortError> {
        self.answer("sqs:GetQueueAttributes", queue).await?;
        Ok(QueueDepth::default())
    }
}

#[async_trait]
impl Shards for Aws {
    async fn send(&self, shards: &[Shard]) -> Result<Vec<Result<(), PortError>>, PortError> {
        self.answer("sqs:SendMessage", "").await?;
        Ok(shards.iter().map(|_| Ok(())).collect())
    }
}

#[async_trait]
impl StateStore for Aws {
    fn is_dynamodb(&self) -> bool {
        self.state().is_dynamodb
    }

    async fn load(&self, services: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError> {
        self.answer("dynamodb:BatchGetItem", "").await?;
        let state = self.state();
        let found = services.iter().filter_map(|id| Some((id.clone(), state.memories.get(id)?.clone())));
        Ok(found.collect())
    }

    async fn load_spent(&self) -> Result<Option<Versioned<Spent>>, PortError> {
        self.answer("dynamodb:BatchGetItem", "").await?;
        Ok(None)
    }

    async fn store_spent(&self, _: Option<u64>, _: &Spent) -> Result<(), StoreError> {
        Ok(self.answer("dynamodb:PutItem", "").await?)
    }

    async fn store(&self, service: &ServiceId, expected: Option<u64>, _: &Memory) -> Result<(), StoreError> {
        self.answer("dynamodb:PutItem", "").await?;
        let version = self.state().memories.get(service).map(|item| item.version);
        if version == expected { Ok(()) } else { Err(StoreError::Conflict) }
    }
}

#[async_trait]
impl PolicySource for Aws {
    fn place(&self) -> String {
        self.state().policy_place.clone()
    }

    async fn fetch(&self, _: Option<&str>) -> Result<Fetched, PortError> {
        self.answer("the policy", "").await?;
        Ok(Fetched::NotModified)
    }
}
