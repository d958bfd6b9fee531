//! A past that policies are tried on: the closed loop of [`crate::sim::trial`] under the load that was.

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::recorded::{self, Recorded};
use super::{History, Interval, Learned, LoadUnit, PerTask, Tried, per_task};
use crate::model::capacity::{MOST_TASKS, tasks_rounded_down};
use crate::model::policy::PolicyKind;
use crate::model::{Metric, MetricSource, ScalableTarget};
use crate::sim::load::{InvalidTrace, Trace};
use crate::sim::service::TaskSize;
use crate::sim::simulate::{Capability, InvalidSimulation, Simulation, Work};
use crate::sim::tasks::StartTime;
use crate::sim::{ServiceSpec, Trial, Workload};

/// What the past does not tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assumptions {
    /// What a task can take, in requests or messages a second, where it is given and not to be learned.
    pub per_task: Option<f64>,
    /// The share of requests or messages that must keep their promise, in per cent, where it is not to be the policies'.
    pub promise_percent: Option<f64>,
    /// How long tasks take to start.
    pub task_start: StartTime,
    /// What a task reserves.
    pub size: TaskSize,
    /// The promise of a request, in seconds, where it is not to be the policies'.
    pub latency_s: Option<f64>,
    /// The promise of a message, in seconds, where it is not to be the policies'.
    pub start_within_s: Option<u32>,
}

/// Why a past cannot be replayed.
#[derive(Debug, Error)]
pub enum CannotReplay {
    /// No policy of a service follows anything that the past tells.
    #[error("the history of {service} tells nothing that its policies follow: {}", .left_out.join("; "))]
    NothingFollowed {
        /// The service.
        service: String,
        /// The policies and why each is left out.
        left_out: Vec<String>,
    },
    /// The load is no trace.
    #[error(transparent)]
    Trace(#[from] InvalidTrace),
    /// The simulation cannot be.
    #[error(transparent)]
    Simulation(#[from] InvalidSimulation),
}

/// A target as far as the past tells what it follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayable {
    /// The target.
    pub target: ScalableTarget,
    /// What was taken out of it, and why.
    pub left_out: Vec<String>,
}

/// A service's past with all that it takes to try policies on it.
#[derive(Clone, Debug)]
pub struct Replay {
    unit: LoadUnit,
    per_task: PerTask,
    assumptions: Assumptions,
    /// All policies that are tried, which name the things around the service and make its promise.
    names: ScalableTarget,
}

impl Replay {
    /// Prepares to try targets on a past. All of them are of one service; a promise is the last one that makes one.
    pub fn new(history: &History, targets: &[&ScalableTarget], assumptions: Assumptions) -> Option<Self> {
        let (first, others) = targets.split_first()?;
        let mut names = (*first).clone();
        names.policies.extend(others.iter().flat_map(|target| target.policies.clone()));
        names.capacity = names.capacity.overlaid(Some(0), Some(MOST_TASKS)); // each target keeps its own bounds
        let unit = history.unit.unwrap_or_else(|| unit_of(&names));
        let per_task = match assumptions.per_task {
            Some(rate) => PerTask { rate, learned: Learned::Given },
            None => per_task(history, unit, assumed(unit)),
        };
        Some(Self { unit, per_task, assumptions, names })
    }

    /// What the load is counted in.
    pub fn unit(&self) -> LoadUnit {
        self.unit
    }

    /// What a task can take, and how that is known.
    pub fn per_task(&self) -> PerTask {
        self.per_task
    }

    /// A target without what the past does not tell. A policy that can see nothing would forbid every scale-in.
    ///
    /// # Errors
    /// [`CannotReplay::NothingFollowed`] where nothing of its policies is left.
    pub fn replayable(&self, target: &ScalableTarget) -> Result<Replayable, CannotReplay> {
        let mut replayable = Replayable { target: target.clone(), left_out: Vec::new() };
        replayable.target.policies.clear();
        for policy in &target.policies {
            match self.unknown(&policy.kind) {
                Some(why) => replayable.left_out.push(format!("{} is left out: {why}", policy.name)),
                None => replayable.target.policies.push(policy.clone()),
            }
        }
        for policy in &mut replayable.target.policies {
            if let PolicyKind::Queue(queue) = &mut policy.kind {
                queue.queues.truncate(1); // the replay has one queue, into which all messages are sent
            }
        }
        if replayable.target.policies.is_empty() && !target.policies.is_empty() {
            let service = target.service.to_string();
            return Err(CannotReplay::NothingFollowed { service, left_out: replayable.left_out });
        }
        Ok(replayable)
    }

    fn unknown(&self, kind: &PolicyKind) -> Option<&'static str> {
        match kind {
            PolicyKind::StepScaling(_) => Some("the history does not tell when its alarm breached"),
            PolicyKind::Queue(_) if self.unit != LoadUnit::Messages => Some("the history is of no queue"),
            PolicyKind::ServiceLevel(_) if self.unit != LoadUnit::Requests => {
                Some("the history is of no requests")
            }
            PolicyKind::TargetTracking(policy) => self.unknown_metric(&policy.metric),
            PolicyKind::Queue(_) | PolicyKind::ServiceLevel(_) => None,
        }
    }

    fn unknown_metric(&self, metric: &Metric) -> Option<&'static str> {
        let MetricSource::Stat(stat) = &metric.source else { return Some("the replay has no metric math") };
        match (stat.namespace.as_str(), stat.name.as_str()) {
            ("AWS/ECS", "CPUUtilization") => None,
            ("AWS/ECS", _) => Some("the history does not tell what memory its load takes"),
            ("AWS/ApplicationELB", _) if self.unit == LoadUnit::Requests => None,
            ("AWS/SQS", _) if self.unit == LoadUnit::Messages => None,
            _ => Some("the history does not tell its metric"),
        }
    }

    /// A part of a past as a trial; what was `before` is what CloudWatch still has at its beginning.
    ///
    /// # Errors
    /// [`CannotReplay`] where the load cannot be simulated.
    pub fn trial(&self, before: Option<&History>, lived: &History, seed: u64) -> Result<Trial, CannotReplay> {
        let scale = match self.unit {
            LoadUnit::Work => Work::HTTP.capability().per_second(),
            LoadUnit::Requests | LoadUnit::Messages => 1.0,
        };
        let simulation = Simulation {
            policy: String::new(),
            place: String::new(),
            target: self.names.clone(),
            trace: trace(lived, scale)?,
            days: None,
            tasks: None,
            work: self.work(),
            start: whole_minute(lived.start().unwrap_or_default()),
            seed,
            tick_s: 60,
            task_start: self.assumptions.task_start,
            size: self.assumptions.size,
        };
        let trial = simulation.trial()?;
        let mut spec = trial.spec().clone();
        if let Some(count) = recorded::counts(lived).first().copied() {
            spec.initial = count;
        }
        if let Some(before) = before.filter(|before| 1 < before.intervals.len()) {
            spec.history = trace(before, scale)?.minutes(seed, &spec.id.to_string()).into();
        }
        match &mut spec.workload {
            Workload::Http(http) => {
                http.percent = self.assumptions.promise_percent.unwrap_or(http.percent);
                http.latency_s = self.assumptions.latency_s.unwrap_or(http.latency_s);
            }
            Workload::Queue(work) => {
                work.percent = self.assumptions.promise_percent.unwrap_or(work.percent);
                work.start_within_s = self.assumptions.start_within_s.unwrap_or(work.start_within_s);
            }
            Workload::Scheduled => {}
        }
        Ok(Trial::new(spec, self.names.capacity, trial.duration_s(), simulation.start, seed))
    }

    /// What comes of the counts that really ran, under the same load; none where the past does not tell them. Its tasks
    /// begin to start just so long before they ran as half of all tasks take.
    ///
    /// # Errors
    /// [`CannotReplay`] where the load cannot be simulated.
    pub fn happened(&self, lived: &History, seeds: &[u64]) -> Result<Option<Tried>, CannotReplay> {
        let Some(recorded) = Recorded::of(lived, self.assumptions.task_start) else { return Ok(None) };
        let of_seed = |seed: &u64| {
            let trial = self.trial(None, lived, *seed)?;
            let spec = ServiceSpec { start: recorded.start_time(), ..trial.spec().clone() };
            let trial = Trial::new(spec, trial.capacity(), trial.duration_s(), trial.timestamp(0), *seed);
            Ok(Tried::once(trial.outcome(&mut recorded.clone())))
        };
        let each = seeds.iter().map(of_seed).collect::<Result<Vec<_>, CannotReplay>>()?;
        Ok(each.into_iter().reduce(Tried::and))
    }

    /// A task that is busy all the time with what it can take. Requests are served some at once, so that each takes some
    /// 200 ms, messages one after the other.
    fn work(&self) -> Work {
        const REQUEST_S: f64 = 0.2;
        let rate = self.per_task.rate;
        match self.unit {
            LoadUnit::Work => Work::HTTP,
            LoadUnit::Requests => {
                let concurrency = tasks_rounded_down(rate * REQUEST_S + 0.5).max(1);
                Work::Http(Capability { concurrency, service_time_s: f64::from(concurrency) / rate })
            }
            LoadUnit::Messages => Work::Queue(Capability { concurrency: 1, service_time_s: 1.0 / rate }),
        }
    }
}

/// The load as a trace, in requests or messages a second.
fn trace(history: &History, scale: f64) -> Result<Trace, InvalidTrace> {
    let row = |interval: &Interval| format!("{},{}\n", interval.start.as_second(), interval.rate * scale);
    let rows: String = history.intervals.iter().map(row).collect();
    Trace::parse("the history", &format!("t,rate\n{rows}"))
}

fn whole_minute(time: Timestamp) -> Timestamp {
    let into = SignedDuration::from_secs(time.as_second().rem_euclid(60));
    time.saturating_sub(into).unwrap_or(time)
}

fn unit_of(target: &ScalableTarget) -> LoadUnit {
    let is_queue = |kind: &PolicyKind| matches!(kind, PolicyKind::Queue(_));
    if target.policies.iter().any(|policy| is_queue(&policy.kind)) {
        LoadUnit::Messages
    } else {
        LoadUnit::Requests
    }
}

/// What a task takes where the past does not tell it, in requests or messages a second: the simulator's tasks.
fn assumed(unit: LoadUnit) -> f64 {
    match unit {
        LoadUnit::Requests | LoadUnit::Work => Work::HTTP.capability().per_second(),
        LoadUnit::Messages => Work::QUEUE.capability().per_second(),
    }
}
