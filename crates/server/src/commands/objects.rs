//! Where a server keeps objects, as its command line and environment say.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::objects::{Contents, Folder, Objects};

/// Inside the data folder.
const FOLDER: &str = "objects";

#[derive(Args, Default)]
pub struct ObjectArguments {
    /// The folder in which objects are kept; `objects` in the data folder if not given.
    #[arg(long, env = "FETTLE_OBJECTS", value_name = "FOLDER", conflicts_with = "ephemeral")]
    objects: Option<PathBuf>,
    /// Below this host name buckets are hosts: `BUCKET.DOMAIN`.
    #[arg(long, env = "FETTLE_OBJECTS_DOMAIN", value_name = "DOMAIN")]
    objects_domain: Option<String>,
}

impl ObjectArguments {
    /// `None`: in memory.
    pub fn open(&self, data: Option<&Path>) -> anyhow::Result<Objects> {
        let domain = self.objects_domain.as_ref().map(|domain| domain.trim_matches('.').to_ascii_lowercase());
        if domain.as_ref().is_some_and(|domain| domain.is_empty() || domain.contains([':', '/'])) {
            bail!("--objects-domain: expected a host name such as objects.example.org, without port or path");
        }
        let Some(data) = data else {
            return Ok(Objects { domain, ..Objects::in_memory() });
        };
        let folder = self.objects.clone().unwrap_or_else(|| data.join(FOLDER));
        let opened = Folder::open(folder.clone())
            .with_context(|| format!("cannot keep objects in {}", folder.display()))?;
        Ok(Objects { contents: Contents::Folder(opened), domain })
    }
}
