//! Calls that go side by side, so many at a time that answers and connections stay few. The account's rates are kept to where the
//! calls are made (see [`super::calls`]).

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
