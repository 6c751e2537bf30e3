//! The filters of DescribePatchBaselines and DescribePatchGroups.
//! Source: spec patch-manager 1.11 and 5.1.

use std::collections::BTreeSet;

use api::ssm::PatchOrchestratorFilter;
use domain::os::OperatingSystem;

use crate::error::{self, ApiError};

pub const NAME_PREFIX: &str = "NAME_PREFIX";
pub const OWNER: &str = "OWNER";
pub const OPERATING_SYSTEM: &str = "OPERATING_SYSTEM";

/// What was asked for; an empty list is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    pub name_prefixes: Vec<String>,
    pub operating_systems: Vec<OperatingSystem>,
    pub owners: Vec<Owner>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Provider,
    Account,
}

impl Filters {
    /// Values of one filter are alternatives, filters hold together. `keys` are the known ones.
    pub fn read(given: Option<&[PatchOrchestratorFilter]>, keys: &[&str]) -> Result<Self, ApiError> {
        let mut filters = Self::default();
        let mut seen = BTreeSet::new();
        for filter in given.unwrap_or_default() {
            let key = filter.key.as_deref().unwrap_or_default();
            if !keys.contains(&key) {
                let expected = keys.join(", ");
                return Err(error::validation(format!("filter key `{key}`: expected one of {expected}")));
            }
            if !seen.insert(key) {
                return Err(error::validation(format!("filter key {key} is given twice")));
            }
            let values = filter.values.as_deref().unwrap_or_default();
            if values.is_empty() {
                return Err(error::validation(format!("filter {key} has no values")));
            }
            filters.add(key, values)?;
        }
        Ok(filters)
    }

    fn add(&mut self, key: &str, values: &[String]) -> Result<(), ApiError> {
        match key {
            NAME_PREFIX => self.name_prefixes = values.to_vec(),
            OPERATING_SYSTEM => {
                self.operating_systems =
                    values.iter().map(|value| system(value)).collect::<Result<_, _>>()?;
            }
            _ => {
                for value in values {
                    self.owners.extend_from_slice(owners(value)?);
                }
            }
        }
        Ok(())
    }

    pub fn wants_owner(&self, owner: Owner) -> bool {
        self.owners.is_empty() || self.owners.contains(&owner)
    }

    pub fn wants_name(&self, name: &str) -> bool {
        self.name_prefixes.is_empty() || self.name_prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    pub fn wants_system(&self, os: OperatingSystem) -> bool {
        self.operating_systems.is_empty() || self.operating_systems.contains(&os)
    }
}

fn system(value: &str) -> Result<OperatingSystem, ApiError> {
    value.parse().map_err(|error: domain::os::UnknownOperatingSystem| {
        let expected = OperatingSystem::ALL.map(OperatingSystem::as_str).join(", ");
        error::validation(format!("filter {OPERATING_SYSTEM}: {error}; expected one of {expected}"))
    })
}

fn owners(value: &str) -> Result<&'static [Owner], ApiError> {
    match value {
        "AWS" => Ok(&[Owner::Provider]),
        "Self" => Ok(&[Owner::Account]),
        "All" => Ok(&[Owner::Provider, Owner::Account]),
        _ => Err(error::validation(format!("filter {OWNER}: `{value}`; expected one of AWS, Self, All"))),
    }
}
