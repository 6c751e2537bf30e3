//! GetDeployablePatchSnapshotForInstance: the frozen baseline that a node has to apply. All nodes
//! of one group and system that name one snapshot id get the same content, for three days.
//! Source: API reference, GetDeployablePatchSnapshotForInstance; spec patch-manager 4.4 and 5.2.

use api::ssm::{
    BaselineOverride, GetDeployablePatchSnapshotForInstanceRequest,
    GetDeployablePatchSnapshotForInstanceResult,
};
use domain::baseline::BaselineRules;
use domain::ids::{PatchGroup, SnapshotId};
use domain::os::DetectedSystem;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::snapshots::{self, Snapshot, SnapshotKey};

use super::resolve::{self, ResolvedBaseline};
use super::snapshot;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::nodes::managed_node;

pub async fn get_deployable_patch_snapshot_for_instance(
    ctx: &Ctx,
    request: GetDeployablePatchSnapshotForInstanceRequest,
) -> Result<GetDeployablePatchSnapshotForInstanceResult, ApiError> {
    // UUIDs are the same in either letter case; the caller's own spelling goes back to it.
    let snapshot_id: SnapshotId = request.snapshot_id.to_ascii_lowercase().parse()?;

    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    let resolved = resolve::baseline_of_node(&mut tx, ctx, &node).await?;
    let given = given(request.baseline_override, &resolved.system)?;
    let key = key(ctx, &resolved, snapshot_id, given.as_ref());
    let gone_since = snapshot::gone_since(ctx.now);
    let kept = snapshots::find(&mut tx, &key, gone_since).await?;
    drop(tx);
    let created_at = match kept {
        // The rule for a fleet: one node makes the snapshot, all others only read.
        Some(kept) => kept.created_at,
        None => make(ctx, &key, &resolved, given.as_ref()).await?,
    };
    let token = snapshot::token(&ctx.app.keyring, &key, created_at, ctx.now);
    Ok(GetDeployablePatchSnapshotForInstanceResult {
        instance_id: Some(request.instance_id),
        snapshot_id: Some(request.snapshot_id),
        snapshot_download_url: Some(format!("{}/_fettle/snapshots/{token}", ctx.endpoint)),
        product: Some(resolved.system.product),
    })
}

/// The baseline that the caller brought, if it is for this node's system.
fn given(
    given: Option<BaselineOverride>,
    system: &DetectedSystem,
) -> Result<Option<BaselineRules>, ApiError> {
    let Some(mut given) = given else { return Ok(None) };
    given.operating_system.get_or_insert_with(|| system.operating_system.as_str().into());
    let rules = BaselineRules::try_from(given)?;
    Ok(Some(rules).filter(|rules| resolve::is_for(rules, system)))
}

fn key(
    ctx: &Ctx,
    resolved: &ResolvedBaseline,
    snapshot_id: SnapshotId,
    given: Option<&BaselineRules>,
) -> SnapshotKey {
    let sha256 = |rules: &BaselineRules| hex::encode(Sha256::digest(json!(rules).to_string()));
    SnapshotKey {
        account: ctx.account.clone(),
        region: ctx.region.clone(),
        patch_group: resolved.choice.patch_group.as_ref().map(PatchGroup::to_string).unwrap_or_default(),
        operating_system: resolved.system.operating_system,
        snapshot_id,
        override_sha256: given.map(sha256).unwrap_or_default(),
    }
}

/// A second transaction, which looks again: another node of the group may have been quicker.
async fn make(
    ctx: &Ctx,
    key: &SnapshotKey,
    resolved: &ResolvedBaseline,
    given: Option<&BaselineRules>,
) -> Result<api::Timestamp, ApiError> {
    let mut tx = ctx.store.write().await?;
    if let Some(kept) = snapshots::find(&mut tx, key, snapshot::gone_since(ctx.now)).await? {
        return Ok(kept.created_at);
    }
    let content = match given {
        Some(rules) => snapshot::content_of_override(rules, key, ctx.now),
        None => snapshot::content_of(&resolved.choice.baseline, key, ctx.now),
    };
    let baseline_id = given.is_none().then(|| resolved.choice.baseline.id.clone());
    let new = Snapshot { baseline_id, content: content.to_string(), created_at: ctx.now };
    snapshots::put(&mut tx, key, &new).await?;
    tx.commit().await?;
    Ok(new.created_at)
}
