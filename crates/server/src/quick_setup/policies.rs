//! The patch policies of a region: whose nodes are theirs to patch.

use std::collections::{BTreeMap, BTreeSet};

use domain::quick_setup::Configuration as Asked;
use domain::target::Targets;
use store::Tx;
use store::quick_setup::{self as rows, Definition};

use super::read;
use super::status::DELETING;
use crate::ctx::Ctx;
use crate::error::ApiError;

/// One policy, and whom it addresses.
pub struct Policy {
    pub name: String,
    pub targets: Targets,
}

/// Those that are deployed in the request's region.
pub async fn policies_here(ctx: &Ctx, tx: &mut Tx) -> Result<Vec<Policy>, ApiError> {
    let mut deployed = rows::list_deployed_in(tx, (&ctx.account, &ctx.region)).await?;
    deployed.retain(|configuration| configuration.status != DELETING);
    let homes: BTreeSet<_> =
        deployed.iter().map(|configuration| configuration.manager.region.clone()).collect();
    let mut definitions: BTreeMap<(String, String), Definition> = BTreeMap::new();
    for home in &homes {
        for definition in rows::list_definitions(tx, (&ctx.account, home)).await? {
            definitions.insert((definition.manager.id.clone(), definition.id.clone()), definition);
        }
    }
    let mut policies = Vec::new();
    for configuration in deployed {
        let key = (configuration.manager.id, configuration.definition_id);
        // What is stored was checked when it came.
        if let Some(Ok(Asked::PatchPolicy(policy))) = definitions.get(&key).map(read)
            && let Ok(targets) = Targets::parse(&policy.scope.targets)
        {
            policies.push(Policy { name: policy.name, targets });
        }
    }
    Ok(policies)
}
