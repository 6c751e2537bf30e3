//! Builds that did not pass their probation on this node: noted for good, so that none of them is tried a second time.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use api::Timestamp;
use serde::{Deserialize, Serialize};

use super::Update;
use crate::files;
use crate::transport::call::now;

const FILE: &str = "refused-builds.json";
/// The oldest go first.
const MOST: usize = 50;

/// A build, and why it was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub sha256: String,
    pub version: String,
    pub reason: String,
    pub at: Timestamp,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.to_iso_seconds();
        write!(f, "this node gave the build {} up at {at}: {}", self.version, self.reason)
    }
}

pub fn find(data_dir: &Path, sha256: &str) -> anyhow::Result<Option<Refused>> {
    Ok(load(data_dir)?.into_iter().find(|refused| refused.sha256 == sha256))
}

/// Durable on return.
pub fn add(data_dir: &Path, update: &Update, reason: &str) -> anyhow::Result<()> {
    let mut all = load(data_dir)?;
    all.retain(|refused| refused.sha256 != update.to_sha256);
    all.push(Refused {
        sha256: update.to_sha256.clone(),
        version: update.to_version.clone(),
        reason: reason.to_owned(),
        at: now(),
    });
    all.drain(..all.len().saturating_sub(MOST));
    let path = data_dir.join(FILE);
    let json = serde_json::to_vec_pretty(&all).context("a build is texts and a time")?;
    files::write_atomically(&path, &json).with_context(|| format!("cannot write {}", path.display()))
}

fn load(data_dir: &Path) -> anyhow::Result<Vec<Refused>> {
    let path = data_dir.join(FILE);
    let text = files::read_if_present(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let Some(text) = text else { return Ok(Vec::new()) };
    serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::update::Stage;

    #[test]
    fn a_build_stays_refused_and_the_oldest_go_first() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(dir.path(), "0").unwrap(), None);
        let update = |number: usize| Update {
            job_id: "job".to_owned(),
            began_at: now(),
            program: PathBuf::from("/agent"),
            from_version: "1".to_owned(),
            from_sha256: "old".to_owned(),
            to_version: format!("2.{number}"),
            to_sha256: number.to_string(),
            tries: 1,
            given_up: None,
            stage: Stage::Probation,
            starts: 3,
        };
        for number in 0..=MOST {
            add(dir.path(), &update(number), "it ended").unwrap();
        }
        add(dir.path(), &update(1), "it ended again").unwrap();
        assert_eq!(find(dir.path(), "0").unwrap(), None);
        let again = find(dir.path(), "1").unwrap().unwrap();
        assert!(again.to_string().ends_with(": it ended again"), "{again}");
        assert_eq!(load(dir.path()).unwrap().len(), MOST);
        std::fs::write(dir.path().join(FILE), "no list").unwrap();
        assert!(find(dir.path(), "1").is_err(), "a list that cannot be read allows nothing");
    }
}
