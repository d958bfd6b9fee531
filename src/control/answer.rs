//! The answer to a trigger: one decision a service, and every error.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::model::decision::Recommendation;
use crate::model::{Change, ReasonCode, ServiceId, TaskCount};

/// The answer to one or more triggers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answer {
    /// One a service that was looked at, by name; where it was looked at several times, each change and the last hold.
    pub decisions: Vec<ServiceDecision>,
    /// Everything that went wrong; it stopped nothing else.
    pub errors: Vec<AnswerError>,
    /// How many services were left alone because they are at rest.
    #[serde(skip_serializing_if = "is_none")]
    pub at_rest: usize,
    /// Services that there was no time for, the oldest look first. They are left to another invocation, or to the next tick.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handed_over: Vec<ServiceId>,
    /// What was sent to other invocations: of a large fleet's tick, and of what there was no time for.
    #[serde(skip_serializing_if = "Sent::is_nothing")]
    pub sent: Sent,
}

/// What was sent to other invocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// How many shards.
    pub shards: usize,
    /// How many services in them.
    pub services: usize,
}

impl Sent {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_nothing(&self) -> bool {
        self.shards == 0
    }

    /// Adds what else was sent.
    pub(super) fn add(&mut self, other: Self) {
        self.shards = self.shards.saturating_add(other.shards);
        self.services = self.services.saturating_add(other.services);
    }
}

impl Answer {
    /// Adds what another trigger of the same invocation led to.
    pub fn extend(&mut self, other: Self) {
        self.decisions.extend(other.decisions);
        self.errors.extend(other.errors);
        self.at_rest += other.at_rest;
        self.handed_over.extend(other.handed_over);
        self.sent.add(other.sent);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// What was decided for one service, as the answer and the log line tell it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceDecision {
    /// The service.
    pub service: ServiceId,
    /// When it was looked at.
    pub at: Timestamp,
    /// The desired count that was observed.
    pub from: TaskCount,
    /// The desired count that is right.
    pub to: TaskCount,
    /// The direction.
    pub change: Change,
    /// Whether the desired count was set: false where nothing changes, in shadow and in a dry run.
    pub applied: bool,
    /// The code of the reason that the count is this and no other.
    pub code: ReasonCode,
    /// Plain sentences with the figures that decided, in order.
    pub reasons: Vec<String>,
    /// The running count that was observed.
    pub running: TaskCount,
    /// The tasks that were seen starting.
    pub pending: TaskCount,
    /// What each policy asked for.
    pub recommendations: Vec<Recommendation>,
    /// For `status`: overrides, pauses and what was learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Value>,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerError {
    /// The service that it concerns, where it concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceId>,
    /// What was wrong, where, and what to do.
    pub error: String,
    /// Whose it is to mend.
    pub kind: ErrorKind,
}

/// Whose it is to mend what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// Who asked: the event names what does not exist or cannot be. Asked again, the answer is the same.
    Request,
    /// Who writes the policy file.
    Policy,
    /// AWS or the network; the next look tries again.
    World,
}

impl AnswerError {
    /// An error of who asked.
    pub fn request(service: Option<ServiceId>, error: impl Into<String>) -> Self {
        Self { service, error: error.into(), kind: ErrorKind::Request }
    }

    /// An error of the policy file.
    pub fn policy(service: Option<ServiceId>, error: impl Into<String>) -> Self {
        Self { service, error: error.into(), kind: ErrorKind::Policy }
    }

    /// An error of AWS or the network.
    pub fn world(service: Option<ServiceId>, error: impl Into<String>) -> Self {
        Self { service, error: error.into(), kind: ErrorKind::World }
    }
}
