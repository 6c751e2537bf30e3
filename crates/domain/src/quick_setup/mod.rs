//! Quick Setup's configuration types: what their parameters mean, and which associations keep them in place. Making and
//! following these is the server's.
//! Source: spec systems-manager 13, patch-manager 5.3. Decision: docs/decisions/0026-patch-now-and-policies.md.

mod host_management;
mod parameters;
mod patch_policy;
mod scope;

use std::collections::BTreeMap;

use api::ssm::{CreateAssociationBatchRequestEntry, Target};

use crate::ids::{AccountId, Region};

pub use host_management::HostManagement;
pub use parameters::ParameterError;
pub use patch_policy::{INSTALL, INSTALL_NAMES, PatchPolicy};
pub use scope::Scope;

use parameters::Parameters;

/// The newest version of every type here, and the only one.
pub const TYPE_VERSION: &str = "1.0";

/// The types of configurations that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    PatchPolicy,
    HostManagement,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::PatchPolicy, Self::HostManagement];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::PatchPolicy => "AWSQuickSetupType-PatchPolicy",
            Self::HostManagement => "AWSQuickSetupType-SSMHostMgmt",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Configuration {
    PatchPolicy(PatchPolicy),
    HostManagement(HostManagement),
}

/// One association that keeps a configuration in place.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// What it is for; one of each, which stays the same one when the configuration changes.
    pub role: &'static str,
    pub settings: CreateAssociationBatchRequestEntry,
}

impl Configuration {
    /// `home`: the account and region of the request.
    pub fn read(
        kind: Kind,
        given: &BTreeMap<String, String>,
        home: (&AccountId, &Region),
    ) -> Result<Self, ParameterError> {
        let mut parameters = Parameters::new(given);
        let read = match kind {
            Kind::PatchPolicy => PatchPolicy::read(&mut parameters, home).map(Self::PatchPolicy),
            Kind::HostManagement => HostManagement::read(&mut parameters, home).map(Self::HostManagement),
        }?;
        parameters.refuse_unknown()?;
        Ok(read)
    }

    pub fn scope(&self) -> &Scope {
        match self {
            Self::PatchPolicy(policy) => &policy.scope,
            Self::HostManagement(hosts) => &hosts.scope,
        }
    }

    pub fn targets(&self) -> &[Target] {
        &self.scope().targets
    }

    /// `id`: of the configuration in one region. `baselines`: where the baselines of a patch policy are kept.
    pub fn associations(&self, id: &str, baselines: &str) -> Vec<Planned> {
        match self {
            Self::PatchPolicy(policy) => policy.associations(id, baselines),
            Self::HostManagement(hosts) => hosts.associations(id),
        }
    }

    /// What is asked for by default, and left out because this server does not have it.
    pub fn left_out(&self) -> Option<String> {
        match self {
            Self::PatchPolicy(_) => None,
            Self::HostManagement(hosts) => hosts.left_out(),
        }
    }
}

#[cfg(test)]
mod tests;
