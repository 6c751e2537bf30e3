//! `pacman.conf` with what it includes: repositories in their order, and what is ignored.
//! Source: pacman.conf(5), pacman 6 and 7.

use std::path::{Path, PathBuf};

use super::super::ScanError;
use super::super::root::Root;
use super::super::rpm::glob::Glob;

pub const CONFIG: &str = "/etc/pacman.conf";
/// pacman gives up at this depth too.
const MAX_INCLUDES: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Of databases; not of the root's own path.
    pub database: PathBuf,
    /// In the order in which they are searched.
    pub caches: Vec<PathBuf>,
    pub ignored_packages: Vec<String>,
    pub ignored_groups: Vec<String>,
    /// The first one is the node's; `auto` among them.
    pub architectures: Vec<String>,
    pub repositories: Vec<Repository>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    pub name: String,
    /// As written, with `$repo` and `$arch`.
    pub servers: Vec<String>,
    /// Empty: all.
    pub usage: Vec<String>,
}

impl Repository {
    /// A `-Su` takes nothing from repositories that are for searching only.
    pub fn upgrades(&self) -> bool {
        self.usage.is_empty() || self.usage.iter().any(|word| word == "Upgrade" || word == "All")
    }

    pub fn address(&self, arch: &str) -> String {
        let server = self.servers.first().map(String::as_str).unwrap_or_default();
        server.replace("$repo", &self.name).replace("$arch", arch)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: PathBuf::from("/var/lib/pacman"),
            caches: Vec::new(),
            ignored_packages: Vec::new(),
            ignored_groups: Vec::new(),
            architectures: Vec::new(),
            repositories: Vec::new(),
        }
    }
}

impl Config {
    pub fn load(root: &Root, path: &Path) -> Result<Self, ScanError> {
        let mut reader = Reader { root, config: Self::default(), section: None };
        if root.identity(path)?.is_none() {
            let reason = format!("{} is missing", root.shown(path).display());
            return Err(ScanError::Settings(reason));
        }
        reader.file(path, 0)?;
        if reader.config.caches.is_empty() {
            reader.config.caches.push(PathBuf::from("/var/cache/pacman/pkg"));
        }
        Ok(reader.config)
    }

    pub fn ignores(&self, name: &str, groups: &[String]) -> bool {
        let matches = |patterns: &[String], text: &str| {
            patterns.iter().any(|pattern| pattern == text || Glob::new(pattern).matches(text))
        };
        matches(&self.ignored_packages, name)
            || groups.iter().any(|group| matches(&self.ignored_groups, group))
    }
}

struct Reader<'r> {
    root: &'r Root,
    config: Config,
    /// `options`, or a repository.
    section: Option<String>,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, depth: usize) -> Result<(), ScanError> {
        if depth > MAX_INCLUDES {
            let reason =
                format!("{}: included more than {MAX_INCLUDES} deep", self.root.shown(path).display());
            return Err(ScanError::Settings(reason));
        }
        let Some(bytes) = self.root.read(path)? else { return Ok(()) };
        for (number, line) in (1..).zip(String::from_utf8_lossy(&bytes).lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                self.begin(name);
                continue;
            }
            let (key, value) = match line.split_once('=') {
                Some((key, value)) => (key.trim(), value.trim()),
                None => (line, ""),
            };
            match (key, self.section.clone()) {
                ("Include", _) => self.include(value, depth)?,
                (_, None) => {
                    let reason = format!("`{key}` stands before any section");
                    return Err(ScanError::Malformed { path: self.root.shown(path), line: number, reason });
                }
                (_, Some(section)) if section == "options" => self.option(key, value),
                (_, Some(section)) => self.of_repository(&section, key, value),
            }
        }
        Ok(())
    }

    fn begin(&mut self, name: &str) {
        self.section = Some(name.to_owned());
        let is_known = self.config.repositories.iter().any(|repository| repository.name == name);
        if name != "options" && !is_known {
            let repository = Repository { name: name.to_owned(), ..Repository::default() };
            self.config.repositories.push(repository);
        }
    }

    /// The last part of the path may be a pattern.
    fn include(&mut self, value: &str, depth: usize) -> Result<(), ScanError> {
        let path = Path::new(value);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
        else {
            return Ok(());
        };
        if !name.contains(['*', '?', '[']) {
            return self.file(path, depth + 1);
        }
        let pattern = Glob::new(name);
        let mut names: Vec<_> =
            self.root.list_files(folder)?.into_iter().filter(|name| pattern.matches(name)).collect();
        names.sort_unstable();
        // Each file begins where the including one stands.
        let section = self.section.clone();
        for name in names {
            self.file(&folder.join(name), depth + 1)?;
            self.section.clone_from(&section);
        }
        Ok(())
    }

    fn option(&mut self, key: &str, value: &str) {
        let words = || value.split_whitespace().map(str::to_owned);
        let config = &mut self.config;
        match key {
            "DBPath" => config.database = PathBuf::from(value),
            "CacheDir" => config.caches.extend(words().map(PathBuf::from)),
            "IgnorePkg" => config.ignored_packages.extend(words()),
            "IgnoreGroup" => config.ignored_groups.extend(words()),
            "Architecture" => config.architectures.extend(words()),
            _ => {}
        }
    }

    fn of_repository(&mut self, section: &str, key: &str, value: &str) {
        let repositories = &mut self.config.repositories;
        let Some(repository) = repositories.iter_mut().find(|repository| repository.name == section) else {
            return;
        };
        match key {
            "Server" => repository.servers.push(value.to_owned()),
            "Usage" => repository.usage.extend(value.split_whitespace().map(str::to_owned)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &str)]) -> Result<Config, ScanError> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Config::load(&Root::at(folder.path()).unwrap(), Path::new(CONFIG))
    }

    #[test]
    fn reads_options_and_repositories_in_order() {
        let config = load(&[
            (
                "etc/pacman.conf",
                "[options]\n# IgnorePkg = no\nIgnorePkg = linux linux-*\nIgnorePkg=nvidia\nIgnoreGroup = kde\n\
                 Architecture = x86_64_v3 x86_64\nCheckSpace\nDBPath = /srv/db/\nCacheDir = /srv/cache/\n\
                 [testing]\nUsage = Search Install\nInclude = /etc/pacman.d/mirrorlist\n\
                 [core]\nServer = https://first.example.org/$repo\nInclude = /etc/pacman.d/mirrorlist\n\
                 Include = /etc/pacman.d/more/*.conf\n",
            ),
            ("etc/pacman.d/mirrorlist", "#Server = https://off.example.org\nServer = https://m.example.org/$repo/os/$arch\n"),
            ("etc/pacman.d/more/b.conf", "[b]\nServer = file:///b\n"),
            ("etc/pacman.d/more/a.conf", "[a]\nServer = file:///a\n"),
            ("etc/pacman.d/more/c.txt", "[c]\n"),
        ])
        .unwrap();
        let names: Vec<_> = config.repositories.iter().map(|repository| repository.name.as_str()).collect();
        assert_eq!(names, ["testing", "core", "a", "b"]);
        let [testing, core, ..] = config.repositories.as_slice() else { panic!("two at least") };
        assert_eq!((testing.upgrades(), core.upgrades()), (false, true));
        assert_eq!(testing.address("x86_64"), "https://m.example.org/testing/os/x86_64");
        assert_eq!((core.address("x"), core.servers.len()), ("https://first.example.org/core".to_owned(), 2));
        assert_eq!((config.database.as_path(), config.caches.len()), (Path::new("/srv/db"), 1));
        for (name, groups, expected) in [
            ("linux", vec![], true),
            ("linux-lts", vec![], true),
            ("linuxx", vec![], false),
            ("kwin", vec!["plasma".to_owned(), "kde".to_owned()], true),
            ("no", vec![], false),
        ] {
            assert_eq!(config.ignores(name, &groups), expected, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_told() {
        let check = |text: &str, expected: &str| {
            let error = load(&[("etc/pacman.conf", text)]).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("Server = x\n", "before any section");
        check("[options]\nInclude = /etc/pacman.conf\n", "deep");
        assert!(load(&[]).unwrap_err().to_string().contains("is missing"));
        assert_eq!(
            load(&[("etc/pacman.conf", "[core]\nInclude = /nowhere\n")]).unwrap().repositories.len(),
            1
        );
    }
}
