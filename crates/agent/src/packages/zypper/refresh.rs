//! `zypper refresh` before a scan: fetches metadata anew and tells which repositories failed.
//! The only zypper process that the agent starts for a scan.

use domain::facts::{ListRefresh, RepositoryFailure};
use domain::patch::Failure;

use super::super::GatherOptions;
use super::super::root::Root;
use super::super::rpm::refresh::Refresh;
use super::super::rpm_tools::zypper::{FETCH_LIMIT, refresh_alone};
use super::super::tool::{Finished, LOCK_WAIT, Tool, ToolRun};

/// For the running machine.
pub fn run(root: &Root, options: &GatherOptions) -> Refresh {
    by(|run| refresh_alone(root, Tool::new("zypper").arg("--non-interactive"), run), options)
}

/// Through a tool that `fetch` starts.
pub fn by(fetch: impl FnOnce(&mut ToolRun) -> Result<Finished, Failure>, options: &GatherOptions) -> Refresh {
    let data_dir = options.data_dir.as_deref();
    let scratch = data_dir.map_or_else(std::env::temp_dir, |folder| folder.join("scratch"));
    match fetch(&mut ToolRun::new(&scratch, LOCK_WAIT + FETCH_LIMIT)) {
        Ok(finished) => {
            let lines: Vec<_> = finished.text().collect();
            parse(&lines, finished.succeeded())
        }
        Err(failure) => Refresh { outcome: ListRefresh::Failed(failure.to_string()), failed: Vec::new() },
    }
}

/// Repositories that failed are named, by their names and not their aliases, in a line each: `Skipping repository 'NAME'
/// because of the above error.` What went wrong stands in the lines before.
pub fn parse(lines: &[&str], succeeded: bool) -> Refresh {
    let (mut failed, mut reason) = (Vec::new(), String::new());
    let (mut refreshed, mut last) = (0, "");
    for line in lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
        if let Some((name, _)) =
            line.strip_prefix("Skipping repository '").and_then(|rest| rest.split_once("' because"))
        {
            let error = std::mem::take(&mut reason);
            failed.push(RepositoryFailure { uri: String::new(), suite: name.to_owned(), error });
        } else if line.ends_with("is up to date.")
            || line.contains("' cache ...")
            || line.contains("... [done]")
        {
            refreshed += 1;
            reason.clear();
        } else if reason.is_empty() && !line.starts_with("Retrieving") {
            reason = line.to_owned();
        }
        last = line;
    }
    let outcome = if succeeded && failed.is_empty() {
        ListRefresh::Refreshed
    } else if refreshed > 0 && !failed.is_empty() {
        ListRefresh::Partial
    } else {
        let told = failed.iter().map(|failure| failure.error.as_str()).find(|error| !error.is_empty());
        ListRefresh::Failed(
            told.unwrap_or(if last.is_empty() { "zypper refresh failed" } else { last }).to_owned(),
        )
    };
    Refresh { outcome, failed }
}
