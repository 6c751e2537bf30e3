//! Modules that the interpreter has not and that scripts of runbooks import: `boto3`, whose clients call operations of the
//! server that runs the script, and `time`. An import of one becomes an assignment on the same line, and the name an
//! object whose methods are asked for here.
//! Differs from AWS: of boto3 there are clients and their operations, and nothing else.

use std::time::Duration;

use monty_types::{
    DictPairs, ExcType, ExtFunctionResult, MontyClassInstance, MontyClassType, MontyException, MontyObject,
    MontyUuid, NameLookupResult,
};
use ruff_python_ast::visitor::{Visitor, walk_stmt};
use ruff_python_ast::{Alias, Stmt};
use ruff_python_parser::parse_module;
use ruff_text_size::{Ranged, TextRange};
use serde_json::{Map, Value};

use crate::protocol::{Answer, Call};
use crate::{clock, value};

const BOTO3: &str = "__fettle_boto3__";
const TIME: &str = "__fettle_time__";
const BOTO3_ID: MontyUuid = MontyUuid::from_u128(1);
const TIME_ID: MontyUuid = MontyUuid::from_u128(2);
/// Of classes, which nobody calls.
const CLASSES: u128 = 1 << 64;
/// The clients' ids begin here, in the order of the services.
const CLIENTS: u128 = 1 << 32;
/// The services whose operations the server calls for a step.
const SERVICES: [&str; 2] = ["ssm", "fettle"];

/// A script that can be fed to the interpreter, with the modules that it is lent.
pub struct Script {
    pub text: String,
    lent: Vec<&'static str>,
}

impl Script {
    pub fn names(&self) -> Vec<String> {
        self.lent.iter().map(|name| (*name).to_owned()).collect()
    }

    pub fn inputs(&self) -> Vec<(String, MontyObject)> {
        let object =
            |name: &str| if name == BOTO3 { instance("boto3", BOTO3_ID) } else { instance("time", TIME_ID) };
        self.lent.iter().map(|name| ((*name).to_owned(), object(name))).collect()
    }
}

fn instance(class: &str, instance_id: MontyUuid) -> MontyObject {
    let id = MontyUuid::from_u128(CLASSES + u128::from_be_bytes(*instance_id.as_bytes()));
    let attrs = DictPairs::default();
    let class_type = MontyClassType {
        name: class.to_owned(),
        id,
        host_defined: true,
        is_dataclass: false,
        attrs: attrs.clone(),
    };
    MontyObject::ClassInstance(Box::new(MontyClassInstance { class_type, instance_id, attrs }))
}

/// What cannot be read is left to the interpreter to complain of. The reason, where an import asks for too much.
pub fn lend(script: &str) -> Result<Script, String> {
    let Ok(parsed) = parse_module(script) else {
        return Ok(Script { text: script.to_owned(), lent: Vec::new() });
    };
    let mut imports = Imports::default();
    for statement in parsed.suite() {
        imports.visit_stmt(statement);
    }
    if let Some((range, reason)) = imports.refused {
        let line = script[..range.start().to_usize()].matches('\n').count() + 1;
        return Err(format!("line {line}: {reason}"));
    }
    let mut text = script.to_owned();
    let mut lent: Vec<&'static str> = Vec::new();
    // From the end, so that the places before stay what they are.
    for (range, statement, names) in imports.found.into_iter().rev() {
        let range = range.start().to_usize()..range.end().to_usize();
        // Lines keep their numbers.
        let lines = "\\\n".repeat(script[range.clone()].matches('\n').count());
        let statement = format!("{statement} {lines}");
        text.replace_range(range, statement.trim_end_matches(' '));
        lent.extend(names);
    }
    lent.sort_unstable();
    lent.dedup();
    Ok(Script { text, lent })
}

#[derive(Default)]
struct Imports {
    /// Where, what stands there instead, and what that needs.
    found: Vec<(TextRange, String, Vec<&'static str>)>,
    refused: Option<(TextRange, String)>,
}

fn lent(module: &str) -> Option<&'static str> {
    match module {
        "boto3" => Some(BOTO3),
        "time" => Some(TIME),
        _ => None,
    }
}

impl<'a> Visitor<'a> for Imports {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) if import.names.iter().any(|alias| lent(&alias.name).is_some()) => {
                let written: Vec<(String, Option<&'static str>)> = import.names.iter().map(bound).collect();
                let text: Vec<&str> = written.iter().map(|(text, _)| text.as_str()).collect();
                let names = written.iter().filter_map(|(_, name)| *name).collect();
                self.found.push((import.range(), text.join("; "), names));
            }
            Stmt::ImportFrom(import) if import.module.as_deref() == Some("time") => {
                let each = |alias: &Alias| {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    format!("{name} = {TIME}.{}", alias.name)
                };
                let text: Vec<String> = import.names.iter().map(each).collect();
                self.found.push((import.range(), text.join("; "), vec![TIME]));
            }
            Stmt::ImportFrom(import) if import.module.as_deref() == Some("boto3") => {
                let reason = "of boto3 scripts have the clients here: write `import boto3`";
                self.refused.get_or_insert((import.range(), reason.to_owned()));
            }
            other => walk_stmt(self, other),
        }
    }
}

fn bound(alias: &Alias) -> (String, Option<&'static str>) {
    let name = alias.asname.as_ref().unwrap_or(&alias.name);
    match (lent(&alias.name), &alias.asname) {
        (Some(object), _) => (format!("{name} = {object}"), Some(object)),
        (None, Some(name)) => (format!("import {} as {name}", alias.name), None),
        (None, None) => (format!("import {}", alias.name), None),
    }
}

/// What is behind the objects that a script was lent.
pub struct Lent<'a> {
    pub region: &'a str,
    pub ask: &'a mut dyn FnMut(Call) -> Answer,
}

fn exception(kind: ExcType, message: impl Into<String>) -> MontyException {
    MontyException::new(kind, Some(message.into()))
}

impl Lent<'_> {
    pub fn call(
        self,
        id: MontyUuid,
        method: &str,
        args: &[MontyObject],
        kwargs: &[(MontyObject, MontyObject)],
    ) -> ExtFunctionResult {
        let result = match service_of(id) {
            Some(service) => self.operation(service, method, args, kwargs),
            None if id == BOTO3_ID && method == "client" => self.client(args, kwargs),
            None if id == TIME_ID => time(method, args, kwargs),
            None => Err(exception(ExcType::AttributeError, no_attribute("boto3", method))),
        };
        result.map_or_else(ExtFunctionResult::Error, ExtFunctionResult::Return)
    }

    fn client(
        &self,
        args: &[MontyObject],
        kwargs: &[(MontyObject, MontyObject)],
    ) -> Result<MontyObject, MontyException> {
        let mut service = args.first().cloned();
        for (name, value) in kwargs {
            match name.to_string().as_str() {
                "service_name" => service = Some(value.clone()),
                "region_name" if value.to_string() == self.region => {}
                "region_name" => {
                    let region = self.region;
                    let message =
                        format!("region_name: a script acts in the region of its execution, {region}");
                    return Err(exception(ExcType::ValueError, message));
                }
                other => {
                    let message = format!("client() takes service_name and region_name here, not {other}");
                    return Err(exception(ExcType::TypeError, message));
                }
            }
        }
        let service = service.map(|service| service.to_string()).unwrap_or_default();
        let place = SERVICES.iter().position(|known| *known == service).ok_or_else(|| {
            let known = SERVICES.join(" and ");
            exception(
                ExcType::ValueError,
                format!("this server has no service `{service}`; scripts may call {known}"),
            )
        })?;
        Ok(instance(&service, MontyUuid::from_u128(CLIENTS + place as u128)))
    }

    fn operation(
        self,
        service: &str,
        method: &str,
        args: &[MontyObject],
        kwargs: &[(MontyObject, MontyObject)],
    ) -> Result<MontyObject, MontyException> {
        if !args.is_empty() {
            let message = format!("{method}() only accepts keyword arguments.");
            return Err(exception(ExcType::TypeError, message));
        }
        let argument = |(name, value): &(MontyObject, MontyObject)| {
            let name = name.to_string();
            let value = value::to_json(value)
                .map_err(|reason| exception(ExcType::TypeError, format!("{method}(): {name}: {reason}")))?;
            Ok((name, value))
        };
        let arguments = kwargs.iter().map(argument).collect::<Result<Map<_, _>, MontyException>>()?;
        let call = Call {
            service: service.to_owned(),
            operation: method.to_owned(),
            arguments: Value::Object(arguments),
        };
        match (self.ask)(call) {
            Answer::Answered(answer) => Ok(value::to_python(answer)),
            Answer::Refused { code, message } if code == "UnknownOperation" => {
                Err(exception(ExcType::AttributeError, message))
            }
            Answer::Refused { code, message } => {
                let text =
                    format!("An error occurred ({code}) when calling the {method} operation: {message}");
                Err(exception(ExcType::RuntimeError, text))
            }
        }
    }
}

fn service_of(id: MontyUuid) -> Option<&'static str> {
    let place = u128::from_be_bytes(*id.as_bytes()).checked_sub(CLIENTS)?;
    SERVICES.get(usize::try_from(place).ok()?).copied()
}

fn no_attribute(module: &str, name: &str) -> String {
    format!("module '{module}' has no attribute '{name}' here")
}

fn time(
    method: &str,
    args: &[MontyObject],
    kwargs: &[(MontyObject, MontyObject)],
) -> Result<MontyObject, MontyException> {
    match (method, args, kwargs) {
        ("time", [], []) => Ok(clock::seconds()),
        ("sleep", [length], []) => {
            let seconds = match length {
                MontyObject::Int(whole) => *whole as f64,
                MontyObject::Float(seconds) => *seconds,
                other => {
                    let message =
                        format!("'{}' object cannot be interpreted as an integer", other.type_name());
                    return Err(exception(ExcType::TypeError, message));
                }
            };
            let length = Duration::try_from_secs_f64(seconds)
                .map_err(|_| exception(ExcType::ValueError, "sleep length must be non-negative"))?;
            std::thread::sleep(length);
            Ok(MontyObject::None)
        }
        ("time" | "sleep", ..) => {
            Err(exception(ExcType::TypeError, format!("time.{method}() takes other arguments")))
        }
        _ => Err(exception(ExcType::AttributeError, no_attribute("time", method))),
    }
}

/// An attribute that is asked for and not called at once: functions of `time` are values.
pub fn attribute(id: MontyUuid, name: &str) -> NameLookupResult {
    match (id == TIME_ID, name) {
        (true, "time" | "sleep") => {
            NameLookupResult::Value(MontyObject::Function { name: format!("time.{name}"), docstring: None })
        }
        _ => NameLookupResult::Undefined,
    }
}

/// Such a function, called.
pub fn function(
    name: &str,
    args: &[MontyObject],
    kwargs: &[(MontyObject, MontyObject)],
) -> ExtFunctionResult {
    match name.strip_prefix("time.") {
        Some(method) => {
            time(method, args, kwargs).map_or_else(ExtFunctionResult::Error, ExtFunctionResult::Return)
        }
        None => ExtFunctionResult::NotFound(name.to_owned()),
    }
}
