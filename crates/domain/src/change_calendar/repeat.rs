//! How events repeat: the part of RRULE that calendars of changes use. Anything else is refused.
//! Source: RFC 5545, 3.3.10.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;

use super::parse_time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A day of the week, with or without which one of the month; below zero from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Day {
    nth: Option<i8>,
    weekday: Weekday,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    frequency: Frequency,
    interval: i32,
    count: Option<u32>,
    /// By the clock of the event.
    until: Option<DateTime>,
    days: Vec<Day>,
    days_of_month: Vec<i8>,
    months: Vec<i8>,
    week_start: Weekday,
}

impl Rule {
    pub fn parse(text: &str, start: DateTime, zone: &TimeZone) -> Result<Self, String> {
        let mut rule = Self {
            frequency: Frequency::Daily,
            interval: 1,
            count: None,
            until: None,
            days: Vec::new(),
            days_of_month: Vec::new(),
            months: Vec::new(),
            week_start: Weekday::Monday,
        };
        let mut has_frequency = false;
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` has no value"))?;
            let invalid = || format!("{name} cannot be `{value}`");
            match name.to_ascii_uppercase().as_str() {
                "FREQ" => {
                    has_frequency = true;
                    rule.frequency = frequency(value).ok_or_else(invalid)?;
                }
                "INTERVAL" => {
                    rule.interval =
                        value.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or_else(invalid)?;
                }
                "COUNT" => rule.count = Some(value.parse().map_err(|_| invalid())?),
                "UNTIL" => rule.until = Some(until(value, zone).ok_or_else(invalid)?),
                "BYDAY" => rule.days = list(value, day).ok_or_else(invalid)?,
                "BYMONTHDAY" => {
                    rule.days_of_month =
                        list(value, |text| number(text, 31).filter(|day| *day != 0)).ok_or_else(invalid)?;
                }
                "BYMONTH" => {
                    rule.months = list(value, |text| number(text, 12).filter(|month| *month > 0))
                        .ok_or_else(invalid)?;
                }
                "WKST" => rule.week_start = weekday(value).ok_or_else(invalid)?,
                other => return Err(format!("{other} is not supported")),
            }
        }
        if !has_frequency {
            return Err("FREQ is missing".to_owned());
        }
        rule.check(start)
    }

    fn check(self, start: DateTime) -> Result<Self, String> {
        let is_numbered = self.days.iter().any(|day| day.nth.is_some());
        let by_weeks = matches!(self.frequency, Frequency::Daily | Frequency::Weekly);
        if is_numbered && by_weeks {
            return Err("a numbered BYDAY is for months".to_owned());
        }
        if self.frequency == Frequency::Yearly && !self.days.is_empty() && self.months.is_empty() {
            return Err("BYDAY of a year needs BYMONTH".to_owned());
        }
        if self.until.is_some_and(|until| until < start) {
            return Err("UNTIL is before DTSTART".to_owned());
        }
        Ok(self)
    }

    /// From `start`, which always is one, to the end of `last`; those before `from` may be left out.
    pub fn occurrences(&self, start: DateTime, from: Date, last: Date) -> impl Iterator<Item = DateTime> {
        let first = start.date();
        // Only who counts them must see them all.
        let begin = if self.count.is_some() { first } else { first.max(from) };
        let days = std::iter::successors(Some(begin), |day| day.tomorrow().ok());
        let days = days.take_while(move |day| *day <= last);
        let starts = days.filter(move |day| *day == first || self.contains(*day, first));
        let starts = starts.map(move |day| day.to_datetime(start.time()));
        let starts = starts.take_while(|at| self.until.is_none_or(|until| *at <= until));
        starts.take(self.count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX)))
    }

    fn contains(&self, day: Date, first: Date) -> bool {
        let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
        let passed = match self.frequency {
            Frequency::Daily => days_between(first, day),
            Frequency::Weekly => days_between(self.week_of(first), self.week_of(day)) / 7,
            Frequency::Monthly => months(day) - months(first),
            Frequency::Yearly => i32::from(day.year() - first.year()),
        };
        passed % self.interval == 0 && self.is_month(day, first) && self.is_day(day, first)
    }

    fn is_month(&self, day: Date, first: Date) -> bool {
        match (self.frequency, self.months.is_empty()) {
            (Frequency::Yearly, true) => day.month() == first.month(),
            (_, true) => true,
            (_, false) => self.months.contains(&day.month()),
        }
    }

    fn is_day(&self, day: Date, first: Date) -> bool {
        let from_end = day.day() - day.days_in_month() - 1;
        let of_month = self.days_of_month.contains(&day.day()) || self.days_of_month.contains(&from_end);
        let of_week = self.days.iter().any(|wanted| wanted.is(day));
        match (self.days_of_month.is_empty(), self.days.is_empty()) {
            (false, false) => of_month && of_week,
            (false, true) => of_month,
            (true, false) => of_week,
            (true, true) => match self.frequency {
                Frequency::Daily => true,
                Frequency::Weekly => day.weekday() == first.weekday(),
                Frequency::Monthly | Frequency::Yearly => day.day() == first.day(),
            },
        }
    }

    /// Its first day.
    fn week_of(&self, day: Date) -> Date {
        let since = self.week_start.until(day.weekday());
        day.saturating_sub(jiff::Span::new().days(since))
    }
}

impl Day {
    fn is(self, day: Date) -> bool {
        let nth = (day.day() + 6) / 7;
        let from_end = -((day.days_in_month() - day.day()) / 7 + 1);
        day.weekday() == self.weekday && self.nth.is_none_or(|wanted| wanted == nth || wanted == from_end)
    }
}

fn days_between(from: Date, to: Date) -> i32 {
    i32::try_from(to.duration_since(from).as_hours() / 24).unwrap_or(i32::MAX)
}

fn frequency(text: &str) -> Option<Frequency> {
    match text.to_ascii_uppercase().as_str() {
        "DAILY" => Some(Frequency::Daily),
        "WEEKLY" => Some(Frequency::Weekly),
        "MONTHLY" => Some(Frequency::Monthly),
        "YEARLY" => Some(Frequency::Yearly),
        _ => None,
    }
}

/// The last moment that counts, by the clock of the event. A date alone counts whole.
fn until(text: &str, zone: &TimeZone) -> Option<DateTime> {
    let at = parse_time(text)?;
    if !text.contains('T') {
        return at
            .date()
            .tomorrow()
            .ok()?
            .to_datetime(at.time())
            .checked_sub(jiff::Span::new().nanoseconds(1))
            .ok();
    }
    match text.ends_with('Z') {
        true => Some(zone.to_datetime(super::instant(&TimeZone::UTC, at))),
        false => Some(at),
    }
}

fn list<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(read).collect()
}

fn number(text: &str, most: i8) -> Option<i8> {
    text.parse().ok().filter(|number: &i8| (-most..=most).contains(number))
}

/// `MO`, `2TU`, `-1FR`.
fn day(text: &str) -> Option<Day> {
    let at = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at))?;
    let (nth, name) = text.split_at(at);
    let nth = match nth {
        "" => None,
        nth => Some(number(nth.trim_start_matches('+'), 5).filter(|nth| *nth != 0)?),
    };
    Some(Day { nth, weekday: weekday(name)? })
}

fn weekday(name: &str) -> Option<Weekday> {
    match name.to_ascii_uppercase().as_str() {
        "MO" => Some(Weekday::Monday),
        "TU" => Some(Weekday::Tuesday),
        "WE" => Some(Weekday::Wednesday),
        "TH" => Some(Weekday::Thursday),
        "FR" => Some(Weekday::Friday),
        "SA" => Some(Weekday::Saturday),
        "SU" => Some(Weekday::Sunday),
        _ => None,
    }
}
