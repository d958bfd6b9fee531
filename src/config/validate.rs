//! A service entry of the policy file as a scalable target, with the rules that bind its keys together.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::combine;
use super::document::{
    AasDoc, BehaviorDoc, CapacityDoc, DuringDeploymentDoc, MaxCapacityBreachDoc, ModeDoc,
    OnMissingMetricsDoc, PartialCapacityDoc, PredictiveDoc, PredictiveModeDoc, RateLimitDoc, RulesDoc,
    ScheduleDoc, SelectDoc, ServiceDoc, WindowDoc,
};
use super::entry::{CLUSTER, SERVICE, fill_text};
use super::path::Path;
use super::policies;
use super::report::Report;
use super::scalar::DurationDoc;
use super::steps;
use crate::model::capacity::MOST_TASKS;
use crate::model::duration::format_duration;
use crate::model::policy::{
    Behavior, MaxCapacityBreach, PolicyKind, Predictive, PredictiveMode, RateAmount, RateLimit,
    ScalingPolicy, ScalingRules, SelectPolicy,
};
use crate::model::schedule::{Calendar, InvalidSchedule, PartialCapacity, ScheduledAction, Window};
use crate::model::target::{AasRegistered, DuringDeployment, LOOK_AT_LEAST_EVERY, Mode, OnMissingMetrics};
use crate::model::{Capacity, ScalableTarget, ServiceId, ServicePattern};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// What a service entry selects, and the target of the service `{cluster}/{service}`. None where a part that it cannot do
/// without is wrong, which is then in the report.
pub(super) fn service(
    report: &mut Report<'_>,
    doc: ServiceDoc,
) -> Option<(ServicePattern, Vec<ServicePattern>, ScalableTarget)> {
    let top = Path::default();
    if doc.service.is_none() && !report.is_broken("service") {
        report.wrong_but(&top, "needs \"service\"", "write service: cluster/service");
    }
    if doc.capacity.is_none() && !report.is_broken("capacity") {
        report.wrong_but(&top, "needs \"capacity\"", "write capacity: { min: 1, max: 10 }");
    }
    let rules = ["policies", "schedules", "windows", "predictive"];
    let has_rule = doc.predictive.is_some()
        || doc.policies.as_ref().is_some_and(|list| !list.is_empty())
        || doc.schedules.as_ref().is_some_and(|list| !list.is_empty())
        || doc.windows.as_ref().is_some_and(|list| !list.is_empty());
    if !has_rule && !rules.iter().any(|key| report.is_broken(key)) {
        report.wrong(&top, "needs one of \"policies\", \"schedules\", \"windows\" and \"predictive\"");
    }
    let pattern = doc.service.as_deref().and_then(|text| pattern(report, &top.key("service"), text));
    let part = Part::Entry(pattern.as_ref().and_then(ServicePattern::literal));
    let (except, target) = settings(report, doc, part);
    Some((pattern?, except, target?))
}

/// Reports what is wrong with the defaults: what would be wrong in every entry.
pub(super) fn defaults(report: &mut Report<'_>, doc: ServiceDoc) {
    if doc.service.is_some() {
        report.wrong(&Path::default().key("service"), "has no place in the defaults");
    }
    settings(report, doc, Part::Defaults);
}

/// What settings are of.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// Every entry that does not say otherwise: policies and the formula over them may come from different places.
    Defaults,
    /// An entry, and the service where it is of one alone.
    Entry(Option<&'a ServiceId>),
}

/// All but what the entry selects.
fn settings(
    report: &mut Report<'_>,
    doc: ServiceDoc,
    part: Part<'_>,
) -> (Vec<ServicePattern>, Option<ScalableTarget>) {
    let top = Path::default();
    let except = doc.except.unwrap_or_default();
    let except = except
        .iter()
        .enumerate()
        .filter_map(|(i, text)| pattern(report, &top.key("except").index(i), text))
        .collect();
    let capacity = doc.capacity.and_then(|doc| capacity(report, &top.key("capacity"), doc));
    let named = combine::names(report, &top.key("policies"), doc.policies.as_deref());
    let given = named.iter().flatten().filter_map(|policy| Some((&policy.path, policy.name.as_deref()?)));
    check_names(report, "policies", given);
    let (literal, named) = match part {
        Part::Defaults => (None, None),
        Part::Entry(literal) => (literal, named.as_deref()),
    };
    let combine = doc.combine.map(|doc| combine::combine(report, &top.key("combine"), doc, named));
    let policies = each(report, &top.key("policies"), doc.policies, policies::policy);
    check_queue_names(report, &policies, literal);
    steps::check_aggregations(report, &policies);
    let policies = policies.into_iter().map(|(_, policy)| policy).collect();
    let schedules = each(report, &top.key("schedules"), doc.schedules, scheduled_action);
    check_names(report, "schedules", schedules.iter().map(|(path, action)| (path, action.name.as_str())));
    let windows = each(report, &top.key("windows"), doc.windows, window);
    check_names(report, "windows", windows.iter().map(|(path, window)| (path, window.name.as_str())));
    let warm_up = doc.warm_up.unwrap_or(DurationDoc::from_secs(0));
    at_most_a_day(report, &top.key("warm_up"), warm_up);
    let look_at_least_every =
        look_at_least_every(report, &top.key("look_at_least_every"), doc.look_at_least_every);
    let predictive = doc.predictive.map(|doc| predictive(report, &top.key("predictive"), doc));
    let behavior = behavior(report, &top.key("behavior"), doc.behavior.unwrap_or_default());
    let on_missing_metrics = doc
        .on_missing_metrics
        .map(|doc| on_missing_metrics(report, &top.key("on_missing_metrics"), doc))
        .unwrap_or_default();
    let target = capacity.map(|capacity| ScalableTarget {
        service: ServiceId::new(CLUSTER, SERVICE),
        mode: doc.mode.map(Mode::from).unwrap_or_default(),
        capacity,
        policies,
        combine: combine.flatten().unwrap_or_default(),
        predictive,
        schedules: schedules.into_iter().map(|(_, action)| action).collect(),
        windows: windows.into_iter().map(|(_, window)| window).collect(),
        warm_up: warm_up.0,
        look_at_least_every,
        behavior,
        on_missing_metrics,
        during_deployment: doc.during_deployment.map(DuringDeployment::from).unwrap_or_default(),
        aas: doc.aas.map(AasRegistered::from).unwrap_or_default(),
    });
    (except, target)
}

/// From one tick to the next at least; at most so long that the points of the time between are still asked for and learned from.
fn look_at_least_every(report: &mut Report<'_>, path: &Path, doc: Option<DurationDoc>) -> Duration {
    const SHORTEST: Duration = Duration::from_secs(60);
    const LONGEST: Duration = Duration::from_secs(20 * 60);
    let every = doc.map_or(LOOK_AT_LEAST_EVERY, |doc| doc.0);
    if !(SHORTEST..=LONGEST).contains(&every) {
        report.wrong(path, format!("is {}; it must be from 1m to 20m", format_duration(every)));
    }
    every
}

/// Reports a time that is longer than a day.
pub(super) fn at_most_a_day(report: &mut Report<'_>, path: &Path, duration: DurationDoc) {
    at_most(report, path, duration.0, DAY, "24h");
}

/// Reports a time that is longer than an hour.
pub(super) fn at_most_an_hour(report: &mut Report<'_>, path: &Path, duration: Duration) {
    at_most(report, path, duration, HOUR, "1h");
}

fn at_most(report: &mut Report<'_>, path: &Path, duration: Duration, longest: Duration, in_words: &str) {
    if longest < duration {
        report.wrong(path, format!("is {}; it must be {in_words} at most", format_duration(duration)));
    }
}

fn pattern(report: &mut Report<'_>, path: &Path, text: &str) -> Option<ServicePattern> {
    text.parse().map_err(|error| report.wrong(path, format!("{error}"))).ok()
}

/// The elements of a list that are right, each with its path.
fn each<D, T>(
    report: &mut Report<'_>,
    path: &Path,
    docs: Option<Vec<Option<D>>>,
    read: fn(&mut Report<'_>, &Path, D) -> Option<T>,
) -> Vec<(Path, T)> {
    let mut list = Vec::new();
    for (i, doc) in docs.into_iter().flatten().enumerate() {
        let path = path.index(i);
        match doc {
            Some(doc) => list.extend(read(report, &path, doc).map(|value| (path, value))),
            None if report.is_null(&path) => report.wrong(&path, "has no value"),
            None => {}
        }
    }
    list
}

fn check_names<'n>(report: &mut Report<'_>, what: &str, names: impl Iterator<Item = (&'n Path, &'n str)>) {
    let mut taken = BTreeSet::new();
    for (path, name) in names {
        if name.is_empty() {
            report.wrong(&path.key("name"), "is empty");
        } else if !taken.insert(name) {
            report.wrong(&path.key("name"), format!("{name:?} is the name of another one of the {what}"));
        }
    }
}

/// Depths are observed by the queue's name, so two queues of one name could not be told apart.
fn check_queue_names(
    report: &mut Report<'_>,
    policies: &[(Path, ScalingPolicy)],
    literal: Option<&ServiceId>,
) {
    let mut taken = BTreeSet::new();
    for (path, policy) in policies {
        let PolicyKind::Queue(queue) = &policy.kind else { continue };
        for queue in &queue.queues {
            let name = literal.map_or_else(|| queue.name.clone(), |service| fill_text(&queue.name, service));
            if taken.contains(&name) {
                let path = path.key("queue").key("queue");
                report.wrong(&path, format!("the service has another queue called {name:?}"));
            }
            taken.insert(name);
        }
    }
}

fn capacity(report: &mut Report<'_>, path: &Path, doc: CapacityDoc) -> Option<Capacity> {
    Capacity::new(doc.min, doc.max).map_err(|error| report.wrong(path, error.to_string())).ok()
}

fn partial_capacity(report: &mut Report<'_>, path: &Path, doc: PartialCapacityDoc) -> PartialCapacity {
    if doc.min.is_none() && doc.max.is_none() {
        report.wrong(path, "needs \"min\" or \"max\"");
    }
    let (min, max) = (doc.min.unwrap_or(0), doc.max.unwrap_or(MOST_TASKS));
    capacity(report, path, CapacityDoc { min, max });
    PartialCapacity { min: doc.min, max: doc.max }
}

fn scheduled_action(report: &mut Report<'_>, path: &Path, doc: ScheduleDoc) -> Option<ScheduledAction> {
    let capacity = partial_capacity(report, &path.key("capacity"), doc.capacity);
    let start = timestamp(report, &path.key("start"), doc.start.as_deref());
    let end = timestamp(report, &path.key("end"), doc.end.as_deref());
    if let (Some(start), Some(end)) = (start, end)
        && end <= start
    {
        report.wrong(&path.key("end"), format!("{end} is not after the start, {start}"));
    }
    let when = calendar(report, path, "schedule", &doc.schedule, doc.timezone.as_deref())?;
    Some(ScheduledAction { name: doc.name, when, start, end, capacity })
}

fn timestamp(report: &mut Report<'_>, path: &Path, text: Option<&str>) -> Option<Timestamp> {
    let text = text?;
    let hint = "write RFC 3339 in UTC, as in 2026-12-01T00:00:00Z";
    text.parse().map_err(|_| report.wrong_but(path, format!("{text:?} is not a time"), hint)).ok()
}

fn calendar(
    report: &mut Report<'_>,
    path: &Path,
    key: &str,
    text: &str,
    zone: Option<&str>,
) -> Option<Calendar> {
    let wrong = |error: InvalidSchedule| {
        let key = if matches!(error, InvalidSchedule::Zone(_)) { "timezone" } else { key };
        report.wrong(&path.key(key), error.to_string());
    };
    Calendar::new(text, zone).map_err(wrong).ok()
}

fn window(report: &mut Report<'_>, path: &Path, doc: WindowDoc) -> Option<Window> {
    let capacity = partial_capacity(report, &path.key("capacity"), doc.capacity);
    if doc.start == doc.end {
        report.wrong(&path.key("end"), "is the start as well; the window would have no length");
    }
    let start = calendar(report, path, "start", &doc.start, doc.timezone.as_deref());
    let end = Calendar::new(&doc.end, doc.timezone.as_deref());
    let end = match end {
        Err(InvalidSchedule::Zone(_)) => None, // the start's complaint is enough
        Err(error) => {
            report.wrong(&path.key("end"), error.to_string());
            None
        }
        Ok(end) => Some(end),
    };
    Some(Window { name: doc.name, start: start?, end: end?, capacity })
}

fn predictive(report: &mut Report<'_>, path: &Path, doc: PredictiveDoc) -> Predictive {
    if HOUR <= doc.scheduling_buffer.0 {
        let buffer = format_duration(doc.scheduling_buffer.0);
        report.wrong(&path.key("scheduling_buffer"), format!("is {buffer}; it must be less than 1h"));
    }
    let buffer = doc.max_capacity_buffer;
    if let Some(percent @ 101..) = buffer {
        let message = format!("is {percent}; it must be from 0 to 100 per cent");
        report.wrong(&path.key("max_capacity_buffer"), message);
    }
    let breach = doc.max_capacity_breach_behavior;
    if breach == MaxCapacityBreachDoc::HonorMaxCapacity && buffer.is_some() {
        let message = "is only for max_capacity_breach_behavior: IncreaseMaxCapacity";
        report.wrong(&path.key("max_capacity_buffer"), message);
    }
    Predictive {
        mode: match doc.mode {
            PredictiveModeDoc::ForecastAndScale => PredictiveMode::ForecastAndScale,
            PredictiveModeDoc::ForecastOnly => PredictiveMode::ForecastOnly,
        },
        scheduling_buffer: doc.scheduling_buffer.0,
        max_capacity_breach: match breach {
            MaxCapacityBreachDoc::HonorMaxCapacity => MaxCapacityBreach::HonorMaxCapacity,
            MaxCapacityBreachDoc::IncreaseMaxCapacity => {
                MaxCapacityBreach::IncreaseMaxCapacity { buffer_percent: buffer.unwrap_or(10) }
            }
        },
    }
}

fn behavior(report: &mut Report<'_>, path: &Path, doc: BehaviorDoc) -> Behavior {
    let Behavior { scale_out, scale_in } = Behavior::default();
    Behavior {
        scale_out: rules(report, &path.key("scale_out"), doc.scale_out.unwrap_or_default(), scale_out),
        scale_in: rules(report, &path.key("scale_in"), doc.scale_in.unwrap_or_default(), scale_in),
    }
}

fn rules(report: &mut Report<'_>, path: &Path, doc: RulesDoc, defaults: ScalingRules) -> ScalingRules {
    let tolerance = doc.tolerance.unwrap_or(defaults.tolerance);
    if !(0.0..=1.0).contains(&tolerance) {
        let message = format!("is {tolerance}; it is a share from 0 to 1: 0.1 is ten per cent");
        report.wrong(&path.key("tolerance"), message);
    }
    let stabilization = doc.stabilization.map_or(defaults.stabilization, |window| window.0);
    at_most_an_hour(report, &path.key("stabilization"), stabilization);
    let policies = match doc.policies {
        None => defaults.policies,
        Some(limits) => limits
            .into_iter()
            .enumerate()
            .filter_map(|(i, limit)| rate_limit(report, &path.key("policies").index(i), limit))
            .collect(),
    };
    ScalingRules {
        tolerance,
        stabilization,
        select: doc.select.map_or(defaults.select, SelectPolicy::from),
        policies,
    }
}

fn rate_limit(report: &mut Report<'_>, path: &Path, doc: RateLimitDoc) -> Option<RateLimit> {
    const SHORTEST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(1800);
    let period = doc.period.0;
    if !(SHORTEST..=LONGEST).contains(&period) {
        let message = format!("is {}; it must be from 1s to 30m", format_duration(period));
        report.wrong(&path.key("period"), message);
    }
    let (key, amount) = match (doc.percent, doc.tasks) {
        (Some(percent), None) => ("percent", RateAmount::Percent(percent)),
        (None, Some(tasks)) => ("tasks", RateAmount::Tasks(tasks)),
        _ => {
            report.wrong(path, "needs either \"percent\" or \"tasks\"");
            return None;
        }
    };
    if matches!(amount, RateAmount::Percent(0) | RateAmount::Tasks(0)) {
        report.wrong_but(
            &path.key(key),
            "is 0; it must be above 0",
            "write select: Disabled for no change at all",
        );
    }
    Some(RateLimit { amount, period })
}

/// What a policy without data asks for, of a service entry or of one policy.
pub(super) fn on_missing_metrics(
    report: &mut Report<'_>,
    path: &Path,
    doc: OnMissingMetricsDoc,
) -> OnMissingMetrics {
    match doc {
        OnMissingMetricsDoc::Hold => OnMissingMetrics::Hold,
        OnMissingMetricsDoc::Fallback(count) => {
            if MOST_TASKS < count {
                let message = format!("is {count}; that is more than a service can have");
                report.wrong(&path.key("fallback"), message);
            }
            OnMissingMetrics::Fallback(count)
        }
    }
}

impl From<ModeDoc> for Mode {
    fn from(doc: ModeDoc) -> Self {
        match doc {
            ModeDoc::Active => Self::Active,
            ModeDoc::Shadow => Self::Shadow,
            ModeDoc::Paused => Self::Paused,
        }
    }
}

impl From<SelectDoc> for SelectPolicy {
    fn from(doc: SelectDoc) -> Self {
        match doc {
            SelectDoc::Max => Self::Max,
            SelectDoc::Min => Self::Min,
            SelectDoc::Disabled => Self::Disabled,
        }
    }
}

impl From<DuringDeploymentDoc> for DuringDeployment {
    fn from(doc: DuringDeploymentDoc) -> Self {
        match doc {
            DuringDeploymentDoc::NoScaleIn => Self::NoScaleIn,
            DuringDeploymentDoc::Hold => Self::Hold,
            DuringDeploymentDoc::Ignore => Self::Ignore,
        }
    }
}

impl From<AasDoc> for AasRegistered {
    fn from(doc: AasDoc) -> Self {
        match doc {
            AasDoc::Refuse => Self::Refuse,
            AasDoc::Warn => Self::Warn,
        }
    }
}
