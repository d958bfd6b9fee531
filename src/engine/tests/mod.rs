//! The rules of the engine, each as a table of cases through `decide`.

mod adversarial;
mod behavior;
mod combination;
mod explained;
mod overlays;
mod properties;
mod queue;
mod step_scaling;
mod target_tracking;
mod world;
