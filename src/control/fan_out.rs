//! Fan-out: services that are too many for one invocation, or that it has no time for, go to others as shards over a queue.
//!
//! The invocation of the tick finds the services once, keeps a part of them and sends the others by name. Nothing coordinates
//! the workers: the queue gives each shard to one of them, gives it to another where that one dies, and now and then gives it
//! to two, of which the version of each memory lets one act. A shard is a hint as every event is, so one that comes late is
//! dropped: newer ticks have sent its services again.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::duration::{elapsed, format_duration};
use crate::model::{ScalableTarget, ServiceId};

use super::answer::{Answer, AnswerError, Sent};
use super::controller::Ports;
use super::ports::{BYTES_PER_SHARD, PortError, SERVICES_PER_DESCRIBE, SHARDS_PER_SEND, Shards};
use super::side_by_side::in_order;
use super::targets::listed;
use super::trigger::{Shard, Trigger};

/// How long after its tick a shard is worth a look: two ticks.
const WORTH: Duration = Duration::from_secs(120);
/// How long after its tick what there was no time for is worth another invocation: after that the next tick, which begins with the
/// oldest looks, would only share the rate limits with it.
const WORTH_HANDING_ON: Duration = Duration::from_secs(40);
/// Services that one invocation looks at, unless told otherwise: see docs/fleet.md for what was measured.
const SHARD_SIZE: NonZeroUsize = NonZeroUsize::new(2_000).unwrap();

/// How a large fleet is shared out, where there is a queue to send shards to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanOut {
    /// The services that one invocation looks at, at most. More are split evenly.
    pub shard_size: NonZeroUsize,
    /// How many workers take shards at the same time, at most, where that is limited.
    pub workers: Option<NonZeroU32>,
}

impl Default for FanOut {
    fn default() -> Self {
        Self { shard_size: SHARD_SIZE, workers: None }
    }
}

/// When the minute began that a trigger looks at services for: at a tick, or at the tick that a shard is of. None where it is
/// for a single look.
pub(super) fn minute_of(trigger: &Trigger, now: Timestamp) -> Option<Timestamp> {
    match trigger {
        Trigger::Tick => Some(now),
        Trigger::Shard(shard) => shard.tick.filter(|_| in_time(trigger, now).is_ok()),
        Trigger::Alarm { .. }
        | Trigger::EcsChange { .. }
        | Trigger::Evaluate { .. }
        | Trigger::SetCapacity { .. }
        | Trigger::Pause { .. }
        | Trigger::Resume { .. }
        | Trigger::Status { .. } => None,
    }
}

/// Whether the trigger is still worth a look.
///
/// # Errors
/// Where it is a shard that comes too late. Nobody is to send it again.
pub(super) fn in_time(trigger: &Trigger, now: Timestamp) -> Result<(), AnswerError> {
    let Trigger::Shard(Shard { services, tick: Some(tick), .. }) = trigger else { return Ok(()) };
    let age = elapsed(*tick, now);
    if age < WORTH {
        return Ok(());
    }
    let error = format!(
        "the shard of {} is dropped, because its tick began {} ago: newer ticks look at its services",
        listed(services),
        format_duration(Duration::from_secs(age.as_secs()))
    );
    Err(AnswerError::request(None, error))
}

/// How an invocation shares its services with others.
#[derive(Clone, Copy)]
pub(super) struct Sharing<'a> {
    ports: &'a Ports,
    /// Where shards go; none where this invocation does all.
    shards: Option<&'a dyn Shards>,
    how: FanOut,
    /// When the tick began.
    tick: Timestamp,
    /// Whether the services are to be split: those of a shard are already.
    splits: bool,
    of: NonZeroU32,
}

impl<'a> Sharing<'a> {
    /// How the services of a trigger are shared. What a person asks for, and what is not to be carried out, is answered here.
    pub(super) fn of(trigger: &Trigger, ports: &'a Ports, how: FanOut, carries_out: bool) -> Self {
        let now = ports.clock.now();
        let (goes_on, splits, tick, of) = match trigger {
            Trigger::Tick => (true, true, now, NonZeroU32::MIN),
            Trigger::Shard(shard) => (true, false, shard.tick.unwrap_or(now), shard.of),
            Trigger::Alarm { .. } | Trigger::EcsChange { .. } => (true, false, now, NonZeroU32::MIN),
            Trigger::Evaluate { .. }
            | Trigger::SetCapacity { .. }
            | Trigger::Pause { .. }
            | Trigger::Resume { .. }
            | Trigger::Status { .. } => (false, false, now, NonZeroU32::MIN),
        };
        let shards = ports.shards.as_deref().filter(|_| goes_on && carries_out);
        Self { ports, shards, how, tick, splits, of }
    }

    /// Sends away what is too much for one invocation, and gives what is left to look at here: an even part, and whatever
    /// could not be sent.
    pub(super) async fn share(
        &mut self,
        targets: Vec<ScalableTarget>,
        answer: &mut Answer,
    ) -> Vec<ScalableTarget> {
        let most = self.how.shard_size.get();
        let Some(shards) = self.shards.filter(|_| self.splits && most < targets.len()) else {
            return targets;
        };
        let mut parts = deal(targets, most).into_iter();
        let mut own = parts.next().unwrap_or_default();
        let others: Vec<Vec<ScalableTarget>> =
            parts.flat_map(|part| split(part, most, |target| &target.service)).collect();
        self.of = self.at_work(others.len().saturating_add(1));
        let names = |part: &Vec<ScalableTarget>| part.iter().map(|target| target.service.clone()).collect();
        let sending = self.send(shards, others.iter().map(names).collect()).await;
        answer.sent.add(sending.sent);
        let count = others.len();
        let unsent = others.into_iter().zip(sending.was_sent).filter(|(_, was_sent)| !was_sent);
        let back: Vec<ScalableTarget> = unsent.flat_map(|(part, _)| part).collect();
        answer.errors.extend(sending.error.map(|error| {
            let error = format!(
                "{} of {count} shards could not be sent to other invocations, so this one looks at {}: {error}",
                count.saturating_sub(sending.sent.shards),
                listed(back.iter().map(|target| &target.service))
            );
            AnswerError::world(None, error)
        }));
        own.extend(back);
        own
    }

    /// Sends on what there was no time for. Where that cannot be, or is too late, it is left to the next tick.
    pub(super) async fn hand_on(&self, answer: &mut Answer) {
        let is_late = WORTH_HANDING_ON <= elapsed(self.tick, self.ports.clock.now());
        let Some(shards) = self.shards.filter(|_| !is_late && !answer.handed_over.is_empty()) else {
            return;
        };
        let parts = split(answer.handed_over.clone(), self.how.shard_size.get(), |service| service);
        let sending = self.send(shards, parts.clone()).await;
        answer.sent.add(sending.sent);
        answer.errors.extend(sending.error.map(|error| {
            let left = parts.iter().zip(sending.was_sent).filter(|(_, was_sent)| !was_sent);
            let error = format!(
                "{}, for which there was no time, could not be sent to other invocations and waits for the next tick: \
                 {error}",
                listed(left.flat_map(|(part, _)| part))
            );
            AnswerError::world(None, error)
        }));
    }

    /// How many invocations at most share the tick, this one among them, and with it the account's rate limits.
    pub(super) fn sharers(&self) -> NonZeroU32 {
        self.of
    }

    /// How many are at work at the same time where this many parts are to be looked at: this invocation and its workers.
    fn at_work(&self, parts: usize) -> NonZeroU32 {
        let parts = u32::try_from(parts).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        self.how.workers.map_or(parts, |workers| parts.min(workers.saturating_add(1)))
    }

    async fn send(&self, port: &dyn Shards, parts: Vec<Vec<ServiceId>>) -> Sending {
        let of = self.of.max(self.at_work(parts.len()));
        let shard = |services| Shard { services, tick: Some(self.tick), of };
        let shards: Vec<Shard> = parts.into_iter().map(shard).collect();
        let calls =
            shards.chunks(SHARDS_PER_SEND).map(|batch| async move { (batch, port.send(batch).await) });
        let mut sending = Sending::default();
        for (batch, answer) in in_order(calls.collect()).await {
            let mut outcomes = answer.map(Vec::into_iter);
            for shard in batch {
                let outcome = match &mut outcomes {
                    Ok(outcomes) => outcomes.next(),
                    Err(_) => None,
                };
                let was_sent = matches!(outcome, Some(Ok(())));
                if was_sent {
                    sending.sent.add(Sent { shards: 1, services: shard.services.len() });
                }
                sending.was_sent.push(was_sent);
                sending.note(outcome.and_then(Result::err));
            }
            sending.note(outcomes.err());
        }
        sending
    }
}

/// What became of shards that were to be sent.
#[derive(Debug, Default)]
struct Sending {
    /// Of each shard, in order.
    was_sent: Vec<bool>,
    sent: Sent,
    /// The first error.
    error: Option<PortError>,
}

impl Sending {
    fn note(&mut self, error: Option<PortError>) {
        self.error = self.error.take().or(error);
    }
}

/// Deals the targets, which are in order, into as few parts as none has more than `most`. It deals batches of one cluster, so that
/// they are described in full calls; and it deals them round, because what changes together often has neighbouring names, while
/// each part has the same share of the rate limits.
fn deal(targets: Vec<ScalableTarget>, most: usize) -> Vec<Vec<ScalableTarget>> {
    let clusters = targets.chunk_by(|one, next| one.service.cluster() == next.service.cluster());
    let batches: Vec<usize> = clusters
        .flat_map(|cluster| cluster.chunks(SERVICES_PER_DESCRIBE.min(most)).map(<[_]>::len))
        .collect();
    let mut count = targets.len().div_ceil(most.max(1));
    loop {
        let mut sizes = vec![0; count];
        let mut deal_one = |batch: &usize| {
            let (part, size) = sizes.iter_mut().enumerate().min_by_key(|(_, size)| **size)?;
            *size += batch;
            Some((part, *batch))
        };
        let dealt: Vec<(usize, usize)> = batches.iter().filter_map(&mut deal_one).collect();
        if sizes.iter().all(|size| *size <= most) {
            let mut parts: Vec<Vec<ScalableTarget>> = sizes.into_iter().map(Vec::with_capacity).collect();
            let mut targets = targets.into_iter();
            for (part, batch) in dealt {
                parts.get_mut(part).into_iter().for_each(|part| part.extend(targets.by_ref().take(batch)));
            }
            return parts;
        }
        count += 1;
    }
}

/// Splits evenly and in order into as few parts as none has more than `most` items or longer names than a message has room for.
fn split<T>(items: Vec<T>, most: usize, service: impl Fn(&T) -> &ServiceId) -> Vec<Vec<T>> {
    /// The quotation marks and the comma.
    const BESIDE_A_NAME: usize = 3;
    let even = items.len().div_ceil(items.len().div_ceil(most.max(1)).max(1));
    let mut parts: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for item in items {
        let service = service(&item);
        let bytes = service.cluster().len() + 1 + service.service().len() + BESIDE_A_NAME;
        if let Some(part) = parts.last_mut().filter(|part| part.len() < even && bytes <= room) {
            part.push(item);
            room -= bytes;
        } else {
            parts.push(vec![item]);
            room = BYTES_PER_SHARD.saturating_sub(bytes);
        }
    }
    parts
}
