//! Memories in this process, for a function without a table, the command line and tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::ports::{PortError, StateStore, StoreError, Versioned};
use crate::model::{Memory, ServiceId};

/// Memories in this process, under the same version checks as in a table. They are gone with the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    memories: Mutex<BTreeMap<ServiceId, Versioned>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A map of values stays whole when a thread panics between its operations, so poisoning does not matter.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServiceId, Versioned>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn load(&self, services: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError> {
        let memories = self.lock();
        Ok(services.iter().filter_map(|id| Some((id.clone(), memories.get(id)?.clone()))).collect())
    }

    async fn store(
        &self,
        service: &ServiceId,
        expected: Option<u64>,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let mut memories = self.lock();
        if memories.get(service).map(|stored| stored.version) != expected {
            return Err(StoreError::Conflict);
        }
        let version = expected.map_or(1, |version| version.saturating_add(1));
        memories.insert(service.clone(), Versioned { version, memory: memory.clone() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembering(desired: u32) -> Memory {
        Memory { desired: Some(desired), ..Memory::default() }
    }

    #[tokio::test]
    async fn of_two_looks_that_read_the_same_version_one_writes() {
        let (store, id) = (MemoryStore::new(), ServiceId::new("prod", "checkout"));
        assert!(store.load(std::slice::from_ref(&id)).await.unwrap().is_empty());

        store.store(&id, None, &remembering(1)).await.unwrap();
        let read = store.load(std::slice::from_ref(&id)).await.unwrap().remove(&id).unwrap();
        store.store(&id, Some(read.version), &remembering(2)).await.unwrap();
        let late = store.store(&id, Some(read.version), &remembering(3)).await;

        assert!(matches!(late, Err(StoreError::Conflict)));
        let kept = store.load(std::slice::from_ref(&id)).await.unwrap().remove(&id).unwrap();
        assert_eq!(kept, Versioned { version: read.version + 1, memory: remembering(2) });
    }

    #[tokio::test]
    async fn a_first_write_does_not_replace_a_memory() {
        let (store, id) = (MemoryStore::new(), ServiceId::new("prod", "checkout"));
        store.store(&id, None, &remembering(1)).await.unwrap();
        assert!(matches!(store.store(&id, None, &remembering(2)).await, Err(StoreError::Conflict)));
    }
}
