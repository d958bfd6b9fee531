//! What one task can take, learned from the past.

use serde::Serialize;

use super::{History, Interval, LoadUnit};

/// What a task can take, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PerTask {
    /// Requests or messages a second that keep a task busy all the time; 1 where the load is counted in busy tasks.
    pub rate: f64,
    /// How it is known.
    #[serde(flatten)]
    pub learned: Learned,
}

/// How it is known what a task can take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Learned {
    /// It was given.
    Given,
    /// The load is counted in tasks.
    ByDefinition,
    /// The busier half of the intervals: requests divided by running tasks times their utilisation.
    Utilisation {
        /// How many intervals.
        intervals: usize,
    },
    /// Intervals that left more waiting than was deleted in them: messages deleted divided by running tasks.
    Backlog {
        /// How many intervals.
        intervals: usize,
    },
    /// What 95 of 100 intervals with work did not exceed: messages deleted divided by running tasks. A task may be able to
    /// do more.
    MostSeen {
        /// How many intervals.
        intervals: usize,
    },
    /// Nothing in the past tells it: the simulator's task.
    Assumed,
}

/// Intervals that are too few to learn from.
const TOO_FEW: usize = 10;

/// What a task can take, from what it was seen to do; `assumed` where nothing tells it.
pub fn per_task(history: &History, unit: LoadUnit, assumed: f64) -> PerTask {
    let learned = match unit {
        LoadUnit::Work => return PerTask { rate: 1.0, learned: Learned::ByDefinition },
        LoadUnit::Requests => by_utilisation(history),
        LoadUnit::Messages => at_backlog(history).or_else(|| most_seen(history)),
    };
    learned.unwrap_or(PerTask { rate: assumed, learned: Learned::Assumed })
}

/// Messages deleted by each running task while more waited than were deleted: every task had more to do.
fn at_backlog(history: &History) -> Option<PerTask> {
    let had_more = |(interval, seconds): (&Interval, f64)| {
        let (deleted, running) = (interval.deleted?, interval.running.filter(|running| 0.0 < *running)?);
        (0.0 < deleted && deleted * seconds < interval.visible?).then_some((deleted, running))
    };
    let seen: Vec<(f64, f64)> = history.timed().filter_map(had_more).collect();
    ratio(&seen).map(|rate| PerTask { rate, learned: Learned::Backlog { intervals: seen.len() } })
}

/// The most messages that running tasks were seen to delete. Workers often wait for others and not for their processor, so
/// their utilisation would tell too much.
fn most_seen(history: &History) -> Option<PerTask> {
    const OF_100: usize = 95;
    let by_task = |interval: &Interval| {
        let rate = interval.deleted? / interval.running.filter(|running| 0.0 < *running)?;
        Some(rate).filter(|rate| 0.0 < *rate)
    };
    let mut seen: Vec<f64> = history.intervals.iter().filter_map(by_task).collect();
    seen.sort_by(f64::total_cmp);
    let intervals = seen.len();
    let rate = seen.get(intervals * OF_100 / 100).copied().filter(|_| TOO_FEW <= intervals)?;
    Some(PerTask { rate, learned: Learned::MostSeen { intervals } })
}

/// Requests served by each busy task, in the busier half of the intervals: what a task does while idle matters least there.
fn by_utilisation(history: &History) -> Option<PerTask> {
    let figures = |interval: &Interval| {
        let busy = interval.running? * interval.cpu? / 100.0;
        Some((interval.cpu?, interval.rate, busy)).filter(|_| 0.0 < busy && 0.0 < interval.rate)
    };
    let mut seen: Vec<(f64, f64, f64)> = history.intervals.iter().filter_map(figures).collect();
    seen.sort_by(|a, b| b.0.total_cmp(&a.0));
    seen.truncate(seen.len().div_ceil(2));
    let busier: Vec<(f64, f64)> = seen.into_iter().map(|(_, done, busy)| (done, busy)).collect();
    ratio(&busier).map(|rate| PerTask { rate, learned: Learned::Utilisation { intervals: busier.len() } })
}

fn ratio(seen: &[(f64, f64)]) -> Option<f64> {
    let (done, tasks) = seen.iter().fold((0.0, 0.0), |(done, tasks), next| (done + next.0, tasks + next.1));
    let rate: f64 = done / tasks;
    (TOO_FEW <= seen.len() && rate.is_finite() && 0.0 < rate).then_some(rate)
}

impl Learned {
    /// In words, to follow a figure.
    pub fn told(self) -> String {
        match self {
            Self::Given => "as given by --per-task".to_owned(),
            Self::ByDefinition => "the load is counted in busy tasks".to_owned(),
            Self::Utilisation { intervals } => format!(
                "learned from the {intervals} busier intervals: requests / (running tasks x CPU utilisation)"
            ),
            Self::Backlog { intervals } => {
                format!("learned from {intervals} intervals with a backlog: messages deleted / running tasks")
            }
            Self::MostSeen { intervals } => format!(
                "the most that a running task deleted, but for 5 % of {intervals} intervals; it may be able to do more: give \
                 your own with --per-task"
            ),
            Self::Assumed => {
                "assumed: the history does not tell it; give your own with --per-task".to_owned()
            }
        }
    }
}
