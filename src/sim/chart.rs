//! Charts for the terminal: the load as an area, the running tasks as an area below the line of the desired count.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::number::{real, whole};
use super::page::end_of;
use super::plot::{compact, time_ticks};
use super::run::{Sample, Timeline, Unit};
use crate::model::TaskCount;

/// The columns that a chart needs at least.
const NARROWEST: usize = 40;
/// The columns of the axis of values.
const AXIS: usize = 7;
const LOAD_ROWS: u32 = 4;
const TASK_ROWS: u32 = 7;

const LOAD: Style = AnsiColor::BrightBlack.on_default();
const RUNNING: Style = AnsiColor::Cyan.on_default();
const DESIRED: Style = AnsiColor::BrightMagenta.on_default().bold();
const LATE: Style = AnsiColor::Red.on_default().bold();
const HEAD: Style = Style::new().bold();

/// Draws a service's load, tasks and broken promises, `width` columns wide (40 at least), with or without colour.
pub fn chart(timeline: &Timeline, width: usize, colour: bool) -> String {
    let columns = width.max(NARROWEST) - AXIS;
    let minutes: Vec<Column> = columns_of(&timeline.samples, columns);
    let pen = Pen { colour };
    let mut text = format!("{}\n", pen.draw(HEAD, &timeline.service.to_string()));
    match timeline.unit {
        Unit::Requests => text.push_str(&load(&minutes, "requests/s", pen)),
        Unit::Messages => text.push_str(&load(&minutes, "messages/s", pen)),
        Unit::None => {}
    }
    text.push_str(&tasks(&minutes, pen));
    text.push_str(&time_axis(timeline, columns));
    text.push_str(&late(&minutes, timeline.unit, pen));
    text
}

/// What one column of a chart shows.
#[derive(Clone, Copy, Debug)]
struct Column {
    load: f64,
    running: f64,
    desired: TaskCount,
    late_percent: f64,
}

fn columns_of(samples: &[Sample], columns: usize) -> Vec<Column> {
    let last = samples.len().saturating_sub(1);
    let column = |index: usize| {
        let begin = index * samples.len() / columns;
        let end = ((index + 1) * samples.len() / columns).max(begin + 1);
        let shown = samples.get(begin.min(last)..end.min(samples.len())).unwrap_or_default();
        let most = |of: fn(&Sample) -> f64| shown.iter().map(of).fold(0.0, f64::max);
        Column {
            load: shown.iter().map(|sample| sample.load).sum::<f64>() / real(shown.len().max(1) as u64),
            running: most(|sample| f64::from(sample.running)),
            desired: shown.iter().map(|sample| sample.desired).max().unwrap_or(0),
            late_percent: most(|sample| sample.late_percent),
        }
    };
    (0..columns).map(column).collect()
}

fn load(columns: &[Column], unit: &str, pen: Pen) -> String {
    let max = columns.iter().map(|column| column.load).fold(1.0, f64::max);
    let mut text = String::new();
    for row in (0..LOAD_ROWS).rev() {
        let label = if row + 1 == LOAD_ROWS { compact(max.round()) } else { String::new() };
        let cells: String = columns.iter().map(|column| fill(column.load / max, row, LOAD_ROWS)).collect();
        let unit = if row + 1 == LOAD_ROWS { unit } else { "" };
        line(&mut text, &label, &pen.draw(LOAD, &overwritten(&cells, unit)));
    }
    text
}

fn tasks(columns: &[Column], pen: Pen) -> String {
    let most = columns.iter().map(|column| column.running.max(f64::from(column.desired))).fold(1.0, f64::max);
    let desired_row = |column: &Column| whole(f64::from(column.desired) / most * f64::from(TASK_ROWS - 1));
    let rows: Vec<u32> = columns.iter().map(desired_row).collect();
    let mut text = String::new();
    for row in (0..TASK_ROWS).rev() {
        let label = match row {
            0 => "0".to_owned(),
            row if row + 1 == TASK_ROWS => compact(most),
            _ => String::new(),
        };
        let mut cells: Vec<(Style, char)> = Vec::new();
        let mut before = rows.first().copied().unwrap_or(0);
        for (column, at) in columns.iter().zip(&rows) {
            if let Some(stroke) = stroke(before, *at, row) {
                cells.push((DESIRED, stroke));
            } else {
                let share = column.running / most * f64::from(TASK_ROWS - 1) / f64::from(TASK_ROWS);
                cells.push((RUNNING, fill(share, row, TASK_ROWS)));
            }
            before = *at;
        }
        let runs = cells.chunk_by(|(left, _), (right, _)| left == right);
        let drawn = |run: &[(Style, char)]| {
            let style = run.first().map_or(Style::new(), |(style, _)| *style);
            pen.draw(style, &run.iter().map(|(_, cell)| *cell).collect::<String>())
        };
        line(&mut text, &label, &runs.map(drawn).collect::<String>());
    }
    text
}

/// The part of a step line in one cell: it comes from the row `before` and goes on in the row `at`.
fn stroke(before: u32, at: u32, row: u32) -> Option<char> {
    match (before, at) {
        (before, at) if before == at && row == at => Some('─'),
        (before, at) if before < at && row == at => Some('╭'),
        (before, at) if before < at && row == before => Some('╯'),
        (before, at) if at < before && row == at => Some('╰'),
        (before, at) if at < before && row == before => Some('╮'),
        (before, at) if before.min(at) < row && row < before.max(at) => Some('│'),
        _ => None,
    }
}

/// The block for a share of the chart's height in one row of it.
fn fill(share: f64, row: u32, rows: u32) -> char {
    const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let eighths = whole(((share * f64::from(rows) - f64::from(row)) * 8.0).round().clamp(0.0, 8.0));
    usize::try_from(eighths).ok().and_then(|index| EIGHTHS.get(index)).copied().unwrap_or(' ')
}

fn time_axis(timeline: &Timeline, columns: usize) -> String {
    let end = end_of(timeline);
    let mut labels: Vec<char> = vec![' '; columns];
    for (t, label) in time_ticks(end) {
        let at = usize::try_from(u64::from(t) * columns as u64 / u64::from(end)).unwrap_or(columns);
        let free = labels.get_mut(at..at + label.len()).filter(|cells| cells.iter().all(|cell| *cell == ' '));
        for (cell, letter) in free.into_iter().flatten().zip(label.chars()) {
            *cell = letter;
        }
    }
    let labels: String = labels.into_iter().collect();
    format!("{:>width$}└{}\n{:>AXIS$}{}\n", "", "─".repeat(columns), "", labels.trim_end(), width = AXIS - 1)
}

/// A strip of the minutes in which the promise was broken; nothing where it never was.
fn late(columns: &[Column], unit: Unit, pen: Pen) -> String {
    const WORTH_A_MARK: f64 = 0.5;
    if unit == Unit::None || !columns.iter().any(|column| WORTH_A_MARK < column.late_percent) {
        return String::new();
    }
    let mark = |column: &Column| match column.late_percent {
        percent if percent <= WORTH_A_MARK => ' ',
        percent => fill((percent / 100.0).max(0.125), 0, 1),
    };
    let cells: String = columns.iter().map(mark).collect();
    let mut text = String::new();
    line(&mut text, "late", &pen.draw(LATE, &cells));
    text
}

fn line(text: &mut String, label: &str, cells: &str) {
    let written = writeln!(text, "{label:>width$} │{cells}", width = AXIS - 2);
    debug_assert!(written.is_ok(), "writing to a string does not fail");
}

/// The cells with a word over their beginning.
fn overwritten(cells: &str, word: &str) -> String {
    word.chars().chain(cells.chars().skip(word.chars().count())).collect()
}

#[derive(Clone, Copy, Debug)]
struct Pen {
    colour: bool,
}

impl Pen {
    fn draw(self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
