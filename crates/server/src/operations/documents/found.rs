//! The document that a request names, of the version it asks for: a shipped one, one of the account's own, or one that
//! another account shares.
//! Source: systems-manager.md 2.4 and 2.5.

use std::sync::LazyLock;

use api::Timestamp;
use api::ssm::{DocumentFormat, DocumentType, ErrorCode, PlatformType};
use domain::document::{Document as Parsed, shipped, value_of};
use domain::ids::{AccountId, Arn, DocumentName, Region};
use store::Tx;
use store::documents::{self, Detail, Document, Version};

use super::{no_version, unknown, version_of};
use crate::ctx::Ctx;
use crate::error::ApiError;

/// Shipped documents have one version, of the day their first release was cut.
const SHIPPED_AT: Timestamp = Timestamp::from_seconds(1_795_219_200);

#[derive(Clone, Debug, PartialEq)]
pub enum Owner {
    Shipped,
    Account(AccountId),
}

/// A document with one of its versions.
#[derive(Clone, Debug)]
pub struct Found {
    pub owner: Owner,
    /// As callers name it: of another account's, the ARN.
    pub reference: String,
    pub document: Document,
    pub version: Version,
}

impl Found {
    pub fn of_account(account: AccountId, ctx: &Ctx, document: Document, version: Version) -> Self {
        let reference = match account == ctx.account {
            true => document.name.to_string(),
            false => arn(&account, &ctx.region, &document.name),
        };
        Self { owner: Owner::Account(account), reference, document, version }
    }

    pub fn document_type(&self) -> DocumentType {
        self.document.document_type.as_str().into()
    }

    pub fn format(&self) -> DocumentFormat {
        self.version.format.as_str().into()
    }

    pub fn owner_name(&self) -> &str {
        match &self.owner {
            // Amazon, of whose documents we have our own, or ourselves.
            Owner::Shipped => &self.version.author,
            Owner::Account(account) => account.as_str(),
        }
    }

    pub fn platform_types(&self) -> Vec<PlatformType> {
        self.version.detail.platforms.iter().map(|platform| platform.as_str().into()).collect()
    }

    /// As agents run it.
    pub fn command(&self) -> Result<Parsed, ApiError> {
        if self.owner == Owner::Shipped
            && let Some((_, Some(parsed))) =
                SHIPPED.iter().find(|(found, _)| found.reference == self.reference)
        {
            return Ok(parsed.clone());
        }
        let invalid = |reason: String| {
            ApiError::new(ErrorCode::InvalidDocument, format!("{}: {reason}", self.reference))
        };
        let value =
            value_of(&self.version.content, &self.format()).map_err(|error| invalid(error.to_string()))?;
        let value = value.ok_or_else(|| invalid("plain text cannot be run".to_owned()))?;
        Parsed::from_json(value).map_err(|error| invalid(error.to_string()))
    }
}

pub fn arn(account: &AccountId, region: &Region, name: &DocumentName) -> String {
    format!("arn:aws:ssm:{region}:{account}:document/{name}")
}

/// Read once: they come with the program.
static SHIPPED: LazyLock<Vec<(Found, Option<Parsed>)>> = LazyLock::new(|| {
    let read = |shipped: &shipped::Shipped| {
        let checked = shipped.checked();
        let name: DocumentName = shipped.name.parse().expect("shipped documents have valid names, by a test");
        let found = Found {
            owner: Owner::Shipped,
            reference: shipped.name.to_owned(),
            document: Document {
                name,
                document_type: shipped.document_type().as_str().to_owned(),
                created_at: SHIPPED_AT,
                default_version: 1,
                latest_version: 1,
                versions_made: 1,
            },
            version: Version {
                version: 1,
                version_name: None,
                display_name: None,
                target_type: None,
                format: "JSON".to_owned(),
                content: shipped.content.to_owned(),
                sha256: super::hash(shipped.content),
                schema_version: checked.schema_version,
                description: checked.description,
                detail: Detail {
                    platforms: checked
                        .platforms
                        .iter()
                        .map(|platform| platform.as_str().to_owned())
                        .collect(),
                    parameters: checked.parameters,
                    requires: Vec::new(),
                    attachments: Vec::new(),
                },
                created_at: SHIPPED_AT,
                author: shipped.owner().to_owned(),
                review_status: None,
            },
        };
        (found, shipped.command())
    };
    shipped::all().iter().map(read).collect()
});

/// By name, sorted.
pub fn all_shipped() -> impl Iterator<Item = &'static Found> {
    SHIPPED.iter().map(|(found, _)| found)
}

/// The document that a request names. `version` is a number or an alias, `label` a version's name.
pub async fn find(
    ctx: &Ctx,
    reference: &str,
    version: Option<&str>,
    label: Option<&str>,
) -> Result<Found, ApiError> {
    let arn = Arn::parse(reference);
    if arn.is_some_and(|arn| arn.region != ctx.region.as_str()) {
        return Err(unknown(reference));
    }
    let name = DocumentName::from_reference(reference).map_err(|_| unknown(reference))?;
    let owner = arn.map(|arn| arn.account).filter(|account| !account.is_empty());
    if owner.is_none_or(|account| account == ctx.account.as_str())
        && let Some((shipped, _)) = SHIPPED.iter().find(|(found, _)| found.document.name == name)
    {
        return match (version, label) {
            (None | Some("" | "$DEFAULT" | "$LATEST" | "1"), None) => Ok(shipped.clone()),
            (version, label) => Err(no_version(name.as_str(), label.or(version).unwrap_or_default())),
        };
    }
    if arn.is_some() && owner.is_none() {
        return Err(unknown(reference));
    }
    let mut tx = ctx.store.read().await?;
    match owner {
        Some(owner) if owner != ctx.account.as_str() => {
            let owner: AccountId = owner.parse().map_err(|_| unknown(reference))?;
            shared(ctx, &mut tx, (owner, &name), version, label).await
        }
        _ => {
            let scope = (&ctx.account, &ctx.region);
            let document = documents::find(&mut tx, scope, &name).await?.ok_or_else(|| unknown(reference))?;
            let version = version_of(&mut tx, scope, &document, version, label).await?;
            Ok(Found::of_account(ctx.account.clone(), ctx, document, version))
        }
    }
}

/// Another account's: its default version, and others as far as they are shared.
async fn shared(
    ctx: &Ctx,
    tx: &mut Tx,
    (owner, name): (AccountId, &DocumentName),
    version: Option<&str>,
    label: Option<&str>,
) -> Result<Found, ApiError> {
    let reference = arn(&owner, &ctx.region, name);
    let scope = (&owner, &ctx.region);
    let share = documents::find_share(tx, scope, name, &ctx.account).await?;
    let share = share.ok_or_else(|| unknown(&reference))?;
    let document = documents::find(tx, scope, name).await?.ok_or_else(|| unknown(&reference))?;
    let found = version_of(tx, scope, &document, version, label).await?;
    let is_open = found.version == document.default_version
        || match share.shared_version.as_str() {
            "$ALL" => true,
            "$LATEST" => found.version == document.latest_version,
            _ => false,
        };
    if !is_open {
        return Err(no_version(&reference, version.or(label).unwrap_or_default()));
    }
    Ok(Found::of_account(owner, ctx, document, found))
}
