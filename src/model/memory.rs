//! What is remembered of a service between looks. It lives in one small item of the state store; without it, or with an
//! old one, decisions become plainer, never wrong.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::capacity::TaskCount;
use super::name::Name;

/// The memory of one service. Every list in it is bounded: by the longest period that its target looks back, or by a number.
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
    pub scale_outs: BTreeMap<Name, CountChange>,
    /// Bounds set by hand.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    pub manual: Option<ManualCapacity>,
    /// Directions paused by hand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
    /// The count before a window lowered it, to come back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_window: Option<BeforeWindow>,
    /// That the service is at rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
    /// What was learned of the time that tasks take to start.
    pub starts: StartMemory,
    /// What queue policies learned, by policy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub queues: BTreeMap<Name, QueueMemory>,
    /// What service-level policies learned, by policy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub service_levels: BTreeMap<Name, ServiceLevelMemory>,
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
    pub policies: Vec<Name>,
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

/// A service at rest: it is as it was decided to be, and nothing has to be done unless its signals change by much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// The first look that found it so.
    pub since: Timestamp,
    /// The last look that was remembered.
    pub seen: Timestamp,
    /// Until then its metrics need not be asked for.
    pub until: Timestamp,
    /// The digest of the policy file that it was decided by: another one ends the rest.
    pub policy: u64,
}

/// What was learned of the time that tasks take to start. All of it is in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StartMemory {
    /// The last look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// The usual time from one look to the next; 0 until it is known.
    pub look_s: f64,
    /// The tasks whose start was seen, as far as they still weigh.
    pub seen: f64,
    /// The mean of their delays.
    pub mean_s: f64,
    /// The variance of their delays, in square seconds.
    pub variance_s2: f64,
    /// The tasks that were asked for and are not running yet, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub starting: Vec<Starting>,
}

/// Tasks that were asked for together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starting {
    /// When they were asked for.
    pub since: Timestamp,
    /// How many of them are not running yet.
    pub tasks: TaskCount,
}

/// What a queue policy learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueMemory {
    /// The last look that saw a message, or could not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_at: Option<Timestamp>,
    /// Messages that a busy task finishes in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_per_task_s: Option<f64>,
    /// Whether that was seen of tasks that had more to do than they could; otherwise they may be faster.
    pub at_full_work: bool,
    /// Messages that arrive in a second: those of the newest period.
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
    /// The load, where tasks start too slowly to wait for a backlog.
    pub load: LoadMemory,
    /// The depth and the tasks at the last looks, oldest first: what the finished messages of a period are read against.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<QueueLook>,
}

/// A queue and its workers at a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueLook {
    /// The look.
    pub at: Timestamp,
    /// The messages that waited.
    pub visible: u64,
    /// The tasks that ran.
    pub running: TaskCount,
}

/// What a service-level policy learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceLevelMemory {
    /// Requests a second that a task serves at full utilization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_task_s: Option<f64>,
    /// The periods that it was learned from, by their utilization, as far as they still weigh.
    pub per_task_weight: f64,
    /// Requests a second and task of which many were late, the longer ago the more; a task is taken to take no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_s: Option<f64>,
    /// The newest minutes in a row of which many requests were late.
    pub late_minutes: u32,
    /// The start of the newest period of utilization that was learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_until: Option<Timestamp>,
    /// The start of the newest period of the promise that was learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Timestamp>,
    /// Requests of the last days, the older the less.
    pub requests: f64,
    /// Those of them that were late.
    pub late: f64,
    /// The load.
    pub load: LoadMemory,
}

/// A load as it is looked ahead to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadMemory {
    /// The start of the newest period that was taken in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The load as it is followed.
    pub lookahead: LookaheadMemory,
    /// When a rehearsal was tried last, whether there was history for it or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<Timestamp>,
    /// What the last rehearsal chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsed: Option<Rehearsed>,
    /// The load that is usual at the times to come, where the rehearsal chose a pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual: Option<UsualLoad>,
}

/// The outcome of a rehearsal on history.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// When.
    pub at: Timestamp,
    /// What a task was taken to do then, in requests or messages a second.
    pub per_task_s: f64,
    /// The setting that it chose.
    pub tuning: LookaheadTuning,
}

/// How a load is followed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookaheadTuning {
    /// The weight of the newest minute in the level, from 0 to 1.
    pub newest: f64,
    /// How much of the slope is believed, from 0 to 1.
    pub trend: f64,
    /// The time in which a peak fades to a third, in minutes.
    pub hold_min: f64,
    /// The deviations that are added to the expected work.
    pub margin: f64,
    /// The load that is always prepared for, in requests or messages a second.
    pub floor_s: f64,
    /// Whether the load exceeds forecasts by a share of itself rather than by so many requests or messages a second.
    pub relative: bool,
    /// Which pattern is prepared for.
    pub season: Season,
    /// The share of the pattern that is prepared for.
    pub season_share: f64,
}

/// A pattern that the load repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Season {
    /// None.
    #[default]
    None,
    /// What was usual at the time of day.
    Daily,
    /// What was usual at the time of the week.
    Weekly,
}

/// The load that is usual at the times to come: a day of it, in slots of five minutes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsualLoad {
    /// The number of the first slot of five minutes since 1970.
    pub first_slot: i64,
    /// Requests or messages a second in each slot, to four digits.
    pub load_s: Vec<f64>,
}

/// A load as it is followed, in requests or messages a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LookaheadMemory {
    /// Whether any minute was taken in.
    pub begun: bool,
    /// The smoothed load.
    pub level_s: f64,
    /// Its change in a minute.
    pub slope_s: f64,
    /// The highest load that was looked ahead to, fading.
    pub held_s: f64,
    /// The mean square of what the load had above the forecast, or of the share of the load that was.
    pub variance: f64,
    /// The forecasts that were not yet compared with what came, oldest first; as many as minutes are looked ahead.
    pub forecasts: Vec<f64>,
}

/// What the forecast learned: the greatest recommendation of each hour of the day and of the week.
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
    /// The same of each full hour of the week, from Monday, midnight UTC, smoothed over weeks.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_hour_of_week: BTreeMap<u8, f64>,
}
