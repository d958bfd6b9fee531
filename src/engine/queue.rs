//! Queues: a count from the depth of SQS queues.
//!
//! `backlog_per_task` is KEDA's and AWS's plain ratio, `ceil(messages / target)`. `start_within` counts the tasks that start the
//! backlog within its promise at the rate at which a task is seen to finish messages. Messages in flight hold their tasks: a
//! worker is never stopped because its queue looks empty while it works. Sources:
//! <https://keda.sh/docs/2.21/scalers/aws-sqs/>, <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html>.

use super::deadline::{self, Learned, Need, real, start_within};
use super::figures::{counted, if_any, number, span, tasks};
use super::recommend::{Look, Opinion, Vote};
use super::starts::Delays;
use crate::model::capacity::tasks_rounded_up;
use crate::model::duration::elapsed;
use crate::model::memory::{Memory, QueueMemory};
use crate::model::policy::{QueueGoal, QueuePolicy, QueueRef};
use crate::model::sentence::{Phrase, phrase};
use crate::model::{Name, QueueDepth, ReasonCode, TaskCount};

/// The time in which a stopped task may finish its work, in seconds: ECS's default `stopTimeout`.
const STOP_TIMEOUT_S: f64 = 30.0;

/// The policy's vote.
pub(super) fn vote(look: &Look<'_>, name: &Name, policy: &QueuePolicy, memory: &mut Memory) -> Opinion {
    let delays = Delays::of(memory);
    let learned = memory.queues.entry(name.clone()).or_default();
    let unseen: Vec<String> = policy.queues.iter().filter_map(|queue| unseen(look, policy, queue)).collect();
    let seen = policy.queues.iter().filter_map(|queue| look.observation.queues.get(&queue.name));
    let depth = seen.fold(QueueDepth { in_flight: Some(0), delayed: Some(0), ..QueueDepth::default() }, sum);
    deadline::remember(look, depth, learned);
    deadline::learn(look, policy, depth, learned);
    deadline::follow(look, policy, &delays, learned);
    let mut opinion = by_depth(look, policy, depth, &delays, learned);
    let scales_out = matches!(opinion.vote, Vote::Wants(count) if look.desired < count);
    if !unseen.is_empty() {
        learned.active_at = Some(look.observation.now); // what was not seen may have been at work
        if !scales_out {
            opinion = Opinion::blind(phrase!("{unseen} not observed", unseen = unseen.join(" and ")));
        }
    }
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

fn by_depth(
    look: &Look<'_>,
    policy: &QueuePolicy,
    depth: QueueDepth,
    delays: &Delays,
    learned: &mut QueueMemory,
) -> Opinion {
    let messages = messages(policy, depth);
    let told = told(policy, depth, messages);
    if messages == 0 || look.desired == 0 && messages <= policy.activation {
        let opinion = idle(look, policy, told, learned);
        return held_by_work(look, policy, depth, learned, opinion);
    }
    learned.active_at = Some(look.observation.now);
    let Need { wanted, sum } = match policy.goal {
        QueueGoal::BacklogPerTask(target) => per_task(messages, target, told),
        QueueGoal::StartWithin(promise) => {
            start_within(look, policy, depth, promise, &Learned { queue: learned, delays }, told)
        }
    };
    let wanted = wanted.max(1);
    if wanted == look.desired {
        return Opinion::new(Vote::Wants(wanted), ReasonCode::AlreadyAtDesiredCapacity, sum);
    }
    if let Some(tolerance) = tolerated(look, policy, messages) {
        let text = phrase!("{sum}; within the tolerance of {tolerance}", tolerance = number(tolerance));
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
            let text = phrase!(
                "{told}; {messages} in flight at {each} a task keep {busy}",
                told = opinion.text,
                messages = counted(depth.in_flight.unwrap_or(0), "message"),
                each = number(held_per_task(learned)),
                busy = tasks(busy)
            );
            Opinion::new(Vote::Wants(busy), ReasonCode::WorkInFlight, text)
        }
        Vote::Wants(_) | Vote::NotBelow(_) | Vote::Neutral | Vote::Blind => opinion,
    }
}

/// The tasks that work in flight keeps busy, at the most messages that a task was seen to hold, and one before any was seen.
fn busy(policy: &QueuePolicy, depth: QueueDepth, learned: &QueueMemory) -> TaskCount {
    if !policy.count_in_flight || is_brief(policy, learned) {
        return 0;
    }
    tasks_rounded_up(real(depth.in_flight.unwrap_or(0)) / held_per_task(learned))
}

/// Whether a task finishes what it holds in the time that ECS gives it to stop, so that no work is lost with it: by Little's law a
/// message takes as long as the messages that a task holds over those that it finishes in a second.
fn is_brief(policy: &QueuePolicy, learned: &QueueMemory) -> bool {
    let work_s = learned.finished_per_task_s.map(|rate| held_per_task(learned) / rate);
    matches!(policy.goal, QueueGoal::StartWithin(_)) && work_s.is_some_and(|work_s| work_s <= STOP_TIMEOUT_S)
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
fn idle(look: &Look<'_>, policy: &QueuePolicy, told: impl Phrase, learned: &mut QueueMemory) -> Opinion {
    let now = look.observation.now;
    if look.desired == 0 {
        let text = phrase!(
            "{told}, not more than the activation threshold of {activation}",
            activation = policy.activation
        );
        return Opinion::new(Vote::Wants(0), ReasonCode::AlreadyAtDesiredCapacity, text);
    }
    let idle_for = elapsed(*learned.active_at.get_or_insert(now), now);
    let told =
        phrase!("{told}, idle for {idle} of {most}", idle = span(idle_for), most = span(policy.idle_for));
    if idle_for < policy.idle_for {
        let code = if look.desired == 1 { ReasonCode::CoolingDown } else { ReasonCode::Queue };
        return Opinion::new(Vote::Wants(1), code, phrase!("{told}, so one task waits"));
    }
    Opinion::new(Vote::Wants(0), ReasonCode::Queue, phrase!("{told}, so no task is needed"))
}

fn per_task(messages: u64, target: f64, told: impl Phrase) -> Need {
    let exact = real(messages) / target;
    let wanted = tasks_rounded_up(exact);
    let sum = phrase!(
        "{told}; {messages} / {target} a task = {exact}, so {tasks}",
        target = number(target),
        exact = number(exact),
        tasks = tasks(wanted)
    );
    Need::new(wanted, sum)
}

fn messages(policy: &QueuePolicy, depth: QueueDepth) -> u64 {
    let in_flight = depth.in_flight.filter(|_| policy.count_in_flight).unwrap_or(0);
    let delayed = depth.delayed.filter(|_| policy.count_delayed).unwrap_or(0);
    depth.visible.saturating_add(in_flight).saturating_add(delayed)
}

fn told(policy: &QueuePolicy, depth: QueueDepth, messages: u64) -> impl Phrase + use<> {
    let in_flight = depth.in_flight.filter(|_| policy.count_in_flight);
    let delayed = depth.delayed.filter(|_| policy.count_delayed);
    phrase!(
        "{messages} ({visible} visible{in_flight}{delayed})",
        messages = counted(messages, "message"),
        visible = depth.visible,
        in_flight = if_any(in_flight.map(|count| phrase!(" + {count} in flight"))),
        delayed = if_any(delayed.map(|count| phrase!(" + {count} delayed")))
    )
}
