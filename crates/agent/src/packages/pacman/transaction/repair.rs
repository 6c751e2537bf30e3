//! Finishing what a killed pacman left. It removes a package's record before it unpacks the next version, so that in
//! between the package is in no database; what was about to be done is therefore noted beforehand, in a file of our own.
//! A transaction of somebody else's leaves a folder without a readable record, which names what it was about.

use std::path::{Path, PathBuf};

use domain::patch::transaction::Change;
use domain::patch::{Failure, FailureCode};
use serde::{Deserialize, Serialize};

use super::super::super::lock;
use super::super::super::root::Root;
use super::super::super::tool::{ToolRun, failure};
use super::super::desc::Desc;
use super::super::local::{self, Local};
use super::installed::Installed;
use super::place::Place;
use super::{Pacman, failures, files};
use crate::files::{remove_dir_if_present, remove_if_present, write_atomically};

/// Within the root.
const NOTE: &str = "/var/cache/fettle-agent/pacman-transaction.json";

/// A package that a transaction was about to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    name: String,
    arch: String,
    from: Option<String>,
    to: Option<String>,
    is_dependency: bool,
}

/// Written, and on the disk, before the transaction begins.
pub fn note(root: &Root, changes: &[Change], before: &Installed) -> Result<(), Failure> {
    let noted: Vec<Noted> = changes
        .iter()
        .map(|change| Noted {
            name: change.name.clone(),
            arch: change.arch.clone(),
            from: change.from.clone(),
            to: change.to.clone(),
            is_dependency: before.get(&change.name).is_none_or(|package| package.is_dependency),
        })
        .collect();
    let path = root.shown(Path::new(NOTE));
    let written = serde_json::to_vec(&noted).map_err(std::io::Error::from);
    written.and_then(|text| write_atomically(&path, &text)).map_err(|error| unwritable(&path, &error))
}

pub fn forget(root: &Root) -> Result<(), Failure> {
    let path = root.shown(Path::new(NOTE));
    remove_if_present(&path).map_err(|error| unwritable(&path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    failure(FailureCode::ToolFailed, "pacman", format!("cannot change {}: {error}", path.display()))
}

/// A note that cannot be read is as good as none.
fn noted(root: &Root) -> Result<Vec<Noted>, Failure> {
    let bytes = root.read(Path::new(NOTE))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

/// Cheap when nothing was interrupted.
pub fn repair(pacman: &Pacman<'_>, run: &mut ToolRun) -> Result<(), Failure> {
    let root = pacman.root;
    let database = pacman.database()?;
    let (noted, local) = (noted(root)?, Local::load(root, &database)?);
    let lock = pacman.lock()?;
    if noted.is_empty() && local.unfinished.is_empty() && !lock::is_stale(root, &lock)? {
        return Ok(());
    }
    pacman.wait(run)?;
    let was_locked = lock::clear_stale(root, &lock)?;
    if was_locked {
        run.say("removed the lock that a killed pacman left");
    }
    // Somebody else's transaction may have ended meanwhile.
    let local = Local::load(root, &database)?;
    let mut lost = lost(&noted, &local);
    for noted in &noted {
        // Its old files go before its record does.
        let is_old = |desc: &&Desc| noted.from.as_ref() == Some(&desc.version);
        if let Some(desc) = local.find(&noted.name).filter(is_old)
            && Local::lacks_files(root, &database, desc)?
        {
            lost.push(noted.clone());
        }
    }
    for desc in local.packages.iter().filter(|_| was_locked) {
        if Local::lacks_list(root, &database, desc)? && !lost.iter().any(|lost| lost.name == desc.name) {
            lost.push(Noted {
                name: desc.name.clone(),
                arch: desc.arch.clone(),
                from: None,
                to: Some(desc.version.clone()),
                is_dependency: desc.is_dependency,
            });
        }
    }
    if !lost.is_empty() {
        run.say("finishing what an interrupted run of pacman left");
        bring_back(pacman, &database, &local, &lost, run)?;
    }
    forget(root)
}

/// What was installed before the interruption, or half installed, and has no record now.
fn lost(noted: &[Noted], local: &Local) -> Vec<Noted> {
    let is_gone = |noted: &&Noted| local.find(&noted.name).is_none();
    let mut lost: Vec<Noted> = noted
        .iter()
        .filter(|noted| noted.from.is_some() && noted.to.is_some())
        .filter(is_gone)
        .cloned()
        .collect();
    for folder in &local.unfinished {
        let mut parts = folder.rsplitn(3, '-');
        let (Some(release), Some(version), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let is_known = lost.iter().any(|lost| lost.name == name) || local.find(name).is_some();
        if !is_known {
            let ours = noted.iter().find(|noted| noted.name == name);
            lost.push(Noted {
                name: name.to_owned(),
                arch: String::new(),
                from: None,
                to: Some(format!("{version}-{release}")),
                is_dependency: ours.is_some_and(|noted| noted.is_dependency),
            });
        }
    }
    lost
}

/// Installs them from the cache, over whatever files are there already.
fn bring_back(
    pacman: &Pacman<'_>,
    database: &Path,
    local: &Local,
    lost: &[Noted],
    run: &mut ToolRun,
) -> Result<(), Failure> {
    let place = pacman.place()?;
    let mut found: Vec<PathBuf> = Vec::new();
    for lost in lost {
        found.push(kept_file(pacman.root, &place, lost)?);
    }
    let mut broken = local.unfinished.clone();
    for desc in lost.iter().filter_map(|lost| local.find(&lost.name)) {
        // pacman does nothing at all beside a record without its list.
        if Local::lacks_list(pacman.root, database, desc)? {
            broken.push(format!("{}-{}", desc.name, desc.version));
        }
    }
    for folder in &broken {
        let path = pacman.root.shown(&local::folder(database).join(folder));
        remove_dir_if_present(&path).map_err(|error| unwritable(&path, &error))?;
    }
    let finished = pacman.change(&place.reinstall(&found), run)?;
    if !finished.succeeded() {
        return Err(failures::summary(&finished));
    }
    let dependencies: Vec<String> =
        lost.iter().filter(|lost| lost.is_dependency).map(|lost| lost.name.clone()).collect();
    pacman.mark_dependencies(&dependencies, run)
}

/// Of the version that was to come, else of the one from before.
fn kept_file(root: &Root, place: &Place, lost: &Noted) -> Result<PathBuf, Failure> {
    for version in [&lost.to, &lost.from].into_iter().flatten() {
        if let Some(file) = files::find(root, place, &lost.name, version, "")? {
            return Ok(file);
        }
    }
    let detail = format!(
        "an interrupted run of pacman left {} without a record, and no package file of it is kept; install it with \
         `pacman -S --overwrite '*' {}`",
        lost.name, lost.name
    );
    Err(failure(FailureCode::DatabaseBroken, &lost.name, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_record_is_lost() {
        let noted = |name: &str, from: Option<&str>| Noted {
            name: name.to_owned(),
            arch: "any".to_owned(),
            from: from.map(str::to_owned),
            to: Some("2-1".to_owned()),
            is_dependency: name == "b",
        };
        let all = [noted("a", Some("1-1")), noted("b", Some("1-1")), noted("new", None), noted("d-e", None)];
        let local = Local {
            packages: vec![Desc { name: "a".to_owned(), version: "2-1".to_owned(), ..Desc::default() }],
            unfinished: vec!["a-1-1".to_owned(), "d-e-2-1".to_owned(), "odd".to_owned(), "x-1-1".to_owned()],
        };
        let found = lost(&all, &local);
        let names: Vec<_> = found.iter().map(|lost| (lost.name.as_str(), lost.is_dependency)).collect();
        assert_eq!(names, [("b", true), ("d-e", false), ("x", false)]);
    }

    #[test]
    fn a_note_is_kept_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("var/cache/fettle-agent")).unwrap();
        let root = Root::at(folder.path()).unwrap();
        let has_note = |root: &Root| root.identity(Path::new(NOTE)).unwrap().is_some();
        note(&root, &[], &Installed::default()).unwrap();
        assert!(has_note(&root));
        forget(&root).unwrap();
        assert!(!has_note(&root));
        forget(&root).unwrap();
    }
}
