//! Architectures: which packages a machine can take, and what `$basearch` is.
//! Source: rpm's and dnf's lists of compatible architectures.

/// From `$basearch` to the architectures of its packages, the best first; the first family that has one is its own.
/// `noarch` fits everywhere.
const FAMILIES: [(&str, &[&str]); 6] = [
    ("i386", &["athlon", "i686", "i586", "i486", "i386"]),
    (
        "x86_64",
        &[
            "x86_64",
            "x86_64_v4",
            "x86_64_v3",
            "x86_64_v2",
            "amd64",
            "ia32e",
            "athlon",
            "i686",
            "i586",
            "i486",
            "i386",
        ],
    ),
    ("aarch64", &["aarch64"]),
    ("ppc64le", &["ppc64le"]),
    ("s390x", &["s390x", "s390"]),
    ("armhfp", &["armv7hl", "armv7hnl", "armv8hl", "armv7l", "armv6hl", "armv6l"]),
];

/// What one machine can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// `$arch`: `x86_64`.
    pub native: String,
    /// `$basearch`.
    pub base: String,
}

impl Architecture {
    /// From the kernel's word for a machine, or a package's.
    pub fn of(native: &str) -> Self {
        let native = if native == "arm64" { "aarch64" } else { native };
        let family = FAMILIES.iter().find(|(base, members)| *base == native || members.contains(&native));
        let base = family.map_or(native, |(base, _)| base);
        Self { native: native.to_owned(), base: base.to_owned() }
    }

    /// Whether packages of this architecture can be installed.
    pub fn takes(&self, arch: &str) -> bool {
        let family = FAMILIES.iter().find(|(base, _)| *base == self.base);
        arch == "noarch" || arch == self.native || family.is_some_and(|(_, members)| members.contains(&arch))
    }

    /// How good an architecture is for this machine: lower is better, `None` for what fits every machine. Equal within a
    /// family of processors.
    pub fn rank(&self, arch: &str) -> Option<u8> {
        const OLDER: [&str; 6] = ["athlon", "i686", "i586", "i486", "i386", "s390"];
        (arch != "noarch").then(|| u8::from(self.base != "i386" && OLDER.contains(&arch)))
    }

    /// Whether an update may go from one to the other: to and from `noarch`, else nowhere.
    pub fn may_change(from: &str, to: &str) -> bool {
        from == to || from == "noarch" || to == "noarch"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_families() {
        let machine = Architecture::of("x86_64");
        assert!(
            machine.takes("i686")
                && machine.takes("noarch")
                && !machine.takes("aarch64")
                && !machine.takes("src")
        );
        assert_eq!(Architecture::of("i686").base, "i386");
        assert_eq!(Architecture::of("arm64").native, "aarch64");
        assert_eq!(Architecture::of("armv7l").base, "armhfp");
        assert_eq!(Architecture::of("riscv64").base, "riscv64");
        assert!(!Architecture::may_change("i686", "x86_64"));
        assert_eq!(
            ["noarch", "x86_64", "x86_64_v2", "i686"].map(|arch| machine.rank(arch)),
            [None, Some(0), Some(0), Some(1)]
        );
    }
}
