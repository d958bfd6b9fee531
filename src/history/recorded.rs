//! What really happened: the counts that ran, as a scaler of a trial, and what was measured of them.

use serde::Serialize;

use super::{History, Interval};
use crate::model::TaskCount;
use crate::model::capacity::tasks_rounded_down;
use crate::sim::tasks::StartTime;
use crate::sim::{STEP_S, Scaler, Seconds, View};

/// The tasks that ran in each interval; none where the past does not tell them. ECS publishes nothing for a service
/// without tasks, and now and then it fails to publish: no service goes to zero and back within three intervals.
pub(super) fn counts(history: &History) -> Vec<TaskCount> {
    const SHORT_GAP: usize = 3;
    let nearest = |count: f64| tasks_rounded_down(count + 0.5);
    let mut counts: Vec<TaskCount> =
        history.intervals.iter().map(|interval| interval.running.map_or(0, nearest)).collect();
    let ran: Vec<usize> = (0..).zip(&counts).filter(|(_, count)| 0 < **count).map(|(at, _)| at).collect();
    for pair in ran.windows(2) {
        let &[before, after] = pair else { continue };
        let last = counts.get(before).copied().unwrap_or(0);
        if after - before <= SHORT_GAP + 1 {
            counts.iter_mut().take(after).skip(before + 1).for_each(|count| *count = last);
        }
    }
    if ran.is_empty() { Vec::new() } else { counts }
}

/// The counts that really ran, as a scaler that knew them.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    /// When each count began to run, in seconds, rising.
    counts: Vec<(Seconds, TaskCount)>,
    lead_s: Seconds,
}

impl Recorded {
    /// The counts of a past; none where it does not tell them.
    pub(super) fn of(history: &History, start: StartTime) -> Option<Self> {
        let counts = counts(history);
        let since = history.start()?;
        let seconds = |interval: &Interval| interval.start.duration_since(since).as_secs().max(0);
        let starts = history.intervals.iter().map(|interval| Seconds::try_from(seconds(interval)).ok());
        let counts: Vec<_> = starts.zip(counts).filter_map(|(start, count)| Some((start?, count))).collect();
        let lead_s = tasks_rounded_down(start.median_s + 0.5).max(STEP_S);
        (!counts.is_empty()).then_some(Self { counts, lead_s })
    }

    /// Every task takes as long as half of them do, so that the counts are what they were.
    pub(super) fn start_time(&self) -> StartTime {
        let lead_s = f64::from(self.lead_s);
        StartTime { median_s: lead_s, p95_s: lead_s }
    }
}

impl Scaler for Recorded {
    fn look_every(&self) -> Seconds {
        STEP_S
    }

    /// A rise is asked for ahead of its time, a fall when it is due.
    fn look(&mut self, view: &View<'_>) -> Option<TaskCount> {
        let begun = |by: Seconds| self.counts.partition_point(|(start, _)| *start <= by);
        let (now, soon) = (begun(view.now()), begun(view.now().saturating_add(self.lead_s)));
        self.counts.get(now.saturating_sub(1)..soon)?.iter().map(|(_, count)| *count).max()
    }
}

/// What was measured of a past, where it is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Hours of running tasks.
    pub task_hours: f64,
    /// How often the count of running tasks changed.
    pub changes: usize,
    /// Requests that stayed within the promised latency, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_percent: Option<f64>,
    /// The greatest age of a message that waited, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_age_s: Option<f64>,
}

impl Measured {
    /// What was measured of a past; none where it does not tell the tasks that ran.
    pub fn of(history: &History) -> Option<Self> {
        let counts = counts(history);
        if counts.is_empty() {
            return None;
        }
        let task_seconds: f64 =
            history.timed().zip(&counts).map(|((_, seconds), count)| seconds * f64::from(*count)).sum();
        let of_requests = history.timed().filter_map(|(interval, seconds)| {
            Some((interval.rate * seconds, interval.rate * seconds * interval.within?))
        });
        let (requests, within) =
            of_requests.fold((0.0, 0.0), |(all, within), next| (all + next.0, within + next.1));
        Some(Self {
            task_hours: task_seconds / 3600.0,
            changes: counts.windows(2).filter(|pair| pair.first() != pair.last()).count(),
            within_percent: (0.0 < requests).then_some(within / requests),
            worst_age_s: history
                .intervals
                .iter()
                .filter_map(|interval| interval.oldest_age_s)
                .reduce(f64::max),
        })
    }
}
