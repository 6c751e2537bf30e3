//! Where apt's tools run: on this machine, inside another root that has its own, or from here on a root that has none.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use domain::patch::{Failure, FailureCode};

use super::super::super::tool::{Tool, ToolRun, failure};
use super::super::super::transaction::SOLVER_LIMIT;
use super::Apt;

/// What every tool is told, so that none of them asks anything.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("APT_LISTBUGS_FRONTEND", "none"),
    ("UCF_FORCE_CONFFOLD", "1"),
];

/// How to start the tools for one root.
#[derive(Clone, Debug)]
pub struct Place {
    /// A root to enter first.
    chroot: Option<PathBuf>,
    apt_config: Option<PathBuf>,
    /// dpkg's options from apt's configuration, which apt itself passes on.
    dpkg_options: Vec<String>,
    dpkg: String,
    /// Of every apt tool: repositories in place of the node's own.
    options: Vec<String>,
}

impl Apt<'_> {
    pub(super) fn place(&self, run: &ToolRun) -> Result<Place, Failure> {
        let settings = self.settings()?;
        let here = Place {
            chroot: None,
            apt_config: self.environment.apt_config.clone(),
            dpkg_options: settings.dpkg_options,
            dpkg: settings.dpkg.unwrap_or_else(|| "dpkg".to_owned()),
            options: self.own.as_ref().map(|own| own.options(Path::to_owned)).unwrap_or_default(),
        };
        if self.root.is_host() {
            return Ok(here);
        }
        if self.root.identity(Path::new("/usr/bin/apt-get"))?.is_some() {
            return Ok(Place { chroot: Some(self.root.shown(Path::new("/"))), apt_config: None, ..here });
        }
        let options = self.own.as_ref().map(|own| own.options(|path| self.root.shown(path)));
        let here = Place { options: options.unwrap_or_default(), ..here };
        let path = run.scratch()?.join("apt-foreign-root.conf");
        let native = self.installed()?.native;
        let (text, dpkg_options) = foreign_configuration(&self.root.shown(Path::new("/")), &native);
        std::fs::write(&path, text).map_err(|error| {
            let detail = format!("cannot write {}: {error}", path.display());
            failure(FailureCode::ToolFailed, "apt-get", detail)
        })?;
        let dpkg_options = here.dpkg_options.iter().cloned().chain(dpkg_options).collect();
        Ok(Place { apt_config: Some(path), dpkg_options, dpkg: "dpkg".to_owned(), ..here })
    }
}

/// This machine's apt for a root that has none: everything but the programs stands in that root.
fn foreign_configuration(root: &Path, native: &str) -> (String, Vec<String>) {
    let root = root.display().to_string();
    let root = root.trim_end_matches('/');
    let options = vec![format!("--root={root}"), format!("--log={root}/var/log/dpkg.log")];
    let mut text = format!(
        "Dir \"{root}/\";\nDir::State::status \"{root}/var/lib/dpkg/status\";\nDir::Etc::main \"apt.conf\";\n"
    );
    if !native.is_empty() {
        let _ = writeln!(text, "APT::Architecture \"{native}\";");
    }
    for option in &options {
        let _ = writeln!(text, "DPkg::Options:: \"{option}\";");
    }
    (text, options)
}

impl Place {
    /// A path of the root as the tools see it.
    pub fn as_seen(&self, apt: &Apt<'_>, path: &Path) -> PathBuf {
        if self.chroot.is_some() { path.to_owned() } else { apt.root.shown(path) }
    }

    fn tool(&self, program: &str) -> Tool {
        let mut tool = match &self.chroot {
            Some(root) => Tool::inside(root, program),
            None => Tool::new(program),
        };
        for (name, value) in ENVIRONMENT {
            tool = tool.env(name, value);
        }
        match &self.apt_config {
            Some(path) => tool.env("APT_CONFIG", path),
            None => tool,
        }
    }

    fn apt(&self, program: &str) -> Tool {
        self.tool(program).args(&self.options)
    }

    pub fn apt_mark(&self) -> Tool {
        self.apt("apt-mark").arg("-q")
    }

    /// `apt-get` that answers every question with the careful choice: configuration files of the administrator stay.
    pub fn apt_get(&self) -> Tool {
        self.apt("apt-get").args([
            "-q",
            "-y",
            "-oDPkg::Use-Pty=0",
            "-oDPkg::Options::=--force-confdef",
            "-oDPkg::Options::=--force-confold",
        ])
    }

    /// Only looks: neither root rights nor a lock are needed.
    pub fn simulate(&self) -> Tool {
        self.apt("apt-get").args(["-q", "-y", "-s", "-oDebug::NoLocking=1"]).at_most(SOLVER_LIMIT).quiet()
    }

    /// Addresses and sizes of what would be fetched, in place of doing it.
    pub fn print_uris(&self) -> Tool {
        self.apt("apt-get")
            .args(["-q", "-y", "--print-uris", "-oDebug::NoLocking=1"])
            .at_most(SOLVER_LIMIT)
            .quiet()
    }

    pub fn dpkg(&self) -> Tool {
        self.tool(&self.dpkg)
            .args(["--force-confdef", "--force-confold"])
            .args(self.dpkg_options.iter().map(OsStr::new))
    }
}
