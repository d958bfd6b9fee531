//! A contest over many loads: trimtab, under one policy for all of them, beside its peers, each at the setting that is best for
//! the very case.

use jiff::Timestamp;
use serde::Serialize;

use super::Seconds;
use super::comparison::{Comparison, compare, runs};
use super::load::Trace;
use super::peers::Peer;
use super::service::TaskSize;
use super::simulate::{Capability, InvalidSimulation, Simulation, Work};
use super::tasks::StartTime;
use super::trial::Trial;
use crate::config::PolicyFile;
use crate::model::capacity::tasks_rounded_up;
use crate::model::{Capacity, ScalableTarget, ServiceId};

/// The policy file that trimtab has in every case.
pub const POLICY: &str = include_str!("contest.yaml");

/// A load whose peak is more than this many times its mean is a batch, meant for a queue.
const SPIKY: f64 = 20.0;

/// A load, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTrace {
    /// The name.
    pub name: String,
    /// The load.
    pub trace: Trace,
}

/// How a contest is held.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The days of each load that are lived through.
    pub days: f64,
    /// The sizes of the service: the tasks that the load's mean keeps busy.
    pub sizes: Vec<f64>,
    /// How long tasks take to start.
    pub start: StartTime,
    /// Where all random numbers come from.
    pub seed: u64,
}

/// What a load is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Requests.
    Http,
    /// Messages.
    Queue,
}

/// One case of a contest, ready to be run.
#[derive(Clone, Debug)]
pub struct Case {
    name: String,
    kind: Kind,
    size: f64,
    per_task: f64,
    trial: Trial,
    target: ScalableTarget,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseResult {
    /// The load's name.
    pub trace: String,
    /// What the load was of.
    pub kind: Kind,
    /// The tasks that its mean keeps busy.
    pub size: f64,
    /// Requests or messages a second that a task takes.
    pub per_task: f64,
    /// The days that were lived through.
    pub days: f64,
    /// The whole days before them that scalers knew.
    pub days_before: usize,
    /// What came of every scaler.
    pub comparison: Comparison,
}

/// The cases of a contest, by kind, load and size.
///
/// # Errors
/// [`InvalidSimulation`] where a load cannot be simulated.
pub fn cases(traces: &[NamedTrace], rules: &Rules) -> Result<Vec<Case>, InvalidSimulation> {
    let mut cases = Vec::new();
    for kind in [Kind::Http, Kind::Queue] {
        for NamedTrace { name, trace } in traces {
            let (_, lived) = trace.split(rules.days);
            if kind == Kind::Http && SPIKY * lived.mean() < lived.peak() {
                continue;
            }
            for size in &rules.sizes {
                cases.push(case(name, trace, kind, *size, rules)?);
            }
        }
    }
    Ok(cases)
}

fn case(name: &str, trace: &Trace, kind: Kind, size: f64, rules: &Rules) -> Result<Case, InvalidSimulation> {
    let mut target = target(kind).ok_or(InvalidSimulation::Capability)?;
    let (_, lived) = trace.split(rules.days);
    let peak = size * lived.peak() / lived.mean();
    // Twice the tasks that the peak keeps busy: nobody needs more, and a scaler's slip costs no more than that.
    let most = tasks_rounded_up(if peak.is_finite() { 2.0 * peak } else { 0.0 }).max(4);
    target.capacity = Capacity::new(target.capacity.min(), most).unwrap_or(target.capacity);
    let simulation = Simulation {
        policy: POLICY.to_owned(),
        place: "contest.yaml".to_owned(),
        target: target.clone(),
        trace: trace.clone(),
        days: Some(rules.days),
        tasks: Some(size),
        work: work(name, kind),
        start: START,
        seed: rules.seed,
        tick_s: 60,
        task_start: rules.start,
        size: TaskSize::default(),
    };
    let per_task = simulation.work.capability().per_second();
    Ok(Case { name: name.to_owned(), kind, size, per_task, trial: simulation.trial()?, target })
}

/// What a task does with a load: requests are the same everywhere, messages take 4 s, 500 ms or 50 ms, by the load's name. So
/// no number of messages a task suits all queues.
fn work(name: &str, kind: Kind) -> Work {
    const SERVICE_TIMES_S: [f64; 3] = [4.0, 0.5, 0.05];
    match kind {
        Kind::Http => Work::HTTP,
        Kind::Queue => {
            let place = name.bytes().fold(0, |sum, byte| sum + usize::from(byte)) % SERVICE_TIMES_S.len();
            let service_time_s = SERVICE_TIMES_S.get(place).copied().unwrap_or(0.5);
            Work::Queue(Capability { concurrency: 1, service_time_s })
        }
    }
}

/// Thursday, 1 January 2026, midnight UTC.
const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// What the policy file says of a kind; it says something of both.
fn target(kind: Kind) -> Option<ScalableTarget> {
    let name = match kind {
        Kind::Http => "http",
        Kind::Queue => "queue",
    };
    let service = ServiceId::new("contest", name);
    let file = PolicyFile::parse("contest.yaml", POLICY).ok()?;
    let entry = file.entries.into_iter().find(|entry| entry.selects(&service))?;
    Some(entry.target_for(&service))
}

impl Case {
    /// The service under its load.
    pub fn trial(&self) -> &Trial {
        &self.trial
    }

    /// What trimtab's policy says of it.
    pub fn target(&self) -> &ScalableTarget {
        &self.target
    }

    /// How many runs it takes.
    pub fn runs(&self) -> usize {
        runs(&self.trial, &Peer::ALL)
    }

    /// Runs it, on all cores. `done` is told of each run.
    pub fn run(&self, done: &(impl Fn() + Sync)) -> CaseResult {
        const DAY_S: Seconds = 86_400;
        CaseResult {
            trace: self.name.clone(),
            kind: self.kind,
            size: self.size,
            per_task: self.per_task,
            days: f64::from(self.trial.duration_s()) / f64::from(DAY_S),
            days_before: self.trial.spec().history.len() / 1440,
            comparison: compare(&self.trial, &self.target, &Peer::ALL, done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(name: &str, peak: f64) -> NamedTrace {
        let hours: String = (0..36).fold("t,rate\n".to_owned(), |text, hour| {
            format!("{text}{},{}\n", hour * 3600, if hour == 12 { peak } else { 1.0 })
        });
        NamedTrace { name: name.to_owned(), trace: Trace::parse(name, &hours).unwrap() }
    }

    #[test]
    fn a_batch_is_for_queues_only_and_each_load_comes_in_each_size() {
        let traces = [trace("calm", 4.0), trace("batch", 500.0)];
        let start = StartTime::default();
        let rules = Rules { days: 1.0, sizes: vec![2.0, 8.0], start, seed: 1 };
        let cases = cases(&traces, &rules).unwrap();
        let named: Vec<(&str, Kind, f64)> =
            cases.iter().map(|case| (case.name.as_str(), case.kind, case.size)).collect();
        let queue = Kind::Queue;
        let expected = [
            ("calm", Kind::Http, 2.0),
            ("calm", Kind::Http, 8.0),
            ("calm", queue, 2.0),
            ("calm", queue, 8.0),
            ("batch", queue, 2.0),
            ("batch", queue, 8.0),
        ];
        assert_eq!(named, expected);
    }
}
