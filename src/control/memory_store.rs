//! Memories in the process: a stand-in.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::ports::{PortError, StateStore, StoreError, Versioned};
use crate::model::{Memory, ServiceId};

/// Memories in the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    _items: (),
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn load(&self, _: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError> {
        Ok(BTreeMap::new())
    }

    async fn store(&self, _: &ServiceId, _: Option<u64>, _: &Memory) -> Result<(), StoreError> {
        Ok(())
    }
}
