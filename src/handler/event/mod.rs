//! From the bytes of an event to triggers. What woke the function is told apart by shape, since AWS names it nowhere.
//!
//! AWS repeats an asynchronous event that failed, so an event that is known and of no interest is [`Parsed::Ignored`],
//! never an error. Of a batch only the records that cannot be read fail.

mod alarm;
mod by_hand;
mod eventbridge;

use aws_lambda_events::event::sns::SnsRecord;
use aws_lambda_events::event::sqs::SqsMessage;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::control::trigger::Trigger;

/// The largest event that Lambda hands over, in bytes: 6 MiB for a synchronous invocation.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// The most envelopes round one event. A failure record of an SNS notification of an EventBridge event in SQS has four.
const MOST_ENVELOPES: usize = 8;

/// One event, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// How it came, which decides how it is answered.
    pub batch: Batch,
    /// Its records, in order; a single event has one.
    pub records: Vec<Record>,
}

/// How an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// By itself.
    Single,
    /// As records of SNS.
    Sns,
    /// As records of SQS, each of which is reported back when it fails.
    Sqs,
}

/// One record of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The message's id, where it came in a batch.
    pub id: Option<String>,
    /// What it asks for. A record may wrap a batch of its own.
    pub parsed: Result<Vec<Parsed>, EventError>,
}

/// What a record asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// Something to look at or to remember.
    Trigger(Trigger),
    /// An event that is known and leads to nothing.
    Ignored {
        /// Why, in a sentence.
        why: String,
    },
}

/// An event that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EventError {
    /// More than Lambda itself hands over.
    #[error("the event has {bytes} bytes; Lambda hands over {MAX_EVENT_BYTES} at most")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not JSON.
    #[error("not valid JSON: {problem}")]
    NotJson {
        /// What is wrong, with line and column.
        problem: String,
    },
    /// JSON, but no object.
    #[error("{found} is no event: an event is a JSON object")]
    NotAnObject {
        /// The kind of value.
        found: &'static str,
    },
    /// An object of no known shape.
    #[error(
        "no known event has {keys}; expected a CloudWatch alarm (alarmArn, alarmData), an EventBridge event \
         (source, detail-type), SNS or SQS Records, or an action as in {{\"action\": \"tick\"}}"
    )]
    UnknownShape {
        /// Its top-level keys.
        keys: String,
    },
    /// An envelope that lacks what its kind always has.
    #[error("{kind} that cannot be read: {problem}")]
    Envelope {
        /// The kind, with its article.
        kind: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// `Records` of a service that trimtab does not listen to.
    #[error("Records of {event_source} are not read: trimtab reads those of aws:sns and aws:sqs")]
    OtherRecords {
        /// The records' `eventSource`.
        event_source: String,
    },
    /// An EventBridge event that a rule should not have sent here.
    #[error(
        "an EventBridge event {detail_type:?} from {event_source} is not read: send alarm state changes, ECS service \
         actions, ECS deployment state changes and scheduled events"
    )]
    OtherEventBridge {
        /// Its `detail-type`.
        detail_type: String,
        /// Its `source`.
        event_source: String,
    },
    /// One envelope too many.
    #[error("the event is wrapped more than {MOST_ENVELOPES} times")]
    WrappedTooOften,
    /// Something is wrong inside an envelope.
    #[error("{part}: {error}")]
    Within {
        /// The envelope's part.
        part: &'static str,
        /// What is wrong in it.
        error: Box<Self>,
    },
    /// An action of no known name.
    #[error("{found} is not an action{}; the actions are {known}", did_you_mean(*.nearest))]
    UnknownAction {
        /// What was given, as JSON.
        found: String,
        /// The nearest action.
        nearest: Option<&'static str>,
        /// All actions.
        known: String,
    },
    /// A field that the action does not have.
    #[error("{action} has no field {field:?}{}; its fields are {known}", did_you_mean(*.nearest))]
    UnknownField {
        /// The action.
        action: &'static str,
        /// What was given.
        field: String,
        /// The nearest field.
        nearest: Option<&'static str>,
        /// The action's fields.
        known: String,
    },
    /// A field that the action cannot do without.
    #[error("{action} needs the field {field:?}: {expected}")]
    MissingField {
        /// The action.
        action: &'static str,
        /// The field.
        field: &'static str,
        /// What to write.
        expected: &'static str,
    },
    /// A value that a field cannot have.
    #[error("{action}: {field}: {problem}")]
    BadValue {
        /// The action.
        action: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong with it and what to write.
        problem: String,
    },
}

impl Incoming {
    /// Reads an event.
    ///
    /// # Errors
    /// [`EventError`] where nothing of it can be read. Records of a batch that cannot be read are errors of their own.
    pub fn read(event: &[u8]) -> Result<Self, EventError> {
        if MAX_EVENT_BYTES < event.len() {
            return Err(EventError::TooLarge { bytes: event.len() });
        }
        let mut object = object(parse(event)?)?;
        while let Some(payload) = failed_payload(&mut object) {
            object = self::object(payload).map_err(within("the requestPayload"))?;
        }
        if let Some(records) = object.remove("Records") {
            return read_batch(records, 0);
        }
        let parsed = Ok(read_object(object, 0)?);
        Ok(Self { batch: Batch::Single, records: vec![Record { id: None, parsed }] })
    }
}

fn parse(json: &[u8]) -> Result<Value, EventError> {
    serde_json::from_slice(json).map_err(|error| EventError::NotJson { problem: error.to_string() })
}

fn object(value: Value) -> Result<Map<String, Value>, EventError> {
    let found = match value {
        Value::Object(object) => return Ok(object),
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Null => "null",
    };
    Err(EventError::NotAnObject { found })
}

/// The event that a Lambda failure destination recorded, to be handled again.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
fn failed_payload(object: &mut Map<String, Value>) -> Option<Value> {
    if object.contains_key("requestContext") { object.remove("requestPayload") } else { None }
}

/// What an event without regard to batches asks for; `envelopes` were taken off it already.
fn read_object(mut object: Map<String, Value>, envelopes: usize) -> Result<Vec<Parsed>, EventError> {
    if MOST_ENVELOPES < envelopes {
        return Err(EventError::WrappedTooOften);
    }
    let has = |key: &str| object.contains_key(key);
    if has("action") {
        return by_hand::read(&object).map(|trigger| vec![Parsed::Trigger(trigger)]);
    }
    if has("alarmData") || has("AlarmName") {
        return alarm::read(&object).map(|trigger| vec![Parsed::Trigger(trigger)]);
    }
    if has("detail-type") {
        return eventbridge::read(object).map(|parsed| vec![parsed]);
    }
    if has("TopicArn")
        && let Some(Value::String(message)) = object.get("Message")
    {
        return read_text(message, envelopes).map_err(within("the SNS message"));
    }
    if let Some(payload) = failed_payload(&mut object) {
        return self::object(payload)
            .and_then(|object| read_object(object, envelopes + 1))
            .map_err(within("the requestPayload"));
    }
    if let Some(records) = object.remove("Records") {
        let records = read_batch(records, envelopes + 1)?.records;
        return records.into_iter().try_fold(Vec::new(), |mut all, record| {
            all.extend(record.parsed?);
            Ok(all)
        });
    }
    Err(EventError::UnknownShape { keys: keys_of(&object) })
}

fn read_text(json: &str, envelopes: usize) -> Result<Vec<Parsed>, EventError> {
    read_object(object(parse(json.as_bytes())?)?, envelopes + 1)
}

fn read_batch(records: Value, envelopes: usize) -> Result<Incoming, EventError> {
    let Value::Array(records) = records else {
        return Err(EventError::Envelope { kind: "an event", problem: "Records is not a list".to_owned() });
    };
    let source =
        records.first().and_then(|first| first.get("eventSource").or_else(|| first.get("EventSource")));
    let Some(source) = source.and_then(Value::as_str) else {
        let problem = "no record in Records has an eventSource".to_owned();
        return Err(EventError::Envelope { kind: "an event", problem });
    };
    match source {
        "aws:sns" => Ok(Incoming {
            batch: Batch::Sns,
            records: records.into_iter().map(|record| read_sns(record, envelopes)).collect(),
        }),
        "aws:sqs" => Ok(Incoming {
            batch: Batch::Sqs,
            records: records
                .into_iter()
                .map(|record| read_sqs(record, envelopes))
                .collect::<Result<_, _>>()?,
        }),
        other => Err(EventError::OtherRecords { event_source: other.to_owned() }),
    }
}

fn read_sns(record: Value, envelopes: usize) -> Record {
    let id = record.pointer("/Sns/MessageId").and_then(Value::as_str).map(str::to_owned);
    let parsed = envelope::<SnsRecord>(record, "an SNS record")
        .and_then(|record| read_text(&record.sns.message, envelopes).map_err(within("the SNS message")));
    Record { id, parsed }
}

/// A record without an id could not be reported back, and SQS would take it for done: it fails the whole batch.
fn read_sqs(record: Value, envelopes: usize) -> Result<Record, EventError> {
    let kind = "an SQS record";
    let Some(id) = record.get("messageId").and_then(Value::as_str).map(str::to_owned) else {
        return Err(EventError::Envelope { kind, problem: "missing field `messageId`".to_owned() });
    };
    let parsed = envelope::<SqsMessage>(record, kind).and_then(|message| {
        let body = message.body.unwrap_or_default();
        read_text(&body, envelopes).map_err(within("the message's body"))
    });
    Ok(Record { id: Some(id), parsed })
}

fn envelope<T: serde::de::DeserializeOwned>(value: Value, kind: &'static str) -> Result<T, EventError> {
    serde_json::from_value(value).map_err(|error| EventError::Envelope { kind, problem: error.to_string() })
}

fn within(part: &'static str) -> impl Fn(EventError) -> EventError {
    move |error| EventError::Within { part, error: Box::new(error) }
}

/// The first keys of an object, for a message.
fn keys_of(object: &Map<String, Value>) -> String {
    const SHOWN: usize = 8;
    if object.is_empty() {
        return "no keys at all".to_owned();
    }
    let shown: Vec<String> = object.keys().take(SHOWN).map(|key| short(key)).collect();
    let rest = if SHOWN < object.len() { ", ..." } else { "" };
    format!("the keys {}{rest}", shown.join(", "))
}

/// A text cut to a length that a message can carry.
fn short(text: &str) -> String {
    const MOST_CHARS: usize = 60;
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}
