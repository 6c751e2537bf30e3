//! Where zypper and rpm run, with which locks and repositories: on this machine, inside another root that has its own, or
//! from here on a root that has none.

use std::path::{Path, PathBuf};

use domain::patch::transaction::{BlockedVersion, Limits, Wanted};
use domain::patch::{Failure, FailureCode};

use super::super::super::root::Root;
use super::super::super::tool::{Tool, failure};
use super::OwnRepositories;

/// Within the root: `.repo` files of a baseline in place of the node's own.
pub const REPOSITORIES: &str = "/var/cache/fettle-agent/repositories/zypp.repos.d";

/// Within the root: metadata and packages of those.
pub const CACHE: &str = "/var/cache/fettle-agent/repositories/zypp-cache";

/// Within the root: settings with locks of the agent's own.
const FOLDER: &str = "/var/cache/fettle-agent/zypp";

#[derive(Clone, Debug)]
pub struct Place {
    /// A root to enter first.
    chroot: Option<PathBuf>,
    /// A root to work on from outside.
    outside: Option<PathBuf>,
    /// As the tools see it; `None` where the node's own settings do.
    settings: Option<PathBuf>,
    options: Vec<String>,
}

impl Place {
    /// What the limits block must neither come nor change.
    pub fn find(root: &Root, own: Option<&OwnRepositories>, limits: &Limits) -> Result<Self, Failure> {
        let has_zypper = root.identity(Path::new("/usr/bin/zypper"))?.is_some();
        let shown = root.shown(Path::new("/"));
        let chroot = (!root.is_host() && has_zypper).then(|| shown.clone());
        let outside = (!root.is_host() && !has_zypper).then_some(shown);
        let seen = |path: &Path| if outside.is_some() { root.shown(path) } else { path.to_owned() };
        let settings = if limits.block_nothing() { None } else { Some(seen(&write_settings(root, limits)?)) };
        let mut options = Vec::new();
        if let Some(own) = own {
            options.push(format!("--reposd-dir={}", seen(&own.folder).display()));
            options.push(format!("--cache-dir={}", seen(&own.cache).display()));
        }
        Ok(Self { chroot, outside, settings, options })
    }

    fn tool(&self, program: &str) -> Tool {
        match &self.chroot {
            Some(root) => Tool::inside(root, program),
            None => Tool::new(program),
        }
    }

    /// rpm where paths of [`Self::seen`] hold, on no database.
    pub fn rpm_of_files(&self) -> Tool {
        self.tool("rpm")
    }

    /// A path of the root as the tools see it.
    pub fn seen(&self, path: &Path) -> PathBuf {
        match &self.outside {
            Some(root) => root.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }

    pub fn rpm(&self) -> Tool {
        match &self.outside {
            Some(root) => self.tool("rpm").arg("--root").arg(root),
            None => self.tool("rpm"),
        }
    }

    /// With the answers that zypper gives itself, which are the careful ones.
    pub fn zypper(&self) -> Tool {
        let mut tool = self.tool("zypper");
        if let Some(root) = &self.outside {
            tool = tool.arg("--root").arg(root).env("ZYPP_LOCKFILE_ROOT", root);
            tool = tool.env("ZYPP_LOGFILE", root.join("var/log/zypper.log"));
        }
        if let Some(settings) = &self.settings {
            tool = tool.env("ZYPP_CONF", settings);
        }
        tool.arg("--non-interactive").args(&self.options)
    }
}

/// The node's settings, with a file of locks that has the node's own and one for each pattern and version.
fn write_settings(root: &Root, limits: &Limits) -> Result<PathBuf, Failure> {
    let folder = PathBuf::from(FOLDER);
    let mut settings = String::new();
    for path in ["/etc/zypp/zypp.conf", "/usr/etc/zypp/zypp.conf"] {
        if let Some(bytes) = root.read(Path::new(path))? {
            settings = String::from_utf8_lossy(&bytes).into_owned();
            break;
        }
    }
    let own_locks = setting(&settings, "locksfile.path").unwrap_or("/etc/zypp/locks").to_owned();
    let mut locks =
        String::from_utf8_lossy(&root.read(Path::new(&own_locks))?.unwrap_or_default()).into_owned();
    for pattern in &limits.blocked {
        locks.push_str(&format!(
            "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: {pattern}\n\n"
        ));
    }
    for BlockedVersion { package: Wanted { name, version, .. }, .. } in &limits.blocked_versions {
        locks.push_str(&format!(
            "\ntype: package\nmatch_type: exact\ncase_sensitive: on\nsolvable_name: {name}\nversion: == {version}\n\n"
        ));
    }
    let settings = with_locks(&settings, &folder.join("locks"));
    let shown = root.shown(&folder);
    let written = std::fs::create_dir_all(&shown)
        .and_then(|()| std::fs::write(shown.join("locks"), locks))
        .and_then(|()| std::fs::write(shown.join("zypp.conf"), settings));
    written.map_err(|error| {
        failure(FailureCode::ToolFailed, "zypper", format!("cannot write into {}: {error}", shown.display()))
    })?;
    Ok(folder.join("zypp.conf"))
}

fn setting<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value =
        text.lines().find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix('='))?;
    Some(value.trim()).filter(|value| !value.is_empty())
}

fn with_locks(settings: &str, locks: &Path) -> String {
    let line = format!("locksfile.path = {}\n", locks.display());
    let mut text = String::new();
    let mut is_said = false;
    for own in settings.lines().filter(|own| !own.trim().starts_with("locksfile.path")) {
        text.push_str(own);
        text.push('\n');
        if own.trim() == "[main]" && !is_said {
            text.push_str(&line);
            is_said = true;
        }
    }
    if is_said { text } else { format!("{text}[main]\n{line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_keep_all_but_the_locks() {
        let check = |own: &str, expected: &str| assert_eq!(with_locks(own, Path::new("/l")), expected);
        check("", "[main]\nlocksfile.path = /l\n");
        check("## x\n[main]\na = b\nlocksfile.path = /own\n", "## x\n[main]\nlocksfile.path = /l\na = b\n");
        assert_eq!(setting("[main]\nlocksfile.path = /own\n", "locksfile.path"), Some("/own"));
        assert_eq!(setting("# locksfile.path = /own\n", "locksfile.path"), None);
    }
}
