//! ListInstanceAssociations: what an agent is to fetch and run by itself. Nearly everything of State Manager reaches nodes
//! as commands; what is listed here are runs of documents that the stock agent takes in no other way, each once.
//! Source: agent-protocol.md 5.1, 5.2. Decision: docs/decisions/0025-associations.md.

use std::collections::BTreeMap;

use api::ssm::{
    InstanceAssociationOutput, InstanceAssociationS3Location, InstanceAssociationSummary,
    ListInstanceAssociationsRequest, ListInstanceAssociationsResult,
};
use domain::ids::NodeId;
use store::associations::standing::{self, Standing};
use store::associations::{self, Association};
use store::commands::{self, Command, CommandKey};
use store::invocations::{self, Invocation, InvocationKey};
use store::{Scope, Tx};

use crate::associations::fetched::{self, OWN_AGENT};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 20;

/// What stands on the node, whose run it is, and how far that is there.
type Fetched = (Association, Standing, Invocation);

pub async fn list_instance_associations(
    ctx: &Ctx,
    request: ListInstanceAssociationsRequest,
) -> Result<ListInstanceAssociationsResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "ListInstanceAssociations", &request.instance_id, token, size)?;
    let mut tx = ctx.store.read().await?;
    let node = super::managed_node(ctx, &mut tx, &request.instance_id).await?;
    let scope = (&ctx.account, &ctx.region);
    let after = page.after.as_deref();
    let rows = standing::list_of_node(&mut tx, scope, &node.id, after, page.fetch()).await?;
    let cut = page.cut(ctx, rows, |row| row.association.to_string());
    let open = cut.rows.into_iter().filter(|row| !row.status.is_terminal()).collect();
    let is_own = node.information.agent_name.as_deref() == Some(OWN_AGENT);
    let found = if is_own { Vec::new() } else { fetched(&mut tx, scope, &node.id, open).await? };
    let summary = |(association, standing, invocation)| summary(association, &standing, &invocation);
    Ok(ListInstanceAssociationsResult {
        associations: Some(found.into_iter().map(summary).collect()),
        next_token: cut.next_token,
    })
}

async fn fetched(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    open: Vec<Standing>,
) -> Result<Vec<Fetched>, ApiError> {
    let mut keys = Vec::new();
    for standing in &open {
        let id = standing.execution.parse()?;
        keys.push(CommandKey { account: account.clone(), region: region.clone(), id });
    }
    let commands: BTreeMap<String, Command> = commands::find_many(tx, &keys)
        .await?
        .into_iter()
        .filter(fetched::is_fetched)
        .map(|command| (command.key.id.to_string(), command))
        .collect();
    let mut found = Vec::new();
    // At most a page, and hardly ever more than one.
    for standing in open {
        let Some(command) = commands.get(&standing.execution) else { continue };
        let key = InvocationKey { command: command.key.clone(), node: node.clone() };
        let invocation = invocations::find(tx, &key).await?;
        let Some(invocation) = invocation.filter(|invocation| invocation.released_at.is_some()) else {
            continue;
        };
        let ids = [standing.association.as_str()];
        let association = associations::find_many(tx, (account, region), &ids).await?.pop();
        found.extend(association.map(|association| (association, standing, invocation)));
    }
    Ok(found)
}

/// Without a schedule: the agent runs what is `Pending`, and nothing else of its own accord.
fn summary(
    association: Association,
    standing: &Standing,
    invocation: &Invocation,
) -> InstanceAssociationSummary {
    let status = if invocation.delivered_at.is_some() { "InProgress" } else { "Pending" };
    let settings = association.settings;
    let output = settings.output_location.and_then(|output| output.s3_location);
    InstanceAssociationSummary {
        association_id: association.key.id.to_string(),
        name: settings.name,
        document_version: settings.document_version.unwrap_or_else(|| "$DEFAULT".to_owned()),
        instance_id: invocation.key.node.to_string(),
        // Another run is another thing to be fetched.
        checksum: standing.execution.clone(),
        association_version: Some(standing.version.to_string()),
        parameters: settings.parameters,
        schedule_expression: None,
        output_location: output.map(|output| InstanceAssociationOutput {
            s3_location: Some(InstanceAssociationS3Location {
                output_s3_bucket_name: output.output_s3_bucket_name,
                output_s3_key_prefix: output.output_s3_key_prefix,
                output_s3_region: output.output_s3_region,
            }),
        }),
        targets: settings.targets,
        status: Some(status.to_owned()),
        detailed_status: Some(status.to_owned()),
        last_execution_date: Some(standing.executed_at.unwrap_or(association.updated_at)),
    }
}
