//! What a node says of itself outside its package manager: its release, when it booted, whether it asks for a reboot.

use std::path::Path;

use api::Timestamp;
use domain::facts::{Observation, OsRelease};

use super::ScanError;
use super::root::Root;

const REBOOT_REQUIRED: [&str; 2] = ["/run/reboot-required", "/var/run/reboot-required"];

pub fn os_release(root: &Root, arch: &str) -> Result<OsRelease, ScanError> {
    let mut os = OsRelease { arch: arch.to_owned(), ..OsRelease::default() };
    for_each_value(root, &mut |key, value| match key {
        "ID" => os.id = value,
        "VERSION_ID" => os.version_id = value,
        "VERSION_CODENAME" => os.codename = value,
        "NAME" => os.name = value,
        "PRETTY_NAME" => os.pretty_name = value,
        _ => {}
    })?;
    Ok(os)
}

/// One value of `os-release` that facts have no place for.
pub fn os_release_value(root: &Root, wanted: &str) -> Result<Option<String>, ScanError> {
    let mut found = None;
    for_each_value(root, &mut |key, value| {
        if key == wanted {
            found = Some(value);
        }
    })?;
    Ok(found)
}

fn for_each_value(root: &Root, visit: &mut dyn FnMut(&str, String)) -> Result<(), ScanError> {
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        let Some(bytes) = root.read(Path::new(path))? else { continue };
        for (key, value) in String::from_utf8_lossy(&bytes).lines().filter_map(|line| line.split_once('=')) {
            visit(key.trim(), unquote(value));
        }
        break;
    }
    Ok(())
}

/// A shell word: in single or double quotes, a backslash protecting the next character.
fn unquote(text: &str) -> String {
    let text = text.trim();
    let quoted = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(literal) = quoted('\'') {
        return literal.to_owned();
    }
    let mut escaped = false;
    let mut word = String::new();
    for c in quoted('"').unwrap_or(text).chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            word.push(c);
            escaped = false;
        }
    }
    word
}

/// Boot time and kernel are told for the running machine only: a foreign root has not booted.
pub fn observe(root: &Root, observation: &mut Observation) -> Result<(), ScanError> {
    for path in REBOOT_REQUIRED {
        if root.identity(Path::new(path))?.is_some() {
            let bytes = root.read(Path::new(&format!("{path}.pkgs")))?.unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let mut packages: Vec<_> =
                text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            packages.sort_unstable();
            packages.dedup();
            observation.reboot_required_by = Some(packages);
            break;
        }
    }
    if root.is_host() {
        observation.running_kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let stat = root.read(Path::new("/proc/stat"))?.unwrap_or_default();
        observation.booted_at = boot_time(&String::from_utf8_lossy(&stat));
    }
    Ok(())
}

fn boot_time(stat: &str) -> Option<Timestamp> {
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(Timestamp::from_seconds(seconds.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_shell_words() {
        let check = |text: &str, expected: &str| assert_eq!(unquote(text), expected, "{text}");
        check("\"Debian GNU/Linux\"", "Debian GNU/Linux");
        check("debian", "debian");
        check("'a\\b'", "a\\b");
        check("\"a \\\"b\\\"\"", "a \"b\"");
    }

    #[test]
    fn reads_the_boot_time() {
        assert_eq!(boot_time("cpu 1\nbtime 1700000000\n"), Some(Timestamp::from_seconds(1_700_000_000)));
        assert_eq!(boot_time("cpu 1\n"), None);
    }
}
