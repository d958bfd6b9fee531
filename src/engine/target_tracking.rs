//! Target tracking: keeps a metric at a target value by counting tasks in proportion to it.
//!
//! `wanted = ceil(running x value / target)`, as Application Auto Scaling and Kubernetes HPA publish it. The base is what ran
//! when the metric was made, the result is compared with what is desired, so tasks that are starting count as already there.
//! Sources: <https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html>,
//! <https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/>.

use std::fmt;

use super::figures::{counted, if_any, number, tasks, time};
use super::freshness::{Fresh, fresh, period_end};
use super::recommend::{Look, Opinion, Vote};
use super::{cooldown, running};
use crate::model::capacity::tasks_rounded_up;
use crate::model::policy::TargetTracking;
use crate::model::sentence::{Phrase, phrase};
use crate::model::{Memory, Name, Point, ReasonCode, TaskCount};

/// The tasks wanted by one point.
#[derive(Clone, Copy, Debug)]
struct Need {
    point: Point,
    base: TaskCount,
    target: f64,
    exact: f64,
    wanted: TaskCount,
}

/// The policy's vote.
pub(super) fn vote(look: &Look<'_>, name: &Name, policy: &TargetTracking, memory: &Memory) -> Opinion {
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
        let text = phrase!("{key} says nothing while no task runs", key = policy.metric.key.clone());
        return Opinion::blind(text);
    }
    if look.desired == 0 && 0.0 < value {
        let text = phrase!(
            "{key} is {value} and no task is there, so the first one",
            key = policy.metric.key.clone(),
            value = number(value)
        );
        return Opinion::new(Vote::Wants(1), ReasonCode::TargetTracking, text);
    }
    let text = phrase!(
        "{key} is {value}; {tasks} desired, none running yet",
        key = policy.metric.key.clone(),
        value = number(value),
        tasks = tasks(look.desired)
    );
    Opinion::new(Vote::Wants(look.desired), ReasonCode::AlreadyAtDesiredCapacity, text)
}

fn by_ratio(
    look: &Look<'_>,
    name: &Name,
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
    let text = phrase!(
        "{key} is {value}, at its target of {target} (from {under} to {over} nothing changes)",
        key = policy.metric.key.clone(),
        value = number(value),
        target = number(policy.target),
        under = number(under),
        over = number(over)
    );
    stay(look, policy, points.newest, memory, ReasonCode::WithinTolerance, text)
}

fn over_target(
    look: &Look<'_>,
    name: &Name,
    policy: &TargetTracking,
    points: &Fresh<'_>,
    memory: &Memory,
    over: f64,
) -> Opinion {
    let now = look.observation.now;
    let (after, within) = (policy.scale_out_after, policy.scale_out_within);
    let beyond = points.run(after, within, |value| over < value, now).count();
    let end = period_end(&policy.metric, points.newest);
    let need = need(policy, points.newest, running::warm_at(look, &memory.running, end, look.target.warm_up));
    let sum = need.sum(policy);
    if u64::from(after) > count(beyond) {
        let text = phrase!(
            "{sum}; over {over} for {beyond} of {after} points{newest}, so scale-out waits",
            over = number(over),
            newest = newest(after, within)
        );
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::WithinTolerance, text);
    }
    if need.wanted <= look.desired {
        let text = phrase!("{sum}; {are} desired already", are = are(look.desired));
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::AlreadyAtDesiredCapacity, text);
    }
    if let Some(change) = cooldown::scale_out(memory, name, policy.scale_out_cooldown, now) {
        let needed = need.wanted.saturating_sub(need.base);
        let (count, why) =
            cooldown::less_what_was_added(change, needed, look.desired, policy.scale_out_cooldown);
        let count = count.min(need.wanted);
        let code = if count == look.desired { ReasonCode::CoolingDown } else { ReasonCode::TargetTracking };
        return Opinion::new(Vote::Wants(count), code, phrase!("{sum}; {why}"));
    }
    Opinion::new(Vote::Wants(need.wanted), ReasonCode::TargetTracking, sum)
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
    let mut run = 0;
    let needs = points.run(after, within, |value| value < under, now).map(|point| {
        run += 1;
        need(policy, point, running::at(look, &memory.running, period_end(&policy.metric, point)))
    });
    let Some(need) = needs.max_by_key(|need| need.wanted) else {
        return Opinion::blind(phrase!("{key} has no value", key = policy.metric.key.clone()));
    };
    let sum = need.sum(policy);
    if policy.disable_scale_in {
        let text = phrase!("{sum}; scale-in is disabled for this policy");
        let floor = Vote::NotBelow(need.wanted.min(look.desired));
        return Opinion::new(floor, ReasonCode::AlreadyAtDesiredCapacity, text);
    }
    let stays = Vote::Wants(look.desired);
    if let Some(why) = points.no_scale_in {
        let text = phrase!("{sum}; {why}, so scale-in waits");
        return Opinion::new(stays, ReasonCode::InsufficientData, text);
    }
    let (under, counted) = (number(under), counted(run, "point"));
    let row = in_a_row(after, within);
    if run < u64::from(after) {
        let text = phrase!("{sum}; under {under} for {counted} of {after}{row}, so scale-in waits");
        return Opinion::new(stays, ReasonCode::WithinTolerance, text);
    }
    if look.desired <= need.wanted {
        let text = phrase!(
            "{sum}; fewer than {desired} would push it back over {target}",
            desired = look.desired,
            target = number(policy.target)
        );
        return Opinion::new(stays, ReasonCode::AutoScalingAnticipatedFlapping, text);
    }
    if let Some(why) = cooldown::scale_in(memory, policy.scale_in_cooldown, now) {
        return Opinion::new(stays, ReasonCode::CoolingDown, phrase!("{sum}; {why}"));
    }
    let text = phrase!("{sum}; the most that {counted}{row} under {under} ask for");
    Opinion::new(Vote::Wants(need.wanted), ReasonCode::TargetTracking, text)
}

/// The vote of a policy that is content: it keeps what it has, unless it may not speak on scale-in.
fn stay(
    look: &Look<'_>,
    policy: &TargetTracking,
    point: Point,
    memory: &Memory,
    code: ReasonCode,
    text: impl Phrase,
) -> Opinion {
    if policy.disable_scale_in {
        let need = need(policy, point, running::at(look, &memory.running, period_end(&policy.metric, point)));
        return Opinion::new(Vote::NotBelow(need.wanted.min(look.desired)), code, text);
    }
    Opinion::new(Vote::Wants(look.desired), code, text)
}

/// `ceil(running x value / target)`.
fn need(policy: &TargetTracking, point: Point, base: TaskCount) -> Need {
    let exact = f64::from(base) * point.value / policy.target;
    let wanted = tasks_rounded_up(exact);
    Need { point, base, target: policy.target, exact, wanted }
}

impl Need {
    /// The sum that gives the tasks.
    fn sum(self, policy: &TargetTracking) -> impl Phrase + use<> {
        phrase!(
            "{key} was {value} from {at}, target {target}: {base} running x {value} / {target} = {exact}, so {wanted}",
            key = policy.metric.key.clone(),
            value = number(self.point.value),
            at = time(self.point.start),
            target = number(self.target),
            base = self.base,
            exact = number(self.exact),
            wanted = tasks(self.wanted)
        )
    }
}

/// Among which points so many are counted, where not all of them must hold.
fn newest(after: u32, within: u32) -> impl Phrase {
    if_any((after != within).then(|| phrase!(" among the newest {within}")))
}

/// The same, of points that must follow each other where all of them must hold.
fn in_a_row(after: u32, within: u32) -> impl Phrase {
    fmt::from_fn(move |f| {
        if after == within { f.write_str(" in a row") } else { write!(f, "{}", newest(after, within)) }
    })
}

fn are(count: TaskCount) -> impl Phrase {
    phrase!("{count} {verb}", verb = if count == 1 { "is" } else { "are" })
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
