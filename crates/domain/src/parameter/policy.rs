//! Policies of parameters: when one expires, and when somebody is to hear that it will, or that it was not changed.
//! Source: systems-manager.md 10.2.

use api::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const MOST_POLICIES: usize = 10;
const HOUR_SECONDS: i64 = 3600;
/// A hundred years: no reckoning with it overflows.
const MOST_HOURS: i64 = 876_000;

/// All of a version, each as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policies(Vec<Policy>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// JSON, as the request has it.
    pub text: String,
    pub rule: Rule,
    pub status: PolicyStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    Expiration {
        at: Timestamp,
    },
    /// So long before the expiration.
    ExpirationNotification {
        before_hours: i64,
    },
    /// So long after the last change.
    NoChangeNotification {
        after_hours: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyStatus {
    Pending,
    Finished,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("Policies: expected a JSON array of objects with Type, Version and Attributes")]
    Unreadable,
    #[error("Policies: {0} policies; at most {MOST_POLICIES} are allowed")]
    Limit(usize),
    #[error(
        "Policies: the type `{0}` is not known: expected Expiration, ExpirationNotification or NoChangeNotification"
    )]
    Type(String),
    #[error("Policies: {policy}: {attribute}: expected {expected}")]
    Attribute { policy: &'static str, attribute: &'static str, expected: &'static str },
    #[error("Policies: {0}")]
    Incompatible(&'static str),
}

impl Rule {
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Expiration { .. } => "Expiration",
            Self::ExpirationNotification { .. } => "ExpirationNotification",
            Self::NoChangeNotification { .. } => "NoChangeNotification",
        }
    }
}

impl PolicyStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Finished => "Finished",
        }
    }
}

/// What is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The parameter is to be deleted, whatever else is due.
    pub is_expired: bool,
    /// Places of the policies of which somebody is to hear.
    pub told: Vec<usize>,
}

impl Policies {
    /// Reads the member of a request: `[]` and `[{}]` are none.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, PolicyError> {
        let list: Vec<Map<String, Value>> =
            serde_json::from_str(text).map_err(|_| PolicyError::Unreadable)?;
        let list: Vec<Map<String, Value>> = list.into_iter().filter(|policy| !policy.is_empty()).collect();
        if list.len() > MOST_POLICIES {
            return Err(PolicyError::Limit(list.len()));
        }
        let policies = list.into_iter().map(|map| policy(map, now)).collect::<Result<Vec<_>, _>>()?;
        let expirations =
            policies.iter().filter(|policy| matches!(policy.rule, Rule::Expiration { .. })).count();
        let needs_one = |policy: &Policy| matches!(policy.rule, Rule::ExpirationNotification { .. });
        if expirations > 1 {
            return Err(PolicyError::Incompatible("a parameter has at most one Expiration"));
        }
        if expirations == 0 && policies.iter().any(needs_one) {
            return Err(PolicyError::Incompatible("an ExpirationNotification needs an Expiration beside it"));
        }
        Ok(Self(policies))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.0.iter()
    }

    /// Of another version, whose change is what a NoChangeNotification waits for.
    pub fn renewed(mut self) -> Self {
        for policy in &mut self.0 {
            if matches!(policy.rule, Rule::NoChangeNotification { .. }) {
                policy.status = PolicyStatus::Pending;
            }
        }
        self
    }

    /// When something is to be done next; `modified_at` is the version's.
    pub fn due_at(&self, modified_at: Timestamp) -> Option<Timestamp> {
        (0..self.0.len()).filter_map(|place| self.moment(place, modified_at)).min()
    }

    pub fn due(&self, modified_at: Timestamp, now: Timestamp) -> Due {
        let is_due = |place: usize| self.moment(place, modified_at).is_some_and(|at| at <= now);
        let is_expiration = |place: usize| matches!(self.0[place].rule, Rule::Expiration { .. });
        let (expired, told): (Vec<usize>, Vec<usize>) =
            (0..self.0.len()).filter(|place| is_due(*place)).partition(|place| is_expiration(*place));
        Due { is_expired: !expired.is_empty(), told }
    }

    pub fn finish(&mut self, place: usize) {
        if let Some(policy) = self.0.get_mut(place) {
            policy.status = PolicyStatus::Finished;
        }
    }

    /// Of a policy that waits.
    fn moment(&self, place: usize, modified_at: Timestamp) -> Option<Timestamp> {
        let policy = self.0.get(place).filter(|policy| policy.status == PolicyStatus::Pending)?;
        match policy.rule {
            Rule::Expiration { at } => Some(at),
            Rule::NoChangeNotification { after_hours } => {
                Some(modified_at.plus_seconds(after_hours * HOUR_SECONDS))
            }
            Rule::ExpirationNotification { before_hours } => {
                let expires_at = self.0.iter().find_map(|policy| match policy.rule {
                    Rule::Expiration { at } => Some(at),
                    _ => None,
                })?;
                Some(expires_at.plus_seconds(-before_hours * HOUR_SECONDS))
            }
        }
    }
}

fn policy(map: Map<String, Value>, now: Timestamp) -> Result<Policy, PolicyError> {
    let kind = map.get("Type").and_then(Value::as_str).ok_or(PolicyError::Unreadable)?;
    let empty = Map::new();
    let attributes = map.get("Attributes").and_then(Value::as_object).unwrap_or(&empty);
    let text = |name: &str| attributes.get(name).and_then(Value::as_str);
    let hours = |policy: &'static str, attribute: &'static str| {
        let count = attributes.get(attribute).and_then(|value| match value {
            Value::String(text) => text.parse::<i64>().ok(),
            value => value.as_i64(),
        });
        let wrong = |attribute, expected| PolicyError::Attribute { policy, attribute, expected };
        let unit = match text("Unit") {
            Some("Days") => 24,
            Some("Hours") => 1,
            _ => return Err(wrong("Unit", "Days or Hours")),
        };
        let hours =
            count.and_then(|count| count.checked_mul(unit)).filter(|hours| (1..=MOST_HOURS).contains(hours));
        hours.ok_or(wrong(attribute, "a whole number of days or hours"))
    };
    let rule = match kind {
        "Expiration" => {
            let at = text("Timestamp").filter(|text| text.contains('T')).and_then(Timestamp::parse);
            let at = at.filter(|at| *at > now).ok_or(PolicyError::Attribute {
                policy: "Expiration",
                attribute: "Timestamp",
                expected: "a moment to come, such as 2030-01-31T12:00:00.000Z",
            })?;
            Rule::Expiration { at }
        }
        "ExpirationNotification" => {
            Rule::ExpirationNotification { before_hours: hours("ExpirationNotification", "Before")? }
        }
        "NoChangeNotification" => {
            Rule::NoChangeNotification { after_hours: hours("NoChangeNotification", "After")? }
        }
        other => return Err(PolicyError::Type(other.chars().take(100).collect())),
    };
    // Another version of a policy may mean something else.
    if map.get("Version").and_then(Value::as_str) != Some("1.0") {
        let policy = rule.type_name();
        return Err(PolicyError::Attribute { policy, attribute: "Version", expected: "1.0" });
    }
    Ok(Policy { text: Value::Object(map).to_string(), rule, status: PolicyStatus::Pending })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn now() -> Timestamp {
        at("2026-03-01T00:00:00Z")
    }

    fn expiration(moment: &str) -> Value {
        json!({"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": moment}})
    }

    fn before(count: &str, unit: &str) -> Value {
        json!({"Type": "ExpirationNotification", "Version": "1.0", "Attributes": {"Before": count, "Unit": unit}})
    }

    fn unchanged(count: &str, unit: &str) -> Value {
        json!({"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": count, "Unit": unit}})
    }

    #[test]
    fn policies_are_read() {
        let check = |policies: Value, expected: Result<usize, &str>| {
            let found = Policies::parse(&policies.to_string(), now());
            match (&found, expected) {
                (Ok(found), Ok(count)) => assert_eq!(found.iter().count(), count, "{policies}"),
                (Err(error), Err(part)) if error.to_string().contains(part) => {}
                _ => panic!("{policies}: {found:?}"),
            }
        };
        let later = expiration("2026-04-01T00:00:00.000Z");
        check(json!([]), Ok(0));
        check(json!([{}]), Ok(0));
        check(json!([later, before("15", "Days"), before("4", "Hours"), unchanged("20", "Days")]), Ok(4));
        check(json!({}), Err("expected a JSON array"));
        check(json!([1]), Err("expected a JSON array"));
        check(json!([{"Version": "1.0"}]), Err("expected a JSON array"));
        check(json!([{"Type": "Other", "Version": "1.0"}]), Err("the type `Other` is not known"));
        check(json!(vec![unchanged("1", "Days"); 11]), Err("11 policies; at most 10"));
        check(json!([later, later]), Err("at most one Expiration"));
        check(json!([before("1", "Days")]), Err("needs an Expiration"));
        check(
            json!([expiration("2026-02-01T00:00:00Z")]),
            Err("Expiration: Timestamp: expected a moment to come"),
        );
        check(json!([expiration("soon")]), Err("Timestamp"));
        check(json!([unchanged("x", "Days")]), Err("NoChangeNotification: After"));
        check(json!([unchanged("0", "Days")]), Err("After"));
        check(json!([unchanged("9223372036854775807", "Days")]), Err("After"));
        check(json!([unchanged("1", "Weeks")]), Err("Unit: expected Days or Hours"));
        check(json!([later, before("", "Days")]), Err("ExpirationNotification: Before"));
        check(
            json!([{"Type": "NoChangeNotification", "Attributes": {"After": "1", "Unit": "Days"}}]),
            Err("NoChangeNotification: Version: expected 1.0"),
        );
        assert_eq!(Policies::parse("no", now()), Err(PolicyError::Unreadable));
    }

    #[test]
    fn what_is_due_is_known() {
        let text = json!([expiration("2026-04-01T00:00:00Z"), before("1", "Days"), unchanged("48", "Hours")]);
        let mut policies = Policies::parse(&text.to_string(), now()).unwrap();
        assert_eq!(policies.due_at(now()), Some(at("2026-03-03T00:00:00Z")));
        assert_eq!(policies.due(now(), at("2026-03-02T23:59:59Z")), Due::default());
        let due = policies.due(now(), at("2026-03-03T00:00:00Z"));
        assert_eq!(due, Due { is_expired: false, told: vec![2] });
        policies.finish(2);
        assert_eq!(policies.due_at(now()), Some(at("2026-03-31T00:00:00Z")));
        let due = policies.due(now(), at("2026-04-01T00:00:00Z"));
        assert_eq!(due, Due { is_expired: true, told: vec![1] });
        // A new version is a change, and none of what was said of the expiration.
        policies.finish(1);
        let renewed = policies.clone().renewed();
        let statuses: Vec<&str> = renewed.iter().map(|policy| policy.status.as_str()).collect();
        assert_eq!(statuses, ["Pending", "Finished", "Pending"]);
        assert_eq!(renewed.due_at(at("2026-03-20T00:00:00Z")), Some(at("2026-03-22T00:00:00Z")));
        let kept = serde_json::to_string(&policies).unwrap();
        assert_eq!(serde_json::from_str::<Policies>(&kept).unwrap(), policies);
    }
}
