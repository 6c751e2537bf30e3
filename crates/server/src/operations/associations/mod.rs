//! State Manager: making associations, reading how they stand, asking for a run.
//! Running them is `crate::associations`' and the jobs'. Source: systems-manager.md 3.

mod check;
mod create_association;
mod create_association_batch;
mod delete_association;
mod describe_association;
mod describe_association_execution_targets;
mod describe_association_executions;
mod describe_effective_instance_associations;
mod describe_instance_associations_status;
mod list_association_versions;
mod list_associations;
mod start_associations_once;
#[cfg(test)]
pub(crate) mod tests;
mod update_association;
mod update_association_status;

pub use check::{Nobody, check};
pub use create_association::{create_association, insert, new};
pub use create_association_batch::create_association_batch;
pub use delete_association::{delete_association, remove};
pub use describe_association::describe_association;
pub use describe_association_execution_targets::describe_association_execution_targets;
pub use describe_association_executions::describe_association_executions;
pub use describe_effective_instance_associations::describe_effective_instance_associations;
pub use describe_instance_associations_status::describe_instance_associations_status;
pub use list_association_versions::list_association_versions;
pub use list_associations::list_associations;
pub use start_associations_once::start_associations_once;
pub use update_association::{revise, update_association};
pub use update_association_status::update_association_status;

use api::ssm::{AssociationDescription, AssociationOverview, ErrorCode};
use domain::association::{Counts, Overview};
use domain::document::shipped;
use domain::ids::{Arn, DocumentName, NodeId};
use store::Tx;
use store::associations::{self, Association, AssociationKey, Settings};
use store::nodes::Node;
use store::tags::{self, Tagged};

use crate::associations::addressed;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::groups::resolve_what_is_there;

const DEFAULT_PAGE: i32 = 50;
/// Of one account in one region.
pub const MAX_ASSOCIATIONS: i64 = 2_000;

fn unknown(id: &str) -> ApiError {
    ApiError::new(ErrorCode::AssociationDoesNotExist, format!("association `{id}` does not exist"))
}

/// Ids are written in lower case, and read in any.
fn key(ctx: &Ctx, id: &str) -> Result<AssociationKey, ApiError> {
    let id = id.to_ascii_lowercase().parse().map_err(|_| unknown(id))?;
    Ok(AssociationKey { account: ctx.account.clone(), region: ctx.region.clone(), id })
}

async fn existing(ctx: &Ctx, tx: &mut Tx, id: &str) -> Result<Association, ApiError> {
    associations::find(tx, &key(ctx, id)?).await?.ok_or_else(|| unknown(id))
}

/// By its id, or in the old form by document and node.
async fn named(
    ctx: &Ctx,
    tx: &mut Tx,
    id: Option<&str>,
    (document, node): (Option<&str>, Option<&str>),
) -> Result<Association, ApiError> {
    match (id, document, node) {
        (Some(id), _, _) => existing(ctx, tx, id).await,
        (None, Some(document), Some(node)) => {
            let missing = || unknown(&format!("{document} on {node}"));
            let id: NodeId = node.parse().map_err(|_| error::node_not_managed(node, ctx.account.as_str()))?;
            let scope = (&ctx.account, &ctx.region);
            let found = associations::find_legacy(tx, scope, &reference(ctx, document), &id).await?;
            found.ok_or_else(missing)
        }
        _ => Err(error::validation("give AssociationId, or Name and InstanceId")),
    }
}

/// A document as associations keep it: of this account by its name alone.
fn reference(ctx: &Ctx, document: &str) -> String {
    let is_own = |arn: Arn<'_>| arn.account.is_empty() || arn.account == ctx.account.as_str();
    match (Arn::parse(document), DocumentName::from_reference(document)) {
        (Some(arn), Ok(name)) if is_own(arn) || shipped::find(name.as_str()).is_some() => name.to_string(),
        _ => document.to_owned(),
    }
}

fn tagged<'a>(ctx: &'a Ctx, association: &'a AssociationKey) -> Tagged<'a> {
    Tagged {
        account: &ctx.account,
        region: &ctx.region,
        resource_type: "Association",
        resource_id: association.id.as_str(),
    }
}

/// All of the account: bounded by how many it may have.
pub async fn all(ctx: &Ctx, tx: &mut Tx) -> Result<Vec<Association>, ApiError> {
    Ok(associations::list(tx, (&ctx.account, &ctx.region), None, MAX_ASSOCIATIONS).await?)
}

/// All associations that address a node now, by id.
pub async fn addressing(ctx: &Ctx, tx: &mut Tx, node: &Node) -> Result<Vec<Association>, ApiError> {
    let tags = tags::list(tx, Tagged::node(&ctx.account, &ctx.region, &node.id)).await?;
    let mut found = Vec::new();
    for association in all(ctx, tx).await? {
        // What is stored was checked when it came.
        let Some(targets) = addressed(&association.settings).ok().flatten() else { continue };
        let targets = resolve_what_is_there(tx, (&ctx.account, &ctx.region), &targets).await?;
        if targets.matches(&node.id, &tags) {
            found.push(association);
        }
    }
    Ok(found)
}

fn overview(counts: &Counts) -> AssociationOverview {
    let Overview { status, detailed_status, aggregated } = Overview::of(counts);
    let count = |(name, count): (&str, u32)| (name.to_owned(), i32::try_from(count).unwrap_or(i32::MAX));
    AssociationOverview {
        status: Some(status.to_owned()),
        detailed_status: Some(detailed_status.to_owned()),
        association_status_aggregated_count: Some(aggregated.into_iter().map(count).collect()),
    }
}

/// As the API shows an association, of its newest version.
fn describe(association: &Association) -> AssociationDescription {
    AssociationDescription {
        association_id: Some(association.key.id.to_string()),
        association_version: Some(association.version.to_string()),
        date: Some(association.created_at),
        last_update_association_date: Some(association.updated_at),
        status: association.legacy_status.clone(),
        overview: Some(overview(&association.counts)),
        last_execution_date: association.last_run_at,
        last_successful_execution_date: association.last_success_at,
        ..describe_settings(association.settings.clone())
    }
}

fn describe_settings(settings: Settings) -> AssociationDescription {
    AssociationDescription {
        name: Some(settings.name),
        instance_id: settings.instance_id,
        document_version: settings.document_version,
        automation_target_parameter_name: settings.automation_target_parameter_name,
        parameters: settings.parameters,
        targets: settings.targets,
        schedule_expression: settings.schedule_expression,
        output_location: settings.output_location,
        association_name: settings.association_name,
        max_errors: settings.max_errors,
        max_concurrency: settings.max_concurrency,
        compliance_severity: settings.compliance_severity,
        sync_compliance: settings.sync_compliance,
        apply_only_at_cron_interval: settings.apply_only_at_cron_interval,
        calendar_names: settings.calendar_names,
        schedule_offset: settings.schedule_offset,
        duration: settings.duration,
        ..AssociationDescription::default()
    }
}
