//! dnf's and yum's configuration: main options, and the repositories that are enabled.
//! Source: dnf.conf(5) and yum.conf(5).

use std::path::{Path, PathBuf};

use domain::facts::OsRelease;

use super::super::ScanError;
use super::super::root::Root;
use super::super::rpm::ini::{self, Section};
use super::super::rpm::variables::Variables;

/// What `$releasever` is called that always points to the newest release.
pub const LATEST: &str = "latest";

/// Amazon Linux 2023 stays on the release that it was installed with unless told otherwise; patch runs tell it.
/// Source: spec patch-manager 2.2.
pub fn moves_to_latest(os: &OsRelease) -> bool {
    os.id == "amzn" && (os.version_id == "2023" || os.version_id == "2022")
}

/// Which of the tools a node has; they keep their metadata in different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    Dnf,
    Yum,
}

#[derive(Clone, Debug)]
pub struct Main {
    pub flavour: Flavour,
    pub section: Section,
    pub repository_folders: Vec<String>,
    pub variable_folders: Vec<String>,
    /// Where metadata may lie; the first that has it counts.
    pub cache_folders: Vec<String>,
    pub plugin_folder: String,
    /// Repositories in the main file count too.
    repositories_in_main: bool,
}

impl Main {
    pub fn load(root: &Root) -> Result<Self, ScanError> {
        let is_file = |path: &str| Ok::<_, ScanError>(root.identity(Path::new(path))?.is_some());
        let flavour = match is_file("/etc/dnf/dnf.conf")? || !is_file("/etc/yum.conf")? {
            true => Flavour::Dnf,
            false => Flavour::Yum,
        };
        let mut files = vec![PathBuf::from(match flavour {
            Flavour::Dnf => "/etc/dnf/dnf.conf",
            Flavour::Yum => "/etc/yum.conf",
        })];
        if flavour == Flavour::Dnf {
            // dnf 5 reads these besides.
            files.extend(ini::files(root, Path::new("/usr/share/dnf5/libdnf.conf.d"), ".conf")?);
            files.extend(ini::files(root, Path::new("/etc/dnf/libdnf5.conf.d"), ".conf")?);
        }
        let mut section = Section::default();
        for file in files {
            let sections = ini::read(root, &file)?;
            sections.iter().filter(|part| part.name == "main").for_each(|part| section.override_with(part));
        }
        Ok(Self::of(flavour, section))
    }

    /// The repositories of this folder in place of all others.
    pub fn use_only(&mut self, folder: &Path) {
        self.repository_folders = vec![folder.display().to_string()];
        self.repositories_in_main = false;
    }

    fn of(flavour: Flavour, section: Section) -> Self {
        let set = |option: &str, default: &[&str]| {
            let values = section.list(option);
            if values.is_empty() { default.iter().map(|&value| value.to_owned()).collect() } else { values }
        };
        let (variables, plugins): (&[&str], _) = match flavour {
            Flavour::Dnf => (&["/etc/yum/vars", "/etc/dnf/vars"], "/etc/dnf/plugins"),
            Flavour::Yum => (&["/etc/yum/vars"], "/etc/yum/pluginconf.d"),
        };
        let mut cache_folders = set("cachedir", &[]);
        cache_folders.extend(section.list("system_cachedir"));
        cache_folders.extend(match flavour {
            Flavour::Dnf => vec!["/var/cache/libdnf5".to_owned(), "/var/cache/dnf".to_owned()],
            Flavour::Yum => vec!["/var/cache/yum/$basearch/$releasever".to_owned()],
        });
        Self {
            repository_folders: set(
                "reposdir",
                &["/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d"],
            ),
            variable_folders: set("varsdir", variables),
            plugin_folder: set("pluginconfpath", &[plugins]).swap_remove(0),
            cache_folders,
            flavour,
            section,
            repositories_in_main: true,
        }
    }

    pub fn minds_obsoletes(&self) -> bool {
        self.section.flag("obsoletes").unwrap_or(true)
    }
}

/// One repository that is enabled, with variables replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    pub id: String,
    pub name: String,
    pub base_urls: Vec<String>,
    pub mirror_list: Option<String>,
    pub meta_link: Option<String>,
    pub priority: i32,
    pub excludes: Vec<String>,
    /// Where not empty, nothing else of the repository counts.
    pub includes: Vec<String>,
    pub may_be_missing: bool,
    pub ignores_modules: bool,
}

const DEFAULT_PRIORITY: i32 = 99;

impl Repository {
    /// Enabled repositories in the order of the files. Of sections with one id, the last counts.
    pub fn load_enabled(root: &Root, main: &Main, variables: &Variables) -> Result<Vec<Self>, ScanError> {
        let mut sections: Vec<Section> = Vec::new();
        let config = if main.flavour == Flavour::Dnf { "/etc/dnf/dnf.conf" } else { "/etc/yum.conf" };
        let mut files = Vec::new();
        if main.repositories_in_main {
            files.push(PathBuf::from(config));
        }
        for folder in &main.repository_folders {
            files.extend(ini::files(root, Path::new(&variables.substitute(folder)), ".repo")?);
        }
        let mut take = |section: Section| match sections.iter_mut().find(|known| known.name == section.name) {
            Some(known) => *known = section,
            None => sections.push(section),
        };
        for file in files {
            ini::read(root, &file)?.into_iter().filter(|section| section.name != "main").for_each(&mut take);
        }
        // dnf 5: options set over those of the files; the section's name may be a pattern.
        let mut overrides = ini::files(root, Path::new("/usr/share/dnf5/repos.override.d"), ".repo")?;
        overrides.extend(ini::files(root, Path::new("/etc/dnf/repos.override.d"), ".repo")?);
        for file in overrides {
            for change in ini::read(root, &file)? {
                let pattern = super::super::rpm::glob::Glob::new(&change.name);
                sections
                    .iter_mut()
                    .filter(|section| pattern.matches(&section.name))
                    .for_each(|section| section.override_with(&change));
            }
        }
        let enabled = sections.iter().filter(|section| section.flag("enabled").unwrap_or(true));
        Ok(enabled.map(|section| Self::of(section, main, variables)).collect())
    }

    fn of(section: &Section, main: &Main, variables: &Variables) -> Self {
        let text = |option: &str| section.get(option).map(str::trim).filter(|text| !text.is_empty());
        let list = |options: [&str; 2]| -> Vec<String> {
            let words = options.iter().flat_map(|option| section.list(option));
            words.map(|word| variables.substitute(&word)).collect()
        };
        let flag = |option: &str| section.flag(option);
        Self {
            id: variables.substitute(&section.name),
            name: variables.substitute(text("name").unwrap_or_default()),
            base_urls: section.list("baseurl").iter().map(|url| variables.substitute(url)).collect(),
            mirror_list: text("mirrorlist").map(|url| variables.substitute(url)),
            meta_link: text("metalink").map(|url| variables.substitute(url)),
            priority: section.number("priority").unwrap_or(DEFAULT_PRIORITY),
            excludes: list(["exclude", "excludepkgs"]),
            includes: list(["includepkgs", "include"]),
            may_be_missing: flag("skip_if_unavailable")
                .or_else(|| main.section.flag("skip_if_unavailable"))
                .unwrap_or(false),
            ignores_modules: flag("module_hotfixes").unwrap_or(false),
        }
    }

    /// The address by which the tool knows the repository.
    pub fn address(&self) -> &str {
        let first = self.meta_link.as_deref().or(self.mirror_list.as_deref());
        first.or(self.base_urls.first().map(String::as_str)).unwrap_or(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_enabled_repositories() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "etc/dnf/dnf.conf",
            "[main]\nskip_if_unavailable=1\nexcludepkgs=x\n[inline]\nbaseurl=http://i/\n",
        );
        write(
            "etc/yum.repos.d/a.repo",
            "[b-$basearch]\nmirrorlist=http://m/$releasever\npriority=10\nskip_if_unavailable=no\nexclude=k* l\n[off]\nenabled=0\n",
        );
        write("etc/yum.repos.d/a.repo.rpmsave", "[saved]\nbaseurl=http://s/\n");
        write("etc/dnf/repos.override.d/z.repo", "[inli*]\npriority=7\n");
        let root = Root::at(folder.path()).unwrap();
        let main = Main::load(&root).unwrap();
        let architecture = super::super::super::rpm::arch::Architecture::of("x86_64");
        let variables = Variables::load(&root, &main.variable_folders, &architecture, Some("9")).unwrap();
        let found = Repository::load_enabled(&root, &main, &variables).unwrap();
        assert_eq!(
            found.iter().map(|repository| repository.id.as_str()).collect::<Vec<_>>(),
            ["inline", "b-x86_64"]
        );
        assert_eq!((found[0].priority, found[0].may_be_missing, found[0].address()), (7, true, "http://i/"));
        assert_eq!(
            (found[1].priority, found[1].may_be_missing, found[1].address()),
            (10, false, "http://m/9")
        );
        assert_eq!(found[1].excludes, ["k*", "l"]);
    }
}
