//! `trimtab backtest`: a service's own past, as it was and as policies would have made it.

use std::path::Path;

use serde::Serialize;

use super::error::CliError;
use super::past::{Basis, Row, past, replay};
use super::screen::{Screen, say};
use super::simulate::{bar, peers};
use super::table::{Column, table};
use super::{BacktestArgs, check};
use crate::control::ports::Clock;
use crate::history::{Measured, Tried, saved_percent};
use crate::model::ScalableTarget;
use crate::sim::comparison;
use crate::sim::peers::Peer;
use crate::sim::score::Cost;
use crate::sim::{Outcome, Trial};

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    basis: Basis,
    promise: Option<String>,
    happened: Option<Happened>,
    policies: Vec<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<Peers>,
}

/// What really happened: as it was measured, and as it is in the replay, which the policies are compared with.
#[derive(Serialize)]
struct Happened {
    measured: Measured,
    #[serde(flatten)]
    row: Row,
}

#[derive(Serialize)]
struct Policy {
    name: String,
    #[serde(flatten)]
    row: Row,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
}

/// What came of others' scalers with the first seed.
#[derive(Serialize)]
struct Peers {
    /// What who knows the load beforehand pays at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<Cost>,
    /// Each at the cheapest of its settings that keeps the promise, or else the one that breaks it least.
    best: Vec<Best>,
}

#[derive(Serialize)]
struct Best {
    peer: Peer,
    name: String,
    #[serde(flatten)]
    outcome: Outcome,
}

/// Reads the past and replays it.
pub(super) async fn run(args: &BacktestArgs, clock: &dyn Clock, screen: &mut Screen) -> Result<(), CliError> {
    let (name, today) = named(&args.policy, args)?;
    let mut targets = vec![(name, today)];
    for path in &args.against {
        let service = targets.first().map(|(_, today)| today.service.clone());
        let place = path.display().to_string();
        targets.push((place.clone(), check::only_target(&place, &check::read(path)?, service.as_ref())?));
    }
    let all: Vec<&ScalableTarget> = targets.iter().map(|(_, target)| target).collect();
    let Some(today) = all.first() else { return Ok(()) };
    let history = past(&args.past, today, clock).await?;
    let replay = replay(&args.past, &history, &all, args.promise)?;
    let basis = Basis::of(&args.past, &history, &replay, today);

    let seeds: Vec<u64> = (1..=args.past.seeds).collect();
    let mut replayable = Vec::new();
    for target in &all {
        replayable.push(replay.replayable(target)?);
    }
    let part = replay.part(None, &history, &seeds)?;
    let progress = bar(seeds.len() * all.len(), "Replaying");
    let only: Vec<ScalableTarget> = replayable.iter().map(|replayable| replayable.target.clone()).collect();
    let tried = part.try_all(&only, &|| progress.inc(1));
    let happened = replay.happened(&history, &seeds)?;
    progress.finish_and_clear();
    let others = match (args.compare.is_empty(), part.trials().first(), only.first(), seeds.first()) {
        (false, Some(trial), Some(target), Some(seed)) => Some(compared(args, trial, target, *seed)),
        _ => None,
    };
    let names = targets.iter().map(|(name, _)| name.clone());
    let policies = names.zip(&replayable).zip(&tried).map(|((name, replayable), tried)| Policy {
        name,
        row: Row::of(tried),
        left_out: replayable.left_out.clone(),
    });
    let report = Report {
        basis,
        promise: tried.first().and_then(Tried::promise).map(str::to_owned),
        happened: happened
            .as_ref()
            .zip(Measured::of(&history))
            .map(|(tried, measured)| Happened { measured, row: Row::of(tried) }),
        policies: policies.collect(),
        peers: others,
    };
    if screen.json {
        return screen.write_json(&report);
    }
    for policy in &report.policies {
        for left_out in &policy.left_out {
            say(&format!("warning: {}: {left_out}", policy.name));
        }
    }
    screen.write(&told(&report))?;
    screen.write(&savings(&report, happened.as_ref(), &tried))
}

/// Others' scalers within the bounds of today's target, on one of the trials.
fn compared(args: &BacktestArgs, trial: &Trial, target: &ScalableTarget, seed: u64) -> Peers {
    let (duration, start) = (trial.duration_s(), trial.timestamp(0));
    let trial = Trial::new(trial.spec().clone(), target.capacity, duration, start, seed);
    let peers = peers(&args.compare, &trial);
    let progress = bar(comparison::runs(&trial, &peers), "Comparing");
    let comparison = comparison::compare(&trial, target, &peers, &|| progress.inc(1));
    progress.finish_and_clear();
    let best = |tried: &comparison::Tried| {
        let best = tried.best()?;
        let name = format!("{}, {}", tried.peer.title(), best.name);
        Some(Best { peer: tried.peer, name, outcome: best.outcome.clone() })
    };
    Peers { bound: comparison.bound, best: comparison.peers.iter().filter_map(best).collect() }
}

fn named(path: &Path, args: &BacktestArgs) -> Result<(String, ScalableTarget), CliError> {
    let place = path.display().to_string();
    let target = check::only_target(&place, &check::read(path)?, args.past.service.as_ref())?;
    Ok((place, target))
}

fn told(report: &Report) -> String {
    let columns = [
        Column::Text("POLICY"),
        Column::Number("KEPT"),
        Column::Number("WORST SEED"),
        Column::Number("TASK-HOURS"),
        Column::Number("COST"),
        Column::Number("CHANGES"),
        Column::Number("PEAK"),
    ];
    let happened = report.happened.as_ref().map(|happened| cells("what happened", &happened.row));
    let policies = report.policies.iter().map(|policy| cells(&policy.name, &policy.row));
    let judged =
        report.promise.as_ref().map_or_else(String::new, |promise| format!("Judged by: {promise}\n"));
    let peers = report.peers.iter().flat_map(|peers| {
        let best =
            peers.best.iter().map(|best| cells(&best.name, &Row::of(&Tried::once(best.outcome.clone()))));
        best.chain(peers.bound.map(bound_cells))
    });
    let rows = table(&columns, happened.into_iter().chain(policies).chain(peers));
    let measured = report.happened.as_ref().map_or_else(
        || "What happened is not told: the history has no counts of running tasks.\n".to_owned(),
        |happened| measured(&happened.measured),
    );
    let (basis, assumptions) = (report.basis.told(), report.basis.told_assumptions());
    format!("{basis}{judged}\n{rows}\n{measured}{assumptions}")
}

fn cells(name: &str, row: &Row) -> Vec<String> {
    vec![
        name.to_owned(),
        format!("{:.3} %", row.kept_percent.mean),
        format!("{:.3} %", row.kept_percent.least),
        format!("{:.1}", row.task_hours.mean),
        format!("${:.2}", row.usd.mean),
        format!("{:.0}", row.actions.mean),
        format!("{:.0}", row.peak_tasks.most),
    ]
}

/// Who knows the load beforehand keeps the promise, and no more.
fn bound_cells(bound: Cost) -> Vec<String> {
    let none = || "-".to_owned();
    vec![
        "who knows the load beforehand".to_owned(),
        none(),
        none(),
        format!("{:.1}", bound.task_hours),
        format!("${:.2}", bound.usd),
        none(),
        none(),
    ]
}

fn measured(measured: &Measured) -> String {
    let within = measured.within_percent.map_or_else(String::new, |within| {
        format!(", {within:.3} % of requests within the policy's latency")
    });
    let age = measured
        .worst_age_s
        .map_or_else(String::new, |age| format!(", the oldest message waited {age:.0} s"));
    format!(
        "Measured: {:.1} task-hours of running tasks, {} changes{within}{age}. The row above replays these counts.\n",
        measured.task_hours, measured.changes
    )
}

/// What the first policy, and each other one, saves of what happened, or of the first.
fn savings(report: &Report, happened: Option<&Tried>, tried: &[Tried]) -> String {
    let (base, base_name) = match (happened, tried.first(), report.policies.first()) {
        (Some(happened), _, _) => (happened, "what happened"),
        (None, Some(first), Some(policy)) => (first, policy.name.as_str()),
        (None, _, _) => return String::new(),
    };
    let lines =
        report.policies.iter().zip(tried).filter(|(_, tried)| *tried != base).map(|(policy, tried)| {
            let saved = saved_percent(base, tried);
            let (amount, word) = if saved.mean < 0.0 { (-saved.mean, "more") } else { (saved.mean, "less") };
            format!("{} costs {amount:.1} % {word} than {base_name}.\n", policy.name)
        });
    lines.collect()
}
