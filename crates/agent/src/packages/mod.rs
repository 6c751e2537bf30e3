//! Package managers: what a node has and what its repositories offer, read through their own files; and transactions
//! through their own tools. Judging facts and deciding what to ask for belongs to `domain::patch`.

#[cfg(target_os = "linux")]
pub mod apk;
#[cfg(target_os = "linux")]
pub mod apt;
pub mod boot_packages;
#[cfg(target_os = "linux")]
pub mod decompress;
#[cfg(target_os = "linux")]
pub mod dnf;
#[cfg(target_os = "linux")]
mod index;
#[cfg(target_os = "linux")]
pub mod kept;
#[cfg(target_os = "linux")]
pub mod lock;
#[cfg(unix)]
pub mod macos;
#[cfg(target_os = "linux")]
mod node;
#[cfg(target_os = "linux")]
mod old_versions;
#[cfg(target_os = "linux")]
pub mod pacman;
#[cfg(target_os = "linux")]
pub mod root;
#[cfg(target_os = "linux")]
pub mod rpm;
#[cfg(target_os = "linux")]
pub mod rpm_tools;
#[cfg(target_os = "linux")]
mod space;
pub mod tool;
#[cfg(target_os = "linux")]
mod transaction;
pub(crate) mod ways_back;
pub mod windows_update;
#[cfg(target_os = "linux")]
pub mod zypper;

#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;

use api::Timestamp;
use domain::baseline::Source;
use domain::facts::{FactSet, Observation};
#[cfg(target_os = "linux")]
use domain::os::{Family, OperatingSystem};
use domain::patch::Failure;
use domain::patch::transaction::{BlockedVersion, Change, Limits, Outcome, Plan, RebootSign, Wanted};
use domain::patch::way_back::WayBack;

use tool::ToolRun;

/// One node's package manager. Each method ends before it returns; nothing runs on behind it.
pub trait PackageManager {
    /// From here on these repositories take the place of the node's own, whose configuration is not touched: there is
    /// nothing to restore afterwards. Gather next, since their lists have to be fetched. Which of a baseline's sources
    /// are for this node is told by [`Source::is_for`].
    fn replace_repositories(&mut self, sources: &[Source]) -> Result<(), ScanError>;

    /// The package versions that ids among these entries mean: of advisories, CVE ids, Bugzilla numbers. Repositories without
    /// advisories know none. Reads files only.
    fn versions_named(&self, _entries: &[String]) -> Result<Vec<BlockedVersion>, ScanError> {
        Ok(Vec::new())
    }

    /// What the node has and what its repositories offer. Reads files; starts no tool but the refresh of the lists.
    fn gather(&self, options: &GatherOptions) -> Result<(FactSet, Observation), ScanError>;

    /// What the node's own solver would do for these versions. Changes nothing, needs no lock.
    fn plan(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Plan, Failure>;

    /// Installs exactly these versions, what they need, and nothing else. One that cannot be had is told under `failed`
    /// and does not keep the others away. An error means that nothing was begun.
    fn install(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Outcome, Failure>;

    /// Whether more may be wanted after the restart that follows an installation: what had to wait for it, and what is
    /// offered only then.
    fn installs_in_rounds(&self) -> bool {
        false
    }

    /// Finishes what an interrupted run left behind, and tells what that changed. Cheap when there is nothing to do.
    fn repair(&self, run: &mut ToolRun) -> Result<Vec<Change>, Failure>;

    /// Takes recorded changes back. The outcome's `failed` names the versions that should have come back.
    fn undo(&self, changes: &[Change], run: &mut ToolRun) -> Result<Outcome, Failure>;

    /// What would keep this plan away at this moment: a lock that somebody holds, a disk too full. Waits for nothing.
    fn blockers(&self, _plan: &Plan) -> Vec<Failure> {
        Vec::new()
    }

    /// The files of the installed versions that changes would replace.
    fn files_of(&self, _changes: &[Change], _run: &mut ToolRun) -> Vec<String> {
        Vec::new()
    }

    /// Changes whose own scripts are known to ask for a reboot.
    fn reboot_signs(&self, _changes: &[Change]) -> Vec<RebootSign> {
        Vec::new()
    }

    /// Of each of these changes, before any is made: where the version that is installed now could come back from
    /// afterwards. Changes nothing, needs no lock. An error means that nobody knows.
    fn ways_back(&self, changes: &[Change], run: &mut ToolRun) -> Result<Vec<WayBack>, Failure>;

    /// Whether the versions from before can still be had, changing nothing; `refused` names those that cannot.
    fn undo_plan(&self, changes: &[Change], run: &mut ToolRun) -> Result<Plan, Failure>;
}

/// The package manager of this root, by what the root has.
#[cfg(target_os = "linux")]
pub fn of(root: &root::Root) -> Result<Box<dyn PackageManager + '_>, ScanError> {
    Ok(match Kind::of(root)? {
        Kind::Apt => Box::new(apt::Apt::new(root, apt::Environment::of_process())),
        Kind::Apk => Box::new(apk::Apk::new(root)),
        Kind::Dnf => Box::new(dnf::Dnf::new(root)),
        Kind::Zypper => Box::new(zypper::Zypper::new(root)),
        Kind::Pacman => Box::new(pacman::Pacman::new(root)),
    })
}

/// The advisories that a root lacks, which only rpm's repositories publish.
#[cfg(target_os = "linux")]
pub fn lacking(
    root: &root::Root,
    kinds: rpm::lacking::Kinds,
) -> Result<Vec<rpm::lacking::Lacking>, ScanError> {
    use rpm::system::Configured;
    let system = match Kind::of(root)? {
        Kind::Dnf => dnf::Dnf::new(root).system(root, None)?,
        Kind::Zypper => zypper::Zypper::new(root).system(root, None)?,
        Kind::Apk | Kind::Apt | Kind::Pacman => {
            let reason = "the repositories of Debian, Alpine and Arch publish no advisories; `fettle-agent scan` tells which updates are missing";
            return Err(ScanError::Settings(reason.to_owned()));
        }
    };
    system.lacking(root, kinds)
}

#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Apk,
    Apt,
    Dnf,
    Zypper,
    Pacman,
}

#[cfg(target_os = "linux")]
impl Kind {
    fn of(root: &root::Root) -> Result<Self, ScanError> {
        let system = OperatingSystem::detect(&node::os_release(root, "")?);
        let family = system.map(|system| system.operating_system.family());
        let has_apt = root.identity(Path::new("/var/lib/dpkg/status"))?.is_some();
        Ok(match family {
            Some(Family::Rpm) => Self::Dnf,
            Some(Family::Suse) => Self::Zypper,
            Some(Family::Debian) => Self::Apt,
            Some(Family::Alpine) => Self::Apk,
            Some(Family::Arch) => Self::Pacman,
            // A derivative, or something that does not say what it is: what it has decides.
            _ if has_apt => Self::Apt,
            _ if apk::has_database(root)? => Self::Apk,
            _ if root.identity(Path::new("/var/lib/pacman/local/ALPM_DB_VERSION"))?.is_some() => Self::Pacman,
            _ if rpm::database::Database::find(root)?.is_none() => Self::Apt,
            _ if !root.list_files(Path::new("/etc/zypp/repos.d"))?.is_empty() => Self::Zypper,
            _ => Self::Dnf,
        })
    }
}

/// How a node is to be read.
#[derive(Clone, Debug)]
pub struct GatherOptions {
    pub now: Timestamp,
    pub refresh: RefreshLists,
    /// The agent's folder, where indexes of package lists are kept; without one, every scan reads the lists.
    pub data_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshLists {
    /// Where it may: as root, for the running machine.
    WherePossible,
    Never,
}

/// Why a node could not be read. A scan that ends in one of these leaves the last good report alone.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("cannot read {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A file whose text cannot be understood. Lines count from 1.
    #[error("{}:{line}: {reason}", path.display())]
    Malformed { path: PathBuf, line: u64, reason: String },
    /// A file that ends early or whose compression is broken.
    #[error("{}: {reason}", path.display())]
    Corrupt { path: PathBuf, reason: String },
    #[error("{0}")]
    Settings(String),
    #[error("no package manager that this agent reads: {} is missing", path.display())]
    NoPackageManager { path: PathBuf },
}

impl From<ScanError> for Failure {
    /// For transactions, which read the same files.
    fn from(error: ScanError) -> Self {
        use domain::patch::FailureCode;
        let code = match &error {
            ScanError::NoPackageManager { .. } => FailureCode::ToolMissing,
            _ => FailureCode::DatabaseBroken,
        };
        let subject = match &error {
            ScanError::Io { path, .. }
            | ScanError::Malformed { path, .. }
            | ScanError::Corrupt { path, .. }
            | ScanError::NoPackageManager { path } => path.display().to_string(),
            ScanError::Settings(_) => String::new(),
        };
        let detail = match &error {
            ScanError::Io { source, .. } => format!("{error}: {source}"),
            _ => error.to_string(),
        };
        Self { code, subject, detail }
    }
}
