//! A node as its tool's configuration describes it: what is installed, which repositories count, and how the tool chooses.
//! Finding that out is `dnf`'s and `zypper`'s; what it comes to is the same for both.

use std::path::Path;

use api::Timestamp;
use domain::facts::{AutomaticUpdates, OsRelease, RepositoryFailure};

use super::super::kept::{self, Reading};
use super::super::root::Root;
use super::super::{GatherOptions, RefreshLists, ScanError, node};
use super::arch::Architecture;
use super::header::Installed;
use super::indexed::{INDEX_FOLDER, Reader};
use super::modules::Modules;
use super::node::{Node, Policy, Source};
use super::refresh::Refresh;

pub struct System {
    /// Sorted by name and architecture.
    pub installed: Vec<Installed>,
    pub os: OsRelease,
    pub architecture: Architecture,
    pub sources: Sources,
    pub modules: Modules,
    pub policy: Box<dyn Policy>,
}

/// The enabled repositories, with what the tool keeps of them.
#[derive(Debug, Default)]
pub struct Sources {
    pub found: Vec<Source>,
    /// When the oldest of them came here.
    pub fetched_at: Option<Timestamp>,
    pub missing: Vec<RepositoryFailure>,
}

impl Sources {
    pub fn add(&mut self, source: Source, fetched_at: Timestamp) {
        self.found.push(source);
        self.fetched_at = Some(self.fetched_at.map_or(fetched_at, |oldest| oldest.min(fetched_at)));
    }
}

impl System {
    /// The facts, through the agent's index where it may keep one.
    pub fn reading(self, root: &Root, options: &GatherOptions) -> Result<Reading, ScanError> {
        let Self { installed, os, architecture, sources, modules, policy } = self;
        let Sources { found: sources, fetched_at, missing } = sources;
        let index = options.data_dir.as_deref().map(|folder| folder.join(INDEX_FOLDER));
        let reader = Reader { root, folder: index.as_deref() };
        let node = Node { reader, os, architecture, sources, modules, policy: &*policy };
        let facts = node.facts(&installed)?;
        Ok(Reading { facts, lists_updated_at: fetched_at, missing_repositories: missing })
    }
}

/// How a node's tool is asked for what a reading needs.
pub trait Configured {
    /// What takes the place of the node's own repositories.
    type Own;

    fn system(&self, root: &Root, own: Option<&Self::Own>) -> Result<System, ScanError>;

    /// Fetches the metadata of these repositories anew, or of the running machine's own.
    fn refresh(
        &self,
        root: &Root,
        own: Option<&Self::Own>,
        options: &GatherOptions,
    ) -> Result<Refresh, ScanError>;

    /// What runs the tool by itself, where that is known how to tell.
    fn automatic_updates(&self, _root: &Root) -> Result<Vec<AutomaticUpdates>, ScanError> {
        Ok(Vec::new())
    }
}

/// Reads a node: what is equal on equal nodes, and what is its own. Writes nothing outside the agent's data.
/// Of repositories in place of the node's own, metadata is fetched in any root, since it is not there before; and such a
/// reading is not kept, since the next one is of the node's own again.
pub fn gather<T: Configured>(
    tool: &T,
    root: &Root,
    own: Option<&T::Own>,
    options: &GatherOptions,
) -> Result<(domain::facts::FactSet, domain::facts::Observation), ScanError> {
    let may_refresh = own.is_some() || (root.is_host() && rustix::process::geteuid().is_root());
    let refresh = match options.refresh {
        RefreshLists::WherePossible if may_refresh => tool.refresh(root, own, options)?,
        _ => Refresh::default(),
    };
    root.forget_looks();
    let mut observation = refresh.into_observation(options.now);
    // First, so that the evidence is among what a kept reading depends on.
    node::observe(root, &mut observation)?;
    observation.automatic_updates = tool.automatic_updates(root)?;
    let read = || tool.system(root, own)?.reading(root, options);
    let reading = if own.is_some() { read()? } else { kept::reading(root, read)? };
    Ok(reading.complete(observation))
}

/// Where metadata of a repository lies, for messages.
pub fn no_metadata(root: &Root, repository: &str, place: &Path, remedy: &str) -> ScanError {
    ScanError::Settings(format!(
        "repository `{repository}`: no metadata in {}; run `{remedy}`",
        root.shown(place).display()
    ))
}
