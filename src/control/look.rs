//! A look at services: observe, decide, remember, act. It remembers before it acts, under a version check, so of two looks
//! that race one acts and the other looks again; and what cannot be remembered is not done.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::engine::{decide, put_off_history};
use crate::model::blast_radius::BlastRadius;
use crate::model::target::Mode;
use crate::model::{Change, Decision, Memory, Observation, Reason, ReasonCode, ScalableTarget, ServiceId};

use super::answer::{Answer, AnswerError, ServiceDecision};
use super::blast_radius::{Ledger, Wanted};
use super::controller::Ports;
use super::fan_out;
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
    /// Where it asks by hand for something that cannot be, or comes too late.
    pub(super) fn of(trigger: &Trigger, now: Timestamp) -> Result<Self, AnswerError> {
        fan_out::in_time(trigger, now)?;
        let show_memory = matches!(trigger, Trigger::Status { .. });
        let dry_run = show_memory || matches!(trigger, Trigger::Evaluate { dry_run: true, .. });
        Ok(Self { dry_run, show_memory, amendment: Amendment::of(trigger, now)? })
    }

    /// Whether anything is remembered and done.
    pub(super) fn carries_out(&self) -> bool {
        !self.dry_run
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
    /// Whether it brings history where that is wanted. A look inside the minute has no time for it.
    pub(super) with_history: bool,
    /// What all services together may change within a minute, where that is limited.
    pub(super) limits: Option<&'a BlastRadius>,
    /// What they changed.
    pub(super) ledger: &'a Ledger,
}

/// A decision that is not carried out yet.
struct Considered<'a> {
    target: &'a ScalableTarget,
    observation: Observation,
    /// What was remembered, and under which version.
    before: Memory,
    version: Option<u64>,
    by_hand: Option<String>,
    decision: Decision,
}

/// How a service's look ended.
enum Outcome {
    /// It was carried out as far as it could be.
    Done(ServiceDecision, Option<AnswerError>),
    /// Another look was remembered meanwhile, so nothing was done.
    Conflict(ServiceDecision),
}

impl Considered<'_> {
    /// Whether the service is to be changed.
    fn acts(&self) -> bool {
        self.decision.change() != Change::Hold && self.target.mode == Mode::Active
    }
}

impl Look<'_> {
    /// Looks at the targets, and again at those where another look came between.
    pub(super) async fn at(self, mut targets: Vec<ScalableTarget>) -> Answer {
        let mut decisions = BTreeMap::new();
        let mut errors = Vec::new();
        for looks_left in (0..=LOOKS_AGAIN).rev() {
            let mut seen = observe(self.ports, &targets, self.with_history).await;
            seen.errors.retain(|error| !errors.contains(error));
            errors.append(&mut seen.errors);
            let sights =
                targets.iter().filter_map(|target| Some((target, seen.sights.remove(&target.service)?)));
            let mut considered: Vec<Considered<'_>> =
                sights.map(|(target, sight)| self.consider(target, sight)).collect();
            errors.extend(self.limit(&mut considered).await.filter(|error| !errors.contains(error)));
            let outcomes = considered.into_iter().map(|considered| async move {
                (considered.target.service.clone(), self.carry_out(considered).await)
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
        Answer { decisions: decisions.into_values().collect(), errors, ..Answer::default() }
    }

    fn consider(self, target: &ScalableTarget, sight: Sight) -> Considered<'_> {
        let (version, before) = match sight.stored {
            Some(stored) => (Some(stored.version), stored.memory),
            None => (None, Memory::default()),
        };
        let mut memory = before.clone();
        let by_hand = self.manner.amendment.as_ref().map(|amendment| amendment.apply(&mut memory));
        let mut decision = decide(target, &sight.observation, &memory);
        if sight.history_put_off {
            put_off_history(target, &memory, &mut decision.memory);
        }
        Considered { target, observation: sight.observation, before, version, by_hand, decision }
    }

    /// Cuts what is to be carried out to the blast radius. What a person asks for is theirs to decide: it is neither cut nor
    /// booked.
    async fn limit(self, considered: &mut [Considered<'_>]) -> Option<AnswerError> {
        let limits = self.limits.filter(|_| !self.manner.dry_run)?;
        let mut acting: Vec<&mut Considered<'_>> =
            considered.iter_mut().filter(|considered| considered.acts()).collect();
        if acting.is_empty() {
            return None;
        }
        if self.manner.amendment.is_some() {
            let text = "the blast radius does not limit what is set by hand";
            for Considered { decision, .. } in acting {
                decision.reasons.push(Reason { code: ReasonCode::BlastRadius, text: text.to_owned() });
            }
            return None;
        }
        let wanted = |considered: &&mut Considered<'_>| Wanted {
            service: considered.target.service.clone(),
            from: considered.decision.from,
            to: considered.decision.to,
        };
        let wanted: Vec<Wanted> = acting.iter().map(wanted).collect();
        let (grants, error) = self.ledger.book(self.ports, limits, &wanted).await;
        for (considered, grant) in acting.iter_mut().zip(grants) {
            grant.apply(&mut considered.decision);
        }
        error
    }

    async fn carry_out(self, considered: Considered<'_>) -> Outcome {
        let acts = considered.acts();
        let Considered { target, observation, before, version, by_hand, mut decision } = considered;
        let mut answer = answer(&target.service, &decision, by_hand, &observation);
        if self.manner.show_memory {
            answer.memory = serde_json::to_value(&before).ok();
        }
        if self.manner.dry_run {
            return Outcome::Done(answer, None);
        }
        if decision.change() != Change::Hold && !acts {
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
