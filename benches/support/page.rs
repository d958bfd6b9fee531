//! Tables in Markdown that read well in a terminal too, and the page that keeps them.

use std::io;
use std::path::Path;

/// Draws rows of cells, the first of them the header.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule = widths.iter().map(|width| "-".repeat(*width)).collect();
    let (header, body) = rows.split_at(1.min(rows.len()));
    header.iter().chain([&rule]).chain(body).map(line).collect::<Vec<String>>().join("\n")
}

/// Writes a table into a Markdown file: in the place of the table with the same header, or at the end.
pub(crate) fn write_into(file: &Path, table: &str) -> io::Result<()> {
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let cells = |line: &str| -> Vec<String> { line.split('|').map(|cell| cell.trim().to_owned()).collect() };
    let header = cells(table.lines().next().unwrap_or_default());
    let before: Vec<&str> = text.lines().take_while(|line| cells(line) != header).collect();
    let after = text.lines().skip(before.len()).skip_while(|line| line.starts_with('|'));
    let lines: Vec<&str> = before.iter().copied().chain(table.lines()).chain(after).collect();
    std::fs::write(file, lines.join("\n") + "\n")
}
