//! `trimtab shadow-report`: what trimtab wanted in shadow beside what really happened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::check;
use super::error::CliError;
use super::import::text_of;
use super::screen::{Screen, bold, say};
use super::table::{Column, table};
use super::{RealCounts, ShadowReportArgs, cloud};
use crate::config::PolicyFile;
use crate::control::ports::{CloudWatch, MetricQuery, PortError, QUERIES_PER_GET};
use crate::model::capacity::tasks_rounded_up;
use crate::model::duration::parse_duration;
use crate::model::policy::PolicyKind;
use crate::model::{MetricSource, MetricStat, Point, ServiceId};
use crate::shadow::{Comparison, Count, Evidence, Fleet, Moves, Read, Span, Within, compare, verdict, when};
use crate::sim::score::Cost;
use crate::sim::service::TaskSize;

const MINUTE: Duration = Duration::from_secs(60);
/// Calls to Application Auto Scaling under way at once; it allows few.
const CALLS_AT_ONCE: usize = 4;

/// What every reader should know.
const CAVEAT: &str = "What trimtab wanted and did not get changed no load: a difference is true where it begins, and a guess for \
                      as long as it lasts.";

#[derive(Serialize)]
struct Report {
    services: Vec<ServiceReport>,
    read: Read,
    caveat: &'static str,
}

#[derive(Serialize)]
struct ServiceReport {
    service: ServiceId,
    #[serde(flatten)]
    comparison: Comparison,
    verdict: Vec<String>,
}

/// Compares, and tells.
pub(super) async fn run(
    args: &ShadowReportArgs,
    now: Timestamp,
    screen: &mut Screen,
) -> Result<(), CliError> {
    let span = span(args, now)?;
    let size = size(args)?;
    let mut fleet = read(args)?;
    fleet.services.retain(|service, evidence| {
        !evidence.looks.is_empty() && (args.services.is_empty() || args.services.contains(service))
    });
    if fleet.services.is_empty() {
        return Err(nothing(args, fleet.read));
    }
    ask(args, &mut fleet, span).await?;
    let usd = Cost::of_seconds(3600.0, size).usd;
    let mut services = Vec::new();
    for (service, evidence) in &fleet.services {
        match compare(evidence, span, usd) {
            Some(comparison) => {
                let verdict = verdict(&comparison);
                services.push(ServiceReport { service: service.clone(), comparison, verdict });
            }
            None => say(&format!("{service}: there is nothing to compare in that time")),
        }
    }
    if services.is_empty() {
        return Err(
            CliError::no("no service can be compared in that time").with_hint("widen --since and --until")
        );
    }
    if 0 < fleet.read.unreadable {
        say(&format!("warning: {} decisions cannot be read and are left out", fleet.read.unreadable));
    }
    if screen.json {
        return screen.write_json(&Report { services, read: fleet.read, caveat: CAVEAT });
    }
    if 1 < services.len() {
        screen.write(&format!("{}\n", summary(&services)))?;
    }
    for report in &services {
        screen.write(&told(report))?;
    }
    screen.write(&format!("{CAVEAT}\n"))
}

fn read(args: &ShadowReportArgs) -> Result<Fleet, CliError> {
    let mut fleet = Fleet::default();
    for path in &args.decisions {
        fleet.add_log(&text_of(path)?);
    }
    for path in &args.activities {
        let wrong = |error| CliError::no(format!("{}: {error}", path.display()));
        fleet.add_activities(&text_of(path)?).map_err(wrong)?;
    }
    Ok(fleet)
}

fn nothing(args: &ShadowReportArgs, read: Read) -> CliError {
    let names: Vec<String> = args.decisions.iter().map(|path: &PathBuf| path.display().to_string()).collect();
    let whose = if args.services.is_empty() { "" } else { " of these services" };
    let lines = match read {
        Read { decisions: 0, other_lines, unreadable, .. } => {
            format!("{other_lines} other lines, {unreadable} decisions that cannot be read")
        }
        Read { decisions, .. } => format!("{decisions} decisions of others"),
    };
    CliError::no(format!("no decision{whose} is in {}: {lines}", names.join(", ")))
        .with_hint("export the function's log group, all of its lines or those with message = \"decision\"")
}

fn span(args: &ShadowReportArgs, now: Timestamp) -> Result<Span, CliError> {
    let moment =
        |key: &str, text: &Option<String>| text.as_deref().map(|text| moment(key, text, now)).transpose();
    let span = Span { since: moment("since", &args.since)?, until: moment("until", &args.until)? };
    match (span.since, span.until) {
        (Some(since), Some(until)) if until <= since => {
            Err(CliError::usage(format!("--until {until} is not after --since {since}")))
        }
        _ => Ok(span),
    }
}

/// A time, or how long ago it was.
fn moment(key: &str, text: &str, now: Timestamp) -> Result<Timestamp, CliError> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let ago = parse_duration(text).ok().and_then(|ago| SignedDuration::try_from(ago).ok());
    ago.and_then(|ago| now.checked_sub(ago).ok()).ok_or_else(|| {
        CliError::usage(format!("--{key} {text} is not a time"))
            .with_hint("write RFC 3339, as in 2026-12-01T00:00:00Z, or how long ago, as in 7d")
    })
}

fn size(args: &ShadowReportArgs) -> Result<TaskSize, CliError> {
    for (key, value) in [("vcpu", args.vcpu), ("memory-gb", args.memory_gb)] {
        if !value.is_finite() || value < 0.0 {
            return Err(CliError::usage(format!("--{key} is {value}; it must be 0 or more")));
        }
    }
    Ok(TaskSize { vcpu: args.vcpu, memory_gb: args.memory_gb, ..TaskSize::default() })
}

/// Asks AWS for what is not in the files.
async fn ask(args: &ShadowReportArgs, fleet: &mut Fleet, span: Span) -> Result<(), CliError> {
    let looks = fleet.services.values().flat_map(|evidence| &evidence.looks).map(|look| look.at);
    let (first, last) = (looks.clone().min(), looks.max());
    let (Some(since), Some(until)) = (span.since.or(first), span.until.or(last)) else { return Ok(()) };
    match args.real {
        RealCounts::Log => {}
        RealCounts::Aas => {
            let api = cloud().await.application_auto_scaling();
            let services: Vec<ServiceId> = fleet.services.keys().cloned().collect();
            let calls = services.iter().map(|service| api.activities(service, since));
            let answers: Vec<_> = stream::iter(calls).buffered(CALLS_AT_ONCE).collect().await;
            for activities in answers {
                fleet.add_each_activity(&activities?);
            }
        }
        RealCounts::ContainerInsights | RealCounts::Ecs => {
            measure(args.real, &cloud().await.cloudwatch(), fleet, since, until).await?;
        }
    }
    match &args.policy {
        Some(path) => promises(path, &cloud().await.cloudwatch(), fleet, since, until).await,
        None => Ok(()),
    }
}

/// Reads the counts that CloudWatch has, in the place of those that trimtab found.
async fn measure(
    real: RealCounts,
    cloudwatch: &impl CloudWatch,
    fleet: &mut Fleet,
    since: Timestamp,
    until: Timestamp,
) -> Result<(), CliError> {
    let query = |service: &ServiceId| {
        let stat = if real == RealCounts::Ecs {
            MetricStat {
                stat: "SampleCount".to_owned(),
                ..MetricStat::ecs_service("CPUUtilization", service)
            }
        } else {
            let dimensions = [("ClusterName", service.cluster()), ("ServiceName", service.service())];
            MetricStat::new("ECS/ContainerInsights", "DesiredTaskCount", dimensions, "Average")
        };
        by_the_minute(MetricSource::Stat(stat), since, until)
    };
    let queries: Vec<MetricQuery> = fleet.services.keys().map(query).collect();
    let answers = answers(cloudwatch, &queries, until).await?;
    for ((service, evidence), points) in fleet.services.iter_mut().zip(answers) {
        let points = points?;
        if points.is_empty() {
            say(&format!("{service}: CloudWatch has no such counts; those that trimtab found are taken"));
            continue;
        }
        evidence.measured = true;
        let count =
            |point: Point| Count { at: point.start, count: tasks_rounded_up(point.value.max(0.0).round()) };
        evidence.counts = points.into_iter().map(count).collect();
    }
    Ok(())
}

/// Reads how the promises of a policy file were kept.
async fn promises(
    path: &Path,
    cloudwatch: &impl CloudWatch,
    fleet: &mut Fleet,
    since: Timestamp,
    until: Timestamp,
) -> Result<(), CliError> {
    let place = path.display().to_string();
    let file = check::valid(&place, &check::read(path)?)?;
    let mut promised: Vec<(&mut Evidence, MetricQuery)> = Vec::new();
    for (service, evidence) in &mut fleet.services {
        if let Some(source) = promise_of(&file, &place, service) {
            promised.push((evidence, by_the_minute(source, since, until)));
        }
    }
    let queries: Vec<MetricQuery> = promised.iter().map(|(_, query)| query.clone()).collect();
    let answers = answers(cloudwatch, &queries, until).await?;
    for ((evidence, _), points) in promised.into_iter().zip(answers) {
        let within = |point: Point| Within { start: point.start, period: MINUTE, percent: point.value };
        evidence.within = points?.into_iter().map(within).collect();
    }
    Ok(())
}

/// The metric of a service's promise, where it has one.
fn promise_of(file: &PolicyFile, place: &str, service: &ServiceId) -> Option<MetricSource> {
    let target = check::target_of(file, place, service).ok()?;
    target.policies.into_iter().find_map(|policy| match policy.kind {
        PolicyKind::ServiceLevel(level) => Some(level.within.source),
        PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) | PolicyKind::Queue(_) => None,
    })
}

fn by_the_minute(source: MetricSource, since: Timestamp, until: Timestamp) -> MetricQuery {
    let minutes = until.duration_since(since).as_secs() / 60 + 1;
    MetricQuery { source, period: MINUTE, points: u32::try_from(minutes).unwrap_or(u32::MAX) }
}

async fn answers(
    cloudwatch: &impl CloudWatch,
    queries: &[MetricQuery],
    until: Timestamp,
) -> Result<Vec<Result<Vec<Point>, PortError>>, CliError> {
    let mut answers = Vec::new();
    for queries in queries.chunks(QUERIES_PER_GET) {
        answers.extend(cloudwatch.get_metric_data(queries, until).await?);
    }
    Ok(answers)
}

/// All services, a line each.
fn summary(services: &[ServiceReport]) -> String {
    let columns = [
        Column::Text("SERVICE"),
        Column::Number("HOURS"),
        Column::Number("TASK-HOURS"),
        Column::Number("TRIMTAB"),
        Column::Text("SCALE-OUT"),
        Column::Text("SCALE-IN"),
        Column::Number("DIVERGENCE"),
    ];
    let rows = services.iter().map(|ServiceReport { service, comparison, .. }| {
        let Comparison { hours, real, trimtab, scale_outs, scale_ins, divergence, .. } = comparison;
        let figures = [*hours, real.task_hours, trimtab.task_hours].map(|figure| format!("{figure:.1}"));
        let moves = [scale_outs, scale_ins].map(|moves| moves.median_lead_s.map_or_else(String::new, when));
        [vec![service.to_string()], figures.to_vec(), moves.to_vec(), vec![format!("{divergence:.3}")]]
            .concat()
    });
    table(&columns, rows)
}

/// A service: its figures, its changes, and what they say.
fn told(report: &ServiceReport) -> String {
    let Comparison { since, until, hours, looks, real, trimtab, scale_outs, scale_ins, .. } =
        &report.comparison;
    let second = |at: &Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ");
    let heading = format!(
        "{} from {} to {}: {hours:.1} h, {looks} decisions told\n",
        bold(&report.service.to_string()),
        second(since),
        second(until)
    );
    let sides = [
        ("task-hours", [real.task_hours, trimtab.task_hours].map(|hours| format!("{hours:.1}"))),
        ("cost", [real.usd, trimtab.usd].map(|usd| format!("${usd:.2}"))),
        ("changes", [real.changes, trimtab.changes].map(|changes| changes.to_string())),
        (
            "minutes with fewer tasks than the other",
            [real.minutes_with_fewer, trimtab.minutes_with_fewer].map(|minutes| format!("{minutes:.0}")),
        ),
    ];
    let figures = table(
        &[Column::Text("FIGURE"), Column::Number("REAL"), Column::Number("TRIMTAB")],
        sides.map(|(figure, sides)| [vec![figure.to_owned()], sides.to_vec()].concat()),
    );
    let columns = [
        Column::Text("CHANGES"),
        Column::Number("REAL"),
        Column::Number("WANTED BEFORE"),
        Column::Number("KEPT"),
        Column::Number("UNWANTED"),
        Column::Text("MEDIAN"),
        Column::Text("P90"),
    ];
    let moves = table(&columns, [("scale-out", scale_outs), ("scale-in", scale_ins)].map(row));
    let verdict: Vec<String> = report.verdict.iter().map(|sentence| format!("{sentence}\n")).collect();
    format!("{heading}\n{figures}\n{moves}\n{}\n", verdict.concat())
}

fn row((direction, moves): (&str, &Moves)) -> Vec<String> {
    let counts = [moves.count(), moves.earlier, moves.kept, moves.unwanted].map(|count| count.to_string());
    let leads = [moves.median_lead_s, moves.p90_lead_s].map(|lead| lead.map_or_else(String::new, when));
    [vec![direction.to_owned()], counts.to_vec(), leads.to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use async_trait::async_trait;

    use super::*;
    use crate::control::ports::AlarmDescription;
    use crate::shadow::Look;

    /// A CloudWatch in which a metric has the value 90 at every minute that is asked for, and another has none.
    struct OneMetric(&'static str);

    #[async_trait]
    impl CloudWatch for OneMetric {
        async fn get_metric_data(
            &self,
            queries: &[MetricQuery],
            now: Timestamp,
        ) -> Result<Vec<Result<Vec<Point>, PortError>>, PortError> {
            let points = |query: &MetricQuery| {
                let MetricSource::Stat(stat) = &query.source else { panic!("{query:?}") };
                let minutes = if stat.stat == self.0 { query.points } else { 0 };
                let ago = |minute: u32| SignedDuration::from_secs(60 * i64::from(minute));
                let point = |minute| Point { start: now - ago(minute), value: 90.0 };
                Ok((1..minutes).rev().map(point).collect())
            };
            Ok(queries.iter().map(points).collect())
        }

        async fn describe_alarms(
            &self,
            _: &[String],
        ) -> Result<BTreeMap<String, AlarmDescription>, PortError> {
            panic!("no alarm is asked for")
        }
    }

    #[tokio::test]
    async fn the_promise_of_a_policy_file_is_asked_for_by_its_percentile_rank() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trimtab.yaml");
        let level = "service_level: { load_balancer: app/lb/0123456789abcdef, latency: 300ms, percent: 99 }";
        let entry =
            |name| format!("  - service: prod/{name}\n    capacity: {{ min: 1, max: 9 }}\n    policies:");
        let tracking = "target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }";
        let (web, api) = (entry("web"), entry("api"));
        let text = format!("version: 1\nservices:\n{web}\n      - {level}\n{api}\n      - {tracking}\n");
        std::fs::write(&path, text).unwrap();
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let until = noon + SignedDuration::from_mins(3);
        let look = |at, to| Look { at, from: 4, to, applied: false };
        let evidence = Evidence { looks: vec![look(noon, 6), look(until, 4)], ..Evidence::default() };
        let services = ["web", "api", "none"].map(|name| (ServiceId::new("prod", name), evidence.clone()));
        let mut fleet = Fleet { services: services.into(), read: Read::default() };

        promises(&path, &OneMetric("PR(:0.3)"), &mut fleet, noon, until).await.unwrap();

        let promise = |name| {
            let evidence = &fleet.services[&ServiceId::new("prod", name)];
            compare(evidence, Span::default(), 1.0).unwrap().promise
        };
        let periods = promise("web").map(|promise| (promise.fewer.periods, promise.enough.periods));
        assert_eq!(periods, Some((2, 1)), "the wish stands for two minutes");
        assert_eq!((promise("api"), promise("none")), (None, None));
    }
}
