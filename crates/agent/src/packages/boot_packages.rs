//! Which packages are in effect with the next boot only, by family of system: kernels, and what runs from the first moment of
//! a boot to its end. What waits for a boot now is `effect`'s to find.
//! Source: the list that `needs-restarting -r` goes by; what Debian's packages tell `notify-reboot-required`; of Alpine and
//! Arch the C library, the first process, what starts services and what the firmware is loaded from.

use domain::os::Family;

const KERNELS_OF_RPM: [&str; 7] =
    ["kernel", "kernel-core", "kernel-rt", "kernel-rt-core", "kernel-uek", "kernel-default", "kernel-azure"];
const KERNELS_OF_ALPINE: [&str; 12] =
    ["lts", "virt", "edge", "stable", "rpi", "rpi2", "rpi4", "asahi", "starfive", "gru", "elm", "openpax"];

const DEBIAN: [&str; 5] = ["libc6", "dbus", "systemd", "intel-microcode", "amd64-microcode"];
const RPM: [&str; 8] = [
    "glibc",
    "systemd",
    "dbus",
    "dbus-broker",
    "dbus-daemon",
    "linux-firmware",
    "microcode_ctl",
    "systemd-udev",
];
const ALPINE: [&str; 8] =
    ["musl", "busybox", "openrc", "dbus", "eudev", "linux-firmware", "intel-ucode", "amd-ucode"];
const ARCH: [&str; 9] = [
    "glibc",
    "systemd",
    "dbus",
    "dbus-broker",
    "openrc",
    "eudev",
    "linux-firmware",
    "amd-ucode",
    "intel-ucode",
];

/// It replaces the kernel, or brings one beside it. What is built from or for kernels is none.
pub fn is_kernel(family: Family, name: &str) -> bool {
    match family {
        Family::Debian => name.starts_with("linux-image-"),
        Family::Rpm | Family::Suse => KERNELS_OF_RPM.contains(&name),
        Family::Alpine => {
            name.strip_prefix("linux-").is_some_and(|flavour| KERNELS_OF_ALPINE.contains(&flavour))
        }
        Family::Arch => is_kernel_of_arch(name),
        Family::Windows | Family::MacOs => false,
    }
}

/// `linux`, `linux-lts`, `linux66`: there are as many as somebody builds.
fn is_kernel_of_arch(name: &str) -> bool {
    const NO_KERNELS: [&str; 7] = ["headers", "docs", "firmware", "api", "tools", "atm", "meta"];
    match name.strip_prefix("linux") {
        Some("") => true,
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => !rest.contains("headers"),
        Some(rest) => rest
            .strip_prefix('-')
            .is_some_and(|flavour| !flavour.split('-').any(|part| NO_KERNELS.contains(&part))),
        None => false,
    }
}

/// What of it runs, or is loaded, since the boot cannot be replaced before the next one. No kernels.
pub fn runs_from_boot(family: Family, name: &str) -> bool {
    let names: &[&str] = match family {
        Family::Debian => &DEBIAN,
        Family::Rpm | Family::Suse => &RPM,
        Family::Alpine => &ALPINE,
        Family::Arch => &ARCH,
        Family::Windows | Family::MacOs => &[],
    };
    // Both Alpine and Arch divide the firmware by what it is for; one of the parts is its licences.
    let is_firmware = matches!(family, Family::Alpine | Family::Arch)
        && name.starts_with("linux-firmware-")
        && name != "linux-firmware-whence";
    names.contains(&name) || is_firmware
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_told_from_their_kin() {
        let check = |family: Family, kernels: &[&str], others: &[&str]| {
            for name in kernels {
                assert!(is_kernel(family, name) && !runs_from_boot(family, name), "{family:?} {name}");
            }
            for name in others {
                assert!(!is_kernel(family, name), "{family:?} {name}");
            }
        };
        check(
            Family::Arch,
            &[
                "linux",
                "linux-lts",
                "linux-zen",
                "linux-hardened",
                "linux-rt-lts",
                "linux66",
                "linux-aarch64",
            ],
            &[
                "linux-headers",
                "linux-lts-headers",
                "linux-api-headers",
                "linux66-headers",
                "linuxconsole",
                "linux-firmware",
            ],
        );
        check(
            Family::Alpine,
            &["linux-lts", "linux-virt", "linux-edge", "linux-stable", "linux-rpi"],
            &[
                "linux-lts-dev",
                "linux-lts-doc",
                "linux-headers",
                "linux-pam",
                "linux-tools",
                "linux-firmware",
                "linux",
            ],
        );
        check(
            Family::Debian,
            &["linux-image-6.1.0-9-amd64"],
            &["linux-headers-amd64", "linux-libc-dev", "kernel"],
        );
        check(Family::Rpm, &["kernel-core", "kernel-uek"], &["kernel-headers", "kernel-tools", "linux"]);
    }

    #[test]
    fn what_runs_from_the_boot_on() {
        let check = |family: Family, name: &str, expected: bool| {
            assert_eq!(runs_from_boot(family, name), expected, "{family:?} {name}");
        };
        check(Family::Alpine, "musl", true);
        check(Family::Alpine, "openrc", true);
        check(Family::Alpine, "linux-firmware-amdgpu", true);
        check(Family::Alpine, "glibc", false);
        check(Family::Alpine, "musl-dev", false);
        check(Family::Arch, "glibc", true);
        check(Family::Arch, "linux-firmware-whence", false);
        check(Family::Arch, "systemd-libs", false);
        check(Family::Debian, "libc6", true);
        check(Family::Debian, "glibc", false);
        check(Family::Suse, "systemd", true);
        check(Family::Windows, "systemd", false);
    }
}
