//! `trimtab simulate` and `trimtab demo`: the real controller against the embedded cloud.

use std::time::Duration;

use anstyle::AnsiColor;
use indicatif::ProgressBar;
use jiff::Timestamp;

use super::check;
use super::error::CliError;
use super::files;
use super::screen::{Screen, bold, coloured, say};
use super::table::{Column, table};
use super::{DemoArgs, SimulateArgs, TraceKind};
use crate::model::ScalableTarget;
use crate::model::policy::PolicyKind;
use crate::sim::chart::chart;
use crate::sim::demo::{DemoOutcome, demo};
use crate::sim::load::Trace;
use crate::sim::page::{Report, page};
use crate::sim::picture::picture;
use crate::sim::score::{Score, saved_percent};
use crate::sim::service::TaskSize;
use crate::sim::simulate::{Simulated, Simulation, Work, simulate};
use crate::sim::tasks::StartTime;

/// The moments that the demo tells in the terminal; the page tells all.
const MOMENTS_TOLD: usize = 8;
/// The first moment of a simulation: a Thursday, midnight UTC.
const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// Runs the demo, draws it, and writes its page.
pub(super) fn run_demo(args: &DemoArgs, screen: &mut Screen) -> Result<(), CliError> {
    let outcome = demo(args.seed);
    if let Some(path) = &args.picture {
        files::write(path, &picture(&outcome))?;
    }
    files::write(&args.report, &page(&Report::from(&outcome)))?;
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
    let name = args.trace.file_stem().map_or_else(|| "trace".into(), |name| name.to_string_lossy());
    let trace = Trace::parse(&name, &check::read(&args.trace)?)
        .map_err(|error| CliError::no(format!("{}: {error}", args.trace.display())))?;
    let work = match args.kind.unwrap_or_else(|| kind_of(&target)) {
        TraceKind::Http => Work::HTTP,
        TraceKind::Queue => Work::QUEUE,
    };
    let simulation = Simulation {
        policy,
        place,
        target,
        trace,
        days: None,
        tasks: None,
        work,
        start: START,
        seed: args.seed,
        tick_s: 60,
        task_start: StartTime::default(),
        size: TaskSize::default(),
    };
    let progress = spinner(format!("Simulating {} on {}", simulation.target.service, args.trace.display()));
    let simulated = simulate(&simulation).map_err(|error| CliError::no(error.to_string()))?;
    progress.finish_and_clear();
    if screen.json {
        return screen.write_json(&simulated);
    }
    tell(&simulated, args, screen)
}

/// Tells on a terminal's standard error that something is under way; a long trace takes many seconds.
fn spinner(message: String) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(message);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
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
