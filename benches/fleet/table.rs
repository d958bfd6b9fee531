//! The table of all ticks.

use super::{Row, page};

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
    let header = HEADER.map(ToOwned::to_owned);
    let rows: Vec<Vec<String>> =
        std::iter::once(header).chain(rows.iter().map(cells)).map(Vec::from).collect();
    page::table(&rows)
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
        row.peak.map(|bytes| format!("{} MiB", bytes.div_ceil(1 << 20))).unwrap_or_default(),
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
