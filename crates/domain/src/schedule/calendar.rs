//! The moments at which a schedule is due: zones, changes of clocks, offsets, start and end.
//! What an expression means within a day is `cron`'s. Source: spec systems-manager 22.3, 22.4.

use api::Timestamp;
use jiff::ToSpan;
use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use super::cron::Cron;
use super::{Expression, Schedule, ScheduleError};

/// A schedule with everything that decides when it is due.
#[derive(Clone, Debug)]
pub struct Calendar {
    pub schedule: Schedule,
    pub zone: TimeZone,
    /// ScheduleOffset: so many days after the day that a cron expression means; 0 for none.
    pub offset_days: u8,
    /// When it was created or last changed: only later matches count, and a rate counts from here.
    pub counts_from: Timestamp,
    /// Nothing is due before.
    pub starts_at: Option<Timestamp>,
    /// Nothing is due from then on.
    pub ends_at: Option<Timestamp>,
}

impl Calendar {
    /// In UTC, without offset, start and end.
    pub fn new(schedule: Schedule, counts_from: Timestamp) -> Self {
        Self { schedule, zone: TimeZone::UTC, offset_days: 0, counts_from, starts_at: None, ends_at: None }
    }

    /// The first moment it is due that is later than `after`; `None` when there is none any more.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let before_start = self.starts_at.map(|start| start.plus_millis(-1));
        let after = before_start.map_or(after, |before| before.max(after));
        let next = match &self.schedule.expression {
            Expression::Cron(cron) => self.next_of_cron(cron, after)?,
            Expression::Rate { seconds } => self.next_of_rate(*seconds, after)?,
            Expression::At(at) => {
                let at = instant(&self.zone, *at)?;
                (at > after && at > self.counts_from).then_some(at)?
            }
        };
        self.ends_at.is_none_or(|end| next < end).then_some(next)
    }

    /// All of them, in order.
    pub fn upcoming(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last))
    }

    fn next_of_cron(&self, cron: &Cron, after: Timestamp) -> Option<Timestamp> {
        let shift = i32::from(self.offset_days).days();
        let now = self.zone.to_datetime(to_jiff(after)?);
        let today = now.date().checked_sub(shift).ok()?;
        // No day before this one can have a match that counts.
        let first = self.zone.to_datetime(to_jiff(self.counts_from)?).date();
        let mut day = cron.day_from(today.max(first))?;
        // Times of today up to this second have been, or were passed over.
        let passed = if day == today { seconds_of(now.time()) + 1 } else { 0 };
        let mut time = cron.time_from(passed);
        loop {
            while let Some(seconds) = time {
                let base = day.to_datetime(time_of(seconds)?);
                let due = instant(&self.zone, base.checked_add(shift).ok()?)?;
                if due > after && self.counts(base, due)? {
                    return Some(due);
                }
                time = cron.time_from(seconds + 1);
            }
            day = cron.day_from(day.tomorrow().ok()?)?;
            time = cron.time_from(0);
        }
    }

    /// A match that had passed when the schedule was made is not used, even if its shifted moment is ahead.
    fn counts(&self, base: DateTime, due: Timestamp) -> Option<bool> {
        let matched = if self.offset_days == 0 { due } else { instant(&self.zone, base)? };
        Some(matched > self.counts_from)
    }

    /// Exact multiples: a day is 24 hours, whatever clocks do.
    fn next_of_rate(&self, seconds: i64, after: Timestamp) -> Option<Timestamp> {
        let interval = seconds.checked_mul(1000)?;
        // A start in the future is itself due; what counts from now is first due one interval later.
        let (anchor, first) = match self.starts_at {
            Some(start) if start > self.counts_from => (start, 0),
            _ => (self.counts_from, 1),
        };
        let passed = after.millis_since(anchor).div_euclid(interval);
        let steps = passed.checked_add(1)?.max(first);
        Some(anchor.plus_millis(steps.checked_mul(interval)?))
    }
}

/// A time of the clocks of a zone: the first of two, and the end of the gap for one that does not exist.
fn instant(zone: &TimeZone, at: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(at);
    let found = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(at).ok()?
        }
        AmbiguousOffset::Gap { before, after } => {
            // Read with the new offset it is a moment before the clocks change, with the old one behind.
            let (earlier, later) = (after.to_timestamp(at).ok()?, before.to_timestamp(at).ok()?);
            let mut changes = zone.following(earlier).map(|change| change.timestamp());
            changes.find(|change| *change <= later && zone.to_offset(*change) == after)?
        }
    };
    Some(Timestamp::from_millis(found.as_millisecond()))
}

fn to_jiff(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.as_millis()).ok()
}

fn seconds_of(time: Time) -> u32 {
    let part = |part: i8| u32::from(part.unsigned_abs());
    part(time.hour()) * 3600 + part(time.minute()) * 60 + part(time.second())
}

fn time_of(seconds: u32) -> Option<Time> {
    let part = |part: u32| i8::try_from(part).ok();
    Time::new(part(seconds / 3600)?, part(seconds / 60 % 60)?, part(seconds % 60)?, 0).ok()
}

/// The zone of an IANA name, from the caller's database.
pub fn zone(name: &str, database: &TimeZoneDatabase) -> Result<TimeZone, ScheduleError> {
    let unknown = || ScheduleError::Zone(name.chars().take(128).collect());
    // These trees of a system's database are not names of zones: their clocks count leap seconds, or are copies.
    if name.starts_with("right/") || name.starts_with("posix/") || name.starts_with("posixrules") {
        return Err(unknown());
    }
    database.get(name).map_err(|_| unknown())
}

/// Reads StartDate and EndDate: ISO 8601; without an offset by the clock of `zone`, without a time midnight.
pub fn parse_date(text: &str, zone: &TimeZone) -> Result<Timestamp, ScheduleError> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_millis(at.as_millisecond()));
    }
    let invalid = || ScheduleError::Date(text.chars().take(128).collect());
    let local: DateTime = text.parse().map_err(|_| invalid())?;
    instant(zone, local).ok_or_else(invalid)
}

/// `2026-05-19T03:30Z`, or with the offset of a named zone; with seconds only where there are any.
pub fn show(at: Timestamp, named_zone: Option<&TimeZone>) -> String {
    let Some(instant) = to_jiff(at) else { return at.to_iso_seconds() };
    let seconds = if at.as_seconds() % 60 == 0 { "" } else { ":%S" };
    match named_zone {
        None => instant.strftime(&format!("%Y-%m-%dT%H:%M{seconds}Z")).to_string(),
        Some(zone) => {
            instant.to_zoned(zone.clone()).strftime(&format!("%Y-%m-%dT%H:%M{seconds}%:z")).to_string()
        }
    }
}
