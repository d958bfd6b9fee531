//! A closed loop that any scaler can steer: one service under one load, the same for each scaler that is tried on it.
//!
//! The service is the world's own, but nothing stands between it and the scaler: no ports, no controller, no async. A
//! day passes in milliseconds, so that a scaler can be tried with many settings and on many loads.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::load::Arrivals;
use super::metrics;
use super::score::{Cost, PromiseScore};
use super::service::{Service, ServiceSpec, Step, Workload};
use super::{STEP_S, Seconds};
use crate::model::{Capacity, QueueDepth, ServiceStatus, TaskCount};

/// How long after its end CloudWatch shows a minute, in seconds. It may take twice as long; scalers that see it sooner
/// are the harder ones to beat.
pub const METRIC_DELAY_S: Seconds = 60;
/// How long after their end CloudWatch shows the twenty seconds of a high-resolution metric, in seconds. With three of
/// them over its target that makes the 86 s until Application Auto Scaling acts which AWS measured for it.
pub const HIGH_RESOLUTION_DELAY_S: Seconds = 20;
/// The length of a high-resolution period, in seconds.
pub const HIGH_RESOLUTION_S: Seconds = 20;

/// What sets the desired count of a service.
pub trait Scaler {
    /// The time between two looks, in seconds.
    fn look_every(&self) -> Seconds;

    /// Looks at the service, and tells the desired count where it asks for one. The trial brings it into the bounds.
    fn look(&mut self, view: &View<'_>) -> Option<TaskCount>;

    /// The count that it begins with, where that is not the trial's.
    fn initial(&self) -> Option<TaskCount> {
        None
    }
}

/// One service under one load.
#[derive(Clone, Debug)]
pub struct Trial {
    spec: ServiceSpec,
    capacity: Capacity,
    arrivals: Arc<[u32]>,
    start: Timestamp,
    seed: u64,
}

impl Trial {
    /// A service under its load for some time from `start` on, a whole minute. All that is random comes from the seed:
    /// the arrivals are the same for every scaler, and those that a [`super::World`] of the same seed draws.
    pub fn new(
        spec: ServiceSpec,
        capacity: Capacity,
        duration_s: Seconds,
        start: Timestamp,
        seed: u64,
    ) -> Self {
        let mut drawn = Arrivals::of(&spec, seed);
        let arrivals = (0..duration_s / STEP_S).map(|step| drawn.step(step * STEP_S)).collect();
        Self { spec, capacity, arrivals, start, seed }
    }

    /// What is tried.
    pub fn spec(&self) -> &ServiceSpec {
        &self.spec
    }

    /// The bounds of the desired count.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// The arrivals of each step.
    pub fn arrivals(&self) -> &[u32] {
        &self.arrivals
    }

    /// How long it lasts, in seconds.
    pub fn duration_s(&self) -> Seconds {
        Seconds::try_from(self.arrivals.len()).unwrap_or(Seconds::MAX) * STEP_S
    }

    /// The time of a moment, in seconds since the trial's first one.
    pub fn timestamp(&self, at: i64) -> Timestamp {
        self.start.saturating_add(SignedDuration::from_secs(at)).unwrap_or(self.start)
    }

    /// Lets a scaler steer the service from the beginning to the end, and gives the service with all that it went through.
    pub fn run(&self, scaler: &mut dyn Scaler) -> Service {
        let arrivals = Arrivals::recorded(Arc::clone(&self.arrivals));
        let initial = self.capacity.clamp(scaler.initial().unwrap_or(self.spec.initial));
        let mut service =
            Service::with_arrivals(ServiceSpec { initial, ..self.spec.clone() }, arrivals, self.seed);
        let every = scaler.look_every().max(STEP_S);
        for now in (0..self.duration_s()).step_by(STEP_S as usize) {
            if now.is_multiple_of(every)
                && let Some(count) = scaler.look(&View { trial: self, service: &service, now })
            {
                service.set_desired(self.capacity.clamp(count), now);
            }
            service.step(now);
        }
        service
    }

    /// What comes of a scaler.
    pub fn outcome(&self, scaler: &mut dyn Scaler) -> Outcome {
        Outcome::of(&self.run(scaler))
    }
}

/// What a scaler can see of the service at a moment. Each scaler takes what its own home shows: ECS's counts and a queue's
/// depth at once, CloudWatch's metrics late.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    trial: &'a Trial,
    service: &'a Service,
    now: Seconds,
}

impl<'a> View<'a> {
    /// The seconds since the trial began.
    pub fn now(&self) -> Seconds {
        self.now
    }

    /// The trial.
    pub fn trial(&self) -> &'a Trial {
        self.trial
    }

    /// The service itself. What it holds of the last moments CloudWatch does not show yet.
    pub fn service(&self) -> &'a Service {
        self.service
    }

    /// The service as DescribeServices tells it.
    pub fn status(&self) -> ServiceStatus {
        self.service.status(self.now)
    }

    /// The queue's depth as GetQueueAttributes tells it, where there is a queue.
    pub fn depth(&self) -> Option<QueueDepth> {
        match self.service.spec().workload {
            Workload::Queue(_) => Some(self.service.queue().depth(self.now)),
            Workload::Http(_) | Workload::Scheduled => None,
        }
    }

    /// The steps of the last `seconds` before `delay_s` ago; none where there were not that many.
    pub fn recent(&self, seconds: Seconds, delay_s: Seconds) -> Option<&'a [Step]> {
        metrics::steps_of(self.service, self.now.checked_sub(delay_s + seconds)?, seconds)
    }
}

/// The periods of a metric as CloudWatch shows them, from look to look.
#[derive(Clone, Copy, Debug)]
pub struct Periods {
    length_s: Seconds,
    delay_s: Seconds,
    next: Seconds,
}

impl Periods {
    /// Minutes.
    pub fn minutes() -> Self {
        Self { length_s: 60, delay_s: METRIC_DELAY_S, next: 0 }
    }

    /// Periods of high resolution.
    pub fn high_resolution() -> Self {
        Self { length_s: HIGH_RESOLUTION_S, delay_s: HIGH_RESOLUTION_DELAY_S, next: 0 }
    }

    /// The length of a period, in seconds.
    pub fn length_s(&self) -> Seconds {
        self.length_s
    }

    /// The steps of the next period, if it is visible by now.
    pub fn next<'a>(&mut self, view: &View<'a>) -> Option<&'a [Step]> {
        let end = self.next + self.length_s;
        if view.now() < end + self.delay_s {
            return None;
        }
        let steps = metrics::steps_of(view.service(), self.next, self.length_s);
        self.next = end;
        steps
    }
}

/// The mean utilisation of the tasks over steps, in per cent; none where no task ran.
pub fn utilization(steps: &[Step]) -> Option<f64> {
    metrics::mean_over_tasks(steps, |step| 100.0 * step.busy)
}

/// What came of a scaler.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The promise, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<PromiseScore>,
    /// What was paid.
    pub cost: Cost,
    /// How often the desired count was changed.
    pub actions: u32,
    /// The most tasks that ran at a time.
    pub peak_tasks: TaskCount,
}

impl Outcome {
    /// What came of the scaler that steered a service.
    pub fn of(service: &Service) -> Self {
        let paid: u64 = service.steps().iter().map(|step| u64::from(step.paid)).sum();
        Self {
            promise: PromiseScore::of(service),
            cost: Cost::of(paid, service.spec().size),
            actions: service.actions(),
            peak_tasks: service.steps().iter().map(|step| step.running).max().unwrap_or(0),
        }
    }

    /// Whether the promise was kept; what promises nothing breaks nothing.
    pub fn kept(&self) -> bool {
        self.promise.as_ref().is_none_or(|promise| promise.kept)
    }

    /// The share of requests or messages for which the promise was broken, in per cent.
    pub fn late_percent(&self) -> f64 {
        self.promise.as_ref().map_or(0.0, |promise| 100.0 - promise.kept_percent)
    }
}
