//! Steps 3 and 6: the bounds in force. Schedules lie over the policy file's bounds, windows over schedules, an override by hand
//! over all; nothing rewrites what is below, so when an overlay ends the former bounds hold again by themselves.
//!
//! The calendar is asked what holds now, not what to do now: a late, lost or repeated tick cannot miss a schedule.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::account::Account;
use super::figures::{moment, tasks};
use super::recommend::Look;
use super::suspend::told;
use crate::model::memory::{BeforeWindow, Memory, Pause, PauseDirection};
use crate::model::schedule::{PartialCapacity, ScheduledAction, Window};
use crate::model::sentence::{Phrase, phrase};
use crate::model::{Capacity, Reason, ReasonCode, ScalableTarget, Sentence, TaskCount};

/// The bounds in force, and what made them so.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub(super) capacity: Capacity,
    base: Capacity,
    over: PartialCapacity,
    reasons: Vec<Reason>,
    /// The window in force that began last.
    window: Option<String>,
    /// Windows are set aside, as scheduled actions are.
    paused: bool,
    /// The code of the topmost overlay that set the lower bound, where one did.
    min_by: Option<ReasonCode>,
    /// The code of the topmost overlay that set the upper bound, where one did.
    max_by: Option<ReasonCode>,
}

impl Bounds {
    fn lay(&mut self, over: PartialCapacity, code: ReasonCode, what: impl Phrase) {
        self.over = PartialCapacity { min: over.min.or(self.over.min), max: over.max.or(self.over.max) };
        self.capacity = self.base.overlaid(self.over.min, self.over.max);
        self.min_by = over.min.map(|_| code).or(self.min_by);
        self.max_by = over.max.map(|_| code).or(self.max_by);
        self.tell(code, phrase!("{what}: {bounds} tasks", bounds = self.capacity));
    }

    fn tell(&mut self, code: ReasonCode, text: impl Phrase) {
        self.reasons.push(Reason { code, text: Sentence::new(text) });
    }

    /// Lays the scheduled actions in force over the bounds, and the windows that are open over those.
    fn lay_calendar(&mut self, target: &ScalableTarget, now: Timestamp) {
        let mut actions: Vec<_> =
            target.schedules.iter().filter_map(|action| Some((last_run(action, now)?, action))).collect();
        actions.sort_by_key(|(at, _)| *at);
        for (at, action) in in_force(&actions) {
            let what = phrase!(
                "scheduled action {name} of {at} is in force",
                name = action.name.clone(),
                at = moment(at)
            );
            self.lay(action.capacity, ReasonCode::Scheduled, what);
        }
        let mut windows: Vec<_> =
            target.windows.iter().filter_map(|window| Some((open_since(window, now)?, window))).collect();
        windows.sort_by_key(|(since, _)| *since);
        for (since, window) in windows {
            let what =
                phrase!("window {name} since {since}", name = window.name.clone(), since = moment(since));
            self.lay(window.capacity, ReasonCode::Window, what);
            self.window = Some(window.name.clone());
        }
    }

    /// Leaves the bounds as they are without the calendar.
    fn set_aside_calendar(&mut self, target: &ScalableTarget, pause: &Pause) {
        self.paused = true;
        if !target.schedules.is_empty() || !target.windows.is_empty() {
            let text = phrase!(
                "{told}, so they do not move the bounds: {bounds} tasks",
                told = told(pause),
                bounds = self.capacity
            );
            self.tell(ReasonCode::ScalingSuspended, text);
        }
    }
}

/// The bounds in force now.
pub(super) fn bounds(target: &ScalableTarget, now: Timestamp, memory: &Memory) -> Bounds {
    let mut bounds = Bounds {
        capacity: target.capacity,
        base: target.capacity,
        over: PartialCapacity::default(),
        reasons: Vec::new(),
        window: None,
        paused: false,
        min_by: None,
        max_by: None,
    };
    match memory.pauses.iter().find(|pause| pause.direction == PauseDirection::Schedules) {
        Some(pause) => bounds.set_aside_calendar(target, pause),
        None => bounds.lay_calendar(target, now),
    }
    if let Some(manual) = memory.manual {
        let held = manual.desired.filter(|_| manual.min.is_none() && manual.max.is_none());
        let over = PartialCapacity { min: manual.min.or(held), max: manual.max.or(held) };
        if over != PartialCapacity::default() {
            let what = phrase!("override by hand until {until}", until = moment(manual.until));
            bounds.lay(over, ReasonCode::Override, what);
        }
    }
    bounds
}

/// When an action ran last. With a start time it also runs at that time; after its end it runs no more, and what it set last
/// stays, as Application Auto Scaling does.
fn last_run(action: &ScheduledAction, now: Timestamp) -> Option<Timestamp> {
    let until = action.end.map_or(now, |end| now.min(end));
    let at_start = action.start.filter(|start| *start <= until);
    action.when.last_occurrence(until, action.start).max(at_start)
}

/// The last action that set the lower bound and the last that set the upper one, in the order of their runs.
fn in_force<'a>(
    actions: &[(Timestamp, &'a ScheduledAction)],
) -> impl Iterator<Item = (Timestamp, &'a ScheduledAction)> {
    let min = actions.iter().rposition(|(_, action)| action.capacity.min.is_some());
    let max = actions.iter().rposition(|(_, action)| action.capacity.max.is_some());
    let used =
        actions.iter().enumerate().filter(move |(place, _)| min == Some(*place) || max == Some(*place));
    used.map(|(_, action)| *action).collect::<Vec<_>>().into_iter()
}

/// When a window opened, if it is open.
fn open_since(window: &Window, now: Timestamp) -> Option<Timestamp> {
    let since = window.start.last_occurrence(now, None)?;
    let end = window.end.last_occurrence(now, None);
    // A start that daylight saving time moved onto the end opens nothing; one that is at the end by itself reopens.
    let closed = end.is_some_and(|end| since < end || since == end && window.start.is_moved_to(since));
    (!closed).then_some(since)
}

/// Goes to a count that was set by hand, and back to the count that a window had lowered.
pub(super) fn go_to_remembered(
    look: &Look<'_>,
    bounds: &Bounds,
    wanted: TaskCount,
    memory: &mut Memory,
    account: &mut Account,
) -> TaskCount {
    let found = look.observation.service.desired;
    if let Some(manual) = memory.manual.as_mut().filter(|manual| manual.min.is_some() || manual.max.is_some())
    {
        // It is gone to once: when it is seen, as far as the bounds let it, the policies decide again.
        manual.desired = manual.desired.filter(|count| bounds.capacity.clamp(*count) != found);
        if let Some(count) = manual.desired {
            account.bind(
                ReasonCode::Override,
                phrase!("set by hand to {tasks} once, instead of {wanted}", tasks = tasks(count)),
            );
            return count;
        }
    }
    let Some(before) = memory.before_window.as_ref().filter(|_| bounds.window.is_none()) else {
        return wanted;
    };
    let former = bounds.capacity.clamp(before.count);
    if former <= found {
        memory.before_window = None;
        return wanted;
    }
    if wanted < former {
        let ended = if bounds.paused { "is paused" } else { "ended" };
        let text = phrase!(
            "window {name} {ended}: back to the {tasks} before it",
            name = before.window.clone(),
            tasks = tasks(before.count)
        );
        account.bind(ReasonCode::Window, text);
    }
    wanted.max(former)
}

/// Remembers the count that a window is about to lower.
pub(super) fn remember_before_window(bounds: &Bounds, from: TaskCount, to: TaskCount, memory: &mut Memory) {
    if let Some(window) = &bounds.window
        && memory.before_window.is_none()
        && to < from
        && bounds.capacity.max() < from
    {
        memory.before_window = Some(BeforeWindow { window: window.clone(), count: from });
    }
}

/// Brings a count within the bounds: always, last, at every look. A service found outside of them was brought in before its
/// policies were asked; where they leave it there, that correction is the reason.
pub(super) fn bring_within(
    look: &Look<'_>,
    bounds: &Bounds,
    wanted: TaskCount,
    account: &mut Account,
) -> TaskCount {
    let found = look.observation.service.desired;
    let (before, word) = if wanted == look.desired { (found, "desired") } else { (wanted, "wanted") };
    let count = bounds.capacity.clamp(wanted);
    bounds.reasons.iter().cloned().for_each(|reason| account.take(reason));
    let (by_bound, by_overlay, bound) = match count.cmp(&before) {
        Ordering::Less => (ReasonCode::AlreadyAtMaxCapacity, bounds.max_by, "ceiling"),
        Ordering::Greater => (ReasonCode::AlreadyAtMinCapacity, bounds.min_by, "floor"),
        Ordering::Equal => return count,
    };
    account.bind(by_bound, phrase!("{before} {word}, the {bound} is {count}", before = tasks(before)));
    if let Some(code) = by_overlay {
        account.bind_to(code);
    }
    count
}
