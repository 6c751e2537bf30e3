//! One row: its columns, decoded when asked for. And the column names in the text that made the table.

use super::page::varint;

/// Columns beyond this are those of no table that is read here.
const MAX_COLUMNS: usize = 64;

pub struct Row<'a> {
    pub id: i64,
    /// Type and place of each column.
    columns: Vec<(u64, &'a [u8])>,
}

impl<'a> Row<'a> {
    pub fn parse(id: i64, payload: &'a [u8]) -> Result<Self, &'static str> {
        const SHORT: &str = "a row that ends early";
        let (header_bytes, _) = varint(payload).ok_or(SHORT)?;
        let header_bytes = usize::try_from(header_bytes).map_err(|_| SHORT)?;
        let (header, mut body) = payload.split_at_checked(header_bytes).ok_or(SHORT)?;
        let (_, mut header) = varint(header).ok_or(SHORT)?;
        let mut columns = Vec::with_capacity(2);
        while !header.is_empty() && columns.len() < MAX_COLUMNS {
            let (kind, rest) = varint(header).ok_or(SHORT)?;
            let (value, after) = body.split_at_checked(length_of(kind)?).ok_or(SHORT)?;
            columns.push((kind, value));
            (header, body) = (rest, after);
        }
        Ok(Self { id, columns })
    }

    pub fn integer(&self, column: usize) -> Option<i64> {
        let (kind, bytes) = *self.columns.get(column)?;
        match kind {
            1..=6 => {
                let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
                let start = if negative { -1 } else { 0 };
                Some(bytes.iter().fold(start, |value, &byte| value << 8 | i64::from(byte)))
            }
            8 => Some(0),
            9 => Some(1),
            _ => None,
        }
    }

    /// `None` for what is not text, or not UTF-8.
    pub fn text(&self, column: usize) -> Option<&'a str> {
        let (kind, bytes) = *self.columns.get(column)?;
        if kind < 13 || kind % 2 == 0 {
            return None;
        }
        std::str::from_utf8(bytes).ok()
    }

    pub fn blob(&self, column: usize) -> Option<&'a [u8]> {
        let (kind, bytes) = *self.columns.get(column)?;
        (kind >= 12 && kind % 2 == 0).then_some(bytes)
    }
}

fn length_of(kind: u64) -> Result<usize, &'static str> {
    match kind {
        0 | 8 | 9 => Ok(0),
        1..=4 => Ok(kind as usize),
        5 => Ok(6),
        6 | 7 => Ok(8),
        10 | 11 => Err("a column of a type that SQLite does not have"),
        _ => usize::try_from((kind - 12) / 2).map_err(|_| "a column longer than memory"),
    }
}

/// The column names of a `CREATE TABLE` statement.
pub fn columns(statement: &str) -> Vec<String> {
    let statement = without_comments(statement);
    let Some((_, body)) = statement.split_once('(') else { return Vec::new() };
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in body.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => {
                parts.push(&body[start..at]);
                break;
            }
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    let name = |part: &str| {
        let word = part.split_whitespace().next()?;
        let is_constraint = ["PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "CONSTRAINT"]
            .iter()
            .any(|keyword| word.eq_ignore_ascii_case(keyword));
        (!is_constraint).then(|| word.trim_matches(['"', '`', '[', ']', '\'']).to_owned())
    };
    parts.into_iter().filter_map(name).collect()
}

/// SQLite keeps a statement as it was written, and comments may hold anything.
fn without_comments(statement: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(statement.len()), statement);
    while let Some(at) = rest.find(['/', '-']) {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        let end = match from.get(..2) {
            Some("/*") => from.find("*/").map_or(from.len(), |end| end + 2),
            Some("--") => from.find('\n').unwrap_or(from.len()),
            _ => {
                plain.push_str(&from[..1]);
                1
            }
        };
        rest = &from[end..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_columns() {
        let statement = "CREATE TABLE t (a INT, /* (x, y) */ b TEXT DEFAULT '/', -- c, d)\n e INT /* open";
        assert_eq!(columns(&format!("{statement} */, f)")), ["a", "b", "e", "f"]);
        assert_eq!(columns("CREATE TABLE t (a-b, c)"), ["a-b", "c"]);
        assert_eq!(columns(statement), ["a", "b"], "a statement that ends early");
    }

    #[test]
    fn decodes_numbers() {
        let row = Row::parse(1, &[6, 1, 2, 8, 9, 15, 0xff, 0x01, 0x00, b'x']).unwrap();
        assert_eq!(
            [row.integer(0), row.integer(1), row.integer(2), row.integer(3)],
            [Some(-1), Some(256), Some(0), Some(1)]
        );
        assert_eq!((row.text(4), row.integer(4), row.text(9)), (Some("x"), None, None));
        assert!(Row::parse(1, &[3, 1, 2, 0xff]).is_err());
    }
}
