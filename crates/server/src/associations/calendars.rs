//! The change calendars that an association asks before it runs. What a calendar says is `domain::change_calendar`'s.
//! Source: systems-manager.md 3.2, 20.

use api::ssm::{DocumentType, ErrorCode};
use domain::change_calendar::{ChangeCalendar, State};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::documents;

/// Why nothing may run now: the first calendar that is closed.
pub async fn hindrance(ctx: &Ctx, names: &[String]) -> Result<Option<String>, ApiError> {
    for name in names {
        if read(ctx, name).await?.state_at(ctx.now) == State::Closed {
            return Ok(Some(format!("Skipped: the change calendar `{name}` is closed")));
        }
    }
    Ok(None)
}

/// A calendar by name or ARN, of its default version; one that cannot be read is refused.
pub async fn read(ctx: &Ctx, name: &str) -> Result<ChangeCalendar, ApiError> {
    let found = documents::find(ctx, name, None, None).await?;
    let refusal =
        |reason: String| ApiError::new(ErrorCode::InvalidDocument, format!("calendar `{name}` {reason}"));
    if found.document_type() != DocumentType::ChangeCalendar {
        return Err(refusal(format!("is a document of type {}", found.document.document_type)));
    }
    ChangeCalendar::parse(&found.version.content, jiff::tz::db())
        .map_err(|error| refusal(format!("cannot be read: {error}")))
}
