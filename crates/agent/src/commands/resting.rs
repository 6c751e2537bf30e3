//! Commands that wait for a restart of the machine at a time: meanwhile everything goes on, the agent itself may start
//! anew, and whoever restarts the machine earlier does it for them as well.
//! What a time means is `domain::document`'s; suspending and resuming the file's above.
//!
//! The time is the wall clock's. It is looked at again and again, and no span is slept through: a clock that is set, or a
//! machine that was asleep, moves the restart to where the clock says it is due. One that was missed is due at once.

use std::collections::BTreeMap;
use std::time::Duration;

use api::Timestamp;
use api::agent::{DocumentStatus, StepReply};
use domain::document::RestartAt;
use jiff::civil;
use jiff::tz::TimeZone;

use super::{Commands, Mode};
use crate::journal::{ReplyKind, ScheduledRestart, Suspension};
use crate::transport::call::now;

/// How often the clock is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A command that is suspended in the journal until the restart.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    pub restart: ScheduledRestart,
    pub counts: BTreeMap<String, u32>,
}

impl Rest {
    pub fn cancelled(&self) -> String {
        let at = self.restart.at.to_iso_seconds();
        format!(
            "cancelled before the restart at {at}, which does not happen; what was installed still waits for one"
        )
    }
}

#[derive(Debug, Default)]
pub(super) struct Resting(BTreeMap<String, Rest>);

impl Resting {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, job_id: String, rest: Rest) {
        self.0.insert(job_id, rest);
    }

    pub fn end(&mut self, job_id: &str) -> Option<Rest> {
        self.0.remove(job_id)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.0.values().any(|rest| rest.restart.at <= now)
    }
}

impl Commands {
    /// When the restart that a step asks for is to happen; `None`: at once.
    pub(super) fn scheduled(&self, at: Option<&str>) -> Result<Option<ScheduledRestart>, String> {
        let Some(text) = at else { return Ok(None) };
        let at = moment(text, now(), &TimeZone::system())?;
        let restart = ScheduledRestart { at, boot_id: self.boot_id.clone() };
        Ok(Some(restart).filter(|restart| restart.at > now()))
    }

    /// The newest order counts: an earlier one ends here, and its restart with it.
    pub(super) fn rest(&mut self, job_id: &str, rest: Rest) {
        let at = rest.restart.at.to_iso_seconds();
        tracing::info!(%job_id, at, "the machine restarts later");
        for (earlier, superseded) in std::mem::take(&mut self.resting.0) {
            let reason = format!(
                "superseded before the restart at {}: a newer command restarts the machine at {at}",
                superseded.restart.at.to_iso_seconds()
            );
            self.finish(&earlier, DocumentStatus::Cancelled, &reason, &[], &superseded.counts);
        }
        // Of two texts about one command servers keep the greater one: capitals come before every reason to end.
        let waits = format!("The machine restarts at {at}; this command goes on afterwards");
        let content = self.writer.write(DocumentStatus::SuccessAndReboot, &waits, &[], &rest.counts);
        self.report(job_id, content, ReplyKind::Progress);
        self.resting.add(job_id.to_owned(), rest);
    }

    pub(super) fn restart_if_due(&mut self) {
        if self.mode == Mode::Working && self.resting.is_due(now()) {
            self.mode = Mode::Restarting;
        }
    }

    /// Of a command found in the journal: whether its restart is still to come.
    pub(super) fn still_rests(&self, suspension: &Suspension) -> Option<Rest> {
        let restart = suspension.restart.clone()?;
        let is_ahead = restart.boot_id == self.boot_id && restart.at > now();
        is_ahead.then(|| Rest { restart, counts: counts(&suspension.done) })
    }
}

/// What is said at the end of a command that waited, in place of what was said meanwhile.
pub(super) const WENT_ON: &str = "went on after the restart of the machine";

/// How many steps ended in which way.
pub(super) fn counts(done: &[(String, StepReply)]) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for (_, reply) in done {
        *counts.entry(reply.status.as_str().to_owned()).or_default() += 1;
    }
    counts
}

/// The moment that is meant, seen from `now` in a time zone. A time of day that a changed clock leaves out comes later.
fn moment(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let at: RestartAt =
        text.parse().map_err(|error: domain::document::InvalidRestartAt| error.to_string())?;
    let (hour, minute) = match at {
        RestartAt::Instant(at) => return Ok(at),
        RestartAt::TimeOfDay { hour, minute } => (hour, minute),
    };
    let unclear = |error: jiff::Error| format!("restartAt {text}: {error}");
    let now = jiff::Timestamp::from_millisecond(now.as_millis()).map_err(unclear)?;
    let today = now.to_zoned(zone.clone()).date();
    let on = |date: civil::Date| {
        let at = date.at(hour, minute, 0, 0).to_zoned(zone.clone()).map_err(unclear)?;
        Ok::<_, String>(at.timestamp())
    };
    let mut at = on(today)?;
    if at <= now {
        at = on(today.tomorrow().map_err(unclear)?)?;
    }
    Ok(Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_the_next_one_in_the_nodes_zone() {
        // Two hours ahead of UTC in summer, one in winter, the clocks set at 3 and at 2 in the night.
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let check = |now: &str, at: &str, expected: &str| {
            let now = Timestamp::parse(now).unwrap();
            let found = moment(at, now, &berlin).unwrap().to_iso_seconds();
            assert_eq!(found, expected, "{at}");
        };
        check("2026-06-01T00:30:00Z", "03:00", "2026-06-01T01:00:00Z");
        check("2026-06-01T01:00:00Z", "03:00", "2026-06-02T01:00:00Z"); // not this very moment
        check("2026-06-01T22:30:00Z", "00:15", "2026-06-02T22:15:00Z"); // the node's date is another one
        check("2026-12-01T00:30:00Z", "03:00", "2026-12-01T02:00:00Z");
        check("2026-03-28T20:00:00Z", "02:30", "2026-03-29T01:30:00Z"); // half past two does not exist
        check("2026-10-24T20:00:00Z", "02:30", "2026-10-25T00:30:00Z"); // and here there are two: the first
        check("2026-06-01T00:00:00Z", "2026-07-01T03:00:00+02:00", "2026-07-01T01:00:00Z");
        assert!(moment("soon", Timestamp::from_seconds(0), &berlin).unwrap_err().contains("`soon`"));
    }
}
