//! A build on probation, as it sees itself: what it has shown since it was started, and the note by which the program that
//! guards it knows that it has passed. Judging one that does not pass is `guard`'s.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::Update;
use crate::files;

const FILE: &str = "update-probation.json";

/// What has been shown, as the guard reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The server has acknowledged something that this build said.
    pub is_heard: bool,
    /// It has taken up the command that brought it: a document was planned, run and reported.
    pub has_worked: bool,
    /// Time enough went by as well.
    pub has_passed: bool,
}

impl Shown {
    pub fn load(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        let text =
            files::read_if_present(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let Some(text) = text else { return Ok(Self::default()) };
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    pub fn forget(data_dir: &Path) -> anyhow::Result<()> {
        let path = data_dir.join(FILE);
        files::remove_if_present(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    /// What is lacking, for people.
    pub fn lack(self) -> &'static str {
        match (self.has_worked, self.is_heard) {
            (false, _) => "it did not take up the command that brought it",
            (true, false) => "nothing that it said reached the server",
            (true, true) => "it was not connected in the end",
        }
    }
}

/// In the build that is on probation.
#[derive(Debug)]
pub struct Probation {
    data_dir: PathBuf,
    job_id: String,
    ends: Instant,
    shown: Shown,
}

impl Probation {
    /// From now on for `time`. `is_open`: whether the command that brought the build goes on.
    pub fn begin(data_dir: &Path, time: Duration, is_open: impl Fn(&str) -> bool) -> anyhow::Result<Self> {
        let update = Update::load(data_dir)?.context("there is no update that could be on probation")?;
        let ends = Instant::now().checked_add(time).context("the probation has no end")?;
        // One that was called off has nothing left to show but that it is there.
        let shown = Shown { has_worked: !is_open(&update.job_id), ..Shown::default() };
        Ok(Self { data_dir: data_dir.to_owned(), job_id: update.job_id, ends, shown })
    }

    pub fn is_of(&self, job_id: &str) -> bool {
        self.job_id == job_id
    }

    /// The server has taken something.
    pub fn heard(&mut self) {
        self.note(|shown| shown.is_heard = true);
    }

    /// The command that brought this build was taken up, or has been called off.
    pub fn worked(&mut self) {
        self.note(|shown| shown.has_worked = true);
    }

    /// Whether nothing is lacking any more; durable when it is.
    pub fn has_passed(&mut self, is_connected: bool) -> bool {
        if self.shown.is_heard && self.shown.has_worked && is_connected && Instant::now() >= self.ends {
            self.note(|shown| shown.has_passed = true);
        }
        self.shown.has_passed
    }

    fn note(&mut self, change: impl Fn(&mut Shown)) {
        let mut shown = self.shown;
        change(&mut shown);
        if shown == self.shown {
            return;
        }
        let path = self.data_dir.join(FILE);
        let json = serde_json::to_vec(&shown).map_err(std::io::Error::other);
        match json.and_then(|json| files::write_atomically(&path, &json)) {
            Ok(()) => self.shown = shown,
            // Noted with the next occasion, or never: then the build has not passed.
            Err(error) => tracing::error!(%error, path = %path.display(), "the probation is not noted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::call::now;
    use crate::update::Stage;

    fn dir() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let update = Update {
            job_id: "job".to_owned(),
            began_at: now(),
            program: dir.path().join("agent"),
            from_version: "1".to_owned(),
            from_sha256: "old".to_owned(),
            to_version: "2".to_owned(),
            to_sha256: "new".to_owned(),
            tries: 1,
            given_up: None,
            stage: Stage::Probation,
            starts: 1,
        };
        update.save(dir.path()).unwrap();
        dir
    }

    #[test]
    fn passes_with_everything_alone() {
        let dir = dir();
        let mut one = Probation::begin(dir.path(), Duration::ZERO, |job| job == "job").unwrap();
        assert!(one.is_of("job") && !one.has_passed(true));
        assert!(Shown::default().lack().contains("did not take up"));
        one.worked();
        assert!(
            !one.has_passed(true) && Shown::load(dir.path()).unwrap().lack().contains("nothing that it said")
        );
        one.heard();
        assert!(!one.has_passed(false) && Shown::load(dir.path()).unwrap().lack().contains("not connected"));
        assert!(one.has_passed(true) && Shown::load(dir.path()).unwrap().has_passed);
        assert!(one.has_passed(false), "what is passed stays passed");
        Shown::forget(dir.path()).unwrap();
        assert_eq!(Shown::load(dir.path()).unwrap(), Shown::default());
    }

    #[test]
    fn takes_its_time_and_needs_no_command_that_is_gone() {
        let dir = dir();
        let mut long = Probation::begin(dir.path(), Duration::from_secs(3600), |_| false).unwrap();
        long.heard();
        assert!(!long.has_passed(true));
        let mut short = Probation::begin(dir.path(), Duration::ZERO, |_| false).unwrap();
        short.heard();
        assert!(short.has_passed(true));
    }
}
