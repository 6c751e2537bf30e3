//! Times as signatures write them, and how far clocks may be apart.

use super::Refusal;
use crate::Timestamp;

/// A request signed this long before or after `now` is still taken.
pub const SKEW_SECONDS: i64 = 15 * 60;

/// `20150830T123600Z`
pub fn format_time(at: Timestamp) -> String {
    at.print("%Y%m%dT%H%M%SZ")
}

/// `20150830`
pub fn format_date(at: Timestamp) -> String {
    at.print("%Y%m%d")
}

/// Reads `20150830T123600Z`; for the `Date` header also `Sun, 30 Aug 2015 12:36:00 GMT`.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(at) = parse_basic(text) {
        return Some(at);
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_millis(at.timestamp().as_millisecond()))
}

/// Every request has one: read by position, not by a format string.
fn parse_basic(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    let [date @ .., b'T', _, _, _, _, _, _, b'Z'] = bytes else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0i16, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
        })
    };
    let part = |digits: &[u8]| number(digits).and_then(|number| i8::try_from(number).ok());
    let date = jiff::civil::Date::new(number(&date[..4])?, part(&date[4..6])?, part(&date[6..])?).ok()?;
    let time = jiff::civil::Time::new(part(&bytes[9..11])?, part(&bytes[11..13])?, part(&bytes[13..15])?, 0);
    let at = jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(time.ok()?)).ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

/// Whether `signed_at` is near enough to `now`; `lifetime_seconds` replaces the allowed age of presigned requests.
pub fn check_time(signed_at: Timestamp, lifetime_seconds: i64, now: Timestamp) -> Result<(), Refusal> {
    let show = format_time;
    let latest = now.plus_seconds(SKEW_SECONDS);
    if signed_at > latest {
        return Err(Refusal::NotYetCurrent(format!(
            "Signature not yet current: {} is still later than {} ({} + 15 min.)",
            show(signed_at),
            show(latest),
            show(now)
        )));
    }
    let earliest = now.plus_seconds(-lifetime_seconds);
    if signed_at < earliest {
        let minutes = lifetime_seconds / 60;
        let ago = if lifetime_seconds % 60 == 0 {
            format!("{minutes} min.")
        } else {
            format!("{lifetime_seconds} s")
        };
        return Err(Refusal::Expired(format!(
            "Signature expired: {} is now earlier than {} ({} - {ago})",
            show(signed_at),
            show(earliest),
            show(now)
        )));
    }
    Ok(())
}
