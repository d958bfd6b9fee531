//! All that one decision may know of the world: what is true now, and the time it is.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::capacity::TaskCount;
use super::metric::Point;
use super::name::Name;

/// What was seen of one service at one moment. A key that is absent was not observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The time of the look; the engine knows no other.
    pub now: Timestamp,
    /// The service as ECS describes it.
    pub service: ServiceStatus,
    /// The recent points of each metric, oldest first, by [`super::Metric::key`].
    pub metrics: BTreeMap<Name, Vec<Point>>,
    /// The alarms of step policies, by name.
    pub alarms: BTreeMap<Name, AlarmStatus>,
    /// The depth of each queue, by the queue's name.
    pub queues: BTreeMap<String, QueueDepth>,
}

/// A service as ECS describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceStatus {
    /// ECS's `desiredCount`.
    pub desired: TaskCount,
    /// ECS's `runningCount`.
    pub running: TaskCount,
    /// ECS's `pendingCount`: tasks that are starting.
    pub pending: TaskCount,
    /// Whether a deployment is in progress.
    pub deploying: bool,
    /// Whether a desired count can be set: DAEMON services have none.
    pub scalable: bool,
    /// Tasks that are protected from scale-in, where known.
    pub protected: TaskCount,
}

impl ServiceStatus {
    /// A steady replica service with `desired` tasks, all of them running.
    pub fn steady(desired: TaskCount) -> Self {
        Self { desired, running: desired, pending: 0, deploying: false, scalable: true, protected: 0 }
    }
}

/// The state of a CloudWatch alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmState {
    /// The threshold is not breached.
    Ok,
    /// The threshold is breached.
    Alarm,
    /// CloudWatch has too few points to tell.
    InsufficientData,
}

/// A CloudWatch alarm as it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlarmStatus {
    /// Its state.
    pub state: AlarmState,
    /// Its threshold, in the metric's unit; a composite alarm has none.
    pub threshold: Option<f64>,
    /// The value of its metric over its newest periods, aggregated as the policy says, in the metric's unit.
    pub value: Option<f64>,
    /// When it entered its state.
    pub since: Option<Timestamp>,
}

/// The depth of an SQS queue, as GetQueueAttributes tells it (approximate, about a minute behind its producers).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// `ApproximateNumberOfMessages`: waiting to be received.
    pub visible: u64,
    /// `ApproximateNumberOfMessagesNotVisible`: received and being worked on; none where it was not observed.
    pub in_flight: Option<u64>,
    /// `ApproximateNumberOfMessagesDelayed`: not yet to be received; none where it was not observed.
    pub delayed: Option<u64>,
    /// Age of the oldest message that was not received, in seconds, where known.
    pub oldest_age_s: Option<u64>,
}
