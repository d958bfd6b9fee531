//! What is true now of the services that are looked at. All kinds of calls go side by side and in batches; what several
//! services need is asked for once. A call that fails leaves only what it was for unobserved. What the memory asks for beyond that
//! comes after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

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
pub(crate) use signals::recent_points;
use signals::{Signals, observe_signals};

/// What was seen at one look.
#[derive(Debug)]
pub(super) struct Seen {
    /// Each service of which enough was seen to decide.
    pub(super) sights: BTreeMap<ServiceId, Sight>,
    /// What kept the rest from being seen.
    pub(super) errors: Vec<AnswerError>,
}

/// What was seen of one service, and what is remembered of it.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) observation: Observation,
    /// None where nothing is remembered yet.
    pub(super) stored: Option<Versioned>,
    /// Whether the memory wants a history that is left to a following look.
    pub(super) history_put_off: bool,
}

/// Observes the targets' services. One that cannot be described, or whose memory cannot be read, is an error and not seen.
///
/// `with_history` tells whether this is a look to bring the history that memories want, or that is put off.
pub(super) async fn observe(ports: &Ports, targets: &[ScalableTarget], with_history: bool) -> Seen {
    let now = ports.clock.now();
    let (mut statuses, signals, depths, memories) = futures::join!(
        describe(ports, targets),
        observe_signals(ports, targets, now),
        measure_queues(ports, targets),
        load(ports, targets),
    );
    let mut sights = BTreeMap::new();
    for target in targets {
        let service = &target.service;
        let (Some(status), Some(stored)) = (statuses.found.remove(service), memories.found.get(service))
        else {
            continue;
        };
        let observation = compose(target, now, status, &signals, &depths.found);
        let sight = Sight { observation, stored: stored.clone(), history_put_off: false };
        sights.insert(service.clone(), sight);
    }
    let histories = if with_history { MOST_SERVICES } else { 0 };
    add_histories(ports, targets, now, &mut sights, histories).await;
    let errors = [statuses.errors, memories.errors, signals.errors, depths.errors];
    Seen { sights, errors: errors.into_iter().flatten().collect() }
}

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
    depths: &BTreeMap<&str, QueueDepth>,
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

async fn describe(ports: &Ports, targets: &[ScalableTarget]) -> Found<ServiceId, ServiceStatus> {
    let mut clusters: BTreeMap<&str, Vec<ServiceId>> = BTreeMap::new();
    for target in targets {
        clusters.entry(target.service.cluster()).or_default().push(target.service.clone());
    }
    let batches: Vec<(&str, Vec<ServiceId>)> = clusters
        .into_iter()
        .flat_map(|(cluster, services)| {
            services.chunks(SERVICES_PER_DESCRIBE).map(|batch| (cluster, batch.to_vec())).collect::<Vec<_>>()
        })
        .collect();
    let calls = batches.into_iter().map(|(cluster, batch)| async move {
        let answer = ports.ecs.describe_services(cluster, &batch).await;
        (batch, answer)
    });
    let answers = in_order(calls.collect()).await;
    let mut statuses = Found::default();
    for (batch, answer) in answers {
        let (mut described, why) = match answer {
            Ok(described) => (described, "ecs:DescribeServices said nothing of it".to_owned()),
            Err(error) => (BTreeMap::new(), error.to_string()),
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

async fn load(ports: &Ports, targets: &[ScalableTarget]) -> Found<ServiceId, Option<Versioned>> {
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

async fn measure_queues<'a>(ports: &Ports, targets: &'a [ScalableTarget]) -> Found<&'a str, QueueDepth> {
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
