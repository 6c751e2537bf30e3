//! Whether a step is meant for this node: preconditions and the platforms of plugins.
//! Which plugins exist is the agent's to know.
//! Source: spec agent-protocol 7.2.

use std::fmt;

use serde_json::Value;

use super::interpolate::{as_text, interpolate};
use super::{Parameters, SchemaVersion, Step, placeholders};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    Linux,
    MacOs,
    Windows,
}

impl Platform {
    pub const ALL: [Self; 3] = [Self::Linux, Self::MacOs, Self::Windows];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::MacOs => "MacOS",
            Self::Windows => "Windows",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What becomes of a step before its plugin is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    Run,
    Skip { reason: String },
    Fail { reason: String },
}

impl Step {
    pub fn gate(&self, schema: SchemaVersion, platform: Platform, parameters: &Parameters) -> Gate {
        let fail = |reason: &str| Gate::Fail { reason: format!("step {}: {reason}", self.name) };
        let Some(precondition) = &self.precondition else {
            return match (self.plugin_runs_on(platform), schema) {
                (true, _) => Gate::Run,
                (false, SchemaVersion::V2_2) => Gate::Skip {
                    reason: format!("step {}: {} does not run on {platform}", self.name, self.action),
                },
                (false, _) => fail(&format!("{} does not run on {platform}", self.action)),
            };
        };
        if schema != SchemaVersion::V2_2 {
            return fail("preconditions need schema version 2.2");
        }
        let [left, right] = match operands(precondition) {
            Ok(operands) => operands,
            Err(reason) => return fail(reason),
        };
        match compare(left, right, platform, parameters) {
            Ok(true) => Gate::Run,
            Ok(false) => Gate::Skip {
                reason: format!("step {}: precondition not met: StringEquals [{left}, {right}]", self.name),
            },
            Err(reason) => fail(reason),
        }
    }

    /// Whether some parameters exist with which it would run there.
    pub(super) fn may_run_on(&self, platform: Platform) -> bool {
        match self.precondition.as_ref().map(operands) {
            None => self.plugin_runs_on(platform),
            Some(Ok([left, right])) => match platform_operand(left, right) {
                Some(named) => Platform::parse(named) == Some(platform),
                None => self.plugin_runs_on(platform),
            },
            Some(Err(_)) => false,
        }
    }

    fn plugin_runs_on(&self, platform: Platform) -> bool {
        match self.action.as_str() {
            "aws:runShellScript" => platform != Platform::Windows,
            "aws:psModule" | "aws:applications" | "aws:cloudWatch" => platform == Platform::Windows,
            _ => true,
        }
    }
}

/// That it can be decided somewhere: one operator, two different texts, one of them the platform's or a parameter's.
pub(super) fn check_operands(precondition: &Value) -> Result<(), &'static str> {
    let [left, right] = operands(precondition)?;
    if left == right {
        return Err("the arguments of StringEquals are identical");
    }
    if let Some(named) = platform_operand(left, right) {
        let is_platform = Platform::parse(named).is_some();
        return is_platform.then_some(()).ok_or("platformType is compared with Linux, MacOS or Windows");
    }
    let mut used = std::collections::BTreeSet::new();
    for text in [left, right] {
        placeholders(&Value::String(text.to_owned()), &mut used);
    }
    match used.is_empty() {
        true => Err("one argument must be platformType or contain a document parameter"),
        false => Ok(()),
    }
}

fn operands(precondition: &Value) -> Result<[&str; 2], &'static str> {
    let map = precondition.as_object().ok_or("the precondition is not an object")?;
    let mut entries = map.iter();
    let (Some((operator, operands)), None) = (entries.next(), entries.next()) else {
        return Err("a precondition has exactly one operator");
    };
    if operator != "StringEquals" {
        return Err("the only operator of preconditions is StringEquals");
    }
    let operands = operands.as_array().map(Vec::as_slice).unwrap_or_default();
    let [left, right] = operands else { return Err("StringEquals takes exactly two arguments") };
    let texts = left.as_str().zip(right.as_str());
    let (left, right) = texts.ok_or("the arguments of StringEquals are not text")?;
    Ok([left, right])
}

fn platform_operand<'t>(left: &'t str, right: &'t str) -> Option<&'t str> {
    match (left, right) {
        ("platformType", other) | (other, "platformType") => Some(other),
        _ => None,
    }
}

fn compare(
    left: &str,
    right: &str,
    platform: Platform,
    parameters: &Parameters,
) -> Result<bool, &'static str> {
    if left == right {
        return Err("the arguments of StringEquals are identical");
    }
    if let Some(named) = platform_operand(left, right) {
        let named = Platform::parse(named).ok_or("platformType is compared with Linux, MacOS or Windows")?;
        return Ok(named == platform);
    }
    if [left, right].iter().any(|text| text.contains("ssm:") || text.contains("ssm-secure:")) {
        return Err("preconditions cannot refer to stored parameters");
    }
    let mut used = std::collections::BTreeSet::new();
    let resolve = |text: &str| as_text(&interpolate(&Value::String(text.to_owned()), parameters));
    for text in [left, right] {
        placeholders(&Value::String(text.to_owned()), &mut used);
    }
    match used.is_empty() {
        true => Err("one argument must be platformType or contain a document parameter"),
        false => Ok(resolve(left) == resolve(right)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn gate(precondition: Option<Value>, action: &str, schema: SchemaVersion) -> Gate {
        let step = Step {
            name: "s".to_owned(),
            action: action.to_owned(),
            inputs: Default::default(),
            precondition,
        };
        let values = json!({"mode": "on"}).as_object().unwrap().clone();
        step.gate(schema, Platform::Linux, &Parameters { values, ..Parameters::default() })
    }

    #[test]
    fn preconditions_decide() {
        let equals = |left: &str, right: &str| json!({ "StringEquals": [left, right] });
        let rows = [
            (equals("platformType", "Linux"), "run"),
            (equals("linux", "platformType"), "run"),
            (equals("platformType", "Windows"), "skip"),
            (equals("platformType", "Amiga"), "fail"),
            (equals("{{ mode }}", "on"), "run"),
            (equals("off", "{{ mode }}"), "skip"),
            (equals("a", "b"), "fail"),
            (equals("{{ mode }}", "{{ mode }}"), "fail"),
            (equals("{{ mode }}", "{{ssm:x}}"), "fail"),
            (json!({ "StringEquals": ["platformType"] }), "fail"),
            (json!({ "StringLike": ["platformType", "Linux"] }), "fail"),
            (json!("Linux"), "fail"),
        ];
        for (precondition, expected) in rows {
            let gate = gate(Some(precondition.clone()), "aws:runShellScript", SchemaVersion::V2_2);
            let found = match gate {
                Gate::Run => "run",
                Gate::Skip { .. } => "skip",
                Gate::Fail { .. } => "fail",
            };
            assert_eq!(found, expected, "{precondition}");
        }
    }

    #[test]
    fn foreign_plugins_are_skipped_in_2_2_and_fail_before() {
        assert!(matches!(gate(None, "aws:psModule", SchemaVersion::V2_2), Gate::Skip { .. }));
        assert!(matches!(gate(None, "aws:psModule", SchemaVersion::V2_0), Gate::Fail { .. }));
        assert_eq!(gate(None, "aws:runShellScript", SchemaVersion::V1_2), Gate::Run);
        let early = Some(json!({ "StringEquals": ["platformType", "Linux"] }));
        assert!(matches!(gate(early, "aws:runShellScript", SchemaVersion::V2_0), Gate::Fail { .. }));
    }
}
