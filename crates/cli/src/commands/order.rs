//! `fettle plan`, `fettle undo` and `fettle history`: a node is asked, and its answer shown. What the node does when it is
//! asked is the agent's.

use std::time::{Duration, Instant};

use anyhow::bail;
use api::fettle::{
    GetPatchExecutionRequest, GetPatchPlanRequest, GetPatchPlanResponse, ListPatchExecutionsRequest,
    PatchExecution, StartPatchPlanRequest, StartPatchUndoRequest, UndoWay,
};
use api::ssm::GetCommandInvocationRequest;

use super::{Output, find, json, print};
use crate::client::{Client, ClientError, now};
use crate::text;

const POLL: Duration = Duration::from_millis(300);
/// The node may have to fetch its package lists first, or wait for another run.
const WITHIN: Duration = Duration::from_secs(1800);
/// The largest page of ListPatchExecutions.
const PAGE: i32 = 50;

/// How much of a run is to be taken back, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    pub extent: Extent,
    pub by: UndoWay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    DryRun,
    /// Everything, or nothing.
    Whole,
    /// What can be.
    Partly,
}

pub fn plan(client: &Client, node: &str, output: Output) -> anyhow::Result<String> {
    let instance_id = find::find_node(client, node)?;
    let request = StartPatchPlanRequest { instance_ids: vec![instance_id.clone()] };
    let answer = answer_to(client, &client.call(&request)?.plan_id, &instance_id)?;
    match output {
        Output::Json => json(&answer),
        Output::Text(style) => Ok(text::plan::render(&answer, style)),
    }
}

/// Says what can be taken back before it takes anything back.
pub fn undo(
    client: &Client,
    node: &str,
    execution: &str,
    undo: &Undo,
    output: Output,
) -> anyhow::Result<String> {
    let instance_id = find::find_node(client, node)?;
    let execution_id = find_execution(client, &instance_id, execution)?;
    let request = |dry_run: bool| StartPatchUndoRequest {
        instance_id: instance_id.clone(),
        execution_id: execution_id.clone(),
        dry_run: Some(dry_run),
        allow_partial: Some(undo.extent == Extent::Partly),
        by: Some(undo.by.clone()),
    };
    let preview = answer_to(client, &client.call(&request(true))?.plan_id, &instance_id)?;
    let told = match output {
        Output::Json => json(&preview)?,
        Output::Text(style) => text::plan::render(&preview, style),
    };
    let plan = preview.plan.unwrap_or_default();
    if undo.extent == Extent::DryRun || plan.changes.is_empty() {
        return Ok(told);
    }
    if undo.by == UndoWay::Snapshot && !plan.blockers.is_empty() {
        bail!("{told}\nnothing was changed, because the root cannot go back to this snapshot");
    }
    if undo.extent == Extent::Whole && !plan.refused.is_empty() {
        bail!(
            "{told}\nnothing was changed, because not everything can be taken back; --partly takes back the rest"
        );
    }
    if output != Output::Json {
        print(&told)?;
    }
    let undo_id = client.call(&request(false))?.plan_id;
    let ended = end_of(client, &undo_id, &instance_id)?;
    let request = GetPatchExecutionRequest { instance_id, execution_id: undo_id };
    let done = match client.call(&request) {
        Ok(answer) => answer.execution,
        Err(error) if error.code() == Some("ResourceNotFoundException") => {
            return Err(failed(client, &ended, "nothing was taken back"));
        }
        Err(error) => return Err(error.into()),
    };
    let shown = match output {
        Output::Json => json(&done)?,
        Output::Text(style) if undo.by == UndoWay::Snapshot => {
            format!(
                "{}\nIt takes effect when the machine restarts.\n",
                text::history::taken_back(&done, style)
            )
        }
        Output::Text(style) => text::history::taken_back(&done, style),
    };
    if done.failed.is_empty() { Ok(shown) } else { bail!("{shown}") }
}

/// Every run that is kept, or one of them whole.
pub fn history(
    client: &Client,
    node: &str,
    execution: Option<&str>,
    output: Output,
) -> anyhow::Result<String> {
    let instance_id = find::find_node(client, node)?;
    if let Some(execution) = execution {
        let execution_id = find_execution(client, &instance_id, execution)?;
        let found = client.call(&GetPatchExecutionRequest { instance_id, execution_id })?.execution;
        return match output {
            Output::Json => json(&found),
            Output::Text(style) => Ok(text::history::one(&found, now(), style)),
        };
    }
    let runs = all(client, &instance_id)?;
    match output {
        Output::Json => json(&runs),
        Output::Text(style) => Ok(text::history::list(&runs, now(), style)),
    }
}

fn all(client: &Client, instance_id: &str) -> Result<Vec<PatchExecution>, ClientError> {
    let mut runs = vec![];
    let mut next_token = None;
    loop {
        let request = ListPatchExecutionsRequest {
            instance_id: instance_id.to_owned(),
            max_results: Some(PAGE),
            next_token,
        };
        let page = client.call(&request)?;
        runs.extend(page.executions);
        next_token = page.next_token;
        if next_token.is_none() {
            return Ok(runs);
        }
    }
}

/// The id of the run that `text` is, or begins.
fn find_execution(client: &Client, instance_id: &str, text: &str) -> anyhow::Result<String> {
    const WHOLE: usize = 36;
    if text.len() == WHOLE {
        return Ok(text.to_owned());
    }
    let runs = all(client, instance_id)?;
    let mut found = runs.iter().filter(|run| run.execution_id.starts_with(text));
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run.execution_id.clone()),
        (Some(_), Some(_)) => {
            bail!("more than one run begins with `{text}`; `fettle history {instance_id}` lists them")
        }
        (None, _) => {
            bail!("no run that begins with `{text}` is kept; `fettle history {instance_id}` lists them")
        }
    }
}

/// What the node answered; an error with its own words when it could not.
fn answer_to(client: &Client, plan_id: &str, node: &str) -> anyhow::Result<GetPatchPlanResponse> {
    let ended = end_of(client, plan_id, node)?;
    match ended.plan {
        Some(_) => Ok(ended),
        None => Err(failed(client, &ended, "the node made no plan")),
    }
}

/// Polls until the command has ended on the node.
fn end_of(client: &Client, plan_id: &str, node: &str) -> anyhow::Result<GetPatchPlanResponse> {
    let request = GetPatchPlanRequest { instance_id: node.to_owned(), plan_id: plan_id.to_owned() };
    let deadline = Instant::now() + WITHIN;
    while Instant::now() < deadline {
        let answer = client.call(&request)?;
        if matches!(answer.status.as_str(), "Success" | "Failed" | "Cancelled" | "TimedOut") {
            return Ok(answer);
        }
        std::thread::sleep(POLL);
    }
    bail!("node {node} has not answered command {plan_id} within {} minutes", WITHIN.as_secs() / 60)
}

/// With what the node printed, without control characters that it might have sent.
fn failed(client: &Client, ended: &GetPatchPlanResponse, what: &str) -> anyhow::Error {
    let request = GetCommandInvocationRequest {
        command_id: ended.plan_id.clone(),
        instance_id: ended.instance_id.clone(),
        ..Default::default()
    };
    let said = client.call(&request).unwrap_or_default();
    let streams = [said.standard_output_content, said.standard_error_content];
    let lines: Vec<String> =
        streams.iter().flatten().flat_map(|stream| stream.lines()).map(text::clean).collect();
    anyhow::anyhow!(
        "{}\n{what}: command {} ended as {} on {}",
        lines.join("\n"),
        ended.plan_id,
        ended.status_details,
        ended.instance_id
    )
}
