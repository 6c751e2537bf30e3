//! `aws:runDocument`: another document of the server, run as one step of this one.
//! Reading documents is `domain::document`'s, running their steps `engine`'s.
//! Source: spec agent-protocol 7.5.

use std::path::Path;

use api::agent::{StepReply, StepStatus};
use api::ssm::{DocumentFormat, GetDocumentRequest, GetDocumentResult};
use domain::document::fetched::{MAX_DEPTH, given, name_and_version};
use domain::document::{self, Document, Platform};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::engine::{self, DocumentEnd, EXIT_RESTART, PluginResult, Run};
use super::process::Ending;
use crate::commands::plan::Plan;
use crate::enroll::Registration;
use crate::transport::call::{CALL_TIMEOUT, now};
use crate::transport::credentials::Source;

pub const ACTION: &str = "aws:runDocument";

/// A document that asks for a restart is run again from its beginning afterwards.
pub async fn run(
    run: &Run<'_>,
    step_dir: &Path,
    inputs: &Value,
    cancel: &mut watch::Receiver<bool>,
) -> PluginResult {
    match prepare(run, inputs).await {
        Ok((steps, environment)) => nested(run, step_dir, steps, environment, cancel).await,
        Err(reason) => PluginResult::refused(reason),
    }
}

type Prepared = (Vec<engine::Step>, Vec<(String, String)>);

async fn prepare(run: &Run<'_>, inputs: &Value) -> Result<Prepared, String> {
    if run.depth >= MAX_DEPTH {
        return Err(format!("{ACTION}: documents that run documents are nested more than {MAX_DEPTH} deep"));
    }
    let text = |name: &str| inputs.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, path) = (text("documentType"), text("documentPath"));
    let failed = |reason: String| format!("{ACTION}: document {path}: {reason}");
    let document = match kind {
        "SSMDocument" => of_server(run, path).await?,
        "LocalPath" => local(&run.downloads.join(path)).map_err(failed)?,
        _ => {
            return Err(format!(
                "{ACTION}: documentType `{kind}` is not known; use SSMDocument or LocalPath"
            ));
        }
    };
    let given = given(inputs.get("documentParameters")).map_err(failed)?;
    let parameters = document.resolve_parameters(&given).map_err(|error| failed(error.to_string()))?;
    let platform = Platform::parse(run.surroundings.platform_type).unwrap_or(Platform::Linux);
    let plan = Plan::of(document, parameters, platform).resolved(&run.surroundings.data_dir).await;
    let plan = plan.map_err(failed)?;
    Ok((plan.steps, plan.environment))
}

/// One that an earlier step brought, or that is on the node: JSON, or YAML.
fn local(path: &Path) -> Result<Document, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > document::MAX_BYTES as u64 {
        return Err(format!("it has {size} bytes; at most {} are allowed", document::MAX_BYTES));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let format = match text.trim_start().starts_with('{') {
        true => DocumentFormat::Json,
        false => DocumentFormat::Yaml,
    };
    let value = document::value_of(&text, &format).map_err(|error| error.to_string())?;
    Document::from_json(value.unwrap_or_default()).map_err(|error| error.to_string())
}

async fn of_server(run: &Run<'_>, path: &str) -> Result<Document, String> {
    let (name, version) =
        name_and_version(path).ok_or_else(|| format!("{ACTION}: documentPath is missing"))?;
    let data_dir = run.surroundings.data_dir.clone();
    let request = GetDocumentRequest {
        name: name.to_owned(),
        document_version: version.map(str::to_owned),
        // Whatever it was written in.
        document_format: Some(DocumentFormat::Json),
        ..GetDocumentRequest::default()
    };
    let failed = |reason: String| format!("{ACTION}: document {path}: {reason}");
    let fetched = tokio::task::spawn_blocking(move || fetch(&data_dir, &request)).await;
    let fetched = fetched.map_err(|error| failed(error.to_string()))?;
    let answer = fetched.map_err(|error| failed(format!("{error:#}")))?;
    let content = answer.content.unwrap_or_default();
    Document::parse(&content).map_err(|error| failed(error.to_string()))
}

fn fetch(data_dir: &Path, request: &GetDocumentRequest) -> anyhow::Result<GetDocumentResult> {
    let registration = Registration::require(data_dir)?;
    let caller = registration.caller()?;
    let source = Source { caller: caller.clone(), registration, data_dir: data_dir.to_owned() };
    let credentials = source.stored_or_new()?;
    Ok(caller.call_blocking(&credentials, request, CALL_TIMEOUT)?)
}

async fn nested(
    outer: &Run<'_>,
    step_dir: &Path,
    steps: Vec<engine::Step>,
    environment: Vec<(String, String)>,
    cancel: &mut watch::Receiver<bool>,
) -> PluginResult {
    // The steps of this one are told as one result, when it ends.
    let (progress, _) = mpsc::channel(1);
    let inner = Run {
        surroundings: outer.surroundings,
        job_id: outer.job_id,
        command_id: outer.command_id,
        environment,
        work_dir: step_dir.to_owned(),
        downloads: outer.downloads.clone(),
        steps,
        first_step: 0,
        done: Vec::new(),
        depth: outer.depth + 1,
        // Its words are this step's, and go with them.
        destination: None,
    };
    let end = engine::run(inner, now, cancel, &progress).await;
    // Its steps have removed their own folders.
    let _ = std::fs::remove_dir(step_dir);
    match end {
        DocumentEnd::Finished(done) => finished(&done),
        DocumentEnd::Restart { done, at, restarts, .. } => {
            let (told, code) = (finished(&done), EXIT_RESTART);
            let ending = Ending::Exited(code as i32);
            PluginResult { ending, code, restart_at: at, restarts, ..told }
        }
    }
}

/// The worst step decides; what was skipped is not told.
fn finished(done: &[(String, StepReply)]) -> PluginResult {
    let mut total = PluginResult::empty();
    for (_, reply) in done {
        if reply.status == StepStatus::Skipped {
            continue;
        }
        total.stdout.push_str(&reply.standard_output);
        total.stderr.push_str(&reply.standard_error);
        let ending = match reply.status {
            StepStatus::Cancelled => Ending::Cancelled,
            StepStatus::TimedOut => Ending::TimedOut,
            _ => Ending::Exited(i32::try_from(reply.code).unwrap_or(1)),
        };
        if reply.status != StepStatus::Success && total.code == 0 {
            (total.ending, total.code) = (ending, if reply.code == 0 { 1 } else { reply.code });
            if reply.standard_error.is_empty() && reply.standard_output.is_empty() {
                total.stderr.push_str(&reply.output);
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reply(status: StepStatus, code: i64, said: &str) -> (String, StepReply) {
        let reply = StepReply {
            status,
            code,
            name: "aws:runShellScript".into(),
            output: said.into(),
            start_date_time: String::new(),
            end_date_time: String::new(),
            output_s3_bucket_name: String::new(),
            output_s3_key_prefix: String::new(),
            step_name: String::new(),
            standard_output: said.into(),
            standard_error: String::new(),
        };
        ("step".into(), reply)
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_time_for_a_restart_comes_through() {
        let dir = tempfile::tempdir().unwrap();
        let surroundings = crate::plugins::Surroundings {
            data_dir: dir.path().to_owned(),
            instance_id: "mi-0123456789abcdef0".into(),
            region: "eu-central-1".into(),
            platform_type: "Linux",
            platform_name: "Debian GNU/Linux".into(),
            platform_version: "12".into(),
            agent_exe: "/usr/bin/fettle-agent".into(),
        };
        let outer = Run {
            surroundings: &surroundings,
            job_id: "j-1",
            command_id: "c-1",
            environment: vec![],
            work_dir: dir.path().join("work"),
            downloads: dir.path().join("downloads"),
            steps: vec![],
            first_step: 0,
            done: vec![],
            depth: 0,
            destination: None,
        };
        let step = engine::Step {
            key: "step".into(),
            action: "aws:runShellScript".into(),
            gate: engine::Gate::Run,
            inputs: vec![json!({"runCommand": ["exit 194"], "restartAt": "03:00"})],
        };
        let (_keep, mut cancel) = watch::channel(false);
        let result = nested(&outer, &dir.path().join("inner"), vec![step], vec![], &mut cancel).await;
        assert_eq!((result.code, result.restart_at.as_deref()), (EXIT_RESTART, Some("03:00")));
    }

    #[test]
    fn the_first_failure_decides() {
        let done = [
            reply(StepStatus::Skipped, 0, "skipped"),
            reply(StepStatus::Success, 0, "one "),
            reply(StepStatus::Failed, 7, "two "),
            reply(StepStatus::Failed, 8, "three"),
        ];
        let total = finished(&done);
        assert_eq!((total.code, total.stdout.as_str()), (7, "one two three"));
        assert_eq!(finished(&done[..2]).code, 0);
    }
}
