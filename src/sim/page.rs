//! The report page: one self-contained HTML file with inline plots, readable without a network, by day and by night.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Seconds;
use super::demo::{self, DemoOutcome};
use super::moments::Moment;
use super::plot::{self, Join, Panel, Series, TimeAxis, compact, thinned, time_of_day};
use super::run::{Sample, Timeline, Unit};
use super::score::{Cost, Score, saved_percent};

pub(super) const STYLE: &str = include_str!("page.css");
pub(super) const SCRIPT: &str = include_str!("page.js");

/// What a page tells.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The headline.
    pub title: &'a str,
    /// A sentence or two below it.
    pub lead: &'a str,
    /// Each service, minute by minute.
    pub timelines: &'a [Timeline],
    /// What it was worth, in the timelines' order.
    pub scores: &'a [Score],
    /// The decisions that are worth telling, by time.
    pub moments: &'a [Moment],
    /// The policy file's text.
    pub policy: &'a str,
    /// Where all random numbers came from.
    pub seed: u64,
}

impl<'a> From<&'a DemoOutcome> for Report<'a> {
    fn from(outcome: &'a DemoOutcome) -> Self {
        Self {
            title: "A day under trimtab",
            lead: "Three services of a simulated cluster, from midnight to midnight (UTC). The controller and the policy \
                   are the real ones; tasks take 45 s to start at the median, and metrics arrive one to two minutes late.",
            timelines: &outcome.timelines,
            scores: &outcome.scores,
            moments: &outcome.moments,
            policy: demo::POLICY,
            seed: outcome.seed,
        }
    }
}

/// Writes the page.
pub fn page(report: &Report<'_>) -> String {
    let services = || report.timelines.iter().zip(report.scores);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.title) }
                style { (PreEscaped(plot::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header { h1 { (report.title) } p { (report.lead) } }
                    (tiles(report))
                    @for (timeline, score) in services() {
                        (service(timeline, score, report.moments))
                    }
                    (table(report.scores))
                    details { summary { "The policy file" } pre { code { (report.policy) } } }
                    footer {
                        "Costs are Fargate's for Linux on x86 in us-east-1. The constant count is the smallest one that "
                        "keeps the promise under the same arrivals, or the most that ran where nothing is promised. Seed "
                        (report.seed) "."
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

/// The figures that matter, large.
fn tiles(report: &Report<'_>) -> Markup {
    let cost = Cost::sum(report.scores.iter().map(|score| score.cost));
    let constant = Cost::sum(report.scores.iter().map(|score| score.static_cost));
    let promises = || report.scores.iter().filter_map(|score| score.promise.as_ref());
    let kept = promises().filter(|promise| promise.kept).count();
    let actions: u32 = report.scores.iter().map(|score| score.actions).sum();
    html! {
        section.tiles {
            (tile(&format!("${:.2}", cost.usd), &format!("paid; constant counts: ${:.2}", constant.usd)))
            (tile(&format!("{:.0} %", saved_percent(cost, constant)), "saved against constant counts"))
            (tile(&format!("{kept} of {}", promises().count()), "promises kept"))
            (tile(&actions.to_string(), "changes of a desired count"))
        }
    }
}

pub(super) fn tile(figure: &str, label: &str) -> Markup {
    html! { div { strong { (figure) } span { (label) } } }
}

/// One service: its promise, its plots and its moments.
fn service(timeline: &Timeline, score: &Score, moments: &[Moment]) -> Markup {
    let moments: Vec<&Moment> = moments.iter().filter(|moment| moment.service == timeline.service).collect();
    html! {
        section.service {
            h2 { (timeline.service) }
            p.facts {
                @if let Some(promise) = &score.promise {
                    span class=(if promise.kept { "kept" } else { "broken" }) {
                        (if promise.kept { "kept" } else { "broken" })
                    }
                    " " (promise.text) ": " (share(promise.kept_percent)) " · "
                }
                (format!("${:.2} for {:.0} task hours", score.cost.usd, score.cost.task_hours))
                " · " (format!("{:.0} % below {} constant tasks", score.saved_percent(), score.static_tasks))
            }
            (legend(timeline.unit))
            (figure(timeline, score, &moments))
            ol.moments {
                @for moment in &moments { (moment_row(moment)) }
            }
        }
    }
}

pub(super) fn legend(unit: Unit) -> Markup {
    html! {
        p.legend {
            @match unit {
                Unit::Requests => { span.load { "requests" } }
                Unit::Messages => { span.load { "messages" } }
                Unit::None => {}
            }
            span.desired { "desired count" }
            span.running { "running tasks" }
            span.constant { "constant count" }
            @match unit {
                Unit::Requests => { span.late { "late requests" } }
                Unit::Messages => { span.backlog { "waiting messages" } }
                Unit::None => {}
            }
        }
    }
}

/// The plots of a service, over one time axis, with numbered moments.
pub(super) fn figure(timeline: &Timeline, score: &Score, moments: &[&Moment]) -> Markup {
    const MOST_POINTS: usize = 1440;
    const WIDTH: f64 = 1040.0;
    const TOP: f64 = 46.0;
    let timeline = thinned(timeline, MOST_POINTS);
    let end = end_of(&timeline);
    let axis = TimeAxis { left: 48.0, right: WIDTH - 16.0, end };
    let panels = stacked(panels(&timeline, score, end), TOP);
    let bottom = panels.last().map_or(TOP, |panel| panel.top + panel.height);
    let samples = &timeline.samples;
    html! {
        figure data-end=(end) data-left=(axis.left) data-right=(axis.right) data-width=(WIDTH)
            data-load=(column(samples, |sample| sample.load))
            data-desired=(column(samples, |sample| f64::from(sample.desired)))
            data-running=(column(samples, |sample| f64::from(sample.running)))
            data-late=(column(samples, |sample| sample.late_percent))
            data-backlog=(column(samples, |sample| sample.backlog)) {
            svg viewBox=(format!("0 0 {WIDTH} {:.0}", bottom + 26.0)) role="img" aria-label=(format!("Load and tasks of {}", timeline.service)) {
                (axis.draw(TOP, bottom))
                @for panel in &panels { (panel.draw(axis)) }
                @for ((number, moment), at) in (1..).zip(moments).zip(spread(moments, axis)) {
                    (mark(number, moment, axis.x(moment.t), at, bottom))
                }
                line class="cursor" y1=(TOP) y2=(bottom) visibility="hidden" {}
            }
            div.tip hidden="" {}
        }
    }
}

/// When the last sample ends: as long after its begin as the one before.
pub(super) fn end_of(timeline: &Timeline) -> Seconds {
    match timeline.samples.as_slice() {
        [.., before, last] => last.t + (last.t - before.t),
        _ => 60,
    }
}

fn panels(timeline: &Timeline, score: &Score, end: Seconds) -> Vec<Panel> {
    let panel = |title: &str, height: f64, least_max: f64, series: Vec<Series>| Panel {
        title: title.to_owned(),
        top: 0.0,
        height,
        series,
        least_max,
    };
    let load = |title| {
        let load = Series::new("area load", Join::Straight, timeline, |sample| sample.load);
        panel(title, 110.0, 1.0, vec![load])
    };
    let constant = Series::constant("line static", f64::from(score.static_tasks), end);
    let running = Series::new("area running", Join::Steps, timeline, |sample| f64::from(sample.running));
    let desired = Series::new("line desired", Join::Steps, timeline, |sample| f64::from(sample.desired));
    let tasks = panel("Tasks", 170.0, 2.0, vec![running, constant, desired]);
    match timeline.unit {
        Unit::Requests => {
            let late = Series::new("area late", Join::Straight, timeline, |sample| sample.late_percent);
            vec![load("Requests a second"), tasks, panel("Late requests, per cent", 60.0, 2.0, vec![late])]
        }
        Unit::Messages => {
            let backlog = Series::new("area backlog", Join::Straight, timeline, |sample| sample.backlog);
            vec![load("Messages a second"), tasks, panel("Messages that wait", 60.0, 2.0, vec![backlog])]
        }
        Unit::None => vec![tasks],
    }
}

/// Puts panels below each other, the first at `top`.
fn stacked(panels: Vec<Panel>, top: f64) -> Vec<Panel> {
    const GAP: f64 = 44.0;
    let place = |next: &mut f64, panel: Panel| {
        let top = *next;
        *next += panel.height + GAP;
        Some(Panel { top, ..panel })
    };
    panels.into_iter().scan(top, place).collect()
}

/// Where the numbers of moments stand: above their moment, or beside the number before where that is too near.
fn spread(moments: &[&Moment], axis: TimeAxis) -> Vec<f64> {
    const APART: f64 = 19.0;
    let place = |free: &mut f64, moment: &&Moment| {
        let at = axis.x(moment.t).max(*free);
        *free = at + APART;
        Some(at)
    };
    moments.iter().scan(0.0, place).collect()
}

fn mark(number: usize, moment: &Moment, moment_x: f64, number_x: f64, bottom: f64) -> Markup {
    const TOP: f64 = 12.0;
    const FOOT: f64 = 26.0;
    let (x, at) = (format!("{moment_x:.1}"), format!("{number_x:.1}"));
    html! {
        g.mark {
            title { (format!("{} {}: {} to {} tasks", time_of_day(moment.t), moment.title, moment.from, moment.to)) }
            path d=(format!("M{at} {TOP}L{x} {FOOT}V{bottom:.1}")) {}
            circle cx=(at) cy=(TOP) r="8" {}
            text x=(at) y=(TOP + 3.5) { (number) }
        }
    }
}

fn moment_row(moment: &Moment) -> Markup {
    html! {
        li {
            time { (time_of_day(moment.t)) }
            " " b { (moment.title) } " "
            span.count { (moment.from) " → " (moment.to) }
            @if !moment.reasons.is_empty() {
                ul { @for reason in &moment.reasons { li { (reason) } } }
            }
        }
    }
}

fn table(scores: &[Score]) -> Markup {
    html! {
        section {
            h2 { "What the day was worth" }
            div.wide {
                table {
                    thead {
                        tr {
                            th { "Service" } th { "Promise" } th { "Kept" } th { "Changes" } th { "Most tasks" }
                            th { "Task hours" } th { "Cost" } th { "Constant count" } th { "Its cost" } th { "Saved" }
                        }
                    }
                    tbody { @for score in scores { (table_row(score)) } }
                }
            }
        }
    }
}

fn table_row(score: &Score) -> Markup {
    html! {
        tr {
            th { (score.service) }
            @match &score.promise {
                Some(promise) => {
                    td.text { (promise.text) }
                    td { (share(promise.kept_percent)) }
                }
                None => { td.text { "none" } td { "–" } }
            }
            td { (score.actions) }
            td { (score.peak_tasks) }
            td { (format!("{:.1}", score.cost.task_hours)) }
            td { (format!("${:.2}", score.cost.usd)) }
            td { (score.static_tasks) }
            td { (format!("${:.2}", score.static_cost.usd)) }
            td { (format!("{:.0} %", score.saved_percent())) }
        }
    }
}

/// A share close to 100 per cent, cut down so that a broken promise never reads as a kept one.
pub(super) fn share(percent: f64) -> String {
    format!("{:.2} %", (percent * 100.0).floor() / 100.0)
}

/// Values for the script that shows them under the pointer.
fn column(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> String {
    let values: Vec<String> = samples.iter().map(|sample| compact(value(sample))).collect();
    values.join(" ")
}
