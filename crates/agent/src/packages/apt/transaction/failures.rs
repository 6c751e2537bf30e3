//! What apt and dpkg say when something goes wrong, recognised: the code, and which package, file or process it is about.
//! Source: spec patch-manager 8.4; the forms are those of apt 1.8 to 3.0 and dpkg 1.19 to 1.22.

use domain::patch::{Failure, FailureCode};

use super::super::super::tool::Finished;
use super::super::super::transaction::{Told, told, told_about as about};

/// Everything recognised in what a tool printed, in its order; empty when nothing was.
pub fn read(finished: &Finished) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    let out: Vec<_> = finished.out().collect();
    for (at, line) in out.iter().enumerate() {
        told.extend(fetch(line, out.get(at + 1).copied().unwrap_or_default()));
        told.extend(held(line, &out[at + 1..]));
        told.extend(unmet(line));
    }
    let err: Vec<_> = finished.err().collect();
    for (at, line) in err.iter().enumerate() {
        told.extend(dpkg(line, err.get(at + 1).copied().unwrap_or_default()));
        told.extend(apt(line, &told));
    }
    name_causes(&mut told);
    let full: Vec<_> =
        told.iter().filter(|told| told.failure.code == FailureCode::DiskFull).cloned().collect();
    told.retain(|told| told.failure.code != FailureCode::DiskFull);
    told.extend(full.into_iter().next());
    told.dedup();
    told
}

/// The failure that says most about a tool's end.
pub fn summary(finished: &Finished) -> Failure {
    let told = read(finished);
    let first = told.into_iter().next().map(|told| told.failure);
    first.unwrap_or_else(|| finished.plain_failure())
}

/// `Err:2 URI SUITE/COMPONENT ARCH NAME ARCH VERSION [SIZE]`, the reason on the next line.
fn fetch(line: &str, next: &str) -> Option<Told> {
    let words: Vec<_> = line.strip_prefix("Err:")?.split(' ').collect();
    let [_, _, _, _, name, arch, ..] = words[..] else { return None };
    let reason = next.trim();
    Some(about(&format!("{name}:{arch}"), fetch_code(reason), name, reason))
}

fn fetch_code(reason: &str) -> FailureCode {
    match reason {
        _ if reason.contains("No space left") => FailureCode::DiskFull,
        _ if reason.contains("Hash Sum mismatch") || reason.contains("unexpected size") => {
            FailureCode::ChecksumMismatch
        }
        _ => FailureCode::DownloadFailed,
    }
}

/// The names below `The following held packages will be changed:`.
fn held(line: &str, following: &[&str]) -> Vec<Told> {
    if line != "The following held packages will be changed:" {
        return Vec::new();
    }
    let names =
        following.iter().take_while(|line| line.starts_with("  ")).flat_map(|line| line.split_whitespace());
    names.map(|name| about(name, FailureCode::Held, name, "it is on hold (apt-mark showhold)")).collect()
}

/// ` NAME : Depends: OTHER (= 1) but 2 is to be installed`
fn unmet(line: &str) -> Option<Told> {
    let (name, rest) = line.strip_prefix(' ')?.split_once(" : ")?;
    let needs =
        ["Depends:", "PreDepends:", "Conflicts:", "Breaks:"].iter().any(|word| rest.starts_with(word));
    let name = name.trim();
    (needs && !name.contains(' ')).then(|| about(name, FailureCode::UnmetDependency, name, rest))
}

/// `dpkg: error processing package NAME (--configure):` or `… archive FILE (--unpack):`, the reason on the next line.
fn dpkg(line: &str, next: &str) -> Option<Told> {
    let next = next.trim();
    if let Some(rest) = line.strip_prefix("dpkg: error processing package ") {
        let name = rest.split(' ').next()?;
        return Some(processing(name, next));
    }
    if let Some(rest) = line.strip_prefix("dpkg: error processing archive ") {
        let file = rest.rsplit_once(" (--").map_or(rest, |(file, _)| file);
        let name = package_of_file(file);
        return Some(processing(&name, next));
    }
    if line.contains("not enough space") || line.contains("No space left on device") {
        return Some(told(FailureCode::DiskFull, "", line));
    }
    if line.contains("lock") && line.contains("dpkg") && line.contains("is locked by another process") {
        let holder = line.rsplit_once("with pid ").map_or_else(String::new, |(_, pid)| format!("pid {pid}"));
        return Some(told(FailureCode::LockHeld, &holder, line));
    }
    let broken = ["parsing file '", "files list file for package", "unable to access the dpkg database"];
    if line.starts_with("dpkg: ")
        && broken.iter().any(|text| line.contains(text))
        && !line.contains("warning")
    {
        let file = line.split('\'').nth(1).unwrap_or_default();
        return Some(told(FailureCode::DatabaseBroken, file, &format!("{line} {next}")));
    }
    line.contains("Cannot allocate memory").then(|| told(FailureCode::OutOfMemory, "dpkg", line))
}

fn processing(name: &str, reason: &str) -> Told {
    if let Some((script, _)) = reason.split_once(" script subprocess") {
        let script = script.rsplit_once(" package ").map_or(script, |(_, script)| script);
        let bare = name.split(':').next().unwrap_or(name);
        return about(name, FailureCode::ScriptFailed, &format!("{bare} {}", script_name(script)), reason);
    }
    if let Some(file) = reason.strip_prefix("trying to overwrite '").and_then(|rest| rest.split('\'').next())
    {
        return about(name, FailureCode::FileConflict, file, reason);
    }
    if reason.contains("No space left on device") {
        return about(name, FailureCode::DiskFull, "", reason);
    }
    if reason.contains("dependency problems") {
        return about(name, FailureCode::UnmetDependency, name, reason);
    }
    about(name, FailureCode::ToolFailed, "dpkg", reason)
}

/// As the file is called inside a package.
fn script_name(words: &str) -> &str {
    let words = words.strip_prefix("new ").or_else(|| words.strip_prefix("old ")).unwrap_or(words);
    match words {
        "pre-installation" => "preinst",
        "post-installation" => "postinst",
        "pre-removal" => "prerm",
        "post-removal" => "postrm",
        other => other,
    }
}

/// `/var/cache/apt/archives/NAME_VERSION_ARCH.deb`, with a number before the name in apt's folders of links.
fn package_of_file(file: &str) -> String {
    let base = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".deb");
    let mut parts = base.split('_');
    let name = parts.next().unwrap_or(base);
    let name = match name.split_once('-') {
        Some((digits, rest)) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            rest
        }
        _ => name,
    };
    match parts.nth(1) {
        Some(arch) => format!("{name}:{arch}"),
        None => name.to_owned(),
    }
}

/// Lines of apt's own, which begin with `E: `.
fn apt(line: &str, known: &[Told]) -> Option<Told> {
    let text = line.strip_prefix("E: ")?;
    let quoted = |at: usize| text.split('\'').nth(at).unwrap_or_default();
    let last_word = || text.rsplit(' ').next().unwrap_or_default().trim_end_matches('.');
    if text.starts_with("Version ") && text.ends_with("was not found") {
        return Some(about(quoted(3), FailureCode::VersionUnavailable, quoted(3), text));
    }
    if text.starts_with("Unable to locate package ") || text.contains("has no installation candidate") {
        let name = if text.contains('\'') { quoted(1) } else { last_word() };
        return Some(about(name, FailureCode::VersionUnavailable, name, text));
    }
    if let Some(rest) = text.strip_prefix("Could not get lock ") {
        return Some(told(FailureCode::LockHeld, &lock_holder(rest), text));
    }
    if let Some(rest) = text.strip_prefix("Failed to fetch ") {
        let (uri, reason) = rest.split_once("  ").unwrap_or((rest, ""));
        // The line that begins with `Err:` has said it with the package's name.
        let code = fetch_code(reason);
        let is_known = known.iter().any(|known| known.failure.code == code && known.package.is_some());
        return (!is_known).then(|| about(&package_of_file(uri), code, uri, reason));
    }
    code_of(text).map(|(code, subject)| told(code, &subject, text))
}

fn code_of(text: &str) -> Option<(FailureCode, String)> {
    let has = |words: &str| text.contains(words);
    let quoted = || text.split('\'').nth(1).unwrap_or_default().to_owned();
    let code = match text {
        _ if has("don't have enough free space") || has("No space left on device") => {
            let place = text.split_whitespace().find(|word| word.starts_with('/')).unwrap_or_default();
            return Some((FailureCode::DiskFull, place.trim_end_matches(['.', ',']).to_owned()));
        }
        _ if has("dpkg was interrupted") => return Some((FailureCode::DatabaseBroken, "dpkg".to_owned())),
        _ if has("are you root?") || has("13: Permission denied") => FailureCode::NotPermitted,
        _ if has("Packages need to be removed but remove is disabled") => FailureCode::WouldRemove,
        _ if has("NO_PUBKEY") || has("is not signed") || has("GPG error") => {
            return Some((FailureCode::RepositoryUntrusted, repository(text)));
        }
        _ if has("unauthenticated packages") || has("could not be authenticated") => {
            return Some((FailureCode::RepositoryUntrusted, String::new()));
        }
        _ if has("package lists or status file could not be parsed")
            || has("Encountered a section with no") =>
        {
            return Some((FailureCode::RepositoryDamaged, String::new()));
        }
        _ if has("Packages were downgraded and -y") => {
            return Some((FailureCode::UnmetDependency, String::new()));
        }
        _ if has("Cannot allocate memory") || has("Dynamic MMap ran out of room") => FailureCode::OutOfMemory,
        _ if has("does not have a Release file") || has("no longer has a Release file") => {
            return Some((FailureCode::RepositoryUnreachable, quoted()));
        }
        _ => return None,
    };
    Some((code, "apt-get".to_owned()))
}

/// The address in a sentence about a repository.
fn repository(text: &str) -> String {
    let found = text.split(['\'', ' ']).find(|word| word.contains("://") || word.starts_with("file:"));
    found.unwrap_or_default().trim_end_matches([':', ',']).to_owned()
}

/// `/var/lib/dpkg/lock-frontend. It is held by process 4711 (unattended-upgr)`
fn lock_holder(text: &str) -> String {
    let Some((_, holder)) = text.split_once("held by process ") else { return String::new() };
    let (pid, name) = holder.split_once(' ').unwrap_or((holder, ""));
    let name = name.trim_matches(['(', ')', '.']);
    if name.is_empty() { format!("pid {pid}") } else { format!("{name} (pid {pid})") }
}

/// A package that waits for another one's script failed because of that script.
fn name_causes(told: &mut [Told]) {
    let cause = told.iter().find(|told| told.failure.code == FailureCode::ScriptFailed).cloned();
    let Some(cause) = cause else { return };
    for told in told.iter_mut().filter(|told| told.failure.detail.contains("dependency problems")) {
        told.failure.detail = format!("{}, because {} failed", told.failure.detail, cause.failure.subject);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::tool::{Ending, Stream};
    use super::*;

    fn finished(out: &str, err: &str) -> Finished {
        let of = |stream, text: &str| text.lines().map(|line| (stream, line.to_owned())).collect::<Vec<_>>();
        let lines = of(Stream::Out, out).into_iter().chain(of(Stream::Err, err)).collect();
        Finished { program: "apt-get".into(), ending: Ending::Exited(100), lines, is_whole: true }
    }

    fn check(out: &str, err: &str, expected: &[(FailureCode, &str, Option<&str>)]) {
        let told = read(&finished(out, err));
        let found: Vec<_> = told
            .iter()
            .map(|told| (told.failure.code, told.failure.subject.as_str(), told.package.as_deref()))
            .collect();
        assert_eq!(found, expected, "{out}{err}");
    }

    #[test]
    fn what_is_in_everybodys_way() {
        use FailureCode::*;
        let lock =
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (unattended-upgr)";
        check("", lock, &[(LockHeld, "unattended-upgr (pid 4711)", None)]);
        check(
            "",
            "dpkg: error: dpkg frontend lock is locked by another process with pid 12",
            &[(LockHeld, "pid 12", None)],
        );
        check(
            "",
            "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. ",
            &[(DatabaseBroken, "dpkg", None)],
        );
        check(
            "",
            "E: You don't have enough free space in /var/cache/apt/archives/.",
            &[(DiskFull, "/var/cache/apt/archives/", None)],
        );
        check(
            "",
            "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)",
            &[(NotPermitted, "apt-get", None)],
        );
        check(
            "",
            "E: The repository 'http://r/debian bookworm InRelease' is not signed.",
            &[(RepositoryUntrusted, "http://r/debian", None)],
        );
        check(
            "",
            "E: GPG error: http://r/debian bookworm InRelease: The following signatures couldn't be verified: NO_PUBKEY 1",
            &[(RepositoryUntrusted, "http://r/debian", None)],
        );
        check(
            "",
            "dpkg: error: parsing file '/var/lib/dpkg/status' near line 9 package 'x':\n duplicate value",
            &[(DatabaseBroken, "/var/lib/dpkg/status", None)],
        );
        check("", "E: Write error - write (28: No space left on device)", &[(DiskFull, "", None)]);
        check("", "E: Sub-process /usr/bin/dpkg returned an error code (1)", &[]);
    }

    #[test]
    fn what_is_in_the_way_of_one_package() {
        use FailureCode::*;
        let conflict = "dpkg: error processing archive /tmp/apt-dpkg-install-x/03-a_1.1_amd64.deb (--unpack):\n trying to overwrite '/usr/bin/x', which is also in package b 1.0\n";
        check("", conflict, &[(FileConflict, "/usr/bin/x", Some("a:amd64"))]);
        let full = "dpkg: error processing archive /var/cache/apt/archives/a_1%3a1.1_all.deb (--unpack):\n cannot copy extracted data for './x' to '/x.dpkg-new': failed to write (No space left on device)\n";
        check("", full, &[(DiskFull, "", Some("a:all"))]);
        let preinst = "dpkg: error processing archive /c/a_1_all.deb (--unpack):\n new a package pre-installation script subprocess returned error exit status 2\n";
        check("", preinst, &[(ScriptFailed, "a preinst", Some("a:all"))]);
        let waits = "dpkg: error processing package a:amd64 (--configure):\n installed a:amd64 package post-installation script subprocess returned error exit status 1\ndpkg: error processing package b (--configure):\n dependency problems - leaving unconfigured\n";
        check("", waits, &[(ScriptFailed, "a postinst", Some("a:amd64")), (UnmetDependency, "b", Some("b"))]);
        let told = read(&finished("", waits));
        assert!(told[1].failure.detail.ends_with("because a postinst failed"), "{}", told[1].failure);
        check(" a : Depends: c (= 2) but 1 is to be installed\n", "", &[(UnmetDependency, "a", Some("a"))]);
        check(
            "Err:3 http://r/debian bookworm/main amd64 a amd64 1.1 [20 kB]\n  404  Not Found [IP: ::1 80]\n",
            "E: Failed to fetch http://r/debian/a_1.1_amd64.deb  404  Not Found",
            &[(DownloadFailed, "a", Some("a:amd64"))],
        );
        check("", "E: Unable to locate package a", &[(VersionUnavailable, "a", Some("a"))]);
    }
}
