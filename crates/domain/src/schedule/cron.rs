//! Cron expressions in AWS's dialect: six or seven fields, read into sets, asked for days and times.
//! What a user of them may say is `rules`'; clocks and zones are `calendar`'s. Source: spec systems-manager 22.1, 22.2.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::days::Days;
use super::field::{HOURS, MINUTES, MONTHS, SECONDS, YEARS};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    pub seconds: BTreeSet<u16>,
    pub minutes: BTreeSet<u16>,
    pub hours: BTreeSet<u16>,
    pub days: Days,
    pub months: BTreeSet<u16>,
    pub years: BTreeSet<u16>,
}

impl Cron {
    /// What stands between the brackets.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.to_ascii_uppercase();
        let fields: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
        let (seconds, fields) = match fields.as_slice() {
            [seconds, fields @ ..] if fields.len() == 6 => (*seconds, fields),
            fields => ("0", fields),
        };
        let [minutes, hours, of_month, months, of_week, years] = fields else {
            return Err(format!(
                "{} fields instead of 6 (minutes, hours, day-of-month, month, day-of-week, year) or 7 (seconds before them)",
                fields.len()
            ));
        };
        Ok(Self {
            seconds: SECONDS.set(seconds)?,
            minutes: MINUTES.set(minutes)?,
            hours: HOURS.set(hours)?,
            days: Days::parse(of_month, of_week)?,
            months: MONTHS.set(months)?,
            years: YEARS.set(years)?,
        })
    }

    /// The first day of the schedule that is `from` or later.
    pub fn day_from(&self, from: Date) -> Option<Date> {
        let mut date = from;
        loop {
            // Years before the first count as year 0, which is in no set.
            let year = u16::try_from(date.year()).unwrap_or_default();
            if !self.years.contains(&year) {
                let next = self.years.range(year..).next()?;
                date = Date::new(i16::try_from(*next).ok()?, 1, 1).ok()?;
            }
            if !self.months.contains(&u16::from(date.month().unsigned_abs())) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if !self.days.contain(date) {
                date = date.tomorrow().ok()?;
            } else {
                return Some(date);
            }
        }
    }

    /// The first time of a day, in seconds since midnight, that is `from` or later.
    pub fn time_from(&self, from: u32) -> Option<u32> {
        let (hour, minute, second) = (from / 3600, from / 60 % 60, from % 60);
        // The first hour, minute and second that are tried are the only ones that can have nothing later in them.
        for later_hour in at_or_after(&self.hours, hour) {
            let minute = if later_hour == hour { minute } else { 0 };
            for later_minute in at_or_after(&self.minutes, minute) {
                let is_same = (later_hour, later_minute) == (hour, from / 60 % 60);
                let second = if is_same { second } else { 0 };
                if let Some(later_second) = at_or_after(&self.seconds, second).next() {
                    return Some(later_hour * 3600 + later_minute * 60 + later_second);
                }
            }
        }
        None
    }

    /// All times of a day, ascending, in seconds since midnight.
    pub fn times(&self) -> impl Iterator<Item = u32> {
        std::iter::successors(self.time_from(0), |last| self.time_from(last + 1))
    }

    /// Whether two days of the schedule follow each other.
    pub fn has_neighbouring_days(&self) -> bool {
        let mut day = self.day_from(Date::ZERO);
        while let Some(Ok(tomorrow)) = day.map(Date::tomorrow) {
            let next = self.day_from(tomorrow);
            if next == Some(tomorrow) {
                return true;
            }
            day = next;
        }
        false
    }
}

fn at_or_after(set: &BTreeSet<u16>, value: u32) -> impl Iterator<Item = u32> {
    let from = u16::try_from(value).unwrap_or(u16::MAX);
    set.range(from..).map(|value| u32::from(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(set: &BTreeSet<u16>, value: u32) -> bool {
        set.iter().any(|of_set| u32::from(*of_set) == value)
    }

    /// Against asking of every second whether it is in the three sets.
    #[test]
    fn times_are_all_combinations_in_order() {
        for text in [
            "0 0 * * ? *",
            "0/30 * * * ? *",
            "15,45 3,22 * * ? *",
            "5/20 59 0/7 ? * * *",
            "0,59 0,59 0,23 ? * * *",
        ] {
            let cron = Cron::parse(text).unwrap();
            let expected: Vec<u32> = (0..86_400)
                .filter(|at| {
                    has(&cron.hours, at / 3600)
                        && has(&cron.minutes, at / 60 % 60)
                        && has(&cron.seconds, at % 60)
                })
                .collect();
            assert_eq!(cron.times().collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn impossible_days_end_the_search() {
        let never = Cron::parse("0 0 30 FEB ? *").unwrap();
        assert_eq!(never.day_from(Date::constant(2026, 1, 1)), None);
        assert!(!never.has_neighbouring_days());
        assert!(Cron::parse("0 0 31,1 * ? 2026").unwrap().has_neighbouring_days());
        assert!(!Cron::parse("0 0 ? * MON,WED *").unwrap().has_neighbouring_days());
    }
}
