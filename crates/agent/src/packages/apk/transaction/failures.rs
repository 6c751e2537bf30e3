//! What apk says when something goes wrong, recognised. The solver's words are `problems`'s.
//! Source: spec patch-manager 8.4; the forms are those of apk 2.14 and 3.0.

use domain::patch::{Failure, FailureCode};

use super::super::super::tool::Finished;
use super::super::super::transaction::{Told, told, told_about};

const SCRIPTS: [&str; 7] = [
    "pre-install",
    "post-install",
    "pre-upgrade",
    "post-upgrade",
    "pre-deinstall",
    "post-deinstall",
    "trigger",
];

/// Everything recognised in what apk printed; empty when nothing was.
pub fn read(finished: &Finished) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    for line in finished.err().chain(finished.out()) {
        if let Some(found) = read_line(line.trim())
            && !all.contains(&found)
        {
            all.push(found);
        }
    }
    all
}

pub fn summary(finished: &Finished) -> Failure {
    let first = read(finished).into_iter().next().map(|told| told.failure);
    first.unwrap_or_else(|| finished.plain_failure())
}

/// Whether apk did what it was asked. Its exit code counts packages that were broken before, too.
pub fn went_well(finished: &Finished) -> bool {
    let has_ended = || finished.out().any(|line| line.starts_with("OK: ") || line.contains(" packages"));
    finished.succeeded()
        || finished.exit_code().is_some()
            && has_ended()
            && !finished.text().any(|line| line.starts_with("ERROR: "))
}

/// `NAME-VERSION`, taken apart where the last hyphen with a digit behind it stands.
pub fn split(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let at = (1..bytes.len().saturating_sub(1))
        .rev()
        .find(|&at| bytes[at] == b'-' && bytes[at + 1].is_ascii_digit())?;
    Some((&text[..at], &text[at + 1..]))
}

pub fn read_line(line: &str) -> Option<Told> {
    if let Some(rest) = line.strip_prefix("WARNING: ") {
        return repository(rest);
    }
    let error = line.strip_prefix("ERROR: ")?;
    let (subject, reason) = error.split_once(": ").unwrap_or((error, ""));
    if let Some(told) = script(subject, reason, error) {
        return Some(told);
    }
    let lacks_room = reason.contains("No space left on device");
    let code = match subject {
        "Unable to lock database" | "Failed to open apk database"
            if reason.contains("temporarily unavailable") =>
        {
            FailureCode::LockHeld
        }
        _ if reason.contains("Permission denied") => FailureCode::NotPermitted,
        _ if lacks_room => FailureCode::DiskFull,
        "Unable to read database" | "System state may be inconsistent" | "Failed to open apk database" => {
            FailureCode::DatabaseBroken
        }
        _ => return package(subject, reason, error).or_else(|| repository(error)),
    };
    let subject = match code {
        FailureCode::DiskFull => "/",
        FailureCode::DatabaseBroken => "/lib/apk/db",
        FailureCode::NotPermitted => "apk",
        _ => "",
    };
    Some(told(code, subject, error))
}

/// `lib/apk/exec/NAME-VERSION.SCRIPT: exited with error 1`; apk 2 leaves the folder out.
fn script(subject: &str, reason: &str, line: &str) -> Option<Told> {
    let (package, script) = subject.rsplit('/').next()?.rsplit_once('.')?;
    let (name, _) = split(package)?;
    let is_known = SCRIPTS.contains(&script) && !reason.is_empty();
    is_known.then(|| told_about(name, FailureCode::ScriptFailed, &format!("{name} {script}"), line))
}

/// `NAME-VERSION: REASON`
fn package(subject: &str, reason: &str, line: &str) -> Option<Told> {
    let (name, _) = split(subject).filter(|_| !subject.contains([' ', '/']))?;
    if let Some(rest) = reason.strip_prefix("trying to overwrite ") {
        let file = rest.split(" owned by").next().unwrap_or(rest);
        return Some(told_about(name, FailureCode::FileConflict, &format!("/{file}"), line));
    }
    Some(told_about(name, reason_code(reason), name, line))
}

fn reason_code(reason: &str) -> FailureCode {
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&[
        "invalid or inconsistent",
        "integrity",
        "BAD ",
        "checksum",
        "UNTRUSTED",
        "signature",
        "obsolete",
    ]) {
        FailureCode::ChecksumMismatch
    } else if has(&[
        "HTTP ",
        "not found",
        "No such file",
        "onnection",
        "network",
        "temporary error",
        "imed out",
        "remote",
        "Host",
        "DNS",
        "TLS",
        "certificate",
        "I/O error",
        "IO ERROR",
    ]) {
        FailureCode::DownloadFailed
    } else {
        FailureCode::ToolFailed
    }
}

/// `[WHAT IT DID] ADDRESS: REASON`
fn repository(line: &str) -> Option<Told> {
    let at = line
        .find("http://")
        .or_else(|| line.find("https://"))
        .or_else(|| line.find("APKINDEX").and(line.find('/')))?;
    let rest = &line[at..];
    let (address, reason) = rest.split_once(": ")?;
    let subject = address.split_once("/APKINDEX").map_or(address, |(address, _)| address);
    let code = match reason {
        _ if reason.contains("UNTRUSTED") || reason.contains("BAD signature") => {
            FailureCode::RepositoryUntrusted
        }
        _ if reason.contains("invalid or inconsistent") || reason.contains("BAD archive") => {
            FailureCode::RepositoryDamaged
        }
        _ => FailureCode::RepositoryUnreachable,
    };
    Some(told(code, subject, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_the_words_are_about() {
        use FailureCode::*;
        let check = |line: &str, expected: Option<(FailureCode, &str, Option<&str>)>| {
            let found = read_line(line);
            let found = found
                .as_ref()
                .map(|told| (told.failure.code, told.failure.subject.as_str(), told.package.as_deref()));
            assert_eq!(found, expected, "{line}");
        };
        check(
            "ERROR: lib/apk/exec/tb-fail-1.1-r0.post-upgrade: exited with error 1",
            Some((ScriptFailed, "tb-fail post-upgrade", Some("tb-fail"))),
        );
        check(
            "ERROR: tb-fail-1.1-r0.trigger: script exited with error 127",
            Some((ScriptFailed, "tb-fail trigger", Some("tb-fail"))),
        );
        check(
            "ERROR: tb-hash-1.1-r0: file format is invalid or inconsistent",
            Some((ChecksumMismatch, "tb-hash", Some("tb-hash"))),
        );
        check("ERROR: tb-a-1.0-r0: HTTP 404: Not Found", Some((DownloadFailed, "tb-a", Some("tb-a"))));
        check(
            "ERROR: tb-a-1.0-r0: package mentioned in index not found (try 'apk update')",
            Some((DownloadFailed, "tb-a", Some("tb-a"))),
        );
        check(
            "ERROR: a-2-r0: trying to overwrite usr/bin/x owned by b-1-r0.",
            Some((FileConflict, "/usr/bin/x", Some("a"))),
        );
        check(
            "ERROR: a-2-r0: failed to extract usr/bin/x: No space left on device",
            Some((DiskFull, "/", None)),
        );
        check("ERROR: Unable to lock database: Resource temporarily unavailable", Some((LockHeld, "", None)));
        check("ERROR: Unable to lock database: Permission denied", Some((NotPermitted, "apk", None)));
        check(
            "ERROR: System state may be inconsistent: failed to write database: I/O error",
            Some((DatabaseBroken, "/lib/apk/db", None)),
        );
        check(
            "WARNING: updating and opening http://a/main/x86_64/APKINDEX.tar.gz: UNTRUSTED signature",
            Some((RepositoryUntrusted, "http://a/main/x86_64", None)),
        );
        check(
            "WARNING: opening from cache https://a/main/x86_64/APKINDEX.tar.gz: No such file or directory",
            Some((RepositoryUnreachable, "https://a/main/x86_64", None)),
        );
        check(
            "ERROR: http://a/main: temporary error (try again later)",
            Some((RepositoryUnreachable, "http://a/main", None)),
        );
        check("OK: 84 KiB in 21 packages", None);
        check("ERROR: unable to select packages:", None);
        check("", None);
    }

    #[test]
    fn names_come_out_of_packages() {
        let check = |text: &str, expected: Option<(&str, &str)>| assert_eq!(split(text), expected, "{text}");
        check("tb-ssl-1.1-r0", Some(("tb-ssl", "1.1-r0")));
        check("gtk+3.0-3.24-r1", Some(("gtk+3.0", "3.24-r1")));
        check("a-2-1.0", Some(("a-2", "1.0")));
        check("a", None);
        check("-1", None);
    }
}
