//! DescribeAssociation: one association, of its newest version or an older one.
//! Source: API reference, DescribeAssociation.

use api::ssm::{AssociationDescription, DescribeAssociationRequest, DescribeAssociationResult, ErrorCode};
use store::Tx;
use store::associations::{self, Association, Version};

use super::{describe, describe_settings, named};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn describe_association(
    ctx: &Ctx,
    request: DescribeAssociationRequest,
) -> Result<DescribeAssociationResult, ApiError> {
    let by = (request.name.as_deref(), request.instance_id.as_deref());
    let mut tx = ctx.store.read().await?;
    let association = named(ctx, &mut tx, request.association_id.as_deref(), by).await?;
    let description = match request.association_version.as_deref() {
        None | Some("$LATEST") => describe(&association),
        Some(number) => {
            let version = version(&mut tx, &association, number).await?;
            AssociationDescription {
                association_version: Some(version.version.to_string()),
                last_update_association_date: Some(version.created_at),
                ..of_version(&association, version)
            }
        }
    };
    Ok(DescribeAssociationResult { association_description: Some(description) })
}

/// How it stands is told of the association, whatever the version.
fn of_version(association: &Association, version: Version) -> AssociationDescription {
    let newest = describe(association);
    AssociationDescription {
        association_id: newest.association_id,
        date: newest.date,
        status: newest.status,
        overview: newest.overview,
        last_execution_date: newest.last_execution_date,
        last_successful_execution_date: newest.last_successful_execution_date,
        ..describe_settings(version.settings)
    }
}

async fn version(tx: &mut Tx, association: &Association, number: &str) -> Result<Version, ApiError> {
    let unknown = || {
        let message = format!("association `{}` has no version `{number}`", association.key.id);
        ApiError::new(ErrorCode::InvalidAssociationVersion, message)
    };
    let wanted: i64 = number.parse().map_err(|_| unknown())?;
    let found = associations::list_versions(tx, &association.key, wanted.checked_add(1), 1).await?;
    found.into_iter().find(|version| version.version == wanted).ok_or_else(unknown)
}
