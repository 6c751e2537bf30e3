//! Schedules as the specification's tables have them, and what must be refused.
//! Source: spec systems-manager 22.5.

use api::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(super) fn zone_of(name: &str) -> TimeZone {
    zone(name, &TimeZoneDatabase::bundled()).unwrap()
}

fn calendar(text: &str, zone: &str, offset_days: u8, counts_from: &str) -> Calendar {
    let schedule = Schedule::parse_for_window(text).unwrap();
    Calendar { zone: zone_of(zone), offset_days, ..Calendar::new(schedule, at(counts_from)) }
}

/// Created at `after`, and asked for what comes then.
fn check(text: &str, (zone, offset_days): (&str, u8), after: &str, expected: &[&str]) {
    let calendar = calendar(text, zone, offset_days, after);
    let next: Vec<String> =
        calendar.upcoming(at(after)).take(expected.len()).map(Timestamp::to_iso_seconds).collect();
    assert_eq!(next, expected, "{text} in {zone} with offset {offset_days} after {after}");
}

#[test]
fn the_twenty_worked_examples() {
    let utc = ("UTC", 0);
    check(
        "cron(0 2 ? * SUN *)",
        utc,
        "2026-01-01T00:00:00Z",
        &["2026-01-04T02:00:00Z", "2026-01-11T02:00:00Z"],
    );
    check(
        "cron(30 23 ? * TUE#3 *)",
        utc,
        "2026-01-01T00:00:00Z",
        &["2026-01-20T23:30:00Z", "2026-02-17T23:30:00Z"],
    );
    check(
        "cron(30 23 ? * TUE#3 *)",
        ("UTC", 2),
        "2026-01-01T00:00:00Z",
        &["2026-01-22T23:30:00Z", "2026-02-19T23:30:00Z"],
    );
    check("cron(30 23 ? * TUE#3 *)", ("UTC", 2), "2026-01-21T00:00:00Z", &["2026-02-19T23:30:00Z"]);
    check(
        "cron(0 0 ? * 3L *)",
        utc,
        "2026-01-01T00:00:00Z",
        &["2026-01-27T00:00:00Z", "2026-02-24T00:00:00Z"],
    );
    check(
        "cron(15 10 ? * 6L *)",
        utc,
        "2026-02-27T10:15:00Z",
        &["2026-03-27T10:15:00Z", "2026-04-24T10:15:00Z"],
    );
    check(
        "cron(0 2 L * ? *)",
        utc,
        "2026-02-01T00:00:00Z",
        &["2026-02-28T02:00:00Z", "2026-03-31T02:00:00Z", "2026-04-30T02:00:00Z"],
    );
    check(
        "cron(0 8 1W * ? *)",
        utc,
        "2026-07-31T00:00:00Z",
        &["2026-08-03T08:00:00Z", "2026-09-01T08:00:00Z"],
    );
    check(
        "cron(0 8 LW * ? *)",
        utc,
        "2026-01-15T00:00:00Z",
        &["2026-01-30T08:00:00Z", "2026-02-27T08:00:00Z", "2026-03-31T08:00:00Z"],
    );
    check(
        "cron(0/30 * * * ? *)",
        utc,
        "2026-03-08T09:59:30Z",
        &["2026-03-08T10:00:00Z", "2026-03-08T10:30:00Z", "2026-03-08T11:00:00Z"],
    );
    check(
        "cron(0 0/8 * * ? *)",
        ("Asia/Kolkata", 0),
        "2026-04-10T08:00:00Z",
        &["2026-04-10T10:30:00Z", "2026-04-10T18:30:00Z", "2026-04-11T02:30:00Z"],
    );
    check(
        "cron(15 10 ? * MON-FRI *)",
        ("America/Chicago", 0),
        "2026-05-15T10:15:00Z",
        &["2026-05-15T15:15:00Z", "2026-05-18T15:15:00Z"],
    );
    check(
        "cron(0 16 ? * TUE *)",
        ("America/Los_Angeles", 0),
        "2026-03-01T00:00:00Z",
        &["2026-03-04T00:00:00Z", "2026-03-10T23:00:00Z", "2026-03-17T23:00:00Z"],
    );
    check(
        "cron(30 2 * * ? *)",
        ("America/New_York", 0),
        "2026-03-08T00:00:00Z",
        &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
    );
    check(
        "cron(30 1 * * ? *)",
        ("America/New_York", 0),
        "2026-10-31T12:00:00Z",
        &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    );
    check(
        "cron(24 30 9 ? * * *)",
        utc,
        "2026-06-30T09:30:24Z",
        &["2026-07-01T09:30:24Z", "2026-07-02T09:30:24Z"],
    );
    check(
        "cron(0 0 ? * THU#5 *)",
        utc,
        "2026-01-01T00:00:00Z",
        &["2026-01-29T00:00:00Z", "2026-04-30T00:00:00Z", "2026-07-30T00:00:00Z"],
    );
    check("cron(0 4 29 2 ? *)", utc, "2026-01-01T00:00:00Z", &["2028-02-29T04:00:00Z"]);
    check(
        "cron(0 6 1,15 JAN,JUL ? 2027-2028)",
        ("Europe/Berlin", 0),
        "2026-06-01T00:00:00Z",
        &["2027-01-01T05:00:00Z", "2027-01-15T05:00:00Z", "2027-07-01T04:00:00Z"],
    );
    check(
        "cron(0 0 ? * THU#2 *)",
        ("UTC", 3),
        "2026-05-01T00:00:00Z",
        &["2026-05-17T00:00:00Z", "2026-06-14T00:00:00Z"],
    );
}

#[test]
fn the_further_values() {
    let rate = calendar("rate(7 days)", "UTC", 0, "2026-03-01T08:00:00Z");
    assert_eq!(rate.next_after(at("2026-03-10T12:00:00Z")), Some(at("2026-03-15T08:00:00Z")));
    let rate = calendar("rate(30 minutes)", "UTC", 0, "2026-03-01T08:00:00Z");
    assert_eq!(rate.next_after(at("2026-03-01T12:10:00Z")), Some(at("2026-03-01T12:30:00Z")));
    check("at(2026-07-07T13:15:30)", ("UTC", 0), "2026-01-01T00:00:00Z", &["2026-07-07T13:15:30Z"]);
    check(
        "at(2026-07-07T13:15:30)",
        ("America/Los_Angeles", 0),
        "2026-01-01T00:00:00Z",
        &["2026-07-07T20:15:30Z"],
    );
    check(
        "cron(0 2 ? * THU#3 *)",
        ("UTC", 0),
        "2026-08-20T02:00:00Z",
        &["2026-09-17T02:00:00Z", "2026-10-15T02:00:00Z"],
    );
}

#[test]
fn what_has_passed_is_never_due() {
    let past = calendar("at(2026-01-01T00:00:00)", "UTC", 0, "2026-02-01T00:00:00Z");
    assert_eq!(past.next_after(at("2025-01-01T00:00:00Z")), None);
    let over = calendar("cron(0 0 ? * SUN 2025)", "UTC", 0, "2026-02-01T00:00:00Z");
    assert_eq!(over.next_after(at("2026-02-01T00:00:00Z")), None);
    let last = calendar("cron(0 0 31 12 ? 2199)", "UTC", 0, "2026-02-01T00:00:00Z");
    let due = last.next_after(at("2026-02-01T00:00:00Z")).unwrap();
    assert_eq!((due.to_iso_seconds().as_str(), last.next_after(due)), ("2199-12-31T00:00:00Z", None));
}

#[test]
fn start_and_end_cut_off_and_do_not_shift() {
    let mut weekly = calendar("cron(0 2 ? * SUN *)", "UTC", 0, "2026-01-01T00:00:00Z");
    weekly.starts_at = Some(at("2026-01-11T02:00:00Z"));
    weekly.ends_at = Some(at("2026-01-25T02:00:00Z"));
    let all: Vec<String> =
        weekly.upcoming(at("2026-01-01T00:00:00Z")).map(Timestamp::to_iso_seconds).collect();
    assert_eq!(all, ["2026-01-11T02:00:00Z", "2026-01-18T02:00:00Z"]);

    let mut rate = calendar("rate(6 hours)", "UTC", 0, "2026-01-01T00:00:00Z");
    rate.starts_at = Some(at("2026-01-02T01:00:00Z"));
    let next = |rate: &Calendar, after: &str| rate.next_after(at(after)).unwrap().to_iso_seconds();
    assert_eq!(next(&rate, "2026-01-01T00:00:00Z"), "2026-01-02T01:00:00Z", "first at the start itself");
    assert_eq!(next(&rate, "2026-01-02T01:00:00Z"), "2026-01-02T07:00:00Z");
    rate.starts_at = Some(at("2025-12-31T01:00:00Z"));
    assert_eq!(next(&rate, "2026-01-01T00:00:00Z"), "2026-01-01T06:00:00Z", "a past start counts as now");
}

#[test]
fn refuses_what_is_malformed_for_everybody() {
    let rows = [
        ("cron(0 2 * * SUN *)", "neither day-of-month nor day-of-week is `?`"),
        ("cron(0 2 ? * ? *)", "both `?`"),
        ("cron(0 2 ? * SUN)", "5 fields instead of 6"),
        ("cron(60 2 ? * SUN *)", "`60` in the minutes field is not of 0-59"),
        ("cron(0 24 ? * SUN *)", "`24` in the hours field"),
        ("cron(0 2 ? * 0 *)", "`0` in the day-of-week field is not of 1-7 or SUN-SAT"),
        ("cron(0 2 ? * TUE#6 *)", "after `#` comes 1 to 5"),
        ("cron(0 2 32 * ? *)", "`32` in the day-of-month field is not of 1-31"),
        ("cron(0 2 ? 13 SUN *)", "`13` in the month field is not of 1-12 or JAN-DEC"),
        ("cron(0 2 * * * *)", "neither"),
        ("cron(0 2 ? * 6L,1 *)", "stand in no list or range"),
        ("cron(0 2 1W,15 * ? *)", "stand in no list or range"),
        ("cron(0 2 L-31 * ? *)", "after `L-` comes 1 to 30"),
        ("cron(0 0 0 2 ? * SUN *)", "8 fields"),
        ("cron(0 2 ? * SUN 1969)", "`1969` in the year field"),
        ("cron(\u{660} 2 ? * SUN *)", "in the minutes field"),
        ("rate(0 minutes)", "whole number of 1 or more"),
        ("rate(1 hours)", "1 takes the unit hour"),
        ("rate(5 hour)", "5 takes the unit hours"),
        ("rate(5 weeks)", "`weeks` is not minute(s)"),
        ("rate(-5 hours)", "whole number"),
        ("rate(5)", "a number and a unit"),
        ("at(2026-13-01T00:00:00)", "YYYY-MM-DDThh:mm:ss"),
        ("at(2026-07-07)", "YYYY-MM-DDThh:mm:ss"),
        ("at(2026-07-07T13:15:30Z)", "YYYY-MM-DDThh:mm:ss"),
        ("at(2026-02-29T00:00:00)", "YYYY-MM-DDThh:mm:ss"),
        ("at(2026-07-07T13:15:60)", "YYYY-MM-DDThh:mm:ss"),
        ("", "expected cron"),
        ("0 2 ? * SUN *", "expected cron"),
        ("cron(0 2 ? * SUN *", "expected cron"),
    ];
    for (text, expected) in rows {
        for outcome in [Schedule::parse_for_window(text), Schedule::parse_for_association(text)] {
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}

#[test]
fn associations_may_say_less_than_windows() {
    let rows = [
        ("cron(0 2 ? JAN SUN *)", true, "the month"),
        ("cron(10 0 2 ? * SUN *)", true, "the seconds"),
        ("rate(10 minutes)", true, "at least 30 minutes"),
        ("rate(31 days)", true, "less than 31 days"),
        ("cron(0/10 * * * ? *)", true, "half hour, 1, 2, 4, 8 or 12 hours"),
        ("cron(0 0/3 * * ? *)", true, "half hour"),
        ("cron(0 1,3,7 * * ? *)", true, "half hour"),
        ("cron(0 2 L * ? *)", true, "day-of-month"),
        ("cron(0/4 * * * ? *)", false, ""),
        ("cron(58,0 0,23 * * ? *)", false, ""),
        ("cron(0/30 0 2 ? * SUN *)", false, ""),
        ("rate(4 minutes)", false, ""),
    ];
    for (text, window_may, expected) in rows {
        assert_eq!(Schedule::parse_for_window(text).is_ok(), window_may, "{text}");
        let error = Schedule::parse_for_association(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    for text in [
        "cron(0/30 * * * ? *)",
        "cron(0 0/1 * * ? *)",
        "cron(0 0/2 * * ? *)",
        "cron(0 */12 ? * * *)",
        "cron(15 10 ? * * *)",
        "cron(15 10 ? * MON-FRI *)",
        "cron(0 15 10 ? * MON-FRI *)",
        "cron(0 2 ? * THU#3 *)",
        "cron(0 2 ? * FRIL *)",
        "rate(30 minutes)",
        "rate(30 days)",
        "at(2026-07-07T13:15:30)",
    ] {
        assert!(Schedule::parse_for_association(text).is_ok(), "{text}");
    }
    // Over midnight the clock is looked at only where two days follow each other.
    assert!(Schedule::parse_for_window("cron(0,58 0,23 ? * SUN *)").is_ok());
}

#[test]
fn dates_are_read_and_shown_in_their_zone() {
    let new_york = zone_of("America/New_York");
    let rows = [
        ("2026-03-01T02:00:00Z", "2026-03-01T02:00:00Z"),
        ("2026-03-01T02:00:00-05:00", "2026-03-01T07:00:00Z"),
        ("2026-03-01T02:00:00", "2026-03-01T07:00:00Z"),
        ("2026-03-01T02:00", "2026-03-01T07:00:00Z"),
        ("2026-03-01", "2026-03-01T05:00:00Z"),
        ("2026-03-08T02:30:00", "2026-03-08T07:00:00Z"),
    ];
    for (text, expected) in rows {
        assert_eq!(parse_date(text, &new_york).unwrap().to_iso_seconds(), expected, "{text}");
    }
    assert!(parse_date("tomorrow", &new_york).is_err());
    assert_eq!(show(at("2024-05-19T03:30:00Z"), None), "2024-05-19T03:30Z");
    assert_eq!(show(at("2024-05-19T03:30:05Z"), None), "2024-05-19T03:30:05Z");
    assert_eq!(show(at("2024-05-19T03:30:00Z"), Some(&new_york)), "2024-05-18T23:30-04:00");
}

#[test]
fn zones_are_iana_names() {
    let database = TimeZoneDatabase::bundled();
    for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3"] {
        assert!(zone(name, &database).is_ok(), "{name}");
    }
    for name in ["", "Europe/Atlantis", "../etc/passwd", "+02:00", "right/UTC", "EST5EDT4,M3.2.0,M11.1.0"] {
        assert!(zone(name, &database).is_err(), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is sent: no panic, and what is accepted is due later and later.
    #[test]
    fn any_text_is_read_or_refused(
        text in "(cron|rate|at)\\([0-9*?/,LW# A-Z-]{0,30}\\)|(cron\\([0-9*/,-]{1,4} [0-9*/,-]{1,4} (\\?|[0-9LW,-]{1,4}) [*A-Z0-9]{1,3} (\\?|[0-9L#,-]{1,3}) [*0-9-]{1,9}\\))",
        after_seconds in -100_000_000_000i64..100_000_000_000,
        offset_days in 0u8..7,
    ) {
        let _ = Schedule::parse_for_association(&text);
        if let Ok(schedule) = Schedule::parse_for_window(&text) {
            let after = Timestamp::from_seconds(after_seconds);
            let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
            let calendar = Calendar { zone, offset_days, ..Calendar::new(schedule, Timestamp::EPOCH) };
            let mut last = after;
            for due in calendar.upcoming(after).take(3) {
                prop_assert!(due > last, "{text}: {due} is not after {last}");
                last = due;
            }
        }
    }
}
