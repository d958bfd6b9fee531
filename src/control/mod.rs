//! The controller: from a trigger to the desired count. Resolves targets, observes, decides, remembers, acts, answers.

pub mod answer;
mod blast_radius;
pub mod calls;
mod controller;
mod fan_out;
mod kept_points;
mod look;
mod manual;
pub mod memory_store;
mod observe;
pub mod places;
mod policy_cache;
pub mod ports;
mod report;
mod side_by_side;
mod targets;
pub mod trigger;
mod watch;

#[cfg(test)]
mod tests;

pub use controller::{Controller, Ports, Settings};
pub use fan_out::FanOut;
pub(crate) use observe::recent_points;
pub use watch::{LOOKS_END, Watch};
