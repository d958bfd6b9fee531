//! Scheduled actions of Application Auto Scaling as those of the policy file.
//!
//! AAS writes what an action sets into the scalable target, where it stays; trimtab asks which action ran last. The two are the
//! same as long as nobody changes the target by hand in between, which is looked for here.

use jiff::Timestamp;

use super::aas::{ScalableTarget, ScheduledAction};
use super::entry::Item;
use super::write::{Node, member};
use crate::model::schedule::Calendar;

/// The name of an action in comments and remarks.
pub(super) fn label(action: &ScheduledAction) -> String {
    format!("scheduled action {:?}", action.scheduled_action_name)
}

/// An action that is carried over.
#[derive(Clone, Debug)]
pub(super) struct Scheduled {
    pub(super) item: Item,
    /// When it ran last, where it has.
    ran: Option<Timestamp>,
    min: Option<i64>,
    max: Option<i64>,
}

/// An action carried over, or why not.
pub(super) fn scheduled(action: &ScheduledAction, now: Timestamp) -> Result<Scheduled, String> {
    let bounds = action.scalable_target_action.unwrap_or_default();
    let (min, max) = (bounds.min_capacity, bounds.max_capacity);
    let bound = |name, bound: Option<i64>| bound.map(|count| (name, Node::word(count.to_string())));
    let capacity: Vec<_> = bound("min", min).into_iter().chain(bound("max", max)).collect();
    if capacity.is_empty() {
        return Err("it sets neither a minimum nor a maximum".to_owned());
    }
    let calendar =
        Calendar::new(&action.schedule, action.timezone.as_deref()).map_err(|error| error.to_string())?;
    let is_rate = action.schedule.trim_start().starts_with("rate");
    let start = action.start_time.or_else(|| action.creation_time.filter(|_| is_rate));
    let mut notes = Vec::new();
    if is_rate && action.start_time.is_none() && start.is_some() {
        notes.push("its rate is counted from when it was made".to_owned());
    }
    let until = action.end_time.map_or(now, |end| end.min(now));
    let at_start = action.start_time.filter(|start| *start <= until);
    let ran = calendar.last_occurrence(until, start).max(at_start);
    let is_once = action.schedule.trim_start().starts_with("at");
    if action.end_time.is_some_and(|end| end <= now) || is_once && ran.is_some() {
        return Err(match ran {
            Some(ran) => {
                format!("it has run for the last time, at {ran}; what it set is in the capacity")
            }
            None => "it has ended, and never ran".to_owned(),
        });
    }
    let mut settings = vec![
        member("name", Node::text(&action.scheduled_action_name)),
        member("schedule", Node::text(&action.schedule)),
    ];
    settings.extend(action.timezone.as_deref().map(|zone| member("timezone", Node::text(zone))));
    settings.extend(start.map(|start| member("start", Node::text(&start.to_string()))));
    settings.extend(action.end_time.map(|end| member("end", Node::text(&end.to_string()))));
    settings.push(member("capacity", Node::Flow(capacity)));
    let item = Item { notes, ..Item::new(label(action), Node::Map(settings)) };
    Ok(Scheduled { item, ran, min, max })
}

/// What is said where the bounds that AAS has now are not those that its actions set last: somebody changed them since.
pub(super) fn changed_by_hand(target: &ScalableTarget, actions: &[Scheduled]) -> Vec<String> {
    let mut ran: Vec<(Timestamp, &Scheduled)> =
        actions.iter().filter_map(|action| Some((action.ran?, action))).collect();
    ran.sort_by_key(|(at, _)| *at);
    let newest_first = || ran.iter().rev();
    let min = newest_first().find_map(|(at, action)| Some((*at, *action, action.min?)));
    let max = newest_first().find_map(|(at, action)| Some((*at, *action, action.max?)));
    let sides = [("MinCapacity", target.min_capacity, min), ("MaxCapacity", target.max_capacity, max)];
    let told = sides.into_iter().filter_map(|(name, now, last)| {
        let (at, Scheduled { item, .. }, count) = last.filter(|(_, _, count)| *count != now)?;
        let label = &item.label;
        Some(format!(
            "{name} {now}: {label} set {count} at {at}, and trimtab holds to that until the next action runs"
        ))
    });
    told.collect()
}
