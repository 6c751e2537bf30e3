//! apt's configuration tree: the syntax of apt.conf(5) and the lookups that the reader needs.
//! Which files are read, and in what order, is decided in `settings`.

use super::super::ScanError;
use std::path::Path;

/// Options in the order in which they were first set. Names compare without case.
#[derive(Clone, Debug, Default)]
pub struct Config {
    options: Vec<(String, String)>,
    /// Numbers the nameless members of lists, so that each is an option of its own.
    lists: usize,
}

impl Config {
    /// Overwrites; a name that ends in `::` adds a member to a list.
    pub fn set(&mut self, name: &str, value: &str) {
        let mut name = name.to_ascii_lowercase();
        if name.ends_with("::") {
            self.lists += 1;
            name.push_str(&format!("#{:08}", self.lists));
        }
        match self.options.iter_mut().find(|(known, _)| *known == name) {
            Some(option) => value.clone_into(&mut option.1),
            None => self.options.push((name, value.to_owned())),
        }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.options.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(found.1.as_str())
    }

    fn clear(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        let below = format!("{name}::");
        self.options.retain(|(known, _)| *known != name && !known.starts_with(&below));
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        to_bool(self.get(name)?)
    }

    /// The members of a list, or the parts of a comma-separated value.
    pub fn list(&self, name: &str) -> Vec<String> {
        if let Some(value) = self.get(name).filter(|value| !value.is_empty()) {
            return value.split(',').map(str::to_owned).collect();
        }
        let below = format!("{}::", name.to_ascii_lowercase());
        let member = |known: &String| known.strip_prefix(&below).is_some_and(|rest| !rest.contains("::"));
        let members = self.options.iter().filter(|(known, value)| member(known) && !value.is_empty());
        members.map(|(_, value)| value.clone()).collect()
    }

    /// A path option: a relative value stands below the value of its parent option, and so on up.
    /// `None` when it is not set, or set to nothing.
    pub fn path(&self, name: &str) -> Option<String> {
        let mut path = self.get(name).filter(|value| !value.is_empty())?.to_owned();
        let mut parent = name;
        while let Some((above, _)) = parent.rsplit_once("::") {
            parent = above;
            if path.starts_with('/')
                || path.starts_with("./")
                || path.starts_with("../")
                || path.starts_with("~/")
            {
                break;
            }
            let Some(prefix) = self.get(parent).filter(|value| !value.is_empty()) else { continue };
            let separator = if prefix.ends_with('/') { "" } else { "/" };
            path = format!("{prefix}{separator}{path}");
        }
        if path.starts_with("/dev/null") {
            path.truncate("/dev/null".len());
        }
        match self.get("RootDir").filter(|value| !value.is_empty()) {
            Some(root) => Some(format!("{}/{}", root.trim_end_matches('/'), path.trim_start_matches('/'))),
            None => Some(path),
        }
    }

    /// Reads one file's text. `include` is called for each `#include`, in place.
    pub fn parse(
        &mut self,
        text: &str,
        path: &Path,
        include: &mut dyn FnMut(&mut Self, &str) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        let mut parser = Parser::default();
        for (index, line) in text.lines().enumerate() {
            let failed = |reason: String| {
                let line = index as u64 + 1;
                ScanError::Malformed { path: path.to_owned(), line, reason }
            };
            let fragment = parser.strip_comments(line);
            for event in parser.statements(&fragment) {
                match event.map_err(failed)? {
                    Statement::Set(name, value) => self.set(&name, &value),
                    Statement::Clear(name) => self.clear(&name),
                    Statement::Include(file) => include(self, &file)?,
                }
            }
        }
        if parser.pending.is_empty() {
            return Ok(());
        }
        let line = text.lines().count() as u64;
        let reason = format!("statement without an end: `{}`", parser.pending);
        Err(ScanError::Malformed { path: path.to_owned(), line, reason })
    }
}

/// `None` for text that is neither a yes nor a no.
pub fn to_bool(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["0", "no", "false", "without", "off", "disable"]) {
        Some(false)
    } else if is(&["1", "yes", "true", "with", "on", "enable"]) {
        Some(true)
    } else {
        None
    }
}

enum Statement {
    Set(String, String),
    Clear(String),
    Include(String),
}

#[derive(Default)]
struct Parser {
    in_comment: bool,
    /// What has been read of a statement that is not ended yet.
    pending: String,
    scopes: Vec<String>,
}

impl Parser {
    fn strip_comments(&mut self, line: &str) -> String {
        let start = line.trim_start();
        if !self.in_comment && (start.is_empty() || start.starts_with("//") || start.starts_with("# ")) {
            return String::new();
        }
        if !self.in_comment && !line.contains(['/', '#', '\t']) {
            return line.trim().to_owned();
        }
        let line = line.replace('\t', "        ");
        let mut rest = line.trim();
        if self.in_comment {
            let Some(end) = rest.find("*/") else { return String::new() };
            rest = &rest[end + 2..];
            self.in_comment = false;
        }
        rest = &rest[..unquoted(rest, "//", |_| true).unwrap_or(rest.len())];
        let plain = |after: &str| {
            !["clear", "include", "x-apt-configure-index"].iter().any(|word| after.starts_with(word))
        };
        rest = &rest[..unquoted(rest, "#", plain).unwrap_or(rest.len())];
        let mut fragment = String::new();
        while let Some(start) = unquoted(rest, "/*", |_| true) {
            fragment.push_str(&rest[..start]);
            match rest[start + 2..].find("*/") {
                Some(end) => rest = &rest[start + 2 + end + 2..],
                None => {
                    self.in_comment = true;
                    rest = "";
                }
            }
        }
        fragment.push_str(rest);
        fragment
    }

    fn statements(&mut self, fragment: &str) -> Vec<Result<Statement, String>> {
        let mut statements = Vec::new();
        let (mut start, mut in_quote) = (0, false);
        for (at, byte) in fragment.bytes().enumerate() {
            in_quote ^= byte == b'"';
            if in_quote || !matches!(byte, b'{' | b';' | b'}') {
                continue;
            }
            self.append(fragment[start..at].trim());
            start = at + 1;
            match self.end_statement(byte) {
                Ok(Some(statement)) => statements.push(Ok(statement)),
                Ok(None) => {}
                Err(reason) => {
                    statements.push(Err(reason));
                    return statements;
                }
            }
        }
        self.append(fragment[start..].trim());
        statements
    }

    fn append(&mut self, text: &str) {
        if !self.pending.is_empty() && !text.is_empty() {
            self.pending.push(' ');
        }
        self.pending.push_str(text);
    }

    fn end_statement(&mut self, end: u8) -> Result<Option<Statement>, String> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            match end {
                b'{' => return Err("block without a name".to_owned()),
                b'}' => drop(self.scopes.pop()),
                _ => {}
            }
            return Ok(None);
        }
        let (tag, rest) = split_word(&pending).ok_or_else(|| format!("malformed name in `{pending}`"))?;
        let (mut tag, mut value) = (tag, None);
        if rest.is_empty() {
            if end != b'{' {
                value = Some(std::mem::take(&mut tag));
            }
        } else {
            let (word, junk) = split_value(rest).ok_or_else(|| format!("malformed value in `{pending}`"))?;
            if !junk.is_empty() {
                return Err(format!("text after the value in `{pending}`"));
            }
            value = Some(word);
        }
        let parent = self.scopes.last().cloned().unwrap_or_default();
        let name = if parent.is_empty() { tag.clone() } else { format!("{parent}::{tag}") };
        if end == b'{' {
            self.scopes.push(name.clone());
        }
        let statement = match (tag.strip_prefix('#'), value) {
            (Some("clear"), Some(value)) => Some(Statement::Clear(value)),
            (Some("include"), Some(value)) => Some(Statement::Include(value)),
            (Some("x-apt-configure-index"), _) => None,
            (Some(word), _) => return Err(format!("unknown directive `#{word}`")),
            (None, Some(value)) => Some(Statement::Set(name, value)),
            (None, None) => None,
        };
        if end == b'}' {
            self.scopes.pop();
        }
        Ok(statement)
    }
}

/// Where `wanted` first stands outside double quotes, `keep` permitting.
fn unquoted(text: &str, wanted: &str, keep: impl Fn(&str) -> bool) -> Option<usize> {
    // Nearly every line has none of these signs, and a loop is much cheaper than a search for a word.
    if !text.as_bytes().contains(&wanted.as_bytes()[0]) {
        return None;
    }
    text.match_indices(wanted).map(|(at, _)| at).find(|&at| {
        let quotes = text[..at].bytes().filter(|&byte| byte == b'"').count();
        quotes % 2 == 0 && keep(&text[at + wanted.len()..])
    })
}

/// The first word, `%` escapes resolved and quotes dropped, and what follows it.
pub fn split_word(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches(' ');
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < bytes.len() && !bytes[end].is_ascii_whitespace() {
        let closing = match bytes[end] {
            b'"' => Some('"'),
            b'[' => Some(']'),
            _ => None,
        };
        if let Some(closing) = closing {
            end += 1 + text[end + 1..].find(closing)?;
        }
        end += 1;
    }
    if end == 0 {
        return None;
    }
    let mut word = Vec::with_capacity(end);
    let mut at = 0;
    while at < end {
        let escape = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(byte) = escape.filter(|_| at + 2 < end).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            word.push(byte);
            at += 3;
            continue;
        }
        if bytes[at] != b'"' {
            word.push(bytes[at]);
        }
        at += 1;
    }
    Some((String::from_utf8_lossy(&word).into_owned(), text[end..].trim_start()))
}

/// One value: quoted strings that follow one another are one value, anything else is a word.
fn split_value(text: &str) -> Option<(String, &str)> {
    let mut rest = text.trim_start();
    if !rest.starts_with('"') {
        return split_word(rest);
    }
    let mut value = String::new();
    while let Some(inner) = rest.strip_prefix('"') {
        let end = inner.find('"')?;
        value.push_str(&inner[..end]);
        rest = inner[end + 1..].trim_start();
    }
    Some((value, rest))
}
