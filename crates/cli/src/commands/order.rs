//! `fettle plan` and `fettle undo`: a document is run on one node, and its output shown when it has ended.
//! What the documents do is the agent's.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use api::ssm::{
    CommandInvocationStatus, GetCommandInvocationRequest, GetCommandInvocationResult, SendCommandRequest,
};

use super::{Output, find, json};
use crate::client::{Client, ClientError};

const POLL: Duration = Duration::from_millis(300);
/// The node may have to fetch its package lists first, or wait for another run.
const WITHIN: Duration = Duration::from_secs(1800);

/// Whether changes are only shown, or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    Preview,
    Apply,
}

pub fn plan(client: &Client, node: &str, output: Output) -> anyhow::Result<String> {
    run(client, node, "Fettle-PlanPatches", BTreeMap::new(), output)
}

pub fn undo(
    client: &Client,
    node: &str,
    execution_id: &str,
    undo: Undo,
    output: Output,
) -> anyhow::Result<String> {
    let mode = match undo {
        Undo::Preview => "Preview",
        Undo::Apply => "Apply",
    };
    let parameters = BTreeMap::from([
        ("ExecutionId".to_owned(), vec![execution_id.to_owned()]),
        ("Mode".to_owned(), vec![mode.to_owned()]),
    ]);
    let mut text = run(client, node, "Fettle-UndoPatches", parameters, output)?;
    if undo == Undo::Preview && output != Output::Json {
        text.push_str("\nNothing was changed. Run it again with --yes to take this back.\n");
    }
    Ok(text)
}

fn run(
    client: &Client,
    node: &str,
    document: &str,
    parameters: BTreeMap<String, Vec<String>>,
    output: Output,
) -> anyhow::Result<String> {
    let instance_id = find::find_node(client, node)?;
    let request = SendCommandRequest {
        document_name: document.to_owned(),
        instance_ids: Some(vec![instance_id.clone()]),
        parameters: Some(parameters),
        ..Default::default()
    };
    let command = client.call(&request)?.command.and_then(|command| command.command_id).unwrap_or_default();
    let ended = end_of(client, &command, &instance_id)?;
    let shown = match output {
        Output::Json => json(&ended)?,
        Output::Text(_) => text_of(&ended),
    };
    match ended.status {
        Some(CommandInvocationStatus::Success) => Ok(shown),
        status => {
            let status = status.map_or_else(String::new, |status| status.as_str().to_owned());
            bail!("{shown}\ncommand {command} ended as {status} on {instance_id}")
        }
    }
}

fn end_of(client: &Client, command: &str, node: &str) -> anyhow::Result<GetCommandInvocationResult> {
    use CommandInvocationStatus::{Cancelled, Failed, Success, TimedOut};
    let request = GetCommandInvocationRequest {
        command_id: command.to_owned(),
        instance_id: node.to_owned(),
        ..Default::default()
    };
    let deadline = Instant::now() + WITHIN;
    while Instant::now() < deadline {
        match client.call(&request) {
            Ok(answer) if matches!(answer.status, Some(Success | Failed | Cancelled | TimedOut)) => {
                return Ok(answer);
            }
            Ok(_) => {}
            // The invocation is not there yet.
            Err(ClientError::Refused { code, .. }) if code == "InvocationDoesNotExist" => {}
            Err(error) => return Err(error.into()),
        }
        std::thread::sleep(POLL);
    }
    bail!("node {node} has not answered command {command} within {} minutes", WITHIN.as_secs() / 60)
}

/// Both streams, without control characters that a node might send.
fn text_of(ended: &GetCommandInvocationResult) -> String {
    let streams = [&ended.standard_output_content, &ended.standard_error_content];
    let mut text = String::new();
    for line in streams.into_iter().flatten().flat_map(|stream| stream.lines()) {
        text.push_str(&crate::text::clean(line));
        text.push('\n');
    }
    text
}
