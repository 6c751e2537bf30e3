//! Where pacman runs, and on which database: on this machine, inside another root that has its own pacman, or from here on
//! a root that has none. Lists are fetched into, and plans made on, a database of the agent's own, whose `local` leads to
//! the node's; what changes packages runs on the node's.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use domain::baseline::Source;
use domain::patch::{Failure, FailureCode};

use super::super::super::ScanError;
use super::super::super::lock::{self, Lock};
use super::super::super::root::Root;
use super::super::super::tool::{Tool, failure};
use super::super::super::transaction::SOLVER_LIMIT;
use super::super::Sources;
use super::super::config::{CONFIG, Config};

/// Within the root: lists of the node's repositories, fetched by scans.
pub const OWN_DATABASE: &str = "/var/cache/fettle-agent/pacman";
/// Within the root: settings and lists of repositories that take the place of the node's.
const OWN_CONFIG: &str = "/var/cache/fettle-agent/repositories/pacman.conf";
const OWN_LISTS: &str = "/var/cache/fettle-agent/repositories/pacman";

/// What takes the place of the node's repositories, as the root has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRepositories {
    pub config: PathBuf,
    pub database: PathBuf,
}

impl OwnRepositories {
    /// The node's own options stay, whatever file they are included from.
    pub fn write(root: &Root, sources: &[Source]) -> Result<Self, ScanError> {
        let bytes = root.read(Path::new(CONFIG))?.unwrap_or_default();
        let mut text = options_of(&String::from_utf8_lossy(&bytes));
        for source in sources {
            for line in source.configuration.lines().map(str::trim) {
                text.push_str(if line == "[main]" { "[" } else { line });
                text.push_str(if line == "[main]" { &source.name } else { "" });
                text.push_str(if line == "[main]" { "]\n" } else { "\n" });
            }
        }
        let (config, lists) = (root.shown(Path::new(OWN_CONFIG)), root.shown(Path::new(OWN_LISTS)));
        let failed = |source| ScanError::Io { path: config.clone(), source };
        crate::files::remove_dir_if_present(&lists).map_err(failed)?;
        std::fs::create_dir_all(config.parent().unwrap_or(&config)).map_err(failed)?;
        std::fs::write(&config, text).map_err(failed)?;
        Ok(Self { config: PathBuf::from(OWN_CONFIG), database: PathBuf::from(OWN_LISTS) })
    }
}

/// The section `options` of the file itself.
fn options_of(text: &str) -> String {
    let mut options = "[options]\n".to_owned();
    let mut is_within = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_within = line == "[options]";
        } else if is_within {
            options.push_str(line);
            options.push('\n');
        }
    }
    options
}

#[derive(Clone, Debug)]
pub struct Place {
    chroot: Option<PathBuf>,
    /// A root to work on from outside.
    outside: Option<PathBuf>,
    /// All of these as the tools see them.
    config: Option<PathBuf>,
    database: PathBuf,
    own_database: PathBuf,
    caches: Vec<PathBuf>,
}

impl Place {
    pub fn find(root: &Root, own: Option<&OwnRepositories>) -> Result<Self, Failure> {
        let node = Config::load(root, Path::new(CONFIG))?;
        let has_pacman = root.identity(Path::new("/usr/bin/pacman"))?.is_some();
        let shown = root.shown(Path::new("/"));
        let chroot = (!root.is_host() && has_pacman).then(|| shown.clone());
        let outside = (!root.is_host() && !has_pacman).then_some(shown);
        let seen = |path: &Path| if outside.is_some() { root.shown(path) } else { path.to_owned() };
        let own_database = own.map_or(Path::new(OWN_DATABASE), |own| own.database.as_path());
        prepare(root, own_database, &node.database).map_err(|error| {
            let path = root.shown(own_database);
            let code = match error.kind() {
                io::ErrorKind::PermissionDenied => FailureCode::NotPermitted,
                _ => FailureCode::ToolFailed,
            };
            failure(code, "pacman", format!("cannot prepare {}: {error}", path.display()))
        })?;
        let config = match own {
            Some(own) => Some(seen(&own.config)),
            None => outside.is_some().then(|| seen(Path::new(CONFIG))),
        };
        let caches = node.caches.iter().map(|cache| seen(cache)).collect();
        let (database, own_database) = (seen(&node.database), seen(own_database));
        Ok(Self { chroot, outside, config, database, own_database, caches })
    }

    /// Takes away the lock that a killed process of ours left on the database of our own.
    pub fn free_own_database(&self, root: &Root) -> Result<(), Failure> {
        let lock = Lock::OpenFile(self.in_root(&self.own_database).join("db.lck"));
        if lock::holder(root, std::slice::from_ref(&lock)).is_none() {
            lock::clear_stale(root, &lock)?;
        }
        Ok(())
    }

    /// The node's newer lists, copied: a plan is made on what the scan saw.
    pub(crate) fn take_lists(&self, root: &Root, sources: &Sources) -> Result<(), Failure> {
        let own = self.in_root(&self.own_database).join("sync");
        for list in sources.lists.iter().flatten().filter(|list| !list.path.starts_with(&own)) {
            let name = list.path.file_name().unwrap_or_default();
            let target = root.shown(&own.join(name));
            let copied = copy_with_time(&root.shown(&list.path), &target);
            copied.map_err(|error| {
                let detail = format!("cannot copy {} to {}: {error}", list.path.display(), target.display());
                failure(FailureCode::ToolFailed, "pacman", detail)
            })?;
        }
        Ok(())
    }

    /// Within the root and as the tools see them.
    pub fn caches(&self) -> impl Iterator<Item = (PathBuf, &Path)> {
        self.caches.iter().map(|cache| (self.in_root(cache), cache.as_path()))
    }

    fn in_root(&self, seen: &Path) -> PathBuf {
        match &self.outside {
            Some(outside) => Path::new("/").join(seen.strip_prefix(outside).unwrap_or(seen)),
            None => seen.to_owned(),
        }
    }

    fn pacman(&self, database: &Path) -> Tool {
        let mut tool = match &self.chroot {
            Some(root) => Tool::inside(root, "pacman"),
            None => Tool::new("pacman"),
        };
        tool = tool.arg("--dbpath").arg(database).arg("--color").arg("never");
        if let Some(root) = &self.outside {
            tool = tool.arg("--root").arg(root);
            for (option, path) in [("--gpgdir", "etc/pacman.d/gnupg"), ("--hookdir", "etc/pacman.d/hooks")] {
                tool = tool.arg(option).arg(root.join(path));
            }
            for cache in &self.caches {
                tool = tool.arg("--cachedir").arg(cache);
            }
        }
        match &self.config {
            Some(config) => tool.arg("--config").arg(config),
            None => tool,
        }
    }

    /// What only looks, or fetches, leaves no word in the node's log.
    fn unlogged(&self) -> Tool {
        self.pacman(&self.own_database).args(["--logfile", "/dev/null", "--noprogressbar"])
    }

    fn changing(&self) -> Tool {
        let tool = self.pacman(&self.database).in_one_stream();
        match &self.outside {
            Some(root) => tool.arg("--logfile").arg(root.join("var/log/pacman.log")),
            None => tool,
        }
    }

    pub fn refresh(&self) -> Tool {
        self.unlogged().args(["--noconfirm", "-Sy"])
    }

    /// The packages that would come, one a line: repository, name, version, bytes.
    pub fn print(&self, targets: &[String]) -> Tool {
        let tool =
            self.unlogged().args(["--noconfirm", "-S", "--print", "--print-format", "%r %n %v %s", "--"]);
        tool.args(targets).at_most(SOLVER_LIMIT).quiet()
    }

    /// The same up to the question whether to proceed, which nobody answers: unlike a printed plan it looks for
    /// conflicts.
    pub fn rehearse(&self, targets: &[String]) -> Tool {
        self.unlogged().args(["-S", "--"]).args(targets).at_most(SOLVER_LIMIT).quiet()
    }

    pub fn rehearse_files(&self, files: &[PathBuf]) -> Tool {
        self.unlogged().args(["-U", "--"]).args(files).at_most(SOLVER_LIMIT).quiet()
    }

    pub fn download(&self, targets: &[String]) -> Tool {
        self.unlogged().args(["--noconfirm", "-Sw", "--"]).args(targets)
    }

    pub fn install(&self, files: &[PathBuf]) -> Tool {
        self.changing().args(["--noconfirm", "--noprogressbar", "-U", "--"]).args(files)
    }

    /// Over whatever files an interrupted transaction left.
    pub fn reinstall(&self, files: &[PathBuf]) -> Tool {
        self.changing().args(["--noconfirm", "--noprogressbar", "-U", "--overwrite", "*", "--"]).args(files)
    }

    pub fn mark_dependencies(&self, names: &[String]) -> Tool {
        self.changing().args(["-D", "--asdeps", "--"]).args(names).quiet()
    }

    pub fn remove(&self, names: &[String]) -> Tool {
        self.changing().args(["--noconfirm", "--noprogressbar", "-R", "--"]).args(names)
    }

    pub fn print_removal(&self, names: &[String]) -> Tool {
        self.unlogged()
            .args(["--noconfirm", "-R", "--print", "--print-format", "%n", "--"])
            .args(names)
            .quiet()
    }
}

/// The folder, which pacman's unprivileged downloader may enter, and the link in it.
fn prepare(root: &Root, own: &Path, database: &Path) -> io::Result<()> {
    let folder = root.shown(own);
    std::fs::create_dir_all(folder.join("sync"))?;
    let target = if root.is_host() { database.join("local") } else { relative(own, &database.join("local")) };
    let link = folder.join("local");
    if std::fs::read_link(&link).is_ok_and(|known| known == target) {
        return Ok(());
    }
    crate::files::remove_dir_if_present(&link)?;
    symlink(target, link)
}

/// With its time, by which pacman and we tell which list is newer.
fn copy_with_time(from: &Path, to: &Path) -> io::Result<()> {
    let temporary = to.with_extension("new");
    std::fs::copy(from, &temporary)?;
    let modified = std::fs::metadata(from)?.modified()?;
    std::fs::File::options().write(true).open(&temporary)?.set_modified(modified)?;
    std::fs::rename(&temporary, to)
}

/// From one folder of a root to a path in it, so that it holds from outside as well.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let up = from.strip_prefix("/").unwrap_or(from).components().map(|_| "..");
    up.collect::<PathBuf>().join(to.strip_prefix("/").unwrap_or(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_holds_from_outside() {
        assert_eq!(
            relative(Path::new("/var/cache/x"), Path::new("/var/lib/pacman/local")),
            Path::new("../../../var/lib/pacman/local")
        );
    }

    #[test]
    fn only_options_are_taken_over() {
        let text = "# x\n[options]\nArchitecture = auto\n[core]\nServer = a\n[options]\nIgnorePkg = b\n";
        assert_eq!(options_of(text), "[options]\nArchitecture = auto\nIgnorePkg = b\n");
    }
}
