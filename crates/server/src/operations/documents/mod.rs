//! Documents: so far the shipped ones, which every account has and none can change.
//! Source: systems-manager.md 2.

mod describe_document;
mod get_document;
mod list_documents;
#[cfg(test)]
mod tests;

pub use describe_document::describe_document;
pub use get_document::get_document;
pub use list_documents::list_documents;

use api::Timestamp;
use api::ssm::{ErrorCode, PlatformType};
use domain::document::{Document, shipped};
use domain::ids::{Arn, DocumentName};
use sha2::{Digest, Sha256};

use crate::ctx::Ctx;
use crate::error::ApiError;

/// Shipped documents have one version, of the day their first release was cut.
const SHIPPED_VERSION: &str = "1";
const SHIPPED_AT: Timestamp = Timestamp::from_seconds(1_795_219_200);

/// The document that a request names, of the version it asks for.
pub fn find(ctx: &Ctx, name: &str, version: Option<&str>) -> Result<&'static shipped::Shipped, ApiError> {
    let unknown = || ApiError::new(ErrorCode::InvalidDocument, format!("document `{name}` does not exist"));
    let foreign = Arn::parse(name).is_some_and(|arn| {
        let is_ours = arn.account.is_empty() || arn.account == ctx.account.as_str();
        !is_ours || arn.region != ctx.region.as_str()
    });
    if foreign {
        return Err(unknown());
    }
    let id = DocumentName::from_reference(name).map_err(|_| unknown())?;
    let document = shipped::find(id.as_str()).ok_or_else(unknown)?;
    match version {
        None | Some("" | "$DEFAULT" | "$LATEST" | SHIPPED_VERSION) => Ok(document),
        Some(version) => Err(no_version(id.as_str(), version)),
    }
}

/// The same, for calls that may also name a version by its label: shipped documents have none.
fn find_labelled(
    ctx: &Ctx,
    name: &str,
    version: Option<&str>,
    label: Option<&str>,
) -> Result<&'static shipped::Shipped, ApiError> {
    let document = find(ctx, name, version)?;
    match label {
        None => Ok(document),
        Some(label) => Err(no_version(document.name, label)),
    }
}

fn no_version(name: &str, version: &str) -> ApiError {
    let message = format!("document `{name}` has no version `{version}`");
    ApiError::new(ErrorCode::InvalidDocumentVersion, message)
}

/// Hex SHA-256 of the text as it is served.
pub fn hash(content: &str) -> String {
    hex::encode(Sha256::digest(content.as_bytes()))
}

fn platform_types(document: &Document) -> Vec<PlatformType> {
    document.platforms().iter().map(|platform| platform.as_str().into()).collect()
}
