//! Filters on inventory, read once and asked of entries and nodes.
//! Source: systems-manager.md 5.3.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use api::ssm::{ErrorCode, InventoryFilter, InventoryQueryOperatorType};
use domain::inventory::InventoryType;
use store::inventory::Entry;

use super::content::TypeContent;
use super::put_inventory::is_custom;
use crate::error::ApiError;

/// A type's attribute and what it is compared with.
#[derive(Clone, Debug)]
pub struct Filter {
    pub type_name: String,
    attribute: String,
    comparison: InventoryQueryOperatorType,
    values: Vec<String>,
}

/// The contents of one node, by type.
pub type NodeContents<'a> = BTreeMap<&'a str, &'a TypeContent>;

impl Filter {
    /// `AWS:Application.Name`.
    pub fn parse(filter: &InventoryFilter) -> Result<Self, ApiError> {
        let (type_name, attribute) = split_key(&filter.key)
            .ok_or_else(|| invalid(format!("`{}` is not TYPE.ATTRIBUTE", filter.key)))?;
        Self::new(type_name, attribute, filter)
    }

    /// A key that is the attribute's name alone; with the type in front it is taken as well.
    pub fn of_attribute(type_name: &str, filter: &InventoryFilter) -> Result<Self, ApiError> {
        let key = filter.key.strip_prefix(type_name).and_then(|key| key.strip_prefix('.'));
        Self::new(type_name, key.unwrap_or(&filter.key), filter)
    }

    fn new(type_name: &str, attribute: &str, filter: &InventoryFilter) -> Result<Self, ApiError> {
        if let Some(why) = unknown_attribute(type_name, attribute) {
            return Err(invalid(why));
        }
        let comparison = filter.r#type.clone().unwrap_or(InventoryQueryOperatorType::Equal);
        match &comparison {
            InventoryQueryOperatorType::Exists => {
                return Err(invalid("Exists is for the filters of aggregator groups only".to_owned()));
            }
            InventoryQueryOperatorType::Unknown(other) => {
                return Err(invalid(format!("`{other}` is not a filter type")));
            }
            _ => {}
        }
        Ok(Self {
            type_name: type_name.to_owned(),
            attribute: attribute.to_owned(),
            comparison,
            values: filter.values.clone(),
        })
    }

    pub fn holds(&self, entry: &Entry) -> bool {
        let text = entry.get(&self.attribute).map(String::as_str).unwrap_or_default();
        let mut values = self.values.iter().map(String::as_str);
        match self.comparison {
            InventoryQueryOperatorType::NotEqual => values.all(|value| text != value),
            InventoryQueryOperatorType::BeginWith => values.any(|value| text.starts_with(value)),
            InventoryQueryOperatorType::LessThan => values.any(|value| order(text, value) == Ordering::Less),
            InventoryQueryOperatorType::GreaterThan => {
                values.any(|value| order(text, value) == Ordering::Greater)
            }
            _ => values.any(|value| text == value),
        }
    }
}

/// Numbers as numbers, everything else as text.
fn order(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

/// Type names hold no dot.
pub fn split_key(key: &str) -> Option<(&str, &str)> {
    key.split_once('.').filter(|(kind, attribute)| !kind.is_empty() && !attribute.is_empty())
}

/// Why there is no such attribute; custom types are not judged.
pub fn unknown_attribute(type_name: &str, attribute: &str) -> Option<String> {
    if is_custom(type_name) {
        return None;
    }
    match InventoryType::find(type_name) {
        None => Some(format!("there is no inventory type `{type_name}`")),
        Some(known) if known.attributes().any(|name| name == attribute) => None,
        Some(_) => Some(format!("{type_name} has no attribute `{attribute}`")),
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidFilter, message)
}

/// Whether a node passes: filters of one type must hold in one entry, types on their own.
pub fn passes(filters: &[Filter], contents: &NodeContents<'_>) -> bool {
    let types: BTreeSet<&str> = filters.iter().map(|filter| filter.type_name.as_str()).collect();
    types.into_iter().all(|type_name| {
        let of_type = || filters.iter().filter(|filter| filter.type_name == type_name);
        let entries = contents.get(type_name).map(|content| content.entries.as_slice()).unwrap_or_default();
        entries.iter().any(|entry| of_type().all(|filter| filter.holds(entry)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(key: &str, operator: &str, value: &str) -> Filter {
        let wire = InventoryFilter {
            key: key.to_owned(),
            values: vec![value.to_owned()],
            r#type: Some(InventoryQueryOperatorType::from(operator)),
        };
        Filter::parse(&wire).unwrap()
    }

    fn content(rows: &[(&str, &str)]) -> TypeContent {
        let entry = |(name, version): &(&str, &str)| {
            Entry::from([
                ("Name".to_owned(), (*name).to_owned()),
                ("Version".to_owned(), (*version).to_owned()),
            ])
        };
        TypeContent { entries: rows.iter().map(entry).collect(), ..TypeContent::default() }
    }

    #[test]
    fn filters_of_one_type_hold_in_one_entry() {
        let applications = content(&[("bash", "5"), ("vim", "9")]);
        let contents = NodeContents::from([("AWS:Application", &applications)]);
        let check = |filters: &[(&str, &str, &str)], expected| {
            let filters: Vec<_> = filters.iter().map(|(key, kind, value)| filter(key, kind, value)).collect();
            assert_eq!(passes(&filters, &contents), expected, "{filters:?}");
        };
        check(&[], true);
        check(&[("AWS:Application.Name", "Equal", "bash"), ("AWS:Application.Version", "Equal", "5")], true);
        check(&[("AWS:Application.Name", "Equal", "bash"), ("AWS:Application.Version", "Equal", "9")], false);
        check(&[("AWS:Application.Version", "GreaterThan", "8")], true);
        check(&[("AWS:Application.Version", "GreaterThan", "10")], false); // as numbers
        check(&[("AWS:Application.Name", "BeginWith", "ba")], true);
        check(&[("AWS:Application.Name", "NotEqual", "bash")], true); // vim
        check(&[("AWS:Network.Name", "NotEqual", "eth0")], false); // nothing of the type
    }

    #[test]
    fn keys_are_known_attributes() {
        let parse = |key: &str| {
            Filter::parse(&InventoryFilter {
                key: key.to_owned(),
                values: vec!["x".to_owned()],
                r#type: None,
            })
        };
        assert!(parse("Custom:Rack.Row").is_ok());
        for key in ["AWS:Application", "AWS:Application.Colour", "AWS:Cloud.Name", ".Name"] {
            assert!(parse(key).is_err(), "{key}");
        }
    }
}
