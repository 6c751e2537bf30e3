//! Which packages of Arch are in effect with the next boot only. The rpm systems' list is `effect`'s.

/// `linux`, `linux-lts`, `linux66` and not what is built from or for them.
pub fn is_kernel(name: &str) -> bool {
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

pub fn takes_effect_with_boot(name: &str) -> bool {
    const NAMES: [&str; 7] =
        ["glibc", "systemd", "dbus", "dbus-broker", "linux-firmware", "amd-ucode", "intel-ucode"];
    NAMES.contains(&name) || is_kernel(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_told_from_their_kin() {
        for name in ["linux", "linux-lts", "linux-zen", "linux-rt-lts", "linux66", "linux-aarch64"] {
            assert!(is_kernel(name) && takes_effect_with_boot(name), "{name}");
        }
        for name in
            ["linux-headers", "linux-lts-headers", "linux-api-headers", "linux66-headers", "linuxconsole"]
        {
            assert!(!is_kernel(name) && !takes_effect_with_boot(name), "{name}");
        }
        assert!(!is_kernel("linux-firmware") && takes_effect_with_boot("linux-firmware"));
    }
}
