//! Takes a configuration away with all that it made; with the last one of it, its manager.

use store::Tx;
use store::associations::{self, AssociationKey};
use store::objects::{self, buckets};
use store::quick_setup::{self as rows, Configuration, ManagerKey};
use store::tags::{self, Tagged};

use super::{TAGGED_TYPE, baselines_object};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::objects::leave;
use crate::operations::associations as operations;

/// `ctx`: of the region in which it is deployed.
pub async fn remove(ctx: &Ctx, configuration: &Configuration) -> Result<(), ApiError> {
    let mut tx = ctx.store.write().await?;
    let mut ended = Vec::new();
    for id in configuration.associations.values() {
        let key = AssociationKey { account: ctx.account.clone(), region: ctx.region.clone(), id: id.clone() };
        if let Some(association) = associations::find(&mut tx, &key).await? {
            ended.extend(operations::remove(ctx, &mut tx, &association).await?);
        }
    }
    if configuration.bucket.is_some() {
        remove_object(ctx, &mut tx, configuration).await?;
        let object = baselines_object(configuration)?;
        // Unless somebody put something of theirs there.
        let of = (&object.account, &object.bucket);
        if objects::list(&mut tx, of, b"", None, 1).await?.is_empty()
            && objects::uploads::list_ids(&mut tx, of.0, of.1).await?.is_empty()
        {
            buckets::delete(&mut tx, of.0, of.1).await?;
        }
    }
    rows::delete_configuration(&mut tx, configuration).await?;
    let manager = &configuration.manager;
    if rows::configurations_of(&mut tx, manager).await?.is_empty() {
        rows::delete_manager(&mut tx, manager).await?;
        tags::remove_all(&mut tx, tagged(manager)).await?;
    }
    tx.commit().await?;
    ended.into_iter().for_each(|command| ctx.app.agents.touch(command));
    Ok(())
}

pub async fn remove_object(ctx: &Ctx, tx: &mut Tx, configuration: &Configuration) -> Result<(), ApiError> {
    let object = baselines_object(configuration)?;
    let contents = objects::delete_many(tx, (&object.account, &object.bucket), &[object.key]).await?;
    Ok(leave(tx, &contents, ctx.now).await?)
}

fn tagged(manager: &ManagerKey) -> Tagged<'_> {
    Tagged {
        account: &manager.account,
        region: &manager.region,
        resource_type: TAGGED_TYPE,
        resource_id: &manager.id,
    }
}
