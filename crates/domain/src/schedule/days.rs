//! Which days a cron expression means: the day-of-month and the day-of-week field, of which one is `?`.
//! Source: spec systems-manager 22.2.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};

use super::field::{DAYS_OF_MONTH, DAYS_OF_WEEK, number};

/// Days of the week are 1 to 7, Sunday first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Days {
    OfMonth(BTreeSet<u16>),
    /// So many days before the month's last.
    BeforeLast(u16),
    /// The last of Monday to Friday.
    LastWorkday,
    /// The day of Monday to Friday that is nearest to this one and in the same month.
    NearestWorkday(u16),
    OfWeek(BTreeSet<u16>),
    LastOfWeekday(u16),
    NthOfWeekday(u16, u16),
}

const SATURDAY: u16 = 7;

impl Days {
    /// Both fields, in capitals.
    pub fn parse(of_month: &str, of_week: &str) -> Result<Self, String> {
        match (of_month, of_week) {
            ("?", "?") => {
                Err("day-of-month and day-of-week are both `?`: exactly one of them must be".to_owned())
            }
            (of_month, "?") => Self::parse_of_month(of_month),
            ("?", of_week) => Self::parse_of_week(of_week),
            _ => Err("neither day-of-month nor day-of-week is `?`: exactly one of them must be".to_owned()),
        }
    }

    fn parse_of_month(text: &str) -> Result<Self, String> {
        if text == "L" {
            return Ok(Self::BeforeLast(0));
        }
        if text == "LW" {
            return Ok(Self::LastWorkday);
        }
        if let Some(before) = text.strip_prefix("L-") {
            let before = number(before).filter(|before| (1..=30).contains(before));
            return before
                .map(Self::BeforeLast)
                .ok_or_else(|| format!("`{text}` in the day-of-month field: after `L-` comes 1 to 30"));
        }
        if let Some(day) = text.strip_suffix('W') {
            return DAYS_OF_MONTH.value(day).map(Self::NearestWorkday).map_err(alone);
        }
        DAYS_OF_MONTH.set(text).map(Self::OfMonth).map_err(alone)
    }

    fn parse_of_week(text: &str) -> Result<Self, String> {
        if text == "L" {
            return Ok(Self::OfWeek(BTreeSet::from([SATURDAY])));
        }
        if let Some((day, nth)) = text.split_once('#') {
            let day = DAYS_OF_WEEK.value(day).map_err(alone)?;
            let nth = number(nth).filter(|nth| (1..=5).contains(nth));
            return nth
                .map(|nth| Self::NthOfWeekday(day, nth))
                .ok_or_else(|| format!("`{text}` in the day-of-week field: after `#` comes 1 to 5"));
        }
        if let Some(day) = text.strip_suffix('L') {
            return DAYS_OF_WEEK.value(day).map(Self::LastOfWeekday).map_err(alone);
        }
        DAYS_OF_WEEK.set(text).map(Self::OfWeek).map_err(alone)
    }

    pub fn contain(&self, date: Date) -> bool {
        let (day, last) = (of_month(date), unsigned(date.days_in_month()));
        match self {
            Self::OfMonth(days) => days.contains(&day),
            Self::BeforeLast(before) => day + before == last,
            Self::LastWorkday => day == workday_near(date, last),
            Self::NearestWorkday(wanted) => *wanted <= last && day == workday_near(date, *wanted),
            Self::OfWeek(days) => days.contains(&of_week(date.weekday())),
            Self::LastOfWeekday(wanted) => of_week(date.weekday()) == *wanted && day + 7 > last,
            Self::NthOfWeekday(wanted, nth) => of_week(date.weekday()) == *wanted && day.div_ceil(7) == *nth,
        }
    }
}

fn alone(refusal: String) -> String {
    format!("{refusal}; `L`, `W` and `#` stand in no list or range")
}

/// In the month of `date`, which has the day `wanted`.
fn workday_near(date: Date, wanted: u16) -> u16 {
    let last = unsigned(date.days_in_month());
    let ahead = i32::from(wanted) - i32::from(date.day());
    let weekday = date.weekday().wrapping_add(ahead);
    match weekday {
        Weekday::Saturday if wanted == 1 => 3,
        Weekday::Saturday => wanted - 1,
        Weekday::Sunday if wanted == last => wanted - 2,
        Weekday::Sunday => wanted + 1,
        _ => wanted,
    }
}

pub(super) fn of_week(weekday: Weekday) -> u16 {
    unsigned(weekday.to_sunday_one_offset())
}

fn of_month(date: Date) -> u16 {
    unsigned(date.day())
}

/// Days of weeks and months are positive.
fn unsigned(day: i8) -> u16 {
    day.unsigned_abs().into()
}
