//! Which advisories a node lacks: those that list a newer version of an installed package. Told by rpm's database and
//! `updateinfo.xml` alone, so that nothing of what repositories offer has to be unpacked; whether they still offer the version is
//! for a scan to say. Held against `dnf updateinfo list` in `tests/rpm`.

use std::collections::HashMap;

use domain::facts::Advisory;
use domain::patch::version_rpm::{compare, is_newer};
use serde::Serialize;

use super::super::ScanError;
use super::super::root::Root;
use super::header::Installed;
use super::system::System;
use super::updateinfo::{Update, for_each_update_of};

/// An advisory, and a package that it would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lacking {
    pub advisory: String,
    /// As published: `security`, `bugfix`, `enhancement`, `newpackage`, `recommended`.
    pub kind: String,
    /// As published; empty where there is none.
    pub severity: String,
    pub name: String,
    pub arch: String,
    pub installed_version: String,
    /// The version that the advisory lists.
    pub version: String,
    pub cve_ids: Vec<String>,
    /// The repository's id.
    pub repository: String,
}

/// Which advisories are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    All,
    Security,
}

impl Kinds {
    pub fn has(self, kind: &str) -> bool {
        self == Self::All || kind == "security"
    }
}

impl System {
    /// Sorted by package, version and advisory.
    pub fn lacking(&self, root: &Root, kinds: Kinds) -> Result<Vec<Lacking>, ScanError> {
        // Of each name one of each architecture.
        let mut newest: HashMap<&str, Vec<&Installed>> = HashMap::new();
        for package in &self.installed {
            let known = newest.entry(&package.name).or_default();
            match known.iter_mut().find(|known| known.arch == package.arch) {
                Some(known) if is_newer(&package.evr.to_string(), &known.evr.to_string()) => *known = package,
                Some(_) => {}
                None => known.push(package),
            }
        }
        let mut found = Vec::new();
        for source in &self.sources.found {
            let Some(file) = &source.updateinfo else { continue };
            let concerns = |kind: &str, name: &str| kinds.has(kind) && newest.contains_key(name);
            for_each_update_of(&file.document(root), &concerns, &mut |update| {
                self.add_lacking(&mut found, &newest, update, &source.fact.suite);
            })?;
        }
        found.sort_by(|left, right| {
            let order = (&left.name, &left.arch).cmp(&(&right.name, &right.arch));
            order
                .then_with(|| compare(&left.version, &right.version))
                .then_with(|| left.advisory.cmp(&right.advisory))
        });
        found.dedup();
        Ok(found)
    }

    fn add_lacking(
        &self,
        found: &mut Vec<Lacking>,
        newest: &HashMap<&str, Vec<&Installed>>,
        update: Update,
        repository: &str,
    ) {
        let Advisory { id, kind, severity, cve_ids, .. } = update.advisory;
        let active =
            update.collections.into_iter().filter(|collection| self.modules.has_any_of(&collection.modules));
        let rule = self.policy.choice().advisories.listings();
        for listed in active.flat_map(|collection| collection.packages) {
            let same_name = newest.get(listed.name.as_str()).map_or(&[][..], Vec::as_slice);
            for installed in same_name.iter().filter(|installed| rule.admits(&installed.arch, &listed.arch)) {
                let installed_version = installed.evr.to_string();
                if is_newer(&listed.version, &installed_version) {
                    found.push(Lacking {
                        advisory: id.clone(),
                        kind: kind.clone(),
                        severity: severity.clone(),
                        name: installed.name.clone(),
                        arch: installed.arch.clone(),
                        installed_version,
                        version: listed.version.clone(),
                        cve_ids: cve_ids.clone(),
                        repository: repository.to_owned(),
                    });
                }
            }
        }
    }
}
