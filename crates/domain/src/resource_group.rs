//! Resource groups: which nodes the query of a group means, or the list of its members. Keeping groups is the server's.
//! Source: API reference of Resource Groups, ResourceQuery and the guide's query syntax; spec systems-manager 0.7.
//! Decision: docs/decisions/0034-resource-groups.md.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::ids::{AccountId, Arn, NodeId, Region};
use crate::target::Target;

pub const TAG_FILTERS: &str = "TAG_FILTERS_1_0";
pub const EVERY_TYPE: &str = "AWS::AllSupported";

const MAX_TYPES: usize = 100;
const MAX_FILTERS: usize = 50;
const MAX_VALUES: usize = 20;

/// What a node is to Resource Groups, by the form of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeKind {
    /// `mi-…`
    ManagedInstance,
    /// `i-…`: a cloud's, under its own id.
    CloudInstance,
}

impl NodeKind {
    pub const ALL: [Self; 2] = [Self::ManagedInstance, Self::CloudInstance];

    pub fn of(node: &NodeId) -> Self {
        match node.as_str().starts_with(Self::CloudInstance.prefix()) {
            true => Self::CloudInstance,
            false => Self::ManagedInstance,
        }
    }

    /// How the ids begin.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::ManagedInstance => "mi-",
            Self::CloudInstance => "i-",
        }
    }

    pub fn resource_type(self) -> &'static str {
        match self {
            Self::ManagedInstance => "AWS::SSM::ManagedInstance",
            Self::CloudInstance => "AWS::EC2::Instance",
        }
    }

    fn is_among(self, types: &BTreeSet<String>) -> bool {
        types.contains(self.resource_type()) || types.contains(EVERY_TYPE)
    }
}

pub fn arn_of(node: &NodeId, (account, region): (&AccountId, &Region)) -> String {
    match NodeKind::of(node) {
        NodeKind::ManagedInstance => format!("arn:aws:ssm:{region}:{account}:managed-instance/{node}"),
        NodeKind::CloudInstance => format!("arn:aws:ec2:{region}:{account}:instance/{node}"),
    }
}

/// The node of this account and region that an ARN names.
pub fn node_of(arn: &str, scope: (&AccountId, &Region)) -> Option<NodeId> {
    let (_, id) = Arn::parse(arn)?.resource.split_once('/')?;
    let node: NodeId = id.parse().ok()?;
    (arn_of(&node, scope) == arn).then_some(node)
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("Query: {0}")]
    Json(String),
    #[error("Query: ResourceTypeFilters has {0} entries; expected 1 to {MAX_TYPES}")]
    Types(usize),
    #[error(
        "Query: `{0}` is no resource type: expected {EVERY_TYPE}, or one such as AWS::SSM::ManagedInstance"
    )]
    Type(String),
    #[error("Query: TagFilters has {0} entries; expected at most {MAX_FILTERS}")]
    Filters(usize),
    #[error("Query: the tag key `{0}` is not of 1 to 128 characters")]
    Key(String),
    #[error("Query: the tag key `{key}` has {count} values; expected at most {MAX_VALUES}")]
    Values { key: String, count: usize },
}

/// A query of the type TAG_FILTERS_1_0: every filter must hold, by one of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    types: BTreeSet<String>,
    filters: Vec<TagFilter>,
}

/// The tag is there, and has one of the values; without values any will do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TagFilter {
    key: String,
    values: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct WireQuery {
    resource_type_filters: Vec<String>,
    #[serde(default)]
    tag_filters: Vec<WireFilter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct WireFilter {
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

impl Query {
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let wire: WireQuery =
            serde_json::from_str(text).map_err(|error| QueryError::Json(error.to_string()))?;
        let count = wire.resource_type_filters.len();
        if !(1..=MAX_TYPES).contains(&count) {
            return Err(QueryError::Types(count));
        }
        if let Some(odd) = wire.resource_type_filters.iter().find(|name| !is_type(name)) {
            return Err(QueryError::Type(odd.chars().take(160).collect()));
        }
        if wire.tag_filters.len() > MAX_FILTERS {
            return Err(QueryError::Filters(wire.tag_filters.len()));
        }
        let filters = wire.tag_filters.into_iter().map(TagFilter::read).collect::<Result<_, _>>()?;
        Ok(Self { types: wire.resource_type_filters.into_iter().collect(), filters })
    }

    pub fn types(&self) -> &BTreeSet<String> {
        &self.types
    }

    /// The types that no node is of: there is nothing else here to be found.
    pub fn unserved(&self) -> impl Iterator<Item = &str> {
        let is_served =
            |name: &str| name == EVERY_TYPE || NodeKind::ALL.iter().any(|kind| kind.resource_type() == name);
        self.types.iter().map(String::as_str).filter(move |name| !is_served(name))
    }
}

impl TagFilter {
    fn read(wire: WireFilter) -> Result<Self, QueryError> {
        if !(1..=128).contains(&wire.key.chars().count()) {
            return Err(QueryError::Key(wire.key.chars().take(160).collect()));
        }
        if wire.values.len() > MAX_VALUES {
            return Err(QueryError::Values { count: wire.values.len(), key: wire.key });
        }
        Ok(Self { key: wire.key, values: wire.values.into_iter().collect() })
    }

    fn to_target(&self) -> Target {
        match self.values.is_empty() {
            true => Target::TagKey([self.key.clone()].into()),
            false => Target::Tag { key: self.key.clone(), values: self.values.clone() },
        }
    }
}

/// `AWS::Service::Thing`.
fn is_type(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
    name == EVERY_TYPE
        || match name.split("::").collect::<Vec<_>>()[..] {
            ["AWS", service, thing] => is_word(service) && is_word(thing),
            _ => false,
        }
}

/// Who is in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    Query(Query),
    Listed(BTreeSet<NodeId>),
}

impl Members {
    /// What selects them, all of it together; `only` keeps those of these types. Never empty.
    pub fn targets(&self, only: Option<&BTreeSet<String>>) -> Vec<Target> {
        let (types, mut targets) = match self {
            Self::Query(query) => {
                (Some(&query.types), query.filters.iter().map(TagFilter::to_target).collect::<Vec<_>>())
            }
            Self::Listed(nodes) => (None, vec![Target::Nodes(nodes.clone())]),
        };
        let is_wanted = |kind: &NodeKind| [types, only].into_iter().flatten().all(|of| kind.is_among(of));
        let kinds: Vec<NodeKind> = NodeKind::ALL.into_iter().filter(is_wanted).collect();
        match kinds[..] {
            // Nobody.
            [] => targets.push(Target::Nodes(BTreeSet::new())),
            [kind] => targets.push(Target::Kind(kind)),
            _ if targets.is_empty() => targets.push(Target::AnyNode),
            _ => {}
        }
        targets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Targets;

    fn tags(given: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
        given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    const MANAGED: &str = "mi-0123456789abcdef0";
    const CLOUD: &str = "i-0123abcd";

    #[test]
    fn a_query_means_nodes_by_kind_and_tags() {
        let all = r#"["AWS::AllSupported"]"#;
        let rows = [
            (all, "[]", MANAGED, true),
            (all, "[]", CLOUD, true),
            (r#"["AWS::SSM::ManagedInstance"]"#, "[]", CLOUD, false),
            (r#"["AWS::EC2::Instance", "AWS::S3::Bucket"]"#, "[]", CLOUD, true),
            (r#"["AWS::S3::Bucket"]"#, "[]", MANAGED, false),
            (all, r#"[{"Key": "Env", "Values": ["test", "prod"]}]"#, MANAGED, true),
            (all, r#"[{"Key": "Env", "Values": ["test"]}]"#, MANAGED, false),
            (all, r#"[{"Key": "Env", "Values": []}, {"Key": "Team"}]"#, MANAGED, true),
            (all, r#"[{"Key": "Env"}, {"Key": "Owner"}]"#, MANAGED, false),
        ];
        let tags = tags(&[("Env", "prod"), ("Team", "web")]);
        for (types, filters, node, expected) in rows {
            let text = format!(r#"{{"ResourceTypeFilters": {types}, "TagFilters": {filters}}}"#);
            let members = Members::Query(Query::parse(&text).unwrap());
            let targets = Targets::selecting(members.targets(None));
            assert_eq!(targets.matches(&node.parse().unwrap(), &tags), expected, "{text} {node}");
        }
    }

    #[test]
    fn types_narrow_a_list() {
        let listed = Members::Listed([MANAGED.parse().unwrap(), CLOUD.parse().unwrap()].into());
        let of = |only: Option<&str>| {
            let only = only.map(|name| BTreeSet::from([name.to_owned()]));
            let targets = Targets::selecting(listed.targets(only.as_ref()));
            [MANAGED, CLOUD].map(|node| targets.matches(&node.parse().unwrap(), &tags(&[])))
        };
        assert_eq!(of(None), [true, true]);
        assert_eq!(of(Some("AWS::SSM::ManagedInstance")), [true, false]);
        assert_eq!(of(Some("AWS::EC2::Instance")), [false, true]);
        assert_eq!(of(Some("AWS::S3::Bucket")), [false, false]);
    }

    #[test]
    fn refuses_what_is_no_query() {
        let many = |count: usize| vec![r#"{"Key": "a"}"#; count].join(",");
        let values = vec![r#""v""#; 21].join(",");
        let all = r#""ResourceTypeFilters": ["AWS::AllSupported"]"#;
        let rows = [
            ("{".to_owned(), "Query: EOF"),
            ("[]".to_owned(), "Query: "),
            (r#"{"TagFilters": []}"#.to_owned(), "ResourceTypeFilters"),
            (r#"{"ResourceTypeFilters": []}"#.to_owned(), "has 0 entries"),
            (r#"{"ResourceTypeFilters": ["ec2:instance"]}"#.to_owned(), "`ec2:instance` is no resource type"),
            (r#"{"ResourceTypeFilters": ["AWS::EC2"]}"#.to_owned(), "`AWS::EC2` is no"),
            (format!(r#"{{{all}, "StackIdentifier": "x"}}"#), "StackIdentifier"),
            (format!(r#"{{{all}, "TagFilters": [{}]}}"#, many(51)), "has 51 entries"),
            (format!(r#"{{{all}, "TagFilters": [{{"Key": ""}}]}}"#), "128 characters"),
            (format!(r#"{{{all}, "TagFilters": [{{"Key": "a", "Values": [{values}]}}]}}"#), "has 21 values"),
        ];
        for (text, expected) in rows {
            let error = Query::parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let query = r#"{"ResourceTypeFilters": ["AWS::S3::Bucket", "AWS::EC2::Instance"]}"#;
        assert_eq!(Query::parse(query).unwrap().unserved().collect::<Vec<_>>(), ["AWS::S3::Bucket"]);
    }

    #[test]
    fn an_arn_names_a_node_of_its_account_and_region() {
        let (account, region) = ("123456789012".parse().unwrap(), "eu-central-1".parse().unwrap());
        for id in [MANAGED, CLOUD] {
            let node: NodeId = id.parse().unwrap();
            let arn = arn_of(&node, (&account, &region));
            assert_eq!(node_of(&arn, (&account, &region)), Some(node));
            let elsewhere = "eu-west-1".parse().unwrap();
            assert_eq!(node_of(&arn, (&account, &elsewhere)), None);
        }
        for odd in ["", "arn:aws:s3:::bucket/mi-0123456789abcdef0", "mi-0123456789abcdef0"] {
            assert_eq!(node_of(odd, (&account, &region)), None, "{odd}");
        }
    }
}
