//! `apk update` before a scan: fetches indexes anew and tells which repositories failed.
//! The only apk process that the agent starts for a scan.

use std::time::Duration;

use domain::facts::{ListRefresh, RepositoryFailure};
use domain::patch::Failure;

use super::super::GatherOptions;
use super::super::rpm::refresh::Refresh;
use super::super::rpm::uri::without_credentials;
use super::super::tool::{Finished, ToolRun};
use super::repositories;

/// Slow mirrors are given this long; then the old indexes are used.
const TIMEOUT: Duration = Duration::from_secs(600);

pub fn by(fetch: impl FnOnce(&mut ToolRun) -> Result<Finished, Failure>, options: &GatherOptions) -> Refresh {
    let data_dir = options.data_dir.as_deref();
    let scratch = data_dir.map_or_else(std::env::temp_dir, |folder| folder.join("scratch"));
    match fetch(&mut ToolRun::new(&scratch, TIMEOUT)) {
        Ok(finished) => {
            let lines: Vec<_> = finished.text().collect();
            parse(&lines, finished.succeeded())
        }
        Err(failure) => Refresh { outcome: ListRefresh::Failed(failure.detail), failed: Vec::new() },
    }
}

/// A repository that failed stands in a warning, or an error, with its address and the reason. Those that are there have a
/// line with their description and their address in brackets.
pub fn parse(lines: &[&str], succeeded: bool) -> Refresh {
    let (mut failed, mut reached, mut errors) = (Vec::new(), 0, Vec::new());
    for line in lines.iter().map(|line| line.trim()) {
        let told = line.strip_prefix("WARNING: ").or_else(|| line.strip_prefix("ERROR: "));
        let address = told.and_then(|told| told.find("http").map(|at| &told[at..]));
        if let Some((address, reason)) = address.and_then(|rest| rest.split_once(": "))
            && address.contains("://")
        {
            let base = address.split_once("/APKINDEX.").map_or(address, |(base, _)| base);
            let base = base.rsplit_once('/').filter(|_| base != address).map_or(base, |(base, _)| base);
            let uri = without_credentials(base.trim_end_matches('/'));
            let suite = repositories::name(&uri);
            let failure = RepositoryFailure { uri, suite, error: reason.to_owned() };
            if !failed.iter().any(|known: &RepositoryFailure| known.uri == failure.uri) {
                failed.push(failure);
            }
        } else if let Some(error) = told.filter(|_| line.starts_with("ERROR: ")) {
            errors.push(error);
        } else if line.ends_with(']') && line.contains(" [") {
            reached += 1;
        }
    }
    let outcome = if succeeded && failed.is_empty() {
        ListRefresh::Refreshed
    } else if reached > 0 && !failed.is_empty() {
        ListRefresh::Partial
    } else {
        let first = errors.first().copied().or_else(|| failed.first().map(|failure| failure.error.as_str()));
        ListRefresh::Failed(first.unwrap_or("apk update failed without a reason").to_owned())
    };
    Refresh { outcome, failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, succeeded: bool, outcome: ListRefresh, failed: &[(&str, &str, &str)]) {
        let refresh = parse(&text.lines().collect::<Vec<_>>(), succeeded);
        let found: Vec<_> = refresh
            .failed
            .iter()
            .map(|failure| (failure.uri.as_str(), failure.suite.as_str(), failure.error.as_str()))
            .collect();
        assert_eq!((refresh.outcome, found), (outcome, failed.to_vec()), "{text}");
    }

    #[test]
    fn reads_what_an_update_came_to() {
        check(
            "bed base [http://127.0.0.1:8931/base]\nOK: 43 distinct packages available\n",
            true,
            ListRefresh::Refreshed,
            &[],
        );
        check(
            "WARNING: updating and opening http://me:secret@a.example.org/v3.20/nope/x86_64/APKINDEX.tar.gz: HTTP 404: Not Found\n\
             bed base [http://127.0.0.1:8931/base]\n1 unavailable, 0 stale; 43 distinct packages available\n",
            false,
            ListRefresh::Partial,
            &[("http://a.example.org/v3.20/nope", "v3.20/nope", "HTTP 404: Not Found")],
        );
        check(
            "WARNING: updating and opening http://a/base/x86_64/APKINDEX.tar.gz: UNTRUSTED signature\n",
            false,
            ListRefresh::Failed("UNTRUSTED signature".to_owned()),
            &[("http://a/base", "base", "UNTRUSTED signature")],
        );
        // apk 2.
        check(
            "fetch http://a/main/x86_64/APKINDEX.tar.gz\nERROR: http://a/main: temporary error (try again later)\n\
             WARNING: Ignoring http://a/main: No such file or directory\nv3.19.1 [http://a/community]\n1 errors; 6 distinct packages available\n",
            false,
            ListRefresh::Partial,
            &[("http://a/main", "main", "temporary error (try again later)")],
        );
        let locked = "ERROR: Unable to lock database: Permission denied\nERROR: Failed to open apk database: Permission denied\n";
        check(
            locked,
            false,
            ListRefresh::Failed("Unable to lock database: Permission denied".to_owned()),
            &[],
        );
    }
}
