//! References of documents to parameters: what is made sure of before anything runs by them, and what a node may read for them.
//! Source: systems-manager.md 1.2, 7.4; agent-protocol.md 9.1. Decision: docs/decisions/0042-parameter-store.md.

use std::collections::{BTreeMap, BTreeSet};

use api::ssm::GetParametersRequest;
use domain::ids::NodeId;
use domain::parameter::{Kind, ParameterKey, Reference, Selector, Stored, references_in_text};
use store::associations::{self, Association};
use store::{Tx, commands, invocations};

use super::{Asked, Missing, require_decryption, scope, value};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::permission;

/// Of one document with its parameters: each is looked up.
pub(super) const MOST_REFERENCES: usize = 100;
/// Of a node that has not ended them.
const MOST_COMMANDS: i64 = 100;
/// Of associations that are looked through at once.
const CHUNK: i64 = 500;

/// The values of what is referred to, for a caller who may read them. `refused` makes the error of what is not there or cannot be
/// referred to.
pub async fn look_up(
    ctx: &Ctx,
    tx: &mut Tx,
    references: &BTreeSet<Reference>,
    refused: &(dyn Fn(String) -> ApiError + Send + Sync),
) -> Result<BTreeMap<String, Stored>, ApiError> {
    let mut stored = BTreeMap::new();
    if references.is_empty() {
        return Ok(stored);
    }
    if references.len() > MOST_REFERENCES {
        let count = references.len();
        return Err(refused(format!(
            "{count} references to Parameter Store; at most {MOST_REFERENCES} are allowed"
        )));
    }
    let names = references.iter().map(|reference| reference.name.as_str());
    permission::require_parameters(ctx, tx, "ssm:GetParameters", names).await?;
    for Reference { name, is_secure } in references {
        let asked = Asked::read(ctx, name).map_err(|error| refused(error.to_string()))?;
        if matches!(asked.selector, Some(Selector::Label(_))) {
            return Err(refused(format!(
                "the reference to `{name}` names no version: labels cannot be referred to"
            )));
        }
        let found = asked.find(ctx, tx).await?.map_err(|missing| match missing {
            Missing::Parameter => {
                refused(format!("the parameter `{name}` of Parameter Store does not exist"))
            }
            Missing::Version => {
                refused(format!("the parameter `{name}` of Parameter Store has no such version"))
            }
        })?;
        if *is_secure {
            require_decryption(ctx, Some(true), std::slice::from_ref(&found)).await?;
            continue;
        }
        if found.kind == Kind::SecureString {
            return Err(refused(format!(
                "the parameter `{name}` of Parameter Store is a SecureString, which cannot be referred to here"
            )));
        }
        let is_list = found.kind == Kind::StringList;
        stored.insert(name.clone(), Stored { value: value(ctx, &found, None)?, is_list });
    }
    Ok(stored)
}

/// A node reads what its open commands refer to, and the documents that their steps fetch; and what is below the paths that the
/// server's operator leaves open to nodes.
pub async fn require_referred(
    ctx: &Ctx,
    tx: &mut Tx,
    node: &NodeId,
    request: &GetParametersRequest,
) -> Result<(), ApiError> {
    if request.names.iter().all(|name| is_open(ctx, node, name)) {
        return Ok(());
    }
    let open = invocations::list_commands_at(tx, scope(ctx), node, MOST_COMMANDS).await?;
    let mut referred = BTreeSet::new();
    for payload in commands::find_payloads(tx, &open).await? {
        references_in_text(&payload, &mut referred);
    }
    for found in commands::list_referred(tx, &open).await? {
        references_in_text(&found.reference, &mut referred);
    }
    let wants_secrets = request.with_decryption == Some(true);
    for name in &request.names {
        let is_it =
            |reference: &Reference| reference.name == *name && (reference.is_secure || !wants_secrets);
        if !referred.iter().any(is_it) && !is_open(ctx, node, name) {
            let arn = permission::parameter_arn(ctx, name);
            return Err(error::access_denied(ctx.caller.arn(), "ssm:GetParameters", &arn));
        }
    }
    Ok(())
}

/// By GetParameter a node reads what is open to nodes alone.
pub fn require_open(ctx: &Ctx, node: &NodeId, name: &str) -> Result<(), ApiError> {
    if is_open(ctx, node, name) {
        return Ok(());
    }
    let arn = permission::parameter_arn(ctx, name);
    Err(error::access_denied(ctx.caller.arn(), "ssm:GetParameter", &arn))
}

/// Whether the operator leaves it open to nodes, whatever their commands refer to. What is read so is in the log.
fn is_open(ctx: &Ctx, node: &NodeId, name: &str) -> bool {
    let Some(paths) = ctx.app.node_parameters.get().filter(|paths| !paths.is_empty()) else { return false };
    let key = Asked::read(ctx, name).ok().and_then(|asked| asked.key);
    let path = key.and_then(|key| paths.iter().find(|path| path.covers(&key)));
    if let Some(path) = path {
        let node_id = node.as_str();
        tracing::info!(node_id, parameter = name, %path, "a parameter is read by a node, to which it is open");
    }
    path.is_some()
}

/// The value is another one: associations whose own parameters refer to it run now, but for those that run at their times only.
pub async fn run_associations(ctx: &Ctx, tx: &mut Tx, key: &ParameterKey) -> Result<(), ApiError> {
    let mut after: Option<String> = None;
    loop {
        let page = associations::list(tx, scope(ctx), after.as_deref(), CHUNK).await?;
        for association in page.iter().filter(|association| refers_to(ctx, association, key)) {
            associations::set_due(tx, &association.key, ctx.now).await?;
        }
        match page.last() {
            Some(last) if page.len() as i64 == CHUNK => after = Some(last.key.id.as_str().to_owned()),
            _ => return Ok(()),
        }
    }
}

fn refers_to(ctx: &Ctx, association: &Association, key: &ParameterKey) -> bool {
    let settings = &association.settings;
    if settings.apply_only_at_cron_interval == Some(true) {
        return false;
    }
    let mut found = BTreeSet::new();
    let values = settings.parameters.iter().flat_map(|parameters| parameters.values()).flatten();
    values.for_each(|text| references_in_text(text, &mut found));
    // One that names a version refers to what does not change.
    found.iter().any(|reference| {
        Asked::read(ctx, &reference.name)
            .is_ok_and(|asked| asked.selector.is_none() && asked.key.as_ref() == Some(key))
    })
}
