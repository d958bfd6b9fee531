//! A look at services: observe, decide, remember, act. It remembers before it acts, under a version check, so of two looks
//! that race one acts and the other looks again; and what cannot be remembered is not done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::engine::{decide, is_news, put_off_history, remember_rest};
use crate::model::blast_radius::BlastRadius;
use crate::model::duration::elapsed;
use crate::model::target::Mode;
use crate::model::{
    Change, Decision, Memory, Observation, Reason, ReasonCode, ScalableTarget, Sentence, ServiceId,
};

use super::answer::{Answer, AnswerError, ServiceDecision};
use super::blast_radius::{Ledger, Wanted};
use super::controller::Ports;
use super::fan_out;
use super::manual::Amendment;
use super::observe::{Basis, Care, History, Sight, observe};
use super::ports::{PortError, StoreError};
use super::side_by_side::in_any_order;
use super::trigger::Trigger;
use super::watch::in_time;

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

    /// Whether nothing is remembered and nothing is done.
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
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
    /// How much it asks for.
    pub(super) care: Care,
    /// What all services together may change within a minute, where that is limited.
    pub(super) limits: Option<&'a BlastRadius>,
    /// What they changed.
    pub(super) ledger: &'a Ledger,
    /// No service is changed after this time.
    pub(super) until: Option<Timestamp>,
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
    /// Whether the decision has to be remembered even if nothing is done.
    is_news: bool,
}

/// How a service's look ended.
enum Outcome {
    /// It was carried out as far as it could be.
    Done(ServiceDecision, Option<AnswerError>),
    /// Another look was remembered meanwhile, so nothing was done.
    Conflict(ServiceDecision),
    /// The time ended before it could be done.
    Left,
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
        let mut answer = Answer::default();
        let mut decisions = BTreeMap::new();
        let mut care = self.care;
        for looks_left in (0..=LOOKS_AGAIN).rev() {
            let mut seen = observe(self.ports, &targets, care).await;
            seen.errors.retain(|error| !answer.errors.contains(error));
            answer.errors.append(&mut seen.errors);
            answer.at_rest += seen.at_rest;
            answer.handed_over.append(&mut seen.handed_over);
            let sights =
                targets.iter().filter_map(|target| Some((target, seen.sights.remove(&target.service)?)));
            let mut considered: Vec<Considered<'_>> =
                sights.map(|(target, sight)| self.consider(target, sight)).collect();
            let error = self.limit(&mut considered).await;
            answer.errors.extend(error.filter(|error| !answer.errors.contains(error)));
            let mut conflicts = BTreeSet::new();
            for (service, outcome) in self.carry_out_all(considered).await {
                match outcome {
                    Outcome::Done(decision, error) => {
                        decisions.insert(service, decision);
                        answer.errors.extend(error);
                    }
                    Outcome::Left => answer.handed_over.push(service),
                    Outcome::Conflict(_) if 0 < looks_left => {
                        conflicts.insert(service);
                    }
                    Outcome::Conflict(decision) => {
                        answer.errors.push(outpaced(&service));
                        decisions.insert(service, decision);
                    }
                }
            }
            if conflicts.is_empty() {
                break;
            }
            targets.retain(|target| conflicts.contains(&target.service));
            care.thrifty = false;
        }
        answer.decisions = decisions.into_values().collect();
        answer
    }

    fn consider(self, target: &ScalableTarget, sight: Sight) -> Considered<'_> {
        let Sight { observation, stored, basis, history } = sight;
        let (version, before) = match stored {
            Some(stored) => (Some(stored.version), stored.memory),
            None => (None, Memory::default()),
        };
        let mut memory = before.clone();
        let by_hand = self.manner.amendment.as_ref().map(|amendment| amendment.apply(&mut memory));
        let mut decision = decide(target, &observation, memory);
        if history == History::PutOff {
            put_off_history(target, &before, &mut decision.memory);
        }
        remember_rest(target, &observation, &before, self.care.policy, &mut decision);
        let is_news = match basis {
            Basis::EveryLook if self.care.thrifty && history != History::Asked => {
                is_news(target, &before, &decision.memory)
            }
            Basis::EveryLook | Basis::ThisLook => decision.memory != before,
            Basis::Rest => false,
        };
        Considered { target, observation, before, version, by_hand, decision, is_news }
    }

    /// Carries out decisions: what is only remembered side by side with what is done, and more tasks before fewer, the oldest look
    /// first.
    async fn carry_out_all(self, considered: Vec<Considered<'_>>) -> Vec<(ServiceId, Outcome)> {
        let (mut acting, resting): (Vec<Considered<'_>>, Vec<Considered<'_>>) =
            considered.into_iter().partition(Considered::acts);
        acting.sort_by_key(|one| (one.decision.change() != Change::Out, one.before.starts.looked_at));
        let (mut done, held) = futures::join!(
            in_any_order(acting.into_iter().map(|one| self.carry_out(one)).collect()),
            in_any_order(resting.into_iter().map(|one| self.carry_out(one)).collect()),
        );
        done.extend(held);
        done.sort_by(|(one, _), (other, _)| one.cmp(other));
        done
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
                decision.reasons.push(Reason { code: ReasonCode::BlastRadius, text: Sentence::new(text) });
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

    async fn carry_out(self, considered: Considered<'_>) -> (ServiceId, Outcome) {
        (considered.target.service.clone(), self.outcome(considered).await)
    }

    async fn outcome(self, considered: Considered<'_>) -> Outcome {
        let acts = considered.acts();
        let Considered { target, observation, before, version, by_hand, mut decision, is_news } = considered;
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
        if acts && !self.has_room_to_update().await {
            return Outcome::Left;
        }
        if acts || is_news {
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

    /// Whether an UpdateService call can be sent before the time for it ends.
    async fn has_room_to_update(self) -> bool {
        let clock = self.ports.clock.as_ref();
        match self.until {
            Some(until) => {
                in_time(self.ports.ecs.room_to_update(), clock, elapsed(clock.now(), until)).await.is_some()
            }
            None => {
                self.ports.ecs.room_to_update().await;
                true
            }
        }
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
    let reasons = by_hand.into_iter().chain(decision.reasons.iter().map(|reason| reason.text.to_string()));
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
