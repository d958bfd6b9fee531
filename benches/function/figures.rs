//! What was measured, as a table: the medians, and how many times trimtab's they are.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

use super::contestants::{Contestant, size};

/// What was measured of one contestant.
#[derive(Debug)]
pub(crate) struct Figures {
    name: String,
    size: u64,
    zipped: u64,
    /// From the spawn to the first request for an event, of each start.
    pub(crate) init: Vec<Duration>,
    /// What the first invocation took.
    pub(crate) first: Vec<Duration>,
    /// The processor time of both.
    pub(crate) cpu: Vec<Duration>,
    /// The bytes in memory after both.
    pub(crate) memory: Vec<u64>,
    /// What each of the invocations after took, in one process.
    pub(crate) warm: Vec<Duration>,
    /// The processor time of one of them, on the average.
    pub(crate) warm_cpu: Duration,
    /// The bytes in memory after them.
    pub(crate) warm_memory: u64,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Report {
    /// For a terminal.
    pub(crate) text: String,
    /// For a page.
    pub(crate) markdown: String,
}

impl Figures {
    /// Nothing but the sizes yet.
    pub(crate) fn of(contestant: &Contestant) -> Self {
        Self {
            name: contestant.name.clone(),
            size: size(&contestant.artefact),
            zipped: size(&contestant.zipped()),
            init: Vec::new(),
            first: Vec::new(),
            cpu: Vec::new(),
            memory: Vec::new(),
            warm: Vec::new(),
            warm_cpu: Duration::ZERO,
            warm_memory: 0,
        }
    }
}

/// A row: what it tells, its unit, and the figure in it.
type Row = (&'static str, &'static str, fn(&Figures) -> f64);

const ROWS: [Row; 10] = [
    ("what is deployed", "MB", |of| megabytes(of.size)),
    ("zipped", "MB", |of| megabytes(of.zipped)),
    ("spawn to the first request for an event", "ms", |of| milliseconds(at(&of.init, 0.5))),
    ("first invocation", "ms", |of| milliseconds(at(&of.first, 0.5))),
    ("processor time of both", "ms", |of| milliseconds(at(&of.cpu, 0.5))),
    ("resident memory after them", "MiB", |of| mebibytes(at(&of.memory, 0.5))),
    ("later invocations, median", "ms", |of| milliseconds(at(&of.warm, 0.5))),
    ("later invocations, 99th percentile", "ms", |of| milliseconds(at(&of.warm, 0.99))),
    ("processor time of one", "ms", |of| milliseconds(of.warm_cpu)),
    ("resident memory after them", "MiB", |of| mebibytes(of.warm_memory)),
];

/// Puts trimtab's figures, which come first, beside the others'.
pub(crate) fn report(all: &[Figures]) -> Report {
    let mut table = Table::new();
    table.set_header([""].into_iter().chain(all.iter().map(|figures| figures.name.as_str())));
    for (what, unit, figure) in ROWS {
        let own = all.first().map_or(f64::NAN, figure);
        let cell = |(place, figures)| {
            let value = figure(figures);
            let ratio = if place == 0 { String::new() } else { format!(" ({:.2}x)", value / own) };
            format!("{value:.2} {unit}{ratio}")
        };
        table.add_row([what.to_owned()].into_iter().chain(all.iter().enumerate().map(cell)));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut drawn = |preset| {
        table.load_style(preset);
        table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
    };
    Report { text: drawn(presets::NOTHING), markdown: drawn(presets::ASCII_MARKDOWN) }
}

/// The value that this share of all values does not exceed.
fn at<T: Copy + Ord>(values: &[T], share: f64) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some hundred values"
    )]
    let place = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(place).copied().unwrap()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
