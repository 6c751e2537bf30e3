//! What pacman says when something goes wrong, recognised.
//! Source: the messages of pacman 6.

use domain::patch::{Failure, FailureCode};

use super::super::super::tool::Finished;
use super::super::super::transaction::{Told, told, told_about};

/// Everything recognised in what pacman printed, each once.
pub fn read(finished: &Finished) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    let mut at_work = Work::default();
    for line in finished.text() {
        // A question that nobody answers shares its line with what comes next.
        let line = line.rsplit_once("[Y/n] ").or(line.rsplit_once("[y/N] ")).map_or(line, |(_, rest)| rest);
        let line = line.trim();
        if let Some(work) = work_of(line) {
            at_work = work;
        }
        let found = of_script(line, &at_work).or_else(|| of_line(line));
        if let Some(found) = found
            && !all.contains(&found)
        {
            all.push(found);
        }
    }
    all
}

pub fn summary(finished: &Finished) -> Failure {
    let kept_away = |told: &Told| told.failure.code != FailureCode::ScriptFailed;
    let first = read(finished).into_iter().find(kept_away).map(|told| told.failure);
    first.unwrap_or_else(|| finished.plain_failure())
}

/// A package that would have satisfied a dependency, and that the settings ignore.
pub fn ignored(finished: &Finished) -> Option<String> {
    let told = finished.text().find_map(|line| line.trim().strip_prefix("warning: ignoring package "))?;
    told.rsplitn(3, '-').nth(2).map(str::to_owned)
}

/// Whose script runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Work {
    #[default]
    Nothing,
    Package(String),
    Hook(String),
}

/// `upgrading NAME...`, and `(1/3) Updating something...` of hooks: what runs from here on.
fn work_of(line: &str) -> Option<Work> {
    let verbs = ["upgrading ", "installing ", "downgrading ", "reinstalling ", "removing "];
    let line = line.strip_suffix("...")?;
    if let Some(name) = verbs.iter().find_map(|verb| line.strip_prefix(verb)) {
        return (!name.contains(' ')).then(|| Work::Package(name.to_owned()));
    }
    let (count, what) = line.strip_prefix('(')?.split_once(") ")?;
    count.contains('/').then(|| Work::Hook(what.to_owned()))
}

/// pacman says that a script failed, not which one, and goes on: the package has come all the same.
fn of_script(line: &str, at_work: &Work) -> Option<Told> {
    if line != "error: command failed to execute correctly" {
        return None;
    }
    let (subject, half_done) = match at_work {
        Work::Package(name) => (format!("{name}'s install script"), Some(name.clone())),
        Work::Hook(what) => (format!("hook: {what}"), None),
        Work::Nothing => (String::new(), None),
    };
    Some(Told { came_half_done: half_done, ..told(FailureCode::ScriptFailed, &subject, line) })
}

fn of_line(line: &str) -> Option<Told> {
    let error = line.strip_prefix("error: ");
    if let Some(rest) = error.and_then(|error| error.strip_prefix("failed retrieving file '")) {
        let name = name_of_file(rest.split('\'').next()?)?;
        return Some(told_about(&name, FailureCode::DownloadFailed, &name, line));
    }
    if let Some(rest) = line.strip_prefix(":: File ") {
        let (file, why) = rest.split_once(" is corrupted (")?;
        let name = name_of_file(file)?;
        let code = FailureCode::ChecksumMismatch;
        return Some(told_about(&name, code, &name, &format!("{file}: {why}")));
    }
    if let Some((name, rest)) = line.split_once(": ")
        && let Some((path, _)) = rest.split_once(" exists in ")
        && path.starts_with('/')
    {
        return Some(told_about(name, FailureCode::FileConflict, path, line));
    }
    if let Some(rest) = line.strip_prefix(":: ") {
        return of_dependency(rest, line);
    }
    of_error(error?, line)
}

fn of_dependency(rest: &str, line: &str) -> Option<Told> {
    if let Some((left, right)) =
        rest.split_once(" are in conflict").and_then(|(two, _)| two.split_once(" and "))
    {
        let (left, right) = (without_version(left), without_version(right));
        return Some(told_about(left, FailureCode::WouldRemove, right, line));
    }
    if let Some(rest) = rest.strip_prefix("installing ") {
        let name = rest.split(' ').next()?;
        return Some(told_about(name, FailureCode::UnmetDependency, name, line));
    }
    if rest.starts_with("unable to satisfy dependency ") || rest.starts_with("removing ") {
        let name = rest.rsplit_once(" required by ")?.1;
        return Some(told_about(name, FailureCode::UnmetDependency, name, line));
    }
    None
}

fn of_error(error: &str, line: &str) -> Option<Told> {
    if let Some(name) = error.strip_prefix("target not found: ") {
        return Some(told_about(name, FailureCode::VersionUnavailable, name, line));
    }
    if let Some((name, rest)) = error.split_once(": signature from ") {
        let code = if rest.ends_with("is invalid") {
            FailureCode::ChecksumMismatch
        } else {
            FailureCode::RepositoryUntrusted
        };
        return Some(told_about(name, code, name, line));
    }
    let unreadable =
        [": could not find or read package", ": libarchive error", ": invalid or corrupted package"];
    if unreadable.iter().any(|end| error.contains(end)) {
        let name = name_of_file(error.split('\'').nth(1)?)?;
        return Some(told_about(&name, FailureCode::ChecksumMismatch, &name, line));
    }
    let (code, subject) = match error {
        _ if error.contains("unable to lock database") => (FailureCode::LockHeld, ""),
        _ if error.starts_with("Partition ") => {
            (FailureCode::DiskFull, error.split(' ').nth(1).unwrap_or_default())
        }
        _ if error.contains("not enough free disk space") => (FailureCode::DiskFull, ""),
        _ if error.contains("unless you are root") => (FailureCode::NotPermitted, "pacman"),
        _ if error.contains("required key missing from keyring") => (FailureCode::RepositoryUntrusted, ""),
        _ if error.contains("database is incorrect version") || error.contains("could not open file /") => {
            (FailureCode::DatabaseBroken, "")
        }
        _ => return None,
    };
    Some(told(code, subject, line))
}

/// Newer versions of pacman write `foo-1.0-1 and bar-2.0-1`.
fn without_version(text: &str) -> &str {
    let mut parts = text.rsplitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(release), Some(version), Some(name))
            if release.starts_with(|c: char| c.is_ascii_digit())
                && version.contains(|c: char| c.is_ascii_digit()) =>
        {
            name
        }
        _ => text,
    }
}

/// `/cache/foo-1:1.0-1-any.pkg.tar.zst` is of `foo`.
pub fn name_of_file(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let (stem, _) = file.split_once(".pkg.tar")?;
    stem.rsplitn(4, '-').nth(3).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::super::super::tool::{Ending, Stream};
    use super::*;

    fn check(text: &str, expected: &[(FailureCode, &str, Option<&str>)]) {
        let lines = text.lines().map(|line| (Stream::Out, line.to_owned())).collect();
        let finished =
            Finished { program: "pacman".into(), ending: Ending::Exited(1), lines, is_whole: true };
        let told = read(&finished);
        let found: Vec<_> = told
            .iter()
            .map(|told| (told.failure.code, told.failure.subject.as_str(), told.package.as_deref()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn names_what_the_words_are_about() {
        use FailureCode::*;
        check("error: target not found: a", &[(VersionUnavailable, "a", Some("a"))]);
        check(
            "error: failed retrieving file 'a-b-1:1.1-1-any.pkg.tar.zst' from h : no",
            &[(DownloadFailed, "a-b", Some("a-b"))],
        );
        check("error: failed retrieving file 'core.db' from h : no", &[]);
        check(
            ":: File /c/a-1.1-1-any.pkg.tar.zst is corrupted (invalid or corrupted package (checksum)).\n\
             Do you want to delete it? [Y/n] error: failed to commit transaction (invalid or corrupted package)",
            &[(ChecksumMismatch, "a", Some("a"))],
        );
        check("a: /etc/a.conf exists in filesystem", &[(FileConflict, "/etc/a.conf", Some("a"))]);
        check(
            ":: a and b are in conflict. Remove b? [y/N] error: unresolvable package conflicts detected\n:: a and b are in conflict",
            &[(WouldRemove, "b", Some("a"))],
        );
        check(":: a-1.0-1 and b-x-2.0-1 are in conflict", &[(WouldRemove, "b-x", Some("a"))]);
        check(
            ":: installing a (2.0-1) breaks dependency 'liba=1' required by b",
            &[(UnmetDependency, "a", Some("a"))],
        );
        check(":: unable to satisfy dependency 'x>2' required by a", &[(UnmetDependency, "a", Some("a"))]);
        check(
            "upgrading a...\nboo\nerror: command failed to execute correctly",
            &[(ScriptFailed, "a's install script", None)],
        );
        check(
            "(1/2) Updating the info directory file...\nerror: command failed to execute correctly",
            &[(ScriptFailed, "hook: Updating the info directory file", None)],
        );
        check("error: failed to init transaction (unable to lock database)", &[(LockHeld, "", None)]);
        check("error: Partition /usr too full: 9 blocks needed, 1 blocks free", &[(DiskFull, "/usr", None)]);
        check(
            "error: you cannot perform this operation unless you are root.",
            &[(NotPermitted, "pacman", None)],
        );
        check(
            "error: a: signature from \"X <x@y>\" is unknown trust",
            &[(RepositoryUntrusted, "a", Some("a"))],
        );
        check("error: '/c/a-1-1-any.pkg.tar.xz': libarchive error", &[(ChecksumMismatch, "a", Some("a"))]);
        check("warning: something\nresolving dependencies...", &[]);
    }
}
