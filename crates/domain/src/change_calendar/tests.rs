//! Calendars as text, and the moments at which they are open.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

fn calendar(kind: &str, events: &[&str]) -> String {
    let events: Vec<String> =
        events.iter().map(|event| format!("BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n")).collect();
    format!(
        "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\nX-CALENDAR-TYPE:{kind}\r\n{}END:VCALENDAR\r\n",
        events.concat()
    )
}

fn read(text: &str) -> Result<ChangeCalendar, CalendarError> {
    ChangeCalendar::parse(text, &TimeZoneDatabase::bundled())
}

fn state(text: &str, at: &str) -> State {
    read(text).unwrap().state_at(Timestamp::parse(at).unwrap())
}

#[test]
fn events_flip_what_is_the_rule() {
    let freeze = "DTSTART:20261224T000000Z\r\nDTEND:20261227T000000Z\r\nSUMMARY:holidays";
    let (open, closed) = (calendar("DEFAULT_OPEN", &[freeze]), calendar("DEFAULT_CLOSED", &[freeze]));
    for (at, is_event) in [
        ("2026-12-23T23:59:59Z", false),
        ("2026-12-24T00:00:00Z", true),
        ("2026-12-26T23:59:59Z", true),
        ("2026-12-27T00:00:00Z", false),
    ] {
        assert_eq!(state(&open, at) == State::Closed, is_event, "{at}");
        assert_eq!(state(&closed, at) == State::Open, is_event, "{at}");
    }
}

#[test]
fn events_repeat() {
    // Event, moments within it, moments outside.
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "DTSTART:20260105T080000Z\r\nDURATION:PT2H\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260131T000000Z",
            &["2026-01-05T09:59:59Z", "2026-01-07T08:00:00Z", "2026-01-28T08:30:00Z"],
            &["2026-01-06T08:30:00Z", "2026-01-05T10:00:00Z", "2026-02-02T08:30:00Z", "2025-12-29T08:30:00Z"],
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260327T220000\r\nDTEND;TZID=Europe/Berlin:20260328T060000\r\nRRULE:FREQ=DAILY;COUNT=3",
            // The clocks go forward in the second night: it is an hour shorter.
            &["2026-03-27T21:00:00Z", "2026-03-29T03:59:59Z", "2026-03-30T03:59:59Z"],
            &["2026-03-27T20:59:59Z", "2026-03-29T04:00:00Z", "2026-03-30T20:30:00Z"],
        ),
        (
            "DTSTART;VALUE=DATE:20260131\r\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1\r\nEXDATE;VALUE=DATE:20260331",
            &["2026-01-31T12:00:00Z", "2026-02-28T00:00:00Z", "2026-04-30T23:59:59Z"],
            &["2026-02-27T12:00:00Z", "2026-03-31T12:00:00Z", "2026-03-01T00:00:00Z"],
        ),
        (
            "DTSTART:20260113T000000Z\r\nDTEND:20260114T000000Z\r\nRRULE:FREQ=MONTHLY;BYDAY=2TU;INTERVAL=2",
            &["2026-01-13T10:00:00Z", "2026-03-10T10:00:00Z"],
            &["2026-02-10T10:00:00Z", "2026-03-17T10:00:00Z"],
        ),
        (
            "DTSTART:20240229T000000Z\r\nDTEND:20240301T000000Z\r\nRRULE:FREQ=YEARLY",
            &["2024-02-29T10:00:00Z", "2028-02-29T10:00:00Z"],
            &["2026-02-28T10:00:00Z", "2026-03-01T10:00:00Z"],
        ),
        (
            "DTSTART:20261225T000000Z\r\nDTEND:20261226T000000Z\r\nX-AWS-ADVISORY:TRUE",
            &[],
            &["2026-12-25T10:00:00Z"],
        ),
        (
            // Longer than from one to the next, and begun long ago.
            "DTSTART:19700101T000000Z\r\nDURATION:P10D\r\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1,5",
            &["2026-03-01T00:00:00Z", "2026-03-10T23:59:59Z", "2026-03-14T23:59:59Z"],
            &["2026-03-15T00:00:00Z", "2026-02-28T12:00:00Z"],
        ),
        ("DTSTART:20261225T000000Z\r\nSUMMARY:no length", &[], &["2026-12-25T00:00:00Z"]),
    ];
    for (event, within, outside) in cases {
        let text = calendar("DEFAULT_OPEN", &[event]);
        for at in *within {
            assert_eq!(state(&text, at), State::Closed, "{event} at {at}");
        }
        for at in *outside {
            assert_eq!(state(&text, at), State::Open, "{event} at {at}");
        }
    }
}

#[test]
fn several_are_open_when_all_are() {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let freeze = read(&calendar(
        "DEFAULT_OPEN",
        // The second begins where the first ends: nothing changes in between.
        &[
            "DTSTART:20261224T000000Z\r\nDTEND:20261227T000000Z",
            "DTSTART:20261227T000000Z\r\nDTEND:20270102T000000Z",
        ],
    ));
    let nights =
        read(&calendar("DEFAULT_CLOSED", &["DTSTART:20260101T220000Z\r\nDURATION:PT8H\r\nRRULE:FREQ=DAILY"]));
    let both = [freeze.unwrap(), nights.unwrap()];
    let rows = [
        ("2026-12-22T12:00:00Z", State::Closed, "2026-12-22T22:00:00Z"),
        ("2026-12-22T22:00:00Z", State::Open, "2026-12-23T06:00:00Z"),
        ("2026-12-23T23:00:00Z", State::Open, "2026-12-24T00:00:00Z"),
        ("2026-12-24T00:00:00Z", State::Closed, "2027-01-02T00:00:00Z"),
    ];
    for (now, state, next) in rows {
        assert_eq!(state_of(&both, at(now)), state, "{now}");
        assert_eq!(next_change(&both, at(now), at("2027-06-01T00:00:00Z")), Some(at(next)), "{now}");
        assert_eq!(next_change(&both, at(now), at(next).plus_millis(-1)), None, "{now}");
    }
    assert_eq!(next_change(&both[..1], at("2027-01-02T00:00:00Z"), at("2029-01-01T00:00:00Z")), None);
}

#[test]
fn folded_lines_are_one() {
    let text = calendar("DEFAULT_OPEN", &["DTSTART:202612\r\n 24T000000Z\r\nDTEND:20261225T000000Z"]);
    assert_eq!(state(&text, "2026-12-24T10:00:00Z"), State::Closed);
}

#[test]
fn what_is_not_understood_is_refused() {
    let event = |event: &str| calendar("DEFAULT_OPEN", &[event]);
    let rows = [
        ("hello".to_owned(), "no line BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR".to_owned(), "X-CALENDAR-TYPE is missing"),
        (calendar("SOMETIMES", &[]), "`SOMETIMES` is neither"),
        (event("SUMMARY:x"), "no DTSTART"),
        (event("DTSTART:19691231T000000Z"), "within the years 1970 to 2199"),
        (event("DTSTART:tomorrow"), "DTSTART `tomorrow`: is no time"),
        (event("DTSTART;TZID=Mars/Olympus:20260101T000000"), "`Mars/Olympus` is not a time zone"),
        (event("DTSTART:20260101T000000Z\nDURATION:long"), "is no duration"),
        (event("DTSTART:20260101T000000Z\nRRULE:FREQ=HOURLY"), "FREQ cannot be `HOURLY`"),
        (event("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;BYHOUR=3"), "BYHOUR is not supported"),
        (event("DTSTART:20260101T000000Z\nRRULE:FREQ=WEEKLY;BYDAY=2MO"), "a numbered BYDAY is for months"),
        (
            event("DTSTART:20260101T000000Z\nRDATE:20260102T000000Z"),
            "RDATE `20260102T000000Z`: is not supported",
        ),
    ];
    for (text, expected) in rows {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(33), ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_text_panics(text in "(BEGIN:VCALENDAR\n)?(X-CALENDAR-TYPE:DEFAULT_OPEN\n)?(BEGIN:VEVENT\n)?[A-Z;:=0-9TZ\n -]{0,120}") {
        if let Ok(calendar) = read(&text) {
            let now = Timestamp::from_seconds(1_790_000_000);
            calendar.state_at(now);
            next_change(&[calendar], now, now.plus_seconds(400 * 86_400));
        }
    }

    /// Against looking at every hour.
    #[test]
    fn the_next_change_is_the_first(
        events in prop::collection::vec((0i64..300, 1i64..60, 1i64..4, prop::bool::ANY, prop::bool::ANY), 1..6),
        asked in 0i64..400,
    ) {
        let start = Timestamp::parse("2026-03-20T00:00:00Z").unwrap();
        let text = |open: bool, of_first: bool| {
            let lines: Vec<String> = events.iter().filter(|event| event.3 == of_first).map(|(begin, hours, interval, _, is_local)| {
                let at = start.plus_seconds(begin * 3600).to_iso_seconds().replace(['-', ':'], "");
                let at = if *is_local { format!(";TZID=Europe/Berlin:{}", at.trim_end_matches('Z')) } else { format!(":{at}") };
                format!("DTSTART{at}\r\nDURATION:PT{hours}H\r\nRRULE:FREQ=DAILY;INTERVAL={interval};COUNT=3")
            }).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            calendar(if open { "DEFAULT_OPEN" } else { "DEFAULT_CLOSED" }, &lines)
        };
        let both = [read(&text(true, true)).unwrap(), read(&text(false, false)).unwrap()];
        let now = start.plus_seconds(asked * 3600 + 600);
        let last = now.plus_seconds(30 * 86_400);
        let hours = (0..=31 * 24).map(|hour| start.plus_seconds((asked + hour) * 3600));
        let mut later = hours.filter(|at| now < *at && *at <= last);
        let expected = later.find(|at| state_of(&both, *at) != state_of(&both, now));
        prop_assert_eq!(next_change(&both, now, last), expected);
    }

    /// Against asking of every day whether it is a multiple of the interval.
    #[test]
    fn intervals_count_from_the_start(interval in 1i64..9, count in 1i64..6, day in 0i64..80) {
        let event = format!("DTSTART:20260101T000000Z\r\nDTEND:20260102T000000Z\r\nRRULE:FREQ=DAILY;INTERVAL={interval};COUNT={count}");
        let calendar = read(&calendar("DEFAULT_OPEN", &[&event])).unwrap();
        let at = Timestamp::parse("2026-01-01T12:00:00Z").unwrap().plus_seconds(day * 86_400);
        let expected = day % interval == 0 && day / interval < count;
        prop_assert_eq!(calendar.state_at(at) == State::Closed, expected);
    }
}
