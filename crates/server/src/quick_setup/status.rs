//! How configurations stand: their deployment, and what their associations came to.
//! Source: systems-manager.md 13.

use std::collections::BTreeMap;

use api::quicksetup::{Status, StatusSummary, StatusType};
use domain::association::Overview;
use domain::ids::{AccountId, AssociationId, Region};
use store::associations::{self, Association};
use store::quick_setup::Configuration;
use store::{StoreError, Tx};

/// Associations by region and id, as far as they are there.
pub type Associations = BTreeMap<(Region, AssociationId), Association>;

/// What the job does not have to do any more, or has to.
pub const INITIALIZING: &str = "INITIALIZING";
pub const DEPLOYING: &str = "DEPLOYING";
pub const SUCCEEDED: &str = "SUCCEEDED";
pub const FAILED: &str = "FAILED";
pub const DELETING: &str = "DELETING";

/// Of the worst to tell first.
const ORDER: [&str; 5] = [DELETING, FAILED, INITIALIZING, DEPLOYING, SUCCEEDED];

/// A change must wait for the one before.
pub fn is_busy(configuration: &Configuration) -> bool {
    [INITIALIZING, DEPLOYING, DELETING].contains(&configuration.status.as_str())
}

pub async fn load(
    tx: &mut Tx,
    account: &AccountId,
    configurations: &[Configuration],
) -> Result<Associations, StoreError> {
    let mut by_region: BTreeMap<&Region, Vec<&str>> = BTreeMap::new();
    for configuration in configurations {
        let ids = configuration.associations.values().map(AssociationId::as_str);
        by_region.entry(&configuration.target_region).or_default().extend(ids);
    }
    let mut found = Associations::new();
    // One look for each region; few have more than one.
    for (region, ids) in by_region {
        for association in associations::find_many(tx, (account, region), &ids).await? {
            found.insert((region.clone(), association.key.id.clone()), association);
        }
    }
    Ok(found)
}

/// Of some configurations together: none where there is nothing to tell.
pub fn summaries(configurations: &[&Configuration], associations: &Associations) -> Vec<StatusSummary> {
    let rank = |status: &str| ORDER.iter().position(|known| *known == status).unwrap_or(ORDER.len());
    let worst = configurations.iter().min_by_key(|configuration| rank(&configuration.status));
    let Some(worst) = worst else { return Vec::new() };
    let updated_at = configurations.iter().map(|configuration| configuration.updated_at).max();
    let deployment = StatusSummary {
        status_type: StatusType::Deployment,
        status: Some(worst.status.as_str().into()),
        status_message: Some(worst.message.clone()).filter(|text| !text.is_empty()),
        status_details: None,
        last_updated_at: updated_at.unwrap_or(worst.updated_at).into(),
    };
    let mut all = vec![deployment];
    all.extend(executions(configurations, associations));
    all
}

/// What the associations came to on their nodes.
fn executions(configurations: &[&Configuration], associations: &Associations) -> Option<StatusSummary> {
    let mut details = BTreeMap::new();
    let mut statuses = Vec::new();
    let mut last = None;
    for configuration in configurations {
        for (role, id) in &configuration.associations {
            let Some(association) = associations.get(&(configuration.target_region.clone(), id.clone()))
            else {
                continue;
            };
            let overview = Overview::of(&association.counts);
            statuses.push(match overview.status {
                "Success" => Status::Succeeded,
                "Failed" => Status::Failed,
                _ if overview.detailed_status == "Associated" => Status::None,
                _ => Status::Deploying,
            });
            let name = match configurations.len() {
                1 => role.clone(),
                _ => format!("{} {role}", configuration.target_region),
            };
            details.insert(name, overview.detailed_status.to_owned());
            last = last.max(Some(association.last_run_at.unwrap_or(association.updated_at)));
        }
    }
    let worst = [Status::Failed, Status::Deploying, Status::Succeeded, Status::None];
    let status = worst.into_iter().find(|status| statuses.contains(status))?;
    Some(StatusSummary {
        status_type: StatusType::AsyncExecutions,
        status: Some(status),
        status_message: None,
        status_details: Some(details),
        last_updated_at: last?.into(),
    })
}
