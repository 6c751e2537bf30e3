//! The change calendars that an association asks before it runs. What a calendar says is `domain::change_calendar`'s.
//! Source: systems-manager.md 3.2, 20.

use api::ssm::ErrorCode;
use domain::change_calendar::{ChangeCalendar, State};

use crate::ctx::Ctx;
use crate::error::{ApiError, Code};
use crate::operations::calendars;

/// Why nothing may run now: the first calendar that is closed.
pub async fn hindrance(ctx: &Ctx, names: &[String]) -> Result<Option<String>, ApiError> {
    for name in names {
        if read(ctx, name).await?.state_at(ctx.now) == State::Closed {
            return Ok(Some(format!("Skipped: the change calendar `{name}` is closed")));
        }
    }
    Ok(None)
}

/// One that cannot be read is refused with the one code that associations have for it.
pub async fn read(ctx: &Ctx, name: &str) -> Result<ChangeCalendar, ApiError> {
    calendars::read(ctx, name).await.map_err(|mut error| {
        if [ErrorCode::InvalidDocumentType, ErrorCode::UnsupportedCalendarException]
            .map(Code::from)
            .contains(&error.code)
        {
            error.code = ErrorCode::InvalidDocument.into();
        }
        error
    })
}
