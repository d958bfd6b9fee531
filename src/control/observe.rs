//! What is true now of the services that are looked at. All kinds of calls go side by side and in batches; what several
//! services need is asked for once. A call that fails leaves only what it was for unobserved. What the memory asks for beyond that
//! comes after it.
//!
//! A thrifty look asks only for what could matter. A service at rest is left alone (see [`crate::engine::rests`]). In a large fleet
//! one that was content when it was last described is first decided as if it were still so; it is described where that decision
//! asks for anything, and in rotation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;

use jiff::Timestamp;

use crate::engine::{decide, is_content, rests, status_at_rest};
use crate::model::policy::PolicyKind;
use crate::model::{Observation, QueueDepth, ScalableTarget, ServiceId, ServiceStatus};

use super::answer::AnswerError;
use super::controller::Ports;
use super::ports::{SERVICES_PER_DESCRIBE, STATES_PER_LOAD, Versioned};
use super::side_by_side::in_order;
use super::targets::listed;

mod history;
mod signals;

use history::{MOST_SERVICES, add_histories};
use signals::Signals;
pub(crate) use signals::recent_points;

/// So many services are described at every look, since that is a small part of the rate that the account has for it.
const DESCRIBED_AT_EVERY_LOOK: usize = 500;
/// In a larger fleet every service is described at one of so many looks,
const ROTATION: usize = 5;
/// or as many as the account's rate for reads of services allows in ten seconds: twenty calls of ten services a second.
const ROTATED_AT_MOST: usize = 2_000;

/// How much a look asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Care {
    /// Whether services at rest are left alone.
    pub(super) thrifty: bool,
    /// Whether the history that memories want is brought, or put off.
    pub(super) with_history: bool,
    /// The digest of the policy file in force.
    pub(super) policy: u64,
    /// How many invocations share the account's rates, this one among them.
    pub(super) sharers: NonZeroU32,
    /// No call is begun after this time.
    pub(super) until: Option<Timestamp>,
}

/// What was seen at one look.
#[derive(Debug)]
pub(super) struct Seen {
    /// Each service of which enough was seen to decide.
    pub(super) sights: BTreeMap<ServiceId, Sight>,
    /// How many were left alone because they are at rest.
    pub(super) at_rest: usize,
    /// Those that there was no time for.
    pub(super) handed_over: Vec<ServiceId>,
    /// What kept the rest from being seen.
    pub(super) errors: Vec<AnswerError>,
}

/// What was seen of one service, and what is remembered of it.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) observation: Observation,
    /// None where nothing is remembered yet.
    pub(super) stored: Option<Versioned>,
    /// What its status is known by.
    pub(super) basis: Basis,
    /// What became of the history that the memory wants.
    pub(super) history: History,
}

/// What became of the history that a memory wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// None is wanted.
    NotWanted,
    /// It was asked for.
    Asked,
    /// It is left to a following look.
    PutOff,
}

/// What a service's status is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// It is described at every look.
    EveryLook,
    /// It is described now, and not at every look.
    ThisLook,
    /// It is taken to be as it was when it came to rest.
    Rest,
}

/// A service that is looked at.
struct Due<'a> {
    target: &'a ScalableTarget,
    stored: Option<Versioned>,
    /// None while it is not known.
    status: Option<ServiceStatus>,
    basis: Basis,
    /// Whether it is its turn to be described.
    has_turn: bool,
}

impl Due<'_> {
    /// The last look that was remembered.
    fn last_look(&self) -> Option<Timestamp> {
        self.stored.as_ref().and_then(|stored| stored.memory.starts.looked_at)
    }

    fn sight(self, now: Timestamp, signals: &Signals, depths: &Depths<'_>) -> Option<(ServiceId, Sight)> {
        let observation = compose(self.target, now, self.status?, signals, depths);
        let Self { target, stored, basis, .. } = self;
        Some((target.service.clone(), Sight { observation, stored, basis, history: History::NotWanted }))
    }
}

/// Observes the targets' services. One that cannot be described, or whose memory cannot be read, is an error and not seen.
pub(super) async fn observe(ports: &Ports, targets: &[ScalableTarget], care: Care) -> Seen {
    let now = ports.clock.now();
    let all: Vec<&ScalableTarget> = targets.iter().collect();
    let are_few = !care.thrifty || all.len() <= DESCRIBED_AT_EVERY_LOOK;
    let (mut statuses, mut signals, depths, mut memories) = futures::join!(
        describe(ports, if are_few { &all } else { &[] }, Reason::Needed, care.until),
        Signals::of_alarms(ports, &all),
        measure_queues(ports, &all),
        load(ports, &all),
    );
    let mut due: Vec<Due<'_>> = Vec::new();
    let mut at_rest = 0;
    for &target in &all {
        let Some(stored) = memories.found.remove(&target.service) else { continue };
        let status = if are_few {
            let Some(status) = statuses.found.remove(&target.service) else { continue };
            Some(status)
        } else {
            stored.as_ref().and_then(|stored| status_at_rest(&stored.memory, care.policy))
        };
        if let (true, Some(stored), Some(status)) = (care.thrifty, &stored, &status)
            && let seen = compose(target, now, status.clone(), &signals, &depths.found)
            && rests(target, &stored.memory, care.policy, &seen)
        {
            at_rest += 1;
            continue;
        }
        let basis = if are_few { Basis::EveryLook } else { Basis::Rest };
        due.push(Due { target, stored, status, basis, has_turn: false });
    }
    due.sort_by_key(Due::last_look);
    let asked: Vec<&ScalableTarget> = due.iter().map(|due| due.target).collect();
    let unknown = of(&due, |due| due.status.is_none());
    let (described, ()) = futures::join!(
        describe(ports, &unknown, Reason::Needed, care.until),
        signals.observe_metrics(ports, &asked, now)
    );
    statuses.take(described, &mut due);
    due.retain(|due| due.status.is_some());
    for due in due.iter_mut().filter(|due| due.basis == Basis::Rest) {
        if !stays_content(due, now, &signals, &depths.found) {
            due.status = None;
        }
    }
    let at_rest_by_now = due.iter_mut().filter(|due| due.basis == Basis::Rest && due.status.is_some());
    let turns = turns(all.len(), care.sharers);
    at_rest_by_now.take(turns).for_each(|due| due.has_turn = true);
    let (needed, in_turn) = (of(&due, |due| due.status.is_none()), of(&due, |due| due.has_turn));
    let (needed, in_turn) = futures::join!(
        describe(ports, &needed, Reason::Needed, care.until),
        describe(ports, &in_turn, Reason::Turn, care.until)
    );
    statuses.take(needed, &mut due);
    statuses.take(Described { left: Vec::new(), ..in_turn }, &mut due); // what is remembered of those serves as well
    let mut sights: BTreeMap<ServiceId, Sight> =
        due.into_iter().filter_map(|due| due.sight(now, &signals, &depths.found)).collect();
    let histories = if care.with_history { MOST_SERVICES } else { 0 };
    add_histories(ports, targets, now, &mut sights, histories).await;
    let errors = [statuses.errors, memories.errors, signals.errors, depths.errors];
    Seen { sights, at_rest, handed_over: statuses.left, errors: errors.into_iter().flatten().collect() }
}

/// Whether a service that was not described is left as it is if it is still as it was.
fn stays_content(due: &Due<'_>, now: Timestamp, signals: &Signals, depths: &Depths<'_>) -> bool {
    let (Some(stored), Some(status)) = (&due.stored, &due.status) else { return false };
    let observation = compose(due.target, now, status.clone(), signals, depths);
    let decision = decide(due.target, &observation, stored.memory.clone());
    is_content(due.target, &observation, &stored.memory, &decision)
}

/// How many services of a fleet are described because it is their turn.
fn turns(services: usize, sharers: NonZeroU32) -> usize {
    let sharers = usize::try_from(sharers.get()).unwrap_or(usize::MAX);
    services.div_ceil(ROTATION).max(DESCRIBED_AT_EVERY_LOOK).min(ROTATED_AT_MOST / sharers)
}

/// The targets of those that are so, the oldest look first.
fn of<'a>(due: &[Due<'a>], is_so: impl Fn(&Due<'_>) -> bool) -> Vec<&'a ScalableTarget> {
    due.iter().filter(|due| is_so(due)).map(|due| due.target).collect()
}

/// What describing found.
#[derive(Debug, Default)]
struct Described {
    found: BTreeMap<ServiceId, ServiceStatus>,
    /// Those that there was no time for.
    left: Vec<ServiceId>,
    errors: Vec<AnswerError>,
}

impl Described {
    /// Adds what else was described, and has those that are due know it.
    fn take(&mut self, mut other: Self, due: &mut [Due<'_>]) {
        for due in due {
            if let Some(status) = other.found.remove(&due.target.service) {
                due.status = Some(status);
                due.basis = Basis::ThisLook;
            }
        }
        self.errors.append(&mut other.errors);
        self.left.append(&mut other.left);
    }
}

/// The depth of each queue, by what it is referred to.
type Depths<'a> = BTreeMap<&'a str, QueueDepth>;

/// What calls of one kind found, and where they failed.
#[derive(Debug)]
struct Found<K, V> {
    found: BTreeMap<K, V>,
    errors: Vec<AnswerError>,
}

impl<K, V> Default for Found<K, V> {
    fn default() -> Self {
        Self { found: BTreeMap::new(), errors: Vec::new() }
    }
}

fn compose(
    target: &ScalableTarget,
    now: Timestamp,
    service: ServiceStatus,
    signals: &Signals,
    depths: &Depths<'_>,
) -> Observation {
    let mut observation = Observation {
        now,
        service,
        metrics: BTreeMap::new(),
        alarms: BTreeMap::new(),
        queues: BTreeMap::new(),
    };
    for policy in &target.policies {
        for metric in policy.metrics() {
            if let Some(points) = signals.points(&metric.source, metric.period) {
                observation.metrics.insert(metric.key.clone(), points.to_vec());
            }
        }
        match &policy.kind {
            PolicyKind::StepScaling(step) => {
                let status = signals.alarm(&step.alarm, step.metric_aggregation);
                observation.alarms.extend(status.map(|status| (step.alarm.clone(), status)));
            }
            PolicyKind::Queue(policy) => {
                let depths = policy
                    .queues
                    .iter()
                    .filter_map(|queue| Some((queue.name.clone(), *depths.get(queue.reference.as_str())?)));
                observation.queues.extend(depths);
            }
            PolicyKind::TargetTracking(_) | PolicyKind::ServiceLevel(_) => {}
        }
    }
    observation
}

/// Why services are described.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// A decision waits for it.
    Needed,
    /// It is their turn.
    Turn,
}

async fn describe(
    ports: &Ports,
    targets: &[&ScalableTarget],
    reason: Reason,
    until: Option<Timestamp>,
) -> Described {
    let calls = batches(targets).into_iter().map(|(cluster, batch)| async move {
        if until.is_some_and(|until| until <= ports.clock.now()) {
            return (batch, None);
        }
        let answer = match reason {
            Reason::Needed => ports.ecs.describe_services(cluster, &batch).await,
            Reason::Turn => ports.ecs.describe_services_at_leisure(cluster, &batch).await,
        };
        (batch, Some(answer))
    });
    let answers = in_order(calls.collect()).await;
    let mut statuses = Described::default();
    for (batch, answer) in answers {
        let (mut described, why) = match answer {
            Some(Ok(described)) => (described, "ecs:DescribeServices said nothing of it".to_owned()),
            Some(Err(error)) => (BTreeMap::new(), error.to_string()),
            None => {
                statuses.left.extend(batch);
                continue;
            }
        };
        for service in batch {
            match described.remove(&service) {
                Some(Ok(status)) => {
                    statuses.found.insert(service, status);
                }
                Some(Err(error)) => {
                    statuses.errors.push(undecided(service, "it cannot be described", &error));
                }
                None => statuses.errors.push(undecided(service, "it cannot be described", &why)),
            }
        }
    }
    statuses
}

/// The services in full calls of one cluster each, those first whose first service comes first.
fn batches<'a>(targets: &[&'a ScalableTarget]) -> Vec<(&'a str, Vec<ServiceId>)> {
    let mut batches: Vec<(&str, Vec<ServiceId>)> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for target in targets {
        let cluster = target.service.cluster();
        let has_room = |place: &&mut (&str, Vec<ServiceId>)| place.1.len() < SERVICES_PER_DESCRIBE;
        let batch = open.get(cluster).and_then(|place| batches.get_mut(*place)).filter(has_room);
        if let Some((_, batch)) = batch {
            batch.push(target.service.clone());
        } else {
            open.insert(cluster, batches.len());
            batches.push((cluster, vec![target.service.clone()]));
        }
    }
    batches
}

async fn load(ports: &Ports, targets: &[&ScalableTarget]) -> Found<ServiceId, Option<Versioned>> {
    let services: Vec<ServiceId> = targets.iter().map(|target| target.service.clone()).collect();
    let batches: Vec<Vec<ServiceId>> = services.chunks(STATES_PER_LOAD).map(<[ServiceId]>::to_vec).collect();
    let calls = batches.into_iter().map(|batch| async move {
        let answer = ports.states.load(&batch).await;
        (batch, answer)
    });
    let answers = in_order(calls.collect()).await;
    let mut memories = Found::default();
    for (batch, answer) in answers {
        match answer {
            Ok(mut loaded) => {
                memories.found.extend(batch.into_iter().map(|service| {
                    let stored = loaded.remove(&service);
                    (service, stored)
                }));
            }
            Err(error) => {
                let what = "what is remembered of it cannot be read";
                memories.errors.extend(batch.into_iter().map(|service| undecided(service, what, &error)));
            }
        }
    }
    memories
}

async fn measure_queues<'a>(ports: &Ports, targets: &[&'a ScalableTarget]) -> Found<&'a str, QueueDepth> {
    let mut queues: BTreeMap<&str, BTreeSet<&ServiceId>> = BTreeMap::new();
    for target in targets {
        for policy in &target.policies {
            if let PolicyKind::Queue(policy) = &policy.kind {
                for queue in &policy.queues {
                    queues.entry(&queue.reference).or_default().insert(&target.service);
                }
            }
        }
    }
    let calls = queues
        .into_iter()
        .map(|(queue, users)| async move { (queue, users, ports.sqs.queue_depth(queue).await) });
    let answers = in_order(calls.collect()).await;
    let mut depths = Found::default();
    for (queue, users, answer) in answers {
        match answer {
            Ok(depth) => {
                depths.found.insert(queue, depth);
            }
            Err(error) => depths.errors.push(unobserved(&format!("the queue {queue}"), &users, &error)),
        }
    }
    depths
}

fn undecided(service: ServiceId, what: &str, why: &impl fmt::Display) -> AnswerError {
    AnswerError::world(Some(service), format!("the service is left as it is, because {what}: {why}"))
}

/// An error of something that services are decided without.
fn unobserved(what: &str, users: &BTreeSet<&ServiceId>, why: &impl fmt::Display) -> AnswerError {
    let mut only = users.iter();
    let service = match (only.next(), only.next()) {
        (Some(service), None) => Some((*service).clone()),
        _ => None,
    };
    AnswerError::world(service, format!("{} decided without {what}: {why}", listed_with_verb(users)))
}

fn listed_with_verb(users: &BTreeSet<&ServiceId>) -> String {
    format!("{} {}", listed(users), if users.len() == 1 { "is" } else { "are" })
}
