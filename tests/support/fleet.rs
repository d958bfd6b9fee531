//! A large fleet in virtual time: real handlers and controllers as invocations of a function, several at a time, over an account
//! in the process. Every call takes its time and a token of the account's bucket, or is throttled as AWS does. Time moves on when
//! all wait, so a run is the same on every machine; what it takes of a processor does not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use trimtab::control::answer::Sent;
use trimtab::control::memory_store::MemoryStore;
use trimtab::control::ports::{
    AlarmDescription, Clock, CloudWatch, Ecs, Fetched, MetricQuery, PolicySource, PortError, PortErrorKind,
    Shards, Sqs, StateStore, StoreError, Versioned,
};
use trimtab::control::trigger::{Shard, Trigger};
use trimtab::control::{Controller, FanOut, Ports, Settings, Watch};
use trimtab::handler::{Control, Handler};
use trimtab::model::blast_radius::Spent;
use trimtab::model::{Memory, MetricSource, Point, QueueDepth, ServiceId, ServiceStatus, TaskCount};

const START: Timestamp = Timestamp::constant(1_767_225_600, 0);
const POLICY: &str = "version: 1
services:
  - service: '*/*'
    capacity: { min: 1, max: 50 }
    policies: [target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }]
";
/// What a call takes.
const CALL: Duration = Duration::from_millis(15);
/// From the queue, or the schedule, to the function's first line.
const INVOKE: Duration = Duration::from_millis(50);
/// As the template has it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
const VISIBILITY: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(120);
/// Between two ticks.
const MINUTE: Duration = Duration::from_secs(60);
/// When a worker dies that does: some memories are written by then, and nothing is done.
const LIFE: Duration = Duration::from_micros(132_500);
const SERVICES_PER_CLUSTER: usize = 1_000;
/// What AWS documents: the bucket's size, and what it gets a second.
const BUCKETS: [(&str, f64, f64); 5] = [
    ("ecs:DescribeServices", 100.0, 20.0), // with ListServices
    ("ecs:UpdateService", 50.0, 5.0),
    ("ecs:ListClusters", 50.0, 20.0),
    ("cloudwatch:GetMetricData", 500.0, 500.0),
    ("cloudwatch:DescribeAlarms", 9.0, 9.0),
];

/// A fleet and the function that steers it.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) services: usize,
    /// One service of so many has too much to do for its four tasks, and is right with six.
    pub(crate) one_busy_of: usize,
    /// The services that one invocation looks at, at most; none where one looks at all.
    pub(crate) shard_size: Option<usize>,
    /// The invocations that take shards at the same time.
    pub(crate) workers: usize,
    /// The time that an invocation has.
    pub(crate) timeout: Duration,
    pub(crate) ticks: usize,
    pub(crate) mishaps: Vec<Mishap>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The worker that takes the message of this number, counted from zero, is ended before it is done.
    Dies(usize),
    /// The message of this number arrives twice at once.
    Twice(usize),
}

/// What a tick led to, with the shards of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Invocations that ended by themselves.
    pub(crate) invocations: usize,
    /// Invocations that were ended.
    pub(crate) ended: usize,
    /// Services that there was no time for.
    pub(crate) handed_over: usize,
    /// What was sent to other invocations.
    pub(crate) sent: Sent,
    /// Until the last of its invocations ended.
    pub(crate) took: Duration,
    /// The services that were decided.
    pub(crate) decided: BTreeSet<ServiceId>,
    /// The calls that were made in its minute, by the API's name of them.
    pub(crate) calls: BTreeMap<&'static str, usize>,
    /// Those of them that were throttled.
    pub(crate) throttled: usize,
    pub(crate) errors: Vec<String>,
}

/// Runs a fleet for some ticks, within a runtime whose time is paused. Gives a report of each, and the updates of each service.
pub(crate) async fn run(setup: &Setup) -> (Vec<Report>, BTreeMap<ServiceId, Vec<TaskCount>>) {
    let account = Arc::new(Account::new(setup));
    let workers: Vec<_> =
        (0..setup.workers).map(|_| tokio::spawn(work(Arc::clone(&account), setup.clone()))).collect();
    let function = Arc::new(function(&account, setup));
    let mut ticks = Vec::new();
    for _ in 0..setup.ticks {
        let function = Arc::clone(&function);
        let account = Arc::clone(&account);
        let time = setup.timeout;
        ticks.push(tokio::spawn(
            async move { invoke(&account, &function, r#"{"action": "tick"}"#, time).await },
        ));
        sleep(MINUTE).await;
    }
    sleep(TIMEOUT + VISIBILITY).await;
    workers.iter().for_each(tokio::task::JoinHandle::abort);
    let mut state = account.state();
    (std::mem::take(&mut state.reports), std::mem::take(&mut state.updates))
}

/// Takes shards as Lambda's poller does, one at a time, and forgets those that were done.
async fn work(account: Arc<Account>, setup: Setup) {
    let mut warm = function(&account, &setup);
    loop {
        let message = account.receive().await;
        let record =
            json!({ "eventSource": "aws:sqs", "messageId": message.id.to_string(), "body": message.body });
        let event = json!({ "Records": [record] }).to_string();
        let dies = account.state().deadly.remove(&message.id);
        let invocation = invoke(&account, &warm, &event, setup.timeout);
        let answer = if dies { timeout(LIFE, invocation).await.ok().flatten() } else { invocation.await };
        match answer {
            Some(answer) if answer.get("batchItemFailures") == Some(&json!([])) => account.delete(message.id),
            Some(_) => {}
            None => {
                account.report(|report| report.ended += 1);
                warm = function(&account, &setup);
            }
        }
    }
}

/// An invocation's answer; none where it was ended for the time that it took.
async fn invoke(
    account: &Account,
    function: &Handler<Recorded>,
    event: &str,
    time: Duration,
) -> Option<Value> {
    sleep(INVOKE).await;
    let deadline = account.now().saturating_add(time).unwrap();
    let answer = timeout(time, function.handle_until(event.as_bytes(), Some(deadline))).await;
    answer.ok().map(Result::unwrap)
}

/// A new process of the function.
fn function(account: &Arc<Account>, setup: &Setup) -> Handler<Recorded> {
    let ports = Ports {
        ecs: account.clone(),
        cloudwatch: account.clone(),
        sqs: account.clone(),
        states: account.clone(),
        shards: setup.shard_size.map(|_| account.clone() as Arc<dyn Shards>),
        policy: account.clone(),
        clock: account.clone(),
    };
    let fan_out = FanOut {
        shard_size: setup.shard_size.and_then(NonZeroUsize::new).unwrap_or(FanOut::default().shard_size),
        workers: u32::try_from(setup.workers).ok().and_then(NonZeroU32::new),
    };
    let controller = Controller::new(ports, Settings { fan_out, ..Settings::default() });
    Handler::new(Recorded { controller, account: Arc::clone(account) }, account.clone())
}

/// A controller whose answers are noted.
struct Recorded {
    controller: Controller,
    account: Arc<Account>,
}

#[async_trait]
impl Control for Recorded {
    async fn handle(&self, trigger: &Trigger, deadline: Option<Timestamp>) -> Watch {
        let now = self.account.now();
        let tick = if let Trigger::Shard(Shard { tick: Some(tick), .. }) = trigger { *tick } else { now };
        let watch = self.controller.watch(trigger, deadline).await;
        let took = self.account.now().duration_since(tick).unsigned_abs();
        let minute = usize::try_from(tick.duration_since(START).as_secs() / 60).unwrap();
        self.account.report_of(minute, |report| {
            report.invocations += 1;
            report.handed_over += watch.answer.handed_over.len();
            report.sent.shards += watch.answer.sent.shards;
            report.sent.services += watch.answer.sent.services;
            report.took = report.took.max(took);
            report.decided.extend(watch.answer.decisions.iter().map(|decision| decision.service.clone()));
            report.errors.extend(watch.answer.errors.iter().map(|error| error.error.clone()));
        });
        watch
    }
}

/// What all invocations share.
struct Account {
    began: Instant,
    memories: MemoryStore,
    state: Mutex<State>,
    arrivals: Notify,
}

struct State {
    /// Desired counts, and the work that there is, in percents of a task.
    services: BTreeMap<ServiceId, (TaskCount, f64)>,
    buckets: BTreeMap<&'static str, Bucket>,
    queue: VecDeque<Message>,
    /// How many messages were ever sent.
    sent: usize,
    /// Messages whose next worker is ended, and those that arrive twice.
    deadly: BTreeSet<usize>,
    twice: BTreeSet<usize>,
    reports: Vec<Report>,
    updates: BTreeMap<ServiceId, Vec<TaskCount>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

#[derive(Clone)]
struct Message {
    id: usize,
    body: String,
    visible: Instant,
    expires: Instant,
}

impl Account {
    fn new(setup: &Setup) -> Self {
        let began = Instant::now();
        let service = |number: usize| {
            let cluster = format!("cluster-{:03}", number / SERVICES_PER_CLUSTER);
            let id = ServiceId::new(cluster, format!("service-{:04}", number % SERVICES_PER_CLUSTER));
            (id, (4, if number.is_multiple_of(setup.one_busy_of) { 360.0 } else { 232.0 }))
        };
        let numbers = |of: fn(&Mishap) -> Option<usize>| setup.mishaps.iter().filter_map(of).collect();
        let state = State {
            services: (0..setup.services).map(service).collect(),
            buckets: BUCKETS
                .iter()
                .map(|(name, burst, _)| (*name, Bucket { tokens: *burst, at: began }))
                .collect(),
            queue: VecDeque::new(),
            sent: 0,
            deadly: numbers(|mishap| if let Mishap::Dies(id) = mishap { Some(*id) } else { None }),
            twice: numbers(|mishap| if let Mishap::Twice(id) = mishap { Some(*id) } else { None }),
            reports: vec![Report::default(); setup.ticks],
            updates: BTreeMap::new(),
        };
        Self { began, memories: MemoryStore::default(), state: Mutex::new(state), arrivals: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn report_of(&self, minute: usize, change: impl FnOnce(&mut Report)) {
        if let Some(report) = self.state().reports.get_mut(minute) {
            change(report);
        }
    }

    fn report(&self, change: impl FnOnce(&mut Report)) {
        self.report_of(usize::try_from(self.began.elapsed().as_secs() / 60).unwrap(), change);
    }

    /// Makes a call: it takes its time, and a token where the account has one left.
    async fn call(&self, operation: &'static str) -> Result<(), PortError> {
        let limit = if operation == "ecs:ListServices" { "ecs:DescribeServices" } else { operation };
        let has_token = self.state().take_token(limit);
        self.report(|report| {
            *report.calls.entry(operation).or_default() += 1;
            report.throttled += usize::from(!has_token);
        });
        sleep(CALL).await;
        if has_token {
            Ok(())
        } else {
            Err(PortError::new(operation, PortErrorKind::Throttled, "Rate exceeded"))
        }
    }

    /// The next message, once there is one; it is hidden from others for a while.
    async fn receive(&self) -> Message {
        loop {
            let arrival = self.arrivals.notified();
            let now = Instant::now();
            let next = {
                let queue = &mut self.state().queue;
                queue.retain(|message| now < message.expires);
                if let Some(message) = queue.iter_mut().find(|message| message.visible <= now) {
                    message.visible = now + VISIBILITY;
                    return message.clone();
                }
                queue.iter().map(|message| message.visible).min()
            };
            match next {
                Some(next) => drop(tokio::time::timeout_at(next, arrival).await),
                None => arrival.await,
            }
        }
    }

    fn delete(&self, id: usize) {
        self.state().queue.retain(|message| message.id != id);
    }
}

impl State {
    fn take_token(&mut self, limit: &str) -> bool {
        let (Some(bucket), Some((_, burst, rate))) =
            (self.buckets.get_mut(limit), BUCKETS.iter().find(|(name, ..)| *name == limit))
        else {
            return true;
        };
        bucket.tokens = (bucket.tokens + bucket.at.elapsed().as_secs_f64() * rate).min(*burst);
        bucket.at = Instant::now();
        let has_token = 1.0 <= bucket.tokens;
        bucket.tokens -= f64::from(u8::from(has_token));
        has_token
    }
}

#[async_trait]
impl Shards for Account {
    async fn send(&self, shards: &[Shard]) -> Result<Vec<Result<(), PortError>>, PortError> {
        self.call("sqs:SendMessage").await?;
        let now = Instant::now();
        let mut state = self.state();
        for shard in shards {
            let message = |id| Message { id, body: shard.to_json(), visible: now, expires: now + RETENTION };
            let id = state.sent;
            state.sent += 1;
            state.queue.push_back(message(id));
            if state.twice.remove(&id) {
                state.queue.push_back(message(usize::MAX - id));
            }
        }
        drop(state);
        self.arrivals.notify_waiters();
        Ok(shards.iter().map(|_| Ok(())).collect())
    }
}

#[async_trait]
impl Ecs for Account {
    async fn list_clusters(&self) -> Result<Vec<String>, PortError> {
        self.call("ecs:ListClusters").await?;
        let clusters: BTreeSet<String> =
            self.state().services.keys().map(|id| id.cluster().to_owned()).collect();
        Ok(clusters.into_iter().collect())
    }

    /// Pages of a hundred.
    async fn list_services(&self, cluster: &str) -> Result<Vec<ServiceId>, PortError> {
        let first = ServiceId::new(cluster, "");
        let of_cluster = |(id, _): &(&ServiceId, _)| id.cluster() == cluster;
        let services: Vec<ServiceId> =
            self.state().services.range(first..).take_while(of_cluster).map(|(id, _)| id.clone()).collect();
        for _ in services.chunks(100) {
            self.call("ecs:ListServices").await?;
        }
        Ok(services)
    }

    async fn describe_services(
        &self,
        _cluster: &str,
        services: &[ServiceId],
    ) -> Result<BTreeMap<ServiceId, Result<ServiceStatus, PortError>>, PortError> {
        self.call("ecs:DescribeServices").await?;
        let state = self.state();
        let status =
            |id: &ServiceId| Some((id.clone(), Ok(ServiceStatus::steady(state.services.get(id)?.0))));
        Ok(services.iter().filter_map(status).collect())
    }

    async fn set_desired_count(&self, service: &ServiceId, desired: TaskCount) -> Result<(), PortError> {
        self.call("ecs:UpdateService").await?;
        let mut state = self.state();
        state.services.entry(service.clone()).and_modify(|(count, _)| *count = desired);
        state.updates.entry(service.clone()).or_default().push(desired);
        Ok(())
    }
}

#[async_trait]
impl CloudWatch for Account {
    async fn get_metric_data(
        &self,
        queries: &[MetricQuery],
        now: Timestamp,
    ) -> Result<Vec<Result<Vec<Point>, PortError>>, PortError> {
        self.call("cloudwatch:GetMetricData").await?;
        let state = self.state();
        let minute = now.as_second().div_euclid(60) * 60;
        let points = |query: &MetricQuery| {
            let MetricSource::Stat(stat) = &query.source else { return Vec::new() };
            let dimension = |name: &str| stat.dimensions.get(name).map(String::as_str).unwrap_or_default();
            let id = ServiceId::new(dimension("ClusterName"), dimension("ServiceName"));
            let Some((count, work)) = state.services.get(&id) else { return Vec::new() };
            let ages = (1..=i64::from(query.points)).rev();
            let value = work / f64::from(*count);
            ages.filter_map(|age| {
                Some(Point { start: Timestamp::from_second(minute - 60 * age).ok()?, value })
            })
            .collect()
        };
        Ok(queries.iter().map(|query| Ok(points(query))).collect())
    }

    async fn describe_alarms(&self, _: &[String]) -> Result<BTreeMap<String, AlarmDescription>, PortError> {
        self.call("cloudwatch:DescribeAlarms").await?;
        Ok(BTreeMap::new())
    }
}

#[async_trait]
impl Sqs for Account {
    async fn queue_depth(&self, _: &str) -> Result<QueueDepth, PortError> {
        self.call("sqs:GetQueueAttributes").await?;
        Ok(QueueDepth::default())
    }
}

#[async_trait]
impl StateStore for Account {
    async fn load(&self, services: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError> {
        self.call("dynamodb:BatchGetItem").await?;
        self.memories.load(services).await
    }

    async fn load_spent(&self) -> Result<Option<Versioned<Spent>>, PortError> {
        self.call("dynamodb:BatchGetItem").await?;
        self.memories.load_spent().await
    }

    async fn store_spent(&self, expected: Option<u64>, spent: &Spent) -> Result<(), StoreError> {
        self.call("dynamodb:PutItem").await?;
        self.memories.store_spent(expected, spent).await
    }

    async fn store(
        &self,
        service: &ServiceId,
        expected: Option<u64>,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        self.call("dynamodb:PutItem").await?;
        self.memories.store(service, expected, memory).await
    }
}

#[async_trait]
impl PolicySource for Account {
    fn place(&self) -> String {
        "trimtab.yaml".to_owned()
    }

    async fn fetch(&self, known: Option<&str>) -> Result<Fetched, PortError> {
        self.call("ssm:GetParameter").await?;
        Ok(match known {
            Some(_) => Fetched::NotModified,
            None => Fetched::Document { text: POLICY.to_owned(), version: "1".to_owned() },
        })
    }
}

#[async_trait]
impl Clock for Account {
    fn now(&self) -> Timestamp {
        START.saturating_add(self.began.elapsed()).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        sleep_until(Instant::now() + duration).await;
    }
}
