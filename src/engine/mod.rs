//! The decision: a pure function of a target, an observation and a memory.
use crate::model::capacity::tasks_rounded_up;
use crate::model::decision::Reason;
use crate::model::memory::PendingChange;
use crate::model::observation::AlarmState;
use crate::model::policy::{PolicyKind, QueueGoal};
use crate::model::{Decision, Memory, Observation, ReasonCode, ScalableTarget, TaskCount};

/// Decides.
pub fn decide(target: &ScalableTarget, observation: &Observation, memory: &Memory) -> Decision {
    let from = observation.service.desired;
    let asked = target.policies.iter().filter_map(|policy| ask(&policy.kind, observation)).max();
    let mut bounds = target.capacity;
    let mut wanted = asked.unwrap_or(from);
    if let Some(manual) = memory.manual.filter(|manual| observation.now < manual.until) {
        bounds = bounds.overlaid(manual.min, manual.max);
        wanted = manual.desired.unwrap_or(wanted);
    }
    let mut to = bounds.clamp(wanted);
    if !memory.pauses.is_empty() || target.mode == crate::model::target::Mode::Paused {
        to = from;
    }
    let mut memory = Memory { pending: None, desired: Some(from), ..memory.clone() };
    if to != from {
        memory.pending = Some(PendingChange { at: observation.now, from, to, policies: Vec::new() });
    }
    let code = ReasonCode::AlreadyAtDesiredCapacity;
    let reasons = vec![Reason { code, text: format!("{to} tasks are wanted.") }];
    Decision { from, to, recommendations: Vec::new(), reasons, binding: code, memory }
}

fn ask(kind: &PolicyKind, observation: &Observation) -> Option<TaskCount> {
    let running = f64::from(observation.service.running);
    match kind {
        PolicyKind::TargetTracking(policy) => {
            let point = observation.metrics.get(&policy.metric.key)?.last()?;
            Some(tasks_rounded_up(running * point.value / policy.target))
        }
        PolicyKind::Queue(policy) => {
            let depth = observation.queues.get(&policy.queues.first()?.name)?;
            let QueueGoal::BacklogPerTask(per_task) = policy.goal else { return None };
            #[expect(clippy::cast_precision_loss, reason = "counts of messages are small")]
            Some(tasks_rounded_up((depth.visible + depth.in_flight) as f64 / per_task))
        }
        PolicyKind::StepScaling(policy) => {
            let alarm = observation.alarms.get(&policy.alarm)?;
            let over = alarm.value? - alarm.threshold?;
            let step = policy.steps.iter().find(|s| over < s.upper.unwrap_or(f64::MAX))?;
            (alarm.state == AlarmState::Alarm)
                .then(|| observation.service.desired.saturating_add_signed(step.change))
        }
        PolicyKind::ServiceLevel(_) => None,
    }
}
