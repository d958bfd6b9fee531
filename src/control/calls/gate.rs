//! The queue in front of a bucket: first come, first served, those in haste before all others. Only the first of the queue looks
//! at the bucket and waits for its token; who gives up, by its deadline or because nobody waits for it any more, leaves the queue.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use futures::future::{Either, select};
use jiff::Timestamp;

use super::bucket::{Bucket, Haste};
use super::limits::Rate;
use crate::control::ports::{Clock, OutOfTime};
use crate::model::duration::elapsed;

/// A bucket and those who wait for its tokens.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bucket: Bucket,
    waiting: BTreeMap<Place, Option<Waker>>,
    places: u64,
}

/// A place in the queue; the least is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    haste: Haste,
    number: u64,
}

impl Gate {
    /// Nobody waits, and the bucket is full.
    pub(super) fn new(rate: Rate) -> Self {
        let state = State { bucket: Bucket::new(rate), waiting: BTreeMap::new(), places: 0 };
        Self { state: Mutex::new(state) }
    }

    /// Looks at the bucket, or changes it.
    pub(super) fn bucket<T>(&self, of: impl FnOnce(&mut Bucket) -> T) -> T {
        of(&mut self.state().bucket)
    }

    /// Waits for a token and takes it.
    ///
    /// # Errors
    /// [`OutOfTime`] where the deadline comes first, as soon as that is known.
    pub(super) async fn pass(
        &self,
        haste: Haste,
        clock: &dyn Clock,
        deadline: Option<Timestamp>,
    ) -> Result<(), OutOfTime> {
        if deadline.is_some_and(|deadline| deadline <= clock.now()) {
            return Err(OutOfTime);
        }
        let queued = self.queue_up(haste);
        let mut at_least = None;
        loop {
            let first = pin!(queued.to_be_first());
            match deadline {
                None => first.await,
                Some(deadline) => {
                    let end = clock.sleep(elapsed(clock.now(), deadline));
                    if let Either::Right(_) = select(first, end).await {
                        return Err(OutOfTime);
                    }
                }
            }
            // A clock that waits waited as long as it was asked to, whatever it shows.
            let now = at_least.map_or_else(|| clock.now(), |at_least| clock.now().max(at_least));
            let Err(wait) = self.bucket(|bucket| bucket.take(haste, now)) else { return Ok(()) };
            let then = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
            if deadline.is_some_and(|deadline| deadline < then) {
                return Err(OutOfTime);
            }
            clock.sleep(wait).await;
            at_least = Some(then);
        }
    }

    fn queue_up(&self, haste: Haste) -> Queued<'_> {
        let mut state = self.state();
        state.places += 1;
        let place = Place { haste, number: state.places };
        state.waiting.insert(place, None);
        Queued { gate: self, place }
    }

    /// Each change under the lock is whole, so the queue is consistent even after a panic elsewhere.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody in the queue, until it is dropped.
struct Queued<'a> {
    gate: &'a Gate,
    place: Place,
}

impl Queued<'_> {
    async fn to_be_first(&self) {
        poll_fn(|context| {
            let mut state = self.gate.state();
            if state.waiting.first_key_value().is_some_and(|(first, _)| *first == self.place) {
                return Poll::Ready(());
            }
            state.waiting.insert(self.place, Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Queued<'_> {
    /// The next one is served.
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.waiting.remove(&self.place);
        let next = state.waiting.first_entry().and_then(|mut first| first.get_mut().take());
        drop(state);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}
