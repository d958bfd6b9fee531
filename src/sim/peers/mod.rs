//! What others scale by, as they publish it: trimtab is measured against these. Where a maker leaves something open, the
//! choice is the one that is kinder to the peer, and the module says so.

pub mod constant;
pub mod hpa;
pub mod keda;
pub mod predictive;
pub mod step_scaling;
pub mod target_tracking;

use serde::Serialize;

use self::constant::Constant;
use self::hpa::Hpa;
use self::keda::Keda;
use self::predictive::Predictive;
use self::step_scaling::StepScaling;
use self::target_tracking::TargetTracking;
use super::service::Workload;
use super::trial::{Scaler, Trial};

/// A way to scale that is not trimtab's, with one setting to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "&'static str")]
pub enum Peer {
    /// A constant count, for the peak.
    Constant,
    /// Application Auto Scaling: target tracking of the utilisation.
    Aas,
    /// The same on high-resolution metrics.
    AasHighResolution,
    /// Application Auto Scaling: a ladder of steps.
    AasStep,
    /// Application Auto Scaling: predictive scaling beside target tracking.
    AasPredictive,
    /// Application Auto Scaling: target tracking of a queue's backlog per task.
    AasBacklog,
    /// The horizontal pod autoscaler of Kubernetes.
    Hpa,
    /// KEDA's scaler for SQS.
    Keda,
}

impl From<Peer> for &'static str {
    fn from(peer: Peer) -> Self {
        peer.name()
    }
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Constant,
        Self::Aas,
        Self::AasHighResolution,
        Self::AasStep,
        Self::AasPredictive,
        Self::AasBacklog,
        Self::Hpa,
        Self::Keda,
    ];

    /// Its name, as the command line takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Aas => "aas",
            Self::AasHighResolution => "aas-20s",
            Self::AasStep => "aas-step",
            Self::AasPredictive => "aas-predictive",
            Self::AasBacklog => "aas-backlog",
            Self::Hpa => "hpa",
            Self::Keda => "keda",
        }
    }

    /// Its name in full.
    pub fn title(self) -> &'static str {
        match self {
            Self::Constant => "Constant count",
            Self::Aas => "AAS target tracking",
            Self::AasHighResolution => "AAS target tracking, 20 s",
            Self::AasStep => "AAS step scaling",
            Self::AasPredictive => "AAS predictive",
            Self::AasBacklog => "AAS backlog per task",
            Self::Hpa => "Kubernetes HPA",
            Self::Keda => "KEDA SQS",
        }
    }

    /// Whether it can steer what is tried.
    pub fn suits(self, trial: &Trial) -> bool {
        match (&trial.spec().workload, self) {
            (Workload::Http(_), Self::AasPredictive) => Predictive::has_enough(trial),
            (Workload::Http(_), Self::AasBacklog | Self::Keda) | (Workload::Scheduled, _) => false,
            (Workload::Http(_), _) => true,
            (Workload::Queue(_), _) => {
                matches!(self, Self::Constant | Self::Aas | Self::AasBacklog | Self::Keda)
            }
        }
    }

    /// The settings that are tried.
    pub fn settings(self) -> &'static [f64] {
        const PEAK_PERCENT: &[f64] =
            &[50.0, 60.0, 70.0, 75.0, 80.0, 85.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0, 150.0];
        const UTILIZATION: &[f64] = &[30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0];
        const MESSAGES: &[f64] = &[2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 240.0, 600.0, 1200.0, 2400.0];
        match self {
            Self::Constant => PEAK_PERCENT,
            Self::Aas | Self::AasHighResolution | Self::AasStep | Self::AasPredictive | Self::Hpa => {
                UTILIZATION
            }
            Self::AasBacklog | Self::Keda => MESSAGES,
        }
    }

    /// A setting in words.
    pub fn setting(self, setting: f64) -> String {
        match self {
            Self::Constant => format!("{setting} % of the peak"),
            Self::AasStep => format!("steps over {setting} %"),
            Self::Aas | Self::AasHighResolution | Self::AasPredictive | Self::Hpa => format!("{setting} %"),
            Self::AasBacklog | Self::Keda => format!("{setting} a task"),
        }
    }

    /// The scaler with a setting.
    pub fn scaler(self, setting: f64, trial: &Trial) -> Box<dyn Scaler> {
        match self {
            Self::Constant => Box::new(Constant::of_peak(setting, trial)),
            Self::Aas => Box::new(TargetTracking::utilization(setting)),
            Self::AasHighResolution => Box::new(TargetTracking::high_resolution(setting)),
            Self::AasStep => Box::new(StepScaling::new(setting, trial)),
            Self::AasPredictive => Box::new(Predictive::new(setting, trial)),
            Self::AasBacklog => Box::new(TargetTracking::backlog_per_task(setting)),
            Self::Hpa => Box::new(Hpa::new(setting)),
            Self::Keda => Box::new(Keda::new(setting)),
        }
    }
}
