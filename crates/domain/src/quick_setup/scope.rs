//! Which nodes of which regions a configuration is about.

use api::ssm::Target;

use super::parameters::{ParameterError, Parameters};
use crate::ids::{AccountId, NodeId, Region};
use crate::target::GROUP_NAME;

const MOST_NODES: usize = 50;
const MOST_REGIONS: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// At least one; the request's own where none is named.
    pub regions: Vec<Region>,
    /// As associations have them.
    pub targets: Vec<Target>,
}

impl Scope {
    pub fn read(parameters: &Parameters<'_>, home: (&AccountId, &Region)) -> Result<Self, ParameterError> {
        if parameters.text("TargetOrganizationalUnits").is_some() {
            let reason = "this server has no organizations: leave it out, or give TargetAccounts";
            return Err(ParameterError::new("TargetOrganizationalUnits", reason));
        }
        if let Some(other) =
            parameters.list("TargetAccounts").into_iter().find(|account| *account != home.0.as_str())
        {
            let reason =
                format!("`{other}` is another account: a configuration is deployed in its own, {}", home.0);
            return Err(ParameterError::new("TargetAccounts", reason));
        }
        Ok(Self { regions: regions(parameters, home.1)?, targets: targets(parameters)? })
    }
}

fn regions(parameters: &Parameters<'_>, home: &Region) -> Result<Vec<Region>, ParameterError> {
    const NAME: &str = "TargetRegions";
    let mut regions = Vec::new();
    for name in parameters.list(NAME) {
        let region: Region = name.parse().map_err(|error| ParameterError::new(NAME, format!("{error}")))?;
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    if regions.len() > MOST_REGIONS {
        return Err(ParameterError::new(
            NAME,
            format!("{} regions are more than {MOST_REGIONS}", regions.len()),
        ));
    }
    Ok(if regions.is_empty() { vec![home.clone()] } else { regions })
}

fn targets(parameters: &Parameters<'_>) -> Result<Vec<Target>, ParameterError> {
    let kind = parameters.choice("TargetType", &["*", "InstanceIds", "Tags", "ResourceGroups"])?;
    let nodes = parameters.list("TargetInstances");
    let (key, value) = (parameters.text("TargetTagKey"), parameters.text("TargetTagValue"));
    let group = parameters.text("ResourceGroupName");
    let target = |key: String, values: Vec<String>| vec![Target { key: Some(key), values: Some(values) }];
    match kind {
        "ResourceGroups" => {
            let group = group.ok_or_else(|| {
                ParameterError::new("ResourceGroupName", "is required with TargetType ResourceGroups")
            })?;
            if !(1..=300).contains(&group.chars().count()) {
                return Err(ParameterError::new(
                    "ResourceGroupName",
                    "a group's name has 1 to 300 characters",
                ));
            }
            Ok(target(GROUP_NAME.to_owned(), vec![group.to_owned()]))
        }
        "InstanceIds" => {
            if !(1..=MOST_NODES).contains(&nodes.len()) {
                let reason = format!("names {} nodes; expected 1 to {MOST_NODES}", nodes.len());
                return Err(ParameterError::new("TargetInstances", reason));
            }
            for node in &nodes {
                node.parse::<NodeId>()
                    .map_err(|error| ParameterError::new("TargetInstances", error.to_string()))?;
            }
            Ok(target("InstanceIds".to_owned(), nodes.into_iter().map(str::to_owned).collect()))
        }
        "Tags" => {
            let key =
                key.ok_or_else(|| ParameterError::new("TargetTagKey", "is required with TargetType Tags"))?;
            let value = value
                .ok_or_else(|| ParameterError::new("TargetTagValue", "is required with TargetType Tags"))?;
            if key.chars().count() > 128 || value.chars().count() > 256 {
                return Err(ParameterError::new(
                    "TargetTagKey",
                    "a tag has at most 128 characters, its value 256",
                ));
            }
            Ok(target(format!("tag:{key}"), vec![value.to_owned()]))
        }
        _ => Ok(target("InstanceIds".to_owned(), vec!["*".to_owned()])),
    }
}
