//! DescribeDocumentPermission: the accounts that a document is shared with.
//! Source: API reference, DescribeDocumentPermission; systems-manager.md 2.5.

use api::ssm::{
    AccountSharingInfo, DescribeDocumentPermissionRequest, DescribeDocumentPermissionResponse, ErrorCode,
};
use store::documents;

use super::modify_document_permission::check_type;
use super::{own, scope};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 20;

pub async fn describe_document_permission(
    ctx: &Ctx,
    request: DescribeDocumentPermissionRequest,
) -> Result<DescribeDocumentPermissionResponse, ApiError> {
    check_type(&request.permission_type)?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "DescribeDocumentPermission", &request.name, token, size)?;
    let mut tx = ctx.store.read().await?;
    let document = own(ctx, &mut tx, &request.name, ErrorCode::InvalidDocumentOperation).await?;
    let after = page.after.clone().unwrap_or_default();
    let shares = documents::list_shares(&mut tx, scope(ctx), &document.name, &after, page.fetch()).await?;
    let cut = page.cut(ctx, shares, |share| share.shared_with.clone());
    let infos = cut.rows.iter().map(|share| AccountSharingInfo {
        account_id: Some(share.shared_with.clone()),
        shared_document_version: Some(share.shared_version.clone()).filter(|version| !version.is_empty()),
    });
    Ok(DescribeDocumentPermissionResponse {
        account_sharing_info_list: Some(infos.collect()),
        account_ids: Some(cut.rows.iter().map(|share| share.shared_with.clone()).collect()),
        next_token: cut.next_token,
    })
}
