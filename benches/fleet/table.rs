//! The table of all ticks, in Markdown that reads well in a terminal too.

use std::io;

use super::{Path, Row};

const HEADER: [&str; 12] = [
    "services",
    "tick",
    "took",
    "at AWS's rates at least",
    "ratio",
    "CPU time",
    "peak memory",
    "metrics asked",
    "described",
    "calls",
    "throttled",
    "set",
];

/// Operations by the names in the table.
const OPERATIONS: [(&str, &str); 6] = [
    ("cloudwatch:GetMetricData", "GetMetricData"),
    ("ecs:DescribeServices", "DescribeServices"),
    ("ecs:ListServices", "ListServices"),
    ("ecs:UpdateService", "UpdateService"),
    ("dynamodb:BatchGetItem", "BatchGetItem"),
    ("dynamodb:PutItem", "PutItem"),
];

pub(super) fn table(rows: &[Row]) -> String {
    let rows: Vec<[String; 12]> =
        std::iter::once(HEADER.map(ToOwned::to_owned)).chain(rows.iter().map(cells)).collect();
    let mut widths = [0_usize; 12];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> =
                row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            format!("| {} |", cells.join(" | "))
        })
        .collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    lines.insert(1, format!("| {} |", rule.join(" | ")));
    lines.join("\n")
}

/// Writes the table into a Markdown file: in the place of the table with the same header, or at the end.
pub(super) fn write_into(file: &Path, table: &str) -> io::Result<()> {
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let is_header = |line: &&str| {
        let cells = line.split('|').map(str::trim).filter(|cell| !cell.is_empty());
        cells.eq(HEADER)
    };
    let before: Vec<&str> = text.lines().take_while(|line| !is_header(line)).collect();
    let after = text.lines().skip(before.len()).skip_while(|line| line.starts_with('|'));
    let lines: Vec<&str> = before.iter().copied().chain(table.lines()).chain(after).collect();
    std::fs::write(file, lines.join("\n") + "\n")
}

fn cells(row: &Row) -> [String; 12] {
    let counts = &row.counts;
    let calls = OPERATIONS.iter().filter_map(|(operation, name)| {
        let count = counts.calls.get(*operation)?;
        Some(format!("{} {name}", thousands(*count)))
    });
    let seconds = row.least.as_secs_f64();
    [
        thousands(u64::try_from(row.services).unwrap_or_default()),
        row.tick.clone(),
        duration(row.wall.as_secs_f64()),
        if seconds == 0.0 { String::new() } else { duration(seconds) },
        if seconds == 0.0 { String::new() } else { format!("{:.2}", row.wall.as_secs_f64() / seconds) },
        duration(row.cpu.as_secs_f64()),
        row.peak_mib.map(|mib| format!("{mib} MiB")).unwrap_or_default(),
        thousands(counts.metrics),
        thousands(counts.described),
        calls.collect::<Vec<String>>().join(", "),
        thousands(counts.throttled.values().sum()),
        outcome(row),
    ]
}

/// How many counts were set, and what was not done.
fn outcome(row: &Row) -> String {
    let mut parts = Vec::new();
    match (row.changes, row.allowed) {
        (0, _) => {}
        (changes, None) => parts.push(format!("{} of {changes}", row.changed)),
        (changes, Some(most)) => parts.push(format!("{} of {changes} in time, {most} at most", row.changed)),
    }
    for (count, what) in [(row.handed_over, "handed over"), (row.errors, "errors")] {
        if 0 < count {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.join(", ")
}

fn duration(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

fn thousands(number: u64) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}
