//! Where the versions of now could come back from: what dnf would install once more, or a package file that it keeps.
//! Source: dnf.conf(5) and yum.conf(5), keepcache and cachedir; dnf's list of files that it means to take away.

use std::path::{Path, PathBuf};

use domain::patch::Failure;
use domain::patch::transaction::{Change, Wanted};
use domain::patch::way_back::{OldVersion, WayBack};

use super::super::super::dnf::config::Main;
use super::super::super::old_versions;
use super::super::super::root::Root;
use super::super::super::tool::{Finished, ToolRun};
use super::super::super::transaction::SOLVER_LIMIT;
use super::super::super::ways_back::before_change;
use super::super::kept::{Kept, Search};
use super::place::Place;
use super::table::{self, Action, Row};
use super::{argument, failures};

/// In a cache folder of dnf 4: packages that are deleted after the next transaction that succeeds.
const PASSING: &str = "tempfiles.json";
/// Asked for one by one where dnf refuses all for one of them.
const MAX_SINGLE: usize = 40;

/// Package files of these versions that stay.
pub fn kept(root: &Root, place: &Place, changes: &[Change], run: &mut ToolRun) -> Result<Kept, Failure> {
    let folders: Vec<PathBuf> =
        Main::load(root)?.cache_folders.iter().map(|folder| literal(folder)).collect();
    let mut passing = Vec::new();
    for folder in &folders {
        passing.extend(passing_files(&root.read(&folder.join(PASSING))?.unwrap_or_default()));
    }
    let (seen, rpm) = (|path: &Path| place.seen(path), || place.rpm_of_files());
    let search = Search { root, folders: &folders, passing: &passing, seen: &seen, rpm: &rpm };
    Kept::find(&search, changes, run)
}

/// The folder above what depends on variables of the repositories.
fn literal(folder: &str) -> PathBuf {
    match folder.find('$') {
        Some(at) => PathBuf::from(folder[..at].trim_end_matches('/')),
        None => PathBuf::from(folder),
    }
}

fn passing_files(json: &[u8]) -> Vec<PathBuf> {
    serde_json::from_slice(json).unwrap_or_default()
}

pub fn find(
    place: &Place,
    changes: &[Change],
    kept: &Kept,
    run: &mut ToolRun,
) -> Result<Vec<WayBack>, Failure> {
    let old: Vec<Wanted> = changes.iter().filter(|change| change.from.is_some()).map(before_change).collect();
    let rows = offered(place, &old, run)?;
    old_versions::each(changes, |change, version| {
        let is_it = |row: &&Row| row.name == change.name && row.arch == change.arch && row.version == version;
        Ok(match (rows.iter().find(is_it), kept.of(change)) {
            (Some(row), _) => OldVersion::Repository { name: row.repository.clone() },
            (None, Some(file)) => OldVersion::Cache { file: file.display().to_string() },
            (None, None) => old_versions::in_no_place(change, version),
        })
    })
}

/// What dnf would install once more. One that it cannot have may keep the others from being told.
fn offered(place: &Place, old: &[Wanted], run: &mut ToolRun) -> Result<Vec<Row>, Failure> {
    if old.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = ask(place, old, run)?;
    if rows.is_empty() && old.len() > 1 && old.len() <= MAX_SINGLE {
        for one in old {
            rows.extend(ask(place, std::slice::from_ref(one), run)?);
        }
    }
    Ok(rows)
}

fn ask(place: &Place, old: &[Wanted], run: &mut ToolRun) -> Result<Vec<Row>, Failure> {
    let tool = place.dnf().args(["--assumeno", "reinstall"]).args(old.iter().map(argument));
    let finished: Finished = run.run(&tool.at_most(SOLVER_LIMIT).quiet())?;
    let mut rows = table::read(finished.out()).rows;
    rows.retain(|row| row.action == Action::Reinstall);
    failures::unanswered(&finished).map_or(Ok(rows), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_files_of_caches() {
        assert_eq!(literal("/var/cache/yum/$basearch/$releasever"), Path::new("/var/cache/yum"));
        assert_eq!(literal("/var/cache/dnf"), Path::new("/var/cache/dnf"));
        assert_eq!(
            passing_files(br#"["/var/cache/dnf/a/packages/a.rpm"]"#),
            [Path::new("/var/cache/dnf/a/packages/a.rpm")]
        );
        assert_eq!(passing_files(b""), Vec::<PathBuf>::new());
    }
}
