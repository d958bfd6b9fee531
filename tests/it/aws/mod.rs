//! The ports on the real AWS SDK, over the wire.

mod cloudwatch;
mod dynamodb;
mod ecs;
mod policy_source;
mod shards;
mod sqs;
mod unreachable;
