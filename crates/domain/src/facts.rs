//! What a node's package manager knows, without any opinion: the input of `patch::evaluate`.
//! Gathering facts belongs to the agent; judging them to `patch`.

use api::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One node's fact set. Holds nothing that differs between two nodes built from one image,
/// so that equal nodes share one content hash; what is a node's own stands in [`Observation`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactSet {
    pub os: OsRelease,
    /// Where packages come from; [`AvailableVersion::repositories`] index into this list.
    pub repositories: Vec<Repository>,
    /// Every package known to dpkg as present in some way, sorted by (name, arch).
    pub packages: Vec<PackageFact>,
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
    /// `ID`: `debian`, `ubuntu`, `raspbian`.
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
    pub suite: String,
    pub codename: String,
    pub origin: String,
    pub label: String,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFact {
    pub name: String,
    pub arch: String,
    /// The installed (or half-installed) version.
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
    /// `apt-mark hold`.
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
}

/// dpkg's third status word, for packages with files on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageState {
    Installed,
    HalfInstalled,
    Unpacked,
    HalfConfigured,
    TriggersAwaited,
    TriggersPending,
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
