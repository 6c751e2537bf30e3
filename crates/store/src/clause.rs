//! Conditions of a WHERE clause whose number is only known at run time, with their parameters.

use std::fmt::Write;

use crate::Value;

/// How a column is compared with the values of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    BeginWith,
    LessThan,
    GreaterThan,
}

/// Conditions that all hold. Starts with the parameters of the statement's fixed part.
#[derive(Debug, Default)]
pub struct Clause<'a> {
    sql: String,
    values: Vec<Value<'a>>,
}

impl<'a> Clause<'a> {
    /// `$1…` of the fixed part.
    pub fn after(values: Vec<Value<'a>>) -> Self {
        Self { sql: String::new(), values }
    }

    /// Adds a parameter and returns its placeholder.
    pub fn bind(&mut self, value: impl Into<Value<'a>>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Adds ` AND condition`.
    pub fn and(&mut self, condition: &str) {
        let _ = write!(self.sql, " AND {condition}");
    }

    /// Adds ` AND column = value`, if there is a value.
    pub fn equals(&mut self, column: &str, value: Option<&'a str>) {
        if let Some(value) = value {
            let value = self.bind(value);
            self.and(&format!("{column} = {value}"));
        }
    }

    /// Adds ` AND column IN (values)`; without values nothing is in it.
    pub fn one_of(&mut self, column: &str, values: impl Iterator<Item = &'a str>) {
        let list: Vec<String> = values.map(|value| self.bind(value)).collect();
        let condition = match list.is_empty() {
            true => "1 = 0".to_owned(),
            false => format!("{column} IN ({})", list.join(", ")),
        };
        self.and(&condition);
    }

    /// Adds ` AND expression ⋈ any of values`; for `NotEqual`, none of them.
    pub fn compare(&mut self, expression: &str, comparison: Comparison, values: &'a [String]) {
        let list: Vec<String> = values.iter().map(|value| self.bind(value)).collect();
        let condition = match comparison {
            _ if list.is_empty() => "1 = 0".to_owned(),
            Comparison::Equal => format!("{expression} IN ({})", list.join(", ")),
            Comparison::NotEqual => {
                format!("({expression} IS NULL OR {expression} NOT IN ({}))", list.join(", "))
            }
            Comparison::BeginWith => any(&list, |v| format!("substr({expression}, 1, length({v})) = {v}")),
            Comparison::LessThan => any(&list, |v| format!("{expression} < {v}")),
            Comparison::GreaterThan => any(&list, |v| format!("{expression} > {v}")),
        };
        self.and(&condition);
    }

    pub fn sql(&self) -> &str {
        &self.sql
    }

    pub fn values(&self) -> &[Value<'a>] {
        &self.values
    }
}

/// `$first, …`, so many: for an `IN` list of a slice's length.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    let list: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    list.join(", ")
}

fn any(placeholders: &[String], condition: impl Fn(&str) -> String) -> String {
    let parts: Vec<String> = placeholders.iter().map(|v| condition(v)).collect();
    format!("({})", parts.join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_parameters_after_the_fixed_part() {
        let values = ["a".to_owned(), "b".to_owned()];
        let mut clause = Clause::after(vec!["123456789012".into()]);
        clause.compare("name", Comparison::Equal, &values);
        clause.compare("kind", Comparison::BeginWith, &values[..1]);
        clause.compare("none", Comparison::Equal, &[]);
        assert_eq!(clause.sql(), " AND name IN ($2, $3) AND (substr(kind, 1, length($4)) = $4) AND 1 = 0");
        assert_eq!(clause.values().len(), 4);
    }
}
