//! A state store in the process: for one function instance, the command line, the embedded cloud and tests. What it holds
//! is lost with the process, after which decisions are plainer, never wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::model::blast_radius::Spent;
use crate::model::{Memory, ServiceId};

use super::ports::{PortError, StateStore, StoreError, Versioned};

/// Memories by service, each under a version that counts its writes from one.
#[derive(Debug, Default)]
pub struct MemoryStore {
    items: Mutex<BTreeMap<ServiceId, Versioned>>,
    spent: Mutex<Option<Versioned<Spent>>>,
}

impl MemoryStore {
    /// A write replaces a whole item, so the items are consistent even after a panic elsewhere.
    fn items(&self) -> MutexGuard<'_, BTreeMap<ServiceId, Versioned>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The version after one that was read, or after none.
fn next(expected: Option<u64>) -> u64 {
    expected.map_or(1, |version| version.saturating_add(1))
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn load(&self, services: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError> {
        let items = self.items();
        let found =
            services.iter().filter_map(|service| Some((service.clone(), items.get(service)?.clone())));
        Ok(found.collect())
    }

    async fn store(
        &self,
        service: &ServiceId,
        expected: Option<u64>,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let mut items = self.items();
        if items.get(service).map(|item| item.version) != expected {
            return Err(StoreError::Conflict);
        }
        items.insert(service.clone(), Versioned { version: next(expected), memory: memory.clone() });
        Ok(())
    }

    async fn load_spent(&self) -> Result<Option<Versioned<Spent>>, PortError> {
        Ok(self.spent.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn store_spent(&self, expected: Option<u64>, spent: &Spent) -> Result<(), StoreError> {
        let mut stored = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if stored.as_ref().map(|item| item.version) != expected {
            return Err(StoreError::Conflict);
        }
        *stored = Some(Versioned { version: next(expected), memory: spent.clone() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn checkout() -> ServiceId {
        ServiceId::new("prod", "checkout")
    }

    fn seen(desired: u32) -> Memory {
        Memory { desired: Some(desired), ..Memory::default() }
    }

    #[test]
    fn what_is_stored_is_loaded_under_its_version() {
        let store = MemoryStore::default();
        assert!(block_on(store.load(&[checkout()])).unwrap().is_empty());
        block_on(store.store(&checkout(), None, &seen(2))).unwrap();
        block_on(store.store(&checkout(), Some(1), &seen(3))).unwrap();
        let loaded = block_on(store.load(&[checkout(), ServiceId::new("prod", "api")])).unwrap();
        assert_eq!(loaded, BTreeMap::from([(checkout(), Versioned { version: 2, memory: seen(3) })]));
    }

    #[test]
    fn of_two_writes_under_one_version_the_second_changes_nothing() {
        let store = MemoryStore::default();
        block_on(store.store(&checkout(), None, &seen(2))).unwrap();
        for late in [None, Some(0), Some(2)] {
            let outcome = block_on(store.store(&checkout(), late, &seen(9)));
            assert!(matches!(outcome, Err(StoreError::Conflict)), "expected version {late:?}");
        }
        let loaded = block_on(store.load(&[checkout()])).unwrap();
        assert_eq!(loaded[&checkout()].memory, seen(2));
    }
}
