//! What dnf and yum say when something goes wrong, recognised.
//! Source: spec patch-manager 8.4; the forms are those of dnf 4 and yum 3.

use domain::patch::{Failure, FailureCode};

use super::super::super::tool::Finished;
use super::super::super::transaction::{Told, told, told_about};
use super::super::installed::name_of_nevra;
use super::super::scriptlets;

/// Everything recognised in what a tool printed; empty when nothing was.
pub fn read(finished: &Finished) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    // Both streams tell of scriptlets, in different words.
    for line in finished.out().chain(finished.err()) {
        let found = scriptlets::read(line).or_else(|| line_of_dnf(line.trim()));
        if let Some(found) = found
            && !all.iter().any(|known| {
                known.failure.code == found.failure.code
                    && known.package == found.package
                    && found.package.is_some()
            })
            && !all.contains(&found)
        {
            all.push(found);
        }
    }
    all.extend(problems(finished));
    all
}

/// What kept the solver from answering at all.
pub fn unanswered(finished: &Finished) -> Option<Failure> {
    let fatal = [
        FailureCode::RepositoryUnreachable,
        FailureCode::RepositoryUntrusted,
        FailureCode::RepositoryDamaged,
        FailureCode::NotPermitted,
        FailureCode::LockHeld,
        FailureCode::DatabaseBroken,
        FailureCode::OutOfMemory,
    ];
    let has_table = finished.out().any(|line| line.starts_with("===="));
    let told = read(finished).into_iter().map(|told| told.failure);
    told.filter(|_| !has_table).find(|failure| fatal.contains(&failure.code))
}

/// The failure that says most about a tool's end.
pub fn summary(finished: &Finished) -> Failure {
    let first = read(finished).into_iter().next().map(|told| told.failure);
    first.unwrap_or_else(|| finished.plain_failure())
}

fn line_of_dnf(line: &str) -> Option<Told> {
    let text = line.strip_prefix("Error: ").unwrap_or(line);
    if let Some(rest) = text.strip_prefix("Package \"") {
        let (nevra, rest) = rest.split_once('"')?;
        if rest.contains("incorrect checksum") {
            let name = name_of_nevra(nevra);
            return Some(told_about(name, FailureCode::ChecksumMismatch, name, text));
        }
    }
    if let Some(told) = repository(text) {
        return Some(told);
    }
    // `[MIRROR] FILE.rpm: …` and `[FAILED] FILE.rpm: …`; the former may still end well.
    if let Some((file, reason)) = text.strip_prefix("[FAILED] ").and_then(|rest| rest.split_once(": ")) {
        let name = name_of_nevra(file.trim_end_matches(".rpm"));
        let code = if reason.contains("checksum") {
            FailureCode::ChecksumMismatch
        } else {
            FailureCode::DownloadFailed
        };
        return Some(told_about(name, code, name, reason));
    }
    if let Some((nevra, reason)) = text.split_once(": Cannot download ") {
        let name = name_of_nevra(nevra);
        return Some(told_about(
            name,
            FailureCode::DownloadFailed,
            name,
            &format!("cannot download {reason}"),
        ));
    }
    if let Some(rest) = text.strip_prefix("Package ").filter(|rest| rest.ends_with(" is not signed")) {
        let name = name_of_nevra(rest.split(' ').next()?.trim_end_matches(".rpm"));
        return Some(told_about(name, FailureCode::RepositoryUntrusted, name, text));
    }
    if let Some(rest) =
        text.strip_prefix("Public key for ").and_then(|rest| rest.strip_suffix(" is not installed"))
    {
        let name = name_of_nevra(rest.trim_end_matches(".rpm"));
        return Some(told_about(name, FailureCode::RepositoryUntrusted, name, text));
    }
    general(text)
}

fn repository(text: &str) -> Option<Told> {
    let quoted = || text.split('\'').nth(1).unwrap_or_default();
    if let Some(rest) = text.strip_prefix("Failed to download metadata for repo ") {
        let code = match rest {
            _ if rest.contains("GPG") || rest.contains("signature") => FailureCode::RepositoryUntrusted,
            _ if rest.contains("checksum") || rest.contains("parse") => FailureCode::RepositoryDamaged,
            _ => FailureCode::RepositoryUnreachable,
        };
        return Some(told(code, quoted(), text));
    }
    if text.contains("Failed to synchronize cache for repo")
        || text.contains("Cannot retrieve repository metadata")
    {
        return Some(told(FailureCode::RepositoryUnreachable, quoted(), text));
    }
    if text.contains("[Errno 256]") {
        return Some(told(FailureCode::RepositoryUnreachable, "", text));
    }
    if text.contains("repomd.xml GPG signature verification error") || text.starts_with("GPG check FAILED") {
        return Some(told(FailureCode::RepositoryUntrusted, "", text));
    }
    None
}

fn general(text: &str) -> Option<Told> {
    if let Some(argument) = text.strip_prefix("No match for argument: ") {
        let name = name_of_nevra(argument);
        return Some(told_about(name, FailureCode::VersionUnavailable, name, text));
    }
    if let Some(rest) = text.strip_prefix("No package ").and_then(|rest| rest.strip_suffix(" available.")) {
        let name = name_of_nevra(rest);
        return Some(told_about(name, FailureCode::VersionUnavailable, name, text));
    }
    if let Some(argument) =
        text.strip_prefix("All matches were filtered out by exclude filtering for argument: ")
    {
        let name = name_of_nevra(argument);
        return Some(told_about(name, FailureCode::Held, name, "an exclude or a version lock keeps it"));
    }
    let code = match text {
        _ if text.contains("Failed to obtain the transaction lock") => FailureCode::LockHeld,
        _ if text.contains("holding the yum lock") || text.starts_with("Existing lock") => {
            FailureCode::LockHeld
        }
        _ if text.contains("run with superuser privileges") || text.contains("You need to be root") => {
            FailureCode::NotPermitted
        }
        _ if text.contains("Not enough free space") || text.contains("Insufficient space") => {
            FailureCode::DiskFull
        }
        _ => return None,
    };
    let subject = if code == FailureCode::NotPermitted { "dnf" } else { "" };
    Some(told(code, subject, text))
}

/// What the solver says: `Problem: …` or `Problem 2: …`, and the lines below it.
pub fn problems(finished: &Finished) -> Vec<Told> {
    let mut problems: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in finished.err().chain(finished.out()) {
        let text = line.trim();
        let starts = text.strip_prefix("Error:").map_or(text, str::trim).strip_prefix("Problem");
        if let Some((_, rest)) = starts.and_then(|rest| rest.split_once(": ")) {
            problems.push(rest.to_owned());
            is_inside = true;
        } else if is_inside && text.starts_with("- ") {
            let problem = problems.last_mut().expect("one has begun");
            problem.push_str("; ");
            problem.push_str(&text[2..]);
        } else {
            is_inside = false;
        }
    }
    problems.iter().map(|problem| of_problem(problem)).collect()
}

fn of_problem(problem: &str) -> Told {
    let filtered = problem.split("; ").find_map(|part| {
        let part = part.strip_suffix("is filtered out by exclude filtering")?;
        part.strip_prefix("package ")?.split(' ').next()
    });
    match filtered {
        Some(nevra) => told(FailureCode::RejectedDependency, name_of_nevra(nevra), problem),
        None => told(FailureCode::UnmetDependency, "", problem),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::tool::{Ending, Stream};
    use super::*;

    fn check(err: &str, expected: &[(FailureCode, &str, Option<&str>)]) {
        let lines = err.lines().map(|line| (Stream::Err, line.to_owned())).collect();
        let finished = Finished { program: "dnf".into(), ending: Ending::Exited(1), lines, is_whole: true };
        let told = read(&finished);
        let found: Vec<_> = told
            .iter()
            .map(|told| (told.failure.code, told.failure.subject.as_str(), told.package.as_deref()))
            .collect();
        assert_eq!(found, expected, "{err}");
    }

    #[test]
    fn names_what_the_words_are_about() {
        use FailureCode::*;
        let repository = "Error: Failed to download metadata for repo 'app': Cannot download repomd.xml: All mirrors were tried";
        check(repository, &[(RepositoryUnreachable, "app", None)]);
        check(
            "Error: Failed to download metadata for repo 'app': repomd.xml GPG signature verification error: Signing key not found",
            &[(RepositoryUntrusted, "app", None)],
        );
        check(
            "Package a-1-1.noarch.rpm is not signed\nError: GPG check FAILED",
            &[(RepositoryUntrusted, "a", Some("a")), (RepositoryUntrusted, "", None)],
        );
        check(
            "[FAILED] a-b-1-1.noarch.rpm: No more mirrors to try - All mirrors were already tried without success",
            &[(DownloadFailed, "a-b", Some("a-b"))],
        );
        check(
            "Error: Unable to find a match: a-1\nNo match for argument: a-1.0-1.x86_64",
            &[(VersionUnavailable, "a", Some("a"))],
        );
        check("Error: Failed to obtain the transaction lock (logged in as: root).", &[(LockHeld, "", None)]);
        check(
            "Error: This command has to be run with superuser privileges (under the root user on most systems).",
            &[(NotPermitted, "dnf", None)],
        );
        check(
            "Error: \n Problem: package a-1-1.noarch from r requires b, but none of the providers can be installed\n  - conflicting requests\n  - package b-1-1.noarch from r is filtered out by exclude filtering",
            &[(RejectedDependency, "b", None)],
        );
        check(
            "Error: \n Problem 1: conflicting requests\n  - nothing provides c needed by a-1-1.noarch from r\n Problem 2: d",
            &[(UnmetDependency, "", None), (UnmetDependency, "", None)],
        );
    }
}
