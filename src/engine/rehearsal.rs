//! The rehearsal: the policy is run over the load of the last days, with the start times that were learned, once for each of some
//! hundred settings, and the cheapest that would have kept the promise is taken. So nobody has to tune what only the load can tell: how
//! long to hold after a peak, how far to trust the trend or the pattern of the day and week, how large a margin forecasts need.

use super::lookahead::{Pace, push};
use super::staffing::{Need, late_share};
use crate::model::memory::{LookaheadMemory, LookaheadTuning, Season};

/// The part of the lateness allowed that the rehearsal may spend; the rest is for what the last days did not show.
const SPENT: f64 = 0.6;
/// The time that a stopped task is still paid for, in minutes.
const DRAIN_MIN: f64 = 0.5;
/// The margins between which the least is looked for, and in how many steps.
const MARGINS: (f64, f64) = (0.0, 12.0);
const MARGIN_STEPS: u32 = 7;
/// How often every change is tried on the best setting so far.
const ROUNDS: u32 = 3;
/// Points that are visible at a look lag by so many minutes.
const LAG: usize = 2;

/// What is rehearsed.
#[derive(Debug)]
pub(super) struct Script<'a> {
    /// Requests or messages a second in each minute, oldest first.
    pub(super) load_s: &'a [f64],
    /// The most that is usual by the pattern of the day in the time that is looked ahead from each minute.
    pub(super) daily_s: &'a [f64],
    /// The same by the pattern of the week.
    pub(super) weekly_s: &'a [f64],
    /// What a task takes, in requests or messages a second.
    pub(super) per_task_s: f64,
    /// The share of tasks that run, on average over the first, the second, ... minute after they were asked for.
    pub(super) started: &'a [f64],
    /// How far a decision looks ahead, in minutes.
    pub(super) horizon_min: f64,
    /// The share of requests or messages that may be late.
    pub(super) allowed: f64,
    /// How long a message may wait, in seconds; none for requests, which cannot.
    pub(super) may_wait_s: Option<f64>,
    /// Whether patterns of the day and week may be prepared for.
    pub(super) seasons: bool,
    /// The floor, in tasks.
    pub(super) least_tasks: f64,
}

/// What came of a setting.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// The promise was kept, for so many task-minutes.
    Kept(f64),
    /// So many requests or messages were late.
    Late(f64),
    /// It cost more than the best so far.
    Dear,
}

/// A setting and what came of it.
type Tried = (LookaheadTuning, Outcome);

impl Script<'_> {
    /// The setting that is cheapest among those that keep the promise; where none does, that which comes nearest.
    pub(super) fn best(&self) -> LookaheadTuning {
        let peak_s = self.load_s.iter().copied().fold(0.0, f64::max);
        let tried: Vec<Tried> = archetypes(peak_s)
            .into_iter()
            .filter(|archetype| self.may_try(archetype))
            .map(|archetype| {
                let widest = LookaheadTuning { margin: MARGINS.1, ..archetype };
                self.least_margin(archetype, MARGINS, (widest, self.run(&widest, f64::INFINITY)))
            })
            .collect();
        let best = tried.into_iter().min_by(|(_, one), (_, other)| rank(*one).total_cmp(&rank(*other)));
        best.map_or_else(LookaheadTuning::default, |best| self.refine(best, peak_s).0)
    }

    fn may_try(&self, tuning: &LookaheadTuning) -> bool {
        self.seasons || tuning.season == Season::None
    }

    /// Tries every change of one thing, and keeps those that are better, until none is.
    fn refine(&self, start: Tried, peak_s: f64) -> Tried {
        let mut best = start;
        for _ in 0..ROUNDS {
            let before = best.0;
            for changed in changes(&best.0, peak_s).into_iter().filter(|changed| self.may_try(changed)) {
                best = self.better(changed, best);
            }
            if best.0 == before {
                break;
            }
        }
        best
    }

    /// The better of a setting, with the margin that it needs, and the best one so far.
    fn better(&self, tuning: LookaheadTuning, best: Tried) -> Tried {
        let outcome = self.run(&tuning, cost(best.1));
        match (outcome, best.1) {
            (Outcome::Kept(_), _) => self.least_margin(tuning, (MARGINS.0, tuning.margin), (tuning, outcome)),
            (Outcome::Dear, _) => self.least_margin(tuning, (MARGINS.0, tuning.margin), best),
            (Outcome::Late(_), Outcome::Kept(_) | Outcome::Dear) => {
                self.least_margin(tuning, (tuning.margin, MARGINS.1), best)
            }
            (Outcome::Late(late), Outcome::Late(least)) if late < least => (tuning, outcome),
            (Outcome::Late(_), Outcome::Late(_)) => best,
        }
    }

    /// Looks between two margins for the least that keeps the promise, as long as it can be cheaper than the best so far.
    fn least_margin(
        &self,
        tuning: LookaheadTuning,
        (mut low, mut high): (f64, f64),
        mut best: Tried,
    ) -> Tried {
        if matches!(best.1, Outcome::Late(_)) {
            return best;
        }
        for _ in 0..MARGIN_STEPS {
            let tried = LookaheadTuning { margin: f64::midpoint(low, high), ..tuning };
            let outcome = self.run(&tried, cost(best.1));
            match outcome {
                Outcome::Kept(_) => {
                    best = (tried, outcome);
                    high = tried.margin;
                }
                Outcome::Dear => high = tried.margin,
                Outcome::Late(_) => low = tried.margin,
            }
        }
        best
    }

    /// Runs a setting, as long as it costs less than `most` task-minutes.
    fn run(&self, tuning: &LookaheadTuning, most: f64) -> Outcome {
        let usual = match tuning.season {
            Season::None => &[],
            Season::Daily => self.daily_s,
            Season::Weekly => self.weekly_s,
        };
        let pace = Pace::new(tuning, self.horizon_min);
        let mut memory = LookaheadMemory::default();
        let mut fleet = Fleet::new(self.first_tasks(), self.started);
        let most_late = self.load_s.iter().sum::<f64>() * self.allowed * SPENT;
        let (mut late, mut backlog) = (0.0, 0.0);
        for (minute, load_s) in self.load_s.iter().enumerate() {
            if let Some(seen) = minute.checked_sub(LAG)
                && let Some(seen_s) = self.load_s.get(seen)
            {
                push(&mut memory, tuning, &pace, *seen_s, usual.get(seen).copied().unwrap_or(0.0));
                let need = Need::of(&memory, tuning, self.per_task_s).tasks(tuning.margin);
                fleet.scale_to(need.ceil().max(self.least_tasks));
            }
            late += match self.may_wait_s {
                None => load_s * late_share(fleet.at_work(), load_s / self.per_task_s),
                Some(wait_s) => {
                    let done = fleet.at_work() * self.per_task_s;
                    let waiting: f64 = f64::max(0.0, backlog + load_s - done);
                    backlog = waiting.min(done * wait_s / 60.0);
                    waiting - backlog
                }
            };
            fleet.minute_passes();
            if most <= fleet.cost {
                return Outcome::Dear;
            }
        }
        if late <= most_late { Outcome::Kept(fleet.cost) } else { Outcome::Late(late) }
    }

    fn first_tasks(&self) -> f64 {
        const COMFORTABLE: f64 = 1.5;
        let first = self.load_s.first().copied().unwrap_or_default();
        (first / self.per_task_s * COMFORTABLE).ceil().max(self.least_tasks)
    }
}

fn cost(outcome: Outcome) -> f64 {
    match outcome {
        Outcome::Kept(cost) => cost,
        Outcome::Late(_) | Outcome::Dear => f64::INFINITY,
    }
}

/// Those that keep the promise first, the cheapest first; then the others, the least late first.
fn rank(outcome: Outcome) -> f64 {
    const AFTER_ALL_COSTS: f64 = 1e30;
    match outcome {
        Outcome::Kept(cost) => cost,
        Outcome::Late(late) => AFTER_ALL_COSTS + AFTER_ALL_COSTS * late,
        Outcome::Dear => f64::INFINITY,
    }
}

/// The tasks of a rehearsal.
struct Fleet<'a> {
    running: f64,
    /// Those that start, by the minutes since they were asked for.
    starting: Vec<f64>,
    started: &'a [f64],
    /// Task-minutes so far.
    cost: f64,
}

impl<'a> Fleet<'a> {
    fn new(running: f64, started: &'a [f64]) -> Self {
        Self { running, starting: vec![0.0; started.len()], started, cost: 0.0 }
    }

    fn all(&self) -> f64 {
        self.running + self.starting.iter().sum::<f64>()
    }

    /// Scale-in takes half the tasks or four of them at a look at most, and those that start first.
    fn scale_to(&mut self, wanted: f64) {
        const LEAST_SCALE_IN: f64 = 4.0;
        let all = self.all();
        if all <= wanted {
            if let Some(newest) = self.starting.first_mut() {
                *newest += wanted - all;
            }
            return;
        }
        let mut surplus = (all - wanted).min((all / 2.0).max(LEAST_SCALE_IN));
        for group in &mut self.starting {
            let taken = group.min(surplus);
            *group -= taken;
            surplus -= taken;
        }
        self.running -= surplus;
        self.cost += surplus * DRAIN_MIN;
    }

    /// The tasks that run, on average over the minute.
    fn at_work(&self) -> f64 {
        self.running + self.starting.iter().zip(self.started).map(|(tasks, share)| tasks * share).sum::<f64>()
    }

    fn minute_passes(&mut self) {
        self.cost += self.all();
        self.starting.rotate_right(1);
        if let Some(oldest) = self.starting.first_mut() {
            self.running += std::mem::take(oldest);
        }
    }
}

const HOLDS_MIN: [f64; 9] = [0.0, 3.0, 8.0, 15.0, 30.0, 60.0, 180.0, 480.0, 1440.0];
const FLOORS: [f64; 9] = [0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0, 1.15];
const SEASON_SHARES: [f64; 6] = [0.5, 0.7, 0.85, 1.0, 1.15, 1.3];

/// Settings that are unlike each other: one of them is near the best.
fn archetypes(peak_s: f64) -> Vec<LookaheadTuning> {
    let plain = LookaheadTuning::default();
    let season = |season| LookaheadTuning { season, season_share: 0.85, hold_min: 0.0, ..plain };
    vec![
        plain,
        LookaheadTuning { hold_min: 0.0, newest: 1.0, ..plain },
        LookaheadTuning { hold_min: 180.0, newest: 1.0, ..plain },
        LookaheadTuning { hold_min: 1440.0, newest: 1.0, ..plain },
        LookaheadTuning { floor_s: 0.6 * peak_s, hold_min: 0.0, ..plain },
        LookaheadTuning { floor_s: peak_s, hold_min: 0.0, ..plain },
        season(Season::Daily),
        season(Season::Weekly),
    ]
}

/// The setting with one thing changed, in every way that is tried.
fn changes(best: &LookaheadTuning, peak_s: f64) -> Vec<LookaheadTuning> {
    let best = *best;
    let holds = HOLDS_MIN.map(|hold_min| LookaheadTuning { hold_min, ..best });
    let relative = [false, true].map(|relative| LookaheadTuning { relative, ..best });
    let newest = [1.0, 0.6, 0.3, 0.15].map(|newest| LookaheadTuning { newest, ..best });
    let trends = [0.0, 0.5, 1.0].map(|trend| LookaheadTuning { trend, ..best });
    let floors = FLOORS.map(|floor| LookaheadTuning { floor_s: floor * peak_s, ..best });
    let seasons = [Season::Daily, Season::Weekly].into_iter().flat_map(|season| {
        SEASON_SHARES.map(|season_share| LookaheadTuning { season, season_share, ..best })
    });
    let no_season = LookaheadTuning { season: Season::None, season_share: 0.0, ..best };
    let all = holds.into_iter().chain(relative).chain(newest).chain(trends).chain(floors);
    all.chain(seasons).chain([no_season]).filter(|changed| *changed != best).collect()
}
