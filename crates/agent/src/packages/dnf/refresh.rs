//! `dnf makecache` or `yum makecache` before a scan: fetches metadata anew and tells which repositories failed.
//! The only dnf process that the agent starts for a scan.

use domain::facts::{ListRefresh, OsRelease, RepositoryFailure};
use domain::patch::Failure;

use super::super::GatherOptions;
use super::super::lock;
use super::super::root::Root;
use super::super::rpm::refresh::Refresh;
use super::super::rpm_tools::dnf::{FETCH_LIMIT, came_second, metadata_locks};
use super::super::tool::{Finished, LOCK_WAIT, Tool, ToolRun};
use super::config::{Flavour, Main, moves_to_latest};

/// What people run to the same end.
pub fn remedy(flavour: Flavour, os: &OsRelease) -> &'static str {
    match flavour {
        Flavour::Dnf if moves_to_latest(os) => "dnf makecache --releasever=latest",
        Flavour::Dnf => "dnf makecache",
        Flavour::Yum => "yum makecache",
    }
}

/// For the running machine, once nobody else fetches metadata.
pub fn run(root: &Root, main: &Main, os: &OsRelease, options: &GatherOptions) -> Refresh {
    let mut words = remedy(main.flavour, os).split(' ');
    let tool = Tool::new(words.next().unwrap_or_default());
    let tool = tool.args(["-q", "-y", "--setopt=exit_on_lock=1"]).args(words).at_most(FETCH_LIMIT);
    let locks = metadata_locks(&main.cache_folders);
    by(|run| lock::run_alone(root, &locks, run, &tool, came_second), options)
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

/// Reads what the tool said. dnf names a repository that it cannot do without as `Error: Failed to download metadata for repo
/// 'x': reason`, and those that it can in a warning and in a line of the ids it leaves out.
pub fn parse(lines: &[&str], succeeded: bool) -> Refresh {
    let mut failed: Vec<RepositoryFailure> = Vec::new();
    let mut add = |id: &str, error: &str| match failed.iter_mut().find(|known| known.suite == id) {
        Some(known) if known.error.is_empty() => known.error = error.to_owned(),
        Some(_) => {}
        None => failed.push(RepositoryFailure {
            uri: String::new(),
            suite: id.to_owned(),
            error: error.to_owned(),
        }),
    };
    let mut reason = None;
    for line in lines.iter().map(|line| line.trim()) {
        if let Some((_, rest)) = line.split_once("ailed to download metadata for repo '") {
            let (id, error) = rest.split_once('\'').unwrap_or((rest, ""));
            add(id, error.trim_start_matches([':', ' ']));
        } else if let Some(ids) = line.strip_prefix("Ignoring repositories:") {
            ids.split(',').map(str::trim).filter(|id| !id.is_empty()).for_each(|id| add(id, ""));
        } else if let Some((_, rest)) = line.split_once("failure: ")
            && let Some((_, rest)) = rest.split_once(" from ")
        {
            // yum: `failure: repodata/repomd.xml from base: [Errno 256] No more mirrors to try.`
            let (id, error) = rest.split_once(':').unwrap_or((rest, ""));
            add(id, error.trim());
        }
        if reason.is_none() {
            reason = line.strip_prefix("Error:").map(|text| text.trim().to_owned());
        }
    }
    let outcome = match (succeeded, failed.is_empty()) {
        (true, true) => ListRefresh::Refreshed,
        (true, false) => ListRefresh::Partial,
        (false, _) => {
            let last = lines.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
            ListRefresh::Failed(
                reason.or(last.map(str::to_owned)).unwrap_or_else(|| "failed without a reason".to_owned()),
            )
        }
    };
    Refresh { outcome, failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_failed() {
        let lines = [
            "Errors during downloading metadata for repository 'gone':",
            "  - Curl error (37): Couldn't read a file:// file for file:///nowhere/repodata/repomd.xml",
            "Error: Failed to download metadata for repo 'gone': Cannot download repomd.xml: all mirrors were tried",
        ];
        let refresh = parse(&lines, false);
        assert!(
            matches!(&refresh.outcome, ListRefresh::Failed(reason) if reason.starts_with("Failed to download"))
        );
        assert_eq!((refresh.failed[0].suite.as_str(), refresh.failed.len()), ("gone", 1));
        assert!(refresh.failed[0].error.starts_with("Cannot download"));

        let refresh = parse(&["Ignoring repositories: a, b"], true);
        assert_eq!((refresh.outcome, refresh.failed.len()), (ListRefresh::Partial, 2));
        assert_eq!(parse(&[], true).outcome, ListRefresh::Refreshed);
        let yum =
            parse(&["failure: repodata/repomd.xml from base: [Errno 256] No more mirrors to try."], false);
        assert_eq!(yum.failed[0].suite, "base");
    }
}
