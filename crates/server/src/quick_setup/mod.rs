//! Quick Setup at work: configurations are brought to what their definitions ask for, and kept there. The operations are
//! in `operations::quick_setup`, what parameters mean in `domain::quick_setup`.
//! Source: systems-manager.md 13, patch-manager.md 5.3. Decision: docs/decisions/0026-patch-now-and-policies.md.

mod baselines;
mod deploy;
mod policies;
mod remove;
pub mod status;

pub use deploy::bring_about;
pub use policies::policies_here;

use domain::object::{BucketName, ObjectKey};
use domain::quick_setup::{Configuration as Asked, Kind, ParameterError};
use store::objects::ObjectRef;
use store::quick_setup::{Configuration, Definition};
use store::{StoreError, Tx};

use crate::error::ApiError;

/// What tags hang on.
pub const TAGGED_TYPE: &str = "QuickSetupConfigurationManager";

/// In the bucket of a patch policy.
const BASELINES_KEY: &str = "baseline_overrides.json";

/// `aws-quicksetup-patchpolicy-ACCOUNT-ID`.
fn bucket(configuration: &Configuration) -> String {
    format!("aws-quicksetup-patchpolicy-{}-{}", configuration.manager.account, configuration.id)
}

/// Where the baselines of a patch policy are kept.
fn baselines_object(configuration: &Configuration) -> Result<ObjectRef, ApiError> {
    let corrupt = |error: String| StoreError::Corrupt(error);
    let bucket: BucketName = bucket(configuration).parse().map_err(|error| corrupt(format!("{error}")))?;
    let key: ObjectKey = BASELINES_KEY.parse().map_err(|error| corrupt(format!("{error}")))?;
    Ok(ObjectRef { account: configuration.manager.account.clone(), bucket, key })
}

/// What a definition asks for, in the words of its manager's region.
pub fn read(definition: &Definition) -> Result<Asked, ParameterError> {
    let kind = Kind::parse(&definition.definition_type).ok_or_else(|| {
        ParameterError::new("Type", format!("`{}` is not served here", definition.definition_type))
    })?;
    Asked::read(kind, &definition.parameters, (&definition.manager.account, &definition.manager.region))
}

/// The definition of a configuration.
async fn definition_of(tx: &mut Tx, configuration: &Configuration) -> Result<Option<Definition>, ApiError> {
    let all = store::quick_setup::definitions_of(tx, &configuration.manager).await?;
    Ok(all.into_iter().find(|definition| definition.id == configuration.definition_id))
}
