//! Every call to AWS goes through here: it waits for a token of its API's bucket, is counted, and is tried again where that can
//! help. It is in one place because the limits are of the account: what retries on its own, as the AWS SDK does, takes from others
//! what nobody counted.
//!
//! A call that failed waits outside of the queue and then queues up anew, so it never holds up the others. One that AWS throttled
//! empties the bucket and slows it for some seconds, since others are using the same limit.

mod bucket;
mod gate;
mod limited;
pub mod limits;
pub mod price;
mod retry;
mod usage;

use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{Either, select};
use jiff::Timestamp;

use self::bucket::Haste;
use self::gate::Gate;
use self::limited::{Limited, LimitedShards};
pub use self::limits::Limits;
use self::limits::PerApi;
pub use self::retry::MOST_ATTEMPTS;
pub use self::usage::Usage;
use super::controller::Ports;
use super::ports::{PortError, PortErrorKind, Shards};
use crate::model::duration::elapsed;

/// The calls of one process. Clones share all of it.
#[derive(Clone)]
pub struct Calls {
    shared: Arc<Shared>,
}

struct Shared {
    ports: Ports,
    limits: Mutex<Limits>,
    gates: PerApi<Gate>,
    used: Mutex<Usage>,
    number: AtomicU64,
}

impl Calls {
    /// Calls through these ports, within the limits that AWS documents.
    pub fn new(ports: Ports) -> Self {
        let limits = Limits::default();
        let shared = Shared {
            ports,
            limits: Mutex::new(limits),
            gates: limits.map(|rate| Gate::new(*rate)),
            used: Mutex::default(),
            number: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Keeps to other limits from now on. Waiting calls keep their places.
    pub fn limit(&self, limits: Limits) {
        let mut current = self.shared.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if *current == limits {
            return;
        }
        *current = limits;
        let now = self.shared.ports.clock.now();
        for (gate, rate) in self.shared.gates.zip(&limits) {
            gate.bucket(|bucket| bucket.set_rate(*rate, now));
        }
    }

    /// Keeps to an equal share of AWS's limits from now on, as one of so many processes that work at the same time.
    pub fn share(&self, workers: NonZeroU32) {
        self.limit(Limits::default().shared_by(workers));
    }

    /// The ports, limited, retried and counted.
    pub fn ports(&self) -> Ports {
        self.ports_until(None)
    }

    /// The ports for work that has to end at the deadline: no call waits beyond it, and one that is under way then is given up. Both
    /// fail with [`PortError::out_of_time`].
    pub fn until(&self, deadline: Timestamp) -> Ports {
        self.ports_until(Some(deadline))
    }

    fn ports_until(&self, deadline: Option<Timestamp>) -> Ports {
        let limited = Arc::new(Limited::new(Arc::clone(&self.shared), deadline));
        let shards = self.shared.ports.shards.as_ref().map(|queue| {
            Arc::new(LimitedShards { queue: Arc::clone(queue), by: Arc::clone(&limited) }) as Arc<dyn Shards>
        });
        Ports {
            ecs: limited.clone(),
            cloudwatch: limited.clone(),
            sqs: limited.clone(),
            states: limited.clone(),
            shards,
            policy: limited,
            clock: Arc::clone(&self.shared.ports.clock),
        }
    }

    /// What was used since the process began. What one trigger used is [`Usage::since`] its beginning.
    pub fn used(&self) -> Usage {
        self.shared.used(|used| used.clone())
    }
}

/// A call to be made.
#[derive(Clone, Copy)]
struct Call<'a> {
    /// The API's name of it.
    operation: &'static str,
    gate: &'a Gate,
    haste: Haste,
    deadline: Option<Timestamp>,
    /// Whether its first token is taken already.
    has_token: bool,
}

impl Shared {
    fn used<T>(&self, of: impl FnOnce(&mut Usage) -> T) -> T {
        of(&mut self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a call, once or several times. What an attempt uses beside itself is told by `uses`.
    async fn make<T, F>(
        &self,
        call: Call<'_>,
        uses: impl Fn(&mut Usage) + Send + Sync,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>> + Send,
        T: Send,
    {
        let Call { operation, gate, haste, deadline, mut has_token } = call;
        let clock = self.ports.clock.as_ref();
        let out_of_time = || PortError::out_of_time(operation);
        let mut attempts = 0;
        loop {
            if !std::mem::take(&mut has_token) {
                gate.pass(haste, clock, deadline).await.map_err(|_| out_of_time())?;
            }
            attempts += 1;
            self.used(|used| {
                used.add_calls(operation, 1);
                used.retries += u64::from(1 < attempts);
                uses(used);
            });
            let answer = match deadline {
                None => attempt().await,
                Some(deadline) => {
                    let end = clock.sleep(elapsed(clock.now(), deadline));
                    match select(pin!(attempt()), end).await {
                        Either::Left((answer, _)) => answer,
                        Either::Right(_) => return Err(out_of_time()),
                    }
                }
            };
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let now = clock.now();
            if error.kind == PortErrorKind::Throttled {
                self.used(|used| used.throttled += 1);
                gate.bucket(|bucket| bucket.throttled(now));
            }
            let seed = retry::seed(now, self.number.fetch_add(1, Ordering::Relaxed));
            let Some(wait) = retry::backoff(error.kind, attempts, seed) else { return Err(error) };
            if deadline.is_some_and(|deadline| deadline <= now.saturating_add(wait).unwrap_or(deadline)) {
                return Err(error);
            }
            clock.sleep(wait).await;
        }
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("used", &self.used()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
