//! Target tracking: keeps a metric at a target value by counting tasks in proportion to it.
//!
//! `wanted = ceil(running x value / target)`, as Application Auto Scaling and Kubernetes HPA publish it. The base is what ran
//! when the metric was made, the result is compared with what is desired, so tasks that are starting count as already there.
//! Sources: <https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html>,
//! <https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/>.

use super::figures::{counted, number, tasks, time};
use super::freshness::{Fresh, fresh, period_end};
use super::recommend::{Look, Opinion, Vote};
use super::{cooldown, running};
use crate::model::capacity::tasks_rounded_up;
use crate::model::policy::TargetTracking;
use crate::model::{Memory, Point, ReasonCode, TaskCount};

/// The tasks wanted by one point, with the sentence that shows the sum.
struct Need {
    base: TaskCount,
    wanted: TaskCount,
    sum: String,
}

/// The policy's vote.
pub(super) fn vote(look: &Look<'_>, name: &str, policy: &TargetTracking, memory: &Memory) -> Opinion {
    let mut points = match fresh(&policy.metric, look.observation) {
        Ok(points) => points,
        Err((why, refused)) => return Opinion::blind(why).with_refused(refused),
    };
    let refused = points.refused.take();
    let opinion = if look.observation.service.running == 0 {
        from_zero(look, policy, &points)
    } else {
        by_ratio(look, name, policy, &points, memory)
    };
    opinion.with_refused(refused)
}

/// With no task running a utilisation says nothing. A metric that exists without tasks starts the smallest possible amount, as
/// ECS's service auto scaling does; the next looks go on from what runs then.
fn from_zero(look: &Look<'_>, policy: &TargetTracking, points: &Fresh<'_>) -> Opinion {
    let value = points.newest.value;
    if !policy.metric.exists_without_tasks {
        return Opinion::blind(format!("{} says nothing while no task runs", policy.metric.key));
    }
    if look.desired == 0 && 0.0 < value {
        let text =
            format!("{} is {} and no task is there, so the first one", policy.metric.key, number(value));
        return Opinion::new(Vote::Wants(1), ReasonCode::TargetTracking, text);
    }
    let text = format!(
        "{} is {}; {} desired, none running yet",
        policy.metric.key,
        number(value),
        tasks(look.desired)
    );
    Opinion::new(Vote::Wants(look.desired), ReasonCode::AlreadyAtDesiredCapacity, text)
}

fn by_ratio(
    look: &Look<'_>,
    name: &str,
    policy: &TargetTracking,
    points: &Fresh<'_>,
    memory: &Memory,
) -> Opinion {
    let behavior = &look.target.behavior;
    let over = policy.target * (1.0 + behavior.scale_out.tolerance);
    let under = policy.target * (1.0 - behavior.scale_in.tolerance);
    let value = points.newest.value;
    if over < value {
        return over_target(look, name, policy, points, memory, over);
    }
    if value < under {
        return under_target(look, policy, points, memory, under);
    }
    let text = format!(
        "{} is {}, at its target of {} (from {} to {} nothing changes)",
        policy.metric.key,
        number(value),
        number(policy.target),
        number(under),
        number(over)
    );
    stay(look, policy, points.newest, memory, ReasonCode::WithinTolerance, text)
}

fn over_target(
    look: &Look<'_>,
    name: &str,
    policy: &TargetTracking,
    points: &Fresh<'_>,
    memory: &Memory,
    over: f64,
) -> Opinion {
    let now = look.observation.now;
    let (after, within) = (policy.scale_out_after, policy.scale_out_within);
    let beyond = points.run(after, within, |value| over < value, now).len();
    let end = period_end(&policy.metric, points.newest);
    let need = need(policy, points.newest, running::warm_at(look, memory, end, look.target.warm_up));
    if u64::from(after) > count(beyond) {
        let text = format!(
            "{}; over {} for {beyond} of {after} points{}, so scale-out waits",
            need.sum,
            number(over),
            newest(after, within)
        );
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::WithinTolerance, text);
    }
    if need.wanted <= look.desired {
        let text = format!("{}; {} desired already", need.sum, are(look.desired));
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::AlreadyAtDesiredCapacity, text);
    }
    if let Some(change) = cooldown::scale_out(memory, name, policy.scale_out_cooldown, now) {
        let needed = need.wanted.saturating_sub(need.base);
        let (count, why) =
            cooldown::less_what_was_added(change, needed, look.desired, policy.scale_out_cooldown);
        let count = count.min(need.wanted);
        let code = if count == look.desired { ReasonCode::CoolingDown } else { ReasonCode::TargetTracking };
        return Opinion::new(Vote::Wants(count), code, format!("{}; {why}", need.sum));
    }
    Opinion::new(Vote::Wants(need.wanted), ReasonCode::TargetTracking, need.sum)
}

fn under_target(
    look: &Look<'_>,
    policy: &TargetTracking,
    points: &Fresh<'_>,
    memory: &Memory,
    under: f64,
) -> Opinion {
    let now = look.observation.now;
    let (after, within) = (policy.scale_in_after, policy.scale_in_within);
    let run = points.run(after, within, |value| value < under, now);
    let needs = run
        .iter()
        .map(|point| need(policy, *point, running::at(look, memory, period_end(&policy.metric, *point))));
    let Some(need) = needs.max_by_key(|need| need.wanted) else {
        return Opinion::blind(format!("{} has no value", policy.metric.key));
    };
    if policy.disable_scale_in {
        let text = format!("{}; scale-in is disabled for this policy", need.sum);
        let floor = Vote::NotBelow(need.wanted.min(look.desired));
        return Opinion::new(floor, ReasonCode::AlreadyAtDesiredCapacity, text);
    }
    let wait =
        |code, why: String| Opinion::new(Vote::Wants(look.desired), code, format!("{}; {why}", need.sum));
    if let Some(why) = &points.no_scale_in {
        return wait(ReasonCode::InsufficientData, format!("{why}, so scale-in waits"));
    }
    let row = if after == within { " in a row".to_owned() } else { newest(after, within) };
    if count(run.len()) < u64::from(after) {
        let run = counted(count(run.len()), "point");
        let why = format!("under {} for {run} of {after}{row}, so scale-in waits", number(under));
        return wait(ReasonCode::WithinTolerance, why);
    }
    if look.desired <= need.wanted {
        let why = format!("fewer than {} would push it back over {}", look.desired, number(policy.target));
        return wait(ReasonCode::AutoScalingAnticipatedFlapping, why);
    }
    if let Some(why) = cooldown::scale_in(memory, policy.scale_in_cooldown, now) {
        return wait(ReasonCode::CoolingDown, why);
    }
    let text = format!(
        "{}; the most that {}{row} under {} ask for",
        need.sum,
        counted(count(run.len()), "point"),
        number(under)
    );
    Opinion::new(Vote::Wants(need.wanted), ReasonCode::TargetTracking, text)
}

/// The vote of a policy that is content: it keeps what it has, unless it may not speak on scale-in.
fn stay(
    look: &Look<'_>,
    policy: &TargetTracking,
    point: Point,
    memory: &Memory,
    code: ReasonCode,
    text: String,
) -> Opinion {
    if policy.disable_scale_in {
        let need = need(policy, point, running::at(look, memory, period_end(&policy.metric, point)));
        return Opinion::new(Vote::NotBelow(need.wanted.min(look.desired)), code, text);
    }
    Opinion::new(Vote::Wants(look.desired), code, text)
}

/// `ceil(running x value / target)`.
fn need(policy: &TargetTracking, point: Point, base: TaskCount) -> Need {
    let exact = f64::from(base) * point.value / policy.target;
    let wanted = tasks_rounded_up(exact);
    let sum = format!(
        "{} was {} from {}, target {}: {base} running x {} / {} = {}, so {}",
        policy.metric.key,
        number(point.value),
        time(point.start),
        number(policy.target),
        number(point.value),
        number(policy.target),
        number(exact),
        tasks(wanted)
    );
    Need { base, wanted, sum }
}

/// Among which points so many are counted, where not all of them must hold.
fn newest(after: u32, within: u32) -> String {
    if after == within { String::new() } else { format!(" among the newest {within}") }
}

fn are(count: TaskCount) -> String {
    if count == 1 { "1 is".to_owned() } else { format!("{count} are") }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
