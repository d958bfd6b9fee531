//! Trimtab: an event-driven autoscaler for Amazon ECS.
//!
//! Every trigger goes one way:
//!
//! ```text
//! event ──> trigger ──> targets ──> observation ──> decision ──> action ──> memory ──> answer
//! ```
//!
//! The layers, lowest first; a layer names only those below it:
//!
//! * [`model`]: the values that everything else speaks in.
//! * [`engine`]: `decide`, a pure function of a target, an observation and a memory.
//! * [`config`]: the policy file, from text to the model.
//! * [`control`]: resolves targets, observes, decides, remembers and acts, through ports.
//! * [`import`]: Application Auto Scaling's configuration as a policy file.
//! * [`shadow`]: what trimtab would have done beside what really happened.
//! * [`sim`]: an embedded cloud in virtual time behind the same ports.
//! * [`history`]: a service's own past, read, kept and learned from.
//! * `aws`: the ports on the real AWS APIs; the only place that names an AWS type.
//! * `handler`: one event in, one answer out; shared by the function and the command line.
//! * `cli`: the command line.

pub mod config;
pub mod control;
pub mod engine;
pub mod history;
pub mod import;
pub mod model;
pub mod shadow;
pub mod sim;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "aws")]
pub mod handler;
