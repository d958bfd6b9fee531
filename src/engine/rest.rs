//! Rest: which services a look may leave alone. Each metric that is asked for is paid for, and most services are at rest most of the
//! time: they are as they were decided to be, and would be left so even if their signals changed by a lot.
//!
//! How long a service may be left alone is tried out, not guessed: the policies are asked what they would want at the end of that
//! time, with every metric risen and fallen by what it might. Only where they want the same count both times it rests so long. It
//! rests at most half as long as it has rested already, and at most as long as its target allows. What is seen at no cost is looked
//! at every time all the same: the depth of a queue and the state of an alarm end a rest at once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::account::Account;
use super::recommend::{Look, Vote};
use super::{combine, forecast, overlay, recommend, settle};
use crate::model::duration::elapsed;
use crate::model::memory::Rest;
use crate::model::policy::PolicyKind;
use crate::model::target::Mode;
use crate::model::{
    AlarmState, Change, Decision, Memory, Name, Observation, Point, QueueDepth, ReasonCode, ScalableTarget,
    ServiceStatus, TaskCount,
};

/// A metric may rise by this part of itself in each minute that it is not looked at, or fall as much the other way round.
const GROWTH_A_MINUTE: f64 = 0.1;
/// And by so many times the largest rise over as many minutes that is seen among its newest points.
const RISES: f64 = 2.0;
/// A rest of less than this saves nothing: the next look would be as soon.
const SHORTEST_REST_MIN: u32 = 2;
/// Looks come a little early or late; a rest ends that long before the look that is to come.
const EARLY: SignedDuration = SignedDuration::from_secs(30);
/// Points that show how fast a metric rises: those that every policy that looks back at any sees.
const RECENT_POINTS: usize = 15;
/// Points that a try goes by: beyond the newest hour they are history to rehearse on.
const MOST_POINTS: usize = 60;

/// Whether the metrics of a service at rest need not be asked for at a look, by what is seen without them: its status, queues and
/// alarms. `policy` is the digest of the policy file in force.
pub fn rests(target: &ScalableTarget, memory: &Memory, policy: u64, observation: &Observation) -> bool {
    let Observation { now, queues, alarms, .. } = observation;
    let in_force = |rest: &Rest| rest.policy == policy && rest.seen <= *now && *now < rest.until;
    memory.rest.as_ref().is_some_and(in_force)
        && status_at_rest(memory, policy).as_ref() == Some(&observation.service)
        && target.policies.iter().all(|policy| match &policy.kind {
            PolicyKind::Queue(queue) => {
                let is_empty = |depth: &QueueDepth| {
                    depth.visible == 0 && depth.in_flight.unwrap_or(0) == 0 && depth.delayed.unwrap_or(0) == 0
                };
                queue.queues.iter().all(|queue| queues.get(&queue.name).is_some_and(is_empty))
            }
            PolicyKind::StepScaling(step) => {
                alarms.get(&step.alarm).is_some_and(|alarm| alarm.state != AlarmState::Alarm)
            }
            PolicyKind::TargetTracking(_) | PolicyKind::ServiceLevel(_) => true,
        })
}

/// The status that a service at rest is taken to have while it is not described; none where none can be taken.
pub fn status_at_rest(memory: &Memory, policy: u64) -> Option<ServiceStatus> {
    memory.rest.filter(|rest| rest.policy == policy)?;
    memory.desired.map(ServiceStatus::steady)
}

/// Whether a decision leaves a service as it is, with nothing under way and no policy that asks for anything else.
pub fn is_content(
    target: &ScalableTarget,
    observation: &Observation,
    before: &Memory,
    decision: &Decision,
) -> bool {
    let memory = &decision.memory;
    let nothing_by_hand =
        memory.manual.is_none() && memory.pauses.is_empty() && memory.before_window.is_none();
    let service = &observation.service;
    let at_count = ServiceStatus { scalable: service.scalable, ..ServiceStatus::steady(service.desired) };
    decision.change() == Change::Hold
        && nothing_by_hand
        && memory.starts.starting.is_empty()
        && *service == at_count
        && wants_the_same(target, observation, before)
}

/// Remembers whether the service is at rest after a look at everything, and until when its metrics need not be asked for.
pub fn remember_rest(
    target: &ScalableTarget,
    observation: &Observation,
    before: &Memory,
    policy: u64,
    decision: &mut Decision,
) {
    let now = observation.now;
    decision.memory.rest = is_content(target, observation, before, decision).then(|| {
        let earlier = before.rest.filter(|rest| rest.policy == policy && rest.since <= now);
        let since = earlier.map_or(now, |rest| rest.since);
        let until = rest_until(target, observation, &decision.memory, elapsed(since, now));
        Rest { since, seen: now, until, policy }
    });
}

/// Whether a memory says more than the one before. While a service rests each look changes it by the time alone, and the next that
/// is remembered makes up for those that were not.
pub fn is_news(target: &ScalableTarget, before: &Memory, after: &Memory) -> bool {
    match (before.rest, after.rest) {
        (Some(before), Some(after)) if before.policy == after.policy => {
            after.seen < after.until || target.look_at_least_every <= elapsed(before.seen, after.seen)
        }
        _ => before != after,
    }
}

fn rest_until(
    target: &ScalableTarget,
    observation: &Observation,
    memory: &Memory,
    rested: Duration,
) -> Timestamp {
    let longest = target.look_at_least_every.min(rested / 2).as_secs() / 60;
    let longest = u32::try_from(longest).unwrap_or(u32::MAX);
    let tries = [longest, longest / 2, SHORTEST_REST_MIN].into_iter();
    let minutes = tries.filter(|minutes| (SHORTEST_REST_MIN..=longest).contains(minutes));
    let holds = |minutes: &u32| {
        [Direction::Up, Direction::Down]
            .into_iter()
            .all(|direction| wants_the_same(target, &later(target, observation, *minutes, direction), memory))
    };
    match minutes.into_iter().find(holds) {
        Some(minutes) => after(observation.now, minutes).saturating_sub(EARLY).unwrap_or(observation.now),
        None => observation.now,
    }
}

/// Whether the policies, the calendar and the forecast want the count that is there. One that cannot tell wants to know, unless
/// nothing runs that could tell.
fn wants_the_same(target: &ScalableTarget, observation: &Observation, memory: &Memory) -> bool {
    if target.mode == Mode::Paused || !observation.service.scalable {
        return true;
    }
    wanted(target, observation, memory) == Some(observation.service.desired)
}

fn wanted(target: &ScalableTarget, observation: &Observation, memory: &Memory) -> Option<TaskCount> {
    let mut memory = memory.clone();
    let mut account = Account::default();
    settle::settle(target, observation, &mut memory, &mut account);
    let bounds = overlay::bounds(target, observation.now, &memory);
    let desired = bounds.capacity.clamp(observation.service.desired);
    let look = Look { target, observation, desired, capacity: bounds.capacity };
    let verdicts = recommend::recommend(&look, &mut memory, &mut account);
    let cannot_tell =
        verdicts.iter().any(|verdict| verdict.vote == Vote::Blind) && 0 < observation.service.running;
    let falls_back = verdicts.iter().any(|verdict| verdict.code == ReasonCode::Fallback);
    if cannot_tell || falls_back {
        return None;
    }
    let wish = combine::combine(&look, &verdicts, &mut account);
    let (wish, capacity) = forecast::raise(&look, wish, &mut memory, &mut account);
    Some(capacity.clamp(wish.count))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// What may be seen so many minutes later.
fn later(
    target: &ScalableTarget,
    observation: &Observation,
    minutes: u32,
    direction: Direction,
) -> Observation {
    let promises = target.policies.iter().filter_map(|policy| match &policy.kind {
        PolicyKind::ServiceLevel(level) => Some(level.within.key.as_str()),
        PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) | PolicyKind::Queue(_) => None,
    });
    let promises: Vec<&str> = promises.collect();
    let moved = |(key, points): (&Name, &Vec<Point>)| {
        let newest = points.get(points.len().saturating_sub(MOST_POINTS)..).unwrap_or_default();
        let recent = newest.get(newest.len().saturating_sub(RECENT_POINTS)..).unwrap_or_default();
        let might_be = MightBe::of(recent, minutes, direction);
        let point = |point: &Point| Point {
            start: after(point.start, minutes),
            // The share of requests in time is an outcome, not a load that comes and goes.
            value: if promises.contains(&key.as_str()) {
                point.value
            } else {
                might_be.instead_of(point.value)
            },
        };
        (key.clone(), newest.iter().map(point).collect())
    };
    Observation {
        now: after(observation.now, minutes),
        service: observation.service.clone(),
        metrics: observation.metrics.iter().map(moved).collect(),
        alarms: observation.alarms.clone(),
        queues: observation.queues.clone(),
    }
}

/// What a value may have become.
struct MightBe {
    factor: f64,
    add: f64,
}

impl MightBe {
    fn of(points: &[Point], minutes: u32, direction: Direction) -> Self {
        let span = Duration::from_secs(60) * minutes;
        let rise = |(place, from): (usize, &Point)| {
            let later = points.iter().skip(place).take_while(|to| elapsed(from.start, to.start) <= span);
            later.map(|to| (to.value - from.value).abs()).fold(0.0, f64::max)
        };
        let largest = points.iter().enumerate().map(rise).fold(0.0, f64::max);
        let growth = f64::from(minutes).mul_add(GROWTH_A_MINUTE, 1.0);
        match direction {
            Direction::Up => Self { factor: growth, add: RISES * largest },
            Direction::Down => Self { factor: growth.recip(), add: -RISES * largest },
        }
    }

    fn instead_of(&self, value: f64) -> f64 {
        value.mul_add(self.factor, self.add).max(0.0)
    }
}

fn after(time: Timestamp, minutes: u32) -> Timestamp {
    let span = SignedDuration::from_mins(minutes.into());
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}
