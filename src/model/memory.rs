//! What is remembered of a service between looks. It lives in one small item of the state store; without it, or with an
//! old one, decisions become plainer, never wrong.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::capacity::TaskCount;

/// The memory of one service. Every list in it is bounded by the longest period that its target looks back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The change that was decided last and not yet seen in effect. It becomes an activity when the next look sees it,
    /// and is forgotten when the next look sees the old count: a failed update starts no cooldown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingChange>,
    /// The desired count of the last look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<TaskCount>,
    /// Changes that took effect, oldest first; kept for rate limits and the scale-in cooldown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<CountChange>,
    /// Unstabilised recommendations, oldest first; kept for stabilisation windows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recommendations: Vec<PastRecommendation>,
    /// The running count over the last minutes; kept to read a metric against the tasks that made it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub running: Vec<RunningSpan>,
    /// The last scale-out by each policy; kept for scale-out cooldowns.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scale_outs: BTreeMap<String, CountChange>,
    /// Bounds set by hand.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    pub manual: Option<ManualCapacity>,
    /// Directions paused by hand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
    /// The count before a window lowered it, to come back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_window: Option<BeforeWindow>,
    /// What queue policies learned, by policy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub queues: BTreeMap<String, QueueMemory>,
    /// What service-level policies learned, by policy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub service_levels: BTreeMap<String, ServiceLevelMemory>,
    /// What the forecast learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<ForecastMemory>,
}

/// A change that was decided and not yet seen in effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingChange {
    /// When it was decided.
    pub at: Timestamp,
    /// The desired count then.
    pub from: TaskCount,
    /// The desired count that was decided.
    pub to: TaskCount,
    /// The policies that asked for it; none where bounds did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
}

/// A change of the desired count that took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountChange {
    /// When it was decided.
    pub at: Timestamp,
    /// The desired count before.
    pub from: TaskCount,
    /// The desired count after.
    pub to: TaskCount,
}

/// What was recommended at a look, or at several that lie close together against the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRecommendation {
    /// The time of the first look.
    pub at: Timestamp,
    /// The least count.
    pub least: TaskCount,
    /// The greatest count.
    pub most: TaskCount,
}

/// A time in which every look saw the same running count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningSpan {
    /// The first look that saw it.
    pub since: Timestamp,
    /// The last look that saw it.
    pub until: Timestamp,
    /// The running count.
    pub running: TaskCount,
}

/// Bounds set by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualCapacity {
    /// The lower bound, where set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<TaskCount>,
    /// The upper bound, where set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<TaskCount>,
    /// The count to go to once; forgotten when it is seen in effect. With neither bound, it is held until the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<TaskCount>,
    /// When it ends.
    pub until: Timestamp,
}

/// A direction paused by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// What is paused.
    pub direction: PauseDirection,
    /// When it ends; without one it lasts until it is resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why, in the words of who paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PauseDirection {
    /// Scale-out.
    Out,
    /// Scale-in.
    In,
    /// Both, and the bounds' corrections as well.
    #[default]
    Both,
    /// Scheduled actions and windows, which then move no bounds: AAS's `ScheduledScalingSuspended`.
    Schedules,
}

/// The count before a window lowered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeWindow {
    /// The window's name.
    pub window: String,
    /// The desired count before.
    pub count: TaskCount,
}

/// What a queue policy learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueMemory {
    /// The last look that saw a message, or could not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_at: Option<Timestamp>,
    /// Messages that a busy task finishes in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_per_task_s: Option<f64>,
    /// Messages that arrive in a second, smoothed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrivals_s: Option<f64>,
    /// Messages that a busy task holds in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight_per_task: Option<f64>,
    /// The start of the newest period of arrivals that was learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_until: Option<Timestamp>,
    /// The start of the newest period of finished messages that was learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_until: Option<Timestamp>,
}

/// What a service-level policy learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceLevelMemory {
    /// The most requests a second and task at which the promise was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_per_task_s: Option<f64>,
    /// The start of the newest period that was learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learned_until: Option<Timestamp>,
}

/// What the forecast learned: the greatest recommendation of each hour of the day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ForecastMemory {
    /// The first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The hour now under way, in hours since 1970.
    pub hour: i64,
    /// The greatest recommendation in it so far.
    pub peak: TaskCount,
    /// The greatest recommendation of each full hour of the day (UTC), smoothed over days; empty until known.
    pub by_hour: BTreeMap<u8, f64>,
}
