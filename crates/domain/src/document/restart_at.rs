//! A time for a restart that a step asks for: the step input `restartAt`, which is no part of AWS's documents.
//! Which time zone a node is in is the agent's to know.

use std::fmt;
use std::str::FromStr;

use api::Timestamp;

/// Commands are kept for so long, and so is the wait of one.
pub const MAX_DAYS_AHEAD: i64 = 30;

/// When the machine is to restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartAt {
    /// RFC 3339, with its offset: 2026-11-21T03:00:00Z.
    Instant(Timestamp),
    /// The next time that the node's own clock shows this: 03:00.
    TimeOfDay { hour: i8, minute: i8 },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRestartAt {
    #[error(
        "`{0}` is no time: expected 2026-11-21T03:00:00Z, with an offset from UTC, or 03:00 by the node's clock"
    )]
    NoTime(String),
    #[error("`{0}` is more than {MAX_DAYS_AHEAD} days ahead")]
    TooFar(String),
}

impl RestartAt {
    /// For how long a step that asks for it may wait, at most.
    pub fn most_seconds_from(self, now: Timestamp) -> i64 {
        const DAY_WITH_CHANGED_CLOCK: i64 = 25 * 3600;
        match self {
            Self::Instant(at) => (at.as_millis() - now.as_millis()).max(0) / 1000,
            Self::TimeOfDay { .. } => DAY_WITH_CHANGED_CLOCK,
        }
    }

    /// The same, unless it is too far ahead.
    pub fn within_reach(self, now: Timestamp) -> Result<Self, InvalidRestartAt> {
        match self.most_seconds_from(now) > MAX_DAYS_AHEAD * 24 * 3600 {
            true => Err(InvalidRestartAt::TooFar(self.to_string())),
            false => Ok(self),
        }
    }
}

impl FromStr for RestartAt {
    type Err = InvalidRestartAt;

    fn from_str(text: &str) -> Result<Self, InvalidRestartAt> {
        let invalid = || InvalidRestartAt::NoTime(text.chars().take(100).collect());
        let text = text.trim();
        let digits = |range: std::ops::Range<usize>| {
            let part = text.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
            part.and_then(|part| part.parse::<i8>().ok())
        };
        if text.len() == 5 && text.as_bytes()[2] == b':' {
            let (hour, minute) = (digits(0..2).ok_or_else(invalid)?, digits(3..5).ok_or_else(invalid)?);
            return match hour < 24 && minute < 60 {
                true => Ok(Self::TimeOfDay { hour, minute }),
                false => Err(invalid()),
            };
        }
        let at: jiff::Timestamp = text.parse().map_err(|_| invalid())?;
        Ok(Self::Instant(Timestamp::from_millis(at.as_millisecond())))
    }
}

impl fmt::Display for RestartAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant(at) => f.write_str(&at.to_iso_seconds()),
            Self::TimeOfDay { hour, minute } => write!(f, "{hour:02}:{minute:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_instants_and_times_of_day() {
        let at = |text: &str| text.parse::<RestartAt>();
        let instant = |seconds| Ok(RestartAt::Instant(Timestamp::from_seconds(seconds)));
        assert_eq!(at("2026-11-21T03:00:00Z"), instant(1_795_230_000));
        assert_eq!(at("2026-11-21T04:00:00+01:00"), instant(1_795_230_000));
        assert_eq!(at("03:00"), Ok(RestartAt::TimeOfDay { hour: 3, minute: 0 }));
        assert_eq!(at(" 23:59 "), Ok(RestartAt::TimeOfDay { hour: 23, minute: 59 }));
        for wrong in [
            "",
            "24:00",
            "03:60",
            "3:00",
            "0a:00",
            "-1:00",
            "03-00",
            "2026-11-21",
            "2026-11-21T03:00:00",
            "é3:0",
        ] {
            assert!(matches!(at(wrong), Err(InvalidRestartAt::NoTime(_))), "{wrong}");
        }
    }

    #[test]
    fn waits_are_bounded() {
        let now = Timestamp::from_seconds(1_000_000);
        let instant = |seconds| RestartAt::Instant(now.plus_seconds(seconds));
        assert_eq!(instant(90).most_seconds_from(now), 90);
        assert_eq!(instant(-90).most_seconds_from(now), 0);
        assert_eq!(RestartAt::TimeOfDay { hour: 0, minute: 0 }.most_seconds_from(now), 25 * 3600);
        assert!(instant(30 * 24 * 3600).within_reach(now).is_ok());
        assert!(matches!(instant(30 * 24 * 3600 + 1).within_reach(now), Err(InvalidRestartAt::TooFar(_))));
    }
}
