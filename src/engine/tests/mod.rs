//! The rules of the engine, each as a table of cases through `decide`.

mod adversarial;
mod behavior;
mod combination;
mod explained;
mod overlays;
mod promise_properties;
mod properties;
mod queue;
mod rehearsal;
mod service_level;
mod start_within;
mod starts;
mod step_scaling;
mod target_tracking;
mod world;
