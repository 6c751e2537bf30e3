//! AWS-InstallWindowsUpdates from beginning to end: search, choose, install, restart, and again until nothing chosen is
//! left. What was done is written down before each restart, so that the step which runs again goes on and never tries
//! twice what failed. Source: spec patch-manager 2.5 (as many restarts as necessary) and 4.10.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::patch::Failure;
use serde::{Deserialize, Serialize};

use super::agent::{Ask, Update, UpdateAgent};
use super::facts::article_ids;
use super::install::{Round, install_round};
use super::manager::EVERYTHING;
use super::selection::Selection;
use crate::files;
use crate::packages::tool::ToolRun;

/// An update that still wants a restart after so many is told as such, and the machine is left in peace.
const MAX_RESTARTS: u32 = 10;
const FOLDER: &str = "windows-updates";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Scan,
    Install,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowReboot {
    Yes,
    No,
}

/// What was done so far for one command, across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub restarts: u32,
    /// Titles by update id.
    pub installed: BTreeMap<String, String>,
    pub failed: BTreeMap<String, FailedUpdate>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedUpdate {
    pub title: String,
    pub failure: Failure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing that was chosen is left.
    Done,
    /// The machine is to restart, and the step to run again.
    Restart,
    /// A restart is needed and not allowed.
    RestartLeftToOthers,
    /// Windows wanted more restarts than are reasonable.
    TooManyRestarts,
}

/// Where progress is kept; nowhere for a command without an id, which nobody runs again.
#[derive(Debug)]
pub struct ProgressFile(Option<PathBuf>);

impl ProgressFile {
    pub fn of(data_dir: &Path, command_id: &str) -> Self {
        let is_plain =
            !command_id.is_empty() && command_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        Self(is_plain.then(|| data_dir.join(FOLDER).join(format!("{command_id}.json"))))
    }

    pub fn read(&self) -> anyhow::Result<Progress> {
        let Some(path) = &self.0 else { return Ok(Progress::default()) };
        let text = files::read_if_present(path).with_context(|| format!("cannot read {}", path.display()))?;
        let Some(text) = text else { return Ok(Progress::default()) };
        serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged; remove it to begin anew", path.display()))
    }

    pub fn write(&self, progress: &Progress) -> anyhow::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        let folder = path.parent().unwrap_or(path);
        crate::platform::create_private_dir(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let bytes = serde_json::to_vec(progress).context("progress as JSON")?;
        files::write_atomically(path, &bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    pub fn remove(&self) -> anyhow::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        files::remove_if_present(path).with_context(|| format!("cannot remove {}", path.display()))
    }
}

/// The updates that are chosen and not there, in the order in which WUA names them.
pub fn chosen(
    agent: &mut dyn UpdateAgent,
    selection: &Selection,
    run: &mut ToolRun,
) -> Result<Vec<Update>, Failure> {
    let found = agent.search(EVERYTHING, Ask::Server).map_err(|error| error.to_failure())?;
    for warning in &found.warnings {
        run.say(&format!("The search left something out: {warning}"));
    }
    for kb in selection.unknown_kbs(&found.updates) {
        run.say(&format!("{kb} is neither installed nor offered to this machine."));
    }
    let is_left = |update: &Update| {
        !update.is_installed && !update.awaits_restart && !update.is_hidden && selection.wants(update)
    };
    Ok(found.updates.into_iter().filter(is_left).collect())
}

/// Installs what is chosen and was not tried yet. `progress` grows by what came of it.
pub fn install_chosen(
    agent: &mut dyn UpdateAgent,
    selection: &Selection,
    allow_reboot: AllowReboot,
    progress: &mut Progress,
    run: &mut ToolRun,
) -> Result<Next, Failure> {
    loop {
        let mut left = chosen(agent, selection, run)?;
        left.retain(|update| !progress.was_tried(update));
        if left.is_empty() {
            let waits = agent.restart_is_needed().map_err(|error| error.to_failure())?;
            return Ok(if waits && progress.restart_is_ours() {
                after_restart_wish(allow_reboot, progress)
            } else {
                Next::Done
            });
        }
        let round = install_round(agent, left, run).map_err(|error| error.to_failure())?;
        let restart_needed = round.restart_needed;
        progress.add(round);
        if restart_needed {
            return Ok(after_restart_wish(allow_reboot, progress));
        }
        // An update may bring others along: search again.
    }
}

fn after_restart_wish(allow_reboot: AllowReboot, progress: &mut Progress) -> Next {
    match allow_reboot {
        AllowReboot::No => Next::RestartLeftToOthers,
        AllowReboot::Yes if progress.restarts >= MAX_RESTARTS => Next::TooManyRestarts,
        AllowReboot::Yes => {
            progress.restarts += 1;
            Next::Restart
        }
    }
}

impl Progress {
    fn was_tried(&self, update: &Update) -> bool {
        self.installed.contains_key(&update.key.id) || self.failed.contains_key(&update.key.id)
    }

    /// A machine that waits for a restart which we had no part in is not restarted.
    fn restart_is_ours(&self) -> bool {
        self.restarts == 0 && !self.installed.is_empty()
    }

    fn add(&mut self, round: Round) {
        for update in round.installed {
            self.installed.insert(update.key.id.clone(), update.title);
        }
        for (update, failure) in round.failed {
            self.failed.insert(update.key.id.clone(), FailedUpdate { title: update.title, failure });
        }
    }
}

/// One line for each update: KBs, severity, title.
pub fn listing(updates: &[Update]) -> Vec<String> {
    let line = |update: &Update| {
        let severity = if update.msrc_severity.is_empty() { "Unspecified" } else { &update.msrc_severity };
        let kbs = article_ids(update).join(",");
        format!("{:<12} {severity:<12} {}", if kbs.is_empty() { "-" } else { &kbs }, update.title)
    };
    updates.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use api::Timestamp;

    use super::super::codes::Hresult;
    use super::super::fake::{Fake, Scripted, update};
    use super::super::selection::{Level, Wishes};
    use super::*;

    fn everything() -> Selection {
        Selection::parse(&Wishes::default(), Level::All, Timestamp::EPOCH).unwrap()
    }

    fn run() -> ToolRun {
        ToolRun::new(Path::new("/nowhere"), Duration::from_secs(60))
    }

    fn go(fake: &mut Fake, progress: &mut Progress, allow: AllowReboot) -> Next {
        install_chosen(fake, &everything(), allow, progress, &mut run()).unwrap()
    }

    #[test]
    fn goes_on_after_restarts_until_nothing_is_left() {
        let mut fake = Fake::of(vec![update("a", "A"), update("b", "B"), update("c", "C")]);
        fake.installs.insert("a".into(), Scripted::BlocksOthers);
        fake.installs.insert("b".into(), Scripted::BlocksOthers);
        fake.installs.insert("c".into(), Scripted::Fails(Hresult(0x8024_200B)));
        let mut progress = Progress::default();
        let mut restarts = 0;
        let last = loop {
            // What is written down is all that the next run knows.
            let json = serde_json::to_vec(&progress).unwrap();
            progress = serde_json::from_slice(&json).unwrap();
            match go(&mut fake, &mut progress, AllowReboot::Yes) {
                Next::Restart => fake.restart(),
                other => break other,
            }
            restarts += 1;
            assert!(restarts < 5);
        };
        assert_eq!((last, restarts, progress.restarts), (Next::Done, 2, 2));
        assert_eq!(progress.installed.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(progress.failed["c"].failure.subject, "0x8024200B");
        assert_eq!(fake.calls.iter().filter(|call| *call == "install c").count(), 1);
    }

    #[test]
    fn restarts_have_an_end() {
        // Wants a restart each time, whatever happens.
        let mut fake = Fake::of(vec![update("a", "A")]);
        fake.restart_first = true;
        let mut progress = Progress::default();
        for _ in 0..MAX_RESTARTS {
            assert_eq!(go(&mut fake, &mut progress, AllowReboot::Yes), Next::Restart);
        }
        assert_eq!(go(&mut fake, &mut progress, AllowReboot::Yes), Next::TooManyRestarts);
    }

    #[test]
    fn a_forbidden_restart_is_left_to_others() {
        let mut fake = Fake::of(vec![update("a", "A")]);
        fake.installs.insert("a".into(), Scripted::NeedsRestart);
        let mut progress = Progress::default();
        assert_eq!(go(&mut fake, &mut progress, AllowReboot::No), Next::RestartLeftToOthers);
        assert_eq!((progress.restarts, progress.installed.len()), (0, 1));
    }

    #[test]
    fn an_update_that_lies_is_not_installed_for_ever() {
        let mut fake = Fake::of(vec![update("a", "A")]);
        fake.installs.insert("a".into(), Scripted::Lies);
        let mut progress = Progress::default();
        assert_eq!(go(&mut fake, &mut progress, AllowReboot::Yes), Next::Done);
        assert_eq!(fake.calls.iter().filter(|call| *call == "install a").count(), 1);
    }

    #[test]
    fn somebody_elses_restart_is_not_ours() {
        let mut waiting = update("a", "A");
        waiting.awaits_restart = true;
        let mut fake = Fake::of(vec![waiting]);
        assert_eq!(go(&mut fake, &mut Progress::default(), AllowReboot::Yes), Next::Done);
    }

    #[test]
    fn progress_is_kept_per_command() {
        let dir = tempfile::tempdir().unwrap();
        let file = ProgressFile::of(dir.path(), "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10");
        assert_eq!(file.read().unwrap(), Progress::default());
        let progress = Progress { restarts: 2, ..Progress::default() };
        file.write(&progress).unwrap();
        assert_eq!(file.read().unwrap(), progress);
        assert_eq!(ProgressFile::of(dir.path(), "other").read().unwrap(), Progress::default());
        file.remove().unwrap();
        file.remove().unwrap();
        assert_eq!(file.read().unwrap(), Progress::default());
        // Not a path into somewhere else.
        assert!(ProgressFile::of(dir.path(), "../x").0.is_none());
    }
}
