//! Amazon SQS: the queue that parts of a large fleet's tick go to.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

use super::error::{entry_error, port_error};
use crate::control::ports::{PortError, PortErrorKind, Shards};
use crate::control::trigger::Shard;

/// SendMessageBatch has no action of its own.
const SEND_MESSAGE: &str = "sqs:SendMessage";

/// A standard queue of Amazon SQS, each message of which is a shard.
#[derive(Debug)]
pub struct ShardQueue {
    client: Client,
    url: String,
}

impl ShardQueue {
    /// Sends to the queue of this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }
}

#[async_trait]
impl Shards for ShardQueue {
    async fn send(&self, shards: &[Shard]) -> Result<Vec<Result<(), PortError>>, PortError> {
        let entry = |(id, shard): (usize, &Shard)| {
            SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(shard.to_json()).build()
        };
        let entries: Result<Vec<_>, BuildError> = shards.iter().enumerate().map(entry).collect();
        let entries = entries.map_err(|error| {
            PortError::new(
                SEND_MESSAGE,
                PortErrorKind::Refused,
                format!("the request cannot be built: {error}"),
            )
        })?;
        let send = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = send.send().await.map_err(|error| port_error(SEND_MESSAGE, error))?;
        let sent = answer.successful.into_iter().map(|entry| (entry.id, Ok(())));
        let failed = answer.failed.into_iter().map(|entry| {
            let error = entry_error(SEND_MESSAGE, &entry.code, entry.message.as_deref());
            (entry.id, Err(error))
        });
        let mut outcomes: BTreeMap<String, Result<(), PortError>> = sent.chain(failed).collect();
        let unmentioned =
            || PortError::new(SEND_MESSAGE, PortErrorKind::Transient, "the answer says nothing of it");
        let outcome = |id: usize| outcomes.remove(&id.to_string()).unwrap_or_else(|| Err(unmentioned()));
        Ok((0..shards.len()).map(outcome).collect())
    }
}
