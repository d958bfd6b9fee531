//! Targets tried on a part of a past, with several seeds and on all processors.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::Serialize;

use super::{CannotReplay, History, Replay};
use crate::model::ScalableTarget;
use crate::sim::{Outcome, Trial};

/// A part of a past, once for each seed.
#[derive(Clone, Debug)]
pub struct Part {
    trials: Vec<Trial>,
}

/// What came of a target, once for each seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// By seed.
    pub outcomes: Vec<Outcome>,
}

/// A figure over several seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Its mean.
    pub mean: f64,
    /// Its least.
    pub least: f64,
    /// Its greatest.
    pub most: f64,
}

impl Replay {
    /// A part of a past under these seeds; what was `before` is what CloudWatch still has at its beginning.
    ///
    /// # Errors
    /// [`CannotReplay`] where the load cannot be simulated.
    pub fn part(
        &self,
        before: Option<&History>,
        lived: &History,
        seeds: &[u64],
    ) -> Result<Part, CannotReplay> {
        let trials = seeds.iter().map(|seed| self.trial(before, lived, *seed));
        Ok(Part { trials: trials.collect::<Result<_, _>>()? })
    }
}

impl Part {
    /// What comes of each target. `done` is called after each run.
    pub fn try_all(&self, targets: &[ScalableTarget], done: &(dyn Fn() + Sync)) -> Vec<Tried> {
        let seeds = self.trials.len().max(1);
        let runs: Vec<(&ScalableTarget, &Trial)> =
            targets.iter().flat_map(|target| self.trials.iter().map(move |trial| (target, trial))).collect();
        let outcomes = on_all_processors(&runs, |(target, trial)| {
            let outcome = Replay::outcome(trial, target);
            done();
            outcome
        });
        outcomes.chunks(seeds).map(|outcomes| Tried { outcomes: outcomes.to_vec() }).collect()
    }
}

impl Tried {
    /// Hours of tasks that are paid.
    pub fn task_hours(&self) -> Figure {
        self.figure(|outcome| outcome.cost.task_hours)
    }

    /// Dollars.
    pub fn usd(&self) -> Figure {
        self.figure(|outcome| outcome.cost.usd)
    }

    /// The share of requests or messages for which the promise was kept, in per cent.
    pub fn kept_percent(&self) -> Figure {
        self.figure(|outcome| 100.0 - outcome.late_percent())
    }

    /// How often the desired count was changed.
    pub fn actions(&self) -> Figure {
        self.figure(|outcome| f64::from(outcome.actions))
    }

    /// The most tasks that ran at a time.
    pub fn peak_tasks(&self) -> Figure {
        self.figure(|outcome| f64::from(outcome.peak_tasks))
    }

    /// The promise in words.
    pub fn promise(&self) -> Option<&str> {
        self.outcomes.iter().find_map(|outcome| outcome.promise.as_ref()).map(|promise| promise.text.as_str())
    }

    fn figure(&self, of: impl Fn(&Outcome) -> f64) -> Figure {
        Figure::of(self.outcomes.iter().map(of))
    }
}

impl Figure {
    /// The figure of these values; zero of none.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut count = 0.0;
        let (mut sum, mut least, mut most) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            count += 1.0;
            sum += value;
            least = least.min(value);
            most = most.max(value);
        }
        if count == 0.0 {
            return Self { mean: 0.0, least: 0.0, most: 0.0 };
        }
        Self { mean: sum / count, least, most }
    }
}

/// Works on all items, as many at a time as there are processors, and gives the results in the items' order.
fn on_all_processors<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut results = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return results };
            results.push((index, work(item)));
        }
    };
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
