//! The version locks of dnf 4, dnf 5 and yum: which versions of a package a node may have.
//! Source: dnf-versionlock(8), dnf5-versionlock(8), yum-versionlock(1).

use std::path::Path;

use domain::patch::version_rpm::{Evr, compare, compare_segments};

use super::super::ScanError;
use super::super::root::Root;
use super::super::rpm::glob::Glob;
use super::super::rpm::ini::{self, Section};
use super::super::rpm::node::Lock;
use super::config::{Flavour, Main};
use super::excludes;

#[derive(Debug, Default)]
pub struct VersionLocks {
    locks: Vec<Pattern>,
    /// Lines that begin with `!`: these versions alone are kept away.
    excludes: Vec<Pattern>,
    conditions: Vec<Conditions>,
}

/// A line of the list: a package with a version.
#[derive(Debug)]
struct Pattern {
    name: Glob,
    whole: Glob,
}

/// An entry of dnf 5's file: a name, and what must hold of its version.
#[derive(Debug, Default)]
struct Conditions {
    name: String,
    conditions: Vec<Condition>,
}

#[derive(Debug, Default)]
struct Condition {
    key: String,
    comparator: String,
    value: String,
}

impl VersionLocks {
    pub fn load(root: &Root, main: &Main) -> Result<Self, ScanError> {
        let mut locks = Self::default();
        let plugin = Path::new(&main.plugin_folder).join("versionlock.conf");
        let settings = ini::read(root, &plugin)?.into_iter().find(|section| section.name == "main");
        let default = match main.flavour {
            Flavour::Dnf => "/etc/dnf/plugins/versionlock.list",
            Flavour::Yum => "/etc/yum/pluginconf.d/versionlock.list",
        };
        let is_on = main.section.flag("plugins").unwrap_or(main.flavour == Flavour::Dnf);
        let enabled = settings.as_ref().is_some_and(|section| section.flag("enabled").unwrap_or(true));
        if is_on && enabled {
            let list =
                settings.as_ref().and_then(|section: &Section| section.get("locklist")).unwrap_or(default);
            let bytes = root.read(Path::new(list))?.unwrap_or_default();
            locks.add_list(&String::from_utf8_lossy(&bytes));
        }
        let file = Path::new("/etc/dnf/versionlock.toml");
        if let Some(bytes) = root.read(file)? {
            let parsed = parse_toml(&String::from_utf8_lossy(&bytes));
            locks.conditions = parsed.map_err(|line| ScanError::Malformed {
                path: root.shown(file),
                line,
                reason: "not understood as a version lock".to_owned(),
            })?;
        }
        Ok(locks)
    }

    fn add_list(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix('!') {
                Some(excluded) => self.excludes.extend(Pattern::parse(excluded)),
                None => self.locks.extend(Pattern::parse(line)),
            }
        }
    }

    pub fn lock(&self, name: &str, arch: &str, version: &str) -> Lock {
        if self.locks.is_empty() && self.excludes.is_empty() && self.conditions.is_empty() {
            return Lock::None;
        }
        let forms = excludes::forms(name, version, arch);
        let fits = |pattern: &Pattern| forms.iter().any(|form| pattern.whole.matches(form));
        let mut lock = Lock::None;
        for pattern in self.locks.iter().filter(|pattern| pattern.name.matches(name)) {
            lock = if fits(pattern) || lock == Lock::Allows { Lock::Allows } else { Lock::Forbids };
        }
        for entry in self.conditions.iter().filter(|entry| entry.name == name) {
            let holds = entry.conditions.iter().all(|condition| condition.holds(version));
            lock = if holds || lock == Lock::Allows { Lock::Allows } else { Lock::Forbids };
        }
        let excludes: Vec<_> = self.excludes.iter().filter(|pattern| pattern.name.matches(name)).collect();
        match (lock, excludes.as_slice()) {
            (lock, []) => lock,
            (_, some) if some.iter().any(|pattern| fits(pattern)) => Lock::Forbids,
            (Lock::None, _) => Lock::Allows,
            (lock, _) => lock,
        }
    }
}

impl Pattern {
    /// `name-[epoch:]version-release[.arch]`, or `epoch:name-version-release.arch` as yum writes it.
    fn parse(text: &str) -> Option<Self> {
        let plain = match text.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) && !epoch.is_empty() => {
                rest
            }
            _ => text,
        };
        // The name ends at the second hyphen from the end; a bare name locks nothing but that name.
        let name = plain.rsplitn(3, '-').nth(2).unwrap_or(plain);
        (!name.is_empty()).then(|| Self { name: Glob::new(name), whole: Glob::new(text) })
    }
}

impl Condition {
    fn holds(&self, version: &str) -> bool {
        let own = Evr::parse(version);
        let order = match self.key.as_str() {
            "evr" if self.value.contains('-') => compare(version, &self.value),
            "evr" => compare(version.rsplit_once('-').map_or(version, |(upstream, _)| upstream), &self.value),
            "epoch" => compare_segments(own.epoch_or_zero(), &self.value),
            "version" => compare_segments(own.version, &self.value),
            "release" => compare_segments(own.release, &self.value),
            "arch" => return true,
            _ => return false,
        };
        match self.comparator.as_str() {
            "=" | "==" => order.is_eq(),
            "!=" => order.is_ne(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            _ => false,
        }
    }
}

/// The little of TOML that this file has: tables of strings in two lists. Fails with the number of a line.
fn parse_toml(text: &str) -> Result<Vec<Conditions>, u64> {
    let mut entries: Vec<Conditions> = Vec::new();
    let mut in_condition = false;
    for (number, line) in (1u64..).zip(text.lines()) {
        let line = line.trim();
        match line {
            "" => continue,
            "[[packages]]" => {
                entries.push(Conditions::default());
                in_condition = false;
                continue;
            }
            "[[packages.conditions]]" => {
                entries.last_mut().ok_or(number)?.conditions.push(Condition::default());
                in_condition = true;
                continue;
            }
            _ if line.starts_with('#') => continue,
            _ => {}
        }
        let (key, value) = line.split_once('=').ok_or(number)?;
        let value = value.trim();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(number)?;
        let value = value[1..].split(quote).next().unwrap_or_default().to_owned();
        let Some(entry) = entries.last_mut() else { continue };
        match (key.trim(), in_condition) {
            ("name", false) => entry.name = value,
            (key, true) => {
                let condition = entry.conditions.last_mut().ok_or(number)?;
                match key {
                    "key" => condition.key = value,
                    "comparator" => condition.comparator = value,
                    "value" => condition.value = value,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lock_versions() {
        let mut locks = VersionLocks::default();
        locks.add_list(
            "# c\nbash-0:5.1-2.*\n0:vim-enhanced-8.0-1.*\n!curl-0:7.76-1.el9.*\nkernel-core-5.*-*\n",
        );
        let check = |name: &str, version: &str, expected: Lock| {
            assert_eq!(locks.lock(name, "x86_64", version), expected, "{name} {version}");
        };
        check("bash", "5.1-2.el9", Lock::Allows);
        check("bash", "5.1-3.el9", Lock::Forbids);
        check("bash", "1:5.1-2.el9", Lock::Forbids);
        check("bash-completion", "2-1", Lock::None);
        check("vim-enhanced", "8.0-1.el7", Lock::Allows);
        check("vim-enhanced", "8.0-2.el7", Lock::Forbids);
        check("curl", "7.76-1.el9", Lock::Forbids);
        check("curl", "7.76-2.el9", Lock::Allows);
        check("kernel-core", "5.14-1", Lock::Allows);
        check("kernel-core", "6.1-1", Lock::Forbids);
    }

    #[test]
    fn conditions_lock_versions() {
        let text = "version = \"1.0\"\n\n[[packages]]\nname = \"bash\"\ncomment = \"kept = so\"\n[[packages.conditions]]\nkey = \"evr\"\ncomparator = \"<\"\nvalue = \"5.2-1\"\n";
        let locks = VersionLocks { conditions: parse_toml(text).unwrap(), ..VersionLocks::default() };
        assert_eq!(locks.lock("bash", "x86_64", "5.1-9"), Lock::Allows);
        assert_eq!(locks.lock("bash", "x86_64", "5.2-1"), Lock::Forbids);
        assert_eq!(locks.lock("zsh", "x86_64", "5.2-1"), Lock::None);
        assert_eq!(parse_toml("[[packages]]\nname\n").unwrap_err(), 2);
    }
}
