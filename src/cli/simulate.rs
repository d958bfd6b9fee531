//! `trimtab simulate` and `trimtab demo`: the real controller against the embedded cloud.

use std::path::Path;
use std::time::Duration;

use anstyle::AnsiColor;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde::Serialize;

use super::check;
use super::error::CliError;
use super::screen::{Screen, bold, coloured, say};
use super::table::{Column, table};
use super::{DemoArgs, SimulateArgs, TraceKind};
use crate::model::ScalableTarget;
use crate::model::policy::PolicyKind;
use crate::sim::Seconds;
use crate::sim::chart::chart;
use crate::sim::comparison::{self, Comparison, Tried, compare, timelines};
use crate::sim::comparison_page::{ComparisonReport, comparison_page};
use crate::sim::demo::{DemoOutcome, demo};
use crate::sim::load::Trace;
use crate::sim::page::{Report, page};
use crate::sim::peers::Peer;
use crate::sim::picture::picture;
use crate::sim::score::{Score, saved_percent};
use crate::sim::service::TaskSize;
use crate::sim::simulate::{InvalidSimulation, Simulated, Simulation, Work, simulate};
use crate::sim::tasks::StartTime;
use crate::sim::trial::{Outcome, Trial};

/// The moments that the demo tells in the terminal; the page tells all.
const MOMENTS_TOLD: usize = 8;
/// The first moment of a simulation: a Thursday, midnight UTC.
const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// Runs the demo, draws it, and writes its page.
pub(super) fn run_demo(args: &DemoArgs, screen: &mut Screen) -> Result<(), CliError> {
    let outcome = demo(args.seed);
    if let Some(path) = &args.picture {
        write_file(path, &picture(&outcome))?;
    }
    write_file(&args.report, &page(&Report::from(&outcome)))?;
    if screen.json {
        return screen.write_json(&outcome);
    }
    let colour = screen.has_colour();
    for timeline in &outcome.timelines {
        screen.write(&format!("{}\n", chart(timeline, args.width.into(), colour)))?;
    }
    screen.write(&moments(&outcome))?;
    screen.write(&format!("\n{}", scores(&outcome.scores)))?;
    let saved = saved_percent(outcome.cost(), outcome.static_cost());
    screen.write(&format!(
        "\nThe day cost {saved:.0} % less than the constant counts that keep the same promises.\n"
    ))?;
    for error in &outcome.errors {
        say(&format!("{} {}", coloured("error:", AnsiColor::Red), error.what.error));
    }
    say(&format!("The page with the plots: {}", args.report.display()));
    Ok(())
}

/// Simulates one service of a policy file on a load trace.
pub(super) fn run_simulate(args: &SimulateArgs, screen: &mut Screen) -> Result<(), CliError> {
    let policy = check::read(&args.policy)?;
    let place = args.policy.display().to_string();
    let target = check::only_target(&place, &policy, args.service.as_ref())?;
    let name = trace_name(&args.trace);
    let trace = read_trace(&name, &args.trace)?;
    let work = match args.kind.unwrap_or_else(|| kind_of(&target)) {
        TraceKind::Http => Work::HTTP,
        TraceKind::Queue => Work::QUEUE,
    };
    let simulation = Simulation {
        policy,
        place,
        target,
        trace,
        days: args.days.map(|days| positive("--days", days)).transpose()?,
        tasks: args.tasks.map(|tasks| positive("--tasks", tasks)).transpose()?,
        work,
        start: START,
        seed: args.seed,
        tick_s: 60,
        task_start: args.start,
        size: TaskSize::default(),
    };
    let no = |error: InvalidSimulation| CliError::no(error.to_string());
    let progress = spinner(format!("Simulating {} on {}", simulation.target.service, args.trace.display()));
    let simulated = simulate(&simulation).map_err(no)?;
    progress.finish_and_clear();
    let mut comparison = None;
    if !args.compare.is_empty() || args.report.is_some() {
        let trial = simulation.trial().map_err(no)?;
        let peers = peers(&args.compare, &trial);
        let progress = bar(comparison::runs(&trial, &peers), "Comparing");
        let found = compare(&trial, &simulation.target, &peers, &|| progress.inc(1));
        progress.finish_and_clear();
        if let Some(path) = &args.report {
            write_file(path, &report(&name, &simulation, &simulated, &trial, &found))?;
        }
        comparison = Some(found).filter(|_| !args.compare.is_empty());
    }
    if screen.json {
        return screen.write_json(&WithComparison { simulated: &simulated, comparison });
    }
    tell(&simulated, args, screen)?;
    if let Some(comparison) = &comparison {
        screen.write(&format!("\n{}\n{HINDSIGHT}\n", compared(comparison)))?;
    }
    if let Some(path) = &args.report {
        say(&format!("The page with the plots: {}", path.display()));
    }
    Ok(())
}

const HINDSIGHT: &str = "\
Of each peer: the cheapest setting that keeps the promise on this very load, or the one that breaks it least. That is
hindsight; trimtab is given none. The bound is what a scaler that knew the load beforehand would have to pay at least.";

/// A simulation's data, with the comparison where one was asked for.
#[derive(Serialize)]
struct WithComparison<'a> {
    #[serde(flatten)]
    simulated: &'a Simulated,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Comparison>,
}

/// A number of an option that must be above zero.
pub(super) fn positive(option: &str, number: f64) -> Result<f64, CliError> {
    if 0.0 < number && number.is_finite() {
        return Ok(number);
    }
    Err(CliError::usage(format!("{option} must be above 0, not {number}")))
}

/// The peers that are asked for. One that was named and cannot steer such a service is told.
pub(super) fn peers(names: &[String], trial: &Trial) -> Vec<Peer> {
    let named = |peer: Peer| names.iter().any(|name| name == peer.name());
    let is_all = names.iter().any(|name| name == "all");
    for peer in Peer::ALL.into_iter().filter(|peer| named(*peer) && !peer.suits(trial)) {
        say(&format!("{} cannot steer this service on this load and is left out", peer.title()));
    }
    Peer::ALL.into_iter().filter(|peer| is_all || named(*peer)).collect()
}

/// The page of a comparison.
fn report(
    trace: &str,
    simulation: &Simulation,
    simulated: &Simulated,
    trial: &Trial,
    comparison: &Comparison,
) -> String {
    let StartTime { median_s, p95_s } = simulation.task_start;
    let before = match trial.spec().history.len() / 1440 {
        0 => String::new(),
        days => format!(", after {days} days that the forecast may use"),
    };
    let lead = format!(
        "{} of the load{before}. A task takes {median_s} s to start at the median and {p95_s} s at the 95th \
         percentile. CloudWatch shows a minute 60 s after its end; trimtab looks once a minute.",
        lasting(trial.duration_s())
    );
    comparison_page(&ComparisonReport {
        trace,
        lead: &lead,
        comparison,
        timelines: &timelines(trial, &simulation.target, comparison),
        score: &simulated.score,
        policy: &simulation.policy,
        seed: simulation.seed,
    })
}

/// A time in words.
fn lasting(seconds: Seconds) -> String {
    const HOUR_S: Seconds = 3600;
    const DAY_S: Seconds = 24 * HOUR_S;
    let (unit, word) = if seconds < 2 * DAY_S { (HOUR_S, "hours") } else { (DAY_S, "days") };
    let count = format!("{:.1}", f64::from(seconds) / f64::from(unit));
    format!("{} {word}", count.trim_end_matches(".0"))
}

/// A comparison as a table.
fn compared(comparison: &Comparison) -> String {
    let columns = [
        Column::Text("SCALER"),
        Column::Text("SETTING"),
        Column::Text("PROMISE"),
        Column::Number("LATE"),
        Column::Number("TASK-HOURS"),
        Column::Number("COST"),
        Column::Number("OVER BOUND"),
        Column::Number("CHANGES"),
    ];
    let row = |name: &str, setting: &str, outcome: &Outcome| {
        let over = comparison.over_bound(outcome.cost);
        vec![
            name.to_owned(),
            setting.to_owned(),
            if outcome.kept() { "kept" } else { "broken" }.to_owned(),
            format!("{:.3} %", outcome.late_percent()),
            format!("{:.1}", outcome.cost.task_hours),
            format!("${:.2}", outcome.cost.usd),
            over.map_or_else(|| "-".to_owned(), |over| format!("{over:.2}")),
            outcome.actions.to_string(),
        ]
    };
    let ours = row("trimtab", "", &comparison.trimtab);
    let best = |tried: &Tried| tried.best().map(|best| row(tried.peer.title(), &best.name, &best.outcome));
    let bound = comparison.bound.map(|bound| {
        let mut row = vec![String::new(); columns.len()];
        let cells = [
            (0, "bound".to_owned()),
            (4, format!("{:.1}", bound.task_hours)),
            (5, format!("${:.2}", bound.usd)),
            (6, "1.00".to_owned()),
        ];
        for (place, text) in cells {
            if let Some(cell) = row.get_mut(place) {
                *cell = text;
            }
        }
        row
    });
    table(&columns, std::iter::once(ours).chain(comparison.peers.iter().filter_map(best)).chain(bound))
}

/// A load's name: that of its file.
pub(super) fn trace_name(path: &Path) -> String {
    path.file_stem().map_or_else(|| "trace".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Reads a load.
pub(super) fn read_trace(name: &str, path: &Path) -> Result<Trace, CliError> {
    Trace::parse(name, &check::read(path)?)
        .map_err(|error| CliError::no(format!("{}: {error}", path.display())))
}

/// Tells on a terminal's standard error that something is under way; a long trace takes many seconds.
fn spinner(message: String) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(message);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

/// Shows on a terminal's standard error how many of so many runs are done.
pub(super) fn bar(runs: usize, message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(runs).unwrap_or(u64::MAX)).with_message(message);
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos} of {len}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn tell(simulated: &Simulated, args: &SimulateArgs, screen: &mut Screen) -> Result<(), CliError> {
    let colour = screen.has_colour();
    screen.write(&chart(&simulated.timeline, args.width.into(), colour))?;
    screen.write(&format!("\n{}", scores(std::slice::from_ref(&simulated.score))))?;
    for error in &simulated.errors {
        say(&format!("{} {}", coloured("error:", AnsiColor::Red), error.what.error));
    }
    Ok(())
}

fn kind_of(target: &ScalableTarget) -> TraceKind {
    let is_queue = |kind: &PolicyKind| matches!(kind, PolicyKind::Queue(_));
    if target.policies.iter().any(|policy| is_queue(&policy.kind)) {
        TraceKind::Queue
    } else {
        TraceKind::Http
    }
}

fn moments(outcome: &DemoOutcome) -> String {
    let told = outcome.moments.iter().take(MOMENTS_TOLD).map(|moment| {
        let service = bold(&moment.service.to_string());
        let (hour, minute) = (moment.t / 3600, moment.t % 3600 / 60);
        let change = format!("{} -> {}", moment.from, moment.to);
        let reasons = moment.reasons.join("\n      ");
        format!("{hour:02}:{minute:02} {service} {change}  {}\n      {reasons}\n", moment.title)
    });
    told.collect()
}

fn scores(scores: &[Score]) -> String {
    let columns = [
        Column::Text("SERVICE"),
        Column::Text("PROMISE"),
        Column::Number("KEPT"),
        Column::Number("CHANGES"),
        Column::Number("TASK-HOURS"),
        Column::Number("COST"),
        Column::Number("CONSTANT"),
        Column::Number("ITS COST"),
    ];
    let rows = scores.iter().map(|score| {
        let promise = score.promise.as_ref();
        vec![
            score.service.to_string(),
            promise.map_or_else(|| "-".to_owned(), |promise| promise.text.clone()),
            promise.map_or_else(|| "-".to_owned(), |promise| format!("{:.2} %", promise.kept_percent)),
            score.actions.to_string(),
            format!("{:.1}", score.cost.task_hours),
            format!("${:.2}", score.cost.usd),
            score.static_tasks.to_string(),
            format!("${:.2}", score.static_cost.usd),
        ]
    });
    table(&columns, rows)
}

pub(super) fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text)
        .map_err(|error| CliError::world(format!("the file {} cannot be written: {error}", path.display())))
}
