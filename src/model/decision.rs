//! A decision: the count, and the reasons from which a person can recompute it.

use std::fmt;

use serde::Serialize;

use super::capacity::TaskCount;
use super::memory::Memory;
use super::name::Name;
use super::sentence::Sentence;

/// What was decided for one service at one look.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a decision that is not carried out changes nothing"]
pub struct Decision {
    /// The desired count that was observed.
    pub from: TaskCount,
    /// The desired count that is right.
    pub to: TaskCount,
    /// What each policy asked for, in the order of the policy file.
    pub recommendations: Vec<Recommendation>,
    /// Every step that shaped the count, in order. The last one that changed or held it is the binding one.
    pub reasons: Vec<Reason>,
    /// The code of the reason that the count is this and no other.
    pub binding: ReasonCode,
    /// What to remember for the next look.
    pub memory: Memory,
}

impl Decision {
    /// The direction of the change.
    pub fn change(&self) -> Change {
        match self.to.cmp(&self.from) {
            std::cmp::Ordering::Greater => Change::Out,
            std::cmp::Ordering::Less => Change::In,
            std::cmp::Ordering::Equal => Change::Hold,
        }
    }
}

/// The direction of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// More tasks.
    Out,
    /// Fewer tasks.
    In,
    /// The count stays.
    Hold,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Out => "out",
            Self::In => "in",
            Self::Hold => "hold",
        })
    }
}

/// What one policy asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recommendation {
    /// The policy's name.
    pub policy: Name,
    /// The count it asked for; none where it had nothing to say or could not tell.
    pub count: Option<TaskCount>,
}

/// One step of a decision, as a plain sentence with the figures that decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// The kind of step.
    pub code: ReasonCode,
    /// The sentence.
    pub text: Sentence,
}

/// The kinds of steps. Those that Application Auto Scaling names keep its spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ReasonCode {
    /// A target-tracking policy spoke.
    TargetTracking,
    /// A step-scaling policy spoke.
    StepScaling,
    /// A queue policy spoke.
    Queue,
    /// A service-level policy spoke.
    ServiceLevel,
    /// The formula of `combine` gave the count, or could not.
    Formula,
    /// A forecast raised the floor, or would have.
    Forecast,
    /// A policy's data is missing or stale.
    InsufficientData,
    /// A value that no metric can have was set aside.
    ValueRefused,
    /// A policy without data asked for the fallback count.
    Fallback,
    /// Scale-in was held because a policy could not tell or did not agree.
    ScaleInNotAgreed,
    /// Scale-out was held because `combine: all_agree` is set and a policy did not agree.
    ScaleOutNotAgreed,
    /// Scale-in would push a metric straight back over its target (AAS).
    AutoScalingAnticipatedFlapping,
    /// A metric is within the tolerance around its target.
    WithinTolerance,
    /// Work in flight or protected tasks hold their tasks.
    WorkInFlight,
    /// A scheduled action's bounds are in force.
    Scheduled,
    /// A window's bounds are in force, or ended.
    Window,
    /// A manual override is in force, or expired.
    Override,
    /// A stabilisation window held the count.
    Stabilizing,
    /// A rate limit cut the change.
    RateLimited,
    /// The limit over all services held the count or cut the change.
    BlastRadius,
    /// A cooldown held the count or cut the change.
    CoolingDown,
    /// A deployment in progress held the count.
    DeploymentInProgress,
    /// The service or a direction is paused.
    ScalingSuspended,
    /// The service takes no desired count, as with the DAEMON strategy (AAS).
    TargetServicePutResourceAsUnscalable,
    /// The ceiling cut the count (AAS).
    AlreadyAtMaxCapacity,
    /// The floor raised the count (AAS).
    AlreadyAtMinCapacity,
    /// The count is what the policies ask for (AAS).
    AlreadyAtDesiredCapacity,
    /// An earlier decision had not taken effect, or someone else changed the count.
    DesiredCountChanged,
}
