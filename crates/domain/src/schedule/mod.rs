//! When something is due: cron, rate and at expressions as maintenance windows and associations use them.
//! What is then done belongs to `window` and to associations. The clock and the time zones are the caller's.
//! Source: spec systems-manager 22.

mod calendar;
mod cron;
mod days;
mod field;
#[cfg(test)]
mod reference;
mod rules;
#[cfg(test)]
mod tests;

pub use calendar::{Calendar, parse_date, show, zone};

use jiff::civil::DateTime;

use cron::Cron;

const MINUTE_SECONDS: u32 = 60;

/// A schedule expression that its user may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    expression: Expression,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    Cron(Cron),
    Rate {
        seconds: i64,
    },
    /// By the clock of the schedule's zone.
    At(DateTime),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("the schedule expression `{text}` is not valid: {reason}")]
    Expression { text: String, reason: String },
    #[error("`{0}` is not a time zone: expected an IANA name such as Europe/Berlin")]
    Zone(String),
    #[error("`{0}` is not a date: expected ISO 8601, such as 2026-03-01T02:00:00Z")]
    Date(String),
}

impl Schedule {
    /// As a maintenance window may have it: any cron and at expression, rates of 5 minutes or more.
    pub fn parse_for_window(text: &str) -> Result<Self, ScheduleError> {
        Self::parse(text, rules::check_window)
    }

    /// As an association may have it: rates from 30 minutes to 31 days, cron in few shapes.
    pub fn parse_for_association(text: &str) -> Result<Self, ScheduleError> {
        Self::parse(text, rules::check_association)
    }

    fn parse(text: &str, check: fn(&Expression) -> Result<(), String>) -> Result<Self, ScheduleError> {
        let expression = Expression::parse(text).and_then(|expression| {
            check(&expression)?;
            Ok(expression)
        });
        let expression = expression
            .map_err(|reason| ScheduleError::Expression { text: text.chars().take(256).collect(), reason })?;
        Ok(Self { text: text.to_owned(), expression })
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Only cron can be shifted by a ScheduleOffset or held to by ApplyOnlyAtCronInterval.
    pub fn is_cron(&self) -> bool {
        matches!(self.expression, Expression::Cron(_))
    }

    pub fn is_rate(&self) -> bool {
        matches!(self.expression, Expression::Rate { .. })
    }
}

impl Expression {
    fn parse(text: &str) -> Result<Self, String> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(fields) = inside("cron") {
            return Cron::parse(fields).map(Self::Cron);
        }
        if let Some(rate) = inside("rate") {
            return parse_rate(rate).map(|seconds| Self::Rate { seconds });
        }
        if let Some(at) = inside("at") {
            return parse_at(at).map(Self::At);
        }
        Err("expected cron(…), rate(…) or at(…)".to_owned())
    }
}

/// `1 hour`, `5 hours`; in seconds.
fn parse_rate(text: &str) -> Result<i64, String> {
    let parts: Vec<&str> = text.split(' ').filter(|part| !part.is_empty()).collect();
    let [count, unit] = parts.as_slice() else {
        return Err("a rate is a number and a unit, such as rate(5 hours)".to_owned());
    };
    let is_plain = !count.starts_with('0') && count.bytes().all(|b| b.is_ascii_digit());
    let count: u32 = count
        .parse()
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| format!("`{count}` is not a whole number of 1 or more"))?;
    let (singular, seconds) = match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" => ("minute", 60),
        "hour" => ("hour", 3600),
        "day" => ("day", 86_400),
        _ => return Err(format!("`{unit}` is not minute(s), hour(s) or day(s)")),
    };
    if (count == 1) != (*unit == singular) {
        return Err(format!("{count} takes the unit {singular}{}", if count == 1 { "" } else { "s" }));
    }
    Ok(i64::from(count) * seconds)
}

/// `2026-07-07T13:15:30`.
fn parse_at(text: &str) -> Result<DateTime, String> {
    let invalid = || format!("`{text}` is not a time of the form YYYY-MM-DDThh:mm:ss");
    let is_shaped = text.len() == 19
        && text.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            10 => b == b'T',
            13 | 16 => b == b':',
            _ => b.is_ascii_digit(),
        });
    // A second of 60 would be read as 59.
    if !is_shaped || text.ends_with(":60") {
        return Err(invalid());
    }
    text.parse().map_err(|_| invalid())
}
