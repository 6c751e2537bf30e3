//! zypper's locks: queries over packages, kept in `/etc/zypp/locks`.
//! Source: zypper(8), package lock management; locks(5).

use std::path::Path;

use domain::patch::version_rpm::compare;
use regex::{Regex, RegexBuilder};

use super::super::ScanError;
use super::super::root::Root;
use super::super::rpm::glob::Glob;
use super::super::rpm::node::Lock;

#[derive(Debug, Default)]
pub struct Locks {
    locks: Vec<Query>,
}

#[derive(Debug)]
struct Query {
    names: Vec<Name>,
    folds_case: bool,
    /// An operator and a version; without one, every version is locked.
    version: Option<(String, String)>,
}

#[derive(Debug)]
enum Name {
    Exact(String),
    Part(String),
    Glob(Glob),
    Regex(Regex),
}

impl Locks {
    pub fn load(root: &Root, path: &Path) -> Result<Self, ScanError> {
        let bytes = root.read(path)?.unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&bytes)).map_err(|(line, reason)| ScanError::Malformed {
            path: root.shown(path),
            line,
            reason,
        })
    }

    fn parse(text: &str) -> Result<Self, (u64, String)> {
        let (mut locks, mut fields, mut first_line) = (Vec::new(), Vec::new(), 1);
        // A blank line ends a query; so does the end.
        for (number, line) in (1u64..).zip(text.lines().chain([""])) {
            let line = line.trim();
            if line.starts_with('#') {
                continue;
            }
            if let Some((key, value)) = line.split_once(':') {
                if fields.is_empty() {
                    first_line = number;
                }
                fields.push((key.trim().to_ascii_lowercase(), value.trim()));
            } else if line.is_empty() {
                let query = Query::of(&std::mem::take(&mut fields)).map_err(|reason| (first_line, reason))?;
                locks.extend(query);
            } else {
                return Err((number, "neither a field nor a blank line".to_owned()));
            }
        }
        Ok(Self { locks })
    }

    pub fn lock(&self, name: &str, version: &str) -> Lock {
        let mut lock = Lock::None;
        for query in self.locks.iter().filter(|query| query.names(name)) {
            if query.has(version) {
                return Lock::Forbids;
            }
            lock = Lock::Allows;
        }
        lock
    }
}

impl Query {
    /// `None` for locks of anything but packages.
    fn of(fields: &[(String, &str)]) -> Result<Option<Self>, String> {
        let get = |key: &str| fields.iter().find(|(known, _)| known == key).map(|(_, value)| *value);
        if fields.is_empty() || get("type").is_some_and(|kind| !matches!(kind, "package" | "")) {
            return Ok(None);
        }
        let folds_case =
            !get("case_sensitive").is_some_and(|value| matches!(value, "on" | "true" | "1" | "yes"));
        let fold = |text: &str| if folds_case { text.to_lowercase() } else { text.to_owned() };
        let written =
            fields.iter().filter(|(key, _)| matches!(key.as_str(), "solvable_name" | "name" | "string"));
        let kind = get("match_type").unwrap_or("substring");
        let names = written.map(|(_, value)| match kind {
            "exact" => Ok(Name::Exact(fold(value))),
            "glob" => Ok(Name::Glob(Glob::new(&fold(value)))),
            "regex" => RegexBuilder::new(value)
                .case_insensitive(folds_case)
                .build()
                .map(Name::Regex)
                .map_err(|error| format!("the expression `{value}`: {error}")),
            "substring" | "word" | "words" => Ok(Name::Part(fold(value))),
            other => Err(format!("locks that match by `{other}` are not known")),
        });
        let version = get("version").map(|value| {
            let end = value.find(|c: char| !"<>=!".contains(c)).unwrap_or(value.len());
            (value[..end].to_owned(), value[end..].trim().to_owned())
        });
        Ok(Some(Self { names: names.collect::<Result<_, _>>()?, folds_case, version }))
    }

    fn names(&self, name: &str) -> bool {
        let folded = if self.folds_case { name.to_lowercase() } else { name.to_owned() };
        self.names.iter().any(|known| match known {
            Name::Exact(text) => *text == folded,
            Name::Part(text) => folded.contains(text),
            Name::Glob(glob) => glob.matches(&folded),
            Name::Regex(regex) => regex.is_match(name),
        })
    }

    fn has(&self, version: &str) -> bool {
        let Some((operator, limit)) = &self.version else { return true };
        let upstream = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
        let order = compare(if limit.contains('-') { version } else { upstream }, limit);
        match operator.as_str() {
            "" | "=" | "==" => order.is_eq(),
            "!=" => order.is_ne(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_lock_packages() {
        let text = "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: kernel-*\n\n\
                    type: patch\nmatch_type: exact\nsolvable_name: bash\n\n\
                    type: package\nmatch_type: exact\ncase_sensitive: off\nsolvable_name: VIM\nversion: > 9.0\n\n\
                    # c\ntype: package\nmatch_type: regex\nsolvable_name: ^lib(a|b)$\n";
        let locks = Locks::parse(text).unwrap();
        let check = |name: &str, version: &str, expected: Lock| {
            assert_eq!(locks.lock(name, version), expected, "{name}")
        };
        check("kernel-default", "1-1", Lock::Forbids);
        check("Kernel-default", "1-1", Lock::None);
        check("bash", "1-1", Lock::None);
        check("vim", "9.0-1", Lock::Allows);
        check("vim", "9.1-1", Lock::Forbids);
        check("libb", "1-1", Lock::Forbids);
        check("libbb", "1-1", Lock::None);
        assert!(matches!(Locks::parse("x"), Err((1, _))));
        assert!(Locks::parse("match_type: regex\nsolvable_name: (\n").is_err());
    }
}
