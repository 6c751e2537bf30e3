//! The content of snapshots, and the sealed tokens that stand in their addresses.
//! Keeping them is `store::snapshots`'s, handing them out `http::snapshots`'s.
//! Source: spec patch-manager 4.4.

use api::Timestamp;
use domain::baseline::{Baseline, BaselineRules};
use domain::ids::{AccountId, BaselineId, Region, SnapshotId};
use domain::os::OperatingSystem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::snapshots::{self, Snapshot, SnapshotKey};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::keyring::Keyring;

/// Content is kept this long; after that the same id names a new snapshot.
pub const KEPT_SECONDS: i64 = 3 * 24 * 3600;
/// An address is good for this long, and never longer than the content is kept.
const ADDRESS_SECONDS: i64 = 24 * 3600;

const PURPOSE: &str = "snapshot";

/// Snapshots made at this time or before are gone.
pub fn gone_since(now: Timestamp) -> Timestamp {
    now.plus_seconds(-KEPT_SECONDS)
}

/// What a node downloads for a baseline of this server: the answer of GetPatchBaseline and what
/// its report has to name.
pub fn content_of(baseline: &Baseline, key: &SnapshotKey, now: Timestamp) -> Value {
    let mut content = json!(baseline.to_get_result(&[]));
    if let Value::Object(members) = &mut content {
        // The groups of the baseline are not the node's; its own is named below.
        members.remove("PatchGroups");
    }
    with_origin(content, key, now)
}

/// The same for a baseline that the caller brought.
pub fn content_of_override(rules: &BaselineRules, key: &SnapshotKey, now: Timestamp) -> Value {
    with_origin(json!(rules), key, now)
}

fn with_origin(mut content: Value, key: &SnapshotKey, now: Timestamp) -> Value {
    if let Value::Object(members) = &mut content {
        members.insert("SnapshotId".to_owned(), json!(key.snapshot_id));
        members.insert("SnapshotDate".to_owned(), json!(now));
        members.insert("PatchGroup".to_owned(), json!(key.patch_group));
    }
    content
}

/// Keeps the content under its key, unless someone was quicker: another node of the group may have been. When what
/// is kept now was made. A transaction of its own.
pub async fn freeze(
    ctx: &Ctx,
    key: &SnapshotKey,
    baseline_id: Option<BaselineId>,
    content: &Value,
) -> Result<Timestamp, ApiError> {
    let mut tx = ctx.store.write().await?;
    if let Some(kept) = snapshots::find(&mut tx, key, gone_since(ctx.now)).await? {
        return Ok(kept.created_at);
    }
    let new = Snapshot { baseline_id, content: content.to_string(), created_at: ctx.now };
    snapshots::put(&mut tx, key, &new).await?;
    tx.commit().await?;
    Ok(new.created_at)
}

/// Where a snapshot is downloaded.
pub fn address(ctx: &Ctx, key: &SnapshotKey, created_at: Timestamp) -> String {
    let token = token(&ctx.app.keyring, key, created_at, ctx.now);
    format!("{}/_fettle/snapshots/{token}", ctx.endpoint)
}

/// What an address says, once unsealed.
#[derive(Serialize, Deserialize)]
struct Address {
    account: AccountId,
    region: Region,
    patch_group: String,
    operating_system: OperatingSystem,
    snapshot_id: SnapshotId,
    override_sha256: String,
    expires_at_ms: i64,
}

/// The last part of a snapshot's address.
pub fn token(keyring: &Keyring, key: &SnapshotKey, created_at: Timestamp, now: Timestamp) -> String {
    let expires_at = now.plus_seconds(ADDRESS_SECONDS).min(created_at.plus_seconds(KEPT_SECONDS));
    let SnapshotKey { account, region, patch_group, operating_system, snapshot_id, override_sha256 } =
        key.clone();
    let address = Address {
        account,
        region,
        patch_group,
        operating_system,
        snapshot_id,
        override_sha256,
        expires_at_ms: expires_at.as_millis(),
    };
    keyring.seal_text(PURPOSE, json!(address).to_string().as_bytes())
}

/// The snapshot of a token that is genuine and not too old.
pub fn open_token(keyring: &Keyring, token: &str, now: Timestamp) -> Option<SnapshotKey> {
    let address: Address = serde_json::from_slice(&keyring.open_text(PURPOSE, token)?).ok()?;
    (now.as_millis() < address.expires_at_ms).then_some(SnapshotKey {
        account: address.account,
        region: address.region,
        patch_group: address.patch_group,
        operating_system: address.operating_system,
        snapshot_id: address.snapshot_id,
        override_sha256: address.override_sha256,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_good_for_a_day_and_never_outlives_the_content() {
        let ring = Keyring::ephemeral();
        let key = SnapshotKey {
            account: "123456789012".parse().unwrap(),
            region: "eu-central-1".parse().unwrap(),
            patch_group: "web".to_owned(),
            operating_system: OperatingSystem::Debian,
            snapshot_id: "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".parse().unwrap(),
            override_sha256: String::new(),
        };
        let (made, day, hour) = (Timestamp::from_seconds(1_000_000), 24 * 3600, 3600);
        let rows = [
            (0, day - 1, true),
            (0, day, false),
            (60 * hour, 12 * hour - 1, true),
            (60 * hour, 12 * hour, false),
        ];
        for (asked_after, used_after, expected) in rows {
            let asked = made.plus_seconds(asked_after);
            let token = token(&ring, &key, made, asked);
            let opened = open_token(&ring, &token, asked.plus_seconds(used_after));
            assert_eq!(opened, expected.then(|| key.clone()), "{asked_after} {used_after}");
        }
        let token = token(&ring, &key, made, made);
        assert_eq!(open_token(&Keyring::ephemeral(), &token, made), None);
        assert_eq!(open_token(&ring, &format!("{token}x"), made), None);
        assert_eq!(open_token(&ring, "", made), None);
    }
}
