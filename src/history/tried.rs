//! Targets tried on a part of a past, with several seeds and on all processors.

use serde::Serialize;

use super::{CannotReplay, History, Replay};
use crate::model::ScalableTarget;
use crate::sim::parallel::in_parallel;
use crate::sim::service::Step;
use crate::sim::{Outcome, Trial, Trimtab};

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
    /// The least share of requests or messages for which the promise was kept in a third of the time, with any seed, in
    /// per cent.
    pub worst_third_percent: f64,
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
    /// The trials, by seed.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// What comes of each target. `done` is called after each run.
    pub fn try_all(&self, targets: &[ScalableTarget], done: &(dyn Fn() + Sync)) -> Vec<Tried> {
        let seeds = self.trials.len().max(1);
        let runs: Vec<(&ScalableTarget, &Trial)> =
            targets.iter().flat_map(|target| self.trials.iter().map(move |trial| (target, trial))).collect();
        let run = |(target, trial): &(&ScalableTarget, &Trial)| {
            let service = trial.run(&mut Trimtab::new((*target).clone()));
            (Outcome::of(&service), worst_third_percent(service.steps()))
        };
        let found = in_parallel(&runs, run, &done);
        found.chunks(seeds).map(|found| Tried::of(found.iter().cloned())).collect()
    }
}

/// The least share that was in time of a third of these steps, in per cent.
fn worst_third_percent(steps: &[Step]) -> f64 {
    let third = steps.len().div_ceil(3).max(1);
    let kept = steps.chunks(third).map(|steps| {
        let arrived: f64 = steps.iter().map(|step| f64::from(step.arrived)).sum();
        let late: f64 = steps.iter().map(|step| step.late).sum();
        100.0 * (1.0 - late / arrived.max(1.0))
    });
    kept.fold(100.0, f64::min)
}

impl Tried {
    /// What came of each seed, with the worst third of each.
    pub(super) fn of(found: impl Iterator<Item = (Outcome, f64)>) -> Self {
        let (outcomes, thirds): (Vec<Outcome>, Vec<f64>) = found.unzip();
        Self { outcomes, worst_third_percent: thirds.into_iter().fold(100.0, f64::min) }
    }

    /// What came of one run of which nothing more is known.
    pub fn once(outcome: Outcome) -> Self {
        let kept = 100.0 - outcome.late_percent();
        Self { outcomes: vec![outcome], worst_third_percent: kept }
    }

    /// This, and what came of more seeds.
    pub(super) fn and(mut self, more: Self) -> Self {
        self.outcomes.extend(more.outcomes);
        self.worst_third_percent = self.worst_third_percent.min(more.worst_third_percent);
        self
    }

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
