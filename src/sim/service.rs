//! A simulated ECS service: its tasks, its load, and what each step made of them.

use std::ops::Range;
use std::sync::Arc;

use super::http::{self, Http, Traffic};
use super::load::{Arrivals, Load};
use super::number::real;
use super::queue::{Queue, QueueWork, Workers};
use super::tasks::{StartTime, Tasks};
use super::{STEP_S, Seconds};
use crate::model::{ServiceId, ServiceStatus, TaskCount};

/// What a scenario says of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSpec {
    /// The service.
    pub id: ServiceId,
    /// What its tasks do.
    pub workload: Workload,
    /// The load over time; it must be there even where nothing arrives.
    pub load: Load,
    /// How far the load strays from its shape within a minute, as a share of it.
    pub burstiness: f64,
    /// The tasks that run when the world begins.
    pub initial: TaskCount,
    /// How long tasks take to start.
    pub start: StartTime,
    /// What a task reserves.
    pub size: TaskSize,
    /// What arrived in each minute before the world began, oldest first: CloudWatch still has it.
    pub history: Arc<[u32]>,
    /// When a deployment is in progress.
    pub deployments: Vec<Range<Seconds>>,
}

/// What a service's tasks do.
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// They serve requests behind a load balancer.
    Http(Http),
    /// They work off a queue.
    Queue(QueueWork),
    /// Nothing that is measured; they are wanted at certain times.
    Scheduled,
}

impl Workload {
    /// Requests or messages a second that a task can take.
    pub fn capacity_per_task(&self) -> f64 {
        match self {
            Self::Http(http) => http.capacity_per_task(),
            Self::Queue(work) => work.capacity_per_task(),
            Self::Scheduled => f64::INFINITY,
        }
    }
}

/// What a task reserves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaskSize {
    /// Processors.
    pub vcpu: f64,
    /// Memory, in gigabytes.
    pub memory_gb: f64,
    /// The kind of its processors.
    pub arch: Arch,
}

/// The kind of a task's processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arch {
    /// Intel and AMD.
    #[default]
    X86_64,
    /// Graviton.
    Arm64,
}

impl Default for TaskSize {
    fn default() -> Self {
        Self { vcpu: 0.5, memory_gb: 1.0, arch: Arch::X86_64 }
    }
}

/// What one step made of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// ECS's `desiredCount`.
    pub desired: TaskCount,
    /// ECS's `runningCount`.
    pub running: TaskCount,
    /// ECS's `pendingCount`.
    pub pending: TaskCount,
    /// Tasks that are paid.
    pub paid: TaskCount,
    /// Requests or messages that arrived.
    pub arrived: u32,
    /// Messages that were deleted.
    pub deleted: u64,
    /// Requests or messages for which the promise was broken.
    pub late: f64,
    /// Requests that gave up.
    pub timed_out: f64,
    /// Requests or messages that wait.
    pub backlog: f64,
    /// The age of the oldest message that waits, in seconds.
    pub oldest_age_s: Seconds,
    /// The share of the tasks' capacity that was used.
    pub busy: f64,
    /// The requests' way through the tasks.
    pub traffic: Traffic,
}

/// A service in the world.
#[derive(Clone, Debug)]
pub struct Service {
    spec: ServiceSpec,
    tasks: Tasks,
    arrivals: Arrivals,
    queue: Queue,
    backlog: f64,
    actions: u32,
    steps: Vec<Step>,
}

impl Service {
    /// The service at the beginning of the world.
    pub fn new(spec: ServiceSpec, seed: u64) -> Self {
        let arrivals = Arrivals::of(&spec, seed);
        Self::with_arrivals(spec, arrivals, seed)
    }

    /// The service with a constant count of tasks, under the arrivals that this one had so far.
    pub fn at_constant_count(&self, count: TaskCount) -> Self {
        let spec = ServiceSpec { initial: count, ..self.spec.clone() };
        let arrived: Vec<u32> = self.steps.iter().map(|step| step.arrived).collect();
        let mut constant = Self::with_arrivals(spec, Arrivals::recorded(arrived.into()), 0);
        for index in 0..self.steps.len() {
            constant.step(Seconds::try_from(index).unwrap_or(Seconds::MAX) * STEP_S);
        }
        constant
    }

    /// The service under arrivals that are drawn already.
    pub(super) fn with_arrivals(spec: ServiceSpec, arrivals: Arrivals, seed: u64) -> Self {
        let tasks = Tasks::new(spec.initial, spec.start, seed, &spec.id.to_string());
        let steps = Vec::with_capacity(arrivals.steps_to_come());
        Self { spec, tasks, arrivals, queue: Queue::default(), backlog: 0.0, actions: 0, steps }
    }

    /// What the scenario says of it.
    pub fn spec(&self) -> &ServiceSpec {
        &self.spec
    }

    /// Its queue; empty where it works off none.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// What every step so far made of it, oldest first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How often its desired count was changed.
    pub fn actions(&self) -> u32 {
        self.actions
    }

    /// The service as DescribeServices tells it.
    pub fn status(&self, now: Seconds) -> ServiceStatus {
        ServiceStatus {
            desired: self.tasks.desired(),
            running: self.tasks.running(),
            pending: self.tasks.pending(),
            deploying: self.spec.deployments.iter().any(|during| during.contains(&now)),
            scalable: true,
            protected: 0,
        }
    }

    /// UpdateService: takes effect at once.
    pub fn set_desired(&mut self, desired: TaskCount, now: Seconds) {
        if desired != self.tasks.desired() {
            self.actions += 1;
            self.tasks.set_desired(desired, now);
        }
    }

    /// Lets one step pass, from `now` on.
    pub fn step(&mut self, now: Seconds) {
        self.tasks.advance(now);
        let arrived = self.arrivals.step(now);
        let mut step = Step {
            desired: self.tasks.desired(),
            running: self.tasks.running(),
            pending: self.tasks.pending(),
            paid: self.tasks.paid(),
            arrived,
            ..Step::default()
        };
        match &self.spec.workload {
            Workload::Http(http) => {
                let served = http::serve(http, step.running, arrived, self.backlog);
                self.backlog = served.backlog;
                step.late = served.late;
                step.timed_out = served.timed_out;
                step.backlog = served.backlog;
                step.busy = served.busy;
                step.traffic = served.traffic;
            }
            Workload::Queue(work) => {
                let workers = Workers { running: step.running, draining: self.tasks.draining() };
                let done = self.queue.step(work, workers, arrived, now);
                step.deleted = done.deleted;
                step.late = real(done.late);
                step.busy = done.busy;
                step.backlog = real(self.queue.visible());
                step.oldest_age_s = self.queue.oldest().map_or(0, |sent_at| now + STEP_S - sent_at);
            }
            Workload::Scheduled => {}
        }
        self.steps.push(step);
    }
}
