//! The page of a comparison: trimtab and its peers side by side on one load, self-contained, by day and by night.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::comparison::{Comparison, Tried};
use super::page::{self, end_of, figure, legend, share, tile};
use super::plot::{self, Join, Panel, Series, TimeAxis, compact, thinned, ticks};
use super::run::{Sample, Timeline, Unit};
use super::score::Score;
use super::trial::Outcome;

const STYLE: &str = include_str!("comparison_page.css");

/// What the page tells.
#[derive(Clone, Copy, Debug)]
pub struct ComparisonReport<'a> {
    /// The load's name.
    pub trace: &'a str,
    /// A sentence or two on what was simulated.
    pub lead: &'a str,
    /// What came of every scaler.
    pub comparison: &'a Comparison,
    /// What trimtab and then each peer's best setting went through, in the comparison's order.
    pub timelines: &'a [Timeline],
    /// What trimtab was worth.
    pub score: &'a Score,
    /// The policy file's text.
    pub policy: &'a str,
    /// Where all random numbers came from.
    pub seed: u64,
}

/// One scaler as the page shows it.
struct Shown<'a> {
    name: &'static str,
    setting: &'a str,
    outcome: &'a Outcome,
    timeline: &'a Timeline,
}

/// Writes the page.
pub fn comparison_page(report: &ComparisonReport<'_>) -> String {
    let title = format!("{} on {}", report.score.service, report.trace);
    let shown = shown(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(plot::STYLE)) (PreEscaped(page::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header { h1 { (title) } p { (report.lead) } }
                    (tiles(report))
                    @if let Some(ours) = report.timelines.first() {
                        section.service {
                            h2 { "trimtab" }
                            p.facts { (pill(&report.comparison.trimtab)) (promise(report)) }
                            (legend(ours.unit))
                            (figure(ours, report.score, &[]))
                        }
                    }
                    (table(report.comparison, &shown))
                    @if 1 < shown.len() {
                        (side_by_side(report.comparison, &shown))
                        (every_setting(report.comparison))
                    }
                    details { summary { "The policy file" } pre { code { (report.policy) } } }
                    (footer(report))
                }
                script { (PreEscaped(page::SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn footer(report: &ComparisonReport<'_>) -> Markup {
    html! {
        footer {
            "The bound is what a scaler would have to pay at least that knew the load beforehand. Of each peer the cheapest "
            "setting is shown that keeps the promise on this very load, or the one that breaks it least: that is hindsight, "
            "and trimtab is given none. Costs are Fargate's for Linux in us-east-1. Seed " (report.seed) "."
        }
    }
}

/// Trimtab, and each peer at its best setting.
fn shown<'a>(report: &ComparisonReport<'a>) -> Vec<Shown<'a>> {
    let comparison = report.comparison;
    let peers = comparison.peers.iter().filter_map(|tried| {
        let best = tried.best()?;
        Some((tried.peer.title(), best.name.as_str(), &best.outcome))
    });
    std::iter::once(("trimtab", "", &comparison.trimtab))
        .chain(peers)
        .zip(report.timelines)
        .map(|((name, setting, outcome), timeline)| Shown { name, setting, outcome, timeline })
        .collect()
}

fn promise<'a>(report: &ComparisonReport<'a>) -> &'a str {
    report.comparison.trimtab.promise.as_ref().map_or("", |promise| promise.text.as_str())
}

/// The figures that matter, large.
fn tiles(report: &ComparisonReport<'_>) -> Markup {
    let comparison = report.comparison;
    let ours = &comparison.trimtab;
    html! {
        section.tiles {
            (tile(&format!("${:.2}", ours.cost.usd), &format!("paid, for {:.0} task hours", ours.cost.task_hours)))
            @if let Some(over) = comparison.over_bound(ours.cost) {
                (tile(&format!("{over:.2} x"), "the clairvoyant bound"))
            }
            @if let Some(promise) = &ours.promise {
                (tile(&share(promise.kept_percent), &format!("in time; {} % are promised", promise.percent)))
            }
            @if let (Some(ratio), Some((tried, setting))) = (comparison.of_best_peer(), comparison.best_as_punctual()) {
                (tile(&format!("{ratio:.2} x"), &format!("the cost of the best peer that is as punctual: {}, {}", tried.peer.title(), setting.name)))
            } @else if !comparison.peers.is_empty() {
                (tile("none", "of the peers is as punctual, at any setting"))
            }
        }
    }
}

fn pill(outcome: &Outcome) -> Markup {
    let (class, text) = if outcome.kept() { ("kept", "kept") } else { ("broken", "broken") };
    html! { span class=(class) { (text) } " " }
}

fn table(comparison: &Comparison, shown: &[Shown<'_>]) -> Markup {
    html! {
        section {
            h2 { "What each paid" }
            div.wide {
                table {
                    thead {
                        tr {
                            th { "Scaler" } th { "Setting" } th { "Promise" } th { "Late" } th { "Task hours" } th { "Cost" }
                            th { "Over the bound" } th { "Changes" } th { "Most tasks" }
                        }
                    }
                    tbody {
                        @for row in shown { (table_row(comparison, row)) }
                        @if let Some(bound) = comparison.bound {
                            tr.bound {
                                th { "Clairvoyant bound" } td.text {} td {} td {}
                                td { (format!("{:.1}", bound.task_hours)) } td { (format!("${:.2}", bound.usd)) }
                                td { "1.00" } td {} td {}
                            }
                        }
                    }
                }
            }
        }
    }
}

fn table_row(comparison: &Comparison, row: &Shown<'_>) -> Markup {
    let outcome = row.outcome;
    let over = comparison.over_bound(outcome.cost);
    html! {
        tr {
            th { (row.name) }
            td.text { (row.setting) }
            td { (pill(outcome)) }
            td { (late(outcome)) }
            td { (format!("{:.1}", outcome.cost.task_hours)) }
            td { (format!("${:.2}", outcome.cost.usd)) }
            td { (over.map_or_else(|| "–".to_owned(), |over| format!("{over:.2}"))) }
            td { (outcome.actions) }
            td { (outcome.peak_tasks) }
        }
    }
}

fn late(outcome: &Outcome) -> String {
    format!("{:.3} %", outcome.late_percent())
}

/// The tasks of each scaler and what it was late with, drawn to the same scales.
fn side_by_side(comparison: &Comparison, shown: &[Shown<'_>]) -> Markup {
    let most_tasks = common_scale(shown, |sample| f64::from(sample.desired.max(sample.running)));
    let lateness = Lateness::of(shown.first().map_or(Unit::None, |row| row.timeline.unit));
    let most_late = common_scale(shown, lateness.of);
    html! {
        section {
            h2 { "Side by side" }
            p.facts { "Desired count, running tasks, and how late requests or messages were, to the same scales but for those that go far beyond the others." }
            div.side {
                @for row in shown {
                    div.card {
                        h3 { (row.name) " " span { (row.setting) } }
                        p.facts {
                            (pill(row.outcome)) (late(row.outcome)) " late"
                            @if let Some(over) = comparison.over_bound(row.outcome.cost) {
                                " · " (format!("{over:.2} x the bound"))
                            }
                        }
                        (small_figure(row, most_tasks, &lateness, most_late))
                    }
                }
            }
        }
    }
}

/// The upper end of a scale that suits most scalers: twice the median of their greatest values at most.
fn common_scale(shown: &[Shown<'_>], of: impl Fn(&Sample) -> f64) -> f64 {
    let greatest = |row: &Shown<'_>| row.timeline.samples.iter().map(&of).fold(1.0, f64::max);
    let mut each: Vec<f64> = shown.iter().map(greatest).collect();
    each.sort_by(f64::total_cmp);
    let median = each.get(each.len() / 2).copied().unwrap_or(1.0);
    each.last().copied().unwrap_or(1.0).min(2.0 * median)
}

/// How lateness is drawn: of requests the share that is late, of messages the age.
struct Lateness {
    title: &'static str,
    of: fn(&Sample) -> f64,
}

impl Lateness {
    fn of(unit: Unit) -> Self {
        match unit {
            Unit::Messages => Self {
                title: "Age of the oldest message, seconds",
                of: |sample| f64::from(sample.oldest_age_s),
            },
            Unit::Requests | Unit::None => {
                Self { title: "Late requests, per cent", of: |sample| sample.late_percent }
            }
        }
    }
}

fn small_figure(row: &Shown<'_>, most_tasks: f64, lateness: &Lateness, most_late: f64) -> Markup {
    const MOST_POINTS: usize = 480;
    const WIDTH: f64 = 520.0;
    const HEIGHT: f64 = 262.0;
    let timeline = thinned(row.timeline, MOST_POINTS);
    let axis = TimeAxis { left: 40.0, right: WIDTH - 22.0, end: end_of(&timeline) };
    let running = Series::new("area running", Join::Steps, &timeline, |sample| f64::from(sample.running));
    let desired = Series::new("line desired", Join::Steps, &timeline, |sample| f64::from(sample.desired));
    let tasks = Panel {
        title: "Tasks".to_owned(),
        top: 24.0,
        height: 120.0,
        series: vec![running, desired],
        least_max: most_tasks,
    };
    let late = Panel {
        title: lateness.title.to_owned(),
        top: 182.0,
        height: 56.0,
        series: vec![Series::new("area late", Join::Straight, &timeline, lateness.of)],
        least_max: most_late,
    };
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(format!("Tasks of {}", row.name)) {
            (axis.draw(24.0, 238.0))
            (tasks.draw(axis))
            (late.draw(axis))
        }
    }
}

/// Cost against lateness, for each setting that was tried: what can be bought with which scaler.
fn every_setting(comparison: &Comparison) -> Markup {
    const WIDTH: f64 = 1040.0;
    const HEIGHT: f64 = 400.0;
    const LEFT: f64 = 64.0;
    const RIGHT: f64 = 1020.0;
    const TOP: f64 = 20.0;
    const BOTTOM: f64 = 350.0;
    /// Less than this share in per cent is drawn as if it were this.
    const LEAST_LATE: f64 = 0.001;
    const MOST_OVER: f64 = 5.0;
    let over = |outcome: &Outcome| comparison.over_bound(outcome.cost).unwrap_or(1.0);
    let all = || comparison.peers.iter().flat_map(|tried| &tried.settings).map(|setting| &setting.outcome);
    let dearest = all().chain([&comparison.trimtab]).map(over).fold(1.2, f64::max).min(MOST_OVER);
    let x = |outcome: &Outcome| {
        LEFT + (RIGHT - LEFT) * ((over(outcome).min(dearest) - 1.0) / (dearest - 1.0)).clamp(0.0, 1.0)
    };
    let y_of = |late: f64| {
        let share = (late.max(LEAST_LATE) / LEAST_LATE).log10() / (100.0 / LEAST_LATE).log10();
        BOTTOM - (BOTTOM - TOP) * share
    };
    let at = |outcome: &Outcome| (x(outcome), y_of(outcome.late_percent()));
    let promised = comparison.trimtab.promise.as_ref().map(|promise| 100.0 - promise.percent);
    html! {
        section {
            h2 { "Every setting" }
            p.facts { "Each dot is one setting of one scaler on this load: further left is cheaper, further down is more punctual. Those below the dashed line keep the promise." }
            (keys(comparison))
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label="Cost and lateness of every setting" {
                @for late in [0.001, 0.01, 0.1, 1.0, 10.0, 100.0] {
                    path class="grid" d=(format!("M{LEFT} {:.1}H{RIGHT}", y_of(late))) {}
                    text x=(LEFT - 8.0) y=(format!("{:.1}", y_of(late) + 3.5)) text-anchor="end" { (compact_late(late)) }
                }
                @for tick in ticks(dearest - 1.0, 6).into_iter().map(|tick| tick + 1.0).filter(|tick| *tick <= dearest) {
                    text x=(format!("{:.1}", LEFT + (RIGHT - LEFT) * (tick - 1.0) / (dearest - 1.0))) y=(BOTTOM + 18.0) text-anchor="middle" { (compact(tick)) " x" }
                }
                text class="name" x=(LEFT) y=(BOTTOM + 40.0) { "Cost, as a multiple of the bound" }
                text class="name" x=(LEFT) y=(TOP - 8.0) { "Late, per cent" }
                @if let Some(promised) = promised {
                    path class="line static" d=(format!("M{LEFT} {:.1}H{RIGHT}", y_of(promised))) {}
                }
                @for tried in &comparison.peers { (dots(tried, at)) }
                @let (x, y) = at(&comparison.trimtab);
                g.ours {
                    circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="7" {}
                    text x=(format!("{:.1}", x + 11.0)) y=(format!("{:.1}", y - 8.0)) { "trimtab" }
                }
            }
        }
    }
}

fn compact_late(late: f64) -> String {
    if late < 0.01 { format!("≤ {late}") } else { late.to_string() }
}

fn keys(comparison: &Comparison) -> Markup {
    html! {
        p.legend.keys {
            span.ours { "trimtab" }
            @for tried in &comparison.peers { span class=(peer_class(tried)) { (tried.peer.title()) } }
        }
    }
}

fn peer_class(tried: &Tried) -> String {
    format!("peer-{}", tried.peer.name())
}

fn dots(tried: &Tried, at: impl Fn(&Outcome) -> (f64, f64)) -> Markup {
    let places = || tried.settings.iter().map(|setting| (setting, at(&setting.outcome)));
    let corners: Vec<String> = places().map(|(_, (x, y))| format!("{x:.1} {y:.1}")).collect();
    html! {
        g class=(format!("dots {}", peer_class(tried))) {
            path d=(format!("M{}", corners.join("L"))) {}
            @for (setting, (x, y)) in places() {
                circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="4" {
                    title { (tried.peer.title()) ", " (setting.name) ": " (late(&setting.outcome)) " late, $" (format!("{:.2}", setting.outcome.cost.usd)) }
                }
            }
        }
    }
}
