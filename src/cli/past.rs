//! A service's past for `backtest` and `tune`: from a file, or from CloudWatch by way of a file that keeps it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::error::CliError;
use super::simulate::{bar, positive, write_file};
use super::{PastArgs, check, cloud};
use crate::control::ports::Clock;
use crate::history::{
    Assumptions, CannotReplay, DAYS_KEPT, Figure, History, LoadUnit, MetricHistory, PerTask, Replay, Sources,
    Tried, read,
};
use crate::model::ScalableTarget;
use crate::sim::service::TaskSize;
use crate::sim::tasks::StartTime;

/// The newest minutes are left out: CloudWatch may still change them.
const NEWEST: SignedDuration = SignedDuration::from_mins(5);

/// The past that the arguments name.
pub(super) async fn past(
    args: &PastArgs,
    target: &ScalableTarget,
    clock: &dyn Clock,
) -> Result<History, CliError> {
    let history = match &args.from_csv {
        Some(path) => from_csv(path, target)?,
        None => from_cloudwatch(args, target, clock.now()).await?,
    };
    if history.intervals.iter().all(|interval| interval.rate <= 0.0) {
        let message = format!("there was no load on {} in all of its history", target.service);
        return Err(CliError::no(message).with_hint(match args.from_csv {
            Some(_) => "the column rate must have figures above 0",
            None => "is this the account and the region, and are the names of load balancer and queue right?",
        }));
    }
    Ok(history.from_first_sign())
}

fn from_csv(path: &Path, target: &ScalableTarget) -> Result<History, CliError> {
    let name = path.display().to_string();
    let history =
        History::parse(&name, &check::read(path)?).map_err(|error| CliError::no(error.to_string()))?;
    match &history.service {
        Some(service) if *service != target.service => {
            Err(CliError::no(format!("{name} is the history of {service}, not of {}", target.service)))
        }
        _ => Ok(history),
    }
}

async fn from_cloudwatch(
    args: &PastArgs,
    target: &ScalableTarget,
    now: Timestamp,
) -> Result<History, CliError> {
    let sources = Sources::of(target);
    let path = cache(&args.cache, target);
    let (start, end) = range(args, now)?;
    let mut history = if path.exists() {
        let kept = from_csv(&path, target)?;
        if kept.unit != Some(sources.unit) {
            let (kept, asked) = (kept.unit.map_or("another load", LoadUnit::name), sources.unit.name());
            let message = format!("{} has the history of {kept}, not of {asked}", path.display());
            return Err(CliError::no(message).with_hint("remove it, or name another place with --cache"));
        }
        kept
    } else {
        History::empty(target.service.clone(), sources.unit)
    };
    let missing = history.missing(start, end);
    let too_old = |part: &std::ops::Range<Timestamp>| {
        part.start < after(now, SignedDuration::from_hours(-24 * i64::from(DAYS_KEPT)))
    };
    if missing.iter().any(too_old) {
        let message = format!("CloudWatch keeps points of one minute for {DAYS_KEPT} days only");
        return Err(CliError::no(message).with_hint("ask for fewer --days, or for a later --until"));
    }
    if !missing.is_empty() {
        let api = cloud().await.cloudwatch();
        read_parts(&mut history, &api, &sources, missing, &path).await?;
    }
    Ok(history.between(start, end))
}

async fn read_parts(
    history: &mut History,
    source: &dyn MetricHistory,
    sources: &Sources,
    missing: Vec<std::ops::Range<Timestamp>>,
    path: &Path,
) -> Result<(), CliError> {
    let progress = bar(missing.len(), "Reading the history");
    for part in missing {
        progress.set_message(format!("Reading {}", part.start.strftime("%a %-d %b")));
        if let Err(error) = read(history, source, sources, part).await {
            progress.finish_and_clear();
            let hint = format!("what was read is in {}; the same command goes on from there", path.display());
            return Err(CliError::from(error).with_hint(hint));
        }
        if 1 < history.intervals.len() {
            replace(path, &history.to_csv())?; // a single minute is no history that could be read back
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(())
}

/// Writes a file so that, whenever it is interrupted, the old one or the new one is there as a whole.
fn replace(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        CliError::world(format!("the file {} cannot be written: {error}", path.display()))
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let partial = path.with_extension("partial");
    write_file(&partial, text)?;
    fs::rename(&partial, path).map_err(failed)
}

fn cache(place: &Path, target: &ScalableTarget) -> PathBuf {
    if place.extension().is_some_and(|extension| extension == "csv") {
        return place.to_owned();
    }
    place.join(target.service.cluster()).join(format!("{}.csv", target.service.service()))
}

/// Whole minutes, without the newest ones.
fn range(args: &PastArgs, now: Timestamp) -> Result<(Timestamp, Timestamp), CliError> {
    let newest = after(now, -NEWEST);
    let end = args.until.map_or(newest, |until| until.min(newest));
    let end = after(end, SignedDuration::from_secs(-end.as_second().rem_euclid(60)));
    let end = Timestamp::from_second(end.as_second()).map_err(|error| CliError::no(error.to_string()))?;
    Ok((after(end, SignedDuration::from_hours(-24 * i64::from(args.days))), end))
}

fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(time)
}

/// The past, made ready to try targets on.
pub(super) fn replay(
    args: &PastArgs,
    history: &History,
    targets: &[&ScalableTarget],
    promise_percent: Option<f64>,
) -> Result<Replay, CliError> {
    if promise_percent.is_some_and(|percent| !(0.0 < percent && percent < 100.0)) {
        return Err(CliError::usage("--promise must be above 0 and below 100"));
    }
    let size = TaskSize {
        vcpu: positive("--vcpu", args.vcpu)?,
        memory_gb: positive("--memory-gb", args.memory_gb)?,
        ..TaskSize::default()
    };
    let assumptions = Assumptions {
        per_task: args.per_task.map(|rate| positive("--per-task", rate)).transpose()?,
        promise_percent,
        task_start: args.start,
        size,
        latency_s: args.latency.map(|latency| latency.as_secs_f64()),
        start_within_s: args.start_within.and_then(|within| u32::try_from(within.as_secs()).ok()),
    };
    Replay::new(history, targets, assumptions).ok_or_else(|| CliError::usage("there is no policy to try"))
}

impl From<CannotReplay> for CliError {
    fn from(error: CannotReplay) -> Self {
        Self::no(error.to_string())
    }
}

/// What was replayed, and what was assumed for it.
#[derive(Serialize)]
pub(super) struct Basis {
    service: String,
    from: Option<Timestamp>,
    days: f64,
    unit: LoadUnit,
    mean_rate: f64,
    peak_rate: f64,
    per_task: PerTask,
    per_task_from: String,
    assumed: Vec<String>,
    pub(super) seeds: u64,
}

impl Basis {
    pub(super) fn of(args: &PastArgs, history: &History, replay: &Replay, target: &ScalableTarget) -> Self {
        let seconds = history.duration_s();
        let arrived: f64 = history.timed().map(|(interval, seconds)| interval.rate * seconds).sum();
        Self {
            service: target.service.to_string(),
            from: history.start(),
            days: seconds / 86_400.0,
            unit: replay.unit(),
            mean_rate: if 0.0 < seconds { arrived / seconds } else { 0.0 },
            peak_rate: history.intervals.iter().map(|interval| interval.rate).fold(0.0, f64::max),
            per_task: replay.per_task(),
            per_task_from: replay.per_task().learned.told(),
            assumed: assumed(args, replay, target),
            seeds: args.seeds,
        }
    }

    pub(super) fn told(&self) -> String {
        let from = self.from.map(|from| format!(" from {}", from.strftime("%Y-%m-%d %H:%M UTC")));
        let mut text = format!("{}: {:.1} days{}", self.service, self.days, from.unwrap_or_default());
        let (mean, peak) = (figure(self.mean_rate), figure(self.peak_rate));
        let per_task = figure(self.per_task.rate);
        // Writing to a string cannot fail.
        let _ = match self.unit {
            LoadUnit::Work => writeln!(text, ", {mean} busy tasks, {peak} at most"),
            LoadUnit::Requests | LoadUnit::Messages => {
                let unit = self.unit.name();
                writeln!(
                    text,
                    ", {mean} {unit} a second, {peak} at most\nA task takes {per_task} a second ({})",
                    self.per_task_from
                )
            }
        };
        text
    }

    pub(super) fn told_assumptions(&self) -> String {
        let lines: Vec<String> = self.assumed.iter().map(|line| format!("  {line}\n")).collect();
        format!("Assumed:\n{}", lines.concat())
    }
}

/// A figure with three digits, or all before its point.
fn figure(value: f64) -> String {
    if 100.0 <= value { format!("{value:.0}") } else { format!("{}", (value * 100.0).round() / 100.0) }
}

fn assumed(args: &PastArgs, replay: &Replay, target: &ScalableTarget) -> Vec<String> {
    let StartTime { median_s, p95_s } = args.start;
    let load = match replay.unit() {
        LoadUnit::Work => {
            "the load is what was served (running tasks x CPU utilisation): overloaded tasks hide how much more there was"
        }
        LoadUnit::Requests => "every request costs the same, and a task takes no more whatever it waits for",
        LoadUnit::Messages => "every message costs the same, and none comes back",
    };
    let waiting = match replay.unit() {
        LoadUnit::Work => {
            "work comes as requests of 200 ms, 4 at once a task; they are late for want of tasks only, by queueing theory"
        }
        LoadUnit::Requests => {
            "requests are late for want of tasks only, by queueing theory, not for other causes"
        }
        LoadUnit::Messages => "messages wait for a free task only",
    };
    let mut assumed = vec![
        load.to_owned(),
        waiting.to_owned(),
        format!(
            "half of the tasks take load within {median_s} s of being asked for, 95 of 100 within {p95_s} s"
        ),
        "CloudWatch shows a minute 60 s after its end; nothing is deployed and no call fails".to_owned(),
        format!("a task has {} vCPU and {} GB, at Fargate's price in us-east-1", args.vcpu, args.memory_gb),
    ];
    if target.predictive.is_some() {
        assumed
            .push("nothing is known from before the history, so a forecast begins with nothing".to_owned());
    }
    assumed
}

/// What came of a policy, over the seeds.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) kept_percent: Figure,
    pub(super) task_hours: Figure,
    pub(super) usd: Figure,
    pub(super) actions: Figure,
    pub(super) peak_tasks: Figure,
}

impl Row {
    pub(super) fn of(tried: &Tried) -> Self {
        Self {
            kept_percent: tried.kept_percent(),
            task_hours: tried.task_hours(),
            usd: tried.usd(),
            actions: tried.actions(),
            peak_tasks: tried.peak_tasks(),
        }
    }
}
