//! The moments of a run that are worth telling: the decisions that a person would ask about.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;

use super::Seconds;
use super::run::At;
use crate::control::answer::ServiceDecision;
use crate::model::{Change, ReasonCode, ServiceId, TaskCount};

/// A decision that is worth telling.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// When, in seconds since the world began.
    pub t: Seconds,
    /// The service.
    pub service: ServiceId,
    /// Why it is worth telling.
    pub title: String,
    /// The desired count before.
    pub from: TaskCount,
    /// The desired count after.
    pub to: TaskCount,
    /// The decision's reasons.
    pub reasons: Vec<String>,
}

/// Something that a scenario lets happen, to be named where it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The service that it happens to.
    pub service: ServiceId,
    /// When.
    pub during: Range<Seconds>,
    /// What it is.
    pub title: &'static str,
}

/// The moments of a run, by time.
pub fn moments(decisions: &[At<ServiceDecision>], occasions: &[Occasion]) -> Vec<Moment> {
    let mut by_service: BTreeMap<&ServiceId, Vec<&At<ServiceDecision>>> = BTreeMap::new();
    for decision in decisions.iter().filter(|at| at.what.applied && at.what.change != Change::Hold) {
        by_service.entry(&decision.what.service).or_default().push(decision);
    }
    let mut moments: Vec<Moment> =
        by_service.into_values().flat_map(|changes| of_service(&changes, occasions)).collect();
    moments.sort_by_key(|moment| moment.t);
    moments
}

/// The moments of one service; of several titles for one change the first found is told.
fn of_service(changes: &[&At<ServiceDecision>], occasions: &[Occasion]) -> Vec<Moment> {
    let mut told: BTreeMap<Seconds, Moment> = BTreeMap::new();
    let mut tell = |title: &str, change: Option<&&At<ServiceDecision>>| {
        if let Some(At { t, what }) = change {
            told.entry(*t).or_insert_with(|| Moment {
                t: *t,
                service: what.service.clone(),
                title: title.to_owned(),
                from: what.from,
                to: what.to,
                reasons: what.reasons.clone(),
            });
        }
    };
    let is_out = |at: &&&At<ServiceDecision>| at.what.change == Change::Out;
    let is_in = |at: &&&At<ServiceDecision>| at.what.change == Change::In;
    let is_calendar =
        |at: &&&At<ServiceDecision>| matches!(at.what.code, ReasonCode::Scheduled | ReasonCode::Window);
    for occasion in occasions {
        let answers = |at: &&&At<ServiceDecision>| {
            is_out(at) && occasion.during.contains(&at.t) && at.what.service == occasion.service
        };
        tell(occasion.title, changes.iter().find(answers));
    }
    tell("The calendar raises the floor", changes.iter().filter(is_out).find(is_calendar));
    tell("The calendar lowers the ceiling", changes.iter().filter(is_in).find(is_calendar));
    tell("To zero: nothing is left to do", changes.iter().find(|at| at.what.to == 0));
    tell("From zero: work has arrived", changes.iter().find(|at| at.what.from == 0));
    tell("The first scale-out", changes.iter().find(is_out));
    tell("The largest scale-out", changes.iter().filter(is_out).max_by_key(|at| at.what.to - at.what.from));
    tell("The largest scale-in", changes.iter().filter(is_in).max_by_key(|at| at.what.from - at.what.to));
    tell("The largest count", changes.iter().rev().max_by_key(|at| at.what.to));
    told.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(t: Seconds, from: TaskCount, to: TaskCount, code: ReasonCode) -> At<ServiceDecision> {
        let change = if from < to { Change::Out } else { Change::In };
        let what = ServiceDecision {
            service: ServiceId::new("prod", "web"),
            at: jiff::Timestamp::UNIX_EPOCH,
            from,
            to,
            change,
            applied: true,
            code,
            reasons: vec![format!("{from} to {to}")],
            running: from,
            pending: 0,
            recommendations: Vec::new(),
            memory: None,
        };
        At { t, what }
    }

    #[test]
    fn the_changes_that_a_person_would_ask_about_are_told_once_each() {
        let decisions = [
            change(60, 2, 0, ReasonCode::Queue),
            change(120, 0, 3, ReasonCode::Queue),
            change(180, 3, 4, ReasonCode::Queue),
            change(240, 4, 20, ReasonCode::Queue),
            change(300, 20, 8, ReasonCode::Queue),
            change(360, 8, 12, ReasonCode::Scheduled),
        ];
        let crowd =
            Occasion { service: ServiceId::new("prod", "web"), during: 200..260, title: "A flash crowd" };
        let found: Vec<(Seconds, String)> =
            moments(&decisions, &[crowd]).into_iter().map(|moment| (moment.t, moment.title)).collect();
        let expected = [
            (60, "To zero: nothing is left to do"),
            (120, "From zero: work has arrived"),
            (240, "A flash crowd"),
            (300, "The largest scale-in"),
            (360, "The calendar raises the floor"),
        ];
        assert_eq!(found, expected.map(|(t, title)| (t, title.to_owned())));
    }

    #[test]
    fn what_was_held_or_not_applied_is_no_moment() {
        let mut shadow = change(60, 2, 3, ReasonCode::Queue);
        shadow.what.applied = false;
        let mut held = change(120, 2, 2, ReasonCode::Queue);
        held.what.change = Change::Hold;
        assert_eq!(moments(&[shadow, held], &[]), []);
    }
}
