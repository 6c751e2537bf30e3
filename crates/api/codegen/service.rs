//! Writes the `Operation` and `ErrorCode` enums of a service.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use crate::model::{Kind, Model, label};
use crate::names;

/// Codes that any operation can answer with, and their HTTP status.
const COMMON_ERRORS: [(&str, u16); 11] = [
    ("AccessDeniedException", 400),
    ("ExpiredTokenException", 400),
    ("IncompleteSignatureException", 400),
    ("InvalidSignatureException", 400),
    ("MissingAuthenticationTokenException", 400),
    ("SerializationException", 400),
    ("ServiceUnavailableException", 503),
    ("ThrottlingException", 400),
    ("UnknownOperationException", 400),
    ("UnrecognizedClientException", 400),
    ("ValidationException", 400),
];

pub fn write(out: &mut String, model: &Model) -> fmt::Result {
    if let Some(prefix) = &model.metadata.target_prefix {
        writeln!(out, "/// `X-Amz-Target` is this, a dot, and the operation's name.")?;
        writeln!(out, "pub const TARGET_PREFIX: &str = {prefix:?};")?;
    } else {
        routes(out, model)?;
    }
    if !model.public_operations.is_empty() {
        writeln!(out, "/// Every operation of the public model, with or without a handler here.")?;
        writeln!(out, "pub const PUBLIC_OPERATIONS: &[&str] = &{:?};", model.public_operations)?;
    }
    operations(out, model)?;
    requests(out, model)?;
    errors(out, model)
}

fn operations(out: &mut String, model: &Model) -> fmt::Result {
    writeln!(out, "/// The operations that have a handler.")?;
    writeln!(out, "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]")?;
    writeln!(out, "pub enum Operation {{")?;
    for (name, operation) in &model.operations {
        for line in operation.documentation.lines() {
            writeln!(out, "    /// {line}")?;
        }
        writeln!(out, "    {name},")?;
    }
    writeln!(out, "}}\nimpl Operation {{\n    pub const ALL: &'static [Self] = &[")?;
    for name in model.operations.keys() {
        writeln!(out, "        Self::{name},")?;
    }
    writeln!(out, "    ];\n    pub fn parse(name: &str) -> Option<Self> {{\n        Some(match name {{")?;
    for name in model.operations.keys() {
        writeln!(out, "            {name:?} => Self::{name},")?;
    }
    writeln!(out, "            _ => return None,\n        }})\n    }}")?;

    let each = |text: fn(&crate::model::Operation) -> String| {
        let arm = |(name, operation)| format!("            Self::{name} => {},\n", text(operation));
        model.operations.iter().map(arm).collect::<String>()
    };
    let schema = "&'static crate::schema::Schema";
    let methods = [
        ("name", "&'static str", each(|operation| format!("{:?}", operation.name))),
        ("input_schema", schema, each(|operation| format!("&schemas::{}", operation.input.shape))),
        ("output_schema", schema, each(|operation| format!("&schemas::{}", operation.output.shape))),
        ("errors", "&'static [ErrorCode]", each(declared_errors)),
    ];
    for (method, result, arms) in methods {
        writeln!(out, "    pub fn {method}(self) -> {result} {{")?;
        writeln!(out, "        match self {{\n{arms}        }}\n    }}")?;
    }
    let decode = each(|operation| format!("crate::decode::<{}>(body).map(drop)", operation.input.shape));
    writeln!(
        out,
        "    /// Decodes a body as this operation's input, for the verdict alone.\n    #[cfg(test)]"
    )?;
    writeln!(out, "    pub fn try_decode(self, body: &[u8]) -> Result<(), crate::DecodeError> {{")?;
    writeln!(out, "        match self {{\n{decode}        }}\n    }}")?;
    writeln!(out, "}}\nimpl std::fmt::Display for Operation {{")?;
    writeln!(out, "    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{")?;
    writeln!(out, "        f.write_str(self.name())\n    }}\n}}")
}

fn declared_errors(operation: &crate::model::Operation) -> String {
    let codes = operation.errors.iter().map(|error| format!("ErrorCode::{}", error.shape));
    format!("&[{}]", codes.collect::<Vec<_>>().join(", "))
}

fn requests(out: &mut String, model: &Model) -> fmt::Result {
    let service = model.metadata.target_prefix.as_ref().or(model.metadata.signing_name.as_ref());
    let prefix = service.expect("a service has a target prefix or a signing name");
    for (name, operation) in &model.operations {
        let input = names::type_name(&operation.input.shape);
        let output = names::type_name(&operation.output.shape);
        writeln!(out, "impl crate::Request for {input} {{")?;
        writeln!(out, "    type Response = {output};")?;
        writeln!(out, "    const TARGET: &'static str = \"{prefix}.{name}\";\n}}")?;
    }
    Ok(())
}

/// Which method and path is which operation, and what of its input travels there.
fn routes(out: &mut String, model: &Model) -> fmt::Result {
    writeln!(out, "/// Each operation's method and path.")?;
    writeln!(out, "pub static ROUTES: &[crate::rest::Route<Operation>] = &[")?;
    for (name, operation) in &model.operations {
        let segment = |segment: &str| match label(segment) {
            Some(member) => format!("crate::rest::Segment::Label({member:?})"),
            None => format!("crate::rest::Segment::Literal({segment:?})"),
        };
        let path = operation.http.request_uri.trim_start_matches('/');
        let segments: Vec<String> = path.split('/').map(segment).collect();
        let members = model.shape(&operation.input.shape).members();
        let query = members.iter().filter(|(_, member)| member.location.as_deref() == Some("querystring"));
        let query = query.map(|(member, reference)| {
            let name = reference.location_name.as_deref().unwrap_or(member);
            let kind = match model.shape(&reference.shape).kind {
                Kind::List => "List",
                Kind::Integer => "Number",
                _ => "Text",
            };
            format!("crate::rest::QueryMember {{ name: {name:?}, member: {member:?}, kind: crate::rest::QueryKind::{kind} }}")
        });
        let (method, query) = (&operation.http.method, query.collect::<Vec<_>>().join(", "));
        writeln!(out, "    crate::rest::Route {{ operation: Operation::{name}, method: {method:?},")?;
        writeln!(out, "        segments: &[{}], query: &[{query}] }},", segments.join(", "))?;
    }
    writeln!(out, "];")
}

struct Error {
    status: u16,
    text_member: String,
    extra_members: Vec<String>,
}

fn errors(out: &mut String, model: &Model) -> fmt::Result {
    let mut errors = BTreeMap::new();
    for (name, status) in COMMON_ERRORS {
        errors.insert(
            name.to_owned(),
            Error { status, text_member: "message".to_owned(), extra_members: vec![] },
        );
    }
    if model.is_rest()
        && let Some(unknown) = errors.get_mut("UnknownOperationException")
    {
        unknown.status = 404;
    }
    for (name, shape) in model.shapes.iter().filter(|(_, shape)| shape.exception) {
        let members: Vec<String> = shape.members().into_iter().map(|(member, _)| member).collect();
        let (texts, extra_members) = members.into_iter().partition::<Vec<_>, _>(|m| is_text(m));
        assert!(texts.len() <= 1, "{name} has two text members");
        let text_member = texts.into_iter().next().unwrap_or_else(|| "message".to_owned());
        let by_fault = if shape.fault { 500 } else { 400 };
        let status = shape.error.as_ref().map_or(by_fault, |error| error.http_status_code);
        errors.insert(name.clone(), Error { status, text_member, extra_members });
    }

    writeln!(out, "/// The error codes of this service, and those that every service has.")?;
    writeln!(out, "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]")?;
    writeln!(out, "pub enum ErrorCode {{")?;
    for name in errors.keys() {
        writeln!(out, "    {name},")?;
    }
    writeln!(out, "}}\nimpl ErrorCode {{\n    pub const ALL: &'static [Self] = &[")?;
    for name in errors.keys() {
        writeln!(out, "        Self::{name},")?;
    }
    let info = "&'static crate::ErrorInfo";
    writeln!(out, "    ];\n    pub const fn info(self) -> {info} {{\n        match self {{")?;
    for (name, Error { status, text_member, extra_members }) in &errors {
        writeln!(out, "            Self::{name} => &crate::ErrorInfo {{")?;
        writeln!(
            out,
            "                code: {name:?}, http_status: {status}, text_member: {text_member:?},"
        )?;
        writeln!(out, "                extra_members: &{extra_members:?},\n            }},")?;
    }
    writeln!(out, "        }}\n    }}")?;
    out.push_str(ERROR_METHODS);
    Ok(())
}

fn is_text(member: &str) -> bool {
    member.eq_ignore_ascii_case("message")
}

const ERROR_METHODS: &str = "
    pub const fn as_str(self) -> &'static str { self.info().code }
    pub const fn http_status(self) -> u16 { self.info().http_status }
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == code)
    }
}
impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
}
";
