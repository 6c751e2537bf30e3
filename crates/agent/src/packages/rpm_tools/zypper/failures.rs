//! What zypper says when something goes wrong, recognised, with and without `--xmlout`.
//! Source: spec patch-manager 8.4; the forms are those of zypper 1.14.

use domain::patch::{Failure, FailureCode};

use super::super::super::tool::{Finished, failure};
use super::super::super::transaction::{Told, told, told_about};
use super::super::installed::name_of_nevra;
use super::super::scriptlets;

/// Everything recognised in what zypper printed, and in its exit code; empty when nothing was.
pub fn read(finished: &Finished) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    for line in finished.out().chain(finished.err()) {
        let line = plain(line);
        let found = scriptlets::read(&line).or_else(|| line_of_zypper(line.trim()));
        if let Some(found) = found
            && !all.contains(&found)
            && !all.iter().any(|known| known.package.is_some() && known.package == found.package)
        {
            all.push(found);
        }
    }
    if all.is_empty() {
        all.extend(of_exit(finished).map(|failure| Told { failure, package: None, came_half_done: None }));
    }
    all
}

pub fn summary(finished: &Finished) -> Failure {
    let first = read(finished).into_iter().next().map(|told| told.failure);
    first.unwrap_or_else(|| finished.plain_failure())
}

/// Without tags and entities.
pub fn plain(line: &str) -> String {
    let tags = [
        "<description>",
        "<message type=\"error\">",
        "<message type=\"warning\">",
        "<message type=\"info\">",
    ];
    let mut text = line;
    for tag in tags {
        text = text.strip_prefix(tag).unwrap_or(text);
    }
    let text = text.trim_end_matches("</message>").trim_end_matches("</description>");
    let entities = [("&apos;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
}

fn of_exit(finished: &Finished) -> Option<Failure> {
    let code = match finished.exit_code()? {
        5 => FailureCode::NotPermitted,
        6 | 104 => FailureCode::VersionUnavailable,
        7 => FailureCode::LockHeld,
        _ => return None,
    };
    let subject = if code == FailureCode::NotPermitted { "zypper" } else { "" };
    Some(failure(code, subject, finished.plain_failure().detail))
}

fn line_of_zypper(line: &str) -> Option<Told> {
    let quoted = || line.split('\'').nth(1).unwrap_or_default();
    if line.starts_with("No provider of '") && line.ends_with("found.") {
        let spec = quoted().split('=').next().unwrap_or_default().trim();
        let name = spec.rsplit_once('.').map_or(spec, |(name, _)| name);
        return Some(told_about(name, FailureCode::VersionUnavailable, name, line));
    }
    if let Some(rest) = line.strip_prefix("Digest verification failed for file '") {
        let name = name_of_nevra(rest.split('\'').next()?.trim_end_matches(".rpm"));
        return Some(told_about(name, FailureCode::ChecksumMismatch, name, line));
    }
    if let Some(rest) = line.strip_prefix("Package ")
        && line.contains("seems to be corrupted during transfer")
    {
        let name = name_of_nevra(rest.split(' ').next()?);
        return Some(told_about(name, FailureCode::ChecksumMismatch, name, line));
    }
    if let Some(rest) = line.strip_prefix("Failed to provide Package ") {
        let name = name_of_nevra(rest.split(' ').next()?);
        return Some(told_about(name, FailureCode::DownloadFailed, name, line));
    }
    if let Some(rest) = line.strip_prefix("System management is locked by the application with pid ") {
        let (pid, name) = rest.split_once(' ').unwrap_or((rest, ""));
        let name = name.trim_matches(['(', ')', '.']);
        return Some(told(FailureCode::LockHeld, &format!("{name} (pid {pid})"), line));
    }
    let (code, subject) = match line {
        _ if line.starts_with("Signature verification failed") => {
            (FailureCode::RepositoryUntrusted, line.split('\'').nth(3).unwrap_or_else(quoted))
        }
        _ if line.starts_with("Repository '") && line.contains("is invalid") => {
            (FailureCode::RepositoryDamaged, quoted())
        }
        _ if line.starts_with("Skipping repository '") => (FailureCode::RepositoryUnreachable, quoted()),
        _ if line.contains("Root privileges are required") => (FailureCode::NotPermitted, "zypper"),
        _ => return None,
    };
    Some(told(code, subject, line))
}

/// What the solver says: `Problem: …` with the solutions it offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    pub text: String,
    /// Packages that a lock keeps as they are.
    pub locked: Vec<String>,
    /// Packages whose removal is a way out.
    pub removed: Vec<String>,
}

pub fn problems(finished: &Finished) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for line in finished.out() {
        let line = plain(line);
        let text = line.trim();
        if let Some((head, rest)) = text.split_once(": ")
            && head.starts_with("Problem")
        {
            problems.push(Problem { text: rest.to_owned(), ..Problem::default() });
        }
        let Some(problem) = problems.last_mut() else { continue };
        let name_after = |words: &str| {
            let (_, nevra) = text.split_once(words)?;
            Some(name_of_nevra(nevra.split('[').next()?.trim()).to_owned())
        };
        problem.locked.extend(name_after("remove lock to allow installation of "));
        problem.locked.extend(name_after("remove lock to allow removal of "));
        problem.removed.extend(name_after("deinstallation of "));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::super::super::tool::{Ending, Stream};
    use super::*;

    fn check(code: i32, out: &str, expected: &[(FailureCode, &str, Option<&str>)]) {
        let lines = out.lines().map(|line| (Stream::Out, line.to_owned())).collect();
        let finished =
            Finished { program: "zypper".into(), ending: Ending::Exited(code), lines, is_whole: true };
        let told = read(&finished);
        let found: Vec<_> = told
            .iter()
            .map(|told| (told.failure.code, told.failure.subject.as_str(), told.package.as_deref()))
            .collect();
        assert_eq!(found, expected, "{out}");
    }

    #[test]
    fn names_what_the_words_are_about() {
        use FailureCode::*;
        check(
            7,
            "System management is locked by the application with pid 4711 (zypper).",
            &[(LockHeld, "zypper (pid 4711)", None)],
        );
        check(
            104,
            "<message type=\"error\">No provider of &apos;a-b.noarch = 1-1&apos; found.</message>",
            &[(VersionUnavailable, "a-b", Some("a-b"))],
        );
        check(
            8,
            "<message type=\"warning\">Digest verification failed for file &apos;a-1-1.noarch.rpm&apos;",
            &[(ChecksumMismatch, "a", Some("a"))],
        );
        check(
            8,
            "Failed to provide Package a-1-1.noarch (updates). Do you want to retry retrieval?",
            &[(DownloadFailed, "a", Some("a"))],
        );
        check(
            0,
            "Signature verification failed for file 'repomd.xml' from repository 'updates'.",
            &[(RepositoryUntrusted, "updates", None)],
        );
        check(
            106,
            "Skipping repository 'updates' because of the above error.",
            &[(RepositoryUnreachable, "updates", None)],
        );
        check(5, "Root privileges are required to run this command.", &[(NotPermitted, "zypper", None)]);
        check(5, "", &[(NotPermitted, "zypper", None)]);
        check(0, "Nothing to do.", &[]);
    }
}
