//! The policy file: from text to the model.
use std::fmt;

use serde_json::Value;

use crate::model::metric::{Metric, MetricSource, MetricStat};
use crate::model::policy::{
    AdjustmentType, Behavior, MetricAggregation, PolicyKind, QueueGoal, QueuePolicy, QueueRef, ScalingPolicy,
    StepAdjustment, StepScaling, TargetTracking,
};
use crate::model::target::{AasRegistered, DuringDeployment, Mode, OnMissingMetrics};
use crate::model::{Capacity, ScalableTarget, ServiceId, ServicePattern};

/// The policy file.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// Its good entries.
    pub entries: Vec<ServiceEntry>,
    /// What is wrong with the others.
    pub problems: Vec<Problem>,
}

/// An entry.
#[derive(Clone, Debug)]
pub struct ServiceEntry {
    pattern: ServicePattern,
    capacity: Capacity,
    mode: Mode,
    policies: Vec<Value>,
    alarms: Vec<String>,
}

/// What is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The entry that it concerns.
    pub service: Option<String>,
    text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PolicyFile {
    /// Reads it.
    pub fn parse(place: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let bad = |text: String| vec![Problem { service: None, text: format!("{place}: {text}") }];
        let value: Value = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        let services = value.get("services").and_then(Value::as_array).cloned();
        let services = services.ok_or_else(|| bad("no services".to_owned()))?;
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        for service in &services {
            match ServiceEntry::read(service) {
                Ok(entry) => entries.push(entry),
                Err((service, text)) => {
                    problems.push(Problem { service, text: format!("{place}: {text}") });
                }
            }
        }
        Ok(Self { entries, problems })
    }

    /// The entry of a service.
    pub fn entry_for(&self, id: &ServiceId) -> Result<Option<&ServiceEntry>, Problem> {
        let mut found = self.entries.iter().filter(|entry| entry.selects(id));
        let first = found.next();
        match (first, found.next()) {
            (Some(first), Some(second)) => Err(Problem {
                service: Some(id.to_string()),
                text: format!("{id} is matched by both {} and {}", first.pattern, second.pattern),
            }),
            _ => Ok(first),
        }
    }

    /// With the last good entry for each bad one.
    #[must_use]
    pub fn keeping_last_good(mut self, last: &Self) -> Self {
        for problem in &self.problems {
            let kept = last.entries.iter().find(|e| Some(e.pattern.to_string()) == problem.service);
            self.entries.extend(kept.cloned());
        }
        self
    }
}

type Unread = (Option<String>, String);

impl ServiceEntry {
    fn read(value: &Value) -> Result<Self, Unread> {
        let service = value.get("service").and_then(Value::as_str).map(str::to_owned);
        let bad = |text: &str| (service.clone(), text.to_owned());
        let pattern = service.as_deref().unwrap_or_default().parse().map_err(|_| bad("service"))?;
        let capacity = value.get("capacity").cloned().ok_or_else(|| bad("no capacity"))?;
        let capacity = serde_json::from_value(capacity).map_err(|error| bad(&error.to_string()))?;
        let mode = match value.get("mode").and_then(Value::as_str) {
            Some("shadow") => Mode::Shadow,
            Some("paused") => Mode::Paused,
            _ => Mode::Active,
        };
        let policies = value.get("policies").and_then(Value::as_array).cloned().unwrap_or_default();
        let alarms = policies
            .iter()
            .filter_map(|policy| policy.pointer("/step_scaling/alarm")?.as_str())
            .map(str::to_owned)
            .collect();
        Ok(Self { pattern, capacity, mode, policies, alarms })
    }

    /// The pattern.
    pub fn pattern(&self) -> &ServicePattern {
        &self.pattern
    }

    /// Whether it is for the service.
    pub fn selects(&self, id: &ServiceId) -> bool {
        self.pattern.matches(id)
    }

    /// The alarms of its step policies.
    pub fn alarms(&self) -> Vec<&str> {
        self.alarms.iter().map(String::as_str).collect()
    }

    /// The line.
    pub fn line(&self) -> usize {
        1
    }

    /// The target of a service.
    pub fn target_for(&self, id: &ServiceId) -> ScalableTarget {
        ScalableTarget {
            service: id.clone(),
            mode: self.mode,
            capacity: self.capacity,
            policies: self.policies.iter().filter_map(|policy| policy_of(policy, id)).collect(),
            predictive: None,
            schedules: Vec::new(),
            windows: Vec::new(),
            warm_up: std::time::Duration::ZERO,
            behavior: Behavior::default(),
            on_missing_metrics: OnMissingMetrics::default(),
            during_deployment: DuringDeployment::default(),
            aas: AasRegistered::default(),
        }
    }
}

fn policy_of(value: &Value, id: &ServiceId) -> Option<ScalingPolicy> {
    let minute = std::time::Duration::from_secs(60);
    if let Some(tracking) = value.get("target_tracking") {
        let number =
            |key: &str| tracking.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let metric = tracking.get("metric")?;
        let metric = match metric.as_str() {
            Some(name) => Metric {
                key: name.to_owned(),
                source: MetricSource::Stat(MetricStat::ecs_service("CPUUtilization", id)),
                period: minute,
                exists_without_tasks: false,
            },
            None => Metric {
                key: metric.get("name")?.as_str()?.to_owned(),
                source: MetricSource::Stat(MetricStat::new(
                    metric.get("namespace")?.as_str()?,
                    metric.get("name")?.as_str()?,
                    [],
                    "Average",
                )),
                period: minute,
                exists_without_tasks: true,
            },
        };
        return Some(ScalingPolicy {
            name: metric.key.clone(),
            kind: PolicyKind::TargetTracking(TargetTracking {
                metric,
                target: tracking.get("target")?.as_f64()?,
                scale_out_after: number("scale_out_after").unwrap_or(1),
                scale_in_after: number("scale_in_after").unwrap_or(5),
                scale_out_cooldown: std::time::Duration::ZERO,
                scale_in_cooldown: minute,
                disable_scale_in: false,
            }),
        });
    }
    if let Some(queue) = value.get("queue") {
        let name = queue.get("queue")?.as_str()?;
        let metric = |what: &str| Metric {
            key: format!("{name}.{what}"),
            source: MetricSource::Stat(MetricStat::new("AWS/SQS", what, [("QueueName", name)], "Sum")),
            period: minute,
            exists_without_tasks: true,
        };
        return Some(ScalingPolicy {
            name: name.to_owned(),
            kind: PolicyKind::Queue(QueuePolicy {
                queues: vec![QueueRef {
                    name: name.to_owned(),
                    reference: name.to_owned(),
                    sent: metric("NumberOfMessagesSent"),
                    deleted: metric("NumberOfMessagesDeleted"),
                }],
                goal: QueueGoal::BacklogPerTask(queue.get("backlog_per_task")?.as_f64()?),
                count_in_flight: true,
                count_delayed: false,
                activation: 0,
                idle_for: minute * 5,
            }),
        });
    }
    let step = value.get("step_scaling")?;
    Some(ScalingPolicy {
        name: step.get("alarm")?.as_str()?.to_owned(),
        kind: PolicyKind::StepScaling(StepScaling {
            alarm: step.get("alarm")?.as_str()?.to_owned(),
            adjustment_type: AdjustmentType::ChangeInCapacity,
            min_adjustment_magnitude: 1,
            metric_aggregation: MetricAggregation::Average,
            cooldown: minute,
            steps: vec![
                StepAdjustment { lower: Some(0.0), upper: Some(15.0), change: 1 },
                StepAdjustment { lower: Some(15.0), upper: None, change: 3 },
            ],
        }),
    })
}
