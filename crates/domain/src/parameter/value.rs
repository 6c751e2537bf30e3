//! Whether a value may be kept: its size, what it must match, what it is declared to be.
//! Source: systems-manager.md 10.1.

use regex::Regex;

use super::data_type::{DataType, UnknownDataType};
use super::{Kind, Tier};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("Value: a parameter's value is not empty")]
    Empty,
    #[error("Value: it has {bytes} bytes; the {tier}-parameter tier allows at most {most}")]
    Size { bytes: usize, tier: &'static str, most: usize },
    #[error("Value: a parameter's value can't nest another parameter; do not use {{{{}}}} in it")]
    Nested,
    #[error("AllowedPattern: {0}")]
    Pattern(String),
    #[error("Value: it does not match the parameter's allowed pattern, {0}")]
    Mismatch(String),
    #[error(transparent)]
    UnknownDataType(#[from] UnknownDataType),
    #[error("Value: {element} is not of the data type {data_type}: expected {expected}")]
    DataType { element: &'static str, data_type: &'static str, expected: &'static str },
}

/// What is asked of a value beside its text.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    pub kind: Kind,
    pub tier: Tier,
    /// `None` and an empty text: any value.
    pub allowed_pattern: Option<&'a str>,
    pub data_type: &'a str,
}

/// Messages never show the value.
pub fn check_value(value: &str, declared: Declared<'_>) -> Result<(), ValueError> {
    let data_type = DataType::parse(declared.data_type)?;
    if value.is_empty() {
        return Err(ValueError::Empty);
    }
    if let Some(pattern) = declared.allowed_pattern.filter(|pattern| !pattern.is_empty()) {
        let regex = Regex::new(pattern).map_err(|error| ValueError::Pattern(error.to_string()))?;
        if !regex.is_match(value) {
            return Err(ValueError::Mismatch(pattern.to_owned()));
        }
    }
    if value.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}")) {
        return Err(ValueError::Nested);
    }
    let (bytes, most) = (value.len(), declared.tier.most_bytes());
    if bytes > most {
        let tier = if declared.tier == Tier::Standard { "standard" } else { "advanced" };
        return Err(ValueError::Size { bytes, tier, most });
    }
    let (element, fits) = match declared.kind {
        Kind::StringList => ("an element", value.split(',').all(|part| data_type.fits(part))),
        Kind::String | Kind::SecureString => ("the value", data_type.fits(value)),
    };
    match fits {
        true => Ok(()),
        false => Err(ValueError::DataType {
            element,
            data_type: data_type.as_str(),
            expected: data_type.expected(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Declared<'_> =
        Declared { kind: Kind::String, tier: Tier::Standard, allowed_pattern: None, data_type: "text" };

    #[test]
    fn values_are_checked() {
        let check = |value: &str, declared: Declared<'_>, expected: Option<&str>| {
            let found = check_value(value, declared).map_err(|error| error.to_string());
            match (&found, expected) {
                (Ok(()), None) => {}
                (Err(message), Some(part)) if message.contains(part) => {}
                _ => panic!("{declared:?}: {found:?}"),
            }
        };
        check("x", PLAIN, None);
        check("", PLAIN, Some("not empty"));
        check(&"x".repeat(4096), PLAIN, None);
        check(&"x".repeat(4097), PLAIN, Some("4097 bytes; the standard-parameter tier allows at most 4096"));
        let advanced = Declared { tier: Tier::Advanced, ..PLAIN };
        check(&"x".repeat(8192), advanced, None);
        check(&"x".repeat(8193), advanced, Some("at most 8192"));
        check("a {{ssm:b}}", PLAIN, Some("do not use {{}} in it"));
        check("a {{ b }} c", PLAIN, Some("can't nest"));
        check("}} a {{", PLAIN, None);
        let digits = Declared { allowed_pattern: Some(r"^\d+$"), ..PLAIN };
        check("12", digits, None);
        check("1x", digits, Some(r"does not match the parameter's allowed pattern, ^\d+$"));
        check("12", Declared { allowed_pattern: Some("("), ..PLAIN }, Some("AllowedPattern: "));
        check("anything", Declared { allowed_pattern: Some(""), ..PLAIN }, None);
        check("x", Declared { data_type: "Text", ..PLAIN }, Some("not supported: Text"));
        let list = Declared { kind: Kind::StringList, data_type: "integer", ..PLAIN };
        check("1,-2,3", list, None);
        check("1,x", list, Some("an element is not of the data type integer"));
        check(
            "1,2",
            Declared { kind: Kind::String, ..list },
            Some("the value is not of the data type integer"),
        );
    }
}
