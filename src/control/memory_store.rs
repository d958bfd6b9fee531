//! A stand-in for the store in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::ports::{PortError, StateStore, StoreError, Versioned};
use crate::model::{Memory, ServiceId};

/// Remembers nothing.
#[derive(Debug, Default)]
pub struct MemoryStore {}

#[async_trait]
impl StateStore for MemoryStore {
    async fn load(&self, _services: &[ServiceId]) -> Result<BTreeMap<ServiceId, Versioned>, PortError> {
        Ok(BTreeMap::new())
    }

    async fn store(
        &self,
        _service: &ServiceId,
        _expected: Option<u64>,
        _memory: &Memory,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}
