//! The service model in botocore's format, and what the generator takes for granted about it.
//! Every key must be known: a refresh that brings a new one stops the build instead of being ignored.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[serde(default, rename = "version")]
    _version: Value,
    #[serde(default, rename = "documentation")]
    _documentation: String,
    pub metadata: Metadata,
    /// All names of the public model, also those that were trimmed away.
    #[serde(default, rename = "publicOperations")]
    pub public_operations: Vec<String>,
    pub operations: BTreeMap<String, Operation>,
    pub shapes: BTreeMap<String, Shape>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Of services that name the operation in a header; the others have a route for each.
    #[serde(default)]
    pub target_prefix: Option<String>,
    pub protocol: String,
    /// Services with routes need not say it.
    #[serde(default)]
    pub json_version: Option<String>,
    pub signing_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    pub name: String,
    pub http: Http,
    #[serde(default)]
    pub input: Reference,
    #[serde(default)]
    pub output: Reference,
    #[serde(default, rename = "idempotent")]
    _idempotent: bool,
    #[serde(default)]
    pub errors: Vec<Reference>,
    #[serde(default, rename = "documentation")]
    pub documentation: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Http {
    pub method: String,
    pub request_uri: String,
    #[serde(default = "ok")]
    pub response_code: u16,
}

fn ok() -> u16 {
    200
}

/// Where a shape is used. `box` says that absent and zero differ, which holds for all our optional members.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Reference {
    pub shape: String,
    /// Where a member travels: `uri`, `querystring`; in the body when absent.
    pub location: Option<String>,
    /// As it is called there.
    pub location_name: Option<String>,
    #[serde(default)]
    pub documentation: String,
    #[serde(default, rename = "box")]
    _boxed: bool,
    #[serde(default, rename = "idempotencyToken")]
    _idempotency_token: bool,
    /// Still taken and answered.
    #[serde(default, rename = "deprecated")]
    _deprecated: bool,
    #[serde(default, rename = "deprecatedMessage")]
    _deprecated_message: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    #[serde(rename = "type")]
    pub kind: Kind,
    /// In the model's order, which is the order of fields and of reported violations.
    #[serde(default)]
    members: Map<String, Value>,
    #[serde(default)]
    pub required: Vec<String>,
    pub member: Option<Reference>,
    pub key: Option<Reference>,
    pub value: Option<Reference>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub pattern: Option<String>,
    #[serde(default, rename = "enum")]
    pub values: Vec<String>,
    #[serde(default)]
    pub sensitive: bool,
    #[serde(default)]
    pub exception: bool,
    /// An exception that is the server's fault.
    #[serde(default)]
    pub fault: bool,
    /// Of an exception that travels under a status of its own.
    pub error: Option<ErrorStatus>,
    #[serde(rename = "timestampFormat")]
    pub timestamp_format: Option<String>,
    #[serde(default, rename = "retryable")]
    _retryable: Value,
    #[serde(default, rename = "documentation")]
    _documentation: String,
    #[serde(default, rename = "box")]
    _boxed: bool,
    /// One member at a time: of optional members the one that is there, which is how a structure reads it too.
    #[serde(default, rename = "union")]
    _union: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ErrorStatus {
    pub http_status_code: u16,
    #[serde(default, rename = "senderFault")]
    _sender_fault: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Structure,
    List,
    Map,
    String,
    Integer,
    Long,
    Boolean,
    Timestamp,
    Blob,
}

impl Shape {
    pub fn members(&self) -> Vec<(String, Reference)> {
        let entry = |(name, value): (&String, &Value)| {
            let reference = Reference::deserialize(value).unwrap_or_else(|e| panic!("member {name}: {e}"));
            (name.clone(), reference)
        };
        self.members.iter().map(entry).collect()
    }

    pub fn is_required(&self, member: &str) -> bool {
        self.required.iter().any(|name| name == member)
    }

    pub fn is_enum(&self) -> bool {
        !self.values.is_empty()
    }

    fn references(&self) -> Vec<String> {
        let inner = [&self.member, &self.key, &self.value];
        let inner = inner.into_iter().flatten().map(|reference| reference.shape.clone());
        inner.chain(self.members().into_iter().map(|(_, reference)| reference.shape)).collect()
    }
}

/// `{Name}` → `Name`.
pub fn label(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

impl Model {
    pub fn parse(text: &str) -> Self {
        let mut model: Self = serde_json::from_str(text).unwrap_or_else(|e| panic!("model: {e}"));
        model.name_empty_ends();
        // What an enum's values say is the whole of it.
        for shape in model.shapes.values_mut().filter(|shape| shape.is_enum()) {
            (shape.pattern, shape.min, shape.max) = (None, None, None);
        }
        model
    }

    /// An operation without input or output gets an empty one.
    fn name_empty_ends(&mut self) {
        for (name, operation) in &mut self.operations {
            let ends = [(&mut operation.input, "Input"), (&mut operation.output, "Output")];
            for (end, suffix) in ends.into_iter().filter(|(end, _)| end.shape.is_empty()) {
                end.shape = format!("{name}{suffix}");
                let taken = self.shapes.insert(end.shape.clone(), Shape::default());
                assert!(taken.is_none(), "{} is there and not said to be of {name}", end.shape);
            }
        }
    }

    pub fn is_rest(&self) -> bool {
        self.metadata.protocol == "rest-json"
    }

    pub fn shape(&self, name: &str) -> &Shape {
        self.shapes.get(name).unwrap_or_else(|| panic!("the model refers to a missing shape {name}"))
    }

    /// Adds the operations and shapes of a second model of the same service.
    pub fn absorb(&mut self, other: Model) {
        assert_eq!(self.metadata.target_prefix, other.metadata.target_prefix);
        for (name, operation) in other.operations {
            assert!(!self.public_operations.contains(&name), "{name} became public: drop it from our model");
            self.operations.insert(name, operation);
        }
        for (name, shape) in other.shapes {
            match self.shapes.get(&name) {
                // The trimmed public model gains exceptions as operations are added.
                Some(public) => {
                    assert!(public.exception && shape.exception, "shape {name} is in both models")
                }
                None => drop(self.shapes.insert(name, shape)),
            }
        }
    }

    /// Adds values of our own to enums of the public model: `{"Shape": ["VALUE"]}`.
    pub fn widen_enums(&mut self, text: &str) {
        let added: BTreeMap<String, Vec<String>> =
            serde_json::from_str(text).unwrap_or_else(|e| panic!("extensions: {e}"));
        for (name, values) in added {
            let shape = self.shapes.get_mut(&name).unwrap_or_else(|| panic!("{name} is in no model"));
            assert!(shape.is_enum(), "{name} is no enum");
            for value in values {
                assert!(
                    !shape.values.contains(&value),
                    "{name} has {value} now: drop it from our extensions"
                );
                shape.values.push(value);
            }
        }
    }

    pub fn keep_operations(&mut self, listed: &BTreeSet<String>) {
        for name in listed {
            assert!(
                self.operations.contains_key(name),
                "operations.txt: {name} is in no model; run refresh.py"
            );
        }
        self.operations.retain(|name, _| listed.contains(name));
        let used = self.reachable(self.roots());
        self.shapes.retain(|name, _| used.contains(name));
    }

    /// The shapes that requests can carry: only these need constraint checks.
    pub fn input_shapes(&self) -> BTreeSet<String> {
        self.reachable(self.operations.values().map(|operation| operation.input.shape.clone()).collect())
    }

    fn roots(&self) -> Vec<String> {
        let of = |operation: &Operation| {
            let errors = operation.errors.iter().map(|error| error.shape.clone());
            let ends = [operation.input.shape.clone(), operation.output.shape.clone()];
            errors.chain(ends).collect::<Vec<_>>()
        };
        self.operations.values().flat_map(of).collect()
    }

    fn reachable(&self, mut queue: Vec<String>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        while let Some(name) = queue.pop() {
            if !found.contains(&name) {
                queue.extend(self.shape(&name).references());
                found.insert(name);
            }
        }
        found
    }

    /// Stops the build on whatever the generated code would get wrong.
    pub fn assert_supported(&self) {
        let metadata = &self.metadata;
        assert_eq!(metadata.json_version.as_deref().unwrap_or("1.1"), "1.1");
        assert!(self.is_rest() || metadata.protocol == "json", "the protocol {}", metadata.protocol);
        assert_eq!(self.is_rest(), metadata.target_prefix.is_none());
        let mut inputs = BTreeSet::new();
        for (name, operation) in &self.operations {
            assert_eq!(*name, operation.name);
            assert_eq!(operation.http.response_code, 200, "{name}");
            match self.is_rest() {
                true => self.assert_route(name, operation),
                false => {
                    let http = (operation.http.method.as_str(), operation.http.request_uri.as_str());
                    assert_eq!(http, ("POST", "/"));
                }
            }
            assert!(inputs.insert(&operation.input.shape), "{name} shares its input shape");
            for error in &operation.errors {
                assert!(self.shape(&error.shape).exception, "{name}: {} is no exception", error.shape);
            }
        }
        for (name, shape) in &self.shapes {
            self.assert_shape(name, shape);
            assert!(!self.contains_itself(name, name, 0), "{name} contains itself without a list between");
        }
    }

    /// Labels are members, whole segments each; what travels outside of the body is text, or in the query a number.
    fn assert_route(&self, name: &str, operation: &Operation) {
        let mut labels: BTreeSet<&str> = operation.http.request_uri.split('/').filter_map(label).collect();
        for (member, reference) in self.shape(&operation.input.shape).members() {
            let shape = self.shape(&reference.shape);
            match reference.location.as_deref() {
                None => {}
                Some("uri") => {
                    assert_eq!(shape.kind, Kind::String, "{name}.{member}");
                    let label = reference.location_name.as_deref().unwrap_or(&member);
                    assert!(labels.remove(label), "{name}: {member} is not in the URI");
                    assert_eq!(label, member, "{name}: teach the generator labels of other names");
                }
                Some("querystring") => {
                    let element = shape.member.as_ref().map(|element| self.shape(&element.shape).kind);
                    let is_number = shape.kind == Kind::Integer;
                    assert!(is_number || element.unwrap_or(shape.kind) == Kind::String, "{name}.{member}");
                }
                Some(other) => panic!("{name}.{member}: teach the generator the location {other}"),
            }
        }
        assert!(labels.is_empty(), "{name}: {labels:?} are no members");
    }

    fn assert_shape(&self, name: &str, shape: &Shape) {
        let members = shape.members();
        for required in &shape.required {
            assert!(members.iter().any(|(member, _)| member == required), "{name}.{required} is no member");
        }
        let has = |reference: &Option<Reference>| reference.is_some();
        let expected = match shape.kind {
            Kind::List => (true, false, false),
            Kind::Map => (false, true, true),
            _ => (false, false, false),
        };
        assert_eq!((has(&shape.member), has(&shape.key), has(&shape.value)), expected, "{name}");
        assert!(members.is_empty() || shape.kind == Kind::Structure, "{name}");
        assert!(!shape.is_enum() && shape.pattern.is_none() || shape.kind == Kind::String, "{name}");
        assert!(shape.pattern.is_none() || !shape.is_enum(), "{name} has both an enum and a pattern");
        if shape.kind == Kind::Map {
            let key = self.shape(&shape.key.as_ref().expect("asserted above").shape);
            assert_eq!(key.kind, Kind::String, "{name}");
        }
    }

    fn contains_itself(&self, start: &str, at: &str, depth: usize) -> bool {
        depth < 32
            && self.shape(at).members().iter().any(|(_, reference)| {
                self.shape(&reference.shape).kind == Kind::Structure
                    && (reference.shape == start || self.contains_itself(start, &reference.shape, depth + 1))
            })
    }
}
