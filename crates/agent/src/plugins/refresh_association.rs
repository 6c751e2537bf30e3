//! `aws:refreshAssociation`: asks the server to start this node's associations now; their runs come as commands.
//! Source: spec agent-protocol 5.4, 7.5.

use api::fettle::{RefreshAssociationsRequest, RefreshAssociationsResponse};
use serde_json::Value;

use super::engine::{PluginResult, Run};
use crate::patch_run::Session;
use crate::patch_run::patience::patiently;
use crate::transport::call::CALL_TIMEOUT;

pub const ACTION: &str = "aws:refreshAssociation";

pub async fn run(run: &Run<'_>, inputs: &Value) -> PluginResult {
    let ids = match ids(inputs.get("associationIds")) {
        Ok(ids) => ids,
        Err(reason) => return PluginResult::refused(format!("{ACTION}: {reason}\n")),
    };
    let data_dir = run.surroundings.data_dir.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let session = Session::open(&data_dir)?;
        let request = RefreshAssociationsRequest {
            instance_id: session.instance_id.clone(),
            association_ids: Some(ids).filter(|ids| !ids.is_empty()),
        };
        let call = || session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT);
        Ok::<_, anyhow::Error>(patiently(call)?)
    });
    match asked.await {
        Ok(Ok(answer)) => PluginResult { stdout: words(&answer), ..PluginResult::empty() },
        Ok(Err(error)) => PluginResult::refused(format!("{ACTION}: {error:#}\n")),
        Err(error) => PluginResult::refused(format!("{ACTION}: {error}\n")),
    }
}

/// A list, or a text with an id in it; empty ones mean none.
fn ids(given: Option<&Value>) -> Result<Vec<String>, &'static str> {
    let texts = match given {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text.split(',').map(str::to_owned).collect(),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or("associationIds is not a list of texts")?,
        Some(_) => return Err("associationIds is not a list of texts"),
    };
    Ok(texts.iter().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect())
}

fn words(answer: &RefreshAssociationsResponse) -> String {
    let mut said = String::new();
    for id in &answer.started {
        said.push_str(&format!("association {id}: a run begins\n"));
    }
    for id in &answer.left_alone {
        said.push_str(&format!("association {id}: under way, or began a moment ago\n"));
    }
    if said.is_empty() {
        said.push_str("no association addresses this node\n");
    }
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_ids() {
        let check = |given: Value, expected: &[&str]| assert_eq!(ids(Some(&given)).unwrap(), expected);
        check(json!([]), &[]);
        check(json!([""]), &[]);
        check(json!(["a", " b "]), &["a", "b"]);
        check(json!("a, b"), &["a", "b"]);
        check(json!(null), &[]);
        assert!(ids(None).unwrap().is_empty());
        assert!(ids(Some(&json!([1]))).is_err() && ids(Some(&json!({}))).is_err());
    }
}
