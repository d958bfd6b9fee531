//! The ports on AWS, as the settings say where things are.

use std::sync::Arc;

use super::settings::FunctionSettings;
use crate::aws::{AwsCloud, policy_source};
use crate::control::Ports;
use crate::control::memory_store::MemoryStore;
use crate::control::places::StatePlace;
use crate::control::ports::{Clock, Shards, StateStore};

/// Connects the ports. Nothing is called before its first use. The controller tries calls again, so the SDK does not.
pub fn ports(cloud: &AwsCloud, settings: &FunctionSettings, clock: Arc<dyn Clock>) -> Ports {
    let cloud = &cloud.without_retries();
    let states: Arc<dyn StateStore> = match &settings.state {
        StatePlace::DynamoDb { table } => Arc::new(cloud.dynamodb(table, Arc::clone(&clock))),
        StatePlace::Memory => Arc::new(MemoryStore::default()),
    };
    let shards = settings.shard_queue.as_ref().map(|url| Arc::new(cloud.shards(url)) as Arc<dyn Shards>);
    Ports {
        ecs: Arc::new(cloud.ecs()),
        cloudwatch: Arc::new(cloud.cloudwatch()),
        sqs: Arc::new(cloud.sqs()),
        states,
        shards,
        policy: policy_source(&settings.policy, cloud),
        clock,
    }
}
