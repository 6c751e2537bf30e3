//! Documents: the shipped ones, which every account has and none can change, and those that accounts make.
//! What a document may contain is `domain::document`'s.
//! Source: systems-manager.md 2.

pub mod attachments;
mod create_document;
mod delete_document;
mod describe_document;
mod describe_document_permission;
mod found;
mod get_document;
mod list_document_metadata_history;
mod list_document_versions;
mod list_documents;
mod modify_document_permission;
mod new_version;
pub mod scripts;
#[cfg(test)]
mod tests;
mod update_document;
mod update_document_default_version;
mod update_document_metadata;

pub use create_document::create_document;
pub use delete_document::delete_document;
pub use describe_document::describe_document;
pub use describe_document_permission::describe_document_permission;
pub use found::{Found, find};
pub use get_document::get_document;
pub use list_document_metadata_history::list_document_metadata_history;
pub use list_document_versions::list_document_versions;
pub use list_documents::list_documents;
pub use modify_document_permission::modify_document_permission;
pub use update_document::update_document;
pub use update_document_default_version::update_document_default_version;
pub use update_document_metadata::update_document_metadata;

use api::ssm::ErrorCode;
use domain::document::shipped;
use domain::ids::{Arn, DocumentName};
use sha2::{Digest, Sha256};
use store::associations;
use store::documents::{self, Document, Version, Which};
use store::tags::Tagged;
use store::{Scope, Tx};

use crate::ctx::Ctx;
use crate::error::ApiError;

/// Hex SHA-256 of the text as it is served.
pub fn hash(content: &str) -> String {
    hex::encode(Sha256::digest(content.as_bytes()))
}

fn scope(ctx: &Ctx) -> Scope<'_> {
    (&ctx.account, &ctx.region)
}

fn tagged<'a>(ctx: &'a Ctx, name: &'a DocumentName) -> Tagged<'a> {
    Tagged {
        account: &ctx.account,
        region: &ctx.region,
        resource_type: "Document",
        resource_id: name.as_str(),
    }
}

fn unknown(name: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidDocument, format!("document `{name}` does not exist"))
}

fn no_version(name: &str, version: &str) -> ApiError {
    let message = format!("document `{name}` has no version `{version}`");
    ApiError::new(ErrorCode::InvalidDocumentVersion, message)
}

/// One of the account's own, to be changed. `shipped` is what an attempt on a shipped one is answered with.
async fn own(ctx: &Ctx, tx: &mut Tx, reference: &str, shipped_code: ErrorCode) -> Result<Document, ApiError> {
    if Arn::parse(reference)
        .is_some_and(|arn| arn.account != ctx.account.as_str() || arn.region != ctx.region.as_str())
    {
        return Err(unknown(reference));
    }
    let name = DocumentName::from_reference(reference).map_err(|_| unknown(reference))?;
    if shipped::find(name.as_str()).is_some() {
        let message = format!("document `{name}` comes with the server and cannot be changed");
        return Err(ApiError::new(shipped_code, message));
    }
    documents::find(tx, scope(ctx), &name).await?.ok_or_else(|| unknown(reference))
}

/// A version of a document of the account, by number, alias or name; by default the default one. A number and a name
/// must mean the same.
async fn version_of(
    tx: &mut Tx,
    scope: Scope<'_>,
    document: &Document,
    version: Option<&str>,
    label: Option<&str>,
) -> Result<Version, ApiError> {
    let name = &document.name;
    let which = match (version, label) {
        (None | Some(""), Some(label)) => Which::Named(label),
        (version, _) => Which::Number(number_of(document, version)?),
    };
    let asked = version.filter(|version| !version.is_empty()).or(label).unwrap_or("$DEFAULT");
    let found = documents::find_version(tx, scope, name, which).await?;
    let found = found.ok_or_else(|| no_version(name.as_str(), asked))?;
    match label {
        Some(label) if found.version_name.as_deref() != Some(label) => Err(no_version(name.as_str(), label)),
        _ => Ok(found),
    }
}

fn number_of(document: &Document, version: Option<&str>) -> Result<i64, ApiError> {
    match version {
        None | Some("" | "$DEFAULT") => Ok(document.default_version),
        Some("$LATEST") => Ok(document.latest_version),
        Some(number) => number.parse().map_err(|_| no_version(document.name.as_str(), number)),
    }
}

/// What an alias means has changed: associations that run the document by it run now, but for those that run at their
/// times only.
async fn run_associations(ctx: &Ctx, tx: &mut Tx, name: &DocumentName, alias: &str) -> Result<(), ApiError> {
    for association in associations::list_of_document(tx, scope(ctx), name.as_str()).await? {
        let settings = &association.settings;
        let only = settings.apply_only_at_cron_interval.unwrap_or_default();
        if settings.document_version.as_deref() == Some(alias) && !only {
            associations::set_due(tx, &association.key, ctx.now).await?;
        }
    }
    Ok(())
}
