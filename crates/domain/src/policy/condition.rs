//! The `Condition` of a statement: what is asked of a resource's tags.
//! Source: systems-manager.md 19.2; IAM user guide, condition operators.

use super::wildcard::Pattern;
use super::{Question, Resource};

/// One operator with one key; one of several values is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub operator: Operator,
    /// What is absent satisfies it.
    pub if_exists: bool,
    pub key: Key,
    pub values: Vec<Pattern>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equals,
    NotEquals,
    EqualsIgnoringCase,
    NotEqualsIgnoringCase,
    Like,
    NotLike,
    /// Whether it is absent.
    Null,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The tag of this key.
    ResourceTag(String),
    UserName,
}

/// By the names of policies.
pub const OPERATORS: [(&str, Operator); 11] = [
    ("StringEquals", Operator::Equals),
    ("StringNotEquals", Operator::NotEquals),
    ("StringEqualsIgnoreCase", Operator::EqualsIgnoringCase),
    ("StringNotEqualsIgnoreCase", Operator::NotEqualsIgnoringCase),
    ("StringLike", Operator::Like),
    ("StringNotLike", Operator::NotLike),
    ("ArnEquals", Operator::Like),
    ("ArnNotEquals", Operator::NotLike),
    ("ArnLike", Operator::Like),
    ("ArnNotLike", Operator::NotLike),
    ("Null", Operator::Null),
];

impl Key {
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        if lower == "aws:username" {
            return Some(Self::UserName);
        }
        let (service, _) = lower.split_once("resourcetag/").filter(|(_, key)| !key.is_empty())?;
        let is_known = service == "aws:" || service == "ssm:";
        is_known.then(|| Self::ResourceTag(text[service.len() + "resourcetag/".len()..].to_owned()))
    }
}

impl Condition {
    /// `None`: it asks for tags, and the question is about more than one resource.
    pub fn holds(&self, question: &Question<'_>) -> Option<bool> {
        let is_open = !matches!(question.resource, Resource::One(_));
        match self.key {
            Key::ResourceTag(_) if is_open => None,
            _ => Some(self.holds_for(question)),
        }
    }

    fn holds_for(&self, question: &Question<'_>) -> bool {
        let found: Vec<&str> = match &self.key {
            Key::UserName => vec![question.user_name],
            // Keys of conditions have no case, not even where they name a tag.
            Key::ResourceTag(key) => {
                let tags = question.tags.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
                tags.map(|(_, value)| value.as_str()).collect()
            }
        };
        let name = question.user_name;
        let any = |is_match: fn(&Pattern, &str, &str) -> bool| {
            found.iter().any(|text| self.values.iter().any(|value| is_match(value, text, name)))
        };
        let is_absent = found.is_empty();
        match self.operator {
            Operator::Null => {
                let wanted = if is_absent { "true" } else { "false" };
                self.values.iter().any(|value| value.equals_ignoring_case(wanted, name))
            }
            _ if is_absent && self.if_exists => true,
            Operator::Equals => any(Pattern::equals),
            // Of what is absent nothing is equal, so that these hold.
            Operator::NotEquals => !any(Pattern::equals),
            Operator::EqualsIgnoringCase => any(Pattern::equals_ignoring_case),
            Operator::NotEqualsIgnoringCase => !any(Pattern::equals_ignoring_case),
            Operator::Like => any(Pattern::matches),
            Operator::NotLike => !any(Pattern::matches),
        }
    }
}
