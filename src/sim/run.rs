//! A run: the world moves on, and the controller looks at every tick and whenever an alarm changes its state.

use std::sync::Arc;

use futures::executor::block_on;
use jiff::SignedDuration;
use serde::Serialize;

use super::cloud::{SimClock, SimCloud, TextPolicy};
use super::number::real;
use super::service::{Service, Step, Workload};
use super::world::{World, WorldSpec};
use super::{STEP_S, Seconds};
use crate::control::answer::{Answer, AnswerError, ServiceDecision};
use crate::control::memory_store::MemoryStore;
use crate::control::trigger::Trigger;
use crate::control::{Controller, Ports, Settings};
use crate::model::{ServiceId, TaskCount};

/// A world, and a policy to steer it by.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What the world begins with.
    pub world: WorldSpec,
    /// How long the run lasts, in seconds.
    pub duration_s: Seconds,
    /// The time between two ticks, in seconds.
    pub tick_s: Seconds,
    /// The policy file's text.
    pub policy: String,
    /// The policy file's name, for messages.
    pub place: String,
}

/// What a run left behind.
#[derive(Clone, Debug)]
pub struct Run {
    /// The world at its end, with all that happened in it.
    pub world: World,
    /// Every decision, in order of time.
    pub decisions: Vec<At<ServiceDecision>>,
    /// Every error, in order of time.
    pub errors: Vec<At<AnswerError>>,
}

/// Something and when it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct At<T> {
    /// When, in seconds since the world began.
    pub t: Seconds,
    /// What.
    #[serde(flatten)]
    pub what: T,
}

/// Runs a scenario under the controller.
pub fn run(scenario: &Scenario) -> Run {
    run_with(scenario, Settings::default())
}

/// Runs a scenario under the controller with settings of the function. Looks inside the minute take their time in the world.
pub fn run_with(scenario: &Scenario, settings: Settings) -> Run {
    let cloud = SimCloud::new(World::new(scenario.world.clone()));
    let controller = Controller::new(
        Ports {
            ecs: Arc::new(cloud.clone()),
            cloudwatch: Arc::new(cloud.clone()),
            sqs: Arc::new(cloud.clone()),
            states: Arc::new(MemoryStore::default()),
            shards: None,
            policy: Arc::new(TextPolicy::new(&scenario.place, &scenario.policy)),
            clock: Arc::new(SimClock::new(cloud.clone())),
        },
        settings,
    );
    let tick = SignedDuration::from_secs(i64::from(scenario.tick_s));
    drive(&cloud, scenario.duration_s, scenario.tick_s, |trigger| {
        let deadline = cloud.with(|world| world.now()).saturating_add(tick).ok();
        block_on(controller.watch(trigger, deadline)).answer
    })
}

/// Lets time pass in a cloud, and hands every trigger to whoever steers it.
pub fn drive(
    cloud: &SimCloud,
    duration_s: Seconds,
    tick_s: Seconds,
    mut handle: impl FnMut(&Trigger) -> Answer,
) -> Run {
    let (mut decisions, mut errors) = (Vec::new(), Vec::new());
    let tick_s = tick_s.max(STEP_S);
    let mut t = 0;
    while t < duration_s {
        let mut triggers = cloud.with(|world| {
            let changed = world.advance(t);
            let unheard = std::mem::take(&mut world.unheard);
            unheard.into_iter().chain(changed).map(|name| alarm_trigger(world, name)).collect::<Vec<_>>()
        });
        if t.is_multiple_of(tick_s) {
            triggers.push(Trigger::Tick);
        }
        for trigger in &triggers {
            let answer = handle(trigger);
            let when = |what: &ServiceDecision| cloud.with(|world| world.seconds_at(what.at));
            decisions.extend(answer.decisions.into_iter().map(|what| At { t: when(&what), what }));
            errors.extend(answer.errors.into_iter().map(|what| At { t, what }));
        }
        t += STEP_S;
    }
    let world = cloud.with(|world| {
        world.advance(duration_s);
        world.clone()
    });
    Run { world, decisions, errors }
}

fn alarm_trigger(world: &World, name: String) -> Trigger {
    let services = world.alarms().get(&name).map(|alarm| alarm.spec.services()).unwrap_or_default();
    Trigger::Alarm { name, services }
}

/// What a service went through, minute by minute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeline {
    /// The service.
    pub service: ServiceId,
    /// What its load is counted in.
    pub unit: Unit,
    /// One a minute.
    pub samples: Vec<Sample>,
}

/// What a load is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Requests.
    Requests,
    /// Messages.
    Messages,
    /// There is no load.
    None,
}

/// One minute of a service.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// When the minute begins, in seconds.
    pub t: Seconds,
    /// Arrivals a second.
    pub load: f64,
    /// The desired count at its end.
    pub desired: TaskCount,
    /// The running count at its end.
    pub running: TaskCount,
    /// The tasks that are starting at its end.
    pub pending: TaskCount,
    /// The share of what arrived for which the promise was broken, in per cent; messages count when they start.
    pub late_percent: f64,
    /// The most requests or messages that waited.
    pub backlog: f64,
    /// The greatest age of a message that waited, in seconds.
    pub oldest_age_s: Seconds,
}

impl Timeline {
    /// The minutes of a service.
    pub fn of(service: &Service) -> Self {
        const STEPS_PER_MINUTE: usize = 60 / STEP_S as usize;
        let unit = match service.spec().workload {
            Workload::Http(_) => Unit::Requests,
            Workload::Queue(_) => Unit::Messages,
            Workload::Scheduled => Unit::None,
        };
        let minutes = service.steps().chunks(STEPS_PER_MINUTE);
        let samples = (0..).step_by(60).zip(minutes).map(|(t, minute)| Sample::of(t, minute)).collect();
        Self { service: service.spec().id.clone(), unit, samples }
    }
}

impl Sample {
    fn of(t: Seconds, steps: &[Step]) -> Self {
        let last = steps.last().copied().unwrap_or_default();
        let arrived: u64 = steps.iter().map(|step| u64::from(step.arrived)).sum();
        let late: f64 = steps.iter().map(|step| step.late).sum();
        let seconds = steps.len() as u64 * u64::from(STEP_S);
        Self {
            t,
            load: real(arrived) / real(seconds.max(1)),
            desired: last.desired,
            running: last.running,
            pending: last.pending,
            late_percent: (100.0 * late / real(arrived.max(1))).min(100.0),
            backlog: steps.iter().map(|step| step.backlog).fold(0.0, f64::max),
            oldest_age_s: steps.iter().map(|step| step.oldest_age_s).max().unwrap_or(0),
        }
    }
}
