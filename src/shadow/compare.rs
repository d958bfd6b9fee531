//! The comparison: two counts over time, laid over each other.
//!
//! What really was is a step function of the counts that others report and of those that trimtab found. What trimtab wanted is what
//! it told at each look that wanted a change; where it wanted none, and where it tells nothing, it wanted what was.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::promise::{Promise, Share};
use super::{Count, Evidence, Look, Span};
use crate::model::TaskCount;

/// A wish stands until the next look; where none is told for two minutes, which are two looks, it does not stand any more. A look
/// that wants a change is always told.
const A_WISH_STANDS: SignedDuration = SignedDuration::from_secs(120);
/// A change is looked for in trimtab's wishes of the hour before; what it wanted earlier was about something else.
const WISHES_BEFORE: SignedDuration = SignedDuration::from_hours(1);
/// For so long after an activity began ECS may still tell the count before it.
const UNTIL_ECS_TELLS: SignedDuration = SignedDuration::from_secs(30);

/// A service under trimtab and under who really scaled it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// From when it is compared.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The hours of it in which both counts are known.
    pub hours: f64,
    /// Trimtab's looks in it that are told.
    pub looks: usize,
    /// How many of its decisions it carried out: none in shadow.
    pub applied: usize,
    /// What really was.
    pub real: Side,
    /// What trimtab wanted.
    pub trimtab: Side,
    /// The real scale-outs, and when trimtab wanted as many tasks.
    pub scale_outs: Moves,
    /// The real scale-ins, and when trimtab wanted as few.
    pub scale_ins: Moves,
    /// How far the two counts were apart, from 0 (always the same) to 1: the integral of their difference over the integral of the
    /// greater of the two.
    pub divergence: f64,
    /// How the promise was kept, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<Promise>,
}

/// One of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Side {
    /// Hours of tasks.
    pub task_hours: f64,
    /// What they cost, in dollars.
    pub usd: f64,
    /// How often the count changed; for trimtab, how often it wanted another count than before.
    pub changes: usize,
    /// Minutes in which it had fewer tasks than the other.
    pub minutes_with_fewer: f64,
}

/// The real changes in one direction, beside trimtab's wishes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Moves {
    /// How many trimtab had wanted before.
    pub earlier: usize,
    /// How many it had not wanted before, but kept at its next look. When it would have wanted them is not to be known: the load
    /// that it saw then was one with these tasks.
    pub kept: usize,
    /// How many it did not want at its next look either.
    pub unwanted: usize,
    /// How many were over before it looked.
    pub unseen: usize,
    /// The median of how much earlier trimtab wanted what it wanted or kept, in seconds; negative is later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_lead_s: Option<i64>,
    /// The 90th percentile of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90_lead_s: Option<i64>,
    /// Each of them.
    pub moves: Vec<Move>,
}

/// A real change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// When.
    pub at: Timestamp,
    /// The count before.
    pub from: TaskCount,
    /// The count after.
    pub to: TaskCount,
    /// What trimtab had to do with it.
    pub trimtab: Part,
    /// How much earlier trimtab wanted it, in seconds; negative is later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_s: Option<i64>,
}

/// What trimtab had to do with a real change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// It had wanted it before.
    Earlier,
    /// It kept it.
    Kept,
    /// It did not want it.
    Unwanted,
    /// It was over before trimtab looked.
    Unseen,
}

/// Compares the two counts of a service. None where trimtab did not look in the span, or where what really was is not known.
pub fn compare(evidence: &Evidence, span: Span, usd_per_task_hour: f64) -> Option<Comparison> {
    let mut looks = evidence.looks.clone();
    looks.sort_by_key(|look| look.at);
    // Before its first look trimtab was not there, which is no agreement.
    let first = looks.first()?.at;
    let since = span.since.map_or(first, |since| since.max(first));
    let until = span.until.or(looks.last().map(|look| look.at))?;
    let real = Steps::of(&evidence.counts, if evidence.measured { &[] } else { &looks });
    let wishes = wishes(&looks);
    let told = looks.iter().filter(|look| (since..=until).contains(&look.at));
    let (told, applied) =
        told.fold((0, 0), |(told, applied), look| (told + 1, applied + usize::from(look.applied)));
    let areas = Areas::between(&real, &wishes, since, until);
    if told == 0 || areas.seconds <= 0.0 {
        return None;
    }
    let side = |task_seconds: f64, changes, seconds_with_fewer: f64| {
        let task_hours = task_seconds / 3600.0;
        let usd = task_hours * usd_per_task_hour;
        Side { task_hours, usd, changes, minutes_with_fewer: seconds_with_fewer / 60.0 }
    };
    let changes: Vec<Change> = real.changes().filter(|change| (since..=until).contains(&change.at)).collect();
    let wanted = wanted_changes(&looks, &real, since, until);
    Some(Comparison {
        since,
        until,
        hours: areas.seconds / 3600.0,
        looks: told,
        applied,
        real: side(areas.real, changes.len(), areas.real_fewer),
        trimtab: side(areas.wanted, wanted, areas.wanted_fewer),
        scale_outs: Moves::of(changes.iter().filter(|change| change.from < change.to), &real, &looks, until),
        scale_ins: Moves::of(changes.iter().filter(|change| change.to < change.from), &real, &looks, until),
        divergence: if areas.greater > 0.0 { areas.apart / areas.greater } else { 0.0 },
        promise: promise(evidence, &real, &wishes, since, until),
    })
}

/// A count over time.
#[derive(Debug)]
struct Steps(Vec<Count>);

/// A change of a count.
#[derive(Clone, Copy, Debug)]
struct Change {
    at: Timestamp,
    from: TaskCount,
    to: TaskCount,
}

impl Steps {
    /// What others report, and what trimtab found at its looks, which corrects it: a count may be set by hand, too. Just after a
    /// report ECS may still tell the count before it, which is no change back.
    fn of(counts: &[Count], looks: &[Look]) -> Self {
        let reported = counts.iter().map(|count| (*count, true));
        let found = looks.iter().map(|look| (Count { at: look.at, count: look.from }, false));
        let mut all: Vec<(Count, bool)> = reported.chain(found).collect();
        all.sort_by_key(|(count, is_reported)| (count.at, !is_reported));
        let mut steps: Vec<Count> = Vec::new();
        let mut before_report: Option<Count> = None;
        for (next, is_reported) in all {
            let newest = steps.last().map(|count| count.count);
            let is_late = |old: Count| {
                !is_reported && old.count == next.count && next.at.duration_since(old.at) < UNTIL_ECS_TELLS
            };
            if newest == Some(next.count) || before_report.is_some_and(is_late) {
                continue;
            }
            before_report = newest.filter(|_| is_reported).map(|count| Count { at: next.at, count });
            steps.push(next);
        }
        Self(steps)
    }

    fn at(&self, at: Timestamp) -> Option<TaskCount> {
        let index = self.0.partition_point(|count| count.at <= at);
        Some(self.0.get(index.checked_sub(1)?)?.count)
    }

    fn changes(&self) -> impl Iterator<Item = Change> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        pairs.map(|(before, after)| Change { at: after.at, from: before.count, to: after.count })
    }

    /// Since when the count has been such as just before `at`.
    fn since(&self, at: Timestamp, is_such: impl Fn(TaskCount) -> bool) -> Option<Timestamp> {
        let index = self.0.partition_point(|count| count.at < at);
        let before = self.0.get(..index)?.iter().rev();
        before.take_while(|count| is_such(count.count)).last().map(|count| count.at)
    }

    /// The first change after `at`.
    fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.0.get(self.0.partition_point(|count| count.at <= at)).map(|count| count.at)
    }
}

/// A count that trimtab wanted and that was not.
#[derive(Clone, Copy, Debug)]
struct Wish {
    from: Timestamp,
    until: Timestamp,
    count: TaskCount,
}

fn wishes(looks: &[Look]) -> Vec<Wish> {
    let next = looks.iter().skip(1).map(|look| Some(look.at)).chain([None]);
    let wishes = looks.iter().zip(next).filter(|(look, _)| look.from != look.to).map(|(look, next)| {
        let at_most = look.at.saturating_add(A_WISH_STANDS).unwrap_or(look.at);
        Wish { from: look.at, until: next.map_or(at_most, |next| next.min(at_most)), count: look.to }
    });
    wishes.collect()
}

/// What trimtab wanted at a moment, where it is not what was.
fn wish_at(wishes: &[Wish], at: Timestamp) -> Option<TaskCount> {
    let index = wishes.partition_point(|wish| wish.from <= at);
    let wish = wishes.get(index.checked_sub(1)?)?;
    (at < wish.until).then_some(wish.count)
}

/// Integrals over the two counts, in seconds and task-seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Areas {
    seconds: f64,
    real: f64,
    wanted: f64,
    real_fewer: f64,
    wanted_fewer: f64,
    apart: f64,
    greater: f64,
}

impl Areas {
    fn between(real: &Steps, wishes: &[Wish], since: Timestamp, until: Timestamp) -> Self {
        let mut edges: Vec<Timestamp> = real.0.iter().map(|count| count.at).collect();
        edges.extend(wishes.iter().flat_map(|wish| [wish.from, wish.until]));
        edges.retain(|edge| since < *edge && *edge < until);
        edges.extend([since, until]);
        edges.sort_unstable();
        edges.dedup();
        let mut areas = Self::default();
        for (start, end) in edges.iter().zip(edges.iter().skip(1)) {
            let Some(is) = real.at(*start) else { continue };
            let wanted = wish_at(wishes, *start).unwrap_or(is);
            areas.add(end.duration_since(*start).as_secs_f64(), is, wanted);
        }
        areas
    }

    fn add(&mut self, seconds: f64, real: TaskCount, wanted: TaskCount) {
        self.seconds += seconds;
        self.real += seconds * f64::from(real);
        self.wanted += seconds * f64::from(wanted);
        self.apart += seconds * f64::from(real.abs_diff(wanted));
        self.greater += seconds * f64::from(real.max(wanted));
        if real < wanted {
            self.real_fewer += seconds;
        }
        if wanted < real {
            self.wanted_fewer += seconds;
        }
    }
}

/// How often trimtab wanted another count than just before.
fn wanted_changes(looks: &[Look], real: &Steps, since: Timestamp, until: Timestamp) -> usize {
    let mut standing: Option<(TaskCount, Timestamp)> = None;
    let mut changes = 0;
    for look in looks {
        if look.from == look.to {
            standing = None;
            continue;
        }
        let before = standing.filter(|(_, until)| look.at < *until).map(|(count, _)| count);
        let before = before.or_else(|| real.at(look.at)).unwrap_or(look.from);
        if before != look.to && (since..=until).contains(&look.at) {
            changes += 1;
        }
        standing = Some((look.to, look.at.saturating_add(A_WISH_STANDS).unwrap_or(look.at)));
    }
    changes
}

impl Moves {
    fn of<'a>(
        changes: impl Iterator<Item = &'a Change>,
        real: &Steps,
        looks: &[Look],
        until: Timestamp,
    ) -> Self {
        let moves: Vec<Move> = changes.map(|change| judged(*change, real, looks, until)).collect();
        let count = |part| moves.iter().filter(|one| one.trimtab == part).count();
        let mut leads: Vec<i64> = moves.iter().filter_map(|one| one.lead_s).collect();
        leads.sort_unstable();
        Self {
            earlier: count(Part::Earlier),
            kept: count(Part::Kept),
            unwanted: count(Part::Unwanted),
            unseen: count(Part::Unseen),
            median_lead_s: percentile(&leads, 50),
            p90_lead_s: percentile(&leads, 90),
            moves,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.moves.len()
    }
}

/// What trimtab had to do with a real change: it had wanted as much since the count left it, or keeps it at its next look.
fn judged(change: Change, real: &Steps, looks: &[Look], until: Timestamp) -> Move {
    let Change { at, from, to } = change;
    let is_out = from < to;
    let is_there = |count: TaskCount| if is_out { to <= count } else { count <= to };
    let begun = real.since(at, |count| !is_there(count)).unwrap_or(at);
    let earliest = at.saturating_sub(WISHES_BEFORE).unwrap_or(at).max(begun);
    let mut before = looks.iter().filter(|look| earliest <= look.at && look.at <= at && !is_there(look.from));
    let over = real.next_after(at);
    let is_before_next = |look: &Look| look.at <= until && over.is_none_or(|over| look.at < over);
    let mut after = looks.iter().filter(|look| at <= look.at && is_before_next(look));
    let wanted = before.find(|look| is_there(look.to));
    let next = after.find(|look| is_there(look.from) || is_there(look.to));
    let (trimtab, of) = match (wanted, next) {
        (Some(wanted), _) => (Part::Earlier, Some(wanted)),
        (None, Some(next)) if is_there(next.to) => (Part::Kept, Some(next)),
        (None, Some(_)) => (Part::Unwanted, None),
        (None, None) => (Part::Unseen, None),
    };
    Move { at, from, to, trimtab, lead_s: of.map(|look| at.duration_since(look.at).as_secs()) }
}

/// The value that so many per cent of the sorted values do not exceed, by nearest rank.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// How the promise was kept, by whether fewer tasks were desired than trimtab wanted at the middle of each period.
fn promise(
    evidence: &Evidence,
    real: &Steps,
    wishes: &[Wish],
    since: Timestamp,
    until: Timestamp,
) -> Option<Promise> {
    let (mut fewer, mut enough) = (Vec::new(), Vec::new());
    for within in &evidence.within {
        let half = SignedDuration::try_from(within.period / 2).unwrap_or(SignedDuration::ZERO);
        let middle = within.start.saturating_add(half).unwrap_or(within.start);
        let Some(is) = real.at(middle).filter(|_| (since..=until).contains(&middle)) else { continue };
        let is_fewer = wish_at(wishes, middle).is_some_and(|wanted| is < wanted);
        if is_fewer { &mut fewer } else { &mut enough }.push(within.percent);
    }
    let is_known = !fewer.is_empty() || !enough.is_empty();
    is_known.then(|| Promise { fewer: Share::of(&fewer), enough: Share::of(&enough) })
}

/// A lead as a length of time.
pub(super) fn length(lead_s: i64) -> Duration {
    Duration::from_secs(lead_s.unsigned_abs())
}
