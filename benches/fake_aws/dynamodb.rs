//! Amazon DynamoDB: tables of small items under the key `service`, and writes under a condition on their version.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::wire::Fault;

/// The partition key of every table.
const KEY: &str = "service";
const KEYS_PER_GET: usize = 100;

/// Tables by name. One is there when it is named.
#[derive(Debug, Default)]
pub(super) struct Tables {
    items: BTreeMap<(String, String), Value>,
    batches: u64,
}

impl Tables {
    pub(super) fn get_item(&self, input: &Value) -> Result<Value, Fault> {
        let key = input.get("Key").and_then(key_of).ok_or_else(no_key)?;
        let item = self.items.get(&(text(input, "TableName"), key));
        Ok(item.map_or_else(|| json!({}), |item| json!({ "Item": item })))
    }

    /// Reads up to a hundred items, and now and then leaves the last key for another call.
    pub(super) fn batch_get_item(&mut self, input: &Value, unprocessed_every: u64) -> Result<Value, Fault> {
        let asked = input.get("RequestItems").and_then(Value::as_object).ok_or_else(no_key)?;
        let count: usize = asked.values().map(|keys| keys_of(keys).len()).sum();
        if count == 0 || KEYS_PER_GET < count {
            return Err(Fault::new("ValidationException", "1 to 100 keys are read at once"));
        }
        self.batches += 1;
        let leaves = unprocessed_every != 0 && self.batches.is_multiple_of(unprocessed_every);
        let (mut responses, mut unprocessed) = (Map::new(), Map::new());
        for (table, request) in asked {
            let mut keys = keys_of(request);
            if leaves && let [read @ .., last] = keys {
                keys = read;
                unprocessed.insert(table.clone(), json!({ "Keys": [last] }));
            }
            let item = |key: &Value| self.items.get(&(table.clone(), key_of(key)?)).cloned();
            responses.insert(table.clone(), keys.iter().filter_map(item).collect());
        }
        Ok(json!({ "Responses": responses, "UnprocessedKeys": unprocessed }))
    }

    /// Writes an item where its condition holds: `attribute_not_exists(#name)`, `#name = :value`, or one `OR` the other.
    pub(super) fn put_item(&mut self, input: &Value) -> Result<Value, Fault> {
        let item = input.get("Item").ok_or_else(no_key)?;
        let at = (text(input, "TableName"), key_of(item).ok_or_else(no_key)?);
        let condition = text(input, "ConditionExpression");
        let before = self.items.get(&at);
        let mut terms = condition.split(" OR ").map(str::trim).filter(|term| !term.is_empty()).peekable();
        if terms.peek().is_some() && !terms.any(|term| holds(term, input, before)) {
            return Err(Fault::new("ConditionalCheckFailedException", "The conditional request failed"));
        }
        self.items.insert(at, item.clone());
        Ok(json!({}))
    }
}

fn holds(term: &str, input: &Value, item: Option<&Value>) -> bool {
    let attribute = |name: &str| {
        let names = input.get("ExpressionAttributeNames");
        let name = names.and_then(|names| names.get(name)?.as_str()).unwrap_or(name);
        item.and_then(|item| item.get(name))
    };
    let absent = term.strip_prefix("attribute_not_exists(").and_then(|rest| rest.strip_suffix(')'));
    match (absent, term.split_once(" = ")) {
        (Some(name), _) => attribute(name.trim()).is_none(),
        (None, Some((name, value))) => {
            let value = input.get("ExpressionAttributeValues").and_then(|values| values.get(value.trim()));
            value.is_some() && attribute(name.trim()) == value
        }
        (None, None) => false,
    }
}

fn keys_of(request: &Value) -> &[Value] {
    request.get("Keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn key_of(item: &Value) -> Option<String> {
    Some(item.get(KEY)?.get("S")?.as_str()?.to_owned())
}

fn text(input: &Value, key: &str) -> String {
    input.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn no_key() -> Fault {
    Fault::new("ValidationException", "the key is the text attribute `service`")
}
