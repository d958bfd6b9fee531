//! Queues: a count from the depth of SQS queues.
//!
//! `backlog_per_task` is KEDA's and AWS's plain ratio, `ceil(messages / target)`. `start_within` counts the tasks that start the
//! backlog within its promise at the rate at which a task is seen to finish messages. Messages in flight hold their tasks: a
//! worker is never stopped because its queue looks empty while it works. Sources:
//! <https://keda.sh/docs/2.21/scalers/aws-sqs/>, <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html>.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::figures::{counted, number, tasks};
use super::freshness::{fresh, is_possible, period_end};
use super::recommend::{Look, Opinion, Vote};
use super::running;
use crate::model::capacity::tasks_rounded_up;
use crate::model::duration::{elapsed, format_duration};
use crate::model::memory::{Memory, QueueMemory};
use crate::model::metric::Metric;
use crate::model::policy::{QueueGoal, QueuePolicy, QueueRef};
use crate::model::{Point, QueueDepth, ReasonCode, TaskCount};

/// The time that a started task takes until it works, until start times are learned: a Fargate task of some hundred megabytes.
const TASK_START: Duration = Duration::from_secs(60);
/// A task that finishes less than this many messages a second was never seen at work.
const LEAST_RATE: f64 = 1e-6;
/// The weight of a new sample against what was learned before.
const NEW_SAMPLE: f64 = 0.2;
/// The weight of a sample by which a task is slower than it was seen to be: of a few messages it says little.
const SLOWER_SAMPLE: f64 = 0.02;

/// A count with the sentence that shows the sum.
struct Need {
    wanted: TaskCount,
    sum: String,
}

/// The policy's vote.
pub(super) fn vote(look: &Look<'_>, name: &str, policy: &QueuePolicy, memory: &mut Memory) -> Opinion {
    let mut learned = memory.queues.get(name).copied().unwrap_or_default();
    let unseen: Vec<String> = policy.queues.iter().filter_map(|queue| unseen(look, policy, queue)).collect();
    let seen = policy.queues.iter().filter_map(|queue| look.observation.queues.get(&queue.name));
    let depth = seen.fold(QueueDepth { in_flight: Some(0), delayed: Some(0), ..QueueDepth::default() }, sum);
    learn(look, policy, depth, memory, &mut learned);
    let mut opinion = by_depth(look, policy, depth, &mut learned);
    let scales_out = matches!(opinion.vote, Vote::Wants(count) if look.desired < count);
    if !unseen.is_empty() {
        learned.active_at = Some(look.observation.now); // what was not seen may have been at work
        if !scales_out {
            opinion = Opinion::blind(format!("{} not observed", unseen.join(" and ")));
        }
    }
    memory.queues.insert(name.to_owned(), learned);
    opinion
}

/// What of a queue counts and was not observed, with its verb.
fn unseen(look: &Look<'_>, policy: &QueuePolicy, queue: &QueueRef) -> Option<String> {
    let Some(depth) = look.observation.queues.get(&queue.name) else {
        return Some(format!("the depth of {} was", queue.name));
    };
    if policy.count_in_flight && depth.in_flight.is_none() {
        return Some(format!("the messages in flight of {} were", queue.name));
    }
    (policy.count_delayed && depth.delayed.is_none())
        .then(|| format!("the delayed messages of {} were", queue.name))
}

fn sum(sum: QueueDepth, depth: &QueueDepth) -> QueueDepth {
    let add = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
    QueueDepth {
        visible: sum.visible.saturating_add(depth.visible),
        in_flight: add(sum.in_flight, depth.in_flight),
        delayed: add(sum.delayed, depth.delayed),
        oldest_age_s: sum.oldest_age_s.max(depth.oldest_age_s),
    }
}

fn by_depth(look: &Look<'_>, policy: &QueuePolicy, depth: QueueDepth, learned: &mut QueueMemory) -> Opinion {
    let messages = messages(policy, depth);
    let told = told(policy, depth, messages);
    if messages == 0 || look.desired == 0 && messages <= policy.activation {
        let opinion = idle(look, policy, &told, learned);
        return held_by_work(look, policy, depth, learned, opinion);
    }
    learned.active_at = Some(look.observation.now);
    let Need { wanted, sum } = match policy.goal {
        QueueGoal::BacklogPerTask(target) => per_task(messages, target, &told),
        QueueGoal::StartWithin(promise) => start_within(look, policy, depth, promise, learned, &told),
    };
    let wanted = wanted.max(1);
    if wanted == look.desired {
        return Opinion::new(Vote::Wants(wanted), ReasonCode::AlreadyAtDesiredCapacity, sum);
    }
    if let Some(tolerance) = tolerated(look, policy, messages) {
        let text = format!("{sum}; within the tolerance of {}", number(tolerance));
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::WithinTolerance, text);
    }
    held_by_work(look, policy, depth, learned, Opinion::new(Vote::Wants(wanted), ReasonCode::Queue, sum))
}

/// Raises a scale-in to the tasks that work in flight keeps busy.
fn held_by_work(
    look: &Look<'_>,
    policy: &QueuePolicy,
    depth: QueueDepth,
    learned: &QueueMemory,
    opinion: Opinion,
) -> Opinion {
    let busy = busy(policy, depth, learned).min(look.desired);
    match opinion.vote {
        Vote::Wants(wanted) if wanted < busy => {
            let text = format!(
                "{}; {} in flight at {} a task keep {}",
                opinion.text,
                counted(depth.in_flight.unwrap_or(0), "message"),
                number(held_per_task(learned)),
                tasks(busy)
            );
            Opinion::new(Vote::Wants(busy), ReasonCode::WorkInFlight, text)
        }
        Vote::Wants(_) | Vote::NotBelow(_) | Vote::Neutral | Vote::Blind => opinion,
    }
}

/// The tasks that work in flight keeps busy, at the most messages that a task was seen to hold, and one before any was seen.
fn busy(policy: &QueuePolicy, depth: QueueDepth, learned: &QueueMemory) -> TaskCount {
    if !policy.count_in_flight {
        return 0;
    }
    tasks_rounded_up(real(depth.in_flight.unwrap_or(0)) / held_per_task(learned))
}

/// The messages that a task holds in flight while it works.
fn held_per_task(learned: &QueueMemory) -> f64 {
    learned.in_flight_per_task.unwrap_or(1.0).max(1.0)
}

/// HPA's tolerance on an average value, `messages / (target x tasks)`, where the messages are within it. The promise of a start
/// has none.
fn tolerated(look: &Look<'_>, policy: &QueuePolicy, messages: u64) -> Option<f64> {
    let QueueGoal::BacklogPerTask(target) = policy.goal else { return None };
    if look.desired == 0 {
        return None;
    }
    let ratio = real(messages) / (target * f64::from(look.desired));
    let behavior = &look.target.behavior;
    let tolerance = if ratio < 1.0 { behavior.scale_in.tolerance } else { behavior.scale_out.tolerance };
    ((ratio - 1.0).abs() <= tolerance).then_some(tolerance)
}

/// An idle queue: one task waits until the queue has been empty for long enough, as KEDA's cooldownPeriod.
fn idle(look: &Look<'_>, policy: &QueuePolicy, told: &str, learned: &mut QueueMemory) -> Opinion {
    let now = look.observation.now;
    if look.desired == 0 {
        let text = format!("{told}, not more than the activation threshold of {}", policy.activation);
        return Opinion::new(Vote::Wants(0), ReasonCode::AlreadyAtDesiredCapacity, text);
    }
    let idle_for = elapsed(*learned.active_at.get_or_insert(now), now);
    let told =
        format!("{told}, idle for {} of {}", format_duration(idle_for), format_duration(policy.idle_for));
    if idle_for < policy.idle_for {
        let code = if look.desired == 1 { ReasonCode::CoolingDown } else { ReasonCode::Queue };
        return Opinion::new(Vote::Wants(1), code, format!("{told}, so one task waits"));
    }
    Opinion::new(Vote::Wants(0), ReasonCode::Queue, format!("{told}, so no task is needed"))
}

fn per_task(messages: u64, target: f64, told: &str) -> Need {
    let exact = real(messages) / target;
    let wanted = tasks_rounded_up(exact);
    let sum =
        format!("{told}; {messages} / {} a task = {}, so {}", number(target), number(exact), tasks(wanted));
    Need { wanted, sum }
}

/// Tasks for the arrivals and for the backlog within the time that is left:
/// `(arrivals + backlog / time left) / finished per task`.
fn start_within(
    look: &Look<'_>,
    policy: &QueuePolicy,
    depth: QueueDepth,
    promise: Duration,
    learned: &QueueMemory,
    told: &str,
) -> Need {
    let Some(per_task) = learned.finished_per_task_s.filter(|rate| LEAST_RATE < *rate) else {
        return unknown_rate(look, depth, promise, told);
    };
    let arrivals = learned.arrivals_s.unwrap_or(0.0);
    let left = time_left(depth, promise);
    let exact = (arrivals + real(depth.visible) / left.as_secs_f64()) / per_task;
    let wanted = tasks_rounded_up(exact);
    let sum = format!(
        "{told}; ({} arriving a second + {} / {} s left) / {} finished a second and task = {}, so {}",
        number(arrivals),
        depth.visible,
        left.as_secs(),
        number(per_task),
        number(exact),
        tasks(wanted)
    );
    let stale = policy.queues.iter().find_map(|queue| fresh(&queue.sent, look.observation).err());
    match stale {
        Some((why, _)) if wanted < look.desired => {
            let sum = format!("{sum}; but {why}, so the {} desired stay", look.desired);
            Need { wanted: look.desired, sum }
        }
        Some(_) | None => Need { wanted, sum },
    }
}

/// What is left of the promise for the oldest message, less the time of a task to start; a quarter of the promise at least, for a
/// backlog that is late cannot be undone by any number of tasks.
fn time_left(depth: QueueDepth, promise: Duration) -> Duration {
    let age = Duration::from_secs(depth.oldest_age_s.unwrap_or(0));
    promise.saturating_sub(TASK_START).saturating_sub(age).max(promise / 4).max(Duration::from_secs(1))
}

/// Before any task was seen to finish messages, one task starts; it is doubled while the promise is in danger.
fn unknown_rate(look: &Look<'_>, depth: QueueDepth, promise: Duration, told: &str) -> Need {
    let late = depth.oldest_age_s.is_some_and(|age| promise / 2 < Duration::from_secs(age));
    let all_run = look.desired <= look.observation.service.running;
    let wanted = if late && all_run { look.desired.saturating_mul(2).max(1) } else { look.desired.max(1) };
    let why = if late {
        "the oldest has waited for over half the promise"
    } else {
        "no task was seen to finish any yet"
    };
    Need { wanted, sum: format!("{told}; {why}, so {}", tasks(wanted)) }
}

/// Learns from the periods that became visible, and from the depth.
fn learn(
    look: &Look<'_>,
    policy: &QueuePolicy,
    depth: QueueDepth,
    memory: &Memory,
    learned: &mut QueueMemory,
) {
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
    for (metric, point) in &sent {
        let rate = point.value / metric.period.as_secs_f64();
        let before = learned.arrivals_s.unwrap_or(rate);
        learned.arrivals_s = Some(if before < rate { rate } else { smooth(before, rate) });
    }
    for (metric, point) in &deleted {
        let running = running::at(look, memory, period_end(metric, *point));
        if running == 0 {
            continue;
        }
        let rate = point.value / metric.period.as_secs_f64() / f64::from(running);
        // Only tasks that leave a period's work waiting show how fast they are; idle ones may at most show that they are faster.
        let has_more_to_do = 0.0 < point.value && point.value <= real(depth.visible);
        learned.finished_per_task_s = match learned.finished_per_task_s {
            None if has_more_to_do => Some(rate),
            Some(before) if before < rate => Some(smooth(before, rate)),
            Some(before) if has_more_to_do => Some(before + (rate - before) * SLOWER_SAMPLE),
            unchanged => unchanged,
        };
    }
    learned.sent_until = sent.last().map(|(_, point)| point.start).max(learned.sent_until);
    learned.deleted_until = deleted.last().map(|(_, point)| point.start).max(learned.deleted_until);
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

fn messages(policy: &QueuePolicy, depth: QueueDepth) -> u64 {
    let in_flight = depth.in_flight.filter(|_| policy.count_in_flight).unwrap_or(0);
    let delayed = depth.delayed.filter(|_| policy.count_delayed).unwrap_or(0);
    depth.visible.saturating_add(in_flight).saturating_add(delayed)
}

fn told(policy: &QueuePolicy, depth: QueueDepth, messages: u64) -> String {
    let visible = Some(format!("{} visible", depth.visible));
    let in_flight =
        depth.in_flight.filter(|_| policy.count_in_flight).map(|count| format!("{count} in flight"));
    let delayed = depth.delayed.filter(|_| policy.count_delayed).map(|count| format!("{count} delayed"));
    let parts: Vec<String> = [visible, in_flight, delayed].into_iter().flatten().collect();
    format!("{} ({})", counted(messages, "message"), parts.join(" + "))
}

/// A number of messages as a real number; exact up to 2^53, more than any queue holds.
#[expect(clippy::cast_precision_loss, reason = "no queue holds 2^53 messages")]
fn real(count: u64) -> f64 {
    count as f64
}
