//! A FIFO queue and what its workers do with it: messages wait, are worked on out of sight of other workers, and are
//! deleted. A message whose worker is stopped becomes visible again when its visibility timeout ends.

use std::collections::VecDeque;

use super::number::{real, whole};
use super::{STEP_S, Seconds};
use crate::model::QueueDepth;

/// What the workers of a queue do with a message, and what they promise.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueWork {
    /// The queue's name.
    pub queue: String,
    /// Messages that a task works on at once.
    pub concurrency: u32,
    /// The time that a message takes, in seconds.
    pub service_time_s: f64,
    /// How long a message whose worker was stopped stays out of sight, in seconds.
    pub visibility_timeout_s: Seconds,
    /// The promise: a message starts within this of its arrival, in seconds.
    pub start_within_s: Seconds,
    /// The share of messages that must keep the promise, in per cent.
    pub percent: f64,
}

impl QueueWork {
    /// Messages a second that a task can work off.
    pub fn capacity_per_task(&self) -> f64 {
        f64::from(self.concurrency) / self.service_time_s
    }

    fn is_short(&self) -> bool {
        self.service_time_s < f64::from(STEP_S)
    }
}

/// The state of a queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    visible: VecDeque<Cohort>,
    working: VecDeque<Batch>,
    returning: VecDeque<Batch>,
    waiting: u64,
    held: u64,
    credit: f64,
    sent: u64,
    deleted: u64,
}

/// Messages that were sent in one step.
#[derive(Clone, Copy, Debug)]
struct Cohort {
    sent_at: Seconds,
    count: u64,
}

/// Messages that leave a state at the same time.
#[derive(Clone, Copy, Debug)]
struct Batch {
    until: Seconds,
    cohort: Cohort,
}

/// What became of a step's messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct QueueStep {
    pub(super) deleted: u64,
    pub(super) late: u64,
    pub(super) busy: f64,
}

/// The workers that a step has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workers {
    pub(super) running: u32,
    pub(super) draining: u32,
}

impl Queue {
    /// Messages sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Messages deleted so far.
    pub fn deleted(&self) -> u64 {
        self.deleted
    }

    /// The depth, as GetQueueAttributes tells it.
    pub fn depth(&self, now: Seconds) -> QueueDepth {
        QueueDepth {
            visible: self.visible(),
            in_flight: Some(self.in_flight()),
            delayed: Some(0),
            oldest_age_s: self.oldest().map(|sent_at| u64::from(now - sent_at)),
        }
    }

    /// Messages that wait longer than `age_s`.
    pub fn waiting_longer_than(&self, age_s: Seconds, now: Seconds) -> u64 {
        self.visible.iter().filter(|cohort| age_s < now - cohort.sent_at).map(|cohort| cohort.count).sum()
    }

    /// When the oldest message that waits was sent.
    pub(super) fn oldest(&self) -> Option<Seconds> {
        self.visible.front().map(|cohort| cohort.sent_at)
    }

    pub(super) fn visible(&self) -> u64 {
        self.waiting
    }

    fn in_flight(&self) -> u64 {
        self.held + self.returning.iter().map(|batch| batch.cohort.count).sum::<u64>()
    }

    /// Lets one step pass, from `now` on.
    pub(super) fn step(
        &mut self,
        work: &QueueWork,
        workers: Workers,
        arrived: u32,
        now: Seconds,
    ) -> QueueStep {
        let deleted_before = self.deleted;
        self.give_back(now);
        self.finish(now);
        self.abandon(work, workers, now);
        self.sent += u64::from(arrived);
        if 0 < arrived {
            self.visible.push_back(Cohort { sent_at: now, count: u64::from(arrived) });
            self.waiting += u64::from(arrived);
        }
        let slots = workers.running * work.concurrency;
        let room = self.room(work, slots);
        let (started, late) = self.start(work, room, now);
        let busy = match slots {
            0 => 0.0,
            slots if work.is_short() => {
                real(started) * work.service_time_s / (f64::from(slots) * f64::from(STEP_S))
            }
            slots => real(self.held) / f64::from(slots),
        };
        QueueStep { deleted: self.deleted - deleted_before, late, busy: busy.min(1.0) }
    }

    /// How many messages can be started in this step.
    fn room(&mut self, work: &QueueWork, slots: u32) -> u64 {
        if !work.is_short() {
            return u64::from(slots).saturating_sub(self.held);
        }
        self.credit = self.credit.fract() + f64::from(slots) * f64::from(STEP_S) / work.service_time_s;
        u64::from(whole(self.credit))
    }

    /// Starts up to `room` messages, the oldest first, and tells how many started and how many of them late.
    fn start(&mut self, work: &QueueWork, room: u64, now: Seconds) -> (u64, u64) {
        let (mut started, mut late) = (0, 0);
        while let Some(oldest) = self.visible.front_mut().filter(|_| started < room) {
            let taken = oldest.count.min(room - started);
            oldest.count -= taken;
            self.waiting -= taken;
            started += taken;
            let cohort = Cohort { sent_at: oldest.sent_at, count: taken };
            if oldest.count == 0 {
                self.visible.pop_front();
            }
            if work.start_within_s < now - cohort.sent_at {
                late += taken;
            }
            self.work_on(work, cohort, now);
        }
        (started, late)
    }

    /// Of messages shorter than a step, those that would end in it are deleted at once.
    fn work_on(&mut self, work: &QueueWork, cohort: Cohort, now: Seconds) {
        let steps = work.service_time_s / f64::from(STEP_S);
        if work.is_short() {
            let held = u64::from(whole((real(cohort.count) * steps).round()));
            self.deleted += cohort.count - held;
            if 0 < held {
                self.hold(Cohort { count: held, ..cohort }, now + STEP_S);
            }
        } else {
            self.hold(cohort, now + whole(steps.round()) * STEP_S);
        }
    }

    fn hold(&mut self, cohort: Cohort, until: Seconds) {
        self.held += cohort.count;
        self.working.push_back(Batch { until, cohort });
    }

    fn finish(&mut self, now: Seconds) {
        while let Some(batch) = self.working.pop_front_if(|batch| batch.until <= now) {
            self.deleted += batch.cohort.count;
            self.held -= batch.cohort.count;
        }
    }

    /// Takes the newest messages from workers that are gone.
    fn abandon(&mut self, work: &QueueWork, workers: Workers, now: Seconds) {
        if work.is_short() {
            return;
        }
        let slots = u64::from(workers.running + workers.draining) * u64::from(work.concurrency);
        let mut excess = self.held.saturating_sub(slots);
        while let Some(newest) = self.working.back_mut().filter(|_| 0 < excess) {
            let lost = newest.cohort.count.min(excess);
            newest.cohort.count -= lost;
            self.held -= lost;
            excess -= lost;
            let cohort = Cohort { sent_at: newest.cohort.sent_at, count: lost };
            if newest.cohort.count == 0 {
                self.working.pop_back();
            }
            self.returning.push_back(Batch { until: now + work.visibility_timeout_s, cohort });
        }
    }

    fn give_back(&mut self, now: Seconds) {
        while let Some(batch) = self.returning.pop_front_if(|batch| batch.until <= now) {
            let place = self.visible.partition_point(|cohort| cohort.sent_at <= batch.cohort.sent_at);
            self.visible.insert(place, batch.cohort);
            self.waiting += batch.cohort.count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(service_time_s: f64) -> QueueWork {
        QueueWork {
            queue: "orders".to_owned(),
            concurrency: 1,
            service_time_s,
            visibility_timeout_s: 60,
            start_within_s: 60,
            percent: 99.0,
        }
    }

    fn running(running: u32) -> Workers {
        Workers { running, draining: 0 }
    }

    #[test]
    fn every_message_sent_is_deleted_worked_on_or_waiting() {
        for service_time_s in [0.3, 0.5, 5.0, 40.0] {
            let (work, mut queue) = (orders(service_time_s), Queue::default());
            for step in 0..500 {
                let workers = running([3, 0, 9, 1][step as usize / 7 % 4]);
                queue.step(&work, workers, step % 13, step * STEP_S);
                let depth = queue.depth(step * STEP_S);
                let found = queue.deleted() + depth.visible + depth.in_flight.unwrap_or(0);
                assert_eq!(queue.sent(), found, "{service_time_s} s a message, step {step}");
            }
            assert!(0 < queue.deleted());
        }
    }

    #[test]
    fn a_task_works_off_what_its_service_time_allows() {
        for (service_time_s, messages) in [(0.5, 2000), (10.0, 100)] {
            let (work, mut queue) = (orders(service_time_s), Queue::default());
            queue.step(&work, running(0), 5000, 0);
            for step in 0..200 {
                queue.step(&work, running(1), 0, step * STEP_S);
            }
            assert!(queue.deleted().abs_diff(messages) <= 2, "{} of {messages}", queue.deleted());
        }
    }

    #[test]
    fn a_message_is_late_when_it_starts_after_the_promise() {
        let (work, mut queue) = (orders(0.5), Queue::default());
        queue.step(&work, running(0), 5, 0);
        assert_eq!(queue.depth(60).oldest_age_s, Some(60));
        assert_eq!(queue.waiting_longer_than(60, 65), 5);
        queue.step(&work, running(0), 3, 30);
        let step = queue.step(&work, running(1), 0, 65);
        assert_eq!(step.late, 5);
    }

    #[test]
    fn the_work_of_a_stopped_task_comes_back_after_the_visibility_timeout() {
        let (work, mut queue) = (orders(300.0), Queue::default());
        queue.step(&work, running(2), 2, 0);
        queue.step(&work, Workers { running: 1, draining: 1 }, 0, 5);
        assert_eq!((queue.visible(), queue.in_flight()), (0, 2));
        queue.step(&work, running(1), 0, 35);
        queue.step(&work, running(1), 0, 90);
        assert_eq!((queue.visible(), queue.in_flight()), (0, 2), "out of sight");
        queue.step(&work, running(1), 0, 95);
        assert_eq!((queue.visible(), queue.in_flight()), (1, 1));
    }
}
