//! What is installed and not in effect: asked of the running machine, beside what its packages say.
//! What follows for the node's compliance is `domain`'s; restarting services is `patch_run`'s.

pub mod expected;
mod modules;
#[cfg_attr(not(target_os = "linux"), path = "effect/processes_other.rs")]
mod processes;
pub mod units;

use std::fs;
use std::path::Path;

use domain::facts::{FactSet, NotInEffect, Observation};
use domain::os::{Family, OperatingSystem};
use domain::patch::version_deb;

use crate::boot::Boot;
use crate::packages::boot_packages;
use processes::Look;

/// Fills in what waits. Nothing for a root that is not running. Looks at these processes only, where `known_suspects`
/// are all that can run replaced files; returns those that are left.
pub fn observe(
    boot: &Boot,
    facts: &FactSet,
    observation: &mut Observation,
    known_suspects: Option<&[u32]>,
) -> Vec<u32> {
    let Some(proc) = boot.proc() else { return Vec::new() };
    let Look { units, unreadable, suspects } = processes::look(boot.root(), proc, known_suspects);
    observation.not_in_effect = NotInEffect {
        units,
        unreadable_processes: unreadable,
        newer_kernel: newer_kernel(boot.root(), facts, observation),
        packages: since_boot(facts, observation),
        live_patches: live_patches(&proc.with_file_name("sys")),
    };
    suspects
}

/// The newest installed kernel, when it is not the one that runs. `None` on machines without a kernel of their own.
fn newer_kernel(root: &Path, facts: &FactSet, observation: &Observation) -> Option<String> {
    let running = observation.running_kernel.as_str();
    if running.is_empty() {
        return None;
    }
    match OperatingSystem::detect(&facts.os)?.operating_system.family() {
        Family::Debian => newer_on_debian(facts, observation, running),
        Family::Rpm | Family::Suse => newer_on_rpm(facts, running),
        // Kernels that no package is known for are told by their modules.
        Family::Alpine => newer_on_alpine(facts, running).or_else(|| modules::replacement(root, running)),
        Family::Arch => newer_on_arch(facts, running).or_else(|| modules::replacement(root, running)),
        Family::Windows | Family::MacOs => None,
    }
}

/// Each kernel is a package of its own name, `linux-image-RELEASE`; the same name is updated in place too.
fn newer_on_debian(facts: &FactSet, observation: &Observation, running: &str) -> Option<String> {
    let release = |name: &str| {
        let release = name.strip_prefix("linux-image-")?;
        let release = release.strip_prefix("unsigned-").unwrap_or(release);
        // The names without a number are there to pull the newest one.
        release.starts_with(|c: char| c.is_ascii_digit()).then(|| release.to_owned())
    };
    let of = |package: &domain::facts::PackageFact| Some((release(&package.name)?, package.installed_at));
    let kernels: Vec<_> = facts.packages.iter().filter_map(of).collect();
    let own = kernels.iter().find(|(release, _)| release == running)?;
    let (newest, _) = kernels.iter().max_by(|(a, _), (b, _)| version_deb::compare(a, b))?;
    let is_replaced = matches!((own.1, observation.booted_at), (Some(at), Some(boot)) if at > boot);
    let is_newer = newest != running && version_deb::compare(newest, running).is_gt();
    (is_newer || is_replaced).then(|| newest.clone())
}

/// All are one package that stays in several versions; the fact's own is the highest.
fn newer_on_rpm(facts: &FactSet, running: &str) -> Option<String> {
    let names = ["kernel-core", "kernel", "kernel-default"];
    let kernel = names.iter().find_map(|name| facts.packages.iter().find(|package| package.name == *name))?;
    let version = kernel.version.rsplit(':').next().unwrap_or_default();
    let flavour = running.rsplit_once('-').filter(|(_, flavour)| flavour.chars().all(char::is_alphabetic));
    let is_running = match flavour {
        // SUSE: `5.14.21-150400.24.100-default` is of package version `5.14.21-150400.24.100.2`.
        Some((release, _)) => version == release || version.starts_with(&format!("{release}.")),
        None => running == format!("{version}.{}", kernel.arch) || running == version,
    };
    (!is_running).then(|| version.to_owned())
}

/// One package for each flavour, replaced in place: with it go the modules of the kernel that runs. That one calls itself
/// `6.12.58-0-virt` and is of version `6.12.58-r0` of `linux-virt`.
fn newer_on_alpine(facts: &FactSet, running: &str) -> Option<String> {
    let (_, flavour) = running.rsplit_once('-')?;
    let kernel =
        facts.packages.iter().find(|package| package.name.strip_prefix("linux-") == Some(flavour))?;
    let (version, revision) = kernel.version.rsplit_once("-r")?;
    let installed = format!("{version}-{revision}-{flavour}");
    (installed != running).then_some(installed)
}

/// One package for each flavour, replaced in place, which takes the modules of the running one away. A package
/// `linux-lts 6.6.1-1` runs as `6.6.1-1-lts`, a `linux 6.6.1.arch1-1` as `6.6.1-arch1-1`.
fn newer_on_arch(facts: &FactSet, running: &str) -> Option<String> {
    let plain = |text: &str| text.replace('-', ".");
    let running_plain = plain(running);
    let runs = |version: &str| {
        let rest = running_plain.strip_prefix(&plain(version));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let is_kernel =
        |package: &&domain::facts::PackageFact| boot_packages::is_kernel(Family::Arch, &package.name);
    let kernels: Vec<_> = facts.packages.iter().filter(is_kernel).collect();
    // Of which flavour the running one is, the end of its name tells; `linux` itself has none.
    let flavour = |name: &str| name.strip_prefix("linux-").map(str::to_owned);
    let of_flavour =
        |name: &str| flavour(name).is_some_and(|flavour| running.ends_with(&format!("-{flavour}")));
    let is_plain = modules::flavour(running) == ["arch"];
    let own = kernels
        .iter()
        .find(|kernel| of_flavour(&kernel.name))
        .or_else(|| kernels.iter().find(|kernel| is_plain && kernel.name == "linux"))?;
    let is_there = kernels.iter().any(|kernel| runs(&kernel.version));
    (!is_there).then(|| own.version.clone())
}

/// Debian has a sign of its own, `/run/reboot-required`.
fn since_boot(facts: &FactSet, observation: &Observation) -> Vec<String> {
    let detected = OperatingSystem::detect(&facts.os);
    let family = detected.map(|detected| detected.operating_system.family());
    let Some(family) = family.filter(|family| *family != Family::Debian) else { return Vec::new() };
    let Some(booted_at) = observation.booted_at else { return Vec::new() };
    let waits = |package: &&domain::facts::PackageFact| {
        boot_packages::runs_from_boot(family, &package.name)
            && package.installed_at.is_some_and(|at| at > booted_at)
    };
    let mut names: Vec<String> =
        facts.packages.iter().filter(waits).map(|package| package.name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn live_patches(sys: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(sys.join("kernel/livepatch")) else { return Vec::new() };
    let is_enabled =
        |path: &Path| fs::read_to_string(path.join("enabled")).is_ok_and(|text| text.trim() == "1");
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| is_enabled(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use api::Timestamp;
    use domain::facts::{OsRelease, PackageFact};

    use super::*;

    fn facts(os: (&str, &str), packages: &[(&str, &str, i64)]) -> FactSet {
        let package = |(name, version, at): &(&str, &str, i64)| PackageFact {
            name: (*name).into(),
            arch: "x86_64".into(),
            version: (*version).into(),
            installed_at: Some(Timestamp::from_seconds(*at)),
            ..PackageFact::default()
        };
        FactSet {
            os: OsRelease { id: os.0.into(), version_id: os.1.into(), ..OsRelease::default() },
            packages: packages.iter().map(package).collect(),
            ..FactSet::default()
        }
    }

    fn at_boot(kernel: &str) -> Observation {
        Observation {
            running_kernel: kernel.into(),
            booted_at: Some(Timestamp::from_seconds(100)),
            ..Observation::default()
        }
    }

    #[test]
    fn a_kernel_that_was_not_booted() {
        let nowhere = tempfile::tempdir().unwrap();
        let debian = ("debian", "12");
        let arch = ("arch", "");
        let rows = [
            (debian, "6.1.0-1-amd64", vec![("linux-image-6.1.0-1-amd64", "6.1.4-1", 1)], None),
            (arch, "6.6.1-arch1-1", vec![("linux", "6.6.1.arch1-1", 1), ("linux-headers", "7-1", 1)], None),
            (arch, "6.6.1-arch1-1", vec![("linux", "6.6.10.arch1-1", 1)], Some("6.6.10.arch1-1")),
            (
                arch,
                "6.1.62-1-lts",
                vec![("linux", "6.6.1.arch1-1", 1), ("linux-lts", "6.1.63-1", 1)],
                Some("6.1.63-1"),
            ),
            (arch, "6.1.62-1-lts", vec![("linux", "6.6.1.arch1-1", 1), ("linux-lts", "6.1.62-1", 1)], None),
            (arch, "6.6.1-own", vec![("zlib", "1-1", 1)], None),
            (arch, "6.6.1-zen1-1-zen", vec![("linux-zen", "6.6.1.zen1-1", 1)], None),
            (arch, "6.6.1-zen1-1-zen", vec![("linux-zen", "6.6.2.zen1-1", 1)], Some("6.6.2.zen1-1")),
            (
                arch,
                "6.6.1-hardened1-1-hardened",
                vec![("linux-hardened", "6.6.1.hardened2-1", 1)],
                Some("6.6.1.hardened2-1"),
            ),
            // A container on another system's kernel.
            (arch, "6.8.0-cloud", vec![("linux", "6.6.10.arch1-1", 1)], None),
            (
                debian,
                "6.1.0-1-amd64",
                vec![("linux-image-6.1.0-1-amd64", "6.1.5-1", 200)],
                Some("6.1.0-1-amd64"),
            ),
            (
                debian,
                "6.1.0-9-amd64",
                vec![
                    ("linux-image-6.1.0-9-amd64", "6.1.4-1", 1),
                    ("linux-image-6.1.0-10-amd64", "6.1.5-1", 2),
                    ("linux-image-amd64", "6.1.5-1", 2),
                ],
                Some("6.1.0-10-amd64"),
            ),
            // A container, or a kernel from elsewhere: its packages say nothing about what runs.
            (debian, "6.8.0-cloud", vec![("linux-image-6.1.0-9-amd64", "6.1.4-1", 1)], None),
            (("almalinux", "9.2"), "5.14.0-70.el9.x86_64", vec![("kernel-core", "5.14.0-70.el9", 1)], None),
            (
                ("almalinux", "9.2"),
                "5.14.0-70.el9.x86_64",
                vec![("kernel-core", "5.14.0-71.el9", 1)],
                Some("5.14.0-71.el9"),
            ),
            (
                ("sles", "15.4"),
                "5.14.21-150400.24.100-default",
                vec![("kernel-default", "5.14.21-150400.24.100.2", 1)],
                None,
            ),
            (("alpine", "3.23.6"), "6.12.58-0-virt", vec![("linux-virt", "6.12.58-r0", 1)], None),
            (
                ("alpine", "3.23.6"),
                "6.12.58-0-virt",
                vec![("linux-lts", "6.12.58-r9", 1), ("linux-virt", "6.12.60-r1", 1)],
                Some("6.12.60-1-virt"),
            ),
            // A container on another system's kernel.
            (("alpine", "3.23.6"), "6.8.0-cloud", vec![("linux-virt", "6.12.60-r1", 1)], None),
        ];
        for (os, running, packages, expected) in rows {
            let found = newer_kernel(nowhere.path(), &facts(os, &packages), &at_boot(running));
            assert_eq!(found.as_deref(), expected, "{running} {packages:?}");
        }
    }

    /// A kernel that no package is known for, and whose modules were replaced.
    #[test]
    fn modules_tell_of_kernels_that_packages_do_not() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("lib/modules/6.6.10-1-MANJARO/kernel")).unwrap();
        for (os, expected) in [(("arch", ""), Some("6.6.10-1-MANJARO")), (("debian", "12"), None)] {
            let found = newer_kernel(root.path(), &facts(os, &[]), &at_boot("6.6.8-2-MANJARO"));
            assert_eq!(found.as_deref(), expected, "{os:?}");
        }
    }

    #[test]
    fn packages_that_take_effect_with_the_boot() {
        let packages = [("glibc", "2", 200), ("systemd", "2", 50), ("bash", "2", 200)];
        assert_eq!(since_boot(&facts(("rhel", "9.2"), &packages), &at_boot("5")), ["glibc"]);
        let packages = [("musl", "2-r0", 200), ("openrc", "2-r0", 50), ("bash", "2-r0", 200)];
        assert_eq!(since_boot(&facts(("alpine", "3.23.6"), &packages), &at_boot("6")), ["musl"]);
        let packages = [("glibc", "2-1", 200), ("linux-lts", "2-1", 200), ("musl", "2-1", 200)];
        assert_eq!(since_boot(&facts(("arch", ""), &packages), &at_boot("6")), ["glibc"]);
        // Debian has a sign of its own.
        assert!(since_boot(&facts(("debian", "12"), &packages), &at_boot("5")).is_empty());
    }

    #[test]
    fn live_patches_that_are_enabled() {
        let dir = tempfile::tempdir().unwrap();
        for (name, enabled) in [("kpatch_1", "1\n"), ("kpatch_0", "0\n")] {
            let folder = dir.path().join("kernel/livepatch").join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("enabled"), enabled).unwrap();
        }
        assert_eq!(live_patches(dir.path()), ["kpatch_1"]);
    }
}
