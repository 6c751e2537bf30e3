//! ListQuickSetupTypes: the types that are served here.
//! Source: API reference, ListQuickSetupTypes.

use api::quicksetup::{ListQuickSetupTypesInput, ListQuickSetupTypesOutput, QuickSetupTypeOutput};
use domain::quick_setup::{Kind, TYPE_VERSION};

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn list_quick_setup_types(
    _ctx: &Ctx,
    _request: ListQuickSetupTypesInput,
) -> Result<ListQuickSetupTypesOutput, ApiError> {
    let types = Kind::ALL.map(|kind| QuickSetupTypeOutput {
        r#type: Some(kind.as_str().to_owned()),
        latest_version: Some(TYPE_VERSION.to_owned()),
    });
    Ok(ListQuickSetupTypesOutput { quick_setup_type_list: Some(types.into()) })
}
