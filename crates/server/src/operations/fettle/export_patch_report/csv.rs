//! Rows as CSV that a spreadsheet opens without running anything in it. Source: RFC 4180.

use std::fmt::Write;

/// A line of names, then numbered rows.
pub struct Table {
    text: String,
    rows: usize,
}

impl Table {
    /// The first column is the number.
    pub fn new(names: &[&str]) -> Self {
        let mut table = Self { text: String::new(), rows: 0 };
        table.line(names.iter().copied());
        table
    }

    pub fn push(&mut self, cells: Vec<String>) {
        self.rows += 1;
        let number = self.rows.to_string();
        self.line(std::iter::once(number.as_str()).chain(cells.iter().map(String::as_str)));
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn into_text(self) -> String {
        self.text
    }

    fn line<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        for (place, cell) in cells.enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            cell_text(&mut self.text, cell);
        }
        self.text.push_str("\r\n");
    }
}

/// What a spreadsheet would take for a formula is told to be text.
fn cell_text(out: &mut String, cell: &str) {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    match cell.contains([',', '"', '\r', '\n']) {
        true => {
            let _ = write!(out, "\"{}\"", cell.replace('"', "\"\""));
        }
        false => out.push_str(&cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_run_nothing() {
        let mut table = Table::new(&["Index", "a", "b"]);
        table.push(vec!["say \"hi\", you".to_owned(), "=cmd()".to_owned()]);
        table.push(vec!["a\nb".to_owned(), String::new()]);
        assert_eq!(table.rows(), 2);
        let expected = "Index,a,b\r\n1,\"say \"\"hi\"\", you\",'=cmd()\r\n2,\"a\nb\",\r\n";
        assert_eq!(table.into_text(), expected);
    }
}
