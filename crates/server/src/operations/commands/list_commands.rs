//! ListCommands: the commands of an account and region, newest first.
//! Source: API reference, ListCommands; systems-manager.md 1.6.

use api::ssm::{ListCommandsRequest, ListCommandsResult};
use store::commands::{self, CommandFilter};

use super::filters::Filters;
use super::{after, command_key, invalid_command_id, node_id, page_key, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn list_commands(ctx: &Ctx, request: ListCommandsRequest) -> Result<ListCommandsResult, ApiError> {
    let scope = (&request.command_id, &request.instance_id, &request.filters);
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "ListCommands", &scope, request.next_token.as_deref(), size)?;
    let filters = Filters::of_commands(&request.filters.unwrap_or_default())?;
    let key = request.command_id.as_deref().map(|id| command_key(ctx, id)).transpose()?;
    let node = request.instance_id.as_deref().map(|id| node_id(ctx, id)).transpose()?;

    let mut tx = ctx.store.read_remembered();
    if let Some(key) = &key
        && commands::find(&mut tx, key).await?.is_none()
    {
        return Err(invalid_command_id(key.id.as_str()));
    }
    let filter = CommandFilter {
        command_id: key.as_ref().map(|key| &key.id),
        node: node.as_ref(),
        requested_after: filters.requested_after,
        requested_before: filters.requested_before,
        document_name: filters.document_name.as_deref(),
        statuses: filters.command_statuses(),
        stage: filters.stage,
    };
    let after = page.after.as_deref().and_then(after);
    let scope = (&ctx.account, &ctx.region);
    let rows = commands::list(&mut tx, scope, &filter, after, page.fetch()).await?;
    let cut = page.cut(ctx, rows, |row| page_key(row.requested_at, row.key.id.as_str()));
    Ok(ListCommandsResult {
        commands: Some(cut.rows.into_iter().map(to_wire).collect()),
        next_token: cut.next_token,
    })
}
