//! The ports on the real AWS SDK, over the wire, against a local AWS API server. `tests/setup` installs the server.

// `cfg(test)` tells Clippy that its rules for tests hold in the helpers of these modules, too.
#[cfg(test)]
mod cloudwatch;
#[cfg(test)]
mod dynamodb;
#[cfg(test)]
mod ecs;
#[cfg(test)]
mod policy_source;
#[cfg(test)]
mod sqs;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
mod unreachable;
