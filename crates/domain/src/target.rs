//! Who is addressed: the `Targets` of a request, checked, and matched against a node.
//! Source: spec systems-manager 0.7.

use std::collections::{BTreeMap, BTreeSet};

use api::ssm;

use crate::ids::{InvalidId, NodeId};
use crate::resource_group::{Members, NodeKind};

/// The members of one resource group.
pub const GROUP_NAME: &str = "resource-groups:Name";
/// Of these members those of the given types.
pub const GROUP_TYPES: &str = "resource-groups:ResourceTypeFilters";
/// The same as [`GROUP_NAME`], as State Manager and Automation call it.
const GROUP_NAME_OF_OTHERS: &str = "ResourceGroup";

const MAX_TARGETS: usize = 5;
const MAX_GROUP_TYPES: usize = 5;
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
    Kind(NodeKind),
    /// Matches nobody: [`Targets::resolve`] puts what the group is in its place.
    Group(GroupTarget),
}

/// A resource group by its name, and which types of its members are meant: all where none is given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupTarget {
    pub name: String,
    pub types: Option<BTreeSet<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("Targets: expected 1 to {MAX_TARGETS} entries, got {0}")]
    Count(usize),
    #[error(
        "Targets: the key `{0}` is not known here; expected InstanceIds, tag-key, tag:<name> or {GROUP_NAME}"
    )]
    Key(String),
    #[error("Targets: the key `{key}` has {count} values; expected 1 to {MAX_VALUES}")]
    Values { key: String, count: usize },
    #[error("Targets: the key {GROUP_NAME} takes the name of one resource group")]
    GroupNames,
    #[error("Targets: the key {GROUP_TYPES} takes up to {MAX_GROUP_TYPES} types, beside {GROUP_NAME}")]
    GroupTypes,
    #[error("Targets: {0}")]
    NodeId(#[from] InvalidId),
}

impl Targets {
    pub fn parse(targets: &[ssm::Target]) -> Result<Self, TargetError> {
        if !(1..=MAX_TARGETS).contains(&targets.len()) {
            return Err(TargetError::Count(targets.len()));
        }
        let (types, others): (Vec<_>, Vec<_>) =
            targets.iter().partition(|target| target.key.as_deref() == Some(GROUP_TYPES));
        let mut parsed = others.into_iter().map(Target::parse).collect::<Result<Vec<_>, _>>()?;
        let mut groups = parsed.iter_mut().filter_map(|target| match target {
            Target::Group(group) => Some(group),
            _ => None,
        });
        match (groups.next(), groups.next(), &types[..]) {
            (_, Some(_), _) => return Err(TargetError::GroupNames),
            (_, None, []) => {}
            (Some(group), None, [one]) => group.types = Some(group_types(one)?),
            _ => return Err(TargetError::GroupTypes),
        }
        Ok(Self(parsed))
    }

    /// What was put together otherwise than by a request.
    pub fn selecting(entries: Vec<Target>) -> Self {
        Self(entries)
    }

    /// The resource group that is meant, when one is.
    pub fn group(&self) -> Option<&GroupTarget> {
        self.0.iter().find_map(|target| match target {
            Target::Group(group) => Some(group),
            _ => None,
        })
    }

    /// The same with the group's members in its place.
    pub fn resolve(&self, members: &Members) -> Self {
        let entries = self.0.iter().flat_map(|target| match target {
            Target::Group(group) => members.targets(group.types.as_ref()),
            other => vec![other.clone()],
        });
        Self(entries.collect())
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
            None if key == GROUP_NAME || key == GROUP_NAME_OF_OTHERS => match values {
                [name] => Ok(Self::Group(GroupTarget { name: name.clone(), types: None })),
                _ => Err(TargetError::GroupNames),
            },
            _ => Err(TargetError::Key(key.to_owned())),
        }
    }

    fn matches(&self, node: &NodeId, tags: &BTreeMap<String, String>) -> bool {
        match self {
            Self::AnyNode => true,
            Self::Nodes(nodes) => nodes.contains(node),
            Self::Tag { key, values } => tags.get(key).is_some_and(|value| values.contains(value)),
            Self::TagKey(keys) => keys.iter().any(|key| tags.contains_key(key)),
            Self::Kind(kind) => NodeKind::of(node) == *kind,
            Self::Group(_) => false,
        }
    }
}

fn group_types(target: &ssm::Target) -> Result<BTreeSet<String>, TargetError> {
    let values = target.values.as_deref().unwrap_or_default();
    match (1..=MAX_GROUP_TYPES).contains(&values.len()) {
        true => Ok(values.iter().cloned().collect()),
        false => Err(TargetError::GroupTypes),
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
    fn a_group_is_its_members() {
        let node: NodeId = NODE.parse().unwrap();
        let tags = BTreeMap::from([("Env".to_owned(), "prod".to_owned())]);
        let members = Members::Listed([node.clone()].into());
        let matches = |targets: &[ssm::Target]| {
            let targets = Targets::parse(targets).unwrap();
            assert!(!targets.matches(&node, &tags), "before it is known who is in it");
            assert_eq!(targets.group().unwrap().name, "web");
            targets.resolve(&members).matches(&node, &tags)
        };
        let types = |name| target(GROUP_TYPES, &[name]);
        assert!(matches(&[target(GROUP_NAME, &["web"])]));
        assert!(matches(&[target("ResourceGroup", &["web"]), target("tag:Env", &["prod"])]));
        assert!(!matches(&[target(GROUP_NAME, &["web"]), target("tag:Env", &["test"])]));
        assert!(matches(&[types("AWS::SSM::ManagedInstance"), target(GROUP_NAME, &["web"])]));
        assert!(!matches(&[target(GROUP_NAME, &["web"]), types("AWS::EC2::Instance")]));
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
            (vec![target(GROUP_NAME, &["a", "b"])], "the name of one resource group"),
            (vec![target(GROUP_NAME, &["a"]), target("ResourceGroup", &["b"])], "the name of one"),
            (vec![target(GROUP_TYPES, &["AWS::EC2::Instance"])], "up to 5 types, beside"),
            (vec![target(GROUP_NAME, &["a"]), target(GROUP_TYPES, &["b"; 6])], "up to 5 types"),
        ];
        for (targets, expected) in rows {
            let error = Targets::parse(&targets).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
