//! Durations and points in time as people say them.

use api::Timestamp;

/// `12 seconds`, `3 minutes`, `5 hours`, `9 days`: the largest unit of which there are two, or one.
pub fn duration(seconds: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let seconds = seconds.max(0);
    let (size, name) = UNITS.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "second"));
    let number = seconds / size;
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

/// `3 minutes ago`, `just now`.
pub fn ago(seconds: i64) -> String {
    if seconds < 2 { "just now".to_owned() } else { format!("{} ago", duration(seconds)) }
}

pub fn since(then: Timestamp, now: Timestamp) -> String {
    ago(now.millis_since(then) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_ages_in_words() {
        let check = |seconds, expected| assert_eq!(ago(seconds), expected);
        check(-5, "just now"); // clocks differ
        check(0, "just now");
        check(2, "2 seconds ago");
        check(60, "1 minute ago");
        check(3_599, "59 minutes ago");
        check(7_200, "2 hours ago");
        check(86_400, "1 day ago");
        check(777_600, "9 days ago");
        check(i64::MAX, "106751991167300 days ago");
    }
}
