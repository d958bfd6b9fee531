//! Scaling policies, in the words of Application Auto Scaling (AAS), and behaviour, in those of Kubernetes HPA v2.

use std::time::Duration;

use super::capacity::TaskCount;
use super::metric::Metric;
use super::name::Name;
use super::target::OnMissingMetrics;

/// One rule that recommends a count.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingPolicy {
    /// The name in reasons and memory; unique within a target.
    pub name: Name,
    /// The rule.
    pub kind: PolicyKind,
    /// What the policy asks for without data, where it is not what its target says.
    pub on_missing_metrics: Option<OnMissingMetrics>,
}

/// The kinds of rules.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a target has a few, made once")]
pub enum PolicyKind {
    /// Keeps a metric at a target value.
    TargetTracking(TargetTracking),
    /// Answers an alarm's breach with a step by its size.
    StepScaling(StepScaling),
    /// Follows the depth of SQS queues.
    Queue(QueuePolicy),
    /// Keeps the latency promise of a service behind a load balancer.
    ServiceLevel(ServiceLevel),
}

/// AAS's `TargetTrackingScalingPolicyConfiguration`.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetTracking {
    /// The metric; it must fall as tasks are added.
    pub metric: Metric,
    /// The value to keep it at, in the metric's unit; above zero.
    pub target: f64,
    /// Points over the target before a scale-out (AAS: 3).
    pub scale_out_after: u32,
    /// The newest points among which `scale_out_after` must be, as CloudWatch's M of N; as many where all must be over.
    pub scale_out_within: u32,
    /// Points under the target before a scale-in (AAS: 15).
    pub scale_in_after: u32,
    /// The newest points among which `scale_in_after` must be.
    pub scale_in_within: u32,
    /// Time after a scale-out in which only a larger one goes through.
    pub scale_out_cooldown: Duration,
    /// Time after a scale-in without another one.
    pub scale_in_cooldown: Duration,
    /// The policy never asks for fewer tasks.
    pub disable_scale_in: bool,
}

/// AAS's `StepScalingPolicyConfiguration`, with the alarm that starts it.
#[derive(Clone, Debug, PartialEq)]
pub struct StepScaling {
    /// The CloudWatch alarm's name.
    pub alarm: Name,
    /// How a step's change is meant.
    pub adjustment_type: AdjustmentType,
    /// The least change, in tasks, of a step in per cent.
    pub min_adjustment_magnitude: TaskCount,
    /// How the points of the alarm's evaluation periods are aggregated into the value that a step is chosen by.
    pub metric_aggregation: MetricAggregation,
    /// Time after an activity in which only a larger scale-out goes through.
    pub cooldown: Duration,
    /// The steps, without gap or overlap, by rising bounds.
    pub steps: Vec<StepAdjustment>,
}

/// AAS's `AdjustmentType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdjustmentType {
    /// Tasks to add or remove.
    ChangeInCapacity,
    /// Per cent of the count to add or remove.
    PercentChangeInCapacity,
    /// The count itself.
    ExactCapacity,
}

/// AAS's `MetricAggregationType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricAggregation {
    /// The mean.
    #[default]
    Average,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
}

/// AAS's `StepAdjustment`. Bounds are differences from the alarm's threshold, in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepAdjustment {
    /// The lower bound; none is minus infinity.
    pub lower: Option<f64>,
    /// The upper bound; none is plus infinity.
    pub upper: Option<f64>,
    /// Tasks, per cent or the count, by the adjustment type.
    pub change: i32,
}

/// Follows the depth of SQS queues.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuePolicy {
    /// The queues; their messages add up.
    pub queues: Vec<QueueRef>,
    /// What the count follows.
    pub goal: QueueGoal,
    /// Messages being worked on count, and hold their tasks.
    pub count_in_flight: bool,
    /// Delayed messages count.
    pub count_delayed: bool,
    /// More messages than this leave zero (KEDA's `activationQueueLength`).
    pub activation: u64,
    /// The queues must be empty for this long before the last task goes (KEDA's `cooldownPeriod`).
    pub idle_for: Duration,
}

/// An SQS queue as the policy file names it.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueRef {
    /// The queue's name: the key of its depth in an observation.
    pub name: String,
    /// The URL, ARN or name as written, by which the adapter finds it.
    pub reference: String,
    /// `NumberOfMessagesSent`, summed; its key is `<name>.NumberOfMessagesSent`.
    pub sent: Metric,
    /// `NumberOfMessagesDeleted`, summed; its key is `<name>.NumberOfMessagesDeleted`.
    pub deleted: Metric,
}

/// What the count of a queue's workers follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QueueGoal {
    /// A message starts within this of its arrival.
    StartWithin(Duration),
    /// So many messages a task; above zero.
    BacklogPerTask(f64),
}

/// The promise of a service behind a load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceLevel {
    /// `RequestCount`: requests in a period, summed.
    pub requests: Metric,
    /// `TargetResponseTime` by CloudWatch's percentile rank: per cent of requests within `latency`.
    pub within: Metric,
    /// `CPUUtilization` of the service: what a task can take is learned from it.
    pub utilization: Metric,
    /// The time a request may take.
    pub latency: Duration,
    /// The share of requests that must stay within it, in per cent; above 0, below 100.
    pub percent: f64,
}

/// A forecast that raises the floor, after AAS's `PredictiveScalingPolicyConfiguration`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predictive {
    /// Whether the forecast acts.
    pub mode: PredictiveMode,
    /// How long before they are needed tasks are started.
    pub scheduling_buffer: Duration,
    /// What happens where the forecast is above the ceiling.
    pub max_capacity_breach: MaxCapacityBreach,
}

/// AAS's `PredictiveScalingMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PredictiveMode {
    /// The forecast is reported.
    #[default]
    ForecastOnly,
    /// The forecast raises the floor.
    ForecastAndScale,
}

/// AAS's `PredictiveScalingMaxCapacityBreachBehavior`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxCapacityBreach {
    /// The ceiling stands.
    #[default]
    HonorMaxCapacity,
    /// The ceiling rises to the forecast and this many per cent more.
    IncreaseMaxCapacity {
        /// AAS's `MaxCapacityBuffer`, in per cent.
        buffer_percent: u32,
    },
}

/// Damping by direction, after Kubernetes HPA v2's `behavior`, in tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// For scale-out.
    pub scale_out: ScalingRules,
    /// For scale-in.
    pub scale_in: ScalingRules,
}

/// HPA v2's `HPAScalingRules`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    /// The share by which a metric may leave its target before anything happens.
    pub tolerance: f64,
    /// The window over which the least change of direction is taken.
    pub stabilization: Duration,
    /// Which of several limits holds.
    pub select: SelectPolicy,
    /// Limits on the change within a period; none is no limit.
    pub policies: Vec<RateLimit>,
}

/// HPA v2's `selectPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The limit that allows the largest change.
    #[default]
    Max,
    /// The limit that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// HPA v2's `HPAScalingPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The most that may change.
    pub amount: RateAmount,
    /// Within this time; at most 30 minutes.
    pub period: Duration,
}

/// The size of a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateAmount {
    /// So many tasks.
    Tasks(TaskCount),
    /// So many per cent of the count at the period's start.
    Percent(u32),
}

impl Default for Behavior {
    /// No limit out; in, half the tasks or four of them a minute, whichever is more.
    fn default() -> Self {
        let minute = Duration::from_mins(1);
        let scale_out = ScalingRules {
            tolerance: 0.0,
            stabilization: Duration::ZERO,
            select: SelectPolicy::Max,
            policies: Vec::new(),
        };
        let scale_in = ScalingRules {
            tolerance: 0.1,
            policies: vec![
                RateLimit { amount: RateAmount::Percent(50), period: minute },
                RateLimit { amount: RateAmount::Tasks(4), period: minute },
            ],
            ..scale_out.clone()
        };
        Self { scale_out, scale_in }
    }
}

impl ScalingPolicy {
    /// The metrics that the policy looks at.
    pub fn metrics(&self) -> Vec<&Metric> {
        match &self.kind {
            PolicyKind::TargetTracking(policy) => vec![&policy.metric],
            PolicyKind::ServiceLevel(policy) => vec![&policy.requests, &policy.within, &policy.utilization],
            PolicyKind::Queue(QueuePolicy { queues, goal, .. }) => match goal {
                QueueGoal::StartWithin(_) => {
                    queues.iter().flat_map(|queue| [&queue.sent, &queue.deleted]).collect()
                }
                QueueGoal::BacklogPerTask(_) => Vec::new(),
            },
            PolicyKind::StepScaling(_) => Vec::new(),
        }
    }

    /// Those of them whose last days are worth knowing.
    pub fn history_metrics(&self) -> Vec<&Metric> {
        match &self.kind {
            PolicyKind::ServiceLevel(policy) => vec![&policy.requests],
            PolicyKind::Queue(QueuePolicy { queues, goal: QueueGoal::StartWithin(_), .. }) => {
                queues.iter().map(|queue| &queue.sent).collect()
            }
            PolicyKind::Queue(_) | PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) => Vec::new(),
        }
    }
}
