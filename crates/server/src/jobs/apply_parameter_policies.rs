//! Does what the policies of parameters ask for: those that have expired are deleted, of the others the log and the event stream
//! tell, the stream without saying which.
//! Source: systems-manager.md 10.2.

use std::sync::Arc;

use api::Timestamp;
use store::changes::Topic;
use store::parameters::{self, Due, Which};

use crate::app::App;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::parameters::remove;

/// In one transaction.
const AT_ONCE: i64 = 100;

/// How many parameters were looked at.
pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut looked_at = 0;
    loop {
        let due = parameters::list_due(&mut app.store().read_each().await?, now, AT_ONCE).await?;
        for one in &due {
            apply(&app, one, now).await?;
        }
        looked_at += due.len() as u64;
        // What is done with is due no more, so that the next look finds others.
        if i64::try_from(due.len()).unwrap_or(i64::MAX) < AT_ONCE {
            return Ok(looked_at);
        }
    }
}

async fn apply(app: &Arc<App>, due: &Due, now: Timestamp) -> Result<(), ApiError> {
    let scope = (&due.account, &due.region);
    let ctx = Ctx::of_job(app, scope, now);
    let mut tx = app.store().write().await?;
    // Somebody may have changed or deleted it meanwhile.
    let Some(mut parameter) = parameters::find(&mut tx, scope, &due.key, Which::Newest).await? else {
        return Ok(());
    };
    let what = parameter.policies.due(parameter.modified_at, now);
    let policies = parameter.policies.iter().enumerate();
    let told = policies.filter(|(place, _)| what.told.contains(place));
    let told = told.map(|(_, policy)| policy.rule.type_name()).collect::<Vec<_>>().join(" ");
    if what.is_expired {
        remove(&ctx, &mut tx, &due.key).await?;
    } else {
        for place in what.told {
            parameter.policies.finish(place);
        }
        parameters::set_policies(&mut tx, scope, &parameter).await?;
    }
    tx.tell(Topic::ParameterPolicies);
    tx.commit().await?;
    let (account, region) = (due.account.as_str(), due.region.as_str());
    let (parameter, is_expired) = (parameter.name.as_str(), what.is_expired);
    tracing::info!(account, region, parameter, is_expired, told, "policies of a parameter");
    Ok(())
}
