//! The values of the field, in its standard terms: what a service may do, what is seen of it, what is remembered,
//! and what is decided. No I/O, no clock, no AWS type.

pub mod blast_radius;
pub mod capacity;
pub mod decision;
pub mod duration;
pub mod formula;
pub mod memory;
pub mod metric;
pub mod name;
pub mod number;
pub mod observation;
pub mod policy;
pub mod schedule;
pub mod sentence;
pub mod service;
pub mod spelling;
pub mod target;

pub use capacity::{Capacity, TaskCount};
pub use decision::{Change, Decision, Reason, ReasonCode};
pub use memory::Memory;
pub use metric::{Metric, MetricSource, MetricStat, Point};
pub use name::Name;
pub use observation::{AlarmState, AlarmStatus, Observation, QueueDepth, ServiceStatus};
pub use sentence::Sentence;
pub use service::{ServiceId, ServicePattern};
pub use target::ScalableTarget;
