//! A baseline's own repositories in place of the node's: a source list and package lists of the agent's, which apt is
//! pointed at. The node's own files are never touched, so that there is nothing to restore, after a crash neither.
//! Source: spec patch-manager 1.8.

use std::path::{Path, PathBuf};

use domain::baseline::Source;
use domain::facts::{FactSet, Observation};

use super::super::super::{GatherOptions, RefreshLists, ScanError};
use super::super::refresh::{self, Refresh};
use super::super::settings::Settings;
use super::super::{INDEX_FOLDER, Options, gather_refreshed};
use super::Apt;

/// Within the root. Others may look into it, since apt downloads as a user of its own.
const FOLDER: &str = "/var/cache/fettle-agent/repositories";

/// Paths as the tools and the root see them.
#[derive(Clone, Debug, Default)]
pub struct OwnRepositories {
    list: PathBuf,
    pub(super) lists: PathBuf,
}

impl OwnRepositories {
    /// Writes the source list into the root.
    pub fn write(shown: impl Fn(&Path) -> PathBuf, sources: &[Source]) -> Result<Self, ScanError> {
        let own =
            Self { list: Path::new(FOLDER).join("sources.list"), lists: Path::new(FOLDER).join("lists") };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ScanError::Io { path, source }
        };
        let partial = shown(&own.lists.join("partial"));
        std::fs::create_dir_all(&partial).map_err(failed(&partial))?;
        let text: String =
            sources.iter().map(|source| format!("{}\n", source.configuration.trim())).collect();
        let list = shown(&own.list);
        std::fs::write(&list, text).map_err(failed(&list))?;
        Ok(own)
    }

    /// Options of every apt tool. `shown` gives a path as the tool sees it.
    pub fn options(&self, shown: impl Fn(&Path) -> PathBuf) -> Vec<String> {
        let (list, lists) = (shown(&self.list), shown(&self.lists));
        vec![
            format!("-oDir::Etc::sourcelist={}", list.display()),
            "-oDir::Etc::sourceparts=/dev/null".to_owned(),
            format!("-oDir::State::lists={}/", lists.display()),
            "-oDir::Cache::pkgcache=".to_owned(),
            "-oDir::Cache::srcpkgcache=".to_owned(),
        ]
    }

    fn apply(&self, settings: &mut Settings) {
        settings.source_files = vec![self.list.clone()];
        settings.lists.clone_from(&self.lists);
    }
}

impl Apt<'_> {
    /// Reads the node with these repositories, fetching their lists where it may: as root.
    pub(super) fn gather_from(
        &self,
        own: &OwnRepositories,
        options: &GatherOptions,
    ) -> Result<(FactSet, Observation), ScanError> {
        let refresh = match options.refresh {
            RefreshLists::WherePossible => refresh::through(self, options.data_dir.as_deref()),
            RefreshLists::Never => Refresh::default(),
        };
        let mut settings = Settings::load(self.root, &self.environment)?;
        own.apply(&mut settings);
        let environment = self.environment.clone();
        // Indexes are kept by the names of lists, and those of other repositories would push out the node's own.
        let index =
            options.data_dir.as_deref().map(|folder| folder.join(INDEX_FOLDER).join("baseline-sources"));
        let options = Options { environment, now: options.now, refresh: options.refresh, index };
        gather_refreshed(self.root, &options, &settings, refresh)
    }
}
