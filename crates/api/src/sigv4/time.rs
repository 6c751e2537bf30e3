//! Times as signatures write them, and how far clocks may be apart.

use super::Refusal;
use crate::Timestamp;

/// A request signed this long before or after `now` is still taken.
pub const SKEW_SECONDS: i64 = 15 * 60;

/// `20150830T123600Z`
pub fn format_time(at: Timestamp) -> String {
    at.to_iso_seconds().replace(['-', ':'], "")
}

/// `20150830`
pub fn format_date(at: Timestamp) -> String {
    format_time(at).split('T').next().unwrap_or_default().to_owned()
}

/// Reads `20150830T123600Z`; for the `Date` header also `Sun, 30 Aug 2015 12:36:00 GMT`.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let is_basic = text.len() == 16 && text.is_ascii() && text.ends_with('Z');
    let at = if is_basic {
        jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text)
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
    } else {
        jiff::fmt::rfc2822::parse(text).ok()?
    };
    Some(Timestamp::from_millis(at.timestamp().as_millisecond()))
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
