//! What was measured, as a table: the medians, and how many times trimtab's they are.

use std::time::Duration;

use super::contestants::Contestant;
use super::page;

/// What was measured of one contestant.
#[derive(Debug)]
pub(crate) struct Figures {
    name: String,
    size: u64,
    zipped: Option<u64>,
    /// From the spawn to the first request for an event, of each start.
    pub(crate) init: Vec<Duration>,
    /// What the first invocation took.
    pub(crate) first: Vec<Duration>,
    /// The processor time of both.
    pub(crate) cpu: Vec<Duration>,
    /// The bytes that were resident after both.
    pub(crate) memory: Vec<u64>,
    /// What each of the invocations after took, in one process.
    pub(crate) warm: Vec<Duration>,
    /// The processor time of one of them, on the average.
    pub(crate) warm_cpu: Duration,
    /// The bytes that were resident after them.
    pub(crate) warm_memory: u64,
}

impl Figures {
    /// Nothing but the sizes yet.
    pub(crate) fn of(contestant: &Contestant) -> Self {
        Self {
            name: contestant.name.clone(),
            size: contestant.size(),
            zipped: contestant.zipped(),
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

/// A column: what it tells with its unit, and the figure in it.
type Column = (&'static str, fn(&Figures) -> f64);

const COLUMNS: [Column; 10] = [
    ("size, MB", |of| megabytes(of.size)),
    ("zipped, MB", |of| of.zipped.map_or(f64::NAN, megabytes)),
    ("start, ms", |of| milliseconds(at(&of.init, 0.5))),
    ("first invocation, ms", |of| milliseconds(at(&of.first, 0.5))),
    ("CPU time of both, ms", |of| milliseconds(at(&of.cpu, 0.5))),
    ("RSS after both, MiB", |of| mebibytes(at(&of.memory, 0.5))),
    ("warm p50, ms", |of| milliseconds(at(&of.warm, 0.5))),
    ("warm p99, ms", |of| milliseconds(at(&of.warm, 0.99))),
    ("CPU time of a warm one, ms", |of| milliseconds(of.warm_cpu)),
    ("RSS at the end, MiB", |of| mebibytes(of.warm_memory)),
];

/// Puts trimtab's figures, which come first, beside the others'.
pub(crate) fn table(all: &[Figures]) -> String {
    let header = ["function"].into_iter().chain(COLUMNS.iter().map(|(what, _)| *what));
    let mut rows = vec![header.map(str::to_owned).collect()];
    for (place, figures) in all.iter().enumerate() {
        let cell = |(_, figure): &Column| {
            let (value, own) = (figure(figures), all.first().map_or(f64::NAN, figure));
            match place {
                _ if value.is_nan() => "?".to_owned(),
                0 => short(value),
                _ => format!("{} ({}×)", short(value), short(value / own)),
            }
        };
        rows.push([figures.name.clone()].into_iter().chain(COLUMNS.iter().map(cell)).collect());
    }
    page::table(&rows)
}

/// Two digits behind the point below ten, one below a hundred, none above.
fn short(value: f64) -> String {
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$}")
}

/// The value that this share of all values does not exceed.
fn at<T: Copy + Ord + Default>(values: &[T], share: f64) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some hundred values"
    )]
    let place = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
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
