//! The controller: a stand-in that answers nothing.

use std::sync::Arc;

use super::answer::Answer;
use super::ports::{Clock, CloudWatch, Ecs, PolicySource, Sqs, StateStore};
use super::trigger::Trigger;

/// The ports that the controller needs.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Ports {
    /// Amazon ECS.
    pub ecs: Arc<dyn Ecs>,
    /// Amazon CloudWatch.
    pub cloudwatch: Arc<dyn CloudWatch>,
    /// Amazon SQS.
    pub sqs: Arc<dyn Sqs>,
    /// The memories.
    pub states: Arc<dyn StateStore>,
    /// The policy file.
    pub policy: Arc<dyn PolicySource>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What the controller is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Whether every service is in shadow.
    pub shadow: bool,
}

/// The controller.
#[expect(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Controller {}

impl Controller {
    /// A controller.
    pub fn new(_ports: Ports, _settings: Settings) -> Self {
        Self {}
    }

    /// Answers a trigger.
    #[expect(clippy::unused_async, reason = "a stand-in")]
    pub async fn handle(&self, _trigger: &Trigger) -> Answer {
        Answer::default()
    }
}
