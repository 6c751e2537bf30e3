//! `pacman -Sy` before a scan, into the agent's own database, and what it said. The node's own lists stay as they are.

use std::time::Duration;

use domain::facts::{ListRefresh, RepositoryFailure};

use super::super::GatherOptions;
use super::super::root::Root;
use super::super::rpm::refresh::Refresh;
use super::super::tool::ToolRun;
use super::transaction::place::{OwnRepositories, Place};

/// Slow mirrors are given this long; then the old lists are used.
const TIMEOUT: Duration = Duration::from_secs(600);

pub fn run(root: &Root, own: Option<&OwnRepositories>, options: &GatherOptions) -> Refresh {
    let data_dir = options.data_dir.as_deref();
    let scratch = data_dir.map_or_else(std::env::temp_dir, |folder| folder.join("scratch"));
    let mut run = ToolRun::new(&scratch, TIMEOUT);
    let finished = Place::find(root, own).and_then(|place| {
        place.free_own_database(root)?;
        run.run(&place.refresh())
    });
    match finished {
        Ok(finished) => {
            let lines: Vec<_> = finished.text().collect();
            parse(&lines, finished.succeeded())
        }
        Err(failure) => Refresh { outcome: ListRefresh::Failed(failure.detail), failed: Vec::new() },
    }
}

/// A repository is named by its list: `failed retrieving file 'core.db' from HOST : REASON`, once for each server, and
/// `failed to synchronize`/`failed to update core (REASON)` when no server had it.
pub fn parse(lines: &[&str], succeeded: bool) -> Refresh {
    let (mut failed, mut reason): (Vec<RepositoryFailure>, String) = Default::default();
    let mut refreshed = 0;
    let mut blame = |name: &str, error: &str| {
        if !failed.iter().any(|known| known.suite == name) {
            let (uri, suite, error) = (String::new(), name.to_owned(), error.to_owned());
            failed.push(RepositoryFailure { uri, suite, error });
        }
    };
    let mut not_retrieved: Vec<(String, String)> = Vec::new();
    for line in lines.iter().map(|line| line.trim()) {
        if line.ends_with("is up to date") || line.ends_with("downloading...") {
            refreshed += 1;
        } else if let Some(rest) = line.strip_prefix("error: failed retrieving file '") {
            let (file, why) = rest.split_once('\'').unwrap_or((rest, ""));
            if let Some(name) = file.strip_suffix(".db") {
                not_retrieved.push((name.to_owned(), why.trim().to_owned()));
            }
        } else if let Some(rest) = line.strip_prefix("error: failed to update ") {
            let (name, why) = rest.split_once(" (").unwrap_or((rest, ""));
            blame(name, why.trim_end_matches(')'));
        } else if let Some(why) = line.strip_prefix("error: ") {
            why.clone_into(&mut reason);
        }
    }
    if !succeeded {
        not_retrieved.iter().for_each(|(name, why)| blame(name, why));
    }
    let outcome = match (succeeded, refreshed) {
        (true, _) if failed.is_empty() => ListRefresh::Refreshed,
        (_, 1..) if !failed.is_empty() => ListRefresh::Partial,
        _ => {
            let told = failed.first().map(|failure| failure.error.clone()).unwrap_or(reason);
            ListRefresh::Failed(if told.is_empty() { "pacman -Sy failed".to_owned() } else { told })
        }
    };
    Refresh { outcome, failed }
}
