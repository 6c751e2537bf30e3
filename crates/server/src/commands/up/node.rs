//! The calls of `fettle up`, all through the public API.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use api::fettle::{CreateSignInCodeRequest, GetNodeReportResponse};
use api::ssm::{
    CommandInvocation, CommandInvocationStatus, CreateActivationRequest, CreateActivationResult,
    DescribeInstanceInformationRequest, InstanceInformation, InstanceInformationStringFilter,
    ListCommandInvocationsRequest, PingStatus, SendCommandRequest,
};
use api::{Request, Timestamp};
use cli::client::{Client, ClientError};

use super::words::say;

const POLL: Duration = Duration::from_millis(100);
/// A started agent has this long to report for duty.
const ONLINE_TIMEOUT: Duration = Duration::from_secs(60);
/// Refreshing package lists over a slow line takes its time.
const SCAN_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Silence longer than this makes people nervous.
const STILL_THERE: Duration = Duration::from_secs(5);

/// The typed client blocks: its calls wait elsewhere.
async fn call<R>(client: &Arc<Client>, request: R) -> Result<R::Response, ClientError>
where
    R: Request + Send + 'static,
    R::Response: Send + 'static,
{
    let client = Arc::clone(client);
    let called = tokio::task::spawn_blocking(move || client.call(&request)).await;
    called.unwrap_or_else(|error| Err(ClientError::Unusable(error.to_string())))
}

pub async fn activate(client: &Arc<Client>) -> anyhow::Result<CreateActivationResult> {
    let request = CreateActivationRequest {
        description: Some("made by `fettle up` for its own machine".to_owned()),
        iam_role: "fettle-node".to_owned(),
        registration_limit: Some(1),
        ..Default::default()
    };
    call(client, request).await.context("cannot make an activation")
}

/// A link that signs root in to the console, once.
pub async fn sign_in_link(client: Client) -> anyhow::Result<String> {
    let client = Arc::new(client);
    let made =
        call(&client, CreateSignInCodeRequest::default()).await.context("cannot make a sign-in link")?;
    Ok(cli::commands::link(client.endpoint(), &made.sign_in_code))
}

/// Whether the server knows this node, which it does not after its database was replaced.
pub async fn is_registered(client: &Arc<Client>, id: &str) -> anyhow::Result<bool> {
    Ok(find(client, id).await?.is_some())
}

async fn find(client: &Arc<Client>, id: &str) -> anyhow::Result<Option<InstanceInformation>> {
    let filter =
        InstanceInformationStringFilter { key: "InstanceIds".to_owned(), values: vec![id.to_owned()] };
    let request = DescribeInstanceInformationRequest { filters: Some(vec![filter]), ..Default::default() };
    let answer = call(client, request).await.context("cannot ask for the node")?;
    Ok(answer.instance_information_list.unwrap_or_default().into_iter().next())
}

/// Waits for a sign of life that is younger than `since`.
pub async fn wait_online(client: &Arc<Client>, id: &str, since: Timestamp) -> anyhow::Result<()> {
    let deadline = Instant::now() + ONLINE_TIMEOUT;
    loop {
        if let Some(node) = find(client, id).await? {
            let is_new = node.last_ping_date_time.is_some_and(|seen| seen >= since);
            if is_new && node.ping_status == Some(PingStatus::Online) && node.platform_name.is_some() {
                return Ok(());
            }
        }
        if Instant::now() > deadline {
            bail!("node {id} did not come online within {} s", ONLINE_TIMEOUT.as_secs());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Orders a scan; returns the command's id.
pub async fn scan(client: &Arc<Client>, id: &str) -> anyhow::Result<String> {
    say("Scanning: refreshing the package lists, comparing what is installed with the patch baseline");
    let request = SendCommandRequest {
        document_name: "AWS-RunPatchBaseline".to_owned(),
        instance_ids: Some(vec![id.to_owned()]),
        parameters: Some([("Operation".to_owned(), vec!["Scan".to_owned()])].into()),
        comment: Some("fettle up".to_owned()),
        ..Default::default()
    };
    let command = call(client, request).await.context("cannot order the scan")?.command;
    command.and_then(|command| command.command_id).context("the server ordered a scan without an id")
}

pub async fn wait_scanned(client: &Arc<Client>, id: &str, command: &str) -> anyhow::Result<()> {
    use CommandInvocationStatus::{Cancelled, Failed, Success, TimedOut};
    let started = Instant::now();
    let mut said = started;
    loop {
        let request = ListCommandInvocationsRequest {
            command_id: Some(command.to_owned()),
            instance_id: Some(id.to_owned()),
            details: Some(true),
            ..Default::default()
        };
        let answer = call(client, request).await.context("cannot ask for the scan")?;
        let invocation = answer.command_invocations.unwrap_or_default().into_iter().next();
        match invocation.as_ref().and_then(|invocation| invocation.status.as_ref()) {
            Some(Success) => return Ok(()),
            Some(Failed | Cancelled | TimedOut) => bail!(failure(invocation.unwrap_or_default(), command)),
            _ => {}
        }
        if started.elapsed() > SCAN_TIMEOUT {
            bail!("the scan (command {command}) did not end within {} minutes", SCAN_TIMEOUT.as_secs() / 60);
        }
        if said.elapsed() > STILL_THERE {
            said = Instant::now();
            say(&format!("  still at it after {} s", started.elapsed().as_secs()));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What the agent said, as far as it is there.
fn failure(invocation: CommandInvocation, command: &str) -> String {
    let status = invocation.status_details.unwrap_or_else(|| "Failed".to_owned());
    let plugins = invocation.command_plugins.unwrap_or_default();
    let output: Vec<String> = plugins
        .into_iter()
        .filter_map(|plugin| plugin.output)
        .filter(|text| !text.trim().is_empty())
        .collect();
    let output = if output.is_empty() { "no output".to_owned() } else { output.join("\n") };
    format!("the scan ended with {status} (command {command})\n  {}", output.trim().replace('\n', "\n  "))
}

pub async fn report(client: &Arc<Client>, id: &str) -> anyhow::Result<GetNodeReportResponse> {
    let (client, id) = (Arc::clone(client), id.to_owned());
    let read = tokio::task::spawn_blocking(move || cli::commands::node_report(&client, &id)).await?;
    read.context("the scan worked, but its report cannot be read")
}
