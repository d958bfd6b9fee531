//! The picture: one compact SVG of all services, for a page that shows pictures, by day and by night.

use maud::{Markup, PreEscaped, html};

use super::Seconds;
use super::demo::DemoOutcome;
use super::page::{end_of, share};
use super::plot::{self, Join, Panel, Series, TimeAxis, thinned};
use super::run::{Timeline, Unit};
use super::score::{Score, saved_percent};

const WIDTH: f64 = 960.0;
const ROW: f64 = 150.0;
const TOP: f64 = 68.0;
/// The picture brings its own ground: a page around it may be dark where the reader's system is light.
const PAPER: &str = "
.paper{fill:#fff;stroke:#e2e8f0}
@media (prefers-color-scheme:dark){.paper{fill:#0d1424;stroke:#1f2b43}}
";

/// Draws the picture.
pub fn picture(outcome: &DemoOutcome) -> String {
    let height = TOP + ROW * super::number::real(outcome.timelines.len() as u64) + 10.0;
    let rows = (0_u32..).zip(outcome.timelines.iter().zip(&outcome.scores));
    let end = outcome.timelines.first().map_or(60, end_of);
    let axis = TimeAxis { left: 44.0, right: WIDTH - 196.0, end };
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height:.0}")) role="img"
            aria-label="Load, desired count and running tasks of three services over a day" {
            style { (PreEscaped(plot::STYLE)) (PreEscaped(PAPER)) }
            rect class="paper" x="0.5" y="0.5" width=(WIDTH - 1.0) height=(format!("{:.0}", height - 1.0)) rx="10" {}
            (heading(outcome))
            @for (row, (timeline, score)) in rows {
                (service(timeline, score, axis, TOP + ROW * f64::from(row)))
            }
        }
    }
    .into_string()
}

fn heading(outcome: &DemoOutcome) -> Markup {
    let (cost, constant) = (outcome.cost(), outcome.static_cost());
    let title = format!(
        "A day of three services: ${:.2} instead of ${:.2}, {:.0} % saved",
        cost.usd,
        constant.usd,
        saved_percent(cost, constant)
    );
    let key = [
        ("area load", "load"),
        ("area running", "running tasks"),
        ("line desired", "desired count"),
        ("line static", "constant count that would keep the promise"),
    ];
    html! {
        text class="big" x="44" y="28" { (title) }
        @for (index, (class, label)) in (0_u32..).zip(key) {
            path class=(class) d=(format!("M{} {}", 44 + 130 * index, if class.starts_with("area") { "42h22v7h-22z" } else { "45.5h22" })) {}
            text x=(44 + 130 * index + 28) y="49.5" { (label) }
        }
    }
}

/// One row: the load lies behind the tasks, on a scale that puts its peak at the constant count.
fn service(timeline: &Timeline, score: &Score, axis: TimeAxis, top: f64) -> Markup {
    const MOST_POINTS: usize = 480;
    const HEAD: f64 = 22.0;
    const FOOT: f64 = 30.0;
    let timeline = thinned(timeline, MOST_POINTS);
    let panel = Panel {
        title: title(&timeline),
        top: top + HEAD,
        height: ROW - HEAD - FOOT,
        series: series(&timeline, score, axis.end),
        least_max: 2.0,
    };
    html! {
        (axis.draw(panel.top, panel.top + panel.height))
        (panel.draw(axis))
        (facts(score, axis.right + 18.0, panel.top + 14.0))
    }
}

fn title(timeline: &Timeline) -> String {
    let most = timeline.samples.iter().map(|sample| sample.load).fold(0.0, f64::max);
    match timeline.unit {
        Unit::Requests => format!("{}: tasks; load up to {most:.0} requests a second", timeline.service),
        Unit::Messages => format!("{}: tasks; load up to {most:.0} messages a second", timeline.service),
        Unit::None => format!("{}: tasks; wanted in office hours", timeline.service),
    }
}

fn series(timeline: &Timeline, score: &Score, end: Seconds) -> Vec<Series> {
    let most_load = timeline.samples.iter().map(|sample| sample.load).fold(0.0, f64::max);
    let scale = if most_load > 0.0 { f64::from(score.static_tasks) / most_load } else { 0.0 };
    vec![
        Series::new("area load", Join::Straight, timeline, |sample| sample.load * scale),
        Series::new("area running", Join::Steps, timeline, |sample| f64::from(sample.running)),
        Series::constant("line static", f64::from(score.static_tasks), end),
        Series::new("line desired", Join::Steps, timeline, |sample| f64::from(sample.desired)),
    ]
}

fn facts(score: &Score, x: f64, y: f64) -> Markup {
    let mut lines = vec![format!("{} constant tasks: ${:.2}", score.static_tasks, score.static_cost.usd)];
    if let Some(promise) = &score.promise {
        let (what, bound) = promise.text.split_once(" within ").unwrap_or((&promise.text, ""));
        lines.push(what.to_owned());
        lines.push(format!("within {bound}: {} were", share(promise.kept_percent)));
    }
    html! {
        text class="big" x=(x) y=(y) { (format!("${:.2}", score.cost.usd)) }
        @for (line, text) in (1_u32..).zip(lines) {
            text x=(x) y=(format!("{:.1}", y + 17.0 * f64::from(line))) { (text) }
        }
    }
}
