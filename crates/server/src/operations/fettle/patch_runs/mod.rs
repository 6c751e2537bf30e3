//! Plans, what runs changed, and taking it back. A plan and an undo are commands: rows before they are messages,
//! delivered, timed out and repeated like any other. What nodes answer is kept here.

mod get_patch_execution;
mod get_patch_plan;
mod list_patch_executions;
mod put_patch_execution;
mod put_patch_plan;
mod start_patch_plan;
mod start_patch_undo;
#[cfg(test)]
mod tests;

pub use get_patch_execution::get_patch_execution;
pub use get_patch_plan::get_patch_plan;
pub use list_patch_executions::list_patch_executions;
pub use put_patch_execution::put_patch_execution;
pub use put_patch_plan::put_patch_plan;
pub use start_patch_plan::start_patch_plan;
pub use start_patch_undo::start_patch_undo;

use std::collections::BTreeMap;

use api::fettle::ErrorCode;
use api::ssm::{self, SendCommandRequest};
use domain::ids::NodeId;
use domain::os::OperatingSystem;
use domain::patch::transaction_wire::{VersionOrder, version_order};
use serde::Serialize;
use store::Tx;
use store::commands::CommandKey;
use store::invocations::{self, Invocation, InvocationKey};
use store::nodes::Node;

use super::not_found;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::commands;

pub const PLAN_DOCUMENT: &str = "Fettle-PlanPatches";
pub const UNDO_DOCUMENT: &str = "Fettle-UndoPatches";

/// The command that asks these nodes; its id.
async fn ask(
    ctx: &Ctx,
    document: &str,
    nodes: Vec<String>,
    parameters: BTreeMap<String, Vec<String>>,
) -> Result<String, ApiError> {
    let request = SendCommandRequest {
        document_name: document.to_owned(),
        instance_ids: Some(nodes),
        parameters: Some(parameters),
        ..SendCommandRequest::default()
    };
    let command = commands::issue(ctx, request).await.map_err(in_own_words)?;
    command.command_id.ok_or_else(|| error::validation("the command has no id"))
}

/// This service declares other codes than Run Command.
fn in_own_words(error: ApiError) -> ApiError {
    let is = |code: ssm::ErrorCode| error.code.name == code.as_str();
    if is(ssm::ErrorCode::InvalidInstanceId) {
        return not_found(error.message);
    }
    if is(ssm::ErrorCode::UnsupportedPlatformType) {
        return ApiError::new(ErrorCode::UnsupportedPlatformException, error.message);
    }
    if is(ssm::ErrorCode::DuplicateInstanceId) {
        return error::validation(error.message);
    }
    error
}

/// What was asked of this node under this id, by one of the two documents.
async fn invocation(ctx: &Ctx, tx: &mut Tx, node: &NodeId, plan_id: &str) -> Result<Invocation, ApiError> {
    let refusal = || not_found(format!("`{plan_id}` is no plan or undo that was asked of {node}"));
    let id = plan_id.parse().map_err(|_| refusal())?;
    let command = CommandKey { account: ctx.account.clone(), region: ctx.region.clone(), id };
    let key = InvocationKey { command, node: node.clone() };
    let found = invocations::find(tx, &key).await?.ok_or_else(refusal)?;
    let is_ours = [PLAN_DOCUMENT, UNDO_DOCUMENT].contains(&found.document_name.as_str());
    if is_ours { Ok(found) } else { Err(refusal()) }
}

fn order_of(node: &Node) -> VersionOrder {
    let said = &node.information;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let detected = OperatingSystem::detect_platform(
        &text(&said.platform_type),
        &text(&said.platform_name),
        &text(&said.platform_version),
    );
    version_order(detected.map(|detected| detected.operating_system.family()))
}

/// PostgreSQL's texts cannot hold it.
fn refuse_zero(value: &impl Serialize) -> Result<(), ApiError> {
    let text = serde_json::to_string(value).map_err(|error| error::validation(error.to_string()))?;
    if text.contains("\\u0000") {
        return Err(error::validation("text cannot hold the character U+0000"));
    }
    Ok(())
}
