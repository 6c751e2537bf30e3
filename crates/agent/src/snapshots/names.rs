//! Names of our snapshots: when, and for which run. What is not called so is somebody else's.

use api::Timestamp;

use super::Keep;

const PREFIX: &str = "fettle-";
/// Enough of an execution id to be found by.
const ID_LENGTH: usize = 8;

/// `fettle-1795252560-0b9c9f7a`: seconds since the epoch, the beginning of the execution's id.
pub fn new(execution_id: &str, now: Timestamp) -> String {
    let id: String = execution_id.chars().filter(char::is_ascii_alphanumeric).take(ID_LENGTH).collect();
    format!("{PREFIX}{}-{id}", now.as_seconds())
}

/// When, and for which run; `None` for a name that is none of ours.
pub fn read(name: &str) -> Option<(Timestamp, &str)> {
    let (seconds, id) = name.strip_prefix(PREFIX)?.split_once('-')?;
    let is_ours = !id.is_empty() && id.len() <= ID_LENGTH && id.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_time = seconds.len() >= 9 && seconds.bytes().all(|byte| byte.is_ascii_digit());
    if is_ours && is_time { Some((Timestamp::from_seconds(seconds.parse().ok()?), id)) } else { None }
}

pub fn taken_at(name: &str) -> Option<Timestamp> {
    read(name).map(|(taken_at, _)| taken_at)
}

/// Those that are too many, the oldest first, or too old.
pub fn surplus(names: &[String], now: Timestamp, keep: Keep) -> Vec<&str> {
    let mut ours: Vec<(Timestamp, &str)> =
        names.iter().filter_map(|name| Some((taken_at(name)?, name.as_str()))).collect();
    ours.sort_unstable();
    let oldest = now.plus_seconds(-i64::from(keep.days) * 24 * 3600);
    let too_many = ours.len().saturating_sub(keep.count);
    let goes = ours.iter().enumerate().filter(|(at, (taken, _))| *at < too_many || *taken < oldest);
    goes.map(|(_, (_, name))| *name).collect()
}
