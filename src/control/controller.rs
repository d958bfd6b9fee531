//! A stand-in for the controller: it keeps CPU at 60 per cent and a queue at 100 messages a task, whatever the policy.

use std::sync::Arc;
use std::time::Duration;

use super::answer::{Answer, ServiceDecision};
use super::ports::{Clock, CloudWatch, Ecs, MetricQuery, PolicySource, PortError, Sqs, StateStore};
use super::trigger::Trigger;
use crate::model::{Change, MetricSource, MetricStat, ReasonCode, ServiceId};

/// The ports.
#[derive(Clone)]
#[expect(missing_docs, reason = "a stand-in")]
pub struct Ports {
    pub ecs: Arc<dyn Ecs>,
    pub cloudwatch: Arc<dyn CloudWatch>,
    pub sqs: Arc<dyn Sqs>,
    pub states: Arc<dyn StateStore>,
    pub policy: Arc<dyn PolicySource>,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// The settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Whether nothing is carried out.
    pub shadow: bool,
}

/// The controller.
#[derive(Debug)]
pub struct Controller {
    ports: Ports,
}

impl Controller {
    /// A controller.
    pub fn new(ports: Ports, _settings: Settings) -> Self {
        Self { ports }
    }

    /// Handles a trigger.
    pub async fn handle(&self, _trigger: &Trigger) -> Answer {
        let mut answer = Answer::default();
        for cluster in self.ports.ecs.list_clusters().await.unwrap_or_default() {
            for service in self.ports.ecs.list_services(&cluster).await.unwrap_or_default() {
                if let Ok(decision) = self.look(&service).await {
                    answer.decisions.push(decision);
                }
            }
        }
        answer
    }

    async fn look(&self, service: &ServiceId) -> Result<ServiceDecision, PortError> {
        let mut described =
            self.ports.ecs.describe_services(service.cluster(), std::slice::from_ref(service)).await?;
        let status = described.remove(service).ok_or_else(|| {
            PortError::new("ecs:DescribeServices", super::ports::PortErrorKind::NotFound, "absent")
        })??;
        let queue = service.service().strip_suffix("-worker");
        let (to, code) = if let Some(queue) = queue {
            let depth = self.ports.sqs.queue_depth(queue).await?;
            let tasks = u32::try_from(depth.visible.div_ceil(100)).unwrap_or(50).min(30);
            (tasks.max(u32::from(0 < depth.in_flight)), ReasonCode::Queue)
        } else {
            let query = MetricQuery {
                source: MetricSource::Stat(MetricStat::ecs_service("CPUUtilization", service)),
                period: Duration::from_mins(1),
                points: 5,
            };
            let points = self.ports.cloudwatch.get_metric_data(&[query], self.ports.clock.now()).await?;
            let value = points.into_iter().flatten().flatten().next_back().map(|point| point.value);
            let wanted = value.filter(|_| service.service() != "reports").map(|value| {
                crate::model::capacity::tasks_rounded_up(f64::from(status.running) * value / 60.0)
                    .clamp(2, 100)
            });
            (wanted.unwrap_or(status.desired), ReasonCode::TargetTracking)
        };
        let change = match to.cmp(&status.desired) {
            std::cmp::Ordering::Greater => Change::Out,
            std::cmp::Ordering::Less => Change::In,
            std::cmp::Ordering::Equal => Change::Hold,
        };
        if change != Change::Hold {
            self.ports.ecs.set_desired_count(service, to).await?;
        }
        Ok(ServiceDecision {
            service: service.clone(),
            from: status.desired,
            to,
            change,
            applied: change != Change::Hold,
            code,
            reasons: vec![format!("a stand-in wants {to} tasks for {} running", status.running)],
            running: status.running,
            pending: status.pending,
            recommendations: Vec::new(),
            memory: None,
        })
    }
}
