//! Files by path and pattern: what they are called, how large and how old they are.
//! Source: spec agent-protocol 7.5; Systems Manager user guide, file inventory: 500 files, 200 folders' worth of looking.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use api::Timestamp;
use serde::Deserialize;

use super::{Entry, entry};

/// Of all filters together.
const MOST_FILES: usize = 500;
const MOST_FOLDERS: usize = 5_000;
const MOST_FILTERS: usize = 10;
const MOST_TIME: Duration = Duration::from_secs(60);
const DEEPEST: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    path: String,
    #[serde(default)]
    pattern: Vec<String>,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    dir_scan_limit: Option<usize>,
}

/// The entries, and what was left out.
pub fn gather(root: &Path, filters: &str) -> anyhow::Result<(Vec<Entry>, Vec<String>)> {
    let filters: Vec<Filter> = serde_json::from_str(filters).context("expected a JSON list of filters")?;
    if filters.len() > MOST_FILTERS {
        bail!("there are {} filters; at most {MOST_FILTERS} are taken", filters.len());
    }
    let mut search = Search { found: Vec::new(), notes: Vec::new(), until: Instant::now() + MOST_TIME };
    for filter in &filters {
        let path = Path::new(filter.path.trim());
        if !path.is_absolute() {
            bail!("`{}` is not an absolute path", filter.path.escape_debug());
        }
        let inside = root.join(path.strip_prefix("/").unwrap_or(path));
        let mut folders_left = filter.dir_scan_limit.unwrap_or(MOST_FOLDERS).min(MOST_FOLDERS);
        search.folder((&inside, path), filter, &mut folders_left, 0);
    }
    let Search { mut found, notes, .. } = search;
    found.sort_unstable();
    found.dedup();
    Ok((found, notes))
}

struct Search {
    found: Vec<Entry>,
    notes: Vec<String>,
    until: Instant,
}

impl Search {
    /// `inside` is where it is looked, `shown` what it is called. Links are not followed: they would lead in circles.
    fn folder(
        &mut self,
        (inside, shown): (&Path, &Path),
        filter: &Filter,
        folders_left: &mut usize,
        depth: usize,
    ) {
        if *folders_left == 0 || depth > DEEPEST || Instant::now() > self.until {
            self.note(format!("{}: not looked at: the limit of folders or of time", shown.display()));
            return;
        }
        *folders_left -= 1;
        let Ok(entries) = fs::read_dir(inside) else {
            if depth == 0 {
                self.note(format!("{}: there is no such folder", shown.display()));
            }
            return;
        };
        let mut folders: Vec<PathBuf> = Vec::new();
        for found in entries.flatten() {
            let Ok(kind) = found.file_type() else { continue };
            let name = found.file_name();
            if kind.is_dir() && filter.recursive {
                folders.push(name.into());
            } else if kind.is_file() && filter.takes(&name.to_string_lossy()) {
                if self.found.len() == MOST_FILES {
                    self.note(format!("there are more than {MOST_FILES} files; the others are left out"));
                    return;
                }
                let Ok(metadata) = found.metadata() else { continue };
                self.found.push(describe(&name.to_string_lossy(), shown, &metadata));
            }
        }
        folders.sort_unstable();
        for name in folders {
            self.folder((&inside.join(&name), &shown.join(&name)), filter, folders_left, depth + 1);
        }
    }

    /// Once of each kind: a list of what is missing could be longer than what is there.
    fn note(&mut self, text: String) {
        const MOST: usize = 5;
        if self.notes.len() < MOST && !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

impl Filter {
    fn takes(&self, name: &str) -> bool {
        self.pattern.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
    }
}

fn describe(name: &str, folder: &Path, metadata: &fs::Metadata) -> Entry {
    entry([
        ("Name", name.to_owned()),
        ("Size", metadata.len().to_string()),
        ("ModificationTime", time(metadata.modified())),
        ("LastAccessTime", time(metadata.accessed())),
        ("InstalledDir", folder.to_string_lossy().into_owned()),
    ])
}

fn time(at: std::io::Result<SystemTime>) -> String {
    let since = at.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let seconds = since.and_then(|since| i64::try_from(since.as_secs()).ok());
    seconds.map(|seconds| Timestamp::from_seconds(seconds).to_iso_seconds()).unwrap_or_default()
}

/// `*` stands for anything, `?` for one character.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut star) = ((0, 0), None);
    while at.1 < name.len() {
        match pattern.get(at.0) {
            Some(b'*') => {
                star = Some((at.0 + 1, at.1));
                at.0 += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted == name[at.1] => at = (at.0 + 1, at.1 + 1),
            _ => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    at = (after, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at.0..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        };
        check("*", "", true);
        check("*.conf", "a.conf", true);
        check("*.conf", "a.conf.bak", false);
        check("a*b*c", "axxbyyc", true);
        check("a*b*c", "axxbyy", false);
        check("h?sts", "hosts", true);
        check("h?sts", "hsts", false);
        check("", "a", false);
        check("**", "abc", true);
    }

    #[test]
    fn finds_what_is_asked_for_and_says_what_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc/sub")).unwrap();
        for path in ["etc/a.conf", "etc/b.txt", "etc/sub/c.conf"] {
            fs::write(dir.path().join(path), "12345").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("..", dir.path().join("etc/sub/loop")).unwrap();
        let names = |filters: &str| {
            let (found, notes) = gather(dir.path(), filters).unwrap();
            let shown = |entry: &Entry| format!("{}/{}", entry["InstalledDir"], entry["Name"]);
            (found.iter().map(shown).collect::<Vec<_>>(), notes.len())
        };
        let flat = r#"[{"Path":"/etc","Pattern":["*.conf"],"Recursive":false}]"#;
        assert_eq!(names(flat), (vec!["/etc/a.conf".to_owned()], 0));
        let deep = r#"[{"Path":"/etc","Pattern":["*.conf","b*"],"Recursive":true}]"#;
        assert_eq!(names(deep).0.len(), 3);
        let limited = r#"[{"Path":"/etc","Pattern":["*"],"Recursive":true,"DirScanLimit":1}]"#;
        assert_eq!(names(limited).1, 1);
        assert_eq!(names(r#"[{"Path":"/nowhere","Pattern":["*"]}]"#), (vec![], 1));
        for wrong in ["{}", "[{\"Path\":\"etc\"}]", "x"] {
            assert!(gather(dir.path(), wrong).is_err(), "{wrong}");
        }
    }
}
