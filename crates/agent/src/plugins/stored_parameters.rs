//! Values of Parameter Store that documents refer to: asked for when a document begins, with the node's credentials, and kept
//! nowhere. Which references there are, and what takes their place, is `domain::parameter`'s; who may have secrets, `secrets`'.
//! Source: spec agent-protocol 9.1.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use api::ssm::{GetParametersRequest, GetParametersResult, ParameterType};
use domain::parameter::Stored;

use crate::patch_run::Session;
use crate::patch_run::patience::patiently;
use crate::transport::call::CALL_TIMEOUT;

/// Of one call.
const NAMES_AT_ONCE: usize = 10;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kinds {
    Plain,
    /// Decrypted.
    WithSecrets,
}

/// All of them, or why the document cannot run.
pub async fn fetch(data_dir: &Path, names: BTreeSet<String>) -> Result<BTreeMap<String, Stored>, String> {
    fetch_kinds(data_dir, names, Kinds::Plain).await
}

/// The same, for those that take secrets.
pub(super) async fn fetch_secrets(
    data_dir: &Path,
    names: BTreeSet<String>,
) -> Result<BTreeMap<String, Stored>, String> {
    fetch_kinds(data_dir, names, Kinds::WithSecrets).await
}

async fn fetch_kinds(
    data_dir: &Path,
    names: BTreeSet<String>,
    kinds: Kinds,
) -> Result<BTreeMap<String, Stored>, String> {
    let data_dir = data_dir.to_owned();
    let asked = tokio::task::spawn_blocking(move || ask(&data_dir, &names, kinds)).await;
    asked.map_err(|error| error.to_string())?.map_err(|error| format!("Parameter Store: {error:#}"))
}

fn ask(data_dir: &Path, names: &BTreeSet<String>, kinds: Kinds) -> anyhow::Result<BTreeMap<String, Stored>> {
    let session = Session::open(data_dir)?;
    let names: Vec<String> = names.iter().cloned().collect();
    let mut stored = BTreeMap::new();
    for names in names.chunks(NAMES_AT_ONCE) {
        let with_decryption = Some(kinds == Kinds::WithSecrets);
        let request = GetParametersRequest { names: names.to_vec(), with_decryption };
        let answer =
            patiently(|| session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT))?;
        stored.extend(read(names, answer, kinds).map_err(anyhow::Error::msg)?);
    }
    Ok(stored)
}

/// What was asked for, by the names by which it was.
fn read(
    names: &[String],
    answer: GetParametersResult,
    kinds: Kinds,
) -> Result<BTreeMap<String, Stored>, String> {
    let parameters = answer.parameters.unwrap_or_default();
    let mut stored = BTreeMap::new();
    for name in names {
        let found = parameters.iter().find(|parameter| {
            let plain = parameter.name.as_deref().unwrap_or_default();
            let selector = parameter.selector.as_deref().unwrap_or_default();
            without_slash(&format!("{plain}{selector}")) == without_slash(name)
        });
        let parameter = found.ok_or_else(|| format!("there is no parameter `{name}`"))?;
        let is_list = match &parameter.r#type {
            Some(ParameterType::String) => false,
            Some(ParameterType::StringList) => true,
            Some(ParameterType::SecureString) if kinds == Kinds::WithSecrets => false,
            _ => return Err(format!("the parameter `{name}` is no String and no StringList")),
        };
        let value = parameter.value.clone().ok_or_else(|| format!("the parameter `{name}` has no value"))?;
        stored.insert(name.clone(), Stored { value, is_list });
    }
    Ok(stored)
}

/// `/x` and `x` are one parameter.
fn without_slash(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use api::ssm::Parameter;

    use super::*;

    fn parameter(name: &str, selector: Option<&str>, kind: &str, value: &str) -> Parameter {
        Parameter {
            name: Some(name.to_owned()),
            selector: selector.map(str::to_owned),
            r#type: Some(kind.into()),
            value: Some(value.to_owned()),
            ..Parameter::default()
        }
    }

    #[test]
    fn answers_are_matched_to_what_was_asked() {
        let answer = GetParametersResult {
            parameters: Some(vec![
                parameter("/a", Some(":2"), "String", "old"),
                parameter("/a", None, "String", "new"),
                parameter("l", None, "StringList", "x,y"),
                parameter("s", None, "SecureString", "c2VhbGVk"),
            ]),
            invalid_parameters: Some(vec!["none".to_owned()]),
        };
        let read_as = |names: &[&str], kinds| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            read(&names, answer.clone(), kinds)
        };
        let read = |names: &[&str]| read_as(names, Kinds::Plain);
        let stored = |value: &str, is_list| Stored { value: value.to_owned(), is_list };
        let expected =
            [("/a", stored("new", false)), ("/a:2", stored("old", false)), ("/l", stored("x,y", true))];
        let expected = expected.into_iter().map(|(name, stored)| (name.to_owned(), stored)).collect();
        assert_eq!(read(&["/a", "/a:2", "/l"]), Ok(expected));
        assert_eq!(read(&["none"]), Err("there is no parameter `none`".to_owned()));
        assert_eq!(read(&["s"]), Err("the parameter `s` is no String and no StringList".to_owned()));
        let secret = read_as(&["s"], Kinds::WithSecrets).unwrap();
        assert_eq!(secret["s"], stored("c2VhbGVk", false));
    }
}
