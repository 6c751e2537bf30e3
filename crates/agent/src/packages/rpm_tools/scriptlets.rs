//! What rpm says of its scriptlets, files and disks, in whichever tool's output it stands.

use domain::patch::FailureCode;

use super::super::transaction::{Told, told, told_about};
use super::installed::name_of_nevra;

/// One line of rpm's own.
pub fn read(line: &str) -> Option<Told> {
    let line = line.trim();
    if let Some((head, rest)) = line.split_once(") scriptlet failed") {
        // `warning: %post(NEVRA`, `error: %prein(NEVRA`
        let (level, script) = head.split_once(": %")?;
        let (script, nevra) = script.split_once('(')?;
        let name = name_of_nevra(nevra);
        let subject = format!("{name} %{script}");
        let detail = format!("scriptlet failed{rest}");
        // A warning has not kept the package away. What fails of a package that goes says nothing about the one that came.
        let of_new = ["post", "posttrans"].contains(&script);
        return Some(match level {
            "error" => told_about(name, FailureCode::ScriptFailed, &subject, &detail),
            _ => Told {
                came_half_done: of_new.then(|| nevra.to_owned()),
                ..told(FailureCode::ScriptFailed, &subject, &detail)
            },
        });
    }
    if let Some((file, rest)) =
        line.strip_prefix("file ").and_then(|rest| rest.split_once(" from install of "))
    {
        let nevra = rest.split(' ').next()?;
        return Some(told_about(name_of_nevra(nevra), FailureCode::FileConflict, file, line));
    }
    if let Some((_, rest)) = line.split_once("more space needed on the ") {
        return Some(told(FailureCode::DiskFull, rest.split(' ').next()?, line));
    }
    if let Some(rest) = line.strip_prefix("installing package ")
        && rest.contains("needs")
        && rest.contains(" on the ")
    {
        let system = rest.rsplit(" on the ").next()?.split(' ').next()?;
        return Some(told(FailureCode::DiskFull, system, line));
    }
    let code = match line {
        _ if line.contains("No space left on device") => FailureCode::DiskFull,
        _ if line.contains("Cannot allocate memory") || line.ends_with("MemoryError") => {
            FailureCode::OutOfMemory
        }
        _ if line.starts_with("error: rpmdb") || line.contains("rpmdb open failed") => {
            FailureCode::DatabaseBroken
        }
        _ if line.contains("can't create transaction lock") => FailureCode::LockHeld,
        _ => return None,
    };
    let subject = match code {
        FailureCode::OutOfMemory => "rpm",
        FailureCode::DatabaseBroken => "/var/lib/rpm",
        _ => "",
    };
    Some(told(code, subject, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_rpm_says() {
        let check = |line: &str, code: FailureCode, subject: &str, package: Option<&str>| {
            let told = read(line).unwrap_or_else(|| panic!("not recognised: {line}"));
            assert_eq!((told.failure.code, told.failure.subject.as_str()), (code, subject), "{line}");
            assert_eq!(told.package.as_deref(), package, "{line}");
            let half_done = line.contains("%post(").then_some("tb-fail-1.1-1.bed.noarch");
            assert_eq!(told.came_half_done.as_deref(), half_done, "{line}");
        };
        check(
            "warning: %postun(tb-fail-1.0-1.bed.noarch) scriptlet failed, exit status 1",
            FailureCode::ScriptFailed,
            "tb-fail %postun",
            None,
        );
        check(
            "warning: %post(tb-fail-1.1-1.bed.noarch) scriptlet failed, exit status 1",
            FailureCode::ScriptFailed,
            "tb-fail %post",
            None,
        );
        check(
            "error: %prein(tb-failpre-1.1-1.bed.noarch) scriptlet failed, exit status 1",
            FailureCode::ScriptFailed,
            "tb-failpre %prein",
            Some("tb-failpre"),
        );
        check(
            "  file /usr/bin/x from install of a-1-1.noarch conflicts with file from package b-1-1.noarch",
            FailureCode::FileConflict,
            "/usr/bin/x",
            Some("a"),
        );
        check(
            "   At least 12MB more space needed on the /boot filesystem.",
            FailureCode::DiskFull,
            "/boot",
            None,
        );
        assert_eq!(read("Upgraded:"), None);
    }
}
