//! Filters of the lists of windows: which keys there are, and what they are compared with.
//! Source: API reference, MaintenanceWindowFilter; systems-manager.md 4.

use api::Timestamp;
use api::ssm::MaintenanceWindowFilter;

use crate::error::{self, ApiError};

/// Values of one filter are alternatives, filters hold together.
pub struct Filters<'a>(Vec<(&'a str, &'a [String])>);

impl<'a> Filters<'a> {
    /// `keys` are the known ones.
    pub fn read(given: Option<&'a [MaintenanceWindowFilter]>, keys: &[&str]) -> Result<Self, ApiError> {
        let named = given.unwrap_or_default().iter();
        Self::of(named.map(|filter| (filter.key.as_deref(), filter.values.as_deref())), keys)
    }

    pub fn of(
        given: impl Iterator<Item = (Option<&'a str>, Option<&'a [String]>)>,
        keys: &[&str],
    ) -> Result<Self, ApiError> {
        let mut filters = Vec::new();
        for (key, values) in given {
            let (key, values) = (key.unwrap_or_default(), values.unwrap_or_default());
            if !keys.contains(&key) {
                let expected = keys.join(", ");
                return Err(error::validation(format!("filter key `{key}`: expected one of {expected}")));
            }
            if values.is_empty() {
                return Err(error::validation(format!("filter {key} has no values")));
            }
            filters.push((key, values));
        }
        Ok(Self(filters))
    }

    /// Whether a row passes all filters of this key.
    pub fn pass(&self, key: &str, holds: impl Fn(&str) -> bool) -> bool {
        let of_key = self.0.iter().filter(|(of, _)| *of == key);
        of_key.into_iter().all(|(_, values)| values.iter().any(|value| holds(value)))
    }

    /// The moment that a filter of this key names.
    pub fn time(&self, key: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some((_, values)) = self.0.iter().find(|(of, _)| *of == key) else { return Ok(None) };
        let [value] = values else {
            return Err(error::validation(format!("filter {key} takes one date")));
        };
        let at = Timestamp::parse(value);
        let invalid = || error::validation(format!("filter {key}: `{value}` is not an ISO 8601 date"));
        at.ok_or_else(invalid).map(Some)
    }
}
