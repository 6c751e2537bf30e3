//! Where the versions of now could come back from: what zypper's search lists in repositories, or a package file that it
//! keeps (`keeppackages`).
//! Source: zypper(8), search; the XML of zypper 1.14.

use std::path::Path;

use domain::patch::Failure;
use domain::patch::transaction::Change;
use domain::patch::way_back::{OldVersion, WayBack};

use super::super::super::old_versions;
use super::super::super::root::Root;
use super::super::super::tool::{Finished, ToolRun};
use super::super::super::zypper::config::Main;
use super::super::kept::{Kept, Search};
use super::place::Place;
use super::settle::{ask_tool, attribute};

/// How zypper calls what is installed and in no repository.
const INSTALLED_ONLY: &str = "(System Packages)";

/// Package files of these versions.
pub fn kept(root: &Root, place: &Place, changes: &[Change], run: &mut ToolRun) -> Result<Kept, Failure> {
    let folders = [Main::load(root)?.package_folder()];
    let (seen, rpm) = (|path: &Path| place.seen(path), || place.rpm_of_files());
    let search = Search { root, folders: &folders, passing: &[], seen: &seen, rpm: &rpm };
    Kept::find(&search, changes, run)
}

pub fn find(
    place: &Place,
    changes: &[Change],
    kept: &Kept,
    run: &mut ToolRun,
) -> Result<Vec<WayBack>, Failure> {
    let mut names: Vec<&str> =
        changes.iter().filter(|change| change.from.is_some()).map(|change| change.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let offers = if names.is_empty() { Vec::new() } else { offers(&search(place, &names, run)?) };
    old_versions::each(changes, |change, version| {
        let is_it = |offer: &&Offer| {
            offer.name == change.name && offer.arch == change.arch && offer.version == version
        };
        Ok(match (offers.iter().find(is_it), kept.of(change)) {
            (Some(offer), _) => OldVersion::Repository { name: offer.repository.clone() },
            (None, Some(file)) => OldVersion::Cache { file: file.display().to_string() },
            (None, None) => old_versions::in_no_place(change, version),
        })
    })
}

fn search(place: &Place, names: &[&str], run: &mut ToolRun) -> Result<Finished, Failure> {
    let tool = place.zypper().args(["--xmlout", "search", "-s", "--match-exact", "--type", "package"]);
    ask_tool(tool.args(names), run)
}

#[derive(Debug, PartialEq, Eq)]
struct Offer {
    name: String,
    arch: String,
    version: String,
    repository: String,
}

fn offers(finished: &Finished) -> Vec<Offer> {
    finished.out().filter_map(offer).collect()
}

fn offer(line: &str) -> Option<Offer> {
    let line = line.trim();
    if !line.starts_with("<solvable ") {
        return None;
    }
    let offer = Offer {
        name: attribute(line, "name")?,
        arch: attribute(line, "arch")?,
        version: attribute(line, "edition")?,
        repository: attribute(line, "repository")?,
    };
    (offer.repository != INSTALLED_ONLY).then_some(offer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_repositories_offer() {
        let line = "<solvable status=\"installed\" name=\"a\" kind=\"package\" edition=\"1.0-1\" arch=\"noarch\" \
                    repository=\"base &amp; more\"/>";
        let expected = Offer {
            name: "a".into(),
            arch: "noarch".into(),
            version: "1.0-1".into(),
            repository: "base & more".into(),
        };
        assert_eq!(offer(line), Some(expected));
        assert_eq!(offer(&line.replace("base &amp; more", INSTALLED_ONLY)), None);
        assert_eq!(offer("<search-result version=\"0.0\">"), None);
    }
}
