//! The inventory types that every account has: their attributes, and whether an upload fits them.
//! Custom types are learned from uploads and kept by `store`.
//! Source: spec systems-manager 5.1, 5.2; agent-protocol 6.3.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// `1.0`. Ordered as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaVersion {
    pub major: u32,
    pub minor: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a schema version")]
pub struct InvalidSchemaVersion(String);

impl FromStr for SchemaVersion {
    type Err = InvalidSchemaVersion;

    fn from_str(text: &str) -> Result<Self, InvalidSchemaVersion> {
        let invalid = || InvalidSchemaVersion(text.to_owned());
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        let number = |text: &str| text.parse().map_err(|_| invalid());
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A type whose attributes are fixed.
#[derive(Debug)]
pub struct InventoryType {
    pub name: &'static str,
    pub version: SchemaVersion,
    attributes: &'static str,
    /// Attributes whose text is a number.
    numbers: &'static str,
    /// Attributes that every entry has; others may be left out when they have no value.
    required: &'static str,
    /// Attributes by which GetInventory counts nodes.
    aggregatable: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEntry {
    #[error("{type_name} has no attribute `{attribute}`")]
    Unknown { type_name: &'static str, attribute: String },
    #[error("an entry of {type_name} lacks the attribute `{attribute}`")]
    Missing { type_name: &'static str, attribute: &'static str },
}

impl InventoryType {
    pub fn find(name: &str) -> Option<&'static Self> {
        TYPES.iter().find(|known| known.name == name)
    }

    pub fn all() -> &'static [Self] {
        TYPES
    }

    /// In the order of the documentation.
    pub fn attributes(&self) -> impl Iterator<Item = &'static str> {
        self.attributes.split_ascii_whitespace().chain(self.numbers.split_ascii_whitespace())
    }

    pub fn is_number(&self, attribute: &str) -> bool {
        self.numbers.split_ascii_whitespace().any(|known| known == attribute)
    }

    pub fn is_aggregatable(&self, attribute: &str) -> bool {
        self.aggregatable.split_ascii_whitespace().any(|known| known == attribute)
    }

    /// Without the vendor's prefix: `Application`.
    pub fn display_name(&self) -> &'static str {
        self.name.split_once(':').map_or(self.name, |(_, name)| name)
    }

    pub fn check(&self, entry: &BTreeMap<String, String>) -> Result<(), InvalidEntry> {
        self.check_all([entry])
    }

    /// Like [`Self::check`] for each, at less cost.
    pub fn check_all<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a BTreeMap<String, String>>,
    ) -> Result<(), InvalidEntry> {
        let mut known: Vec<&str> = self.attributes().collect();
        known.sort_unstable();
        let required: Vec<&'static str> = self.required.split_ascii_whitespace().collect();
        for entry in entries {
            if let Some(attribute) = entry.keys().find(|name| known.binary_search(&name.as_str()).is_err()) {
                return Err(InvalidEntry::Unknown { type_name: self.name, attribute: attribute.clone() });
            }
            if let Some(attribute) = required.iter().find(|name| !entry.contains_key(**name)) {
                return Err(InvalidEntry::Missing { type_name: self.name, attribute });
            }
        }
        Ok(())
    }
}

pub const INSTANCE_INFORMATION: &str = "AWS:InstanceInformation";
pub const PATCH_SUMMARY: &str = "AWS:PatchSummary";
pub const PATCH_COMPLIANCE: &str = "AWS:PatchCompliance";
pub const COMPLIANCE_ITEM: &str = "AWS:ComplianceItem";
pub const COMPLIANCE_SUMMARY: &str = "AWS:ComplianceSummary";

const V1_0: SchemaVersion = SchemaVersion { major: 1, minor: 0 };
const V1_1: SchemaVersion = SchemaVersion { major: 1, minor: 1 };
const NONE: &str = "";

const fn plain(name: &'static str, attributes: &'static str) -> InventoryType {
    InventoryType { name, version: V1_0, attributes, numbers: NONE, required: NONE, aggregatable: NONE }
}

static TYPES: &[InventoryType] = &[
    InventoryType {
        aggregatable: "Name Version",
        required: "Name Version",
        ..plain("AWS:AWSComponent", PACKAGE)
    },
    InventoryType {
        version: V1_1,
        aggregatable: "Name Version",
        required: "Name Version",
        ..plain("AWS:Application", PACKAGE)
    },
    plain("AWS:BillingInfo", "BillingProductId"),
    InventoryType {
        required: "Id Status Severity",
        ..plain(
            COMPLIANCE_ITEM,
            "ComplianceType ExecutionId ExecutionType ExecutionTime Id Title Status Severity DocumentName
            DocumentVersion Classification PatchBaselineId PatchSeverity PatchState PatchGroup InstalledTime
            InstallOverrideList DetailedText DetailedLink CVEIds",
        )
    },
    InventoryType {
        aggregatable: "Status ComplianceType",
        numbers: "CompliantCriticalCount CompliantHighCount CompliantMediumCount CompliantLowCount
            CompliantInformationalCount CompliantUnspecifiedCount NonCompliantCriticalCount
            NonCompliantHighCount NonCompliantMediumCount NonCompliantLowCount
            NonCompliantInformationalCount NonCompliantUnspecifiedCount",
        ..plain(
            COMPLIANCE_SUMMARY,
            "ComplianceType PatchGroup PatchBaselineId Status OverallSeverity ExecutionId ExecutionType
            ExecutionTime",
        )
    },
    plain(
        "AWS:File",
        "Name Size Description FileVersion InstalledDate ModificationTime LastAccessTime ProductName
        InstalledDir ProductLanguage CompanyName ProductVersion",
    ),
    InventoryType {
        numbers: "CPUCores CPUs CPUSpeedMHz CPUSockets",
        ..plain(
            "AWS:InstanceDetailedInformation",
            "CPUModel CPUHyperThreadEnabled OSServicePack KernelVersion",
        )
    },
    InventoryType {
        aggregatable: "PlatformName PlatformType PlatformVersion",
        ..plain(
            INSTANCE_INFORMATION,
            "AgentType AgentVersion ComputerName InstanceId IpAddress PlatformName PlatformType
            PlatformVersion ResourceType AgentStatus InstanceStatus",
        )
    },
    plain("AWS:Network", "Name SubnetMask Gateway DHCPServer DNSServer MacAddress IPV4 IPV6"),
    InventoryType {
        required: "KBId State",
        ..plain(PATCH_COMPLIANCE, "Title KBId Classification Severity State InstalledTime CVEIds")
    },
    InventoryType {
        required: "BaselineId OperationType OperationStartTime OperationEndTime InstalledCount MissingCount
            FailedCount",
        numbers: "InstalledCount InstalledPendingRebootCount InstalledOtherCount InstalledRejectedCount
            NotApplicableCount UnreportedNotApplicableCount MissingCount FailedCount
            AvailableSecurityUpdateCount SecurityNonCompliantCount CriticalNonCompliantCount
            OtherNonCompliantCount",
        ..plain(
            PATCH_SUMMARY,
            "PatchGroup BaselineId SnapshotId OwnerInformation OperationType OperationStartTime
            OperationEndTime InstallOverrideList RebootOption LastNoRebootInstallOperationTime ExecutionId
            NonCompliantSeverity",
        )
    },
    plain(
        "AWS:Process",
        "StartTime CommandLine User FileName FileVersion FileDescription FileSize CompanyName ProductName
        ProductVersion InstalledDate InstalledDir UsageId",
    ),
    InventoryType { aggregatable: "Name", ..plain("AWS:ResourceGroup", "Name Arn") },
    InventoryType {
        aggregatable: "Name DisplayName ServiceType Status StartType",
        ..plain(
            "AWS:Service",
            "Name DisplayName ServiceType Status DependentServices ServicesDependedOn StartType",
        )
    },
    plain("AWS:Tag", "Key Value"),
    plain("AWS:WindowsRegistry", "KeyPath ValueName ValueType Value"),
    InventoryType {
        aggregatable: "Name DisplayName FeatureType Installed",
        ..plain(
            "AWS:WindowsRole",
            "Name DisplayName Path FeatureType DependsOn Description Installed InstalledState SubFeatures
            ServerComponentDescriptor Parent",
        )
    },
    plain("AWS:WindowsUpdate", "HotFixId Description InstalledTime InstalledBy"),
];

const PACKAGE: &str = "Name ApplicationType Publisher Version Release Epoch InstalledTime Architecture URL
    Summary PackageId";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compliance::report::PatchReportContent;

    fn entry(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn types_are_sorted_and_their_lists_are_of_their_attributes() {
        assert!(TYPES.is_sorted_by(|a, b| a.name < b.name));
        for known in TYPES {
            let names: Vec<_> = known.attributes().collect();
            assert!(names.len() <= 50, "{}", known.name);
            for list in [known.required, known.aggregatable] {
                assert!(list.split_ascii_whitespace().all(|name| names.contains(&name)), "{}", known.name);
            }
        }
    }

    #[test]
    fn entries_must_fit_their_type() {
        let component = InventoryType::find("AWS:AWSComponent").unwrap();
        assert_eq!(component.check(&entry(&[("Name", "a"), ("Version", "1")])), Ok(()));
        let error = component.check(&entry(&[("Name", "a")])).unwrap_err();
        assert_eq!(error.to_string(), "an entry of AWS:AWSComponent lacks the attribute `Version`");
        let error =
            component.check(&entry(&[("Name", "a"), ("Version", "1"), ("Colour", "red")])).unwrap_err();
        assert_eq!(error.to_string(), "AWS:AWSComponent has no attribute `Colour`");
        assert!(InventoryType::find("AWS:Cloud").is_none());
    }

    #[test]
    fn our_own_reports_fit() {
        use crate::compliance::PatchReport;
        use crate::compliance::report::{Execution, Operation, RunFrame};
        use crate::patch::Evaluation;
        let evaluation = Evaluation {
            operating_system: crate::os::OperatingSystem::Debian,
            product: "Debian12".to_owned(),
            counts: Default::default(),
            verdicts: Vec::new(),
            not_applicable: Vec::new(),
        };
        let frame = RunFrame {
            operation: Operation::Scan,
            started_at: api::Timestamp::from_seconds(1),
            ended_at: api::Timestamp::from_seconds(2),
            baseline_id: "pb-0123456789abcdef0".to_owned(),
            patch_group: String::new(),
            snapshot_id: String::new(),
            reboot_option: String::new(),
            install_override_list: String::new(),
            last_no_reboot_install_at: None,
            execution: Execution::default(),
        };
        let PatchReportContent { summary, .. } =
            PatchReport::from_evaluation(&evaluation, frame).to_content();
        assert_eq!(InventoryType::find(PATCH_SUMMARY).unwrap().check(&summary[0]), Ok(()));
    }

    #[test]
    fn versions_are_ordered_as_numbers() {
        let version = |text: &str| text.parse::<SchemaVersion>().unwrap();
        assert!(version("1.9") < version("1.10"));
        assert!(version("9.0") < version("10.0"));
        assert_eq!(version("2.1").to_string(), "2.1");
        assert!("1.x".parse::<SchemaVersion>().is_err());
    }
}
