//! ModifyDocumentPermission: who else may use a document.
//! Source: API reference, ModifyDocumentPermission; systems-manager.md 2.5.

use api::ssm::{
    DocumentPermissionType, ErrorCode, ModifyDocumentPermissionRequest, ModifyDocumentPermissionResponse,
};
use store::documents::{self, Share};

use super::{own, scope};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// Accounts that one document may be shared with.
const MAX_ACCOUNTS: i64 = 1_000;
/// Documents of one account that may be shared with all.
const MAX_PUBLIC: i64 = 5;
pub const EVERYBODY: &str = "all";

pub async fn modify_document_permission(
    ctx: &Ctx,
    request: ModifyDocumentPermissionRequest,
) -> Result<ModifyDocumentPermissionResponse, ApiError> {
    check_type(&request.permission_type)?;
    let added = accounts(request.account_ids_to_add.as_deref())?;
    let removed = accounts(request.account_ids_to_remove.as_deref())?;
    if let Some(twice) = added.iter().find(|account| removed.contains(account)) {
        return Err(error::validation(format!("account `{twice}` is both added and removed")));
    }
    let mut tx = ctx.store.write().await?;
    let document = own(ctx, &mut tx, &request.name, ErrorCode::InvalidDocument).await?;
    let name = &document.name;
    for account in &removed {
        documents::remove_share(&mut tx, scope(ctx), name, account).await?;
    }
    for account in added {
        if account == ctx.account.as_str() {
            return Err(error::validation(format!("document `{name}` belongs to account `{account}`")));
        }
        let shared_version = request.shared_document_version.clone().unwrap_or_default();
        let share = Share { shared_with: account, shared_version };
        documents::put_share(&mut tx, scope(ctx), name, &share).await?;
    }
    let limit = |message: String| ApiError::new(ErrorCode::DocumentPermissionLimit, message);
    if documents::count_shares(&mut tx, scope(ctx), name).await? > MAX_ACCOUNTS {
        return Err(limit(format!("document `{name}` can be shared with {MAX_ACCOUNTS} accounts at most")));
    }
    if documents::count_public(&mut tx, scope(ctx)).await? > MAX_PUBLIC {
        return Err(limit(format!("an account can share {MAX_PUBLIC} documents with all at most")));
    }
    tx.commit().await?;
    Ok(ModifyDocumentPermissionResponse {})
}

pub fn check_type(kind: &DocumentPermissionType) -> Result<(), ApiError> {
    match kind {
        DocumentPermissionType::Share => Ok(()),
        other => {
            let message = format!("there is no permission `{}`, only Share", other.as_str());
            Err(ApiError::new(ErrorCode::InvalidPermissionType, message))
        }
    }
}

/// Account ids, or everybody, who is not one of several.
fn accounts(given: Option<&[String]>) -> Result<Vec<String>, ApiError> {
    let mut accounts: Vec<String> = Vec::new();
    for account in given.unwrap_or_default() {
        let account =
            if account.eq_ignore_ascii_case(EVERYBODY) { EVERYBODY.to_owned() } else { account.clone() };
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    match accounts.len() > 1 && accounts.iter().any(|account| account == EVERYBODY) {
        true => Err(error::validation("`all` cannot be given together with account ids")),
        false => Ok(accounts),
    }
}
