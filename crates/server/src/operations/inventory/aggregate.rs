//! Numbers of nodes by attribute or by group.
//! Source: systems-manager.md 5.3.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use api::ssm::{
    ErrorCode, InventoryAggregator, InventoryFilter, InventoryGroup, InventoryQueryOperatorType,
    InventoryResultEntity, InventoryResultItem,
};
use domain::inventory::InventoryType;
use store::inventory::Entry;

use super::query::{self, Filter, NodeContents};
use crate::error::ApiError;

pub struct Counts {
    expressions: Vec<Expression>,
    groups: Vec<Group>,
}

/// Attributes of one type; the later ones come from nested aggregators.
struct Expression {
    type_name: String,
    attributes: Vec<String>,
    nodes: BTreeMap<Vec<String>, u64>,
}

struct Group {
    name: String,
    conditions: Vec<Condition>,
    matching: u64,
    not_matching: u64,
}

enum Condition {
    Filter(Filter),
    /// The node has data of one of these types.
    HasType(Vec<String>),
}

impl Counts {
    pub fn parse(aggregators: &[InventoryAggregator]) -> Result<Self, ApiError> {
        let mut counts = Self { expressions: Vec::new(), groups: Vec::new() };
        for aggregator in aggregators {
            match (&aggregator.expression, &aggregator.groups) {
                (Some(_), Some(_)) | (None, None) => {
                    return Err(invalid("an aggregator has either an Expression or Groups"));
                }
                (None, Some(groups)) => {
                    for group in groups {
                        counts.groups.push(Group::parse(group)?);
                    }
                }
                (Some(expression), None) => counts.add_expression(&[], expression, aggregator)?,
            }
        }
        Ok(counts)
    }

    fn add_expression(
        &mut self,
        outer: &[String],
        expression: &str,
        aggregator: &InventoryAggregator,
    ) -> Result<(), ApiError> {
        let Some((type_name, attribute)) = query::split_key(expression) else {
            return Err(invalid(format!("`{expression}` is not TYPE.ATTRIBUTE")));
        };
        if let Some(why) = query::unknown_attribute(type_name, attribute) {
            return Err(invalid(why));
        }
        if InventoryType::find(type_name).is_some_and(|known| !known.is_aggregatable(attribute)) {
            return Err(invalid(format!("nodes are not counted by {expression}")));
        }
        let attributes: Vec<String> = outer.iter().cloned().chain([attribute.to_owned()]).collect();
        for nested in aggregator.aggregators.iter().flatten() {
            let inner = nested
                .expression
                .as_deref()
                .ok_or_else(|| invalid("a nested aggregator needs an Expression"))?;
            if query::split_key(inner).is_none_or(|(name, _)| name != type_name) {
                return Err(invalid(format!("a nested aggregator must stay within {type_name}")));
            }
            self.add_expression(&attributes, inner, nested)?;
        }
        if aggregator.aggregators.as_ref().is_none_or(Vec::is_empty) {
            let type_name = type_name.to_owned();
            self.expressions.push(Expression { type_name, attributes, nodes: BTreeMap::new() });
        }
        Ok(())
    }

    pub fn types(&self) -> BTreeSet<String> {
        let of_groups =
            self.groups.iter().flat_map(|group| &group.conditions).flat_map(|condition| match condition {
                Condition::Filter(filter) => std::slice::from_ref(&filter.type_name),
                Condition::HasType(types) => types.as_slice(),
            });
        self.expressions.iter().map(|expression| &expression.type_name).chain(of_groups).cloned().collect()
    }

    /// Counts one node, once per distinct value.
    pub fn add(&mut self, contents: &NodeContents<'_>) {
        for expression in &mut self.expressions {
            let entries =
                contents.get(expression.type_name.as_str()).map(|content| content.entries.as_slice());
            let value = |entry: &Entry| {
                let attributes = expression.attributes.iter();
                attributes.map(|name| entry.get(name).cloned().unwrap_or_default()).collect::<Vec<_>>()
            };
            let distinct: BTreeSet<_> = entries.unwrap_or_default().iter().map(value).collect();
            for value in distinct {
                *expression.nodes.entry(value).or_default() += 1;
            }
        }
        for group in &mut self.groups {
            match group.matches(contents) {
                true => group.matching += 1,
                false => group.not_matching += 1,
            }
        }
    }

    pub fn into_counted(self) -> Counted {
        let mut counted = Counted::default();
        let expressions = self.expressions.len();
        for (index, expression) in self.expressions.into_iter().enumerate() {
            let version = InventoryType::find(&expression.type_name).map(|known| known.version.to_string());
            let version = version.unwrap_or_else(|| "1.0".to_owned());
            for (values, nodes) in expression.nodes {
                let mut row: Entry =
                    expression.attributes.iter().cloned().zip(values.iter().cloned()).collect();
                row.insert("Count".to_owned(), nodes.to_string());
                let item = expression.type_name.clone();
                counted.units.push(Unit { key: Key(index, values), item, rows: vec![row] });
            }
            counted.items.insert(expression.type_name, version);
        }
        for (index, group) in (expressions..).zip(self.groups) {
            let row = |name: &str, nodes: u64| Entry::from([(name.to_owned(), nodes.to_string())]);
            let rows =
                vec![row("notMatchingCount", group.not_matching), row("matchingCount", group.matching)];
            // The last of one name counts.
            counted.units.retain(|unit| unit.item != group.name);
            counted.items.insert(group.name.clone(), "1.0".to_owned());
            counted.units.push(Unit { key: Key(index, Vec::new()), item: group.name, rows });
        }
        counted
    }
}

/// What was counted, in an order that pages go by.
#[derive(Debug, Default)]
pub struct Counted {
    /// With their versions, also those of which there is nothing.
    items: BTreeMap<String, String>,
    units: Vec<Unit>,
}

/// What stands on one page: a row of an expression, or both rows of a group.
#[derive(Debug)]
struct Unit {
    key: Key,
    item: String,
    rows: Vec<Entry>,
}

/// Which expression or group, and the values that were counted: the same however often it is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(usize, Vec<String>);

impl Counted {
    /// At most `size` of them after `after`; the key of the last, where there are more.
    pub fn page(&self, after: Option<&Key>, size: usize) -> (Vec<InventoryResultEntity>, Option<Key>) {
        let first = after.map_or(0, |after| self.units.partition_point(|unit| unit.key <= *after));
        let rest = &self.units[first..];
        let shown = &rest[..size.min(rest.len())];
        let mut data: BTreeMap<String, InventoryResultItem> = BTreeMap::new();
        for (name, version) in &self.items {
            let item = InventoryResultItem {
                type_name: name.clone(),
                schema_version: version.clone(),
                ..InventoryResultItem::default()
            };
            data.insert(name.clone(), item);
        }
        for unit in shown {
            if let Some(item) = data.get_mut(&unit.item) {
                item.content.extend(unit.rows.iter().cloned());
            }
        }
        let next = shown.last().filter(|_| rest.len() > shown.len()).map(|unit| unit.key.clone());
        (vec![InventoryResultEntity { id: None, data: Some(data) }], next)
    }
}

impl Group {
    fn parse(group: &InventoryGroup) -> Result<Self, ApiError> {
        let conditions = group.filters.iter().map(|filter| {
            if filter.key == "TypeName" && filter.r#type == Some(InventoryQueryOperatorType::Exists) {
                return has_type(filter);
            }
            Filter::parse(filter).map(Condition::Filter)
        });
        let conditions = conditions.collect::<Result<Vec<_>, _>>().map_err(|error| {
            ApiError::new(
                ErrorCode::InvalidInventoryGroupException,
                format!("group {}: {}", group.name, error.message),
            )
        })?;
        Ok(Self { name: group.name.clone(), conditions, matching: 0, not_matching: 0 })
    }

    fn matches(&self, contents: &NodeContents<'_>) -> bool {
        let mut filters = Vec::new();
        for condition in &self.conditions {
            match condition {
                Condition::Filter(filter) => filters.push(filter.clone()),
                Condition::HasType(types) => {
                    let has = |name: &String| {
                        contents.get(name.as_str()).is_some_and(|content| !content.entries.is_empty())
                    };
                    if !types.iter().any(has) {
                        return false;
                    }
                }
            }
        }
        query::passes(&filters, contents)
    }
}

fn has_type(filter: &InventoryFilter) -> Result<Condition, ApiError> {
    let is_known = |name: &&String| InventoryType::find(name).is_some() || name.starts_with("Custom:");
    match filter.values.iter().find(|name| !is_known(name)) {
        Some(unknown) => Err(invalid(format!("there is no inventory type `{unknown}`"))),
        None => Ok(Condition::HasType(filter.values.clone())),
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidAggregatorException, message)
}
