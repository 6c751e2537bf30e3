//! Writes the structs and enums that handlers see.

use std::fmt::{self, Write};

use crate::model::{Kind, Model, Reference, Shape};
use crate::names;

pub fn write(out: &mut String, model: &Model) -> fmt::Result {
    for (name, shape) in &model.shapes {
        match shape.kind {
            // Errors travel as code and message; no code needs their structures.
            Kind::Structure if shape.exception => {}
            Kind::Structure => structure(out, model, name, shape)?,
            Kind::String if shape.is_enum() => enumeration(out, name, shape)?,
            _ => {}
        }
    }
    Ok(())
}

/// The Rust type of a shape.
pub fn rust_type(model: &Model, shape_name: &str) -> String {
    let shape = model.shape(shape_name);
    let inner = |reference: &Option<Reference>| {
        rust_type(model, &reference.as_ref().expect("asserted with the model").shape)
    };
    match shape.kind {
        Kind::Structure => names::type_name(shape_name).to_owned(),
        Kind::String if shape.is_enum() => names::type_name(shape_name).to_owned(),
        Kind::String => "String".to_owned(),
        Kind::List => format!("Vec<{}>", inner(&shape.member)),
        Kind::Map => format!("std::collections::BTreeMap<{}, {}>", inner(&shape.key), inner(&shape.value)),
        Kind::Integer => "i32".to_owned(),
        Kind::Long => "i64".to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Timestamp => match shape.timestamp_format.as_deref() {
            None => "crate::Timestamp".to_owned(),
            Some("iso8601") => "crate::timestamp::IsoTimestamp".to_owned(),
            Some(other) => panic!("{shape_name}: teach the generator the time format {other}"),
        },
        Kind::Blob => "crate::Blob".to_owned(),
    }
}

fn structure(out: &mut String, model: &Model, name: &str, shape: &Shape) -> fmt::Result {
    let type_name = names::type_name(name);
    let members = shape.members();
    let is_secret = |reference: &Reference| shape.sensitive || model.shape(&reference.shape).sensitive;
    let secret = members.iter().any(|(_, reference)| is_secret(reference));
    let debug = if secret { "" } else { "Debug, " };

    let derives = format!("Clone, {debug}Default, PartialEq, Eq, serde::Serialize");
    writeln!(out, "#[derive({derives})]\npub struct {type_name} {{")?;
    for (wire_name, reference) in &members {
        for line in reference.documentation.lines() {
            writeln!(out, "    /// {line}")?;
        }
        let field = names::field(wire_name);
        let field_type = rust_type(model, &reference.shape);
        if shape.is_required(wire_name) {
            writeln!(out, "    #[serde(rename = {wire_name:?})]")?;
            writeln!(out, "    pub {field}: {field_type},")?;
        } else {
            let skip = "skip_serializing_if = \"Option::is_none\"";
            writeln!(out, "    #[serde(rename = {wire_name:?}, {skip})]")?;
            writeln!(out, "    pub {field}: Option<{field_type}>,")?;
        }
    }
    writeln!(out, "}}")?;
    writeln!(out, "impl crate::Shape for {type_name} {{")?;
    writeln!(out, "    fn schema() -> &'static crate::schema::Schema {{ &schemas::{name} }}\n}}")?;
    reader(out, shape, type_name, &members)?;
    out.push_str(&DESERIALIZE.replace("NAME", type_name));
    if secret {
        redacted_debug(out, type_name, &members, is_secret)?;
    }
    Ok(())
}

/// See `decode::typed` for why this is no derived `Deserialize`.
fn reader(out: &mut String, shape: &Shape, type_name: &str, members: &[(String, Reference)]) -> fmt::Result {
    writeln!(out, "impl crate::decode::FromJson for {type_name} {{")?;
    writeln!(out, "    fn from_json(json: &crate::decode::Json<'_>) -> Result<Self, crate::DecodeError> {{")?;
    writeln!(out, "        let _members = crate::decode::members(json)?;\n        Ok(Self {{")?;
    for (wire_name, _) in members {
        let (field, how) =
            (names::field(wire_name), if shape.is_required(wire_name) { "required" } else { "optional" });
        writeln!(out, "            {field}: _members.{how}({wire_name:?})?,")?;
    }
    writeln!(out, "        }})\n    }}\n}}")
}

/// Sensitive members must not end up in logs through `{:?}`.
fn redacted_debug(
    out: &mut String,
    type_name: &str,
    members: &[(String, Reference)],
    is_secret: impl Fn(&Reference) -> bool,
) -> fmt::Result {
    writeln!(out, "impl std::fmt::Debug for {type_name} {{")?;
    writeln!(out, "    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{")?;
    writeln!(out, "        f.debug_struct({type_name:?})")?;
    for (wire_name, reference) in members {
        let field = names::field(wire_name);
        let shown = if is_secret(reference) { "&\"***\"".to_owned() } else { format!("&self.{field}") };
        writeln!(out, "            .field({:?}, {shown})", field.trim_start_matches("r#"))?;
    }
    writeln!(out, "            .finish()\n    }}\n}}")
}

fn enumeration(out: &mut String, name: &str, shape: &Shape) -> fmt::Result {
    let name = names::type_name(name);
    let variants: Vec<String> = shape.values.iter().map(|value| names::variant(value)).collect();
    let pairs = || variants.iter().zip(&shape.values);

    writeln!(out, "#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]\npub enum {name} {{")?;
    for (variant, value) in pairs() {
        writeln!(out, "    /// `{value}`\n    {variant},")?;
    }
    writeln!(out, "    /// Text that the model does not list.\n    Unknown(String),\n}}")?;

    writeln!(out, "impl {name} {{\n    /// Every modelled value.")?;
    writeln!(out, "    pub const ALL: &'static [Self] = &[")?;
    for variant in &variants {
        writeln!(out, "        Self::{variant},")?;
    }
    writeln!(out, "    ];\n    pub fn as_str(&self) -> &str {{\n        match self {{")?;
    for (variant, value) in pairs() {
        writeln!(out, "            Self::{variant} => {value:?},")?;
    }
    writeln!(out, "            Self::Unknown(text) => text,\n        }}\n    }}")?;
    writeln!(out, "    fn known(text: &str) -> Option<Self> {{\n        Some(match text {{")?;
    for (variant, value) in pairs() {
        writeln!(out, "            {value:?} => Self::{variant},")?;
    }
    writeln!(out, "            _ => return None,\n        }})\n    }}\n}}")?;
    out.push_str(&ENUM_IMPLS.replace("NAME", name));
    out.push_str(&DESERIALIZE.replace("NAME", name));
    Ok(())
}

const ENUM_IMPLS: &str = "\
impl Default for NAME {
    fn default() -> Self { Self::Unknown(String::new()) }
}
impl From<&str> for NAME {
    fn from(text: &str) -> Self { Self::known(text).unwrap_or_else(|| Self::Unknown(text.to_owned())) }
}
impl From<String> for NAME {
    fn from(text: String) -> Self { Self::known(&text).unwrap_or(Self::Unknown(text)) }
}
impl std::str::FromStr for NAME {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> { Ok(Self::from(text)) }
}
impl std::fmt::Display for NAME {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
}
impl serde::Serialize for NAME {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
impl crate::decode::FromJson for NAME {
    fn from_json(json: &crate::decode::Json<'_>) -> Result<Self, crate::DecodeError> {
        json.as_str().map(Self::from).ok_or_else(|| crate::decode::mismatch(json, \"a String\"))
    }
}
";

const DESERIALIZE: &str = "\
impl<'de> serde::Deserialize<'de> for NAME {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::decode::deserialize(deserializer)
    }
}
";
