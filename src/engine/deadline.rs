//! `start_within`: every message starts within its promise, with as few tasks as can do it.
//!
//! A queue may wait, so tasks are kept busy rather than ready. The count is left alone while two things hold: what waits will
//! start in time, and no task will run out of work before the next look. Where the first fails the count rises to
//!
//! `tasks = (work waiting - work done before new tasks help) / (time left after that)`,
//!
//! once for what waits now and once for what will wait at the next look; the larger counts. Where the second fails it falls to
//! the tasks that arrivals and backlog keep busy until the next look. Where tasks take so long to start that the promise would be
//! broken before they help, there are also the tasks that the load ahead may need ([`super::foresight`]), as for requests.
//!
//! Work is in task-seconds: messages over the messages that a busy task finishes in a second, which is learned, as are arrivals,
//! start delay and time between looks.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::figures::{if_any, number, tasks};
use super::foresight::{Promise, is_rehearsal_due, look_ahead, tuning};
use super::freshness::{fresh, is_possible, period_end};
use super::recommend::Look;
use super::sound::LEAST_RATE;
use super::staffing::Need as Staff;
use super::starts::Delays;
use crate::model::capacity::{tasks_rounded_down, tasks_rounded_up};
use crate::model::memory::{LoadMemory, QueueLook, QueueMemory};
use crate::model::metric::Metric;
use crate::model::policy::{QueueGoal, QueuePolicy};
use crate::model::sentence::{Phrase, phrase};
use crate::model::{Point, QueueDepth, Sentence, TaskCount};

/// The share of the promise that a message may be expected to wait; the rest is for what is not expected.
const PLANNED_WAIT: f64 = 0.6;
/// The share of the promise that may pass until a task that is asked for at the next look helps; beyond it the load is looked ahead to.
const REACTION: f64 = 0.9;
/// The share of messages that may start late.
const ALLOWED: f64 = 0.001;
/// The weight of a new sample against what was learned before.
const NEW_SAMPLE: f64 = 0.2;
/// Tasks that were never seen at full work may be this much faster than they were seen to be: the step of finding out.
const PROBE: f64 = 1.2;
/// More looks than cover the delay of a metric and its period are not remembered.
const MOST_LOOKS: usize = 12;

/// What is known of a queue's workers.
#[derive(Clone, Copy)]
pub(super) struct Learned<'a> {
    pub(super) queue: &'a QueueMemory,
    pub(super) delays: &'a Delays,
}

/// A count with the sentence that shows the sum.
pub(super) struct Need {
    pub(super) wanted: TaskCount,
    pub(super) sum: Sentence,
}

impl Need {
    pub(super) fn new(wanted: TaskCount, sum: impl Phrase) -> Self {
        Self { wanted, sum: Sentence::new(sum) }
    }
}

/// What a decision is made from, in tasks and seconds.
struct Work {
    /// The backlog, in task-seconds.
    backlog_s: f64,
    /// The arrivals, in tasks that they keep busy.
    arriving: f64,
}

/// The tasks that start every message in time and are kept busy.
pub(super) fn start_within(
    look: &Look<'_>,
    policy: &QueuePolicy,
    depth: QueueDepth,
    promise: Duration,
    learned: &Learned<'_>,
    told: impl Phrase,
) -> Need {
    let Learned { queue: learned, delays } = *learned;
    let Some(per_task_s) = learned.finished_per_task_s.filter(|rate| LEAST_RATE < *rate) else {
        return unknown_rate(look, depth, promise, told);
    };
    let service = &look.observation.service;
    let arrivals = arrivals_s(learned, depth, service.running, look.observation.now);
    let work = Work { backlog_s: real(depth.visible) / per_task_s, arriving: arrivals / per_task_s };
    let (in_time, why) = in_time(&work, look, promise, delays);
    let (needed, why) = match ahead(policy, learned, delays, per_task_s) {
        Some((ahead, sum)) if in_time < ahead => (ahead, sum),
        Some(_) | None => (in_time, why),
    };
    let told = phrase!(
        "{told}; {arrivals} arriving a second, {each} finished a second and task; {why} = {needed}",
        arrivals = number(arrivals),
        each = number(per_task_s),
        needed = number(needed)
    );
    let needed_tasks = tasks_rounded_up(needed);
    if look.desired < needed_tasks {
        return Need::new(needed_tasks, phrase!("{told}, so {tasks}", tasks = tasks(needed_tasks)));
    }
    let probe = if learned.at_full_work { 1.0 } else { PROBE };
    let busy = (work.backlog_s / delays.look_s + work.arriving) / probe;
    let kept = tasks_rounded_down(busy).max(needed_tasks).min(look.desired);
    let faster = (!learned.at_full_work)
        .then(|| phrase!(", over {probe} as tasks may be faster than was seen,", probe = number(PROBE)));
    let sum = phrase!(
        "{told}; until the next look in {look} s there is work for {backlog} / {look} + {arriving}{faster} = {busy} tasks",
        look = number(delays.look_s),
        backlog = number(work.backlog_s),
        arriving = number(work.arriving),
        faster = if_any(faster),
        busy = number(busy)
    );
    let desired = look.desired;
    if kept == desired {
        return Need::new(kept, phrase!("{sum}, so the {desired} desired are kept"));
    }
    let stale = policy.queues.iter().find_map(|queue| fresh(&queue.sent, look.observation).err());
    match stale {
        Some((why, _)) => Need::new(desired, phrase!("{sum}; but {why}, so the {desired} desired stay")),
        None => Need::new(kept, phrase!("{sum}, so {tasks}", tasks = tasks(kept))),
    }
}

/// The tasks without which a message would start late, and the sum.
fn in_time(work: &Work, look: &Look<'_>, promise: Duration, delays: &Delays) -> (f64, Sentence) {
    let wait_s = promise.as_secs_f64() * PLANNED_WAIT;
    let running = f64::from(look.observation.service.running.min(look.desired));
    let start_s = delays.start_s;
    let done_s = running * start_s;
    let left_s = (wait_s - start_s).max(promise.as_secs_f64() / 4.0);
    let now = (work.backlog_s - done_s) / left_s;
    let later = (work.backlog_s + work.arriving * delays.look_s - done_s) / (left_s + delays.look_s);
    if later < now {
        let sum = phrase!(
            "({backlog} task-seconds waiting - {done} done before new tasks help) / {left} s left",
            backlog = number(work.backlog_s),
            done = number(done_s),
            left = number(left_s)
        );
        return (now.max(0.0), Sentence::new(sum));
    }
    let sum = phrase!(
        "({backlog} task-seconds waiting + {more} until the next look - {done} done before new tasks help) / {left} s left",
        backlog = number(work.backlog_s),
        more = number(work.arriving * delays.look_s),
        done = number(done_s),
        left = number(left_s + delays.look_s)
    );
    (later.max(0.0), Sentence::new(sum))
}

/// The tasks that the load ahead may need, where tasks start too slowly to wait for a backlog.
fn ahead(
    policy: &QueuePolicy,
    learned: &QueueMemory,
    delays: &Delays,
    per_task_s: f64,
) -> Option<(f64, Sentence)> {
    slow_start(policy, delays)?;
    let tuning = tuning(&learned.load, ALLOWED);
    let need = Staff::of(&learned.load.lookahead, &tuning, per_task_s);
    let floor = (0.0 < need.floor).then(|| phrase!(", not under {floor}", floor = number(need.floor)));
    let sum = phrase!(
        "tasks take {start} s to start, so for the {held} a second that may come by then {work} + {margin} x {deviation}{floor}",
        start = number(delays.start_s),
        held = number(learned.load.lookahead.held_s),
        work = number(need.work),
        margin = number(tuning.margin),
        deviation = number(need.deviation),
        floor = if_any(floor)
    );
    Some((need.tasks(tuning.margin), Sentence::new(sum)))
}

/// The promise of a policy whose tasks start too slowly to react.
fn slow_start(policy: &QueuePolicy, delays: &Delays) -> Option<Duration> {
    let QueueGoal::StartWithin(promise) = policy.goal else { return None };
    (promise.as_secs_f64() * REACTION < delays.start_s + delays.look_s).then_some(promise)
}

/// Whether the arrivals of the last days would help at this look.
pub(super) fn wants_history(
    policy: &QueuePolicy,
    learned: &QueueMemory,
    delays: &Delays,
    now: Timestamp,
) -> bool {
    let per_task_s = learned.finished_per_task_s.filter(|rate| LEAST_RATE < *rate);
    slow_start(policy, delays).is_some()
        && per_task_s.is_some_and(|per_task_s| is_rehearsal_due(&learned.load, per_task_s, now))
}

/// Follows the arrivals where tasks start too slowly to react.
pub(super) fn follow(look: &Look<'_>, policy: &QueuePolicy, delays: &Delays, learned: &mut QueueMemory) {
    let Some(wait) = slow_start(policy, delays) else {
        learned.load = LoadMemory::default();
        return;
    };
    let per_task_s = learned.finished_per_task_s.filter(|rate| LEAST_RATE < *rate);
    let promise =
        Promise { delays, per_task_s, allowed: ALLOWED, may_wait_s: Some(wait.as_secs_f64() * PLANNED_WAIT) };
    let due = per_task_s.is_some_and(|rate| is_rehearsal_due(&learned.load, rate, look.observation.now));
    let since = learned.load.until.filter(|_| !due);
    let sent = new_points(look, policy.queues.iter().map(|queue| &queue.sent), since);
    let Some((metric, _)) = sent.first() else { return };
    let points: Vec<Point> = sent.iter().map(|(_, point)| *point).collect();
    look_ahead(look, metric, &points, promise, &mut learned.load);
}

/// The messages that arrive in a second: those of the newest period, or those that the depth shows since the last look, whichever
/// is more. The depth is seen at once, the metric a minute or two late.
fn arrivals_s(learned: &QueueMemory, depth: QueueDepth, running: TaskCount, now: Timestamp) -> f64 {
    let published = learned.arrivals_s.unwrap_or(0.0);
    let seen = learned.looks.iter().rev().nth(1).and_then(|last| {
        let passed = now.duration_since(last.at).as_secs_f64();
        let finished = if 0 < last.visible && 0 < depth.visible {
            learned.finished_per_task_s.unwrap_or(0.0) * f64::from(running.min(last.running))
        } else {
            0.0
        };
        (0.0 < passed).then(|| (real(depth.visible) - real(last.visible)) / passed + finished)
    });
    published.max(seen.unwrap_or(0.0)).max(0.0)
}

/// Before any task was seen to finish messages, one task starts; it is doubled while the promise is in danger.
fn unknown_rate(look: &Look<'_>, depth: QueueDepth, promise: Duration, told: impl Phrase) -> Need {
    let late = depth.oldest_age_s.is_some_and(|age| promise / 2 < Duration::from_secs(age));
    let all_run = look.desired <= look.observation.service.running;
    let wanted = if late && all_run { look.desired.saturating_mul(2).max(1) } else { look.desired.max(1) };
    let why = if late {
        "the oldest has waited for over half the promise"
    } else {
        "no task was seen to finish any yet"
    };
    Need::new(wanted, phrase!("{told}; {why}, so {tasks}", tasks = tasks(wanted)))
}

/// Learns from the periods that became visible, and from the depth.
pub(super) fn learn(look: &Look<'_>, policy: &QueuePolicy, depth: QueueDepth, learned: &mut QueueMemory) {
    let service = &look.observation.service;
    if let Some(in_flight) = depth.in_flight
        && 0 < depth.visible
        && 0 < service.running
        && service.pending == 0
    {
        let held = real(in_flight) / f64::from(service.running);
        let before = learned.in_flight_per_task.unwrap_or(held);
        learned.in_flight_per_task = Some(if before < held { held } else { smooth(before, held) });
    }
    let sent = new_points(look, policy.queues.iter().map(|queue| &queue.sent), learned.sent_until);
    let deleted = new_points(look, policy.queues.iter().map(|queue| &queue.deleted), learned.deleted_until);
    if let Some((metric, point)) = sent.last() {
        learned.arrivals_s = Some(point.value / metric.period.as_secs_f64());
        learned.sent_until = Some(point.start).max(learned.sent_until);
    }
    for (metric, point) in &deleted {
        learn_rate(metric, *point, learned);
        learned.deleted_until = Some(point.start).max(learned.deleted_until);
    }
}

/// Remembers the look, to read the periods by that it is in.
pub(super) fn remember(look: &Look<'_>, depth: QueueDepth, learned: &mut QueueMemory) {
    let seen = QueueLook {
        at: look.observation.now,
        visible: depth.visible,
        running: look.observation.service.running,
    };
    learned.looks.push(seen);
    let surplus = learned.looks.len().saturating_sub(MOST_LOOKS);
    learned.looks.drain(..surplus);
}

/// Only tasks that had work all the time show how fast they are; others at least show that they are no slower.
fn learn_rate(metric: &Metric, point: Point, learned: &mut QueueMemory) {
    let (start, end) = (point.start, period_end(metric, point));
    let first = learned.looks.iter().rposition(|look| look.at <= start);
    let last = learned.looks.iter().position(|look| end <= look.at);
    let during = match (first, last) {
        (Some(first), Some(last)) => learned.looks.get(first..=last).unwrap_or_default(),
        (None, Some(last)) => learned.looks.get(..=last).unwrap_or_default(),
        (_, None) => return,
    };
    let Some(most) = during.iter().map(|look| look.running).max().filter(|most| 0 < *most) else { return };
    let full = first.is_some() && during.iter().all(|look| look.running == most && 0 < look.visible);
    let rate = point.value / metric.period.as_secs_f64() / f64::from(most);
    let before = learned.finished_per_task_s;
    if full && 0.0 < rate {
        let known = before.filter(|_| learned.at_full_work);
        learned.finished_per_task_s = Some(known.map_or(rate, |before| smooth(before, rate)));
        learned.at_full_work = true;
    } else if before.is_none_or(|before| before < rate) && 0.0 < rate {
        learned.finished_per_task_s = Some(before.map_or(rate, |before| smooth(before, rate)));
    }
}

/// The possible points of metrics after a moment, by time, summed over the metrics by period.
fn new_points<'a>(
    look: &Look<'_>,
    metrics: impl Iterator<Item = &'a Metric>,
    after: Option<Timestamp>,
) -> Vec<(&'a Metric, Point)> {
    let mut sums: BTreeMap<Timestamp, (&Metric, Point)> = BTreeMap::new();
    for metric in metrics {
        for point in look.observation.metrics.get(&metric.key).into_iter().flatten() {
            let is_new = after.is_none_or(|after| after < point.start);
            if is_new && is_possible(metric, *point, look.observation.now) {
                let none = Point { value: 0.0, ..*point };
                sums.entry(point.start).or_insert((metric, none)).1.value += point.value;
            }
        }
    }
    sums.into_values().collect()
}

fn smooth(before: f64, sample: f64) -> f64 {
    before + (sample - before) * NEW_SAMPLE
}

/// A number of messages as a real number; exact up to 2^53, more than any queue holds.
#[expect(clippy::cast_precision_loss, reason = "no queue holds 2^53 messages")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}
