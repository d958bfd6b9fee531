//! A scalable target: one ECS service with everything that the policy file says of it.

use std::time::Duration;

use super::capacity::{Capacity, TaskCount};
use super::formula::Formula;
use super::policy::{Behavior, Predictive, ScalingPolicy};
use super::schedule::{ScheduledAction, Window};
use super::service::ServiceId;

/// How old the last full look at a service at rest may get, unless the policy file says otherwise.
pub const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(600);

/// One ECS service under trimtab, by Application Auto Scaling's word for it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalableTarget {
    /// The service.
    pub service: ServiceId,
    /// Whether decisions are carried out.
    pub mode: Mode,
    /// The base bounds; schedules, windows and overrides lie over them and never rewrite them.
    pub capacity: Capacity,
    /// The policies; scale-in needs all of them to agree.
    pub policies: Vec<ScalingPolicy>,
    /// How their recommendations become one.
    pub combine: Combine,
    /// A forecast that raises the floor.
    pub predictive: Option<Predictive>,
    /// Scheduled actions: bounds that hold from a time on.
    pub schedules: Vec<ScheduledAction>,
    /// Windows: bounds that hold from a time to another.
    pub windows: Vec<Window>,
    /// A task this young does not count in utilisation yet.
    pub warm_up: Duration,
    /// How old the last full look at a service at rest may get: so long its metrics need not be asked for.
    pub look_at_least_every: Duration,
    /// Tolerance, stabilisation and rate limits by direction.
    pub behavior: Behavior,
    /// What a policy without data asks for.
    pub on_missing_metrics: OnMissingMetrics,
    /// What a deployment in progress forbids.
    pub during_deployment: DuringDeployment,
    /// What to do where Application Auto Scaling has the service registered as well.
    pub aas: AasRegistered,
}

/// Whether decisions are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Decide, and set the desired count.
    #[default]
    Active,
    /// Decide and report, never set the desired count.
    Shadow,
    /// Report only that the service is paused.
    Paused,
}

/// How the recommendations of several policies become one. Scale-in needs every policy's agreement either way.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Combine {
    /// The highest recommendation wins, as with Application Auto Scaling and Kubernetes HPA.
    #[default]
    Max,
    /// Scale-out needs every policy's agreement as well, and goes to the lowest recommendation. A policy that cannot tell
    /// or has no wish of its own does not agree.
    AllAgree,
    /// The count is what a formula makes of the recommendations. Without one that it needs the count stays.
    Formula(Formula),
}

/// What a policy without data asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMissingMetrics {
    /// The count stays.
    #[default]
    Hold,
    /// At least this many tasks; a larger count stays.
    Fallback(TaskCount),
}

/// What a deployment in progress forbids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuringDeployment {
    /// Scale-in waits, scale-out goes on, as with Application Auto Scaling.
    #[default]
    NoScaleIn,
    /// The count stays.
    Hold,
    /// A deployment changes nothing.
    Ignore,
}

/// What to do where Application Auto Scaling has the service registered as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AasRegistered {
    /// Leave the service alone.
    #[default]
    Refuse,
    /// Act, and warn.
    Warn,
}
