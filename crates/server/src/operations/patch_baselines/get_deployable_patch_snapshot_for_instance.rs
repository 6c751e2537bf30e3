//! GetDeployablePatchSnapshotForInstance: the frozen baseline that a node has to apply. All nodes
//! of one group and system that name one snapshot id get the same content, for three days.
//! Source: API reference, GetDeployablePatchSnapshotForInstance; spec patch-manager 4.4 and 5.2.

use api::ssm::{
    BaselineOverride, GetDeployablePatchSnapshotForInstanceRequest,
    GetDeployablePatchSnapshotForInstanceResult,
};
use domain::baseline::BaselineRules;
use domain::ids::{NodeId, PatchGroup, SnapshotId};
use domain::os::DetectedSystem;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::Tx;
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
    let asked = key(ctx, &resolved, snapshot_id, given.as_ref());
    let pinned = pinned(ctx, &mut tx, &asked, given.as_ref(), &node.id).await?;
    let is_new_pin = given.is_some() && pinned.is_none();
    let (key, kept) = match pinned {
        Some((key, kept)) => (key, Some(kept)),
        None => {
            let kept = snapshots::find(&mut tx, &asked, snapshot::gone_since(ctx.now)).await?;
            (asked, kept)
        }
    };
    drop(tx);
    let created_at = match kept {
        // The rule for a fleet: one node makes the snapshot, all others only read.
        Some(kept) => kept.created_at,
        None => {
            let baseline_id = given.is_none().then(|| resolved.choice.baseline.id.clone());
            let content = match &given {
                Some(rules) => snapshot::content_of_override(rules, &key, ctx.now),
                None => snapshot::content_of(&resolved.choice.baseline, &key, ctx.now),
            };
            snapshot::freeze(ctx, &key, baseline_id, &content).await?
        }
    };
    if is_new_pin {
        let mut tx = ctx.store.write_by_locks().await?;
        snapshots::pin(&mut tx, &key, &node.id, ctx.now).await?;
        tx.commit().await?;
    }
    Ok(GetDeployablePatchSnapshotForInstanceResult {
        instance_id: Some(request.instance_id),
        snapshot_id: Some(request.snapshot_id),
        snapshot_download_url: Some(snapshot::address(ctx, &key, created_at)),
        product: Some(resolved.system.product),
    })
}

/// What the node got when it first brought a baseline under this snapshot id: rules are evaluated once.
///
/// Differs from AWS: that holds per node. Were it enough that any node of the group came first, one node that is in
/// foreign hands could decide what all the others install, and from where.
async fn pinned(
    ctx: &Ctx,
    tx: &mut Tx,
    asked: &SnapshotKey,
    given: Option<&BaselineRules>,
    node: &NodeId,
) -> Result<Option<(SnapshotKey, Snapshot)>, ApiError> {
    if given.is_none() {
        return Ok(None);
    }
    let gone_since = snapshot::gone_since(ctx.now);
    let Some(override_sha256) = snapshots::find_pin(tx, asked, node, gone_since).await? else {
        return Ok(None);
    };
    let key = SnapshotKey { override_sha256, ..asked.clone() };
    // Another node may have made it longer ago than this one got it.
    Ok(snapshots::find(tx, &key, gone_since).await?.map(|kept| (key, kept)))
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
