//! What a person asks for by hand. It changes the memory and nothing else; the look that follows decides under it.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::capacity::MOST_TASKS;
use crate::model::memory::{ManualCapacity, Pause, PauseDirection};
use crate::model::{Capacity, Memory, ServiceId, TaskCount};

use super::answer::AnswerError;
use super::trigger::Trigger;

/// How long bounds set by hand hold where no end is given.
const DEFAULT_LENGTH: Duration = Duration::from_secs(86_400);

/// A change of what is remembered of a service.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Amendment {
    /// Bounds for a while, in place of those set before.
    SetCapacity {
        /// The bounds.
        manual: ManualCapacity,
        /// No end was given.
        default_end: bool,
    },
    /// A pause, in place of an earlier one in the same direction.
    Pause(Pause),
    /// The end of pauses and bounds.
    Resume,
}

impl Amendment {
    /// What the trigger asks to remember, where it is one by hand that does.
    ///
    /// # Errors
    /// Where it asks for something that cannot be.
    pub(super) fn of(trigger: &Trigger, now: Timestamp) -> Result<Option<Self>, AnswerError> {
        match trigger {
            Trigger::SetCapacity { service, min, max, desired, until } => {
                let default_end = until.is_none();
                let until =
                    until.unwrap_or_else(|| now.saturating_add(DEFAULT_LENGTH).unwrap_or(Timestamp::MAX));
                let manual = ManualCapacity { min: *min, max: *max, desired: *desired, until };
                check_bounds(&manual)
                    .and_then(|()| check_end(until, now))
                    .map_err(refuse("set_capacity", service))?;
                Ok(Some(Self::SetCapacity { manual, default_end }))
            }
            Trigger::Pause { service, direction, until, reason } => {
                until.map_or(Ok(()), |until| check_end(until, now)).map_err(refuse("pause", service))?;
                let pause = Pause { direction: *direction, until: *until, reason: reason.clone() };
                Ok(Some(Self::Pause(pause)))
            }
            Trigger::Resume { .. } => Ok(Some(Self::Resume)),
            Trigger::Tick
            | Trigger::Alarm { .. }
            | Trigger::EcsChange { .. }
            | Trigger::Evaluate { .. }
            | Trigger::Status { .. }
            | Trigger::Shard(_) => Ok(None),
        }
    }

    /// Changes the memory, and tells it in a sentence for the answer's reasons.
    pub(super) fn apply(&self, memory: &mut Memory) -> String {
        match self {
            Self::SetCapacity { manual, default_end } => {
                memory.manual = Some(*manual);
                let end = if *default_end { ", a day from now because no end was given" } else { "" };
                format!("Set by hand: {} until {}{end}.", in_words(manual), manual.until)
            }
            Self::Pause(pause) => {
                memory.pauses.retain(|earlier| earlier.direction != pause.direction);
                memory.pauses.push(pause.clone());
                let until = pause.until.map_or("resumed".to_owned(), |until| until.to_string());
                let why = pause.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                format!("Paused by hand: {} until {until}{why}.", direction_in_words(pause.direction))
            }
            Self::Resume => {
                let nothing = memory.pauses.is_empty() && memory.manual.is_none();
                memory.pauses.clear();
                memory.manual = None;
                if nothing {
                    "Resumed by hand, though nothing was paused or set."
                } else {
                    "Resumed by hand: pauses and bounds set by hand have ended."
                }
                .to_owned()
            }
        }
    }
}

fn check_bounds(manual: &ManualCapacity) -> Result<(), String> {
    let ManualCapacity { min, max, desired, .. } = *manual;
    if min.or(max).or(desired).is_none() {
        return Err("give at least one of min, max and desired".to_owned());
    }
    let bounds =
        Capacity::new(min.unwrap_or(0), max.unwrap_or(MOST_TASKS)).map_err(|error| error.to_string())?;
    match desired {
        Some(desired) if bounds.clamp(desired) != desired => {
            Err(format!("desired {desired} is not within {bounds}"))
        }
        _ => Ok(()),
    }
}

fn check_end(until: Timestamp, now: Timestamp) -> Result<(), String> {
    if until <= now { Err(format!("until {until} is over; it is {now}")) } else { Ok(()) }
}

fn refuse(action: &'static str, service: &ServiceId) -> impl FnOnce(String) -> AnswerError {
    let service = service.clone();
    move |why| {
        let error = format!("{action} {service} was refused: {why}");
        AnswerError::request(Some(service), error)
    }
}

fn in_words(manual: &ManualCapacity) -> String {
    let part = |name: &str, count: Option<TaskCount>| count.map(|count| format!("{name} {count}"));
    let parts = [part("min", manual.min), part("max", manual.max), part("desired", manual.desired)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn direction_in_words(direction: PauseDirection) -> &'static str {
    match direction {
        PauseDirection::Out => "scale-out",
        PauseDirection::In => "scale-in",
        PauseDirection::Both => "all scaling",
        PauseDirection::Schedules => "scheduled actions and windows",
    }
}
