//! Tables of words and numbers on a terminal.

use crate::output::count;

/// How many rows of users or of places are listed; JSON has them all.
pub(super) const MOST_ROWS: usize = 20;

/// What stands below a table that has no more room.
pub(super) fn more(left_out: usize, thing: &str) -> String {
    if left_out == 0 {
        String::new()
    } else {
        format!(
            "and {}; --format json has all\n",
            count(left_out, &format!("more {thing}"))
        )
    }
}

/// Rows under titles; the first column to the left, numbers to the right. Nothing where there are no rows.
pub(crate) fn table(titles: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let titles = titles.iter().map(|title| (*title).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(titles).chain(rows).collect();
    let columns = all.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &all {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text.push('\n');
    text
}
