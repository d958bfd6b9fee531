//! Memories in a DynamoDB table, one small item a service, and one for the blast radius of all.
//!
//! | attribute | type | meaning |
//! | --- | --- | --- |
//! | `service` | S, partition key | `cluster/service`, or `blast-radius` |
//! | `version` | N | counts the writes; every write names the version that it read |
//! | `memory` | S | the memory as JSON |
//! | `expires_at` | N, time to live | Unix seconds after which nobody has looked at the service for long |

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde::de::DeserializeOwned;

use super::error::port_error;
use super::lazy::Lazy;
use crate::control::ports::{Clock, PortError, PortErrorKind, StateStore, StoreError, Versioned};
use crate::model::blast_radius::Spent;
use crate::model::{Memory, ServiceId};

const BATCH_GET_ITEM: &str = "dynamodb:BatchGetItem";
const PUT_ITEM: &str = "dynamodb:PutItem";
/// The key of the account of the blast radius; it has no slash, so no service has it.
const BLAST_RADIUS: &str = "blast-radius";

/// How long the memory of a service that nobody looks at any more is kept. Longer than a forecast looks back.
const KEPT_FOR: Duration = Duration::from_secs(60 * 86_400);
/// How often keys that DynamoDB left unprocessed are asked for, with a wait that doubles from the first one.
const MOST_ROUNDS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(50);

#[expect(clippy::disallowed_types, reason = "the SDK speaks in it")]
type Item = std::collections::HashMap<String, AttributeValue>;

/// Memories in one DynamoDB table.
#[derive(Clone)]
pub struct DynamoDbStore {
    client: Lazy<Client>,
    table: String,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for DynamoDbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDbStore").field("table", &self.table).finish_non_exhaustive()
    }
}

impl DynamoDbStore {
    /// Keeps memories in `table`; the clock says when they expire.
    pub fn new(client: impl Into<Lazy<Client>>, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client: client.into(), table: table.into(), clock }
    }

    /// Reads what DynamoDB gives of `keys` in one call: items, and the keys that it left for another call.
    async fn read(
        &self,
        keys: KeysAndAttributes,
    ) -> Result<(Vec<Item>, Option<KeysAndAttributes>), PortError> {
        let get = self.client.batch_get_item().request_items(&self.table, keys);
        let answer = get.send().await.map_err(|error| port_error(BATCH_GET_ITEM, error))?;
        let items = answer.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
        let left = answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.table));
        Ok((items, left.filter(|left| !left.keys().is_empty())))
    }
}

#[async_trait]
impl StateStore for DynamoDbStore {
    fn is_dynamodb(&self) -> bool {
        true
    }

    async fn load(&self, services: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError> {
        if services.is_empty() {
            return Ok(BTreeMap::new());
        }
        let items = self.items(services.iter().map(ToString::to_string)).await?;
        let service = |item: &Item| item.get("service")?.as_s().ok()?.parse().ok();
        Ok(items.iter().filter_map(|item| Some((service(item)?, versioned(item)?))).collect())
    }

    async fn store(
        &self,
        service: &ServiceId,
        expected: Option<u64>,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let refused = |error: serde_json::Error| {
            PortError::new(PUT_ITEM, PortErrorKind::Refused, format!("the memory of {service}: {error}"))
        };
        self.put(service.to_string(), expected, serde_json::to_string(memory).map_err(refused)?).await
    }

    async fn load_spent(&self) -> Result<Option<Versioned<Spent>>, PortError> {
        let items = self.items([BLAST_RADIUS.to_owned()]).await?;
        Ok(items.iter().find_map(versioned))
    }

    async fn store_spent(&self, expected: Option<u64>, spent: &Spent) -> Result<(), StoreError> {
        let refused = |error: serde_json::Error| {
            PortError::new(
                PUT_ITEM,
                PortErrorKind::Refused,
                format!("the account of the blast radius: {error}"),
            )
        };
        self.put(BLAST_RADIUS.to_owned(), expected, serde_json::to_string(spent).map_err(refused)?).await
    }
}

impl DynamoDbStore {
    /// Reads items of up to a hundred keys.
    async fn items(&self, keys: impl IntoIterator<Item = String>) -> Result<Vec<Item>, PortError> {
        let mut keys = keys_of(keys)
            .map_err(|error| PortError::new(BATCH_GET_ITEM, PortErrorKind::Refused, error.to_string()))?;
        let mut found = Vec::new();
        for round in 0..MOST_ROUNDS {
            let (items, left) = self.read(keys).await?;
            found.extend(items);
            match left {
                None => return Ok(found),
                Some(left) => keys = left,
            }
            self.clock.sleep(FIRST_WAIT * 2_u32.pow(round)).await;
        }
        let message = format!("table {} left keys unprocessed {MOST_ROUNDS} times", self.table);
        Err(PortError::new(BATCH_GET_ITEM, PortErrorKind::Throttled, message))
    }

    /// Writes an item under the version after the expected one.
    async fn put(&self, key: String, expected: Option<u64>, json: String) -> Result<(), StoreError> {
        let number = |number: String| AttributeValue::N(number);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("service", AttributeValue::S(key))
            .item("version", number(expected.map_or(1, |version| version.saturating_add(1)).to_string()))
            .item("memory", AttributeValue::S(json))
            .item("expires_at", number((self.clock.now() + KEPT_FOR).as_second().to_string()))
            .expression_attribute_names("#version", "version");
        // An item without a version is none of ours, so it may be replaced like no item.
        let put = match expected {
            None => put.condition_expression("attribute_not_exists(#version)"),
            Some(version) => put
                .condition_expression("#version = :expected")
                .expression_attribute_values(":expected", number(version.to_string())),
        };
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Err(StoreError::Conflict)
            }
            Err(error) => Err(port_error(PUT_ITEM, error).into()),
        }
    }
}

fn keys_of(keys: impl IntoIterator<Item = String>) -> Result<KeysAndAttributes, BuildError> {
    let key = |key: String| Item::from([("service".to_owned(), AttributeValue::S(key))]);
    KeysAndAttributes::builder()
        .set_keys(Some(keys.into_iter().map(key).collect()))
        .consistent_read(true)
        .build()
}

/// The memory in an item. One that cannot be read (of another release, or edited by hand) begins afresh, so that it
/// can be replaced; an item without a version counts as absent.
fn versioned<T: Default + DeserializeOwned>(item: &Item) -> Option<Versioned<T>> {
    let version = item.get("version")?.as_n().ok()?.parse().ok()?;
    let json = item.get("memory").and_then(|memory| memory.as_s().ok());
    let memory = json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    Some(Versioned { version, memory })
}
