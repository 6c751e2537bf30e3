//! The reviewable surface of the generated code: each operation with its fields, pinned.

use std::fmt::Write;

use crate::schema::{Bounds, Kind, Schema};
use crate::{ErrorInfo, fettle, mds, ssm};

#[test]
fn systems_manager() {
    let text = ssm::Operation::ALL.iter().map(|operation| {
        let errors = operation.errors().iter().map(|code| code.info());
        entry(operation.name(), operation.input_schema(), operation.output_schema(), errors.collect())
    });
    insta::assert_snapshot!(text.collect::<String>());
}

#[test]
fn message_delivery() {
    let text = mds::Operation::ALL.iter().map(|operation| {
        let errors = operation.errors().iter().map(|code| code.info());
        entry(operation.name(), operation.input_schema(), operation.output_schema(), errors.collect())
    });
    insta::assert_snapshot!(text.collect::<String>());
}

#[test]
fn fettle() {
    let text = fettle::Operation::ALL.iter().map(|operation| {
        let errors = operation.errors().iter().map(|code| code.info());
        entry(operation.name(), operation.input_schema(), operation.output_schema(), errors.collect())
    });
    insta::assert_snapshot!(text.collect::<String>());
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

fn entry(name: &str, input: &'static Schema, output: &'static Schema, errors: Vec<&ErrorInfo>) -> String {
    let codes: Vec<&str> = errors.iter().map(|error| error.code).collect();
    let (input, output) = (members(input), members(output));
    format!("{name}\n  < {input}\n  > {output}\n  ! {}\n\n", codes.join(", "))
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
