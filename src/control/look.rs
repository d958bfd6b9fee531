//! A look at services: observe, decide, remember, act. It remembers before it acts, under a version check, so of two looks
//! that race one acts and the other looks again; and what cannot be remembered is not done.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::engine::decide;
use crate::model::target::Mode;
use crate::model::{Change, Decision, Memory, Observation, ScalableTarget, ServiceId};

use super::answer::{Answer, AnswerError, ServiceDecision};
use super::controller::Ports;
use super::manual::Amendment;
use super::observe::{Sight, observe};
use super::ports::{PortError, StoreError};
use super::side_by_side::in_any_order;
use super::trigger::Trigger;

/// Looks after the first, where another look was remembered meanwhile.
const LOOKS_AGAIN: usize = 2;

/// How a look is carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Manner {
    /// Nothing is remembered and nothing is done.
    dry_run: bool,
    /// The answer tells what is remembered.
    show_memory: bool,
    /// What is changed by hand first.
    amendment: Option<Amendment>,
}

impl Manner {
    /// The manner that a trigger asks for.
    ///
    /// # Errors
    /// Where it asks by hand for something that cannot be.
    pub(super) fn of(trigger: &Trigger, now: Timestamp) -> Result<Self, AnswerError> {
        let show_memory = matches!(trigger, Trigger::Status { .. });
        let dry_run = show_memory || matches!(trigger, Trigger::Evaluate { dry_run: true, .. });
        Ok(Self { dry_run, show_memory, amendment: Amendment::of(trigger, now)? })
    }

    /// The same, with nothing remembered and nothing done.
    pub(super) fn dry(self) -> Self {
        Self { dry_run: true, ..self }
    }
}

/// A look in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    /// The world.
    pub(super) ports: &'a Ports,
    /// How it is carried out.
    pub(super) manner: &'a Manner,
}

/// How a service's look ended.
enum Outcome {
    /// It was carried out as far as it could be.
    Done(ServiceDecision, Option<AnswerError>),
    /// Another look was remembered meanwhile, so nothing was done.
    Conflict(ServiceDecision),
}

impl Look<'_> {
    /// Looks at the targets, and again at those where another look came between.
    pub(super) async fn at(self, mut targets: Vec<ScalableTarget>) -> Answer {
        let mut decisions = BTreeMap::new();
        let mut errors = Vec::new();
        for looks_left in (0..=LOOKS_AGAIN).rev() {
            let mut seen = observe(self.ports, &targets).await;
            seen.errors.retain(|error| !errors.contains(error));
            errors.append(&mut seen.errors);
            let sights =
                targets.iter().filter_map(|target| Some((target, seen.sights.remove(&target.service)?)));
            let outcomes = sights.map(|(target, sight)| async move {
                (target.service.clone(), self.carry_out(target, sight).await)
            });
            let outcomes: BTreeMap<ServiceId, Outcome> =
                in_any_order(outcomes.collect()).await.into_iter().collect();
            let mut conflicts = Vec::new();
            for (service, outcome) in outcomes {
                match outcome {
                    Outcome::Done(decision, error) => {
                        decisions.insert(service, decision);
                        errors.extend(error);
                    }
                    Outcome::Conflict(_) if 0 < looks_left => conflicts.push(service),
                    Outcome::Conflict(decision) => {
                        errors.push(outpaced(&service));
                        decisions.insert(service, decision);
                    }
                }
            }
            if conflicts.is_empty() {
                break;
            }
            targets.retain(|target| conflicts.contains(&target.service));
        }
        Answer { decisions: decisions.into_values().collect(), errors }
    }

    async fn carry_out(self, target: &ScalableTarget, sight: Sight) -> Outcome {
        let (version, before) = match sight.stored {
            Some(stored) => (Some(stored.version), stored.memory),
            None => (None, Memory::default()),
        };
        let mut memory = before.clone();
        let by_hand = self.manner.amendment.as_ref().map(|amendment| amendment.apply(&mut memory));
        let mut decision = decide(target, &sight.observation, &memory);
        let mut answer = answer(&target.service, &decision, by_hand, &sight.observation);
        if self.manner.show_memory {
            answer.memory = serde_json::to_value(&before).ok();
        }
        if self.manner.dry_run {
            return Outcome::Done(answer, None);
        }
        let changes = decision.change() != Change::Hold;
        let acts = changes && target.mode == Mode::Active;
        if changes && !acts {
            decision.memory.pending = None; // what is not done must never be taken for something that took effect
        }
        if acts || decision.memory != before {
            match self.ports.states.store(&target.service, version, &decision.memory).await {
                Ok(()) => {}
                Err(StoreError::Conflict) => return Outcome::Conflict(answer),
                Err(StoreError::Port(error)) => {
                    return Outcome::Done(answer, Some(forgetful(&target.service, &error)));
                }
            }
        }
        let error = if acts { self.act(&target.service, &decision).await.err() } else { None };
        answer.applied = acts && error.is_none();
        Outcome::Done(answer, error)
    }

    async fn act(self, service: &ServiceId, decision: &Decision) -> Result<(), AnswerError> {
        self.ports.ecs.set_desired_count(service, decision.to).await.map_err(|error| {
            let error = format!("the desired count stays at {}, not {}: {error}", decision.from, decision.to);
            AnswerError::world(Some(service.clone()), error)
        })
    }
}

fn answer(
    service: &ServiceId,
    decision: &Decision,
    by_hand: Option<String>,
    observation: &Observation,
) -> ServiceDecision {
    let reasons = by_hand.into_iter().chain(decision.reasons.iter().map(|reason| reason.text.clone()));
    ServiceDecision {
        service: service.clone(),
        at: observation.now,
        from: decision.from,
        to: decision.to,
        change: decision.change(),
        applied: false,
        code: decision.binding,
        reasons: reasons.collect(),
        running: observation.service.running,
        pending: observation.service.pending,
        recommendations: decision.recommendations.clone(),
        memory: None,
    }
}

fn forgetful(service: &ServiceId, error: &PortError) -> AnswerError {
    let error = format!("nothing is done, because it could not be remembered: {error}");
    AnswerError::world(Some(service.clone()), error)
}

fn outpaced(service: &ServiceId) -> AnswerError {
    let looks = LOOKS_AGAIN.saturating_add(1);
    let error = format!(
        "nothing is done, because other looks at the service were remembered during each of {looks} looks; \
         the next look tries again"
    );
    AnswerError::world(Some(service.clone()), error)
}
