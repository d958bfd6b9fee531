//! A client of the SDK that is built at its first use. Building one reads AWS's partitions and endpoint rules, which an
//! invocation that makes no call of the service has no need of.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// A client, or how to build it.
pub struct Lazy<C>(Arc<LazyLock<C, Build<C>>>);

type Build<C> = Box<dyn FnOnce() -> C + Send>;

impl<C> Lazy<C> {
    /// What is built at its first use.
    pub fn new(build: impl FnOnce() -> C + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(build))))
    }
}

/// What is built already.
impl<C: Send + 'static> From<C> for Lazy<C> {
    fn from(client: C) -> Self {
        Self::new(|| client)
    }
}

impl<C> Deref for Lazy<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C> Clone for Lazy<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Lazy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lazy(..)")
    }
}
