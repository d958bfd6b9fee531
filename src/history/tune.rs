//! The cheapest settings of a policy that keep a promise on a past: searched on its first part, judged on the rest.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::knobs::{Knob, knobs, untuned};
use super::{CannotReplay, Figure, History, Part, Replay, Tried};
use crate::config::Setting;
use crate::model::ScalableTarget;

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// The share of requests or messages that must keep the promise, in per cent.
    pub promise_percent: f64,
    /// The share of the past that is searched on; what is found is judged on the rest.
    pub fit_share: f64,
    /// The seeds of each part. The rest is judged with others than the search had.
    pub seeds: u64,
}

/// Settings and what came of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What they change of today's.
    pub settings: Vec<Setting>,
    /// The target with them.
    pub target: ScalableTarget,
    /// On the part that was searched on.
    pub fit: Tried,
    /// On the rest.
    pub held_out: Tried,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// Today's settings.
    pub today: Candidate,
    /// The cheapest that kept the promise where it was searched; where none did, those that came nearest.
    pub found: Candidate,
    /// The settings that none was both cheaper and better than where it was searched, by rising price.
    pub front: Vec<Candidate>,
    /// What to think of it.
    pub verdict: Verdict,
    /// How many settings were tried.
    pub tried: usize,
    /// The policies that were not tuned or not replayed, and why.
    pub remarks: Vec<String>,
}

/// What to think of settings that were found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// No settings kept the promise even where they were searched.
    NoneKeeps,
    /// They kept the promise where they were searched, and not on the rest.
    NotKeptOnRest,
    /// Nothing was found that is cheaper than today's.
    TodayIsBest,
    /// They keep a promise that today's do not keep.
    KeepsWhatTodayBreaks,
    /// They are cheaper by so much with some seeds only: it may be chance.
    WithinNoise(Figure),
    /// They are cheaper with every seed, by so many per cent.
    Cheaper(Figure),
    /// They are dearer with every seed, by so many per cent less than nothing, and keep the promise in every third of the part
    /// that was searched, which today's do not.
    SaferAndDearer(Figure),
}

/// A gain that is not worth another setting, as a share of the price.
const NOT_WORTH_IT: f64 = 0.002;
/// How often every setting is gone through at most.
const ROUNDS: usize = 3;
/// The steps by which a goal is refined, as shares of it.
const REFINEMENTS: [f64; 3] = [0.07, 0.035, 0.017];
/// The most rows of the front that are shown.
const FRONT: usize = 8;

/// Searches the settings of a target: every one in turn over a coarse grid, together with the goal that it goes with, until
/// nothing is better; then the goals by ever smaller steps. `progress` is told how many runs are done, and how many there
/// will be at most.
///
/// # Errors
/// [`CannotReplay`] where the past cannot be replayed under the target.
pub fn tune(
    replay: &Replay,
    history: &History,
    target: &ScalableTarget,
    search: Search,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Tuning, CannotReplay> {
    let mut remarks = replay.replayable(target)?.left_out;
    remarks.extend(untuned(target));
    let (first, rest) = history.split_at(search.fit_share);
    let fit = replay.part(None, &first, &(1..=search.seeds).collect::<Vec<_>>())?;
    let rest_seeds: Vec<u64> = (search.seeds + 1..=2 * search.seeds).collect();
    let held_out = replay.part(Some(&first), &rest, &rest_seeds)?;

    let mut hill = Hill::new(replay, target, fit, search, progress);
    let best = hill.climb()?;
    let front = hill.front();
    let today = hill.today();
    let points: Vec<Point> = [today, best].into_iter().chain(front).collect();
    let targets = points.iter().map(|point| hill.replayable(point)).collect::<Result<Vec<_>, _>>()?;
    let judged = held_out.try_all(&targets, &|| hill.step());
    let mut candidates = points.iter().zip(judged).map(|(point, held_out)| hill.candidate(point, held_out));
    let (Some(today), Some(found)) = (candidates.next(), candidates.next()) else {
        return Err(CannotReplay::NothingFollowed { service: target.service.to_string(), left_out: remarks });
    };
    let front = candidates.collect();
    let verdict = verdict(&today, &found, search.promise_percent);
    Ok(Tuning { today, found, front, verdict, tried: hill.seen.len(), remarks })
}

fn verdict(today: &Candidate, found: &Candidate, promise: f64) -> Verdict {
    let keeps = |tried: &Tried| promise <= tried.kept_percent().mean;
    if !keeps(&found.fit) {
        return Verdict::NoneKeeps;
    }
    if !keeps(&found.held_out) {
        return Verdict::NotKeptOnRest;
    }
    if found.settings.is_empty() {
        return Verdict::TodayIsBest;
    }
    if !keeps(&today.held_out) || !keeps(&today.fit) {
        return Verdict::KeepsWhatTodayBreaks;
    }
    let saved = saved_percent(&today.held_out, &found.held_out);
    if 0.0 < saved.least {
        Verdict::Cheaper(saved)
    } else if saved.most < 0.0 {
        Verdict::SaferAndDearer(saved)
    } else {
        Verdict::WithinNoise(saved)
    }
}

/// How much of the price of one the other saves, in per cent, seed by seed: both had the same load.
pub fn saved_percent(one: &Tried, other: &Tried) -> Figure {
    let pairs = one.outcomes.iter().zip(&other.outcomes);
    Figure::of(pairs.map(|(one, other)| crate::sim::score::saved_percent(other.cost, one.cost)))
}

/// How a promise is kept where it is searched, with every seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Keeps {
    Not,
    Altogether,
    InEveryThird,
}

/// A value for each knob.
type Point = Vec<f64>;

/// The search: from today's settings on, to better ones, until none is near.
struct Hill<'a> {
    replay: &'a Replay,
    target: &'a ScalableTarget,
    fit: Part,
    search: Search,
    knobs: Vec<Knob>,
    /// What came of each point; the key has the values' bits.
    seen: BTreeMap<Vec<u64>, (Point, Tried)>,
    runs: AtomicUsize,
    progress: &'a (dyn Fn(usize, usize) + Sync),
}

impl<'a> Hill<'a> {
    fn new(
        replay: &'a Replay,
        target: &'a ScalableTarget,
        fit: Part,
        search: Search,
        progress: &'a (dyn Fn(usize, usize) + Sync),
    ) -> Self {
        let (seen, runs) = (BTreeMap::new(), AtomicUsize::new(0));
        Self { replay, target, fit, search, knobs: knobs(target), seen, runs, progress }
    }

    fn today(&self) -> Point {
        self.knobs.iter().map(|knob| knob.current).collect()
    }

    /// One more run is done.
    fn step(&self) {
        let done = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let today = self.today();
        let grid: usize = (0..self.knobs.len()).map(|index| self.around(&today, index).len()).sum();
        let fine = self.knobs.iter().filter(|knob| knob.is_goal).count() * REFINEMENTS.len() * 2;
        let candidates = 1 + ROUNDS * grid + fine + FRONT + 2;
        let seeds = usize::try_from(self.search.seeds).unwrap_or(1);
        (self.progress)(done, (candidates * seeds).max(done));
    }

    fn climb(&mut self) -> Result<Point, CannotReplay> {
        let mut best = self.today();
        self.try_points(std::slice::from_ref(&best))?;
        for _ in 0..ROUNDS {
            let before = best.clone();
            for index in 0..self.knobs.len() {
                let points = self.around(&best, index);
                best = self.best_of(best, &points)?;
            }
            if key(&best) == key(&before) {
                break;
            }
        }
        for step in REFINEMENTS {
            for index in 0..self.knobs.len() {
                let points = self.finer(&best, index, step);
                best = self.best_of(best, &points)?;
            }
        }
        Ok(best)
    }

    /// The points with a goal that is so much smaller or greater; none where the knob is no goal.
    fn finer(&self, from: &Point, index: usize, step: f64) -> Vec<Point> {
        match (self.knobs.get(index).filter(|knob| knob.is_goal), from.get(index)) {
            (Some(knob), Some(value)) => {
                let values = knob.scaled(*value, &[1.0 - step, 1.0 + step]);
                values.into_iter().map(|value| with(from, index, value)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The points with another value of one knob, and with other values of the goal that it is tried with.
    fn around(&self, from: &Point, index: usize) -> Vec<Point> {
        let Some(knob) = self.knobs.get(index) else { return Vec::new() };
        let alone = || vec![from.clone()];
        let starts: Vec<Point> = match knob.beside {
            Some(goal) => match (self.knobs.get(goal), from.get(goal)) {
                (Some(knob), Some(value)) => {
                    knob.near(*value).into_iter().map(|value| with(from, goal, value)).collect()
                }
                _ => alone(),
            },
            None => alone(),
        };
        let values = from.get(index).map(|best| knob.values(*best)).unwrap_or_default();
        let each = |start: &Point| values.iter().map(|value| with(start, index, *value)).collect::<Vec<_>>();
        starts.iter().flat_map(each).collect()
    }

    /// The best of a point and others.
    fn best_of(&mut self, from: Point, points: &[Point]) -> Result<Point, CannotReplay> {
        self.try_points(points)?;
        let better =
            |best: Point, point: &Point| if self.is_better(point, &best) { point.clone() } else { best };
        Ok(points.iter().fold(from, better))
    }

    fn try_points(&mut self, points: &[Point]) -> Result<(), CannotReplay> {
        let new: Vec<&Point> = points.iter().filter(|point| !self.seen.contains_key(&key(point))).collect();
        let targets = new.iter().map(|point| self.replayable(point)).collect::<Result<Vec<_>, _>>()?;
        let tried = self.fit.try_all(&targets, &|| self.step());
        let found: Vec<_> =
            new.into_iter().zip(tried).map(|(point, tried)| (key(point), (point.clone(), tried))).collect();
        self.seen.extend(found);
        Ok(())
    }

    /// Whether one is the better choice. To keep the promise in every third of the time is more than to keep it in all of it
    /// together, for that is what the days to come will ask; of two that keep it alike the cheaper one is better, by more
    /// than another setting is worth; of two that do not, the one that comes nearer.
    fn is_better(&self, one: &Point, other: &Point) -> bool {
        let (Some((_, one)), Some((_, other))) = (self.seen.get(&key(one)), self.seen.get(&key(other)))
        else {
            return false;
        };
        match (self.keeps(one), self.keeps(other)) {
            (Keeps::Not, Keeps::Not) => other.kept_percent().least < one.kept_percent().least,
            (of_one, of_other) if of_one == of_other => {
                one.usd().mean < other.usd().mean * (1.0 - NOT_WORTH_IT)
            }
            (of_one, of_other) => of_other < of_one,
        }
    }

    fn keeps(&self, tried: &Tried) -> Keeps {
        let promise = self.search.promise_percent;
        if promise <= tried.worst_third_percent {
            Keeps::InEveryThird
        } else if promise <= tried.kept_percent().least {
            Keeps::Altogether
        } else {
            Keeps::Not
        }
    }

    /// The points that none is both cheaper and better than, by rising price, thinned to some.
    fn front(&self) -> Vec<Point> {
        let mut all: Vec<&(Point, Tried)> = self.seen.values().collect();
        all.sort_by(|(_, one), (_, other)| {
            let by_price = one.usd().mean.total_cmp(&other.usd().mean);
            by_price.then(other.kept_percent().mean.total_cmp(&one.kept_percent().mean))
        });
        let mut front: Vec<&Point> = Vec::new();
        let mut most_kept = f64::NEG_INFINITY;
        for (point, tried) in all {
            let kept = tried.kept_percent().mean;
            if most_kept < kept {
                most_kept = kept;
                front.push(point);
            }
        }
        let every = front.len().div_ceil(FRONT).max(1);
        front.into_iter().rev().step_by(every).cloned().collect::<Vec<_>>().into_iter().rev().collect()
    }

    fn target_of(&self, point: &Point) -> ScalableTarget {
        let mut target = self.target.clone();
        for (knob, value) in self.knobs.iter().zip(point) {
            knob.set(&mut target, *value);
        }
        target
    }

    fn replayable(&self, point: &Point) -> Result<ScalableTarget, CannotReplay> {
        Ok(self.replay.replayable(&self.target_of(point))?.target)
    }

    fn candidate(&self, point: &Point, held_out: Tried) -> Candidate {
        let changed =
            self.knobs.iter().zip(point).filter(|(knob, value)| knob.current.to_bits() != value.to_bits());
        let settings = changed.map(|(knob, value)| knob.setting(*value)).collect();
        let fit = self.seen.get(&key(point)).map(|(_, tried)| tried.clone());
        let fit = fit.unwrap_or(Tried { outcomes: Vec::new(), worst_third_percent: 0.0 });
        Candidate { settings, target: self.target_of(point), fit, held_out }
    }
}

/// The point with another value in one place.
fn with(point: &Point, index: usize, value: f64) -> Point {
    let values = point.iter().enumerate();
    values.map(|(place, old)| if place == index { value } else { *old }).collect()
}

fn key(point: &Point) -> Vec<u64> {
    point.iter().map(|value| value.to_bits()).collect()
}
