//! Memories in DynamoDB.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use trimtab::aws::DynamoDbStore;
use trimtab::control::ports::{Clock, PortErrorKind, StateStore as _, StoreError, Versioned};
use trimtab::model::blast_radius::{Spending, Spent};
use trimtab::model::{Memory, ServiceId};

use crate::support::{cloud, config};
use crate::world::state_table;

const NOW_S: i64 = 1_767_268_800;

struct StoppedClock;

#[async_trait]
impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW_S).unwrap()
    }

    async fn sleep(&self, _: Duration) {}
}

async fn store(table: &str) -> DynamoDbStore {
    cloud().await.dynamodb(table, Arc::new(StoppedClock))
}

async fn table(name: &str) -> Client {
    let client = Client::new(&config().await);
    state_table(&client, name).await;
    client
}

fn remembering(desired: u32) -> Memory {
    Memory { desired: Some(desired), ..Memory::default() }
}

fn checkout() -> ServiceId {
    ServiceId::new("prod", "checkout")
}

#[tokio::test]
async fn a_memory_is_read_as_it_was_written_under_the_next_version() {
    table("written").await;
    let (store, id) = (store("written").await, checkout());
    assert!(store.load(std::slice::from_ref(&id)).await.unwrap().is_empty());

    store.store(&id, None, &remembering(2)).await.unwrap();
    store.store(&id, Some(1), &remembering(3)).await.unwrap();

    let loaded = store.load(&[id.clone(), ServiceId::new("prod", "other")]).await.unwrap();
    assert_eq!(loaded, BTreeMap::from([(id, Versioned { version: 2, memory: remembering(3) })]));
}

#[tokio::test]
async fn of_two_looks_that_read_the_same_version_one_writes() {
    table("raced").await;
    let (store, id) = (store("raced").await, checkout());
    store.store(&id, None, &remembering(1)).await.unwrap();
    assert!(matches!(store.store(&id, None, &remembering(9)).await, Err(StoreError::Conflict)));
    store.store(&id, Some(1), &remembering(2)).await.unwrap();
    assert!(matches!(store.store(&id, Some(1), &remembering(9)).await, Err(StoreError::Conflict)));
    assert_eq!(store.load(std::slice::from_ref(&id)).await.unwrap()[&id].memory, remembering(2));
}

#[tokio::test]
async fn an_item_expires_sixty_days_after_the_last_look() {
    let client = table("expiring").await;
    store("expiring").await.store(&checkout(), None, &Memory::default()).await.unwrap();
    let key = AttributeValue::S("prod/checkout".to_owned());
    let item =
        client.get_item().table_name("expiring").key("service", key).send().await.unwrap().item.unwrap();
    assert_eq!(item["expires_at"], AttributeValue::N((NOW_S + 60 * 86_400).to_string()));
}

#[tokio::test]
async fn a_memory_that_cannot_be_read_begins_afresh_and_can_be_replaced() {
    let client = table("unreadable").await;
    let put = client
        .put_item()
        .table_name("unreadable")
        .item("service", AttributeValue::S("prod/checkout".to_owned()));
    let put = put.item("version", AttributeValue::N("4".to_owned()));
    put.item("memory", AttributeValue::S(r#"{"desired":"many"}"#.to_owned())).send().await.unwrap();

    let (store, id) = (store("unreadable").await, checkout());
    let loaded = store.load(std::slice::from_ref(&id)).await.unwrap();
    assert_eq!(loaded, BTreeMap::from([(id.clone(), Versioned { version: 4, memory: Memory::default() })]));
    store.store(&id, Some(4), &remembering(2)).await.unwrap();
    assert_eq!(store.load(std::slice::from_ref(&id)).await.unwrap()[&id].version, 5);
}

#[tokio::test]
async fn an_item_without_a_version_counts_as_none() {
    let client = table("versionless").await;
    let put = client.put_item().table_name("versionless");
    put.item("service", AttributeValue::S("prod/checkout".to_owned())).send().await.unwrap();

    let (store, id) = (store("versionless").await, checkout());
    assert!(store.load(std::slice::from_ref(&id)).await.unwrap().is_empty());
    store.store(&id, None, &remembering(2)).await.unwrap();
    assert_eq!(store.load(std::slice::from_ref(&id)).await.unwrap()[&id].version, 1);
}

#[tokio::test]
async fn a_hundred_services_are_loaded_at_once() {
    table("hundred").await;
    let store = store("hundred").await;
    let ids: Vec<_> = (0..100).map(|i| ServiceId::new("prod", format!("s-{i:03}"))).collect();
    for id in &ids {
        store.store(id, None, &remembering(1)).await.unwrap();
    }
    assert_eq!(store.load(&ids).await.unwrap().into_keys().collect::<Vec<_>>(), ids);
    assert!(store.load(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_missing_table_is_not_found() {
    let (store, id) = (store("missing").await, checkout());
    let error = store.load(std::slice::from_ref(&id)).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::NotFound, "{error}");
    match store.store(&id, None, &Memory::default()).await {
        Err(StoreError::Port(error)) => assert_eq!(error.kind, PortErrorKind::NotFound, "{error}"),
        other => panic!("stored into a missing table: {other:?}"),
    }
}

#[tokio::test]
async fn the_account_of_the_blast_radius_is_one_item_under_a_version_and_no_service() {
    let client = table("booked").await;
    let store = store("booked").await;
    assert_eq!(store.load_spent().await.unwrap(), None);
    let at = Timestamp::from_second(NOW_S).unwrap();
    let spent = Spent::default().with(Spending { at, services: 2, tasks_in: 3, tasks_out: 4 });

    store.store_spent(None, &spent).await.unwrap();
    assert!(matches!(store.store_spent(None, &Spent::default()).await, Err(StoreError::Conflict)));
    store.store_spent(Some(1), &spent).await.unwrap();
    assert!(matches!(store.store_spent(Some(1), &Spent::default()).await, Err(StoreError::Conflict)));

    assert_eq!(store.load_spent().await.unwrap(), Some(Versioned { version: 2, memory: spent }));
    let items = client.scan().table_name("booked").send().await.unwrap();
    let keys: Vec<&AttributeValue> = items.items().iter().map(|item| &item["service"]).collect();
    assert_eq!(keys, [&AttributeValue::S("blast-radius".to_owned())]);
    assert!("blast-radius".parse::<ServiceId>().is_err(), "no service has that key");
}
