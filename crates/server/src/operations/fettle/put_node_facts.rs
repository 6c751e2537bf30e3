//! PutNodeFacts: what a node's package manager knows. A fact set that some node sent before is not
//! sent again: its hash is enough.

use std::io::Read;

use api::Blob;
use api::fettle::{ErrorCode, PutNodeFactsRequest, PutNodeFactsResponse};
use domain::facts::{self as domain_facts, FactSet, Observation};
use domain::patch::offered::offered;
use flate2::read::GzDecoder;
use store::available_patches::{self, AvailableKind, AvailablePatch};
use store::facts::{self, NodeFacts};
use store::{Hash, Tx};

use super::managed_node;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// Of a fact set before compression: a node of 20,000 packages has some 10 MiB.
const MAX_FACTS_BYTES: u64 = 64 << 20;

/// Far younger than fact sets that are forgotten when nobody has them.
const RENEWED_AFTER_MS: i64 = 24 * 3600 * 1000;

pub async fn put_node_facts(
    ctx: &Ctx,
    request: PutNodeFactsRequest,
) -> Result<PutNodeFactsResponse, ApiError> {
    let observation: Observation = serde_json::from_str(&request.observation)
        .map_err(|error| error::validation(format!("Observation is not readable: {error}")))?;
    if request.observation.contains("\\u0000") {
        return Err(error::validation("text cannot hold the character U+0000"));
    }
    let hash = read_hash(&request.facts_hash)?;
    let scope = (&ctx.account, &ctx.region);
    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?.id;
    let known = facts::received_at(&mut tx, scope, &hash).await?;
    drop(tx);

    let new = match (known, &request.facts) {
        (Some(_), _) => None,
        (None, None) => return Ok(PutNodeFactsResponse { facts_needed: true }),
        (None, Some(blob)) => Some(read_facts(blob, &request.facts_hash)?),
    };
    let prepared = match &new {
        Some(set) => Some(facts::prepare(&ctx.store, scope, hash, set).await?),
        None => None,
    };
    let mut tx = ctx.store.write_by_locks().await?;
    if let (Some(prepared), Some(set)) = (&prepared, &new)
        && facts::insert(&mut tx, scope, prepared, ctx.now).await?
    {
        remember_offers(ctx, &mut tx, set).await?;
    }
    let is_old = known.is_some_and(|at| ctx.now.millis_since(at) > RENEWED_AFTER_MS);
    if is_old && !facts::renew(&mut tx, scope, &hash, ctx.now).await? {
        return Ok(PutNodeFactsResponse { facts_needed: true });
    }
    let seen = NodeFacts { node, facts_hash: hash, received_at: ctx.now, observation };
    facts::put_observation(&mut tx, scope, &seen).await?;
    facts::put_newest(&mut tx, scope, &seen).await?;
    tx.commit().await?;
    Ok(PutNodeFactsResponse { facts_needed: false })
}

fn read_hash(text: &str) -> Result<Hash, ApiError> {
    let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| error::validation("FactsHash is not the SHA-256 of anything"))
}

fn mismatch(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::FactsMismatchException, message)
}

/// Accepts only what comes back byte for byte from the compact form in which it is kept.
fn read_facts(blob: &Blob, hash: &str) -> Result<FactSet, ApiError> {
    let mut json = Vec::new();
    let read = GzDecoder::new(blob.0.as_slice()).take(MAX_FACTS_BYTES + 1).read_to_end(&mut json);
    read.map_err(|error| mismatch(format!("Facts is not gzip: {error}")))?;
    if json.len() as u64 > MAX_FACTS_BYTES {
        return Err(mismatch(format!("Facts has more than {MAX_FACTS_BYTES} bytes")));
    }
    if domain_facts::content_hash(&json) != hash {
        return Err(mismatch("Facts does not hash to FactsHash"));
    }
    let set: FactSet =
        serde_json::from_slice(&json).map_err(|error| mismatch(format!("Facts is no fact set: {error}")))?;
    if set.to_canonical_json() != json {
        return Err(mismatch("Facts is not in canonical form, or of a newer version than this server"));
    }
    if json.windows(6).any(|window| window == b"\\u0000") {
        return Err(mismatch("text cannot hold the character U+0000"));
    }
    Ok(set)
}

/// What these facts' repositories and update service offer can be asked for by product.
async fn remember_offers(ctx: &Ctx, tx: &mut Tx, set: &FactSet) -> Result<(), ApiError> {
    let is_windows = set.os.id == domain::os::WINDOWS_ID;
    let kind = if is_windows { AvailableKind::Windows } else { AvailableKind::Linux };
    let offers = offered(set).into_iter().map(|offered| AvailablePatch { kind, offered });
    let offers: Vec<_> = offers.collect();
    Ok(available_patches::insert(tx, (&ctx.account, &ctx.region), &offers).await?)
}
