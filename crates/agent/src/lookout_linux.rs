//! Notices between patch runs that the packages changed, and has the server told. A look is one stat call for each file
//! that the last reading read; only when one of them changed a child process reads them, so that its memory goes back.
//! What was read is `packages::kept`'s to know; telling the server is `fettle-agent facts`, one run of it.
//!
//! After an installation units of systemd are looked at as well, for as long as a rollout may ask for them: one that fails
//! later, in the soak, is told like one that failed at once.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use crate::boot::Boot;
use crate::effect::units;
use crate::packages::kept::Note;
use crate::packages::root::{Identity, Root};
use crate::patch_run::{memory, untold_units};
use crate::random_fraction;

/// Reading a large node from a cold disk, and a patch run that has to end before.
const TELL_WITHIN: Duration = Duration::from_secs(3600);
/// How often units are looked at, where packages are not looked at more often.
const UNITS_EVERY: Duration = Duration::from_secs(60);
/// No rollout soaks for longer than this after its installation.
const UNITS_FOR: Duration = Duration::from_secs(30 * 86_400);

/// How often to look, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looking {
    root: PathBuf,
    every: Duration,
}

impl Looking {
    /// `None` for zero seconds.
    pub fn every(root: PathBuf, seconds: u64) -> Option<Self> {
        (seconds > 0).then(|| Self { root, every: Duration::from_secs(seconds) })
    }
}

/// Looks until it is dropped; without `looking` there is nothing to do.
pub async fn run(looking: Option<Looking>, data_dir: PathBuf, agent_exe: PathBuf) {
    let Some(Looking { root: path, every }) = looking else { return };
    let root = match Root::at(&path) {
        Ok(root) => root,
        Err(error) => {
            tracing::error!(%error, root = %path.display(), "changes of packages go unnoticed");
            return;
        }
    };
    let mut lookout = Lookout { root, path, data_dir, agent_exe, seen: None };
    // At first up to half an interval more: a fleet that was started at once does not look at once, then or later.
    sleep(every.mul_f64(random_fraction() / 2.0)).await;
    let (mut packages_at, mut units_at) = (Instant::now() + every, Instant::now());
    loop {
        sleep(every.min(UNITS_EVERY)).await;
        let mut changed = None;
        // Stat calls of local files, less than a millisecond: not worth a thread.
        if Instant::now() >= packages_at {
            packages_at = Instant::now() + every;
            changed = (lookout.look() == Look::Changed).then_some("packages or their lists");
        }
        if changed.is_none()
            && Instant::now() >= units_at
            && units_changed(lookout.path.clone(), lookout.data_dir.clone()).await
        {
            // Units that come and go have the node read no more often than packages do.
            units_at = Instant::now() + every;
            changed = Some("failed units");
        }
        if let Some(what) = changed
            && let Err(error) = lookout.tell(what).await
        {
            let error = format!("{error:#}");
            tracing::warn!(error, what, "the server was not told of what changed; a later look tries again");
        }
    }
}

/// Whether since the newest installation other units have failed than the server was told of.
async fn units_changed(root: PathBuf, data_dir: PathBuf) -> bool {
    // One stat call where nothing was installed of late: not worth a thread either.
    let Some(before) = memory::units_to_watch(&data_dir, UNITS_FOR) else { return false };
    let asked = tokio::task::spawn_blocking(move || {
        let failed = units::failed_since(&Boot::of(&root), &data_dir, &before)?;
        Some(untold_units(&data_dir, &failed))
    });
    asked.await.ok().flatten().unwrap_or(false)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Unchanged,
    Changed,
}

struct Lookout {
    root: Root,
    path: PathBuf,
    data_dir: PathBuf,
    agent_exe: PathBuf,
    /// The note of the last reading, and its file's identity when it was read.
    seen: Option<(Identity, Option<Note>)>,
}

impl Lookout {
    /// Nothing but stat calls, unless another reading has been kept since the last look.
    fn look(&mut self) -> Look {
        let Some(identity) = Note::identity(&self.data_dir) else {
            self.seen = None;
            return Look::Changed;
        };
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != identity) {
            let note = Note::load(&self.data_dir).filter(|note| note.is_of(&self.root));
            self.seen = Some((identity, note));
        }
        let note = self.seen.as_ref().and_then(|(_, note)| note.as_ref());
        match note.is_some_and(|note| note.is_unchanged(&self.root)) {
            true => Look::Unchanged,
            false => Look::Changed,
        }
    }

    async fn tell(&mut self, what: &str) -> anyhow::Result<()> {
        tracing::info!(what, "reading what changed");
        let mut command = Command::new(&self.agent_exe);
        command.arg("facts").arg("--data").arg(&self.data_dir).arg("--root").arg(&self.path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().context("cannot start the reading")?;
        match timeout(TELL_WITHIN, child.wait()).await {
            Ok(status) if status.as_ref().is_ok_and(std::process::ExitStatus::success) => Ok(()),
            Ok(status) => bail!("the reading ended with {}", status?),
            Err(_) => bail!("the reading did not end within {} minutes", TELL_WITHIN.as_secs() / 60),
        }
    }
}
