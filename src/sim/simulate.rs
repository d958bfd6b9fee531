//! A closed loop on a load trace: one service of a policy file in the embedded cloud.

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

use super::Seconds;
use super::http::Http;
use super::load::{Load, Trace};
use super::metrics::MetricDelay;
use super::number::whole;
use super::queue::QueueWork;
use super::run::{At, Run, Scenario, Timeline, run};
use super::score::Score;
use super::service::{ServiceSpec, TaskSize, Workload};
use super::tasks::StartTime;
use super::trial::{METRIC_DELAY_S, Trial};
use super::world::WorldSpec;
use crate::control::answer::AnswerError;
use crate::model::capacity::MOST_TASKS;
use crate::model::metric::MetricSource;
use crate::model::policy::{PolicyKind, QueueGoal};
use crate::model::{Metric, ScalableTarget, TaskCount};

/// The share of messages that must start within their promise, which a policy file does not say, in per cent.
const QUEUE_PERCENT: f64 = 99.9;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The policy file's text.
    pub policy: String,
    /// The policy file's name, for messages.
    pub place: String,
    /// The service's target under that policy: its names of load balancers and queues, and its promise, are taken over.
    pub target: ScalableTarget,
    /// The load.
    pub trace: Trace,
    /// The days of it that are simulated, with those before them as history; all of it where not given.
    pub days: Option<f64>,
    /// How many tasks it is to need at its mean, were they always busy; as it is where not given.
    pub tasks: Option<f64>,
    /// What a task does with it.
    pub work: Work,
    /// The first moment: a whole minute.
    pub start: Timestamp,
    /// Where all random numbers come from.
    pub seed: u64,
    /// The time between two ticks, in seconds.
    pub tick_s: Seconds,
    /// How long tasks take to start.
    pub task_start: StartTime,
    /// What a task reserves.
    pub size: TaskSize,
}

/// What a task does with the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// It serves requests.
    Http(Capability),
    /// It works off messages.
    Queue(Capability),
}

/// How much a task can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capability {
    /// Requests or messages that it works on at once.
    pub concurrency: u32,
    /// The time that each takes, in seconds.
    pub service_time_s: f64,
}

impl Work {
    /// 4 requests at once of 200 ms each: 20 a second.
    pub const HTTP: Self = Self::Http(Capability { concurrency: 4, service_time_s: 0.2 });
    /// One message after the other of 500 ms each: 2 a second.
    pub const QUEUE: Self = Self::Queue(Capability { concurrency: 1, service_time_s: 0.5 });

    /// How much a task can do.
    pub fn capability(self) -> Capability {
        match self {
            Self::Http(capability) | Self::Queue(capability) => capability,
        }
    }
}

impl Capability {
    /// Requests or messages a second.
    pub fn per_second(self) -> f64 {
        f64::from(self.concurrency) / self.service_time_s
    }
}

/// A simulation that cannot be run.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum InvalidSimulation {
    /// A task that can do nothing.
    #[error("a task must work on one request or message at least, and each must take longer than 0 s")]
    Capability,
    /// A trace that does not fit into virtual time.
    #[error("the trace is longer than 10 years")]
    TraceTooLong,
    /// More load than any service has tasks for.
    #[error("the load needs {0:.0} tasks at its peak; no service has more than {MOST_TASKS}")]
    TooMuch(f64),
    /// Times that no task can take to start.
    #[error(
        "the time that tasks take to start must be above 0 s, and its 95th percentile not below its median"
    )]
    Start,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Simulated {
    /// The service, minute by minute.
    pub timeline: Timeline,
    /// What it was worth.
    pub score: Score,
    /// What went wrong.
    pub errors: Vec<At<AnswerError>>,
    /// The run itself.
    #[serde(skip)]
    pub run: Run,
}

impl Simulation {
    /// The load that is lived through, and the one before it, both as large as they are to be.
    fn loads(&self) -> (Option<Trace>, Trace) {
        let (before, lived) = match self.days {
            Some(days) => self.trace.split(days),
            None => (None, self.trace.clone()),
        };
        let mean = lived.mean();
        let factor = match self.tasks {
            Some(tasks) if 0.0 < mean => tasks * self.work.capability().per_second() / mean,
            Some(_) | None => 1.0,
        };
        (before.map(|before| before.scaled(factor)), lived.scaled(factor))
    }

    fn check(&self) -> Result<(), InvalidSimulation> {
        const LONGEST_S: f64 = 10.0 * 366.0 * 86_400.0;
        let Capability { concurrency, service_time_s } = self.work.capability();
        if concurrency == 0 || service_time_s.is_nan() || service_time_s <= 0.0 {
            return Err(InvalidSimulation::Capability);
        }
        let StartTime { median_s, p95_s } = self.task_start;
        if !(0.0 < median_s && median_s <= p95_s && p95_s.is_finite()) {
            return Err(InvalidSimulation::Start);
        }
        if LONGEST_S < self.trace.duration_s() {
            return Err(InvalidSimulation::TraceTooLong);
        }
        let (_, lived) = self.loads();
        let peak_tasks = lived.peak() / self.work.capability().per_second();
        if peak_tasks.is_nan() || f64::from(MOST_TASKS) < peak_tasks {
            return Err(InvalidSimulation::TooMuch(peak_tasks));
        }
        Ok(())
    }

    /// The service under its load in a closed loop, for the engine and for its peers.
    ///
    /// # Errors
    /// [`InvalidSimulation`] where it cannot be run.
    pub fn trial(&self) -> Result<Trial, InvalidSimulation> {
        self.check()?;
        let (before, lived) = self.loads();
        let duration_s = whole(lived.duration_s());
        let spec = service(self, before.as_ref(), lived);
        Ok(Trial::new(spec, self.target.capacity, duration_s, self.start, self.seed))
    }
}

/// Runs the simulation under the controller.
///
/// # Errors
/// [`InvalidSimulation`] where a task can do nothing, or the trace is too long.
pub fn simulate(simulation: &Simulation) -> Result<Simulated, InvalidSimulation> {
    simulation.check()?;
    let (before, lived) = simulation.loads();
    let duration_s = whole(lived.duration_s());
    let spec = service(simulation, before.as_ref(), lived);
    let scenario = Scenario {
        world: WorldSpec {
            seed: simulation.seed,
            start: simulation.start,
            metric_delay: MetricDelay::always(METRIC_DELAY_S),
            services: vec![spec.clone()],
            ..WorldSpec::default()
        },
        duration_s,
        tick_s: simulation.tick_s,
        policy: simulation.policy.clone(),
        place: simulation.place.clone(),
    };
    let mut run = run(&scenario);
    let mut errors = std::mem::take(&mut run.errors);
    // The other services of the policy file are not there.
    errors.retain(|at| at.what.service.as_ref().is_none_or(|service| *service == spec.id));
    let service = run.world.service(&spec.id).cloned();
    let service = service.unwrap_or_else(|| super::service::Service::new(spec, simulation.seed));
    let score = Score::of(&service);
    Ok(Simulated { timeline: Timeline::of(&service), score, errors, run })
}

fn service(simulation: &Simulation, before: Option<&Trace>, lived: Trace) -> ServiceSpec {
    let load = Load::Trace(lived);
    let id = simulation.target.service.clone();
    let history = before.map(|before| before.minutes(simulation.seed, &id.to_string())).unwrap_or_default();
    let names = Names::of(&simulation.target);
    let capability = simulation.work.capability();
    let workload = match simulation.work {
        Work::Http(Capability { concurrency, service_time_s }) => Workload::Http(Http {
            load_balancer: names.load_balancer,
            target_group: names.target_group,
            concurrency,
            service_time_s,
            timeout_s: 10.0,
            latency_s: names.latency_s.unwrap_or(service_time_s * 1.5),
            percent: names.percent.unwrap_or(99.0),
        }),
        Work::Queue(Capability { concurrency, service_time_s }) => Workload::Queue(QueueWork {
            queue: names.queue,
            concurrency,
            service_time_s,
            visibility_timeout_s: whole((6.0 * service_time_s).ceil().max(30.0)),
            start_within_s: names.start_within_s.unwrap_or(180),
            percent: QUEUE_PERCENT,
        }),
    };
    ServiceSpec {
        id,
        workload,
        initial: initial(&load, capability, &simulation.target),
        load,
        burstiness: 0.08,
        start: simulation.task_start,
        size: simulation.size,
        history: history.into(),
        deployments: Vec::new(),
    }
}

/// The run begins with the tasks that its first load needs at 60 per cent of their capacity.
fn initial(load: &Load, capability: Capability, target: &ScalableTarget) -> TaskCount {
    const COMFORTABLE: f64 = 0.6;
    let busy = load.rate_at(0.0) / capability.per_second();
    target.capacity.clamp(whole((busy / COMFORTABLE).ceil()))
}

/// What a target's policies call the things around the service, and what they promise.
#[derive(Debug, Default)]
struct Names {
    load_balancer: String,
    target_group: String,
    queue: String,
    latency_s: Option<f64>,
    percent: Option<f64>,
    start_within_s: Option<Seconds>,
}

impl Names {
    fn of(target: &ScalableTarget) -> Self {
        let mut names = Self::default();
        for policy in &target.policies {
            policy.metrics().into_iter().for_each(|metric| names.take_load_balancer(metric));
            match &policy.kind {
                PolicyKind::Queue(queue) => {
                    names.queue = queue.queues.first().map(|queue| queue.name.clone()).unwrap_or_default();
                    if let QueueGoal::StartWithin(within) = queue.goal {
                        names.start_within_s = Seconds::try_from(within.as_secs()).ok();
                    }
                }
                PolicyKind::ServiceLevel(level) => {
                    names.latency_s = Some(level.latency.as_secs_f64());
                    names.percent = Some(level.percent);
                }
                PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) => {}
            }
        }
        names
    }

    fn take_load_balancer(&mut self, metric: &Metric) {
        let MetricSource::Stat(stat) = &metric.source else { return };
        if let Some(name) = stat.dimensions.get("LoadBalancer") {
            self.load_balancer.clone_from(name);
        }
        if let Some(name) = stat.dimensions.get("TargetGroup") {
            self.target_group.clone_from(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::metric::MetricStat;
    use crate::model::policy::{Behavior, ScalingPolicy, ServiceLevel};
    use crate::model::target::{
        AasRegistered, Combine, DuringDeployment, LOOK_AT_LEAST_EVERY, Mode, OnMissingMetrics,
    };
    use crate::model::{Capacity, ServiceId};

    fn metric(name: &str, stat: &str) -> Metric {
        let dimensions = [("LoadBalancer", "app/web/1"), ("TargetGroup", "targetgroup/web/1")];
        Metric {
            key: name.into(),
            source: MetricSource::Stat(MetricStat::new("AWS/ApplicationELB", name, dimensions, stat)),
            period: Duration::from_mins(1),
            offset: Duration::ZERO,
            exists_without_tasks: true,
        }
    }

    fn target() -> ScalableTarget {
        let level = ServiceLevel {
            requests: metric("RequestCount", "Sum"),
            within: metric("TargetResponseTime", "PR(:0.4)"),
            utilization: metric("CPUUtilization", "Average"),
            latency: Duration::from_millis(400),
            percent: 99.5,
        };
        ScalableTarget {
            service: ServiceId::new("prod", "web"),
            mode: Mode::Active,
            capacity: Capacity::new(2, 40).unwrap(),
            policies: vec![ScalingPolicy {
                name: "service_level".into(),
                kind: PolicyKind::ServiceLevel(level),
                on_missing_metrics: None,
            }],
            combine: Combine::Max,
            predictive: None,
            schedules: Vec::new(),
            windows: Vec::new(),
            warm_up: Duration::ZERO,
            look_at_least_every: LOOK_AT_LEAST_EVERY,
            behavior: Behavior::default(),
            on_missing_metrics: OnMissingMetrics::Hold,
            during_deployment: DuringDeployment::NoScaleIn,
            aas: AasRegistered::Refuse,
        }
    }

    fn simulation(work: Work) -> Simulation {
        Simulation {
            policy: String::new(),
            place: "trimtab.yaml".to_owned(),
            target: target(),
            trace: Trace::parse("a trace", "t,rate\n0,60\n1800,60\n").unwrap(),
            work,
            start: Timestamp::UNIX_EPOCH,
            seed: 1,
            tick_s: 60,
            days: None,
            tasks: None,
            task_start: StartTime::default(),
            size: TaskSize::default(),
        }
    }

    fn spec(simulation: &Simulation) -> ServiceSpec {
        simulation.trial().unwrap().spec().clone()
    }

    #[test]
    fn the_run_lasts_as_long_as_the_trace_and_starts_with_tasks_for_its_load() {
        let simulated = simulate(&simulation(Work::HTTP)).unwrap();
        assert_eq!(simulated.timeline.samples.len(), 60);
        assert_eq!(simulated.timeline.samples[0].running, 5, "60 a second of 20 a task at 60 per cent");
    }

    #[test]
    fn names_and_the_promise_are_the_policys() {
        let spec = spec(&simulation(Work::HTTP));
        let Workload::Http(http) = spec.workload else { panic!("{spec:?}") };
        assert_eq!(
            (http.load_balancer.as_str(), http.target_group.as_str()),
            ("app/web/1", "targetgroup/web/1")
        );
        assert_eq!((http.latency_s, http.percent), (0.4, 99.5));
    }

    #[test]
    fn the_days_before_are_history_and_the_load_is_as_large_as_asked() {
        let hours: String =
            (0..96).fold("t,rate\n".to_owned(), |text, hour| format!("{text}{},7\n", hour * 3600));
        let trace = Trace::parse("a trace", &hours).unwrap();
        let asked = Simulation { trace, days: Some(1.0), tasks: Some(5.0), ..simulation(Work::HTTP) };
        let trial = asked.trial().unwrap();
        assert_eq!((trial.duration_s(), trial.spec().history.len()), (86_400, 3 * 1440));
        let mean = |counts: &[u32], seconds: f64| {
            counts.iter().map(|count| f64::from(*count)).sum::<f64>()
                / crate::sim::number::real(counts.len() as u64)
                / seconds
        };
        let (before, lived) = (mean(&trial.spec().history, 60.0), mean(trial.arrivals(), 5.0));
        assert!((before - 100.0).abs() < 1.0 && (lived - 100.0).abs() < 1.0, "{before}, {lived}");
    }

    #[test]
    fn more_load_than_any_service_takes_and_starts_out_of_order_are_refused() {
        let tasks = Simulation { tasks: Some(1e9), ..simulation(Work::HTTP) };
        assert_eq!(tasks.trial().unwrap_err(), InvalidSimulation::TooMuch(1e9));
        let task_start = StartTime { median_s: 60.0, p95_s: 30.0 };
        let start = Simulation { task_start, ..simulation(Work::HTTP) };
        assert_eq!(start.trial().unwrap_err(), InvalidSimulation::Start);
    }

    #[test]
    fn a_task_that_can_do_nothing_is_refused() {
        for (concurrency, service_time_s) in [(0, 0.2), (4, 0.0), (4, -1.0), (4, f64::NAN)] {
            let work = Work::Http(Capability { concurrency, service_time_s });
            assert_eq!(simulate(&simulation(work)).unwrap_err(), InvalidSimulation::Capability);
        }
    }
}
