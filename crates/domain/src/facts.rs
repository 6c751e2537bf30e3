//! What a node's package manager knows, without any opinion: the input of `patch::evaluate`.
//! Gathering facts belongs to the agent; judging them to `patch`.

use std::collections::BTreeSet;

use api::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

mod automatic;
mod effect;
pub mod form;

pub use automatic::{AutomaticAction, AutomaticUpdates};
pub use effect::{NotInEffect, StaleUnit, Starter};

/// One node's fact set. Holds nothing that differs between two nodes built from one image,
/// so that equal nodes share one content hash; what is a node's own stands in [`Observation`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactSet {
    pub os: OsRelease,
    /// Where packages come from; [`AvailableVersion::repositories`] index into this list.
    pub repositories: Vec<Repository>,
    /// Every package known to the package manager as present in some way, sorted by (name, arch).
    pub packages: Vec<PackageFact>,
    /// What the repositories publish about installed packages, sorted by (id, repository);
    /// [`Notice::advisory`] indexes into this list. Empty where repositories publish none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advisories: Vec<Advisory>,
    /// How many packages the advisories name that are not installed, by what approves them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<AbsentPackages>,
    /// Windows and macOS: what the update service knows, installed or applicable, sorted by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub updates: Vec<UpdateFact>,
}

impl FactSet {
    /// The bytes that are hashed, sent and stored: compact JSON in declaration order.
    pub fn to_canonical_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a fact set holds only strings, numbers and lists")
    }
}

/// Lower-case hex SHA-256 of a fact set's canonical JSON.
pub fn content_hash(canonical_json: &[u8]) -> String {
    hex::encode(Sha256::digest(canonical_json))
}

/// From `/etc/os-release` and the package manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`: `debian`, `ubuntu`, `rhel`, `sles`; `windows` and `macos` where there is no such file.
    pub id: String,
    /// `VERSION_ID`: `12`, `22.04`; empty on rolling releases.
    pub version_id: String,
    /// `VERSION_CODENAME`: `bookworm`.
    pub codename: String,
    /// `NAME`: `Debian GNU/Linux`.
    pub name: String,
    pub pretty_name: String,
    /// The package manager's native architecture: `amd64`.
    pub arch: String,
}

/// One index of one repository, as its Release file and the sources describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Repository {
    /// As written in the sources, without credentials: `http://deb.example.org/debian`.
    pub uri: String,
    /// `Suite` of the Release file (apt calls it archive): `stable-security`.
    /// rpm systems: the repository's id, or alias. apk: the part of the branch, `main`.
    pub suite: String,
    /// `Codename` of the Release file; on Amazon Linux 2023 the release to which the node is locked, whichever is read.
    pub codename: String,
    pub origin: String,
    pub label: String,
    /// apk: the tag that packages have to be asked for with, `@edge`.
    /// rpm systems: `$releasever` of what was read. On Amazon Linux 2023 that is `latest`, or the locked release where
    /// nothing of the latest is there.
    pub component: String,
    /// Of the index: `amd64`, `all`.
    pub arch: String,
    /// `Date` of the Release file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// `Valid-Until` of the Release file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFact {
    pub name: String,
    pub arch: String,
    /// The installed (or half-installed) version; on rpm systems `epoch:version-release`, the epoch only when it is
    /// not 0. Of packages that stay installed in several versions (kernels), the highest.
    pub version: String,
    pub state: PackageState,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub section: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub priority: String,
    /// Source package name and version, when they differ from the binary's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// When this version was unpacked, whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<Timestamp>,
    /// `apt-mark hold`, a dnf versionlock, a zypper lock.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Installed as a dependency, not by choice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
    /// The version that `apt-cache policy` names as candidate, which may be the installed one.
    /// `None` when pins forbid every version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// Every version offered by a repository that is the installed one, or newer, or the candidate;
    /// newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub available: Vec<AvailableVersion>,
    /// Every advisory that lists this package for its architecture, with the version it lists: older, equal or newer
    /// than the installed one. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// Lower versions that are installed beside [`Self::version`], highest first (kernels).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_versions: Vec<String>,
    /// A package of this name in an enabled repository declares this one obsolete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obsoleted_by: Option<String>,
}

/// One advisory's listing of one package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Notice {
    /// Index into [`FactSet::advisories`].
    pub advisory: u32,
    /// In the form of [`PackageFact::version`].
    pub version: String,
}

/// An entry of `updateinfo.xml`, which is also what a SUSE patch is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Advisory {
    /// `RHSA-2024:0001`, `ALAS2023-2024-500`, `SUSE-SLE-Module-2024-1`.
    pub id: String,
    /// Index into [`FactSet::repositories`].
    pub repository: u32,
    /// As published: `security`, `bugfix`, `enhancement`, `newpackage`, `recommended`.
    pub kind: String,
    /// As published; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub severity: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// A date stands there that cannot be read, and no other that can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_unreadable_date: bool,
    /// Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cve_ids: Vec<String>,
    /// Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bugzilla_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reboot_suggested: bool,
    /// zypper's `restart`: the package manager itself changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart_suggested: bool,
}

/// Packages that are not installed and are named by advisories with these properties, each package counted once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AbsentPackages {
    /// Of every advisory that names them, sorted, without repetition.
    pub terms: Vec<AdvisoryTerms>,
    pub packages: u32,
}

/// The properties of an advisory that rules look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AdvisoryTerms {
    pub kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub severity: String,
    /// `updated`, else `issued`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated_at: Option<Timestamp>,
}

/// One update of Windows Update or `softwareupdate`, or one Homebrew package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateFact {
    /// The update's GUID; the label or name on macOS.
    pub id: String,
    pub title: String,
    /// `KB5031364`. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kb_ids: Vec<String>,
    /// Of the updates that a bundle carries and that cannot be had without it, as far as the bundle itself does not
    /// bear them. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bundled_kb_ids: Vec<String>,
    /// `MS10-048`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bulletin_ids: Vec<String>,
    /// The version offered, where updates have versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The version that is installed, where updates have versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_version: Option<String>,
    /// As baselines write it: `SecurityUpdates`, `CriticalUpdates`; `Security` on macOS.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub classification: String,
    /// MSRC severity; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub severity: String,
    /// As baselines write them: `WindowsServer2019`, `Office 2016`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product_families: Vec<String>,
    /// Microsoft Update's last change; `None` where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cve_ids: Vec<String>,
    /// Ids of the updates that this one replaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<String>,
    pub status: UpdateStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<Timestamp>,
    /// Installed, but in effect only after a restart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_restart: bool,
    /// The service says that installing it may need a restart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_restart: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateStatus {
    Installed,
    /// Not installed, and of use to this node.
    #[default]
    Applicable,
    /// Hidden by an administrator; never offered.
    Hidden,
}

/// dpkg's third status word, for packages with files on disk. Of rpm packages those are half installed of which an
/// interrupted transaction left an older version beside the newer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageState {
    #[default]
    Installed,
    HalfInstalled,
    Unpacked,
    HalfConfigured,
    TriggersAwaited,
    TriggersPending,
}

impl PackageState {
    /// Its files and its scripts are done. Triggers of others may be outstanding.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Installed | Self::TriggersAwaited | Self::TriggersPending)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailableVersion {
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub section: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub priority: String,
    /// The pin priority apt gives to this version.
    pub pin: i32,
    /// Indices into [`FactSet::repositories`], ascending.
    pub repositories: Vec<u32>,
    /// rpm: when the package was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_at: Option<Timestamp>,
    /// The package manager's configuration excludes it (`exclude=`, a module stream that is not enabled is not even
    /// listed).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excluded: bool,
    /// `Phased-Update-Percentage` below 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phased_percent: Option<u8>,
    /// The phasing keeps this node from the version for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub phased_out: bool,
}

/// What is this node's own, or of this moment: sent with every scan beside the fact set's hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    pub captured_at: Timestamp,
    pub refresh: ListRefresh,
    /// When the oldest package list in use was last fetched or confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lists_updated_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_repositories: Vec<RepositoryFailure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub running_kernel: String,
    /// The node's own durable sign (`/run/reboot-required`), with the packages that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reboot_required_by: Option<Vec<String>>,
    /// What is installed and does not run yet.
    #[serde(default, skip_serializing_if = "NotInEffect::is_empty")]
    pub not_in_effect: NotInEffect,
    /// What installs updates by itself. Looked for on dnf and yum nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub automatic_updates: Vec<AutomaticUpdates>,
    /// `None`: the node has no systemd, or it did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_units: Option<FailedUnits>,
}

/// Units of systemd that have failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedUnits {
    pub units: BTreeSet<String>,
    /// Of these, what had not failed when the newest installation began; `None` where nobody asked then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<FailedSince>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedSince {
    /// Of the installation.
    pub execution_id: String,
    pub units: BTreeSet<String>,
}

/// Whether the package lists were fetched anew for this scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "reason")]
pub enum ListRefresh {
    Refreshed,
    /// Some repositories failed; the old lists stay in use for those.
    Partial,
    /// Not tried, and why: no root rights, `--no-refresh`, a foreign root.
    #[default]
    Skipped,
    Failed(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryFailure {
    pub uri: String,
    pub suite: String,
    pub error: String,
}
