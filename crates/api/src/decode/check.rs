//! Walks a JSON value along its constraint table and collects what is broken, in AWS's wording.
//! Nothing is copied and no path is spelled out unless there is something to report.

use super::DecodeError;
use super::shown::shown;
use super::tree::{Json, Object};
use crate::Timestamp;
use crate::schema::{Bounds, Kind, Member, Schema};

/// More than any client reads; bounds the work and the size of the answer.
const MAX_VIOLATIONS: usize = 100;

pub fn check(schema: &Schema, value: &Json<'_>) -> Result<(), DecodeError> {
    let mut checker = Checker::default();
    checker.value(schema, value, &Path::Root)?;
    let violations = checker.violations;
    match violations.len() {
        0 => Ok(()),
        1 => Err(DecodeError::Validation(format!("1 validation error detected: {}", violations[0]))),
        n => {
            Err(DecodeError::Validation(format!("{n} validation errors detected: {}", violations.join("; "))))
        }
    }
}

/// Where the walk is; each step lives on the stack of its caller.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Member { parent: &'a Path<'a>, member: &'a Member },
    Element { parent: &'a Path<'a>, index: usize, list: &'a Schema },
    Entry { parent: &'a Path<'a>, key: &'a str, map: &'a Schema },
}

impl Path<'_> {
    /// `filters.1.member.key`: elements count from one.
    fn text(&self) -> String {
        let join = |parent: &Path<'_>, last: &str| match parent {
            Path::Root => last.to_owned(),
            _ => format!("{}.{last}", parent.text()),
        };
        match self {
            Path::Root => String::new(),
            Path::Member { parent, member } => join(parent, member.path),
            Path::Element { parent, index, .. } => join(parent, &format!("{}.member", index + 1)),
            Path::Entry { parent, key, .. } => join(parent, &format!("{key}.member")),
        }
    }

    /// Whether something that this is a part of must not be echoed.
    fn is_hidden(&self) -> bool {
        match self {
            Path::Root => false,
            Path::Member { parent, member } => member.schema.sensitive || parent.is_hidden(),
            Path::Element { parent, list, .. } => list.sensitive || parent.is_hidden(),
            Path::Entry { parent, map, .. } => map.sensitive || parent.is_hidden(),
        }
    }
}

#[derive(Default)]
struct Checker {
    violations: Vec<String>,
}

impl Checker {
    /// A constraint that is broken is collected; a wrong JSON type ends the walk.
    fn value(&mut self, schema: &Schema, value: &Json<'_>, path: &Path<'_>) -> Result<(), DecodeError> {
        match &schema.kind {
            Kind::Structure(members) => {
                let entries = value.as_object().ok_or_else(|| mismatch(schema, value, path))?;
                self.structure(members, entries, path)
            }
            Kind::List { element, length } => {
                let elements = value.as_array().ok_or_else(|| mismatch(schema, value, path))?;
                self.bounds(schema, value, path, *length, length_of(elements.len()), "length");
                self.list(schema, element, value, elements, path)
            }
            Kind::Map { length, .. } => {
                let entries = value.as_object().ok_or_else(|| mismatch(schema, value, path))?;
                self.bounds(schema, value, path, *length, length_of(entries.len()), "length");
                self.map(schema, value, entries, path)
            }
            _ => {
                let mut broken = vec![];
                scalar(schema, value, path, &mut broken)?;
                for phrase in broken {
                    self.report(schema, value, path, &phrase);
                }
                Ok(())
            }
        }
    }

    fn structure(
        &mut self,
        members: &[Member],
        entries: &Object<'_>,
        parent: &Path<'_>,
    ) -> Result<(), DecodeError> {
        for member in members {
            let path = Path::Member { parent, member };
            match entries.get(member.name) {
                Some(value) if !value.is_null() => self.value(member.schema, value, &path)?,
                _ if member.required => self.report(member.schema, &Json::Null, &path, NOT_NULL),
                _ => {}
            }
        }
        Ok(())
    }

    /// Broken elements that have no parts of their own are reported once, with the whole list.
    fn list(
        &mut self,
        list: &Schema,
        element: &Schema,
        value: &Json<'_>,
        elements: &[Json<'_>],
        parent: &Path<'_>,
    ) -> Result<(), DecodeError> {
        let mut phrases = Phrases::default();
        for (index, each) in elements.iter().enumerate() {
            let path = Path::Element { parent, index, list };
            if has_parts(element) && !each.is_null() {
                self.value(element, each, &path)?;
            } else if has_parts(element) {
                self.report(element, each, &path, NOT_NULL);
            } else {
                phrases.add(element, each, &path)?;
            }
        }
        if let Some(inner) = phrases.joined(element) {
            self.report(list, value, parent, &format!("Member must satisfy constraint: [{inner}]"));
        }
        Ok(())
    }

    fn map(
        &mut self,
        map: &Schema,
        value: &Json<'_>,
        entries: &Object<'_>,
        parent: &Path<'_>,
    ) -> Result<(), DecodeError> {
        let Kind::Map { key: of_key, value: of_value, .. } = &map.kind else { return Ok(()) };
        let (mut keys, mut values) = (Phrases::default(), Phrases::default());
        for (key, each) in entries.iter() {
            let path = Path::Entry { parent, key, map };
            keys.add_text(of_key, key);
            if has_parts(of_value) && !each.is_null() {
                self.value(of_value, each, &path)?;
            } else if has_parts(of_value) {
                self.report(of_value, each, &path, NOT_NULL);
            } else {
                values.add(of_value, each, &path)?;
            }
        }
        for (subject, inner) in [("keys", keys.joined(of_key)), ("value", values.joined(of_value))] {
            if let Some(inner) = inner {
                self.report(map, value, parent, &format!("Map {subject} must satisfy constraint: [{inner}]"));
            }
        }
        Ok(())
    }

    fn bounds(
        &mut self,
        schema: &Schema,
        value: &Json<'_>,
        path: &Path<'_>,
        bounds: Bounds,
        measured: i64,
        of: &str,
    ) {
        if let Some(phrase) = out_of_bounds(bounds, measured, of) {
            self.report(schema, value, path, &phrase);
        }
    }

    fn report(&mut self, schema: &Schema, value: &Json<'_>, path: &Path<'_>, phrase: &str) {
        if self.violations.len() >= MAX_VIOLATIONS {
            return;
        }
        let shown = match value {
            Json::Null => " null".to_owned(),
            _ if path.is_hidden() => String::new(),
            _ => format!(" '{}'", shown(schema, value)),
        };
        let path = path.text();
        self.violations.push(format!("Value{shown} at '{path}' failed to satisfy constraint: {phrase}"));
    }
}

const NOT_NULL: &str = "Member must not be null";

/// Whether elements of this shape are reported under their own path.
fn has_parts(schema: &Schema) -> bool {
    matches!(schema.kind, Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. })
}

/// What the scalar elements of one list or map broke.
#[derive(Default)]
enum Phrases {
    #[default]
    Fine,
    OnlyNulls,
    Broken,
}

impl Phrases {
    fn add(&mut self, schema: &Schema, value: &Json<'_>, path: &Path<'_>) -> Result<(), DecodeError> {
        if value.is_null() {
            if matches!(self, Self::Fine) {
                *self = Self::OnlyNulls;
            }
            return Ok(());
        }
        let mut broken = vec![];
        scalar(schema, value, path, &mut broken)?;
        if !broken.is_empty() {
            *self = Self::Broken;
        }
        Ok(())
    }

    fn add_text(&mut self, schema: &Schema, text: &str) {
        let mut broken = vec![];
        self::text(schema, text, &mut broken);
        if !broken.is_empty() {
            *self = Self::Broken;
        }
    }

    /// AWS names every constraint of the element, not only the broken one.
    fn joined(&self, schema: &Schema) -> Option<String> {
        match self {
            Self::Fine => None,
            Self::OnlyNulls => Some(NOT_NULL.to_owned()),
            Self::Broken => Some(all_constraints(schema).join(", ")),
        }
    }
}

/// Checks a value without parts, adding a phrase for each broken constraint.
fn scalar(
    schema: &Schema,
    value: &Json<'_>,
    path: &Path<'_>,
    broken: &mut Vec<String>,
) -> Result<(), DecodeError> {
    let refuse = || mismatch(schema, value, path);
    match &schema.kind {
        Kind::Text { .. } => text(schema, value.as_str().ok_or_else(refuse)?, broken),
        Kind::Integer(bounds) | Kind::Long(bounds) => {
            let exact = value.as_number().ok_or_else(refuse)?;
            let number = exact.as_i64().or_else(|| exact.is_u64().then_some(i64::MAX)).ok_or_else(refuse)?;
            let before = broken.len();
            broken.extend(out_of_bounds(*bounds, number, "value"));
            let fits = match schema.kind {
                Kind::Integer(_) => i32::try_from(number).is_ok(),
                _ => exact.is_i64(),
            };
            if broken.len() == before && !fits {
                return Err(refuse());
            }
        }
        Kind::Boolean => drop(value.as_bool().ok_or_else(refuse)?),
        Kind::Timestamp => {
            let at = match value {
                Json::Number(seconds) => seconds.as_f64().and_then(Timestamp::from_f64_seconds),
                Json::Text(text) => Timestamp::parse(text),
                _ => None,
            };
            at.ok_or_else(refuse)?;
        }
        Kind::Blob { length } => {
            let text = value.as_str().ok_or_else(refuse)?;
            let padding = text.bytes().rev().take(2).filter(|&byte| byte == b'=').count();
            // Whether it is base64 at all is found out when it is decoded, once.
            broken.extend(out_of_bounds(
                *length,
                length_of((text.len() / 4 * 3).saturating_sub(padding)),
                "length",
            ));
        }
        Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } => {}
    }
    Ok(())
}

fn text(schema: &Schema, text: &str, broken: &mut Vec<String>) {
    let Kind::Text { length, pattern, values } = &schema.kind else { return };
    if !is_plainly_within(*length, length_of(text.len())) {
        broken.extend(out_of_bounds(*length, length_of(text.chars().count()), "length"));
    }
    if pattern.is_some_and(|pattern| !pattern.matches(text)) || !values.is_empty() && !values.contains(&text)
    {
        broken.extend(form(schema));
    }
}

/// Whether a text of so many bytes is within the bounds however many characters it has: each takes
/// one to four bytes. Most texts are, and need no count.
fn is_plainly_within(bounds: Bounds, bytes: i64) -> bool {
    bounds.max.is_none_or(|max| bytes <= max) && bounds.min.is_none_or(|min| (bytes + 3) / 4 >= min)
}

fn out_of_bounds(bounds: Bounds, measured: i64, of: &str) -> Option<String> {
    if bounds.max.is_some_and(|max| measured > max) {
        at_most(bounds, of)
    } else if bounds.min.is_some_and(|min| measured < min) {
        at_least(bounds, of)
    } else {
        None
    }
}

fn at_most(bounds: Bounds, of: &str) -> Option<String> {
    bounds.max.map(|max| format!("Member must have {of} less than or equal to {max}"))
}

fn at_least(bounds: Bounds, of: &str) -> Option<String> {
    bounds.min.map(|min| format!("Member must have {of} greater than or equal to {min}"))
}

/// The pattern or the enum values of a text.
fn form(schema: &Schema) -> Option<String> {
    match &schema.kind {
        Kind::Text { pattern: Some(pattern), .. } => {
            Some(format!("Member must satisfy regular expression pattern: {}", pattern.source()))
        }
        Kind::Text { values, .. } if !values.is_empty() => {
            Some(format!("Member must satisfy enum value set: [{}]", values.join(", ")))
        }
        _ => None,
    }
}

fn all_constraints(schema: &Schema) -> Vec<String> {
    let (bounds, of) = match schema.kind {
        Kind::Text { length, .. } | Kind::Blob { length } => (length, "length"),
        Kind::Integer(range) | Kind::Long(range) => (range, "value"),
        _ => (Bounds { min: None, max: None }, ""),
    };
    [at_most(bounds, of), at_least(bounds, of), form(schema)].into_iter().flatten().collect()
}

/// A value of the wrong JSON type, in AWS's words, and where it is.
fn mismatch(schema: &Schema, value: &Json<'_>, path: &Path<'_>) -> DecodeError {
    let wanted = match schema.kind {
        Kind::Structure(_) => "a structure",
        Kind::List { .. } => "a list",
        Kind::Map { .. } => "a map",
        Kind::Text { .. } => "a String",
        Kind::Integer(_) => "an Integer",
        Kind::Long(_) => "a Long",
        Kind::Boolean => "a Boolean",
        Kind::Timestamp => "a Timestamp",
        Kind::Blob { .. } => "a Blob",
    };
    let found = value.unlike(wanted);
    match path {
        Path::Root => DecodeError::Serialization(found),
        _ => DecodeError::Serialization(format!("{found} at '{}'", path.text())),
    }
}

fn length_of(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
