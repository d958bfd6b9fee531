//! Plots as SVG: panels over a common time axis, for the report page and the picture. Colours come from the style sheet
//! around them, by class.

use std::fmt::{self, Write as _};

use maud::{Markup, html};

use super::Seconds;
use super::number::{real, whole};
use super::run::{Sample, Timeline};

/// The style of the classes that plots use. Without it the surroundings could not tell light from dark.
pub(super) const STYLE: &str = "
:root{--ink:#1e293b;--soft:#64748b;--grid:#e2e8f0;--load:#94a3b8;--running:#0d9488;--desired:#4f46e5;--late:#dc2626;--backlog:#d97706}
@media (prefers-color-scheme:dark){:root{--ink:#e2e8f0;--soft:#94a3b8;--grid:#293548;--load:#64748b;--running:#2dd4bf;--desired:#a5b4fc;--late:#f87171;--backlog:#fbbf24}}
svg text{font:11px ui-sans-serif,system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:var(--soft);font-variant-numeric:tabular-nums}
svg .name{font-size:12px;font-weight:600;fill:var(--ink)}
svg .big{font-size:15px;font-weight:700;fill:var(--ink)}
svg .grid{stroke:var(--grid);stroke-width:1;fill:none}
svg .area.load{fill:var(--load);fill-opacity:.3;stroke:var(--load);stroke-width:1.2}
svg .area.running{fill:var(--running);fill-opacity:.22;stroke:var(--running);stroke-width:1}
svg .line.desired{fill:none;stroke:var(--desired);stroke-width:1.8;stroke-linejoin:round}
svg .line.static{fill:none;stroke:var(--soft);stroke-width:1.2;stroke-dasharray:5 4}
svg .area.late{fill:var(--late);fill-opacity:.35;stroke:var(--late);stroke-width:1.2}
svg .area.backlog{fill:var(--backlog);fill-opacity:.3;stroke:var(--backlog);stroke-width:1.2}
svg .mark path{fill:none;stroke:var(--ink);stroke-opacity:.35;stroke-dasharray:2 3}
svg .mark circle{fill:var(--ink)}
svg .mark text{fill:var(--paper,#fff);font-size:10px;font-weight:700;text-anchor:middle}
";

/// The time axis that panels share.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeAxis {
    /// The left end of the plots.
    pub(super) left: f64,
    /// Their right end.
    pub(super) right: f64,
    /// The time at the right end, in seconds.
    pub(super) end: Seconds,
}

/// One panel.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    /// What it shows, with the unit.
    pub(super) title: String,
    /// Its upper edge.
    pub(super) top: f64,
    /// Its height.
    pub(super) height: f64,
    /// What is drawn, from the back to the front.
    pub(super) series: Vec<Series>,
    /// The least upper end of its values' axis.
    pub(super) least_max: f64,
}

/// Values over time.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// The classes that it is drawn in.
    pub(super) class: &'static str,
    /// How its points are joined.
    pub(super) join: Join,
    /// Its points, by time.
    pub(super) points: Vec<(Seconds, f64)>,
}

/// How points are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// By straight lines.
    Straight,
    /// Each value holds until the next.
    Steps,
}

impl Series {
    /// A quantity of a timeline.
    pub(super) fn new(
        class: &'static str,
        join: Join,
        timeline: &Timeline,
        value: impl Fn(&Sample) -> f64,
    ) -> Self {
        let points = timeline.samples.iter().map(|sample| (sample.t, value(sample))).collect();
        Self { class, join, points }
    }

    /// The same value at all times.
    pub(super) fn constant(class: &'static str, value: f64, end: Seconds) -> Self {
        Self { class, join: Join::Straight, points: vec![(0, value), (end, value)] }
    }

    fn max(&self) -> f64 {
        self.points.iter().map(|(_, value)| *value).fold(0.0, f64::max)
    }

    /// The path's data; an area is closed along its base.
    fn path(&self, axis: TimeAxis, y: impl Fn(f64) -> f64) -> String {
        let mut path = String::new();
        let mut before: Option<f64> = None;
        for (t, value) in &self.points {
            let (x, y) = (axis.x(*t), y(*value));
            match before {
                None => push(&mut path, format_args!("M{x:.1} {y:.1}")),
                Some(before) if self.join == Join::Steps && (before - y).abs() < 0.05 => continue,
                Some(_) if self.join == Join::Steps => push(&mut path, format_args!("H{x:.1}V{y:.1}")),
                Some(_) => push(&mut path, format_args!("L{x:.1} {y:.1}")),
            }
            before = Some(y);
        }
        if before.is_some() && self.join == Join::Steps {
            push(&mut path, format_args!("H{:.1}", axis.right));
        }
        if before.is_some() && self.class.starts_with("area") {
            let last = if self.join == Join::Steps { None } else { self.points.last() };
            let end = last.map_or(axis.right, |(t, _)| axis.x(*t));
            push(&mut path, format_args!("L{end:.1} {base:.1}H{:.1}Z", axis.left, base = y(0.0)));
        }
        path
    }
}

fn push(path: &mut String, commands: fmt::Arguments<'_>) {
    let written = path.write_fmt(commands);
    debug_assert!(written.is_ok(), "writing to a string does not fail");
}

impl Panel {
    /// Draws the panel: its grid, its series and its title.
    pub(super) fn draw(&self, axis: TimeAxis) -> Markup {
        let most = self.series.iter().map(Series::max).fold(self.least_max, f64::max);
        let ticks = ticks(most, 3);
        let max = ticks.last().copied().unwrap_or(1.0).max(most);
        let y = |value: f64| self.top + self.height * (1.0 - value / max);
        html! {
            g {
                @for tick in &ticks {
                    path class="grid" d=(format!("M{:.1} {:.1}H{:.1}", axis.left, y(*tick), axis.right)) {}
                    text x=(format!("{:.1}", axis.left - 8.0)) y=(format!("{:.1}", y(*tick) + 3.5)) text-anchor="end" {
                        (compact(*tick))
                    }
                }
                @for series in &self.series {
                    path class=(series.class) d=(series.path(axis, y)) {}
                }
                text class="name" x=(format!("{:.1}", axis.left)) y=(format!("{:.1}", self.top - 9.0)) { (self.title) }
            }
        }
    }
}

impl TimeAxis {
    /// The place of a moment.
    pub(super) fn x(self, t: Seconds) -> f64 {
        self.left + (self.right - self.left) * f64::from(t) / f64::from(self.end.max(1))
    }

    /// Draws the axis and its labels below `bottom`, with lines up to `top`.
    pub(super) fn draw(self, top: f64, bottom: f64) -> Markup {
        html! {
            g {
                @for (t, label) in time_ticks(self.end) {
                    path class="grid" d=(format!("M{:.1} {top:.1}V{bottom:.1}", self.x(t))) {}
                    text x=(format!("{:.1}", self.x(t))) y=(format!("{:.1}", bottom + 16.0)) text-anchor="middle" { (label) }
                }
            }
        }
    }
}

/// Moments to label on a time axis that ends at `end`: hours within two days, days beyond.
pub(super) fn time_ticks(end: Seconds) -> Vec<(Seconds, String)> {
    const HOUR: Seconds = 3600;
    const MOST: Seconds = 9;
    let steps = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672].map(|hours| hours * HOUR);
    let step = steps.into_iter().find(|step| end / step < MOST).unwrap_or(end.max(HOUR));
    let label = |t: Seconds| match end {
        end if end <= 48 * HOUR => time_of_day(t),
        _ => format!("day {}", t / (24 * HOUR) + 1),
    };
    (0..=end / step).map(|index| (index * step, label(index * step))).collect()
}

/// The time of the day, as in `16:05`; the end of a day is 24:00.
pub(super) fn time_of_day(t: Seconds) -> String {
    let of_day = if t == 86_400 { t } else { t % 86_400 };
    format!("{:02}:{:02}", of_day / 3600, of_day % 3600 / 60)
}

/// Round values from zero to `max` or just above it, about `count` of them: steps of 1, 2 or 5 times a power of ten.
pub(super) fn ticks(max: f64, count: u32) -> Vec<f64> {
    if max.is_nan() || max <= 0.0 {
        return vec![0.0, 1.0];
    }
    let rough = max / f64::from(count);
    let power = 10_f64.powf(rough.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let step = factors.into_iter().map(|factor| factor * power).find(|step| rough <= *step).unwrap_or(rough);
    (0..=whole((max / step).ceil())).map(|index| f64::from(index) * step).collect()
}

/// A number in few characters: `0`, `0.5`, `20`, `1.5k`, `2M`.
pub(super) fn compact(value: f64) -> String {
    let (value, unit) = match value.abs() {
        size if 1e6 <= size => (value / 1e6, "M"),
        size if 1e3 <= size => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{value:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The timeline with at most `most` samples: means of the load, the worst of what is late and waits, the last counts.
pub(super) fn thinned(timeline: &Timeline, most: usize) -> Timeline {
    let size = timeline.samples.len().div_ceil(most.max(1)).max(1);
    let samples = timeline.samples.chunks(size).filter_map(merged).collect();
    Timeline { samples, ..timeline.clone() }
}

fn merged(samples: &[Sample]) -> Option<Sample> {
    let (first, last) = (samples.first()?, samples.last()?);
    let load: f64 = samples.iter().map(|sample| sample.load).sum();
    let worst = |of: fn(&Sample) -> f64| samples.iter().map(of).fold(0.0, f64::max);
    Some(Sample {
        t: first.t,
        load: load / real(samples.len() as u64),
        late_percent: worst(|sample| sample.late_percent),
        backlog: worst(|sample| sample.backlog),
        oldest_age_s: samples.iter().map(|sample| sample.oldest_age_s).max()?,
        ..*last
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_greatest_value() {
        for (max, expected) in [
            (100.0, &[0.0, 50.0, 100.0][..]),
            (37.0, &[0.0, 20.0, 40.0]),
            (3.0, &[0.0, 1.0, 2.0, 3.0]),
            (0.0, &[0.0, 1.0]),
        ] {
            assert_eq!(ticks(max, 3), expected, "{max}");
        }
    }

    #[test]
    fn numbers_are_written_in_few_characters() {
        for (value, text) in [(0.0, "0"), (0.5, "0.5"), (20.0, "20"), (1500.0, "1.5k"), (2e6, "2M")] {
            assert_eq!(compact(value), text);
        }
    }

    #[test]
    fn a_time_axis_is_labelled_by_hours_or_by_days() {
        let labels = |end| time_ticks(end).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(86_400)[..3], ["00:00", "03:00", "06:00"]);
        assert_eq!(labels(86_400).last().map(String::as_str), Some("24:00"));
        assert_eq!(labels(3 * 86_400)[..3], ["day 1", "day 1", "day 2"]);
    }
}
