//! Amazon SQS: how deep the workers' queues are, and messages that are taken and not kept.

use std::net::SocketAddr;

use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::ACCOUNT;
use super::fleet::Fleet;
use super::wire::Fault;

const MESSAGES_PER_BATCH: usize = 10;

pub(super) fn get_queue_url(fleet: &Fleet, input: &Value, address: SocketAddr) -> Result<Value, Fault> {
    let name = text(input, "QueueName");
    fleet.of_queue(name).ok_or_else(no_queue)?;
    Ok(json!({ "QueueUrl": format!("http://{address}/{ACCOUNT}/{name}") }))
}

pub(super) fn get_queue_attributes(fleet: &Fleet, input: &Value) -> Result<Value, Fault> {
    let name = text(input, "QueueUrl").rsplit('/').next().unwrap_or_default();
    let service = fleet.of_queue(name).ok_or_else(no_queue)?;
    Ok(json!({ "Attributes": {
        "ApproximateNumberOfMessages": format!("{:.0}", service.load),
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
    } }))
}

/// Takes messages for any queue. SDKs compare the digests.
pub(super) fn send_message_batch(input: &Value) -> Result<Value, Fault> {
    let entries = input.get("Entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() || MESSAGES_PER_BATCH < entries.len() {
        let code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
        let fault = Fault::new("TooManyEntriesInBatchRequest", "a batch has 1 to 10 messages");
        return Err(fault.or_in_query(code));
    }
    let sent = |entry: &Value| {
        let digest = Md5::digest(text(entry, "MessageBody"));
        let digest = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let id = text(entry, "Id");
        json!({ "Id": id, "MessageId": format!("message-{id}"), "MD5OfMessageBody": digest })
    };
    Ok(json!({ "Successful": entries.iter().map(sent).collect::<Vec<Value>>(), "Failed": [] }))
}

fn text<'a>(input: &'a Value, key: &str) -> &'a str {
    input.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn no_queue() -> Fault {
    let fault = Fault::new("QueueDoesNotExist", "The specified queue does not exist.");
    fault.or_in_query("AWS.SimpleQueueService.NonExistentQueue")
}
