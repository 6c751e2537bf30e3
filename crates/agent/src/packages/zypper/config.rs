//! zypper's configuration: the repositories that are enabled, and the options of zypp.conf that matter here.
//! Source: zypper(8) and the comments of zypp.conf.

use std::path::{Path, PathBuf};

use super::super::ScanError;
use super::super::root::Root;
use super::super::rpm::ini::{self, Section};
use super::super::rpm::variables::Variables;
use super::super::rpm_tools::zypper::OwnRepositories;

const DEFAULT_PRIORITY: i32 = 99;

#[derive(Clone, Debug)]
pub struct Main {
    section: Section,
    own: Option<OwnRepositories>,
}

impl Main {
    pub fn load(root: &Root) -> Result<Self, ScanError> {
        let sections = ini::read(root, Path::new("/etc/zypp/zypp.conf"))?;
        let section = sections.into_iter().find(|section| section.name == "main").unwrap_or_default();
        Ok(Self { section, own: None })
    }

    /// These repositories, and their metadata, in place of the node's own.
    pub fn use_only(&mut self, own: &OwnRepositories) {
        self.own = Some(own.clone());
    }

    fn path(&self, option: &str, default: PathBuf) -> PathBuf {
        self.section.get(option).filter(|path| !path.is_empty()).map_or(default, PathBuf::from)
    }

    /// Where the metadata of repositories lies as it was downloaded.
    pub fn metadata_folder(&self) -> PathBuf {
        if let Some(own) = &self.own {
            return own.cache.join("raw");
        }
        let cache = self.path("cachedir", PathBuf::from("/var/cache/zypp"));
        self.path("metadatadir", cache.join("raw"))
    }

    /// Where packages lie that repositories are told to keep.
    pub fn package_folder(&self) -> PathBuf {
        if let Some(own) = &self.own {
            return own.cache.join("packages");
        }
        let cache = self.path("cachedir", PathBuf::from("/var/cache/zypp"));
        self.path("packagesdir", cache.join("packages"))
    }

    pub fn repository_folder(&self) -> PathBuf {
        if let Some(own) = &self.own {
            return own.folder.clone();
        }
        self.path("reposdir", self.config_folder().join("repos.d"))
    }

    pub fn locks_file(&self) -> PathBuf {
        self.path("locksfile.path", PathBuf::from("/etc/zypp/locks"))
    }

    fn config_folder(&self) -> PathBuf {
        self.path("configdir", PathBuf::from("/etc/zypp"))
    }

    pub fn vendor_folder(&self) -> PathBuf {
        self.path("vendordir", self.config_folder().join("vendors.d"))
    }

    pub fn multiversion_folder(&self) -> PathBuf {
        self.path("multiversiondir", self.config_folder().join("multiversion.d"))
    }

    /// Names of packages that stay installed in several versions; `provides:` entries speak of what packages say themselves.
    pub fn multiversion(&self) -> Vec<String> {
        self.section.list("multiversion")
    }

    pub fn allows_vendor_change(&self) -> bool {
        self.section.flag("solver.allowVendorChange").unwrap_or(false)
    }
}

/// One repository that is enabled, with variables replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    pub alias: String,
    pub name: String,
    pub address: String,
    /// Of the product within the repository.
    pub path: String,
    pub priority: i32,
}

impl Repository {
    /// In the order of the files.
    pub fn load_enabled(root: &Root, main: &Main, variables: &Variables) -> Result<Vec<Self>, ScanError> {
        let mut found = Vec::new();
        for file in ini::files(root, &main.repository_folder(), ".repo")? {
            let sections = ini::read(root, &file)?;
            // Unlike dnf's, a repository is off unless it says otherwise.
            let enabled = sections.iter().filter(|section| section.flag("enabled").unwrap_or(false));
            found.extend(enabled.map(|section| Self::of(section, variables)));
        }
        Ok(found)
    }

    fn of(section: &Section, variables: &Variables) -> Self {
        let first = |option: &str| section.get(option).and_then(|value| value.split_whitespace().next());
        let address = first("baseurl").or_else(|| first("mirrorlist")).unwrap_or_default();
        Self {
            alias: section.name.clone(),
            name: variables.substitute(section.get("name").unwrap_or_default()),
            address: variables.substitute(address),
            path: section.get("path").unwrap_or_default().trim_matches('/').to_owned(),
            priority: section.number("priority").filter(|&priority| priority > 0).unwrap_or(DEFAULT_PRIORITY),
        }
    }

    /// The folder that holds `repodata`.
    pub fn metadata_folder(&self, main: &Main) -> PathBuf {
        main.metadata_folder().join(self.alias.replace('/', "_")).join(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::rpm::arch::Architecture;

    #[test]
    fn reads_enabled_repositories() {
        let folder = tempfile::tempdir().unwrap();
        let repositories = folder.path().join("etc/zypp/repos.d");
        std::fs::create_dir_all(&repositories).unwrap();
        std::fs::write(folder.path().join("etc/zypp/zypp.conf"), "## c\n[main]\nmetadatadir = /m\n").unwrap();
        let text =
            "[SLE:a/b]\nname=A $releasever\nenabled=1\nbaseurl=dir:/x/$basearch\npath=/product\npriority=0\n";
        std::fs::write(repositories.join("a.repo"), text).unwrap();
        std::fs::write(repositories.join("b.repo"), "[off]\nenabled=0\n[none]\nbaseurl=x\n").unwrap();
        let root = Root::at(folder.path()).unwrap();
        let main = Main::load(&root).unwrap();
        let variables = Variables::load(&root, &[], &Architecture::of("x86_64"), Some("15.5")).unwrap();
        let found = Repository::load_enabled(&root, &main, &variables).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].name.as_str(), found[0].address.as_str(), found[0].priority),
            ("A 15.5", "dir:/x/x86_64", 99)
        );
        assert_eq!(found[0].metadata_folder(&main), Path::new("/m/SLE:a_b/product"));
        assert!(!main.allows_vendor_change());
    }
}
