//! `apt-get update` before a scan: fetches the lists anew and tells which repositories failed. The only apt process that the
//! agent starts for a scan; starting it is the transactions'.

use std::collections::BTreeSet;
use std::path::Path;

use domain::facts::{ListRefresh, RepositoryFailure};

use super::super::root::Root;
use super::super::tool::{LOCK_WAIT, ToolRun};
use super::transaction::guard::REFRESH_LIMIT;
use super::{Apt, Environment};

/// What a refresh came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refresh {
    pub outcome: ListRefresh,
    pub failed: Vec<RepositoryFailure>,
}

/// Fetches the lists of a root's own repositories.
pub fn run(root: &Root, environment: &Environment, data_dir: Option<&Path>) -> Refresh {
    through(&Apt::new(root, environment.clone()), data_dir)
}

/// Waits for whoever is at it already, as long as a transaction would; a refresh that cannot be had is told, not an error.
pub fn through(apt: &Apt<'_>, data_dir: Option<&Path>) -> Refresh {
    let scratch = data_dir.map_or_else(std::env::temp_dir, Path::to_owned).join("fettle-refresh");
    let mut run = ToolRun::new(&scratch, LOCK_WAIT + REFRESH_LIMIT);
    apt.fetch_lists(&mut run).unwrap_or_else(|failure| Refresh::failed(failure.to_string()))
}

impl Refresh {
    fn failed(reason: String) -> Self {
        Self { outcome: ListRefresh::Failed(reason), failed: Vec::new() }
    }
}

/// Reads what `apt-get update` printed. Repositories stand on `Err:` lines, the reason indented below.
pub fn parse(stdout: &str, stderr: &str, succeeded: bool) -> Refresh {
    let mut failed: Vec<RepositoryFailure> = Vec::new();
    let (mut reached, mut in_error) = (BTreeSet::new(), false);
    for line in stdout.lines() {
        let mut words = line.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default();
        if kind.starts_with("Err:") {
            let (uri, suite) = place(&mut words);
            in_error = true;
            failed.push(RepositoryFailure { uri, suite, error: String::new() });
        } else if let (true, Some(failure)) = (in_error && line.starts_with("  "), failed.last_mut()) {
            let separator = if failure.error.is_empty() { "" } else { " " };
            failure.error.push_str(separator);
            failure.error.push_str(line.trim());
        } else {
            in_error = false;
            if kind.starts_with("Hit:") || kind.starts_with("Get:") {
                reached.insert(place(&mut words));
            }
        }
    }
    for failure in &failed {
        reached.remove(&(failure.uri.clone(), failure.suite.clone()));
    }
    let errors: Vec<_> = stderr.lines().filter_map(|line| line.strip_prefix("E: ")).collect();
    let outcome = if failed.is_empty() && succeeded {
        ListRefresh::Refreshed
    } else if failed.is_empty() || reached.is_empty() {
        let reason = errors.first().copied().or_else(|| failed.first().map(|failure| failure.error.as_str()));
        ListRefresh::Failed(reason.unwrap_or("apt-get update failed without a reason").to_owned())
    } else {
        ListRefresh::Partial
    };
    failed.dedup_by(|later, earlier| later.uri == earlier.uri && later.suite == earlier.suite);
    Refresh { outcome, failed }
}

/// Address and suite, the two words after the kind. A component that follows the suite is left out.
fn place<'a>(words: &mut impl Iterator<Item = &'a str>) -> (String, String) {
    let (uri, suite) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    (without_credentials(uri), suite.split('/').next().unwrap_or_default().to_owned())
}

fn without_credentials(uri: &str) -> String {
    match uri.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => uri.to_owned(),
    }
}
