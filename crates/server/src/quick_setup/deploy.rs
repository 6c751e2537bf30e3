//! Makes of a configuration what its definition asks for: its object and its associations, and how it stands, in one
//! transaction. Done again it changes nothing, which is how it is looked after.
//! Source: systems-manager.md 13, patch-manager.md 5.3.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::Timestamp;
use domain::ids::AssociationId;
use domain::quick_setup::{Configuration as Asked, Planned};
use store::associations::{self, Association, AssociationKey};
use store::commands::CommandKey;
use store::objects::buckets::{self, Bucket};
use store::objects::{self, Content, ObjectRef};
use store::quick_setup::{self as rows, Configuration};
use store::{StoreError, Tx};

use super::status::{DELETING, FAILED, SUCCEEDED};
use super::{baselines, baselines_object, definition_of, read, remove};
use crate::agents::retry;
use crate::app::App;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::objects::{discard, etag_of, put_whole, write_whole};
use crate::operations::associations as operations;

/// Custom baselines are read anew, and what somebody changed or deleted is put back.
const LOOK_AGAIN_SECONDS: i64 = 3600;

/// Brings one configuration to what it should be. A refusal is how it stands from then on; an error is to be tried again.
pub async fn bring_about(
    app: &Arc<App>,
    configuration: &Configuration,
    now: Timestamp,
) -> Result<(), ApiError> {
    let mut tx = app.store().read().await?;
    let definition = definition_of(&mut tx, configuration).await?;
    drop(tx);
    let there = Ctx::of_job(app, (&configuration.manager.account, &configuration.target_region), now);
    let Some(definition) = definition.filter(|_| configuration.status != DELETING) else {
        return retry(app, || remove::remove(&there, configuration)).await;
    };
    let outcome = match read(&definition) {
        Ok(asked) => deploy(&there, configuration, &asked).await,
        Err(error) => Err(crate::error::validation(error.to_string())),
    };
    match outcome {
        Err(error) if error.code.status < 500 && !error.is_conflict() => {
            retry(app, || fail(&there, configuration, &error.message)).await
        }
        outcome => outcome,
    }
}

/// An object that is to be there.
struct Wanted {
    object: ObjectRef,
    bytes: Vec<u8>,
    etag: String,
}

/// An association as it is to be, checked.
struct Checked {
    role: &'static str,
    /// The one that is there, with its settings as they are.
    before: Option<Association>,
    after: Association,
}

async fn deploy(ctx: &Ctx, configuration: &Configuration, asked: &Asked) -> Result<(), ApiError> {
    let wanted = match asked {
        Asked::PatchPolicy(policy) => {
            let mut tx = ctx.store.read().await?;
            let bytes = baselines::content(ctx, &mut tx, policy).await?;
            let etag = etag_of(&bytes);
            Some(Wanted { object: baselines_object(configuration)?, bytes, etag })
        }
        Asked::HostManagement(_) => None,
    };
    let address =
        wanted.as_ref().map(|wanted| format!("s3://{}/{}", wanted.object.bucket, wanted.object.key));
    let planned = asked.associations(&configuration.id, &address.unwrap_or_default());
    let mut checked = Vec::new();
    // Three at most.
    for planned in planned {
        checked.push(check(ctx, configuration, planned).await?);
    }
    let content = match &wanted {
        Some(wanted) if !is_kept(ctx, wanted).await? => Some(write_whole(&ctx.app, &wanted.bytes).await?),
        _ => None,
    };
    let message = asked.left_out().unwrap_or_default();
    let stored = retry(&ctx.app, || async {
        let made = (wanted.as_ref(), content.as_ref());
        store(ctx, configuration, made, &checked, &message).await
    })
    .await;
    let (ended, is_used) = match stored {
        Ok(stored) => stored,
        Err(error) => {
            discard_all(ctx, content.as_ref()).await;
            return Err(error);
        }
    };
    if !is_used {
        discard_all(ctx, content.as_ref()).await;
    }
    ended.into_iter().for_each(|command| ctx.app.agents.touch(command));
    Ok(())
}

async fn discard_all(ctx: &Ctx, content: Option<&Content>) {
    if let Some(content) = content {
        discard(&ctx.app, &content.id).await;
    }
}

fn key(ctx: &Ctx, id: &AssociationId) -> AssociationKey {
    AssociationKey { account: ctx.account.clone(), region: ctx.region.clone(), id: id.clone() }
}

/// By the rules of CreateAssociation and UpdateAssociation.
async fn check(ctx: &Ctx, configuration: &Configuration, planned: Planned) -> Result<Checked, ApiError> {
    let Planned { role, settings } = planned;
    let before = match configuration.associations.get(role) {
        Some(id) => {
            let mut tx = ctx.store.read().await?;
            associations::find(&mut tx, &key(ctx, id)).await?
        }
        None => None,
    };
    let after = match &before {
        None => operations::new(ctx, settings).await?,
        Some(before) => {
            let settings =
                operations::check(ctx, &before.key.id, settings, operations::Nobody::Refused).await?;
            match settings == before.settings {
                true => before.clone(),
                false => operations::revise(ctx, before.clone(), settings)?,
            }
        }
    };
    Ok(Checked { role, before, after })
}

async fn is_kept(ctx: &Ctx, wanted: &Wanted) -> Result<bool, ApiError> {
    let mut tx = ctx.store.read().await?;
    Ok(objects::find(&mut tx, &wanted.object).await?.is_some_and(|object| object.etag == wanted.etag))
}

/// The commands that this ended, and whether the content was used; nothing is written when somebody else changed the
/// configuration meanwhile.
async fn store(
    ctx: &Ctx,
    configuration: &Configuration,
    (wanted, content): (Option<&Wanted>, Option<&Content>),
    checked: &[Checked],
    message: &str,
) -> Result<(Vec<CommandKey>, bool), ApiError> {
    let mut tx = ctx.store.write().await?;
    if !is_as_read(&mut tx, configuration).await? {
        return Ok((Vec::new(), false));
    }
    if let (Some(wanted), Some(content)) = (wanted, content) {
        put(ctx, &mut tx, wanted, content).await?;
    }
    let mut made = BTreeMap::new();
    for Checked { role, before, after } in checked {
        match before {
            None => operations::insert(ctx, &mut tx, after, &BTreeMap::new()).await?,
            Some(before) if before.version != after.version => {
                let now = associations::find(&mut tx, &after.key).await?;
                if now.is_none_or(|now| now.version != before.version) {
                    return Err(StoreError::Conflict.into());
                }
                associations::update(&mut tx, after).await?;
            }
            Some(_) => {}
        }
        made.insert((*role).to_owned(), after.key.id.clone());
    }
    let mut ended = Vec::new();
    let kept: BTreeSet<&AssociationId> = made.values().collect();
    for id in configuration.associations.values().filter(|id| !kept.contains(id)) {
        if let Some(association) = associations::find(&mut tx, &key(ctx, id)).await? {
            ended.extend(operations::remove(ctx, &mut tx, &association).await?);
        }
    }
    let has_changed = configuration.status != SUCCEEDED || configuration.message != message;
    let after = Configuration {
        status: SUCCEEDED.to_owned(),
        message: message.to_owned(),
        associations: made,
        bucket: wanted.map(|wanted| wanted.object.bucket.to_string()),
        updated_at: if has_changed { ctx.now } else { configuration.updated_at },
        due_at: Some(ctx.now.plus_seconds(LOOK_AGAIN_SECONDS)),
        ..configuration.clone()
    };
    rows::put_configuration(&mut tx, &after).await?;
    tx.commit().await?;
    Ok((ended, content.is_some()))
}

async fn is_as_read(tx: &mut Tx, configuration: &Configuration) -> Result<bool, ApiError> {
    let scope = (&configuration.manager.account, &configuration.manager.region);
    Ok(rows::find_configuration(tx, scope, &configuration.id).await?.as_ref() == Some(configuration))
}

async fn put(ctx: &Ctx, tx: &mut Tx, wanted: &Wanted, content: &Content) -> Result<(), ApiError> {
    let ObjectRef { account, bucket, .. } = &wanted.object;
    let made = Bucket { name: bucket.clone(), region: ctx.region.clone(), created_at: ctx.now };
    buckets::insert(tx, account, &made).await?;
    put_whole(ctx, tx, &wanted.object, (content, &wanted.etag), "application/json").await
}

/// The associations stay, and fail without the baselines: patching by what is not chosen any more would be worse.
async fn fail(ctx: &Ctx, configuration: &Configuration, reason: &str) -> Result<(), ApiError> {
    tracing::warn!(configuration_id = configuration.id, reason, "the configuration cannot be deployed");
    let mut tx = ctx.store.write().await?;
    if !is_as_read(&mut tx, configuration).await? {
        return Ok(());
    }
    if configuration.bucket.is_some() {
        remove::remove_object(ctx, &mut tx, configuration).await?;
    }
    let has_changed = configuration.status != FAILED || configuration.message != reason;
    let after = Configuration {
        status: FAILED.to_owned(),
        message: reason.to_owned(),
        updated_at: if has_changed { ctx.now } else { configuration.updated_at },
        due_at: Some(ctx.now.plus_seconds(LOOK_AGAIN_SECONDS)),
        ..configuration.clone()
    };
    rows::put_configuration(&mut tx, &after).await?;
    Ok(tx.commit().await?)
}
