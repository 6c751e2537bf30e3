//! The operating systems that baselines are written for, and which of them a node runs.
//! Releases, products and property values are data: see `catalogue`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::facts::OsRelease;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperatingSystem {
    Windows,
    AmazonLinux,
    #[serde(rename = "AMAZON_LINUX_2")]
    AmazonLinux2,
    #[serde(rename = "AMAZON_LINUX_2022")]
    AmazonLinux2022,
    #[serde(rename = "AMAZON_LINUX_2023")]
    AmazonLinux2023,
    Ubuntu,
    RedhatEnterpriseLinux,
    Suse,
    #[serde(rename = "CENTOS")]
    CentOs,
    OracleLinux,
    Debian,
    #[serde(rename = "MACOS")]
    MacOs,
    Raspbian,
    RockyLinux,
    AlmaLinux,
    /// Ours: not in the public model.
    AlpineLinux,
    /// Ours: not in the public model.
    ArchLinux,
}

/// `ID` that agents write into the facts of Windows nodes, which have no os-release.
pub const WINDOWS_ID: &str = "windows";

/// Systems whose patches are selected by the same procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// apt: no advisories, priority instead of severity, no dates.
    Debian,
    /// yum and dnf with `updateinfo.xml`.
    Rpm,
    Suse,
    Windows,
    MacOs,
    /// apk: repositories publish packages and nothing about them.
    Alpine,
    /// pacman: the same.
    Arch,
}

/// What a node turned out to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectedSystem {
    pub operating_system: OperatingSystem,
    /// As filters on PRODUCT name it: `Debian12`, `Ubuntu22.04`.
    pub product: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an operating system that baselines are written for")]
pub struct UnknownOperatingSystem(pub String);

impl OperatingSystem {
    /// In the order of the public model, then ours.
    pub const ALL: [Self; 17] = [
        Self::Windows,
        Self::AmazonLinux,
        Self::AmazonLinux2,
        Self::AmazonLinux2022,
        Self::Ubuntu,
        Self::RedhatEnterpriseLinux,
        Self::Suse,
        Self::CentOs,
        Self::OracleLinux,
        Self::Debian,
        Self::MacOs,
        Self::Raspbian,
        Self::RockyLinux,
        Self::AlmaLinux,
        Self::AmazonLinux2023,
        Self::AlpineLinux,
        Self::ArchLinux,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "WINDOWS",
            Self::AmazonLinux => "AMAZON_LINUX",
            Self::AmazonLinux2 => "AMAZON_LINUX_2",
            Self::AmazonLinux2022 => "AMAZON_LINUX_2022",
            Self::AmazonLinux2023 => "AMAZON_LINUX_2023",
            Self::Ubuntu => "UBUNTU",
            Self::RedhatEnterpriseLinux => "REDHAT_ENTERPRISE_LINUX",
            Self::Suse => "SUSE",
            Self::CentOs => "CENTOS",
            Self::OracleLinux => "ORACLE_LINUX",
            Self::Debian => "DEBIAN",
            Self::MacOs => "MACOS",
            Self::Raspbian => "RASPBIAN",
            Self::RockyLinux => "ROCKY_LINUX",
            Self::AlmaLinux => "ALMA_LINUX",
            Self::AlpineLinux => "ALPINE_LINUX",
            Self::ArchLinux => "ARCH_LINUX",
        }
    }

    pub fn family(self) -> Family {
        match self {
            Self::Windows => Family::Windows,
            Self::MacOs => Family::MacOs,
            Self::Suse => Family::Suse,
            Self::AlpineLinux => Family::Alpine,
            Self::ArchLinux => Family::Arch,
            Self::Ubuntu | Self::Debian | Self::Raspbian => Family::Debian,
            Self::AmazonLinux
            | Self::AmazonLinux2
            | Self::AmazonLinux2022
            | Self::AmazonLinux2023
            | Self::RedhatEnterpriseLinux
            | Self::CentOs
            | Self::OracleLinux
            | Self::RockyLinux
            | Self::AlmaLinux => Family::Rpm,
        }
    }

    /// Whether AWS's clients know it; the others are ours.
    pub fn is_in_public_model(self) -> bool {
        !matches!(self, Self::AlpineLinux | Self::ArchLinux)
    }

    pub fn is_linux(self) -> bool {
        !matches!(self, Self::Windows | Self::MacOs)
    }

    /// `None` for systems without baselines, and for derivatives that the catalogue does not name.
    pub fn detect(release: &OsRelease) -> Option<DetectedSystem> {
        if release.id == WINDOWS_ID {
            return Self::detect_platform("Windows", &release.name, &release.version_id);
        }
        detect_by(&release.version_id, |names| names.release_ids.contains(&release.id))
    }

    /// From what an agent reports about its platform: `Linux`/`Windows`/`MacOS`, `Ubuntu`, `22.04`.
    pub fn detect_platform(platform_type: &str, name: &str, version: &str) -> Option<DetectedSystem> {
        if platform_type.eq_ignore_ascii_case("windows") {
            return Some(DetectedSystem {
                operating_system: Self::Windows,
                product: catalogue::windows_product(name),
            });
        }
        detect_by(version, |names| names.platform_names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }
}

/// Several systems share a name and are told apart by version; those naming versions go first.
fn detect_by(version: &str, is_named: impl Fn(&catalogue::Names) -> bool) -> Option<DetectedSystem> {
    let named = || {
        let found = |os| Some((os, catalogue::system(os).names().find(|names| is_named(names))?));
        OperatingSystem::ALL.into_iter().filter_map(found)
    };
    let (operating_system, name) = named()
        .find(|(os, _)| catalogue::system(*os).names_version(version))
        .or_else(|| named().find(|(os, _)| catalogue::system(*os).versions.is_empty()))?;
    Some(DetectedSystem { operating_system, product: name.product_of(version) })
}

impl Family {
    /// Whether repositories say which updates are about security, so that rules can be confined to those.
    pub fn tells_security_apart(self) -> bool {
        !matches!(self, Self::Alpine | Self::Arch)
    }
}

impl fmt::Display for OperatingSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OperatingSystem {
    type Err = UnknownOperatingSystem;

    fn from_str(text: &str) -> Result<Self, UnknownOperatingSystem> {
        Self::ALL
            .into_iter()
            .find(|os| os.as_str() == text)
            .ok_or_else(|| UnknownOperatingSystem(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_serde_and_parse() {
        for os in OperatingSystem::ALL {
            assert_eq!(serde_json::to_string(&os).unwrap(), format!("\"{os}\""));
            assert_eq!(os.as_str().parse(), Ok(os));
        }
        assert!("debian".parse::<OperatingSystem>().is_err());
    }

    #[test]
    fn detects_from_os_release() {
        let rows = [
            ("debian", "12", Some((OperatingSystem::Debian, "Debian12"))),
            ("debian", "", Some((OperatingSystem::Debian, "Debian"))), // testing and sid have no version
            ("ubuntu", "22.04", Some((OperatingSystem::Ubuntu, "Ubuntu22.04"))),
            ("raspbian", "11", Some((OperatingSystem::Raspbian, "Raspbian11"))),
            ("amzn", "2", Some((OperatingSystem::AmazonLinux2, "AmazonLinux2"))),
            ("amzn", "2023", Some((OperatingSystem::AmazonLinux2023, "AmazonLinux2023"))),
            ("amzn", "2022", Some((OperatingSystem::AmazonLinux2022, "AmazonLinux2022"))),
            ("amzn", "2018.03", Some((OperatingSystem::AmazonLinux, "AmazonLinux2018.03"))),
            ("rhel", "8.10", Some((OperatingSystem::RedhatEnterpriseLinux, "RedhatEnterpriseLinux8.10"))),
            ("sles", "15.5", Some((OperatingSystem::Suse, "Suse15.5"))),
            ("sles", "15", Some((OperatingSystem::Suse, "Suse15.0"))),
            ("alpine", "3.19.1", Some((OperatingSystem::AlpineLinux, "AlpineLinux3.19"))),
            ("alpine", "3.22_alpha20250108", Some((OperatingSystem::AlpineLinux, "AlpineLinuxEdge"))),
            ("alpine", "3.20.0_rc1", Some((OperatingSystem::AlpineLinux, "AlpineLinux3.20"))),
            ("arch", "", Some((OperatingSystem::ArchLinux, "ArchLinux"))),
            ("arch", "20240101.0.204074", Some((OperatingSystem::ArchLinux, "ArchLinux"))), // its images
            ("archarm", "", Some((OperatingSystem::ArchLinux, "ArchLinuxARM"))),
            ("manjaro", "24.0", Some((OperatingSystem::ArchLinux, "ManjaroLinux"))),
            ("endeavouros", "2024.06", Some((OperatingSystem::ArchLinux, "EndeavourOS"))),
            ("linuxmint", "21", None),
            ("", "", None),
        ];
        for (id, version_id, expected) in rows {
            let release =
                OsRelease { id: id.to_owned(), version_id: version_id.to_owned(), ..OsRelease::default() };
            let found = OperatingSystem::detect(&release);
            let found = found.as_ref().map(|d| (d.operating_system, d.product.as_str()));
            assert_eq!(found, expected, "{id} {version_id}");
        }
    }

    #[test]
    fn tells_windows_by_its_name() {
        let release = OsRelease {
            id: WINDOWS_ID.to_owned(),
            version_id: "10.0.20348".to_owned(),
            name: "Microsoft Windows Server 2022 Datacenter".to_owned(),
            ..OsRelease::default()
        };
        let found = OperatingSystem::detect(&release).unwrap();
        assert_eq!(found.operating_system, OperatingSystem::Windows);
        assert_eq!(found.product, "WindowsServer2022");
    }

    #[test]
    fn detects_from_what_an_agent_reports() {
        let rows = [
            ("Linux", "Ubuntu", "24.04", "Ubuntu24.04"),
            ("Linux", "Debian GNU/Linux", "12", "Debian12"),
            ("Linux", "Amazon Linux", "2", "AmazonLinux2"),
            ("Linux", "Amazon Linux", "2023", "AmazonLinux2023"),
            ("Windows", "Microsoft Windows Server 2019 Datacenter", "10.0.17763", "WindowsServer2019"),
            ("Windows", "Microsoft Windows Server 2012 R2 Standard", "6.3.9600", "WindowsServer2012R2"),
            ("MacOS", "macOS", "14.5", "MacOS14.5"),
            ("Linux", "Alpine Linux", "3.21.3", "AlpineLinux3.21"),
            ("Linux", "Arch Linux", "", "ArchLinux"),
            ("Linux", "Manjaro Linux", "25.0", "ManjaroLinux"),
        ];
        for (platform, name, version, product) in rows {
            let found = OperatingSystem::detect_platform(platform, name, version).unwrap();
            assert_eq!(found.product, product);
        }
        assert_eq!(OperatingSystem::detect_platform("Linux", "Slackware", "15"), None);
    }
}
