//! When an association runs of itself. What else makes it run (changes, new nodes, a request) is the server's to notice.
//! Source: spec systems-manager 3.2, 22.

use api::Timestamp;

use crate::schedule::{Calendar, Schedule};

/// The part of an association that decides when it is due.
#[derive(Clone, Debug)]
pub struct Timing {
    /// None: at its making, on changes, on request and on new nodes only.
    calendar: Option<Calendar>,
    only_at_interval: bool,
}

impl Timing {
    /// `counts_from`: when the association was made or last changed. Schedules of associations are in UTC.
    pub fn new(
        schedule: Option<Schedule>,
        offset_days: Option<u8>,
        only: OnlyAtInterval,
        counts_from: Timestamp,
    ) -> Self {
        let calendar = schedule.map(|schedule| Calendar {
            offset_days: offset_days.unwrap_or_default(),
            ..Calendar::new(schedule, counts_from)
        });
        Self { calendar, only_at_interval: only == OnlyAtInterval::Yes }
    }

    /// The run after it was made or changed at `now`.
    pub fn first(&self, now: Timestamp) -> Option<Timestamp> {
        if self.only_at_interval { self.next(now) } else { Some(now) }
    }

    /// The run after one that started at `now`. However many were missed before `now`, that one made up for all.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.calendar.as_ref()?.next_after(now)
    }
}

/// ApplyOnlyAtCronInterval: nothing but the schedule makes the association run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnlyAtInterval {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn timing(schedule: &str, offset: Option<u8>, only: OnlyAtInterval, from: Timestamp) -> Timing {
        let schedule = (!schedule.is_empty()).then(|| Schedule::parse_for_association(schedule).unwrap());
        Timing::new(schedule, offset, only, from)
    }

    #[test]
    fn runs_at_its_making_and_then_by_its_schedule() {
        use OnlyAtInterval::{No, Yes};
        // Made on a Thursday.
        let made = at("2026-01-01T00:10:00Z");
        let cases = [
            ("", None, No, Some("2026-01-01T00:10:00Z"), None),
            ("rate(30 minutes)", None, No, Some("2026-01-01T00:10:00Z"), Some("2026-01-01T00:40:00Z")),
            ("cron(0 2 ? * SUN *)", None, No, Some("2026-01-01T00:10:00Z"), Some("2026-01-04T02:00:00Z")),
            ("cron(0 2 ? * SUN *)", None, Yes, Some("2026-01-04T02:00:00Z"), Some("2026-01-04T02:00:00Z")),
            (
                "cron(30 23 ? * TUE#3 *)",
                Some(2),
                Yes,
                Some("2026-01-22T23:30:00Z"),
                Some("2026-01-22T23:30:00Z"),
            ),
            (
                "at(2026-07-07T13:15:30)",
                None,
                Yes,
                Some("2026-07-07T13:15:30Z"),
                Some("2026-07-07T13:15:30Z"),
            ),
            ("at(2025-07-07T13:15:30)", None, Yes, None, None),
        ];
        for (schedule, offset, only, first, next) in cases {
            let timing = timing(schedule, offset, only, made);
            let found = [timing.first(made), timing.next(made)].map(|at| at.map(Timestamp::to_iso_seconds));
            assert_eq!(found, [first, next].map(|text| text.map(str::to_owned)), "{schedule} {offset:?}");
        }
    }

    fn schedule() -> impl Strategy<Value = &'static str> {
        proptest::sample::select(vec![
            "rate(30 minutes)",
            "rate(7 days)",
            "cron(0/30 * * * ? *)",
            "cron(0 2 ? * SUN *)",
            "cron(15 10 ? * MON-FRI *)",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(32), ..ProptestConfig::with_cases(64) })]

        /// A server that is away for whole stretches makes one run for each, and none before its time.
        #[test]
        fn one_run_makes_up_for_all_that_were_missed(
            schedule in schedule(), away in proptest::collection::vec(0i64..3 * 86_400, 1..12),
        ) {
            let made = at("2026-02-27T09:00:00Z");
            let timing = timing(schedule, None, OnlyAtInterval::No, made);
            let (mut now, mut due) = (made, timing.first(made));
            prop_assert_eq!(due, Some(made));
            for seconds in away {
                now = now.plus_seconds(seconds);
                if due.is_some_and(|due| due <= now) {
                    due = timing.next(now);
                    // The same question at the same moment starts nothing more.
                    prop_assert!(due.is_none_or(|due| due > now));
                }
            }
        }
    }
}
