//! The baselines that every account has: a table. They cannot be edited or deleted.
//! Source: spec patch-manager 1.10.

use api::Timestamp;

use crate::compliance::ComplianceLevel;
use crate::ids::{BaselineId, InvalidId, Region};
use crate::os::OperatingSystem;

use super::{ApprovalDate, ApprovalRules, Baseline, BaselineRules, Filter, FilterGroup, FilterKey, Rule};

/// When the provided baselines say they were made: 2025-01-01.
const PROVIDED_AT: Timestamp = Timestamp::from_seconds(1_735_689_600);

struct Provided {
    short_id: &'static str,
    name: &'static str,
    os: OperatingSystem,
    approves: Approves,
    /// The initial default of its system; Windows has three baselines and one default.
    is_default: bool,
}

/// The kinds of rule sets among them.
#[derive(Clone, Copy)]
enum Approves {
    /// Security of the two highest severities named, and every bug fix, after a week.
    SecurityAndBugfix([&'static str; 2]),
    /// Everything, security or not, after a week.
    Everything,
    /// Security suites, any priority, at once.
    SecuritySuite,
    /// Security patches of the system, and every package that has an update, at once.
    MacSecurityAndPackages,
    /// Critical and important security patches, after a week.
    SuseSecurity,
    WindowsSystem,
    WindowsSystemAndApplications,
    /// Whatever the enabled repositories offer, at once.
    AllRepositories,
}

const CRITICAL_IMPORTANT: [&str; 2] = ["Critical", "Important"];

#[rustfmt::skip]
const PROVIDED: [Provided; 19] = {
    use Approves::*;
    use OperatingSystem as Os;
    const fn row(short_id: &'static str, name: &'static str, os: Os, approves: Approves) -> Provided {
        Provided { short_id, name, os, approves, is_default: true }
    }
    const fn other(short_id: &'static str, name: &'static str, os: Os, approves: Approves) -> Provided {
        Provided { short_id, name, os, approves, is_default: false }
    }
    [
        row("pb-0c10e657807c7a700", "AWS-AmazonLinuxDefaultPatchBaseline", Os::AmazonLinux, SecurityAndBugfix(CRITICAL_IMPORTANT)),
        row("pb-0be8c61cde3be63f3", "AWS-AmazonLinux2DefaultPatchBaseline", Os::AmazonLinux2, SecurityAndBugfix(CRITICAL_IMPORTANT)),
        row("pb-0028ca011460d5eaf", "AWS-AmazonLinux2022DefaultPatchBaseline", Os::AmazonLinux2022, SecurityAndBugfix(CRITICAL_IMPORTANT)),
        row("pb-05c9c9bf778d4c4d0", "AWS-AmazonLinux2023DefaultPatchBaseline", Os::AmazonLinux2023, SecurityAndBugfix(CRITICAL_IMPORTANT)),
        row("pb-0cb0c4966f86b059b", "AWS-AlmaLinuxDefaultPatchBaseline", Os::AlmaLinux, SecurityAndBugfix(CRITICAL_IMPORTANT)),
        row("pb-03e3f588eec25344c", "AWS-CentOSDefaultPatchBaseline", Os::CentOs, Everything),
        row("pb-09a5f8eb62bde80b1", "AWS-DebianDefaultPatchBaseline", Os::Debian, SecuritySuite),
        row("pb-0ec16280999c5c75e", "AWS-RaspbianDefaultPatchBaseline", Os::Raspbian, SecuritySuite),
        row("pb-0c7e89f711c3095f4", "AWS-UbuntuDefaultPatchBaseline", Os::Ubuntu, SecuritySuite),
        row("pb-0ee4f94581368c0d4", "AWS-MacOSDefaultPatchBaseline", Os::MacOs, MacSecurityAndPackages),
        row("pb-06bff38e95fe85c02", "AWS-OracleLinuxDefaultPatchBaseline", Os::OracleLinux, SecurityAndBugfix(["Important", "Moderate"])),
        row("pb-0cbb3a633de00f07c", "AWS-RedHatDefaultPatchBaseline", Os::RedhatEnterpriseLinux, SecurityAndBugfix(CRITICAL_IMPORTANT)),
        row("pb-03ec98bc512aa3ac0", "AWS-RockyLinuxDefaultPatchBaseline", Os::RockyLinux, SecurityAndBugfix(CRITICAL_IMPORTANT)),
        row("pb-07d8884178197b66b", "AWS-SuseDefaultPatchBaseline", Os::Suse, SuseSecurity),
        row("pb-09ca3fb51f0412ec3", "AWS-DefaultPatchBaseline", Os::Windows, WindowsSystem),
        other("pb-0fe771e0000000001", "AWS-WindowsPredefinedPatchBaseline-OS", Os::Windows, WindowsSystem),
        other("pb-0fe771e0000000002", "AWS-WindowsPredefinedPatchBaseline-OS-Applications", Os::Windows, WindowsSystemAndApplications),
        row("pb-0fe771e0000000003", "Fettle-AlpineLinuxDefaultPatchBaseline", Os::AlpineLinux, AllRepositories),
        row("pb-0fe771e0000000004", "Fettle-ArchLinuxDefaultPatchBaseline", Os::ArchLinux, AllRepositories),
    ]
};

/// Every provided baseline, as a region reports it.
pub fn all(region: &Region) -> Vec<Baseline> {
    PROVIDED.iter().filter_map(|provided| provided.to_baseline(region).ok()).collect()
}

/// By short id or ARN; the region of an ARN is the caller's to check.
pub fn find(id: &BaselineId, region: &Region) -> Option<Baseline> {
    let provided = PROVIDED.iter().find(|provided| provided.short_id == id.short())?;
    provided.to_baseline(region).ok()
}

/// The id of [`default_for`], without the baseline.
pub fn default_id_for(os: OperatingSystem, region: &Region) -> BaselineId {
    let provided = PROVIDED.iter().find(|provided| provided.os == os && provided.is_default);
    provided
        .and_then(|provided| BaselineId::provided(region, provided.short_id).ok())
        .expect("each system has one provided default, as a test checks")
}

/// The default of a system for as long as nobody registered another.
pub fn default_for(os: OperatingSystem, region: &Region) -> Baseline {
    PROVIDED
        .iter()
        .find(|provided| provided.os == os && provided.is_default)
        .and_then(|provided| provided.to_baseline(region).ok())
        .expect("each system has one provided default, as a test checks")
}

impl Provided {
    fn to_baseline(&self, region: &Region) -> Result<Baseline, InvalidId> {
        Ok(Baseline {
            id: BaselineId::provided(region, self.short_id)?,
            name: self.name.to_owned(),
            description: Some(format!("Provided baseline for {}: {}.", self.os, self.approves.in_words())),
            created_at: PROVIDED_AT,
            modified_at: PROVIDED_AT,
            rules: BaselineRules {
                approval_rules: ApprovalRules { patch_rules: self.approves.rules() },
                ..BaselineRules::empty(self.os)
            },
        })
    }
}

impl Approves {
    fn rules(self) -> Vec<Rule> {
        use FilterKey::*;
        let security = |severities: &[&str]| {
            rule(&[(Product, &["*"]), (Classification, &["Security"]), (Severity, severities)], 7)
        };
        let windows = [
            (PatchSet, ["OS"].as_slice()),
            (Classification, &["CriticalUpdates", "SecurityUpdates"]),
            (MsrcSeverity, &CRITICAL_IMPORTANT),
        ];
        match self {
            Self::SecurityAndBugfix(severities) => {
                vec![security(&severities), rule(&[(Product, &["*"]), (Classification, &["Bugfix"])], 7)]
            }
            Self::Everything => {
                let any = [(Product, ["*"].as_slice()), (Classification, &["*"]), (Severity, &["*"])];
                vec![Rule { enable_non_security: true, ..rule(&any, 7) }]
            }
            Self::SecuritySuite => {
                let priorities = ["Required", "Important", "Standard", "Optional", "Extra"];
                vec![rule(&[(Product, &["*"]), (Section, &["*"]), (Priority, &priorities)], 0)]
            }
            Self::MacSecurityAndPackages => vec![
                rule(&[(Product, &["*"]), (Classification, &["Security"])], 0),
                Rule { enable_non_security: true, ..rule(&[(Product, &["*"]), (Classification, &["*"])], 0) },
            ],
            Self::SuseSecurity => vec![security(&CRITICAL_IMPORTANT)],
            Self::WindowsSystem => vec![rule(&windows, 7)],
            Self::WindowsSystemAndApplications => {
                let applications =
                    [(PatchSet, ["APPLICATION"].as_slice()), (Product, &["*"]), (Classification, &["*"])];
                vec![rule(&windows, 7), rule(&applications, 7)]
            }
            Self::AllRepositories => {
                let any = [(Product, ["*"].as_slice()), (Repository, &["*"])];
                vec![Rule { enable_non_security: true, ..rule(&any, 0) }]
            }
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::SecurityAndBugfix([a, b]) => {
                format!("{a} and {b} security patches and all bug fixes, after 7 days")
            }
            Self::Everything => "every patch, security or not, after 7 days".to_owned(),
            Self::SecuritySuite => "what the security suite offers, at once".to_owned(),
            Self::MacSecurityAndPackages => {
                "security patches and packages that have an update, at once".to_owned()
            }
            Self::SuseSecurity => "critical and important security patches, after 7 days".to_owned(),
            Self::WindowsSystem => {
                "critical and important security patches of the system, after 7 days".to_owned()
            }
            Self::WindowsSystemAndApplications => {
                "critical and important security patches of the system and all of Microsoft's applications, after 7 days"
                    .to_owned()
            }
            Self::AllRepositories => "every update that the enabled repositories offer, at once".to_owned(),
        }
    }
}

fn rule(filters: &[(FilterKey, &[&str])], days: u32) -> Rule {
    let patch_filters = filters.iter().map(|(key, values)| Filter::new(*key, values)).collect();
    Rule {
        filters: FilterGroup { patch_filters },
        compliance_level: ComplianceLevel::Unspecified,
        approval: Some(ApprovalDate::AfterDays(days)),
        enable_non_security: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn region() -> Region {
        "eu-central-1".parse().unwrap()
    }

    #[test]
    fn all_are_valid_and_distinct() {
        let all = all(&region());
        assert_eq!(all.len(), PROVIDED.len());
        assert_eq!(all.iter().map(|b| &b.id).collect::<BTreeSet<_>>().len(), all.len());
        for baseline in &all {
            assert_eq!(baseline.rules.validate(), Ok(()), "{}", baseline.name);
            let is_ours = !baseline.rules.operating_system.is_in_public_model();
            assert!(baseline.name.starts_with(if is_ours { "Fettle-" } else { "AWS-" }), "{}", baseline.name);
            assert!(baseline.id.is_provided());
            assert_eq!(find(&baseline.id, &region()).as_ref(), Some(baseline));
        }
    }

    #[test]
    fn each_system_has_one_default() {
        for os in OperatingSystem::ALL {
            let defaults = PROVIDED.iter().filter(|p| p.os == os && p.is_default).count();
            assert_eq!(defaults, 1, "{os}");
            assert_eq!(default_for(os, &region()).rules.operating_system, os);
            assert_eq!(default_id_for(os, &region()), default_for(os, &region()).id);
        }
        let windows = default_for(OperatingSystem::Windows, &region());
        assert_eq!(windows.name, "AWS-DefaultPatchBaseline");
    }

    #[test]
    fn ours_are_pinned() {
        let [alpine, arch] =
            [OperatingSystem::AlpineLinux, OperatingSystem::ArchLinux].map(|os| default_for(os, &region()));
        assert_eq!((alpine.id.short(), arch.id.short()), ("pb-0fe771e0000000003", "pb-0fe771e0000000004"));
        assert_eq!(alpine.rules.approval_rules, arch.rules.approval_rules);
        insta::assert_json_snapshot!(arch.rules);
    }

    #[test]
    fn the_debian_one_is_pinned() {
        let debian = default_for(OperatingSystem::Debian, &region());
        assert_eq!(
            debian.id.as_str(),
            "arn:aws:ssm:eu-central-1:075727635805:patchbaseline/pb-09a5f8eb62bde80b1"
        );
        insta::assert_json_snapshot!(debian.rules);
    }
}
