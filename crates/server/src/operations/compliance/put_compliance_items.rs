//! PutComplianceItems: the items of one resource and compliance type, replaced as a whole; of
//! associations also one by one.
//! Source: systems-manager.md 6, patch-manager.md 6.1, agent-protocol.md 6.5.

use api::ssm::{
    ComplianceExecutionSummary, ComplianceItemEntry, ComplianceUploadType, ErrorCode,
    PutComplianceItemsRequest, PutComplianceItemsResult,
};
use domain::ids::NodeId;
use store::compliance::{self, OwnItem};
use store::{Tx, nodes};

use super::record::{self, Run};
use super::{RESOURCE_TYPE, execution_summary, invalid_resource_id, invalid_resource_type};
use crate::associations::verdicts::{self, ASSOCIATION};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// Of one call, without the names of members.
const MAX_ITEMS_BYTES: usize = 800 << 10;
/// Custom types of one node.
const MAX_CUSTOM_TYPES: usize = 10;

pub async fn put_compliance_items(
    ctx: &Ctx,
    request: PutComplianceItemsRequest,
) -> Result<PutComplianceItemsResult, ApiError> {
    let of = (request.resource_id.as_str(), request.compliance_type.as_str());
    let is_partial = request.upload_type == Some(ComplianceUploadType::Partial);
    check(&request, is_partial)?;

    let scope = (&ctx.account, &ctx.region);
    let node: NodeId = of.0.parse().map_err(|_| invalid_resource_id(of.0))?;
    let mut tx = ctx.store.write_by_locks().await?;
    nodes::lock(&mut tx, &ctx.account, &ctx.region, &node).await?;
    if nodes::find(&mut tx, &ctx.account, &ctx.region, &node).await?.is_none() {
        return Err(invalid_resource_id(of.0));
    }
    check_types(ctx, &mut tx, of).await?;
    let stored = compliance::find(&mut tx, scope, of.0, of.1).await?;
    let same_hash = request.item_content_hash.is_some()
        && stored.as_ref().is_some_and(|stored| stored.content_hash == request.item_content_hash);
    if same_hash {
        return Ok(PutComplianceItemsResult::default());
    }
    let execution = request.execution_summary.clone();
    let own = |execution: Option<ComplianceExecutionSummary>, items: Vec<ComplianceItemEntry>| {
        let item = |entry| OwnItem { entry, execution: execution.clone() };
        items.into_iter().map(item).collect::<Vec<_>>()
    };
    let run = Run {
        at: request.execution_summary.execution_time,
        id: request.execution_summary.execution_id,
        kind: request.execution_summary.execution_type,
    };
    let kept = match &stored {
        Some(stored) if of.1 == ASSOCIATION => compliance::find_items(&mut tx, scope, stored).await?,
        _ => None,
    };
    let kept_of = stored.as_ref().map(execution_summary);
    let items = match is_partial {
        true => {
            verdicts::check_partial(&mut tx, scope, &request.items).await?;
            let kept_of = kept_of.unwrap_or_else(|| execution.clone());
            record::merge(kept, &kept_of, own(Some(execution), request.items))
        }
        false if of.1 == ASSOCIATION => {
            let uploaded = own(None, request.items);
            verdicts::admit_complete(&mut tx, scope, (kept, kept_of.as_ref()), uploaded).await?
        }
        false => own(None, request.items),
    };
    record::replace(scope, &mut tx, of, run, items, request.item_content_hash).await?;
    tx.commit().await?;
    Ok(PutComplianceItemsResult::default())
}

fn check(request: &PutComplianceItemsRequest, is_partial: bool) -> Result<(), ApiError> {
    if request.resource_type != RESOURCE_TYPE {
        return Err(invalid_resource_type(&request.resource_type));
    }
    if is_partial && request.compliance_type != ASSOCIATION {
        return Err(error::validation("UploadType PARTIAL is for compliance type Association only"));
    }
    let mut size = 0;
    let execution = &request.execution_summary;
    let mut texts: Vec<&str> =
        [&execution.execution_id, &execution.execution_type, &request.item_content_hash]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
    for item in &request.items {
        let details = item.details.iter().flatten().flat_map(|(name, value)| [name, value]);
        texts.extend(item.id.iter().chain(&item.title).chain(details).map(String::as_str));
    }
    for text in texts {
        size += text.len();
        if text.contains('\0') {
            let message = "text cannot hold the character U+0000";
            return Err(ApiError::new(ErrorCode::InvalidItemContentException, message)
                .with("TypeName", request.compliance_type.as_str()));
        }
    }
    if size > MAX_ITEMS_BYTES {
        let message = format!("the items have {size} bytes, the limit is {MAX_ITEMS_BYTES}");
        let error = ApiError::new(ErrorCode::ItemSizeLimitExceededException, message);
        return Err(error.with("TypeName", request.compliance_type.as_str()));
    }
    Ok(())
}

async fn check_types(
    ctx: &Ctx,
    tx: &mut Tx,
    (resource_id, compliance_type): (&str, &str),
) -> Result<(), ApiError> {
    let is_custom = |name: &str| name.starts_with("Custom:");
    if !is_custom(compliance_type) {
        return Ok(());
    }
    let types = compliance::types_of(tx, (&ctx.account, &ctx.region), resource_id).await?;
    let custom = types.iter().filter(|name| is_custom(name)).count();
    if custom >= MAX_CUSTOM_TYPES && !types.iter().any(|name| name == compliance_type) {
        let message =
            format!("{resource_id} has {MAX_CUSTOM_TYPES} custom compliance types, which is the limit");
        return Err(ApiError::new(ErrorCode::ComplianceTypeCountLimitExceededException, message));
    }
    Ok(())
}
