//! The function's log as looks.
//!
//! A decision that changes nothing for the reason of the one before is logged at the level of debugging only, and so is mostly not
//! there. That is no loss: where trimtab is silent it agreed with what was.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Fleet, Look};
use crate::model::{ServiceId, TaskCount};

/// A line of a decision.
#[derive(Deserialize)]
struct Line {
    timestamp: Timestamp,
    service: ServiceId,
    from: TaskCount,
    to: TaskCount,
    #[serde(default)]
    applied: bool,
}

/// What `aws logs` prints as one document.
#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    /// `filter-log-events` and `get-log-events`.
    Events { events: Vec<LogEvent> },
    /// `get-query-results`.
    Results { results: Vec<Vec<Field>> },
}

#[derive(Deserialize)]
struct LogEvent {
    message: String,
}

#[derive(Deserialize)]
struct Field {
    field: String,
    value: String,
}

/// Adds the looks of a log.
pub(super) fn read(text: &str, fleet: &mut Fleet) {
    let messages: Vec<String> = match serde_json::from_str(text) {
        Ok(Document::Events { events }) => events.into_iter().map(|event| event.message).collect(),
        Ok(Document::Results { results }) => {
            let fields = results.into_iter().flatten().filter(|field| field.field == "@message");
            fields.map(|field| field.value).collect()
        }
        Err(_) => return text.lines().for_each(|line| add(line, fleet)),
    };
    messages.iter().flat_map(|message| message.lines()).for_each(|line| add(line, fleet));
}

fn add(line: &str, fleet: &mut Fleet) {
    if line.trim().is_empty() {
        return;
    }
    let object = line.find('{').and_then(|at| line.get(at..));
    let value = object.and_then(|object| serde_json::from_str::<Value>(object).ok());
    let Some(value) =
        value.filter(|value| member(value, "message").and_then(Value::as_str) == Some("decision"))
    else {
        fleet.read.other_lines += 1;
        return;
    };
    match look(value) {
        Some((service, look)) => {
            fleet.services.entry(service).or_default().looks.push(look);
            fleet.read.decisions += 1;
        }
        None => fleet.read.unreadable += 1,
    }
}

/// A member of an event, whose fields stand beside its time or under `fields`, by how the log is set up.
fn member<'a>(event: &'a Value, key: &str) -> Option<&'a Value> {
    event.get(key).or_else(|| event.get("fields")?.get(key))
}

fn look(mut event: Value) -> Option<(ServiceId, Look)> {
    if let Some(Value::Object(fields)) = event.get_mut("fields").map(Value::take) {
        event.as_object_mut()?.extend(fields);
    }
    let Line { timestamp, service, from, to, applied } = serde_json::from_value(event).ok()?;
    Some((service, Look { at: timestamp, from, to, applied }))
}
