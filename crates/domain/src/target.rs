//! Who is addressed: the `Targets` of a request, checked, and matched against a node.
//! Source: spec systems-manager 0.7.

use std::collections::{BTreeMap, BTreeSet};

use api::ssm;

use crate::ids::{InvalidId, NodeId};

const MAX_TARGETS: usize = 5;
const MAX_VALUES: usize = 50;
const MAX_KEY_CHARS: usize = 163;

/// All must match; at least one there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets(Vec<Target>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `InstanceIds` with `*`.
    AnyNode,
    Nodes(BTreeSet<NodeId>),
    /// The tag has one of the values.
    Tag {
        key: String,
        values: BTreeSet<String>,
    },
    /// One of these tags is there.
    TagKey(BTreeSet<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("Targets: expected 1 to {MAX_TARGETS} entries, got {0}")]
    Count(usize),
    #[error("Targets: the key `{0}` is not known here; expected InstanceIds, tag-key or tag:<name>")]
    Key(String),
    #[error("Targets: the key `{key}` has {count} values; expected 1 to {MAX_VALUES}")]
    Values { key: String, count: usize },
    #[error("Targets: {0}")]
    NodeId(#[from] InvalidId),
}

impl Targets {
    pub fn parse(targets: &[ssm::Target]) -> Result<Self, TargetError> {
        if !(1..=MAX_TARGETS).contains(&targets.len()) {
            return Err(TargetError::Count(targets.len()));
        }
        Ok(Self(targets.iter().map(Target::parse).collect::<Result<_, _>>()?))
    }

    pub fn matches(&self, node: &NodeId, tags: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|target| target.matches(node, tags))
    }

    pub fn entries(&self) -> &[Target] {
        &self.0
    }

    /// The nodes named by id, when any entry does so: nobody else can match.
    pub fn named_nodes(&self) -> Option<&BTreeSet<NodeId>> {
        self.0.iter().find_map(|target| match target {
            Target::Nodes(nodes) => Some(nodes),
            _ => None,
        })
    }
}

impl Target {
    fn parse(target: &ssm::Target) -> Result<Self, TargetError> {
        let key = target.key.as_deref().unwrap_or_default();
        let values = target.values.as_deref().unwrap_or_default();
        if !(1..=MAX_VALUES).contains(&values.len()) {
            return Err(TargetError::Values { key: key.to_owned(), count: values.len() });
        }
        let texts = || values.iter().cloned().collect();
        if key.eq_ignore_ascii_case("InstanceIds") {
            return match values.iter().any(|value| value == "*") {
                true => Ok(Self::AnyNode),
                false => Ok(Self::Nodes(values.iter().map(|value| value.parse()).collect::<Result<_, _>>()?)),
            };
        }
        match key.strip_prefix("tag:") {
            Some(name) if !name.is_empty() && key.chars().count() <= MAX_KEY_CHARS => {
                Ok(Self::Tag { key: name.to_owned(), values: texts() })
            }
            None if key == "tag-key" => Ok(Self::TagKey(texts())),
            _ => Err(TargetError::Key(key.to_owned())),
        }
    }

    fn matches(&self, node: &NodeId, tags: &BTreeMap<String, String>) -> bool {
        match self {
            Self::AnyNode => true,
            Self::Nodes(nodes) => nodes.contains(node),
            Self::Tag { key, values } => tags.get(key).is_some_and(|value| values.contains(value)),
            Self::TagKey(keys) => keys.iter().any(|key| tags.contains_key(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(key: &str, values: &[&str]) -> ssm::Target {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        ssm::Target { key: Some(key.to_owned()), values: Some(values) }
    }

    const NODE: &str = "mi-0123456789abcdef0";

    #[test]
    fn entries_combine_with_and_values_with_or() {
        let node: NodeId = NODE.parse().unwrap();
        let tags = [("Env", "prod"), ("Patch Group", "web")];
        let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let rows = [
            (vec![target("InstanceIds", &[NODE])], true),
            (vec![target("instanceids", &["*"])], true),
            (vec![target("InstanceIds", &["i-0123abcd"])], false),
            (vec![target("tag:Env", &["test", "prod"])], true),
            (vec![target("tag:Env", &["Prod"])], false),
            (vec![target("tag:env", &["prod"])], false),
            (vec![target("tag:Patch Group", &["web"])], true),
            (vec![target("tag-key", &["x", "Env"])], true),
            (vec![target("tag-key", &["x"])], false),
            (vec![target("tag:Env", &["prod"]), target("tag:Patch Group", &["db"])], false),
        ];
        for (targets, expected) in rows {
            assert_eq!(Targets::parse(&targets).unwrap().matches(&node, &tags), expected, "{targets:?}");
        }
    }

    #[test]
    fn refuses_what_is_malformed() {
        let rows = [
            (vec![], "expected 1 to 5 entries, got 0"),
            (vec![target("tag:a", &["b"]); 6], "got 6"),
            (vec![target("tag:a", &[])], "has 0 values"),
            (vec![target("tag:a", &["b"; 51])], "has 51 values"),
            (vec![target("tag:", &["b"])], "the key `tag:` is not known"),
            (vec![target("Name", &["b"])], "the key `Name` is not known"),
            (vec![target("InstanceIds", &["web1"])], "`web1` is not a valid node id"),
        ];
        for (targets, expected) in rows {
            let error = Targets::parse(&targets).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
