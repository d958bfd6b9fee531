//! The tasks of a service: they take time to start, and are paid while they stop.

use std::collections::VecDeque;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, LogNormal};

use super::number::whole;
use super::streams::{Stream, stream};
use super::{STEP_S, Seconds};
use crate::model::TaskCount;

/// How long tasks take from the decision to start them until they take load: lognormal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StartTime {
    /// Half of the tasks start within this, in seconds.
    pub median_s: f64,
    /// 95 of 100 tasks start within this, in seconds.
    pub p95_s: f64,
}

impl Default for StartTime {
    /// A Fargate task with an image of some hundred megabytes.
    fn default() -> Self {
        Self { median_s: 45.0, p95_s: 90.0 }
    }
}

impl StartTime {
    /// The 95th percentile of the standard normal distribution.
    const Z95: f64 = 1.644_853_6;

    fn sample(self, rng: &mut ChaCha8Rng) -> Seconds {
        let sigma = (self.p95_s / self.median_s).ln() / Self::Z95;
        let seconds =
            LogNormal::new(self.median_s.ln(), sigma).map_or(self.median_s, |time| time.sample(rng));
        whole(seconds.round())
    }
}

/// The tasks of one service.
#[derive(Clone, Debug)]
pub struct Tasks {
    desired: TaskCount,
    running: TaskCount,
    ready_at: Vec<Seconds>,
    gone_at: VecDeque<Seconds>,
    start: StartTime,
    rng: ChaCha8Rng,
}

impl Tasks {
    /// How long a task that stops drains its connections and is still paid, in seconds.
    pub const DRAIN_S: Seconds = 30;

    /// `running` tasks, all of them started.
    pub fn new(running: TaskCount, start: StartTime, seed: u64, name: &str) -> Self {
        let rng = stream(seed, name, Stream::Starts);
        Self { desired: running, running, ready_at: Vec::new(), gone_at: VecDeque::new(), start, rng }
    }

    /// Sets the desired count: starts tasks, or stops first those that are starting, then running ones.
    pub fn set_desired(&mut self, desired: TaskCount, now: Seconds) {
        for _ in self.desired..desired {
            let ready = now + self.start.sample(&mut self.rng).max(STEP_S);
            let place = self.ready_at.partition_point(|at| *at <= ready);
            self.ready_at.insert(place, ready);
        }
        for _ in desired..self.desired {
            if self.ready_at.pop().is_none() {
                self.running = self.running.saturating_sub(1);
                self.gone_at.push_back(now + Self::DRAIN_S);
            }
        }
        self.desired = desired;
    }

    /// Lets time pass: tasks become ready, and stopped ones go.
    pub fn advance(&mut self, now: Seconds) {
        let ready = self.ready_at.partition_point(|at| *at <= now);
        self.running += self.ready_at.drain(..ready).map(|_| 1).sum::<TaskCount>();
        while self.gone_at.pop_front_if(|at| *at <= now).is_some() {}
    }

    /// ECS's `desiredCount`.
    pub fn desired(&self) -> TaskCount {
        self.desired
    }

    /// ECS's `runningCount`.
    pub fn running(&self) -> TaskCount {
        self.running
    }

    /// ECS's `pendingCount`.
    pub fn pending(&self) -> TaskCount {
        TaskCount::try_from(self.ready_at.len()).unwrap_or(TaskCount::MAX)
    }

    /// Tasks that finish their work before they go.
    pub fn draining(&self) -> TaskCount {
        TaskCount::try_from(self.gone_at.len()).unwrap_or(TaskCount::MAX)
    }

    /// Tasks that are paid: running, starting and draining ones.
    pub fn paid(&self) -> TaskCount {
        self.running + self.pending() + self.draining()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(running: TaskCount) -> Tasks {
        Tasks::new(running, StartTime::default(), 1, "prod/web")
    }

    #[test]
    fn half_of_the_tasks_start_within_45_s_and_95_of_100_within_90_s() {
        let mut tasks = tasks(0);
        tasks.set_desired(10_000, 0);
        for (by, share) in [(45, 0.5), (90, 0.95)] {
            tasks.advance(by);
            let started = f64::from(tasks.running()) / 10_000.0;
            assert!((started - share).abs() < 0.02, "{started} started within {by} s");
        }
    }

    #[test]
    fn a_stopped_task_is_paid_while_it_drains_and_takes_no_load() {
        let mut tasks = tasks(5);
        tasks.set_desired(2, 100);
        assert_eq!((tasks.running(), tasks.paid()), (2, 5));
        tasks.advance(100 + Tasks::DRAIN_S - STEP_S);
        assert_eq!(tasks.paid(), 5);
        tasks.advance(100 + Tasks::DRAIN_S);
        assert_eq!(tasks.paid(), 2);
    }

    #[test]
    fn scale_in_stops_starting_tasks_before_running_ones() {
        let mut tasks = tasks(3);
        tasks.set_desired(8, 0);
        tasks.set_desired(4, 0);
        assert_eq!((tasks.running(), tasks.pending(), tasks.draining()), (3, 1, 0));
        tasks.set_desired(0, 0);
        assert_eq!((tasks.running(), tasks.pending(), tasks.draining()), (0, 0, 3));
    }

    #[test]
    fn after_any_changes_the_desired_count_is_reached() {
        let mut tasks = tasks(0);
        for (step, desired) in [7, 0, 12, 3, 3, 40, 1, 0, 9].into_iter().enumerate() {
            let now = Seconds::try_from(step).unwrap() * 20;
            tasks.set_desired(desired, now);
            tasks.advance(now);
            assert_eq!(tasks.running() + tasks.pending(), desired);
        }
        tasks.advance(10_000);
        assert_eq!((tasks.running(), tasks.pending(), tasks.paid()), (9, 0, 9));
    }
}
