//! The controller: from a trigger to the desired count. Resolves targets, observes, decides, remembers, acts, answers.

pub mod answer;
mod controller;
pub mod memory_store;
pub mod ports;
pub mod trigger;

pub use controller::{Controller, Ports, Settings};
