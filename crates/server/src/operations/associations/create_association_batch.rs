//! CreateAssociationBatch: several associations, each made or refused by itself.
//! Source: API reference, CreateAssociationBatch.

use std::collections::BTreeMap;

use api::ssm::{
    AssociationDescription, CreateAssociationBatchRequest, CreateAssociationBatchResult, ErrorCode,
    FailedCreateAssociation, Fault,
};
use store::associations::Settings;

use super::create_association::{insert, new, refuse_dispatch_role};
use super::describe;
use crate::agents::retry;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn create_association_batch(
    ctx: &Ctx,
    request: CreateAssociationBatchRequest,
) -> Result<CreateAssociationBatchResult, ApiError> {
    refuse_dispatch_role(request.association_dispatch_assume_role.as_deref())?;
    refuse_twice(&request.entries)?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in request.entries {
        // Each by itself: what was made stays made when a later one meets a concurrent transaction.
        let made = retry(&ctx.app, || async { create(ctx, entry.clone()).await });
        match made.await {
            Ok(description) => successful.push(description),
            Err(error) => failed.push(FailedCreateAssociation {
                entry: Some(entry),
                fault: Some(if error.code.status >= 500 { Fault::Server } else { Fault::Client }),
                message: Some(error.to_string()),
            }),
        }
    }
    Ok(CreateAssociationBatchResult { successful: Some(successful), failed: Some(failed) })
}

async fn create(ctx: &Ctx, entry: Settings) -> Result<AssociationDescription, ApiError> {
    let association = new(ctx, entry).await?;
    let mut tx = ctx.store.write().await?;
    insert(ctx, &mut tx, &association, &BTreeMap::new()).await?;
    tx.commit().await?;
    Ok(describe(&association))
}

/// The old form names a document and a node: twice the same in one request is a mistake.
fn refuse_twice(entries: &[Settings]) -> Result<(), ApiError> {
    let mut pairs: Vec<(&String, &String)> =
        entries.iter().filter_map(|entry| Some((&entry.name, entry.instance_id.as_ref()?))).collect();
    pairs.sort_unstable();
    match pairs.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => {
            let message = format!("instance `{}` is listed twice for document `{}`", pair[0].1, pair[0].0);
            Err(ApiError::new(ErrorCode::DuplicateInstanceId, message))
        }
    }
}
