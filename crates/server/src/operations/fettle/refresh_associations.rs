//! RefreshAssociations: associations start on one node because a document there asks for it (`aws:refreshAssociation`).
//! Starting a run is `crate::associations`'. Source: `api/model/fettle.json`; agent-protocol.md 5.4.

use std::collections::BTreeMap;

use api::fettle::{RefreshAssociationsRequest, RefreshAssociationsResponse};
use store::associations::standing::{self, Standing};

use super::{managed_node, not_found};
use crate::agents::retry;
use crate::associations::{Reach, start};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::associations::addressing;

/// One that began so lately is not begun again: a document that refreshes the association by which it runs would go on
/// for ever.
const RESTS_MS: i64 = 60_000;

pub async fn refresh_associations(
    ctx: &Ctx,
    request: RefreshAssociationsRequest,
) -> Result<RefreshAssociationsResponse, ApiError> {
    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    let mut found = addressing(ctx, &mut tx, &node).await?;
    let standings =
        standing::list_of_nodes(&mut tx, (&ctx.account, &ctx.region), &[node.id.as_str()]).await?;
    drop(tx);
    let standings: BTreeMap<String, Standing> =
        standings.into_iter().map(|standing| (standing.association.to_string(), standing)).collect();
    let asked = request.association_ids.unwrap_or_default();
    if let Some(strange) =
        asked.iter().find(|id| !found.iter().any(|one| one.key.id.as_str().eq_ignore_ascii_case(id)))
    {
        return Err(not_found(format!("no association `{strange}` addresses `{}`", node.id)));
    }
    found.retain(|one| {
        asked.is_empty() || asked.iter().any(|id| one.key.id.as_str().eq_ignore_ascii_case(id))
    });
    let mut answer = RefreshAssociationsResponse { started: Vec::new(), left_alone: Vec::new() };
    for association in &found {
        let id = association.key.id.to_string();
        let rests = standings.get(&id).is_some_and(|standing| {
            let is_recent = |at| ctx.now.millis_since(at) < RESTS_MS;
            !standing.status.is_terminal() || standing.executed_at.is_some_and(is_recent)
        });
        let begun = !rests && {
            let run = || start(&ctx.app, association, Reach::Nodes(vec![node.clone()]), ctx.now);
            retry(&ctx.app, run).await?
        };
        if begun { answer.started.push(id) } else { answer.left_alone.push(id) }
    }
    Ok(answer)
}
