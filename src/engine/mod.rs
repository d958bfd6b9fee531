//! The decision: a pure function of a target, an observation and a memory. It has no clock, no I/O and no async; the same
//! input gives the same decision, byte for byte.
//!
//! [`decide`] reads as the table of contents of the algorithm; each step is a module of its own.

mod account;
mod behavior;
mod combine;
mod cooldown;
mod deadline;
mod figures;
mod forecast;
mod foresight;
mod freshness;
mod history;
mod lookahead;
mod overlay;
mod queue;
mod recommend;
mod rehearsal;
mod rest;
mod running;
mod season;
mod service_level;
mod settle;
mod sound;
mod staffing;
mod starts;
mod step_scaling;
mod suspend;
mod target_tracking;

#[cfg(test)]
mod tests;

use crate::model::memory::PendingChange;
use crate::model::{Decision, Memory, Observation, ScalableTarget};
use account::Account;
pub use freshness::is_possible_value;
use history::Unasked;
pub use history::{HISTORY, put_off_history, wanted_history};
use recommend::Look;
pub use rest::{is_content, is_news, remember_rest, rests, status_at_rest};

/// Decides the desired count of a service.
///
/// The points of each metric in `observation` must be in order of time, without duplicates. The decision's memory holds
/// the change as pending: whoever does not carry it out must drop [`Memory::pending`].
pub fn decide(target: &ScalableTarget, observation: &Observation, mut memory: Memory) -> Decision {
    let unasked = Unasked::of(target, &memory, observation.now);
    let mut account = Account::default();
    let from = observation.service.desired;

    settle::settle(target, observation, &mut memory, &mut account);
    let mut bounds = overlay::bounds(target, observation.now, &memory);
    let look = Look { target, observation, desired: bounds.capacity.clamp(from), capacity: bounds.capacity };

    let verdicts = recommend::recommend(&look, &mut memory, &mut account);
    unasked.forget_tries(&mut memory);
    let wish = combine::combine(&look, &verdicts, &mut account);
    let (wish, capacity) = forecast::raise(&look, wish, &mut memory, &mut account);
    bounds.capacity = capacity;
    let wanted = behavior::damp(&look, wish.count, &mut memory, &mut account);
    let wanted = overlay::go_to_remembered(&look, &bounds, wanted, &mut memory, &mut account);
    let wanted = suspend::hold_during_deployment(&look, wanted, &mut account);
    let within = overlay::bring_within(&look, &bounds, wanted, &mut account);
    let to = suspend::hold_while_suspended(&look, within, &memory, &mut account);

    overlay::remember_before_window(&bounds, from, to, &mut memory);
    memory.desired = Some(from);
    memory.pending = (to != from).then(|| PendingChange {
        at: observation.now,
        from,
        to,
        policies: recommend::asking_for_more(&verdicts, look.desired),
    });
    Decision {
        from,
        to,
        recommendations: recommend::recommendations(verdicts),
        binding: account.binding(),
        reasons: account.into_reasons(),
        memory,
    }
}
