//! Approval rules and their filters. Whether a filter suits an operating system is `validate`'s.
//! Source: spec patch-manager 1.2 and 1.3.

use std::fmt;
use std::str::FromStr;

use api::Timestamp;
use serde::{Deserialize, Serialize};

use crate::compliance::ComplianceLevel;
use crate::compliance::level::UnknownWord;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ApprovalRules {
    #[serde(default)]
    pub patch_rules: Vec<Rule>,
}

/// Filters that must all match; with none, everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FilterGroup {
    #[serde(default)]
    pub patch_filters: Vec<Filter>,
}

/// Matches when the property equals any of the values; `*` is any property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    pub key: FilterKey,
    pub values: Vec<String>,
}

impl Filter {
    pub fn new(key: FilterKey, values: &[&str]) -> Self {
        Self { key, values: values.iter().map(|&value| value.to_owned()).collect() }
    }

    /// Letter case does not count: repositories write `security`, baselines `Security`.
    pub fn accepts(&self, property: &str) -> bool {
        self.values.iter().any(|value| value == "*" || value.eq_ignore_ascii_case(property))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RuleText", into = "RuleText")]
pub struct Rule {
    pub filters: FilterGroup,
    pub compliance_level: ComplianceLevel,
    /// Always present except on the Debian family, which knows no dates.
    pub approval: Option<ApprovalDate>,
    /// Linux: whether the rule reaches beyond security content.
    pub enable_non_security: bool,
}

/// When a matching patch becomes approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalDate {
    /// This many times 24 hours after its release.
    AfterDays(u32),
    /// If it was released on this day or before, UTC.
    Until(Day),
}

impl ApprovalDate {
    /// When a patch of this release date is approved; `None` for never.
    pub fn approved_at(&self, released_at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::AfterDays(days) => Some(released_at.plus_seconds(i64::from(*days) * 86_400)),
            Self::Until(day) => (released_at <= day.last_second()).then_some(released_at),
        }
    }
}

/// A calendar day in UTC, written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(jiff::civil::Date);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a day written YYYY-MM-DD")]
pub struct InvalidDay(pub String);

impl Day {
    /// 23:59:59.999Z of the day.
    pub fn last_second(self) -> Timestamp {
        let midnight = self.0.to_zoned(jiff::tz::TimeZone::UTC).map(|at| at.timestamp().as_millisecond());
        Timestamp::from_millis(midnight.unwrap_or(i64::MAX)).plus_millis(86_400_000 - 1)
    }
}

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let day = plain.then(|| text.parse().ok()).flatten();
        day.map(Self).ok_or_else(|| InvalidDay(text.to_owned()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The API's members, before it is known that they go together.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RuleText {
    #[serde(default)]
    patch_filter_group: FilterGroup,
    #[serde(default)]
    compliance_level: Option<ComplianceLevel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approve_after_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approve_until_date: Option<String>,
    #[serde(default)]
    enable_non_security: Option<bool>,
}

impl TryFrom<RuleText> for Rule {
    type Error = String;

    fn try_from(text: RuleText) -> Result<Self, String> {
        let approval = match (text.approve_after_days, text.approve_until_date) {
            (Some(_), Some(_)) => {
                return Err("a rule has either ApproveAfterDays or ApproveUntilDate, not both".to_owned());
            }
            (Some(days), None) => Some(ApprovalDate::AfterDays(days)),
            (None, Some(day)) => {
                Some(ApprovalDate::Until(day.parse().map_err(|error: InvalidDay| error.to_string())?))
            }
            (None, None) => None,
        };
        Ok(Self {
            filters: text.patch_filter_group,
            compliance_level: text.compliance_level.unwrap_or_default(),
            approval,
            enable_non_security: text.enable_non_security.unwrap_or_default(),
        })
    }
}

impl From<Rule> for RuleText {
    fn from(rule: Rule) -> Self {
        let (days, day) = match rule.approval {
            Some(ApprovalDate::AfterDays(days)) => (Some(days), None),
            Some(ApprovalDate::Until(day)) => (None, Some(day.to_string())),
            None => (None, None),
        };
        Self {
            patch_filter_group: rule.filters,
            compliance_level: Some(rule.compliance_level),
            approve_after_days: days,
            approve_until_date: day,
            enable_non_security: Some(rule.enable_non_security),
        }
    }
}

/// The keys that mean something in a baseline; the model has more, for other operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FilterKey {
    PatchSet,
    Product,
    ProductFamily,
    Classification,
    MsrcSeverity,
    Severity,
    Section,
    Priority,
    Repository,
}

impl FilterKey {
    pub const ALL: [Self; 9] = [
        Self::PatchSet,
        Self::Product,
        Self::ProductFamily,
        Self::Classification,
        Self::MsrcSeverity,
        Self::Severity,
        Self::Section,
        Self::Priority,
        Self::Repository,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::PatchSet => "PATCH_SET",
            Self::Product => "PRODUCT",
            Self::ProductFamily => "PRODUCT_FAMILY",
            Self::Classification => "CLASSIFICATION",
            Self::MsrcSeverity => "MSRC_SEVERITY",
            Self::Severity => "SEVERITY",
            Self::Section => "SECTION",
            Self::Priority => "PRIORITY",
            Self::Repository => "REPOSITORY",
        }
    }
}

impl fmt::Display for FilterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FilterKey {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|key| key.as_str() == text)
            .ok_or_else(|| UnknownWord { kind: "filter key of baselines", text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_ignore_case_and_know_the_star() {
        let filter = Filter::new(FilterKey::Priority, &["Required", "Important"]);
        assert!(filter.accepts("required"));
        assert!(!filter.accepts("optional"));
        assert!(!filter.accepts("*"));
        assert!(Filter::new(FilterKey::Section, &["*"]).accepts(""));
    }

    #[test]
    fn approval_dates_count_in_utc_to_the_second() {
        let at = |text| Timestamp::parse(text).unwrap();
        let released = at("2025-11-09T18:00:00Z");
        let week = ApprovalDate::AfterDays(7);
        assert_eq!(week.approved_at(released), Some(at("2025-11-16T18:00:00Z")));
        let until = ApprovalDate::Until("2025-11-09".parse().unwrap());
        assert_eq!(until.approved_at(released), Some(released));
        assert!(until.approved_at(at("2025-11-09T23:59:59Z")).is_some());
        assert_eq!(until.approved_at(at("2025-11-10T00:00:00Z")), None);
    }

    #[test]
    fn days_are_days() {
        for text in ["2025-02-30", "2025-2-3", "soon", "", "2025-01-01T00", "20250101"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        assert_eq!("2024-02-29".parse::<Day>().unwrap().to_string(), "2024-02-29");
    }
}
