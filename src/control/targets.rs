//! Which services a trigger means. A literal entry of the policy file needs no listing; a glob lists the services of the
//! clusters that it matches. Whatever a trigger names, only what the policy file selects becomes a target.

use std::collections::BTreeSet;
use std::fmt;

use crate::config::{PolicyFile, ServiceEntry};
use crate::model::spelling::nearest;
use crate::model::{ScalableTarget, ServiceId, ServicePattern};

use super::answer::AnswerError;
use super::controller::Ports;
use super::trigger::Trigger;

mod listing;

pub(super) use listing::Listings;

/// The targets that a trigger means.
#[derive(Debug)]
pub(super) struct Targets {
    /// The targets, by service.
    pub(super) targets: Vec<ScalableTarget>,
    /// What kept others from being found.
    pub(super) errors: Vec<AnswerError>,
}

/// Services that may be looked at, before the policy file is asked what it says of them.
#[derive(Debug, Default)]
struct Candidates {
    services: BTreeSet<ServiceId>,
    errors: Vec<AnswerError>,
}

/// The services that a trigger means under a policy file.
pub(super) async fn resolve(
    policy: &PolicyFile,
    trigger: &Trigger,
    ports: &Ports,
    listings: &Listings,
) -> Targets {
    let select = Select { policy, ports, listings };
    let Candidates { services, mut errors } = match trigger {
        Trigger::Tick => select.of_entries(policy.entries.iter().collect(), None).await,
        Trigger::Alarm { name, services } => select.concerned_by(name, services).await,
        Trigger::EcsChange { service, .. } => select.selected_of(std::slice::from_ref(service)),
        Trigger::Shard(shard) => select.selected_of(&shard.services),
        Trigger::Evaluate { services, .. } | Trigger::Status { services } => {
            select.named_by_hand(services).await
        }
        Trigger::SetCapacity { service, .. }
        | Trigger::Pause { service, .. }
        | Trigger::Resume { service } => select.one_by_hand(service),
    };
    let mut targets = Vec::new();
    for service in services {
        match policy.entry_for(&service) {
            Ok(entry) => targets.extend(entry.map(|entry| entry.target_for(&service))),
            Err(problem) => errors.push(AnswerError::policy(Some(service), problem.to_string())),
        }
    }
    Targets { targets, errors }
}

struct Select<'a> {
    policy: &'a PolicyFile,
    ports: &'a Ports,
    listings: &'a Listings,
}

impl Select<'_> {
    /// All services of these entries, or those of them that match `within`.
    async fn of_entries(&self, entries: Vec<&ServiceEntry>, within: Option<&ServicePattern>) -> Candidates {
        let wanted = |service: &ServiceId| within.is_none_or(|pattern| pattern.matches(service));
        let (literals, globs): (Vec<&ServiceEntry>, Vec<&ServiceEntry>) =
            entries.into_iter().partition(|entry| entry.pattern().literal().is_some());
        let listed = self
            .listings
            .of_patterns(globs.iter().map(|entry| entry.pattern()).collect(), within, self.ports)
            .await;
        let from_globs =
            listed.services.into_iter().filter(|service| globs.iter().any(|entry| entry.selects(service)));
        let from_literals = literals.iter().filter_map(|entry| entry.pattern().literal().cloned());
        let services = from_literals.chain(from_globs).filter(wanted).collect();
        Candidates { services, errors: listed.errors }
    }

    /// An alarm concerns the services whose step policies name it, and those that its metrics are of.
    async fn concerned_by(&self, alarm: &str, dimensions: &[ServiceId]) -> Candidates {
        let naming = self.policy.entries.iter().filter(|entry| entry.alarms().contains(&alarm)).collect();
        let mut candidates = self.of_entries(naming, None).await;
        candidates.services.extend(self.selected_of(dimensions).services);
        if candidates.services.is_empty() && candidates.errors.is_empty() {
            let of = match dimensions {
                [] => "its metrics have no ClusterName and ServiceName dimensions".to_owned(),
                services => format!("no entry selects {}, which its metrics are of", listed(services)),
            };
            let error = format!(
                "the alarm {alarm} concerns no service: no step_scaling policy names it under `alarm`, and {of}"
            );
            candidates.errors.push(AnswerError::request(None, error));
        }
        candidates
    }

    /// Those of the services that the policy file selects. Events tell of other services as well, and those are no
    /// concern of the controller.
    fn selected_of(&self, services: &[ServiceId]) -> Candidates {
        let selected = services.iter().filter(|service| !matches!(self.policy.entry_for(service), Ok(None)));
        Candidates { services: selected.cloned().collect(), errors: Vec::new() }
    }

    async fn named_by_hand(&self, patterns: &[ServicePattern]) -> Candidates {
        let mut all = Candidates::default();
        for pattern in patterns {
            let named = match pattern.literal() {
                Some(service) => self.one_by_hand(service),
                None => self.matched_by_hand(pattern).await,
            };
            all.services.extend(named.services);
            all.errors.extend(named.errors);
        }
        all
    }

    async fn matched_by_hand(&self, pattern: &ServicePattern) -> Candidates {
        let mut candidates = self.of_entries(self.policy.entries.iter().collect(), Some(pattern)).await;
        if candidates.services.is_empty() && candidates.errors.is_empty() {
            let error = format!("{pattern} matches no service that an entry of the policy file selects");
            candidates.errors.push(AnswerError::request(None, error));
        }
        candidates
    }

    fn one_by_hand(&self, service: &ServiceId) -> Candidates {
        let mut candidates = self.selected_of(std::slice::from_ref(service));
        if candidates.services.is_empty() {
            let meant = self.most_alike(service).map(|pattern| format!("; did you mean {pattern}?"));
            let error = format!("no entry of the policy file selects {service}{}", meant.unwrap_or_default());
            candidates.errors.push(AnswerError::request(Some(service.clone()), error));
        }
        candidates
    }

    fn most_alike(&self, service: &ServiceId) -> Option<String> {
        nearest(&service.to_string(), self.policy.entries.iter().map(|entry| entry.pattern().to_string()))
    }
}

/// Names for a sentence: the first few, and how many there are besides.
pub(super) fn listed<T: fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    const MOST_NAMED: usize = 3;
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    match names.len().checked_sub(MOST_NAMED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!(
            "{} and {more} more",
            names.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ")
        ),
    }
}
