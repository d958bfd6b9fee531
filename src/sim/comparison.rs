//! Trimtab beside its peers on one trial: each peer at each of its settings, and what a clairvoyant would have paid.
//!
//! Of a peer the cheapest setting counts that keeps the promise on this very load. Nobody knows it beforehand; trimtab is
//! given no such choice.

use serde::Serialize;

use super::bound::least_task_seconds;
use super::engine_scaler::Trimtab;
use super::parallel::in_parallel;
use super::peers::Peer;
use super::run::Timeline;
use super::score::Cost;
use super::trial::{Outcome, Trial};
use crate::model::ScalableTarget;

/// What came of every scaler on one trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What a scaler that knows the load beforehand pays at least, where something is promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<Cost>,
    /// What came of trimtab.
    pub trimtab: Outcome,
    /// What came of its peers.
    pub peers: Vec<Tried>,
}

/// A peer at all of its settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// The peer.
    pub peer: Peer,
    /// What came of each setting, in order.
    pub settings: Vec<Setting>,
    /// Which of them counts: the cheapest that keeps the promise, or where none does the one that breaks it least.
    pub best: usize,
}

/// A setting of a peer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// The setting.
    pub setting: f64,
    /// It in words.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl Tried {
    /// The setting that counts.
    pub fn best(&self) -> Option<&Setting> {
        self.settings.get(self.best)
    }
}

/// What is run: one of many.
#[derive(Clone, Copy)]
enum Item {
    Bound,
    Trimtab,
    Peer(Peer, f64),
}

enum Found {
    Bound(Option<f64>),
    Outcome(Outcome),
}

/// How many runs a comparison takes, for who shows how far it is.
pub fn runs(trial: &Trial, peers: &[Peer]) -> usize {
    items(trial, peers).len()
}

fn items(trial: &Trial, peers: &[Peer]) -> Vec<Item> {
    let suitable = peers.iter().filter(|peer| peer.suits(trial));
    let each = suitable.flat_map(|peer| peer.settings().iter().map(|setting| Item::Peer(*peer, *setting)));
    [Item::Bound, Item::Trimtab].into_iter().chain(each).collect()
}

/// Runs trimtab under a policy and those of the peers that suit the trial, on all cores. `done` is told of each run.
pub fn compare(
    trial: &Trial,
    target: &ScalableTarget,
    peers: &[Peer],
    done: &(impl Fn() + Sync),
) -> Comparison {
    let items = items(trial, peers);
    let run = |item: &Item| match item {
        Item::Bound => Found::Bound(least_task_seconds(trial)),
        Item::Trimtab => Found::Outcome(trial.outcome(&mut Trimtab::new(target.clone()))),
        Item::Peer(peer, setting) => Found::Outcome(trial.outcome(peer.scaler(*setting, trial).as_mut())),
    };
    let found = in_parallel(&items, run, done);
    let (mut bound, mut trimtab, mut tried) = (None, None, Vec::<Tried>::new());
    for (item, found) in items.into_iter().zip(found) {
        match (item, found) {
            (_, Found::Bound(seconds)) => {
                bound = seconds.map(|seconds| Cost::of_seconds(seconds, trial.spec().size));
            }
            (Item::Peer(peer, setting), Found::Outcome(outcome)) => {
                let setting = Setting { setting, name: peer.setting(setting), outcome };
                match tried.last_mut().filter(|last| last.peer == peer) {
                    Some(last) => last.settings.push(setting),
                    None => tried.push(Tried { peer, settings: vec![setting], best: 0 }),
                }
            }
            (Item::Bound | Item::Trimtab, Found::Outcome(outcome)) => trimtab = Some(outcome),
        }
    }
    for tried in &mut tried {
        tried.best = best(&tried.settings);
    }
    let trimtab = trimtab.unwrap_or_else(|| trial.outcome(&mut Trimtab::new(target.clone())));
    Comparison { bound, trimtab, peers: tried }
}

/// The place of the cheapest setting that keeps the promise, or of the one that breaks it least.
fn best(settings: &[Setting]) -> usize {
    let order = |a: &Outcome, b: &Outcome| {
        let by_cost = a.cost.usd.total_cmp(&b.cost.usd);
        match (a.kept(), b.kept()) {
            (true, true) => by_cost,
            (false, false) => a.late_percent().total_cmp(&b.late_percent()).then(by_cost),
            (a, b) => b.cmp(&a),
        }
    };
    let best = settings.iter().enumerate().min_by(|(_, a), (_, b)| order(&a.outcome, &b.outcome));
    best.map_or(0, |(place, _)| place)
}

impl Comparison {
    /// A cost as a multiple of the bound.
    pub fn over_bound(&self, cost: Cost) -> Option<f64> {
        self.bound.filter(|bound| 0.0 < bound.task_hours).map(|bound| cost.task_hours / bound.task_hours)
    }

    /// The cheapest of all peers' settings that keep the promise, or that are late no more than trimtab.
    pub fn best_as_punctual(&self) -> Option<(&Tried, &Setting)> {
        let late = self.trimtab.late_percent();
        let all =
            self.peers.iter().flat_map(|tried| tried.settings.iter().map(move |setting| (tried, setting)));
        let as_punctual =
            all.filter(|(_, setting)| setting.outcome.kept() || setting.outcome.late_percent() <= late);
        as_punctual.min_by(|(_, a), (_, b)| a.outcome.cost.usd.total_cmp(&b.outcome.cost.usd))
    }

    /// Trimtab's cost as a multiple of that of the cheapest peer that is as punctual; none where no peer is.
    pub fn of_best_peer(&self) -> Option<f64> {
        let (_, setting) = self.best_as_punctual()?;
        Some(self.trimtab.cost.task_hours / setting.outcome.cost.task_hours)
    }
}

/// What trimtab and each peer's best setting went through, minute by minute, in the comparison's order.
pub fn timelines(trial: &Trial, target: &ScalableTarget, comparison: &Comparison) -> Vec<Timeline> {
    let best = |tried: &Tried| tried.best().map(|setting| (tried.peer, setting.setting));
    let scalers: Vec<Option<(Peer, f64)>> =
        std::iter::once(None).chain(comparison.peers.iter().map(best)).collect();
    let run = |scaler: &Option<(Peer, f64)>| {
        Timeline::of(&match scaler {
            None => trial.run(&mut Trimtab::new(target.clone())),
            Some((peer, setting)) => trial.run(peer.scaler(*setting, trial).as_mut()),
        })
    };
    in_parallel(&scalers, run, &|| ())
}
