//! Filters of the lists: each names one thing of a row, and has one of the values. Keys are read without spaces and in any
//! case: `Configuration Type`, `ConfigurationType`.
//! Source: systems-manager.md 13.

use api::quicksetup::Filter;

use crate::error::{self, ApiError};

/// What rows are asked for, as keys name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Type,
    Status,
    Name,
    /// An ARN has characters that no filter can hold: the UUID at its end.
    Manager,
    Region,
    Definition,
}

pub struct Filters(Vec<(Field, Vec<String>)>);

impl Filters {
    pub fn parse(given: &[Filter]) -> Result<Self, ApiError> {
        let read = |filter: &Filter| {
            let plain: String = filter.key.chars().filter(char::is_ascii_alphanumeric).collect();
            let field = match plain.to_ascii_lowercase().as_str() {
                "configurationtype" | "type" => Field::Type,
                "status" => Field::Status,
                "name" | "managername" => Field::Name,
                "managerarn" | "managerid" => Field::Manager,
                "region" => Field::Region,
                "configurationdefinitionid" | "definitionid" => Field::Definition,
                _ => {
                    return Err(error::validation(format!(
                        "Filters: the key `{}` is not known: expected Configuration Type, Status, Name, Manager ARN, \
                         Region or Configuration Definition Id",
                        filter.key
                    )));
                }
            };
            Ok((field, filter.values.clone()))
        };
        given.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// `of`: what the row has under a field; several where it has several.
    pub fn matches(&self, of: impl Fn(Field) -> Vec<String>) -> bool {
        self.0.iter().all(|(field, values)| {
            of(*field).iter().any(|text| values.iter().any(|value| value.eq_ignore_ascii_case(text)))
        })
    }
}
