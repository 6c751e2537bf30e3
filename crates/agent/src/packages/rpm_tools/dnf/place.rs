//! Where dnf and rpm run: on this machine, inside another root that has its own, or from here on a root that has none.

use std::path::{Path, PathBuf};

use domain::baseline::Source;
use domain::facts::OsRelease;
use domain::patch::Failure;
use domain::patch::transaction::{BlockedVersion, Limits};

use super::super::super::dnf::config::{LATEST, moves_to_latest};
use super::super::super::root::Root;
use super::super::super::tool::Tool;
use super::super::super::{ScanError, node};
use super::super::installed::nevra;

/// Within the root: `.repo` files of a baseline in place of the node's own.
pub const REPOSITORIES: &str = "/var/cache/fettle-agent/repositories/yum.repos.d";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    Dnf,
    Yum,
}

#[derive(Clone, Debug)]
pub struct Place {
    variant: Variant,
    /// A root to enter first.
    chroot: Option<PathBuf>,
    /// A root to work on from outside.
    install_root: Option<PathBuf>,
    options: Vec<String>,
}

impl Place {
    pub fn find(root: &Root, own: Option<&(PathBuf, Vec<String>)>) -> Result<Self, Failure> {
        let has = |path: &str| root.identity(Path::new(path)).map(|identity| identity.is_some());
        let has_dnf = has("/usr/bin/dnf-3")? || has("/usr/bin/dnf")?;
        let has_yum = has("/usr/bin/yum")?;
        let variant = if has_yum && !has_dnf { Variant::Yum } else { Variant::Dnf };
        let inside = !root.is_host() && (has_dnf || has_yum);
        let outside = !root.is_host() && !inside;
        let shown = root.shown(Path::new("/"));
        let mut options = Vec::new();
        let os = node::os_release(root, "")?;
        if moves_to_latest(&os) {
            options.push(format!("--releasever={LATEST}"));
        }
        if outside {
            options.extend(from_outside(&shown, &os));
        }
        if let Some((folder, ids)) = own {
            let folder = if outside { root.shown(folder) } else { folder.clone() };
            options.push(format!("--setopt=reposdir={}", folder.display()));
            // Repositories may also stand in the main configuration file.
            options.push("--disablerepo=*".to_owned());
            options.extend(ids.iter().map(|id| format!("--enablerepo={id}")));
        }
        Ok(Self {
            variant,
            chroot: inside.then(|| shown.clone()),
            install_root: outside.then_some(shown),
            options,
        })
    }

    fn tool(&self, program: &str) -> Tool {
        match &self.chroot {
            Some(root) => Tool::inside(root, program),
            None => Tool::new(program),
        }
    }

    pub fn rpm(&self) -> Tool {
        match &self.install_root {
            Some(root) => self.tool("rpm").arg("--root").arg(root),
            None => self.tool("rpm"),
        }
    }

    /// rpm where paths of [`Self::seen`] hold, on no database.
    pub fn rpm_of_files(&self) -> Tool {
        self.tool("rpm")
    }

    /// A path of the root as the tools see it.
    pub fn seen(&self, path: &Path) -> PathBuf {
        match &self.install_root {
            Some(root) => root.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }

    /// dnf or yum, with what every call has.
    pub fn dnf(&self) -> Tool {
        let program = match self.variant {
            Variant::Dnf => "dnf",
            Variant::Yum => "yum",
        };
        let mut tool = self.tool(program).args(["-d", "2", "--color=never", "--setopt=exit_on_lock=1"]);
        if let Some(root) = &self.install_root {
            tool = tool.arg("--installroot").arg(root);
        }
        if self.variant == Variant::Dnf {
            // What nobody needs any more is not a patch's to remove.
            tool = tool.arg("--setopt=clean_requirements_on_remove=False");
        }
        tool.args(&self.options)
    }

    /// What must not come, or change: `name-version.arch` of single versions, beside patterns.
    pub fn excluding(limits: &Limits) -> impl Iterator<Item = String> {
        let of = |blocked: &BlockedVersion| {
            nevra(&blocked.package.name, &blocked.package.version, &blocked.package.arch)
        };
        let versions = limits.blocked_versions.iter().map(of);
        limits.blocked.iter().cloned().chain(versions).map(|pattern| format!("--exclude={pattern}"))
    }

    /// Whether it installs the newest of several versions again and removes the others.
    pub fn removes_duplicates(&self) -> bool {
        self.variant == Variant::Dnf
    }

    /// Leaves out by itself what cannot be had.
    pub fn lenient(&self) -> &'static str {
        match self.variant {
            Variant::Dnf => "--setopt=strict=0",
            Variant::Yum => "--skip-broken",
        }
    }
}

/// This machine's dnf for a root that has none: everything but the program stands in that root, and this machine's
/// plugins have no say.
fn from_outside(root: &Path, os: &OsRelease) -> Vec<String> {
    let below = |path: &str| root.join(path).display().to_string();
    let mut options = vec![
        "--noplugins".to_owned(),
        format!("--config={}", below("etc/dnf/dnf.conf")),
        format!("--setopt=reposdir={}", below("etc/yum.repos.d")),
        format!("--setopt=varsdir={}", below("etc/dnf/vars")),
        format!("--setopt=cachedir={}", below("var/cache/dnf")),
        format!("--setopt=persistdir={}", below("var/lib/dnf")),
        format!("--setopt=logdir={}", below("var/log")),
    ];
    let major = os.version_id.split('.').next().unwrap_or_default();
    if !moves_to_latest(os) && !major.is_empty() {
        options.push(format!("--releasever={major}"));
        if ["rhel", "rocky", "almalinux", "centos", "ol"].contains(&os.id.as_str()) {
            options.push(format!("--setopt=module_platform_id=platform:el{major}"));
        }
    }
    options
}

/// Writes one `.repo` file for each source; gives the folder, as the root has it, and the repositories' ids.
pub fn write_repositories(
    root: &Root,
    folder: &str,
    sources: &[Source],
) -> Result<(PathBuf, Vec<String>), ScanError> {
    let folder = PathBuf::from(folder);
    let shown = root.shown(&folder);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ScanError::Io { path, source }
    };
    if shown.exists() {
        std::fs::remove_dir_all(&shown).map_err(failed(&shown))?;
    }
    std::fs::create_dir_all(&shown).map_err(failed(&shown))?;
    let mut ids = Vec::new();
    for source in sources {
        let (text, found) = repository_file(source);
        ids.extend(found);
        let path = shown.join(format!("{}.repo", source.name));
        std::fs::write(&path, text).map_err(failed(&path))?;
    }
    Ok((folder, ids))
}

/// Unlike dnf's, a repository of zypper is off unless it says otherwise.
fn header(id: &str, configuration: &str) -> String {
    let says = configuration.lines().any(|line| line.trim_start().starts_with("enabled"));
    format!("[{id}]\n{}", if says { "" } else { "enabled=1\n" })
}

/// The text of a `.repo` file and the ids in it. `[main]`, which the documentation of baselines shows, would be taken
/// for dnf's own settings: such a section is named after the source, as is one without a name.
fn repository_file(source: &Source) -> (String, Vec<String>) {
    let (mut text, mut ids) = (String::new(), Vec::new());
    for line in source.configuration.lines().map(str::trim_end) {
        match line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(section) => {
                let id = if section == "main" { source.name.as_str() } else { section };
                ids.push(id.to_owned());
                text.push_str(&header(id, &source.configuration));
            }
            None => {
                if ids.is_empty() && !line.trim().is_empty() {
                    ids.push(source.name.clone());
                    text.push_str(&header(&source.name, &source.configuration));
                }
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    (text, ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_of_sources_have_names() {
        let check = |configuration: &str, expected: &str, id: &str| {
            let source =
                Source { name: "mine".into(), products: vec![], configuration: configuration.into() };
            assert_eq!(repository_file(&source), (expected.to_owned(), vec![id.to_owned()]));
        };
        check("[main]\nname=x\nbaseurl=http://r/", "[mine]\nenabled=1\nname=x\nbaseurl=http://r/\n", "mine");
        check("[other]\r\nname=x\r\nenabled=0\r\n", "[other]\nname=x\nenabled=0\n", "other");
        check("name=x\n", "[mine]\nenabled=1\nname=x\n", "mine");
    }
}
