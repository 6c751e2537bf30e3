//! Values made from constraint tables: valid ones, and ones that break a single constraint each.
//! For sweeps over every operation; what a server answers to them is the caller's to judge.

use serde_json::{Map, Value};

use crate::schema::{Bounds, Kind, Schema};

/// Shapes may contain themselves; deeper optional members are left out.
const MAX_DEPTH: usize = 6;
/// Longer texts, lists and blobs are not made.
const MAX_LENGTH: i64 = 200_000;

/// A value that breaks one constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    pub value: Value,
    pub fault: Fault,
    /// The member whose constraint is broken, as wire names: `Filters.Key`.
    pub at: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A required member is absent.
    Absent,
    WrongType,
    TooShort,
    TooLong,
    TooSmall,
    TooLarge,
    Pattern,
    Enum,
}

/// A value that satisfies every constraint, with all optional members. `None` when a pattern has no sample text.
pub fn valid(schema: &'static Schema) -> Option<Value> {
    value(schema, 0)
}

/// One value per constraint that can be broken.
pub fn broken(schema: &'static Schema) -> Vec<Broken> {
    broken_at(schema, 0)
}

fn value(schema: &'static Schema, depth: usize) -> Option<Value> {
    Some(match &schema.kind {
        Kind::Structure(members) => {
            let mut entries = Map::new();
            for member in members.iter().filter(|member| member.required || depth < MAX_DEPTH) {
                entries.insert(member.name.to_owned(), value(member.schema, depth + 1)?);
            }
            Value::Object(entries)
        }
        Kind::List { element, length } => {
            let least = if depth < MAX_DEPTH { 1 } else { 0 };
            let count = length.min.unwrap_or(0).max(least);
            (0..count).map(|_| value(element, depth + 1)).collect::<Option<Vec<_>>>()?.into()
        }
        Kind::Map { key, value: of, length } => {
            let mut entries = Map::new();
            if length.min.unwrap_or(0) > 0 || depth < MAX_DEPTH {
                entries.insert(text(key)?, value(of, depth + 1)?);
            }
            Value::Object(entries)
        }
        Kind::Text { .. } => text(schema)?.into(),
        Kind::Integer(bounds) | Kind::Long(bounds) => bounds.min.or(bounds.max).unwrap_or(1).into(),
        Kind::Boolean => true.into(),
        Kind::Timestamp => 1_769_860_800.into(),
        Kind::Blob { .. } => "AAH/".into(),
    })
}

/// Texts that the patterns of the models ask for; anything else is a run of letters.
const TEXTS: [&str; 19] = [
    "mi-0123456789abcdef0",
    "mw-0123456789abcdef0",
    "0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11",
    "AWS:Application",
    "2026-01-31T12:00:00Z",
    "1.0",
    "10",
    "$LATEST",
    "https://example.com/document",
    "/a",
    "CVE-2026-12345",
    "debian:bookworm",
    "123456789012",
    "arn:aws:iam::123456789012:role/x",
    "arn:aws:ssm-quicksetup:eu-central-1:123456789012:configuration-manager/0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11",
    "https://a.s3.amazonaws.com/a",
    "arn:aws:resource-groups:eu-central-1:123456789012:group/web",
    "AWS::SSM::ManagedInstance",
    "Name",
];

fn text(schema: &'static Schema) -> Option<String> {
    let Kind::Text { length, values, .. } = &schema.kind else { return None };
    if let Some(value) = values.first() {
        return Some((*value).to_owned());
    }
    let run = "a".repeat(usize::try_from(length.min.unwrap_or(1).clamp(1, MAX_LENGTH)).ok()?);
    let known = TEXTS.iter().map(|text| (*text).to_owned());
    std::iter::once(run).chain(known).find(|text| fits(schema, text))
}

fn fits(schema: &Schema, text: &str) -> bool {
    let Kind::Text { length, pattern, .. } = &schema.kind else { return false };
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    within(*length, count) && pattern.is_none_or(|pattern| pattern.matches(text))
}

fn within(bounds: Bounds, measured: i64) -> bool {
    bounds.min.is_none_or(|min| measured >= min) && bounds.max.is_none_or(|max| measured <= max)
}

fn broken_at(schema: &'static Schema, depth: usize) -> Vec<Broken> {
    let mut found: Vec<Broken> = vec![];
    let mut add = |value: Value, fault: Fault| found.push(Broken { value, fault, at: String::new() });
    let wrong = if matches!(schema.kind, Kind::Text { .. } | Kind::Blob { .. }) {
        Value::from(7)
    } else {
        Value::from("seven")
    };
    add(wrong, Fault::WrongType);
    match &schema.kind {
        Kind::Text { length, pattern, values } => {
            if let Some(min) = length.min.filter(|min| *min > 0) {
                add(run(min - 1), Fault::TooShort);
            }
            if let Some(max) = length.max.filter(|max| *max < MAX_LENGTH) {
                add(run(max + 1), Fault::TooLong);
            }
            if !values.is_empty() {
                add("No Such Value".into(), Fault::Enum);
            } else if pattern.is_some() {
                let odd = ["\u{1}", "\n", "!!", "\u{1}\u{1}\u{1}"].into_iter();
                let odd = odd.chain(TEXTS).find(|text| pattern.is_some_and(|pattern| !pattern.matches(text)));
                odd.into_iter().for_each(|text| add(text.into(), Fault::Pattern));
            }
        }
        Kind::Integer(bounds) | Kind::Long(bounds) => {
            bounds.min.into_iter().for_each(|min| add(min.saturating_sub(1).into(), Fault::TooSmall));
            bounds.max.into_iter().for_each(|max| add(max.saturating_add(1).into(), Fault::TooLarge));
        }
        Kind::List { element, length } => {
            if length.min.is_some_and(|min| min > 0) {
                add(Value::Array(vec![]), Fault::TooShort);
            }
            let too_many = length.max.filter(|max| *max < MAX_LENGTH).and_then(|max| {
                let one = value(element, depth + 1)?;
                Some(vec![one; usize::try_from(max + 1).ok()?])
            });
            too_many.into_iter().for_each(|elements| add(elements.into(), Fault::TooLong));
        }
        _ => {}
    }
    if depth < MAX_DEPTH {
        found.extend(broken_parts(schema, depth));
    }
    found
}

fn run(length: i64) -> Value {
    "a".repeat(usize::try_from(length).unwrap_or(0)).into()
}

/// The whole value, with one broken part in it.
fn broken_parts(schema: &'static Schema, depth: usize) -> Vec<Broken> {
    match &schema.kind {
        Kind::Structure(members) => {
            let Some(Value::Object(whole)) = value(schema, depth) else { return vec![] };
            let of_member = |member: &'static crate::schema::Member| {
                let absent = member.required.then_some(Broken {
                    value: Value::Null,
                    fault: Fault::Absent,
                    at: String::new(),
                });
                let whole = &whole;
                absent.into_iter().chain(broken_at(member.schema, depth + 1)).map(move |part| {
                    let mut entries = whole.clone();
                    entries.insert(member.name.to_owned(), part.value);
                    let inner = if part.at.is_empty() { String::new() } else { format!(".{}", part.at) };
                    Broken { value: entries.into(), fault: part.fault, at: format!("{}{inner}", member.name) }
                })
            };
            members.iter().flat_map(of_member).collect()
        }
        Kind::List { element, length } if length.min.unwrap_or(0) <= 1 => {
            let parts = broken_at(element, depth + 1).into_iter();
            parts.map(|part| Broken { value: vec![part.value].into(), ..part }).collect()
        }
        Kind::Map { key, value: of, .. } => {
            let Some(key) = text(key) else { return vec![] };
            let wrap = |part: Broken| {
                let entries = Map::from_iter([(key.clone(), part.value)]);
                Broken { value: entries.into(), fault: part.fault, at: part.at }
            };
            broken_at(of, depth + 1).into_iter().map(wrap).collect()
        }
        _ => vec![],
    }
}
