//! Change calendars as clients ask for them. What a calendar says is `domain::change_calendar`'s.
//! Source: systems-manager.md 20.

use api::Timestamp;
use api::ssm::{CalendarState, DocumentType, ErrorCode, GetCalendarStateRequest, GetCalendarStateResponse};
use domain::change_calendar::{self, ChangeCalendar, State};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::documents;

/// The next change is looked for no further than a year ahead.
const AHEAD_SECONDS: i64 = 366 * 86_400;

pub async fn get_calendar_state(
    ctx: &Ctx,
    request: GetCalendarStateRequest,
) -> Result<GetCalendarStateResponse, ApiError> {
    let at = match &request.at_time {
        None => ctx.now,
        Some(text) => Timestamp::parse(text).ok_or_else(|| {
            error::validation(format!("AtTime `{text}` is no time in ISO 8601 such as 2026-01-31T12:00:00Z"))
        })?,
    };
    if request.calendar_names.is_empty() {
        return Err(error::validation("CalendarNames is empty; expected names or ARNs of change calendars"));
    }
    let mut calendars = Vec::new();
    for name in &request.calendar_names {
        calendars.push(read(ctx, name).await?);
    }
    let state = match change_calendar::state_of(&calendars, at) {
        State::Open => CalendarState::Open,
        State::Closed => CalendarState::Closed,
    };
    let next = change_calendar::next_change(&calendars, at, at.plus_seconds(AHEAD_SECONDS));
    Ok(GetCalendarStateResponse {
        state: Some(state),
        at_time: Some(at.to_iso_seconds()),
        next_transition_time: next.map(Timestamp::to_iso_seconds),
    })
}

/// A calendar by name or ARN, of its default version.
pub async fn read(ctx: &Ctx, name: &str) -> Result<ChangeCalendar, ApiError> {
    let found = documents::find(ctx, name, None, None).await?;
    let refusal = |code, reason| ApiError::new(code, format!("calendar `{name}` {reason}"));
    if found.document_type() != DocumentType::ChangeCalendar {
        let reason =
            format!("is a document of type {}; expected ChangeCalendar", found.document.document_type);
        return Err(refusal(ErrorCode::InvalidDocumentType, reason));
    }
    ChangeCalendar::parse(&found.version.content, jiff::tz::db())
        .map_err(|error| refusal(ErrorCode::UnsupportedCalendarException, format!("cannot be read: {error}")))
}
