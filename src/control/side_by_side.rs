//! Calls that go side by side, so many at a time that the rate limits shared with others in the account are left alone:
//! ECS allows bursts of 100 reads and of 50 UpdateService calls.

use std::future::Future;

use futures::StreamExt as _;
use futures::stream;

const SIDE_BY_SIDE: usize = 10;

/// The answers in the calls' order.
pub(super) async fn in_order<F: Future>(calls: Vec<F>) -> Vec<F::Output> {
    stream::iter(calls).buffered(SIDE_BY_SIDE).collect().await
}

/// The answers as they come: a slow call holds up no other.
pub(super) async fn in_any_order<F: Future>(calls: Vec<F>) -> Vec<F::Output> {
    stream::iter(calls).buffer_unordered(SIDE_BY_SIDE).collect().await
}
