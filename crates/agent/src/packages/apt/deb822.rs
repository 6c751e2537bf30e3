//! Stanzas and their fields: the text form of dpkg's status, of package lists, sources and preferences.
//! Two readers: one over borrowed bytes for large files, one with line numbers for small files with comments.

use memchr::memchr;

/// A field that cannot be understood, `at` bytes into the stanza.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    pub at: usize,
    pub reason: &'static str,
}

/// The fields of one stanza, values trimmed, continuation lines inside the value.
pub struct Fields<'a> {
    stanza: &'a [u8],
    at: usize,
}

pub fn fields(stanza: &[u8]) -> Fields<'_> {
    Fields { stanza, at: 0 }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let rest = &self.stanza[start..];
        if rest.is_empty() {
            return None;
        }
        let mut end = memchr(b'\n', rest).unwrap_or(rest.len());
        // Names are short: a loop is as quick as a search.
        let colon = rest[..end].iter().position(|&byte| byte == b':');
        while let Some(&(b' ' | b'\t')) = rest.get(end + 1) {
            end = memchr(b'\n', &rest[end + 1..]).map_or(rest.len(), |more| end + 1 + more);
        }
        self.at = start + (end + 1).min(rest.len());
        if matches!(rest[0], b' ' | b'\t') {
            return Some(Err(Malformed { at: start, reason: "continuation line without a field" }));
        }
        Some(match colon {
            None | Some(0) => Err(Malformed { at: start, reason: "line without a field name" }),
            Some(colon) => Ok((rest[..colon].trim_ascii_end(), rest[colon + 1..end].trim_ascii())),
        })
    }
}

/// One stanza of a small file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stanza {
    /// Of its first field, from 1.
    pub line: u64,
    fields: Vec<(String, String)>,
}

impl Stanza {
    /// Field names compare without case; of a repeated field the last counts.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().rev().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(found.1.as_str())
    }

    pub fn words(&self, name: &str) -> Vec<&str> {
        self.get(name).map_or_else(Vec::new, |value| value.split_ascii_whitespace().collect())
    }
}

/// Parses a small file whose lines may be comments. Fails with the line and the reason.
pub fn stanzas(text: &str) -> Result<Vec<Stanza>, (u64, &'static str)> {
    let mut all: Vec<Stanza> = Vec::new();
    let mut current = Stanza::default();
    for (index, line) in text.lines().enumerate() {
        let number = index as u64 + 1;
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            if !current.fields.is_empty() {
                all.push(std::mem::take(&mut current));
            }
            continue;
        }
        if line.starts_with([' ', '\t']) {
            let (_, value) =
                current.fields.last_mut().ok_or((number, "continuation line without a field"))?;
            value.push('\n');
            value.push_str(line.trim());
            continue;
        }
        let (name, value) = line.split_once(':').ok_or((number, "line without a field name"))?;
        if name.trim().is_empty() {
            return Err((number, "line without a field name"));
        }
        if current.fields.is_empty() {
            current.line = number;
        }
        current.fields.push((name.trim_end().to_owned(), value.trim().to_owned()));
    }
    if !current.fields.is_empty() {
        all.push(current);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_fields_with_continuations() {
        let all: Vec<_> = fields(b"Package: a\nDepends: b,\n c\nEmpty:\n").map(Result::unwrap).collect();
        assert_eq!(all, [(&b"Package"[..], &b"a"[..]), (b"Depends", b"b,\n c"), (b"Empty", b"")]);
    }

    #[test]
    fn tells_where_a_line_is_not_a_field() {
        let errors: Vec<_> = fields(b"Package: a\nnonsense\n").filter_map(Result::err).collect();
        assert_eq!(errors, [Malformed { at: 11, reason: "line without a field name" }]);
    }

    #[test]
    fn small_files_have_comments_and_lines() {
        let all = stanzas("# c\n\nTypes: deb\n# c\nURIs: x\n y\n\n\nTypes: b\n").unwrap();
        assert_eq!((all.len(), all[0].line, all[1].line), (2, 3, 9));
        assert_eq!(all[0].words("uris"), ["x", "y"]);
        assert_eq!(stanzas("A: b\noops\n").unwrap_err().0, 2);
    }
}
