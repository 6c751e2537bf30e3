//! What planned changes would leave behind until something restarts: services that map files which are to be replaced,
//! and packages that take effect with a boot. A forecast: what it came to is `effect`'s to see afterwards.
//! Which packages those are is `packages::boot_packages`' to know.

use std::collections::{BTreeMap, BTreeSet};

use domain::facts::FactSet;
use domain::os::{Family, OperatingSystem};
use domain::patch::transaction::{Change, Plan, RebootSign};
use domain::patch::version_rpm;

use super::processes;
use crate::boot::Boot;
use crate::packages::boot_packages;

const LONG_RUNNING: &str = "what runs of it since the boot can only be replaced by a reboot";
const KERNEL: &str = "a kernel takes effect with the next boot";

/// Services with a process that maps a file which these changes replace. `files_of` tells the files of the installed
/// versions; it is not asked when no service runs anything.
pub fn restarts(
    boot: &Boot,
    facts: &FactSet,
    changes: &[Change],
    files_of: &mut dyn FnMut(&[Change]) -> Vec<String>,
) -> Vec<String> {
    let family = family(facts);
    let is_kernel = |name: &str| {
        family.is_some_and(|family| boot_packages::is_kernel(family, name))
            || name.starts_with("kernel-modules")
    };
    let replaced: Vec<Change> =
        changes.iter().filter(|change| change.from.is_some() && !is_kernel(&change.name)).cloned().collect();
    let Some(proc) = boot.proc().filter(|_| !replaced.is_empty()) else { return Vec::new() };
    let mapped: BTreeMap<String, BTreeSet<String>> = processes::mapped(boot.root(), proc);
    if mapped.is_empty() {
        return Vec::new();
    }
    let files = files_of(&replaced);
    let units = files.iter().filter_map(|file| mapped.get(processes::merged(file))).flatten();
    units.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

fn family(facts: &FactSet) -> Option<Family> {
    OperatingSystem::detect(&facts.os).map(|detected| detected.operating_system.family())
}

/// What is known of these changes: by an advisory's word, or by what the package is.
pub fn reboot_signs(plan: &Plan, facts: &FactSet) -> Vec<RebootSign> {
    let family = family(facts);
    let comes = plan.changes.iter().filter(|change| change.to.is_some());
    let mut signs: Vec<RebootSign> = comes
        .filter_map(|change| {
            let reason = advised(change, facts).or_else(|| Some(known(change, family)?.to_owned()))?;
            Some(RebootSign { package: change.name.clone(), reason })
        })
        .collect();
    signs.sort_unstable();
    signs.dedup();
    signs
}

/// Whether a publisher announces it, not only what is known of such packages.
pub fn is_announced(plan: &Plan, facts: &FactSet) -> bool {
    plan.changes.iter().any(|change| advised(change, facts).is_some())
}

fn known(change: &Change, family: Option<Family>) -> Option<&'static str> {
    let (family, name) = (family?, change.name.as_str());
    if boot_packages::is_kernel(family, name) {
        return Some(KERNEL);
    }
    (change.from.is_some() && boot_packages::runs_from_boot(family, name)).then_some(LONG_RUNNING)
}

/// By the first advisory between the old and the new version that suggests a reboot.
fn advised(change: &Change, facts: &FactSet) -> Option<String> {
    let to = change.to.as_deref()?;
    let package =
        facts.packages.iter().find(|package| package.name == change.name && package.arch == change.arch)?;
    // Kernels come beside the old ones.
    let from = change.from.as_deref().unwrap_or(&package.version);
    let is_between = |version: &str| {
        version_rpm::compare(version, from).is_gt() && version_rpm::compare(version, to).is_le()
    };
    let notices = package.notices.iter().filter(|notice| is_between(&notice.version));
    let mut advisories = notices.filter_map(|notice| facts.advisories.get(notice.advisory as usize));
    let advisory = advisories.find(|advisory| advisory.reboot_suggested)?;
    Some(format!("{} suggests a reboot", advisory.id))
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use std::fs;

    use domain::facts::{Advisory, Notice, OsRelease, PackageFact};
    use domain::patch::transaction::ChangeReason;

    use super::*;

    fn change(name: &str, from: Option<&str>, to: Option<&str>) -> Change {
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        Change { name: name.into(), arch: "x86_64".into(), from, to, reason: ChangeReason::Wanted }
    }

    fn facts(id: &str, version_id: &str) -> FactSet {
        let os = OsRelease { id: id.into(), version_id: version_id.into(), ..OsRelease::default() };
        FactSet { os, ..FactSet::default() }
    }

    #[test]
    fn packages_that_take_effect_with_a_boot() {
        let rows = [
            ("debian", "12", change("linux-image-6.1.0-9-amd64", None, Some("6.1.4-1")), Some(KERNEL)),
            ("debian", "12", change("libc6", Some("2"), Some("3")), Some(LONG_RUNNING)),
            ("debian", "12", change("libc6", None, Some("3")), None),
            ("debian", "12", change("kernel", Some("2"), Some("3")), None),
            ("almalinux", "9.2", change("kernel-core", None, Some("5")), Some(KERNEL)),
            ("almalinux", "9.2", change("glibc", Some("2"), Some("3")), Some(LONG_RUNNING)),
            ("almalinux", "9.2", change("glibc", Some("2"), None), None),
            ("almalinux", "9.2", change("curl", Some("2"), Some("3")), None),
            ("sles", "15.4", change("kernel-default", None, Some("5")), Some(KERNEL)),
            ("alpine", "3.23.6", change("linux-virt", Some("6.12.1-r0"), Some("6.12.2-r0")), Some(KERNEL)),
            ("alpine", "3.23.6", change("musl", Some("1-r0"), Some("1-r1")), Some(LONG_RUNNING)),
            ("alpine", "3.23.6", change("openrc", Some("1-r0"), None), None),
            ("alpine", "3.23.6", change("linux-pam", Some("1-r0"), Some("1-r1")), None),
            ("arch", "", change("linux-zen", Some("6-1"), Some("7-1")), Some(KERNEL)),
            ("arch", "", change("systemd", Some("255-1"), Some("256-1")), Some(LONG_RUNNING)),
            ("arch", "", change("musl", Some("1-1"), Some("2-1")), None),
        ];
        for (id, version_id, change, expected) in rows {
            let plan = Plan { changes: vec![change], ..Plan::default() };
            let facts = facts(id, version_id);
            let told: Vec<_> = reboot_signs(&plan, &facts).into_iter().map(|sign| sign.reason).collect();
            let expected: Vec<_> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(told, expected, "{id} {:?}", plan.changes);
            assert!(!is_announced(&plan, &facts));
        }
    }

    #[test]
    fn an_advisory_announces_it_for_the_versions_it_is_about() {
        let mut facts = facts("almalinux", "9.2");
        let advisory = Advisory { id: "ALSA-1".into(), reboot_suggested: true, ..Advisory::default() };
        facts.advisories = vec![advisory];
        facts.packages = vec![PackageFact {
            name: "gnutls".into(),
            arch: "x86_64".into(),
            version: "1-1".into(),
            notices: vec![Notice { advisory: 0, version: "3-1".into() }],
            ..PackageFact::default()
        }];
        for (to, expected) in [("2-1", false), ("3-1", true), ("4-1", true)] {
            let plan = Plan { changes: vec![change("gnutls", Some("1-1"), Some(to))], ..Plan::default() };
            assert_eq!(is_announced(&plan, &facts), expected, "{to}");
            assert_eq!(reboot_signs(&plan, &facts).len(), usize::from(expected), "{to}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn services_that_map_what_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let process = |id: u32, cgroup: &str, maps: &str| {
            let folder = dir.path().join(id.to_string());
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("comm"), "x\n").unwrap();
            fs::write(folder.join("cgroup"), cgroup).unwrap();
            fs::write(folder.join("maps"), maps).unwrap();
        };
        let ssl = "7f00-7f01 r-xp 00000000 08:01 12 /usr/lib/x86_64-linux-gnu/libssl.so.3\n";
        process(1, "0::/init.scope\n", ssl);
        process(10, "0::/system.slice/nginx.service\n", ssl);
        process(11, "0::/system.slice/cron.service\n", "7f-8f r-xp 0 08:01 1 /usr/sbin/cron\n");
        process(12, "0::/system.slice/docker-1f.scope\n", ssl);
        let boot = Boot::told_by(dir.path().to_owned());
        let changes = [change("libssl3", Some("1"), Some("2")), change("new", None, Some("1"))];
        let asked = std::cell::RefCell::new(Vec::new());
        let mut files = |replaced: &[Change]| {
            asked.borrow_mut().extend(replaced.iter().map(|change| change.name.clone()));
            // As dpkg lists them where `/lib` is a link to `/usr/lib`.
            vec!["/lib/x86_64-linux-gnu/libssl.so.3".to_owned(), "/etc/ssl".to_owned()]
        };
        let facts = facts("debian", "12");
        assert_eq!(restarts(&boot, &facts, &changes, &mut files), ["nginx.service"]);
        assert_eq!(*asked.borrow(), ["libssl3"]);
        assert!(restarts(&boot, &facts, &changes[1..], &mut files).is_empty());
    }
}
