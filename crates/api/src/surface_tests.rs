//! The reviewable surface of the generated code: each operation with its fields, pinned.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::schema::{Bounds, Kind, Schema};
use crate::{ErrorInfo, fettle, mds, quicksetup, resourcegroups, ssm};

/// One line per operation's input, output and errors; then every structure that these lead to.
#[derive(Default)]
struct Surface {
    operations: String,
    structures: BTreeMap<&'static str, String>,
}

impl Surface {
    fn add(
        &mut self,
        name: &str,
        input: &'static Schema,
        output: &'static Schema,
        errors: impl Iterator<Item = &'static ErrorInfo>,
    ) {
        let codes: Vec<&str> = errors.map(|error| error.code).collect();
        let (input, output) = (self.ends(input), self.ends(output));
        let entry = format!("{name}\n  < {input}\n  > {output}\n  ! {}\n", codes.join(", "));
        self.operations.push_str(&entry);
    }

    fn ends(&mut self, schema: &'static Schema) -> String {
        self.visit_members(schema);
        members(schema)
    }

    fn visit(&mut self, schema: &'static Schema) {
        match &schema.kind {
            Kind::Structure(_) if !self.structures.contains_key(schema.name) => {
                self.structures.insert(schema.name, members(schema));
                self.visit_members(schema);
            }
            Kind::List { element, .. } => self.visit(element),
            Kind::Map { value, .. } => self.visit(value),
            _ => {}
        }
    }

    fn visit_members(&mut self, schema: &'static Schema) {
        if let Kind::Structure(members) = schema.kind {
            members.iter().for_each(|member| self.visit(member.schema));
        }
    }

    fn text(self) -> String {
        let structures = self.structures.into_iter();
        let structures: String =
            structures.map(|(name, members)| format!("{name} {{ {members} }}\n")).collect();
        format!("{}\n{structures}", self.operations)
    }
}

#[test]
fn systems_manager() {
    let mut surface = Surface::default();
    for operation in ssm::Operation::ALL {
        let errors = operation.errors().iter().map(|code| code.info());
        surface.add(operation.name(), operation.input_schema(), operation.output_schema(), errors);
    }
    insta::assert_snapshot!(surface.text());
}

#[test]
fn message_delivery() {
    let mut surface = Surface::default();
    for operation in mds::Operation::ALL {
        let errors = operation.errors().iter().map(|code| code.info());
        surface.add(operation.name(), operation.input_schema(), operation.output_schema(), errors);
    }
    insta::assert_snapshot!(surface.text());
}

#[test]
fn fettle() {
    let mut surface = Surface::default();
    for operation in fettle::Operation::ALL {
        let errors = operation.errors().iter().map(|code| code.info());
        surface.add(operation.name(), operation.input_schema(), operation.output_schema(), errors);
    }
    insta::assert_snapshot!(surface.text());
}

#[test]
fn quick_setup() {
    let mut surface = Surface::default();
    for operation in quicksetup::Operation::ALL {
        let errors = operation.errors().iter().map(|code| code.info());
        surface.add(operation.name(), operation.input_schema(), operation.output_schema(), errors);
    }
    insta::assert_snapshot!(surface.text());
}

#[test]
fn resource_groups() {
    let mut surface = Surface::default();
    for operation in resourcegroups::Operation::ALL {
        let errors = operation.errors().iter().map(|code| code.info());
        surface.add(operation.name(), operation.input_schema(), operation.output_schema(), errors);
    }
    insta::assert_snapshot!(surface.text());
}

#[test]
fn statuses_are_the_model_s() {
    use quicksetup::ErrorCode;
    assert_eq!(ErrorCode::ResourceNotFoundException.http_status(), 404);
    assert_eq!(ErrorCode::ConflictException.http_status(), 409);
    assert_eq!(ErrorCode::AccessDeniedException.http_status(), 403);
    assert_eq!(ErrorCode::InternalServerException.http_status(), 500);
    assert_eq!(ErrorCode::UnknownOperationException.http_status(), 404);
    assert_eq!(ErrorCode::ConflictException.info().text_member, "Message");
}

#[test]
fn names_lead_back_to_operations_and_codes() {
    for operation in ssm::Operation::ALL {
        assert_eq!(ssm::Operation::parse(operation.name()), Some(*operation));
    }
    assert_eq!(ssm::Operation::parse("getpatchbaseline"), None);
    assert!(ssm::PUBLIC_OPERATIONS.contains(&"StartSession"), "also those without a handler");
    assert!(!ssm::PUBLIC_OPERATIONS.contains(&"RegisterManagedInstance"), "but not the agents' own");

    for code in ssm::ErrorCode::ALL {
        assert_eq!(ssm::ErrorCode::parse(code.as_str()), Some(*code));
    }
    assert_eq!(ssm::ErrorCode::InternalServerError.http_status(), 500);
    assert_eq!(ssm::ErrorCode::DoesNotExistException.info().text_member, "Message");
    assert_eq!(ssm::ErrorCode::InvalidInstanceInformationFilterValue.info().text_member, "message");
    assert_eq!(ssm::ErrorCode::ItemSizeLimitExceededException.info().extra_members, ["TypeName"]);
}

fn members(schema: &'static Schema) -> String {
    let Kind::Structure(members) = schema.kind else { return describe(schema) };
    let member = |member: &crate::schema::Member| {
        let mark = if member.required { "*" } else { "" };
        format!("{}{mark}: {}", member.name, describe(member.schema))
    };
    members.iter().map(member).collect::<Vec<_>>().join(", ")
}

fn describe(schema: &'static Schema) -> String {
    let mut text = match &schema.kind {
        Kind::Structure(_) => schema.name.to_owned(),
        Kind::List { element, length } => format!("{}[]{}", describe(element), range(length)),
        Kind::Map { key, value, length } => {
            format!("{{{}: {}}}{}", describe(key), describe(value), range(length))
        }
        Kind::Text { values, .. } if !values.is_empty() => format!("{} = {}", schema.name, values.join("|")),
        Kind::Text { length, pattern, .. } => {
            let mark = if pattern.is_some() { "~" } else { "" };
            format!("{}{}{mark}", schema.name, range(length))
        }
        Kind::Integer(bounds) => format!("integer{}", range(bounds)),
        Kind::Long(bounds) => format!("long{}", range(bounds)),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Timestamp => "timestamp".to_owned(),
        Kind::Blob { length } => format!("blob{}", range(length)),
    };
    if schema.sensitive {
        text.push_str(" (sensitive)");
    }
    text
}

fn range(bounds: &Bounds) -> String {
    let mut text = String::new();
    if bounds.min.is_some() || bounds.max.is_some() {
        let end = |end: Option<i64>| end.map(|end| end.to_string()).unwrap_or_default();
        let _ = write!(text, "({}..{})", end(bounds.min), end(bounds.max));
    }
    text
}
