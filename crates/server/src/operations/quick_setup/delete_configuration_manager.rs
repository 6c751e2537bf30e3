//! DeleteConfigurationManager: everything that was made is taken away by the job, and then the manager is gone.
//! Source: API reference, DeleteConfigurationManager; systems-manager.md 13.

use api::quicksetup::{DeleteConfigurationManagerInput, DeleteConfigurationManagerOutput};
use store::quick_setup::{self as rows, Configuration};

use super::{existing, refuse_busy};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::quick_setup::status::DELETING;

pub async fn delete_configuration_manager(
    ctx: &Ctx,
    request: DeleteConfigurationManagerInput,
) -> Result<DeleteConfigurationManagerOutput, ApiError> {
    let mut tx = ctx.store.write().await?;
    let manager = existing(ctx, &mut tx, &request.manager_arn).await?;
    let configurations = rows::configurations_of(&mut tx, &manager.key).await?;
    // A second request for what goes already changes nothing.
    if !configurations.iter().all(|row| row.status == DELETING) {
        refuse_busy(&manager, &configurations)?;
    }
    for row in configurations {
        let row =
            Configuration { status: DELETING.to_owned(), updated_at: ctx.now, due_at: Some(ctx.now), ..row };
        rows::put_configuration(&mut tx, &row).await?;
    }
    tx.commit().await?;
    Ok(DeleteConfigurationManagerOutput {})
}
