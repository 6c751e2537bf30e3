//! Whether a window opens now, and when next: also after a time in which nobody looked.
//! Source: spec systems-manager 22.4, missed runs.

use api::Timestamp;

use crate::schedule::Calendar;

/// What is to be done about a window whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The moment that the run counts from; `None` when all that was missed is too long ago.
    pub due: Option<Timestamp>,
    /// When to look again.
    pub next: Option<Timestamp>,
}

/// `scheduled` is the moment that was written down and has come. Of several that were missed only the newest counts, and it
/// only while its cut-off is ahead: `grace_ms` is the time from the opening to the cut-off.
pub fn opening(calendar: &Calendar, scheduled: Timestamp, now: Timestamp, grace_ms: i64) -> Opening {
    let next = calendar.next_after(now);
    // Usually it is this moment, and there is no later one.
    let earliest = scheduled.max(now.plus_millis(1 - grace_ms));
    let missed = calendar.upcoming(earliest.plus_millis(-1)).take_while(|due| *due <= now);
    Opening { due: missed.last(), next }
}
