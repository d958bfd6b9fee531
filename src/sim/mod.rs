//! The embedded cloud: a world in virtual time behind the controller's ports.
//!
//! The demo, `simulate` and the deterministic tests run the real controller in it. It is seeded: a run is replayed,
//! byte for byte, from its seed. Time goes in steps of [`STEP_S`] seconds.

pub mod alarm;
pub mod bound;
pub mod chart;
pub mod cloud;
pub mod comparison;
pub mod comparison_page;
pub mod contest;
pub mod demo;
pub mod engine_scaler;
pub mod faults;
pub mod http;
pub mod load;
pub mod metrics;
pub mod moments;
mod number;
pub mod page;
pub(crate) mod parallel;
pub mod peers;
pub mod picture;
mod plot;
pub mod quality_page;
pub mod queue;
pub mod run;
pub mod score;
pub mod service;
pub mod simulate;
pub mod streams;
pub mod tasks;
pub mod trial;
pub mod world;

pub use cloud::{SimClock, SimCloud, TextPolicy};
pub use engine_scaler::Trimtab;
pub use run::{Run, Sample, Scenario, Timeline, run};
pub use score::Score;
pub use service::{ServiceSpec, Workload};
pub use trial::{Outcome, Scaler, Trial, View};
pub use world::World;

/// Virtual seconds since the world began.
pub type Seconds = u32;

/// The length of a step, in seconds: short against the start of a task and the period of a metric.
pub const STEP_S: Seconds = 5;

#[cfg(test)]
mod tests;
