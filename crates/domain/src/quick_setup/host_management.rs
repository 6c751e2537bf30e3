//! Host management: what every node is to have done to it from time to time.
//! Source: spec systems-manager 13.

use api::ssm::{
    AssociationComplianceSeverity, AssociationSyncCompliance, CreateAssociationBatchRequestEntry,
};

use super::parameters::{ParameterError, Parameters};
use super::{Planned, Scope};
use crate::document::shipped;
use crate::ids::{AccountId, Region};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostManagement {
    pub scope: Scope,
    wanted: Vec<&'static Chore>,
    /// Wanted by default only, and without a document.
    missing: Vec<&'static Chore>,
}

/// One thing that is done at a rate.
#[derive(Debug, PartialEq, Eq)]
struct Chore {
    parameter: &'static str,
    role: &'static str,
    document: &'static str,
    rate: &'static str,
    operation: Option<&'static str>,
}

/// On unless switched off.
const CHORES: [Chore; 3] = [
    Chore {
        parameter: "UpdateSSMAgent",
        role: "UpdateSSMAgent",
        document: "AWS-UpdateSSMAgent",
        rate: "rate(14 days)",
        operation: None,
    },
    Chore {
        parameter: "CollectInventory",
        role: "CollectInventory",
        document: "AWS-GatherSoftwareInventory",
        rate: "rate(30 minutes)",
        operation: None,
    },
    Chore {
        parameter: "ScanInstances",
        role: "ScanForPatches",
        document: "AWS-RunPatchBaselineAssociation",
        rate: "rate(1 day)",
        operation: Some("Scan"),
    },
];

/// Agents of the cloud that this server has no packages of; off unless asked for.
const NOT_SERVED: [&str; 3] = ["InstallCloudWatchAgent", "UpdateCloudWatchAgent", "UpdateEc2LaunchAgent"];

impl HostManagement {
    pub(super) fn read(
        parameters: &mut Parameters<'_>,
        home: (&AccountId, &Region),
    ) -> Result<Self, ParameterError> {
        parameters.pass_over(&["IsPolicyAttachAllowed"]);
        for name in NOT_SERVED {
            if parameters.flag(name)?.unwrap_or_default() {
                let reason = "this server has no package of that agent: leave it out, or say false";
                return Err(ParameterError::new(name, reason));
            }
        }
        let (mut wanted, mut missing) = (Vec::new(), Vec::new());
        for chore in &CHORES {
            let asked = parameters.flag(chore.parameter)?;
            match (asked, shipped::find(chore.document).is_some()) {
                (Some(false), _) => {}
                (_, true) => wanted.push(chore),
                (None, false) => missing.push(chore),
                (Some(true), false) => {
                    let reason = format!("this server has no document {}: say false", chore.document);
                    return Err(ParameterError::new(chore.parameter, reason));
                }
            }
        }
        Ok(Self { scope: Scope::read(parameters, home)?, wanted, missing })
    }

    pub(super) fn associations(&self, id: &str) -> Vec<Planned> {
        let planned = self.wanted.iter().map(|chore| {
            let operation = chore.operation.map(|text| ("Operation".to_owned(), vec![text.to_owned()]));
            // The patch document says itself whether a node complies.
            let says_itself = chore.operation.is_some();
            let settings = CreateAssociationBatchRequestEntry {
                name: chore.document.to_owned(),
                association_name: Some(format!("AWS-QuickSetup-SSMHostMgmt-{}-{id}", chore.role)),
                parameters: operation.map(|operation| [operation].into()),
                targets: Some(self.scope.targets.clone()),
                schedule_expression: Some(chore.rate.to_owned()),
                compliance_severity: Some(AssociationComplianceSeverity::Unspecified),
                sync_compliance: Some(match says_itself {
                    true => AssociationSyncCompliance::Manual,
                    false => AssociationSyncCompliance::Auto,
                }),
                ..CreateAssociationBatchRequestEntry::default()
            };
            Planned { role: chore.role, settings }
        });
        planned.collect()
    }

    pub(super) fn left_out(&self) -> Option<String> {
        let parts: Vec<String> = self
            .missing
            .iter()
            .map(|chore| format!("{} (this server has no document {})", chore.parameter, chore.document))
            .collect();
        (!parts.is_empty())
            .then(|| format!("left out, as they are wanted by default only: {}", parts.join(", ")))
    }
}
