//! The decision: a pure function of a target, an observation and a memory.
use crate::model::{Decision, Memory, Observation, ReasonCode, ScalableTarget};

/// Decides.
pub fn decide(_target: &ScalableTarget, observation: &Observation, memory: &Memory) -> Decision {
    let desired = observation.service.desired;
    Decision {
        from: desired,
        to: desired,
        recommendations: Vec::new(),
        reasons: Vec::new(),
        binding: ReasonCode::AlreadyAtDesiredCapacity,
        memory: memory.clone(),
    }
}
