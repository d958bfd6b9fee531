//! Tables: aligned, without frames, so that they read as well in a terminal as through a pipe.

use comfy_table::{CellAlignment, Table, presets};

/// A column: its heading, and how it is aligned.
pub(super) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// Writes rows under headings.
pub(super) fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(heading) | Column::Number(heading) => *heading,
    }));
    table.add_rows(rows);
    for (place, column) in columns.iter().enumerate() {
        let Some(cells) = table.column_mut(place) else { continue };
        cells.set_padding((0, 2));
        if matches!(column, Column::Number(_)) {
            cells.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
