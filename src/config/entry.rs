//! A service entry that is valid, and the scalable target that it makes of each service that it selects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::model::metric::MetricTerm;
use crate::model::policy::{PolicyKind, ScalingPolicy};
use crate::model::{Metric, MetricSource, Name, ScalableTarget, ServiceId, ServicePattern};

/// Stands for the cluster's name in dimensions and queues.
pub(super) const CLUSTER: &str = "{cluster}";
/// Stands for the service's name in dimensions and queues.
pub(super) const SERVICE: &str = "{service}";

/// A service entry of a policy file.
#[derive(Clone, Debug)]
pub struct ServiceEntry {
    pub(super) pattern: ServicePattern,
    pub(super) except: Vec<ServicePattern>,
    pub(super) place: Arc<str>,
    pub(super) line: usize,
    pub(super) column: usize,
    /// The entry is of the file before: the one in the file is wrong.
    pub(super) is_kept: bool,
    /// The target of the service `{cluster}/{service}`, with names and keys that may repeat.
    pub(super) template: ScalableTarget,
}

impl ServiceEntry {
    /// The service, or the glob over services.
    pub fn pattern(&self) -> &ServicePattern {
        &self.pattern
    }

    /// Whether the entry is about the service.
    pub fn selects(&self, service: &ServiceId) -> bool {
        self.pattern.matches(service) && !self.except.iter().any(|except| except.matches(service))
    }

    /// The line where the entry begins.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The names of the alarms that its step scaling policies follow.
    pub fn alarms(&self) -> Vec<&str> {
        self.template
            .policies
            .iter()
            .filter_map(|policy| match &policy.kind {
                PolicyKind::StepScaling(step) => Some(step.alarm.as_str()),
                PolicyKind::TargetTracking(_) | PolicyKind::Queue(_) | PolicyKind::ServiceLevel(_) => None,
            })
            .collect()
    }

    /// The service as a scalable target: placeholders are filled, policies have different names and different metrics
    /// have different keys.
    pub fn target_for(&self, service: &ServiceId) -> ScalableTarget {
        let mut target = self.template.clone();
        target.service = service.clone();
        for policy in &mut target.policies {
            fill(policy, service);
        }
        name_apart(&mut target.policies);
        key_apart(&mut target.policies);
        target
    }

    /// Where the entry is, for a message.
    pub(super) fn whereabouts(&self) -> String {
        let file = if self.is_kept { " of the last good file" } else { "" };
        format!("{} (line {}{file})", self.pattern, self.line)
    }
}

/// Puts the service's names for their placeholders.
pub(super) fn fill_text(text: &str, service: &ServiceId) -> String {
    text.replace(CLUSTER, service.cluster()).replace(SERVICE, service.service())
}

fn fill(policy: &mut ScalingPolicy, service: &ServiceId) {
    policy.name = fill_text(&policy.name, service).into();
    if let PolicyKind::Queue(queue) = &mut policy.kind {
        for queue in &mut queue.queues {
            queue.name = fill_text(&queue.name, service);
            queue.reference = fill_text(&queue.reference, service);
            queue.sent.key = fill_text(&queue.sent.key, service).into();
            queue.deleted.key = fill_text(&queue.deleted.key, service).into();
        }
        let mut seen = BTreeSet::new();
        queue.queues.retain(|queue| seen.insert(queue.name.clone()));
    }
    for metric in metrics_mut(policy) {
        let dimensions: Vec<&mut BTreeMap<String, String>> = match &mut metric.source {
            MetricSource::Stat(stat) => vec![&mut stat.dimensions],
            MetricSource::Math(terms) => terms
                .iter_mut()
                .filter_map(|term| match &mut term.term {
                    MetricTerm::Stat(stat) => Some(&mut stat.dimensions),
                    MetricTerm::Expression(_) => None,
                })
                .collect(),
        };
        for value in dimensions.into_iter().flat_map(BTreeMap::values_mut) {
            *value = fill_text(value, service);
        }
    }
}

fn metrics_mut(policy: &mut ScalingPolicy) -> Vec<&mut Metric> {
    match &mut policy.kind {
        PolicyKind::TargetTracking(policy) => vec![&mut policy.metric],
        PolicyKind::StepScaling(_) => Vec::new(),
        PolicyKind::Queue(policy) => {
            policy.queues.iter_mut().flat_map(|queue| [&mut queue.sent, &mut queue.deleted]).collect()
        }
        PolicyKind::ServiceLevel(policy) => {
            vec![&mut policy.requests, &mut policy.within, &mut policy.utilization]
        }
    }
}

/// Numbers the policies whose name is taken: ` #2`, ` #3`.
fn name_apart(policies: &mut [ScalingPolicy]) {
    let mut taken = BTreeSet::new();
    for policy in policies {
        let candidates = numbered(&policy.name).filter(|name| !taken.contains(name.as_str()));
        policy.name = first(candidates, &policy.name).into();
        taken.insert(policy.name.clone());
    }
}

/// Lengthens the keys that another metric has: by the resource or the namespace, then by a number. The same metric in two
/// policies keeps one key, and is read once.
fn key_apart(policies: &mut [ScalingPolicy]) {
    let mut taken: BTreeMap<Name, (MetricSource, Duration)> = BTreeMap::new();
    for metric in policies.iter_mut().flat_map(metrics_mut) {
        let content = (metric.source.clone(), metric.period);
        let longer = format!("{}:{}", metric.key, qualifier(&metric.source));
        let candidates = std::iter::once(metric.key.to_string())
            .chain(numbered(&longer))
            .filter(|key| taken.get(key.as_str()).is_none_or(|other| *other == content));
        metric.key = first(candidates, &metric.key).into();
        taken.insert(metric.key.clone(), content);
    }
}

/// What tells a metric from others of its name: the load balancer and target group, or the namespace.
fn qualifier(source: &MetricSource) -> String {
    let MetricSource::Stat(stat) = source else { return "math".to_owned() };
    let parts: Vec<&str> = ["LoadBalancer", "TargetGroup"]
        .iter()
        .filter_map(|name| stat.dimensions.get(*name))
        .map(String::as_str)
        .collect();
    if parts.is_empty() { stat.namespace.clone() } else { parts.join("/") }
}

fn numbered(name: &str) -> impl Iterator<Item = String> {
    let others = (2..).map({
        let name = name.to_owned();
        move |number: u32| format!("{name} #{number}")
    });
    std::iter::once(name.to_owned()).chain(others)
}

fn first(mut candidates: impl Iterator<Item = String>, fallback: &str) -> String {
    candidates.next().unwrap_or_else(|| fallback.to_owned())
}
