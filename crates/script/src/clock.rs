//! The time, as a script may ask for it: that of UTC, where it does not name a zone.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use monty_types::{MontyDate, MontyDateTime, MontyObject, MontyTimeZone};

pub fn today() -> MontyObject {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let part = |part: i8| u8::try_from(part).unwrap_or_default();
    MontyObject::Date(MontyDate {
        year: today.year().into(),
        month: part(today.month()),
        day: part(today.day()),
    })
}

pub fn now(zone: Option<MontyTimeZone>) -> MontyObject {
    MontyObject::DateTime(at(Timestamp::now(), zone))
}

pub fn seconds() -> MontyObject {
    MontyObject::Float(Timestamp::now().as_duration().as_secs_f64())
}

fn at(now: Timestamp, zone: Option<MontyTimeZone>) -> MontyDateTime {
    let seconds = zone.as_ref().map_or(0, |zone| zone.offset_seconds);
    let local = Offset::from_seconds(seconds).unwrap_or(Offset::UTC).to_datetime(now);
    let part = |part: i8| u8::try_from(part).unwrap_or_default();
    MontyDateTime {
        year: local.year().into(),
        month: part(local.month()),
        day: part(local.day()),
        hour: part(local.hour()),
        minute: part(local.minute()),
        second: part(local.second()),
        microsecond: u32::try_from(local.subsec_nanosecond() / 1000).unwrap_or_default(),
        offset_seconds: zone.as_ref().map(|zone| zone.offset_seconds),
        timezone_name: zone.and_then(|zone| zone.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_the_zone_that_is_asked_for() {
        let moment: Timestamp = "2026-02-28T23:30:15.123456789Z".parse().unwrap();
        let utc = at(moment, None);
        assert_eq!(
            (utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second),
            (2026, 2, 28, 23, 30, 15)
        );
        assert_eq!((utc.microsecond, utc.offset_seconds), (123_456, None));
        let east = at(moment, Some(MontyTimeZone { offset_seconds: 3600, name: None }));
        assert_eq!((east.month, east.day, east.hour, east.offset_seconds), (3, 1, 0, Some(3600)));
    }
}
