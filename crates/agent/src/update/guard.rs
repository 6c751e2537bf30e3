//! The old program's part while a new build is on probation: it keeps its place, starts the new one as its child, and counts
//! how that ends. One that passes gets the place; one that does not is given up, and the old program goes on with its work.
//!
//! Whoever starts the agent anew meanwhile starts the old program, which guards on: what counts is written down before it
//! happens. The child ends with its guard, as its standard input closes.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::consumption::{self, Consumption};
use super::exchange::check;
use super::probation::Shown;
use super::succession::{become_program, put_in_place};
use super::{Next, Place, Terms, Update, child, refused};
use crate::enroll::claim;
use crate::run::Lifetime;

/// A build that ended so often by itself, or with the machine, is given up. One that somebody killed once or twice is not.
const MOST_STARTS: u32 = 3;
const LOOK_EVERY: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_secs(1);
/// What an agent gets to let go of the folder: a child whose guard was killed ends a little later.
const CLAIM_WITHIN: Duration = Duration::from_secs(20);
/// What the old program gets to show that it would be heard where the new one was not.
const OLD_REACHES_WITHIN: Duration = Duration::from_secs(10);

enum Verdict {
    Stopped,
    Passed,
    Failed(String),
}

/// How one start of the new program ended.
enum Ended {
    ByItself(ExitStatus),
    /// It still runs, and has shown that it must not.
    Unfit(String),
}

/// Guards the build that is on probation, if there is one, until that is decided or the agent is to stop. `None`: there is none.
/// After a decision the process goes on as the program that has the place, or as it is told.
pub fn guard(data_dir: &Path, lifetime: Lifetime, terms: Terms) -> anyhow::Result<Option<Next>> {
    let Some(mut update) = under_way(data_dir) else { return Ok(None) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let verdict = runtime.block_on(decide(data_dir, &mut update, lifetime, terms));
    runtime.shutdown_background();
    let mut place = Place::Kept;
    match verdict? {
        Verdict::Stopped => return Ok(Some(Next::End)),
        Verdict::Passed => match put_in_place(&update) {
            Ok(()) => {
                place = Place::Given;
                tracing::info!(from = update.from_version, to = update.to_version, "the agent is updated");
            }
            Err(error) => give_up(data_dir, &mut update, format!("{error:#}"))?,
        },
        Verdict::Failed(reason) => {
            refused::add(data_dir, &update, &reason)?;
            give_up(data_dir, &mut update, reason)?;
        }
    }
    become_program(&update, place, lifetime, terms).map(Some)
}

/// A file that cannot be read must not keep the agent from its work.
fn under_way(data_dir: &Path) -> Option<Update> {
    let found = Update::load(data_dir).and_then(|update| match update {
        Some(update) if update.is_on_probation()? => Ok(Some(update)),
        _ => Ok(None),
    });
    found.unwrap_or_else(|error| {
        tracing::error!(error = format!("{error:#}"), "no build is guarded");
        None
    })
}

fn give_up(data_dir: &Path, update: &mut Update, reason: String) -> anyhow::Result<()> {
    tracing::error!(to = update.to_version, reason, "the new build is given up; the agent is what it was");
    update.given_up = Some(reason);
    update.save(data_dir)
}

async fn decide(
    data_dir: &Path,
    update: &mut Update,
    lifetime: Lifetime,
    terms: Terms,
) -> anyhow::Result<Verdict> {
    let stop = child::stop(lifetime);
    tokio::pin!(stop);
    tokio::select! {
        stopped = &mut stop => return stopped.map(|()| Verdict::Stopped),
        free = is_free(data_dir) => free?,
    }
    let mut last = String::new();
    loop {
        if update.starts >= MOST_STARTS {
            let times = update.starts;
            return Ok(Verdict::Failed(format!("it ended {times} times while it was on probation{last}")));
        }
        // Before it is started: one that takes the machine down with it is not started for ever.
        update.starts += 1;
        update.save(data_dir)?;
        Shown::forget(data_dir)?;
        let mut child = match check(update).and_then(|()| start(update, terms)) {
            Ok(child) => child,
            Err(error) => return Ok(Verdict::Failed(format!("{error:#}"))),
        };
        // Kept open: `wait` would close it.
        let stdin = child.stdin.take();
        tokio::select! {
            stopped = &mut stop => {
                child::end(&mut child, stdin).await;
                update.starts -= 1;
                update.save(data_dir)?;
                return stopped.map(|()| Verdict::Stopped);
            }
            ended = observe(&mut child, update, data_dir, terms) => match ended? {
                Ended::ByItself(status) if status.success() && Shown::load(data_dir)?.has_passed => {
                    return Ok(Verdict::Passed);
                }
                Ended::ByItself(status) => {
                    tracing::warn!(to = update.to_version, %status, "the build on probation ended by itself");
                    last = format!(", the last time with {status}");
                }
                Ended::Unfit(reason) => {
                    child::end(&mut child, stdin).await;
                    return Ok(Verdict::Failed(reason));
                }
            }
        }
        tokio::select! {
            stopped = &mut stop => return stopped.map(|()| Verdict::Stopped),
            () = sleep(PAUSE) => {}
        }
    }
}

async fn is_free(data_dir: &Path) -> anyhow::Result<()> {
    let end = Instant::now() + CLAIM_WITHIN;
    loop {
        match claim(data_dir) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= end => return Err(error),
            Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}

fn start(update: &Update, terms: Terms) -> anyhow::Result<Child> {
    let seconds = terms.probation.as_secs().to_string();
    child::start(&update.new_program(), &["--on-probation".into(), seconds.into()])
}

/// Until it ends, uses too much, or has had the time to pass and has not: if it is not the server that nobody reaches.
async fn observe(child: &mut Child, update: &Update, data_dir: &Path, terms: Terms) -> anyhow::Result<Ended> {
    let Some(pid) = child.id() else { bail!("the new program has no process") };
    let (began, mut consumption) = (Instant::now(), Consumption::default());
    let mut patience = terms.probation + terms.reach_within;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(Ended::ByItself(status.context("cannot wait for the new program")?)),
            () = sleep(LOOK_EVERY) => {}
        }
        let age = began.elapsed();
        let used = consumption::of(Path::new("/proc"), pid);
        if let Some(reason) = used.and_then(|used| consumption.judge(age, used)) {
            return Ok(Ended::Unfit(reason));
        }
        let shown = Shown::load(data_dir)?;
        if age < patience || shown.has_passed {
            continue;
        }
        if old_reaches(update, data_dir).await {
            let reason = format!("within {} s of its probation {}", age.as_secs(), shown.lack());
            return Ok(Ended::Unfit(reason));
        }
        tracing::info!("the server is not reached by the old build either; the probation goes on");
        patience = began.elapsed() + terms.reach_within;
    }
}

async fn old_reaches(update: &Update, data_dir: &Path) -> bool {
    let mut command = Command::new(&update.program);
    command.arg("reach").arg("--data").arg(data_dir);
    command.arg("--within").arg(OLD_REACHES_WITHIN.as_secs().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let asked = timeout(OLD_REACHES_WITHIN * 2, command.status()).await;
    matches!(asked, Ok(Ok(status)) if status.success())
}
