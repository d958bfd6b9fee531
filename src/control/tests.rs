//! The controller against a cloud made by hand. Decisions are kept plain here: a service under its floor of two tasks is
//! raised to it, whatever else is known.

mod blast_radius;
mod fake;
mod fan_out;
mod history;
mod look;
mod manual;
mod observe;
mod policy;
mod rest;
mod targets;
mod watch;

use super::answer::Answer;
use super::trigger::Trigger;

use fake::id;

fn evaluate(services: &[&str]) -> Trigger {
    let services = services.iter().map(|service| service.parse().unwrap()).collect();
    Trigger::Evaluate { services, dry_run: false }
}

/// `service FROM>TO` for each decision, with `!` where it was applied.
fn decided(answer: &Answer) -> Vec<String> {
    let line = |decision: &super::answer::ServiceDecision| {
        let mark = if decision.applied { "!" } else { "" };
        format!("{} {}>{}{mark}", decision.service, decision.from, decision.to)
    };
    answer.decisions.iter().map(line).collect()
}

#[track_caller]
fn check_error(answer: &Answer, service: Option<&str>, parts: &[&str]) {
    let concerns = service.map(id);
    let found = answer
        .errors
        .iter()
        .any(|error| error.service == concerns && parts.iter().all(|part| error.error.contains(part)));
    assert!(found, "no error of {service:?} says {parts:?}: {:#?}", answer.errors);
}
