//! What each user of schedule expressions may say: maintenance windows and associations.
//! Source: spec systems-manager 22.3.

use std::collections::BTreeSet;

use super::cron::Cron;
use super::days::Days;
use super::{Expression, MINUTE_SECONDS};

const HOUR_SECONDS: u32 = 3600;
const DAY_SECONDS: u32 = 24 * HOUR_SECONDS;
/// Between the runs of a window.
const WINDOW_SECONDS: u32 = 5 * MINUTE_SECONDS;
const ASSOCIATION_RATE_SECONDS: std::ops::Range<i64> = 30 * 60..31 * 24 * 3600;
/// Half an hour, 1, 2, 4, 8 and 12 hours.
const ASSOCIATION_STEPS: [u32; 6] = [1800, 3600, 7200, 14_400, 28_800, 43_200];

/// Cron: at least five minutes between runs; a rate in minutes: at least five of them.
pub(super) fn check_window(expression: &Expression) -> Result<(), String> {
    match expression {
        Expression::Cron(cron) if shortest_gap(cron).is_some_and(|gap| gap < WINDOW_SECONDS) => {
            Err("runs of a maintenance window must be at least 5 minutes apart".to_owned())
        }
        Expression::Rate { seconds } if *seconds < i64::from(WINDOW_SECONDS) => {
            Err("the rate of a maintenance window must be at least 5 minutes".to_owned())
        }
        _ => Ok(()),
    }
}

/// Every half hour, 1, 2, 4, 8 or 12 hours, or once on certain days of the week, in every month.
pub(super) fn check_association(expression: &Expression) -> Result<(), String> {
    match expression {
        Expression::Cron(cron) => check_association_cron(cron),
        Expression::Rate { seconds } if !ASSOCIATION_RATE_SECONDS.contains(seconds) => {
            Err("the rate of an association must be at least 30 minutes and less than 31 days".to_owned())
        }
        Expression::Rate { .. } | Expression::At(_) => Ok(()),
    }
}

fn check_association_cron(cron: &Cron) -> Result<(), String> {
    if cron.seconds != BTreeSet::from([0]) {
        return Err("the seconds of an association's schedule must be 0".to_owned());
    }
    if cron.months.len() < 12 {
        return Err("the month of an association's schedule must be `*`".to_owned());
    }
    let is_every_day = matches!(&cron.days, Days::OfMonth(days) if days.len() == 31);
    let is_of_week = matches!(cron.days, Days::OfWeek(_) | Days::LastOfWeekday(_) | Days::NthOfWeekday(..));
    if !is_every_day && !is_of_week {
        return Err(
            "an association runs every day or on days of the week: its day-of-month must be `*` or `?`"
                .to_owned(),
        );
    }
    let times: Vec<u32> = cron.times().collect();
    let mut gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let first = gaps.next();
    if first.is_some_and(|first| !ASSOCIATION_STEPS.contains(&first) || gaps.any(|gap| gap != first)) {
        return Err("an association runs once a day, or every half hour, 1, 2, 4, 8 or 12 hours".to_owned());
    }
    Ok(())
}

/// Between two runs, by the clock on the wall; `None` when there are no two.
fn shortest_gap(cron: &Cron) -> Option<u32> {
    let times: Vec<u32> = cron.times().collect();
    let within = times.windows(2).map(|pair| pair[1] - pair[0]).min();
    let over_midnight = DAY_SECONDS - times.last()? + times.first()?;
    // Looked for among all days only where it would matter.
    let counts = over_midnight < WINDOW_SECONDS && cron.has_neighbouring_days();
    within.into_iter().chain(counts.then_some(over_midnight)).min()
}
