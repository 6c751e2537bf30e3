//! Where the versions of now could come back from: apt's cache, or what apt itself finds among its lists when it is asked
//! to install them once more.

use std::collections::BTreeMap;

use domain::patch::Failure;
use domain::patch::transaction::Change;
use domain::patch::way_back::{OldVersion, WayBack};

use super::super::super::old_versions;
use super::super::super::tool::{Finished, ToolRun};
use super::installed::{Installed, Key};
use super::place::Place;
use super::undo::kept_file;
use super::{Apt, failures, simulation};

pub fn find(apt: &Apt<'_>, changes: &[Change], run: &mut ToolRun) -> Result<Vec<WayBack>, Failure> {
    let (place, installed) = (apt.place(run)?, apt.installed()?);
    let offered = offered(&place, &installed, changes, run)?;
    old_versions::each(changes, |change, version| {
        if let Some(file) = kept_file(apt, &place, change, version)? {
            return Ok(OldVersion::Cache { file });
        }
        Ok(match offered.get(&installed.key(&change.name, &change.arch)) {
            Some(name) => OldVersion::Repository { name: name.clone() },
            None => old_versions::in_no_place(change, version),
        })
    })
}

/// What apt would install again, and the releases that it would take it from. It says nothing of what it cannot download.
fn offered(
    place: &Place,
    installed: &Installed,
    changes: &[Change],
    run: &mut ToolRun,
) -> Result<BTreeMap<Key, String>, Failure> {
    let argument = |change: &Change| {
        let (name, arch) = installed.key(&change.name, &change.arch);
        change.from.as_ref().map(|version| format!("{name}:{arch}={version}"))
    };
    let arguments: Vec<_> = changes.iter().filter_map(argument).collect();
    if arguments.is_empty() {
        return Ok(BTreeMap::new());
    }
    let tool = place.simulate().args(["--reinstall", "--no-install-recommends", "install"]).args(arguments);
    let finished: Finished = run.run(&tool)?;
    if !finished.succeeded() {
        return Err(failures::summary(&finished));
    }
    Ok(simulation::installed_again(&finished, installed))
}
