//! Where apk runs, and with which repositories: on this machine, inside another root that has its own, or from here on a root
//! that has none.

use std::path::{Path, PathBuf};

use domain::patch::Failure;

use super::super::super::root::Root;
use super::super::super::tool::{Tool, ToolRun};

/// Where apk stands in a root; the second is older.
const PROGRAMS: [&str; 2] = ["/usr/sbin/apk", "/sbin/apk"];
/// Minutes. What was judged is what is installed: indexes are fetched before a scan and not again in the middle.
const MAX_INDEX_AGE: &str = "1000000";

/// What takes the place of the node's repositories, as the root has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRepositories {
    pub file: PathBuf,
    /// Of indexes and packages.
    pub cache: PathBuf,
}

#[derive(Clone, Debug)]
pub struct Place {
    /// A root to enter first.
    chroot: Option<PathBuf>,
    options: Vec<String>,
}

impl Place {
    pub fn find(root: &Root, own: Option<&OwnRepositories>) -> Result<Self, Failure> {
        let mut has_apk = false;
        for program in PROGRAMS {
            has_apk |= root.identity(Path::new(program))?.is_some();
        }
        let shown = root.shown(Path::new("/"));
        let mut options = Vec::new();
        let chroot = (!root.is_host() && has_apk).then(|| shown.clone());
        let is_outside = !root.is_host() && !has_apk;
        if is_outside {
            options.extend(["--root".to_owned(), shown.display().to_string()]);
        }
        if let Some(own) = own {
            // The folder is told below the root, the file as the program sees it.
            let file = if is_outside { root.shown(&own.file) } else { own.file.clone() };
            options.extend(["--repositories-file".to_owned(), file.display().to_string()]);
            options.extend(["--cache-dir".to_owned(), own.cache.display().to_string()]);
        }
        Ok(Self { chroot, options })
    }

    pub fn apk(&self) -> Tool {
        let tool = match &self.chroot {
            Some(root) => Tool::inside(root, "apk"),
            None => Tool::new("apk"),
        };
        tool.args(&self.options)
    }

    /// Whether apk can fetch all packages before it changes the first.
    pub fn fetches_first(&self, run: &mut ToolRun) -> Result<bool, Failure> {
        let finished = run.run(&self.apk().arg("--version").quiet())?;
        let generation =
            finished.out().find_map(|line| line.strip_prefix("apk-tools ")?.split('.').next()?.parse().ok());
        Ok(generation.is_some_and(|generation: u32| generation >= 3))
    }

    /// To change or simulate a change, with nobody to answer questions.
    pub fn add(&self) -> Tool {
        self.apk().args(["add", "--cache-max-age", MAX_INDEX_AGE])
    }
}
