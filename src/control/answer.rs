//! The answer to a trigger: one decision a service, and every error.

use serde::Serialize;
use serde_json::Value;

use crate::model::decision::Recommendation;
use crate::model::{Change, ReasonCode, ServiceId, TaskCount};

/// The answer to one or more triggers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answer {
    /// One a service that was looked at, by name.
    pub decisions: Vec<ServiceDecision>,
    /// Everything that went wrong; it stopped nothing else.
    pub errors: Vec<AnswerError>,
}

impl Answer {
    /// Adds what another trigger of the same invocation led to.
    pub fn extend(&mut self, other: Self) {
        self.decisions.extend(other.decisions);
        self.errors.extend(other.errors);
    }
}

/// What was decided for one service, as the answer and the log line tell it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceDecision {
    /// The service.
    pub service: ServiceId,
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
}
