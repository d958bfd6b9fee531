//! The controller itself: every trigger goes the one way through policy, targets, look and answer.

use std::fmt;
use std::sync::Arc;

use crate::model::ScalableTarget;
use crate::model::target::Mode;

use super::answer::Answer;
use super::look::{Look, Manner};
use super::policy_cache::PolicyCache;
use super::ports::{Clock, CloudWatch, Ecs, PolicySource, Sqs, StateStore};
use super::report::Log;
use super::targets::{self, Listings, Targets};
use super::trigger::Trigger;

/// The world that the controller sees and changes.
#[derive(Clone)]
pub struct Ports {
    /// Amazon ECS.
    pub ecs: Arc<dyn Ecs>,
    /// Amazon CloudWatch.
    pub cloudwatch: Arc<dyn CloudWatch>,
    /// Amazon SQS.
    pub sqs: Arc<dyn Sqs>,
    /// Where memories are kept.
    pub states: Arc<dyn StateStore>,
    /// Where the policy file is.
    pub policy: Arc<dyn PolicySource>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What holds for every service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Every service is decided and reported, none is changed.
    pub shadow: bool,
}

/// Looks at services and sets their desired count. It keeps the last good policy file and the last listings from one
/// trigger to the next; all else that it remembers is in the state store, so any number of controllers may share one.
#[derive(Debug)]
pub struct Controller {
    ports: Ports,
    settings: Settings,
    policy: PolicyCache,
    listings: Listings,
    log: Log,
}

impl Controller {
    /// A controller that has not looked yet.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        Self {
            ports,
            settings,
            policy: PolicyCache::default(),
            listings: Listings::default(),
            log: Log::default(),
        }
    }

    /// Looks at the services that the trigger means, and carries out and reports what is decided. It never fails as a
    /// whole: what went wrong is in the answer, beside the decisions that it did not touch.
    pub async fn handle(&self, trigger: &Trigger) -> Answer {
        let answer = match Manner::of(trigger, self.ports.clock.now()) {
            Ok(manner) => self.answer(trigger, &manner).await,
            Err(error) => Answer { decisions: Vec::new(), errors: vec![error] },
        };
        self.log.write(&answer);
        answer
    }

    /// Answers a trigger without remembering or doing anything.
    pub async fn plan(&self, trigger: &Trigger) -> Answer {
        match Manner::of(trigger, self.ports.clock.now()) {
            Ok(manner) => self.answer(trigger, &manner.dry()).await,
            Err(error) => Answer { decisions: Vec::new(), errors: vec![error] },
        }
    }

    async fn answer(&self, trigger: &Trigger, manner: &Manner) -> Answer {
        let Targets { targets, mut errors } = self.targets(trigger).await;
        let look = Look { ports: &self.ports, manner };
        let answer = look.at(targets.into_iter().map(|target| self.with_settings(target)).collect()).await;
        errors.extend(answer.errors);
        Answer { errors, ..answer }
    }

    async fn targets(&self, trigger: &Trigger) -> Targets {
        let current = self.policy.current(self.ports.policy.as_ref()).await;
        let mut errors = current.errors;
        let Some(policy) = current.file else { return Targets { targets: Vec::new(), errors } };
        let targets = targets::resolve(&policy, trigger, &self.ports, &self.listings).await;
        errors.extend(targets.errors);
        Targets { errors, ..targets }
    }

    fn with_settings(&self, target: ScalableTarget) -> ScalableTarget {
        match target.mode {
            Mode::Active if self.settings.shadow => ScalableTarget { mode: Mode::Shadow, ..target },
            Mode::Active | Mode::Shadow | Mode::Paused => target,
        }
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").field("policy", &self.policy.place()).finish_non_exhaustive()
    }
}
