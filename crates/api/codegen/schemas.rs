//! Writes one static constraint table per shape. Only shapes that requests can carry get patterns.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use crate::model::{Kind, Model, Reference, Shape};
use crate::{names, patterns};

pub fn write(out: &mut String, model: &Model) -> fmt::Result {
    let inputs = model.input_shapes();
    let mut patterns = Patterns::default();
    out.push_str(
        "/// Constraint tables, one per shape.\n#[allow(non_upper_case_globals)]\npub mod schemas {\n",
    );
    out.push_str("    use crate::schema::{Bounds, Kind, Member, Pattern, Schema};\n");
    for (name, shape) in &model.shapes {
        let pattern = match &shape.pattern {
            Some(java) if inputs.contains(name) => {
                let rust = patterns::to_rust(java);
                let rust = rust.unwrap_or_else(|| panic!("{name}: teach the generator the pattern {java}"));
                patterns.index_of(java, rust)
            }
            _ => "None".to_owned(),
        };
        if !shape.exception {
            let sensitive = shape.sensitive;
            let kind = kind(shape, &pattern);
            writeln!(out, "    pub static {name}: Schema = Schema {{")?;
            writeln!(out, "        name: {name:?}, sensitive: {sensitive}, kind: {kind},\n    }};")?;
        }
    }
    patterns.write(out)?;
    out.push_str("}\n");
    Ok(())
}

/// Each distinct pattern is compiled once, when first used.
#[derive(Default)]
struct Patterns(BTreeMap<String, (usize, String)>);

impl Patterns {
    fn index_of(&mut self, java: &str, rust: String) -> String {
        let next = self.0.len();
        let (index, _) = self.0.entry(java.to_owned()).or_insert((next, rust));
        format!("Some(&PATTERN_{index})")
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        for (java, (index, rust)) in &self.0 {
            writeln!(out, "    static PATTERN_{index}: Pattern = Pattern::new({java:?}, {rust:?});")?;
        }
        let all: Vec<String> = (0..self.0.len()).map(|index| format!("&PATTERN_{index}")).collect();
        writeln!(out, "    pub static PATTERNS: &[&Pattern] = &[{}];", all.join(", "))
    }
}

fn kind(shape: &Shape, pattern: &str) -> String {
    let bounds = format!("Bounds {{ min: {:?}, max: {:?} }}", shape.min, shape.max);
    let inner =
        |reference: &Option<Reference>| reference.as_ref().expect("asserted with the model").shape.clone();
    match shape.kind {
        Kind::Structure => format!("Kind::Structure(&[{}])", members(shape)),
        Kind::List => format!("Kind::List {{ element: &{}, length: {bounds} }}", inner(&shape.member)),
        Kind::Map => {
            let (key, value) = (inner(&shape.key), inner(&shape.value));
            format!("Kind::Map {{ key: &{key}, value: &{value}, length: {bounds} }}")
        }
        Kind::String => {
            let values = &shape.values;
            format!("Kind::Text {{ length: {bounds}, pattern: {pattern}, values: &{values:?} }}")
        }
        Kind::Integer => format!("Kind::Integer({bounds})"),
        Kind::Long => format!("Kind::Long({bounds})"),
        Kind::Boolean => "Kind::Boolean".to_owned(),
        Kind::Timestamp => "Kind::Timestamp".to_owned(),
        Kind::Blob => format!("Kind::Blob {{ length: {bounds} }}"),
    }
}

fn members(shape: &Shape) -> String {
    let member = |(name, reference): (String, Reference)| {
        let path = names::path(&name);
        let required = shape.is_required(&name);
        let schema = reference.shape;
        format!("Member {{ name: {name:?}, path: {path:?}, required: {required}, schema: &{schema} }}")
    };
    shape.members().into_iter().map(member).collect::<Vec<_>>().join(", ")
}
