//! The dates that advisories carry: everybody writes them otherwise.

use api::Timestamp;

/// Epoch seconds, a day, or a day with a time, in UTC whatever stands behind it but an offset.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = text.parse::<i64>().ok()?;
        return (seconds < 253_402_207_200).then(|| Timestamp::from_seconds(seconds));
    }
    let (day, rest) = text.split_at_checked(10)?;
    let rest = rest.trim_start_matches([' ', 'T']).trim_end();
    let clock_bytes =
        rest.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.')).count();
    let (clock, zone) = rest.split_at(clock_bytes);
    let clock = match clock.len() {
        0 => "00:00:00".to_owned(),
        5 => format!("{clock}:00"),
        _ => clock.to_owned(),
    };
    let zone = match zone.trim() {
        "" | "Z" | "UTC" | "GMT" => "Z",
        offset if offset.starts_with(['+', '-']) => offset,
        _ => return None,
    };
    let is_day = day.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    if is_day { Timestamp::parse(&format!("{day}T{clock}{zone}")) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_vendors_write() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(parse(text).map(Timestamp::to_iso_seconds).as_deref(), expected, "{text}");
        };
        check("2025-01-02 03:04:05", Some("2025-01-02T03:04:05Z"));
        check("2025-01-02 03:04", Some("2025-01-02T03:04:00Z"));
        check("2025-01-02T03:04:05Z", Some("2025-01-02T03:04:05Z"));
        check("2025-01-02 03:04:05 UTC", Some("2025-01-02T03:04:05Z"));
        check("2025-01-02T03:04:05.123456", Some("2025-01-02T03:04:05Z"));
        check("2025-01-02T05:04:05+02:00", Some("2025-01-02T03:04:05Z"));
        check("2025-01-02", Some("2025-01-02T00:00:00Z"));
        check("1735787045", Some("2025-01-02T03:04:05Z"));
        for unreadable in [
            "",
            "soon",
            "2025-13-02",
            "2025-01-02 25:00:00",
            "02/01/2025",
            "99999999999999999999",
            "2025-01-02 noon",
        ] {
            check(unreadable, None);
        }
    }
}
