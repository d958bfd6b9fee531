//! Amazon SQS: how deep a queue is.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use super::error::port_error;
use super::lazy::Lazy;
use crate::control::ports::{PortError, PortErrorKind, Sqs};
use crate::model::QueueDepth;

const GET_QUEUE_URL: &str = "sqs:GetQueueUrl";
const GET_QUEUE_ATTRIBUTES: &str = "sqs:GetQueueAttributes";

/// Amazon SQS in one region. The URLs of queues that were named otherwise are looked up once.
#[derive(Debug)]
pub struct SqsApi {
    client: Lazy<Client>,
    urls: Mutex<BTreeMap<String, String>>,
}

impl SqsApi {
    /// Speaks to SQS through this client.
    pub fn new(client: impl Into<Lazy<Client>>) -> Self {
        Self { client: client.into(), urls: Mutex::default() }
    }

    async fn url(&self, queue: &str) -> Result<String, PortError> {
        if queue.starts_with("https://") || queue.starts_with("http://") {
            return Ok(queue.to_owned());
        }
        let known = self.urls.lock().unwrap_or_else(PoisonError::into_inner).get(queue).cloned();
        if let Some(url) = known {
            return Ok(url);
        }
        let (owner, name) = owner_and_name(queue);
        let look_up = self
            .client
            .get_queue_url()
            .queue_name(name)
            .set_queue_owner_aws_account_id(owner.map(ToOwned::to_owned));
        let answer = look_up.send().await.map_err(|error| port_error(GET_QUEUE_URL, error))?;
        let url = answer.queue_url().ok_or_else(|| {
            let message = format!("the answer for queue {queue} holds no URL");
            PortError::new(GET_QUEUE_URL, PortErrorKind::Refused, message)
        })?;
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        urls.insert(queue.to_owned(), url.to_owned());
        Ok(url.to_owned())
    }
}

#[async_trait]
impl Sqs for SqsApi {
    async fn queue_depth(&self, queue: &str) -> Result<QueueDepth, PortError> {
        use QueueAttributeName as Name;
        let names = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        ];
        let url = self.url(queue).await?;
        let ask = self.client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let answer = ask.send().await.map_err(|error| port_error(GET_QUEUE_ATTRIBUTES, error))?;
        let count = |name: Name| {
            let text = answer.attributes().and_then(|attributes| attributes.get(&name));
            text.and_then(|text| text.parse().ok()).ok_or_else(|| {
                let message = format!("the answer for queue {queue} holds no {}", name.as_str());
                PortError::new(GET_QUEUE_ATTRIBUTES, PortErrorKind::Refused, message)
            })
        };
        let [visible, in_flight, delayed] = names.map(count);
        Ok(QueueDepth {
            visible: visible?,
            in_flight: Some(in_flight?),
            delayed: Some(delayed?),
            oldest_age_s: None,
        })
    }
}

/// The owner's account, where an ARN (`arn:aws:sqs:region:account:name`) names it, and the queue's name.
fn owner_and_name(queue: &str) -> (Option<&str>, &str) {
    let mut parts = queue.splitn(6, ':');
    match (parts.next(), parts.nth(1), parts.nth(1), parts.next()) {
        (Some("arn"), Some("sqs"), Some(owner), Some(name)) => (Some(owner), name),
        _ => (None, queue),
    }
}
