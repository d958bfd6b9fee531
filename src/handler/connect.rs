//! The ports on the real AWS, as settings name them.

use std::sync::Arc;

use super::settings::{PolicyPlace, StatePlace};
use crate::aws::{self, AwsCloud, InvalidPlace, SystemClock};
use crate::control::Ports;
use crate::control::memory_store::MemoryStore;
use crate::control::ports::{Clock, StateStore};

/// The ports of one account and region, as the environment names them. Nothing is called yet.
///
/// # Errors
/// [`InvalidPlace`] where no policy file can be at `policy`.
pub async fn connect(policy: &PolicyPlace, state: &StatePlace) -> Result<Ports, InvalidPlace> {
    let cloud = AwsCloud::new(aws::load_config().await);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let states: Arc<dyn StateStore> = match state {
        StatePlace::DynamoDb { table } => Arc::new(cloud.dynamodb(table, Arc::clone(&clock))),
        StatePlace::Memory => Arc::new(MemoryStore::default()),
    };
    Ok(Ports {
        ecs: Arc::new(cloud.ecs()),
        cloudwatch: Arc::new(cloud.cloudwatch()),
        sqs: Arc::new(cloud.sqs()),
        states,
        policy: Arc::from(aws::policy_source(&policy.to_string(), &cloud)?),
        clock,
    })
}
