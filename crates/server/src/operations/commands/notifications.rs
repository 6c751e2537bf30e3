//! NotificationConfig of a command: whether anybody can be told, and the rows that say who wants to be.
//! Telling is `jobs::tell_notifications`' work. Source: systems-manager.md 1.2 no. 8, 1.7.

use api::Timestamp;
use api::ssm::{ErrorCode, NotificationConfig};
use domain::notification::{Subject, Wish};
use store::commands::CommandKey;
use store::{Tx, command_notifications};

use crate::ctx::Ctx;
use crate::error::ApiError;

/// Topics are webhooks of this server, by their names.
pub fn read(
    ctx: &Ctx,
    config: Option<&NotificationConfig>,
    role: Option<&str>,
) -> Result<Option<Wish>, ApiError> {
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidNotificationConfig, message);
    let wish = Wish::of(config).map_err(|error| invalid(format!("NotificationConfig: {error}")))?;
    let Some(wish) = wish else { return Ok(None) };
    let topic = &wish.topic;
    if !ctx.app.webhooks.has(topic) {
        return Err(invalid(format!(
            "this server has no webhook `{topic}` to tell: its operator adds a line `{topic} URL` to the file of --webhooks"
        )));
    }
    if role.unwrap_or_default().is_empty() {
        let message = "NotificationConfig needs ServiceRoleArn, as with AWS; any role of the account will do";
        return Err(ApiError::new(ErrorCode::InvalidRole, message));
    }
    Ok(Some(wish))
}

/// For a command whose invocations are there.
pub async fn write(tx: &mut Tx, command: &CommandKey, wish: &Wish, now: Timestamp) -> Result<(), ApiError> {
    match wish.subject {
        Subject::Command => command_notifications::insert(tx, command, &wish.topic, now).await?,
        Subject::EachNode => {
            command_notifications::insert_of_nodes(tx, command, &wish.topic, now).await?;
        }
    }
    Ok(())
}
