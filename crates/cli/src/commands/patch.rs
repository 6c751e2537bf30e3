//! `fettle patch`: orders a scan or an installation on one node, waits for it, and shows the report. What the documents
//! do is the agent's; what an installation would do, `fettle plan`'s.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use api::ssm::{
    CommandInvocation, CommandInvocationStatus, ListCommandInvocationsRequest, SendCommandRequest,
};

use super::{Output, find, report};
use crate::client::Client;
use crate::text;

const POLL: Duration = Duration::from_millis(300);
/// An installation may download a lot, and the machine may restart within it.
const WITHIN: Duration = Duration::from_secs(2 * 3600);
/// How the node says that a run goes on at the restart for which it waits.
const WAITS: &str = "The machine restarts at ";

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    Scan,
    Install { restart: Restart, restart_services: bool },
}

/// Of the machine, after an installation that needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restart {
    AtOnce,
    /// Somebody else's.
    Never,
    /// A time as `RebootAt` takes it.
    At(String),
}

impl Order {
    /// AWS's document where it can say it, ours where it cannot.
    fn document(&self) -> (&'static str, BTreeMap<String, Vec<String>>) {
        let mut parameters = vec![("Operation", if *self == Self::Scan { "Scan" } else { "Install" })];
        let mut document = "AWS-RunPatchBaseline";
        if let Self::Install { restart, restart_services } = self {
            match restart {
                Restart::AtOnce => {}
                Restart::Never => parameters.push(("RebootOption", "NoReboot")),
                Restart::At(time) => parameters.push(("RebootAt", time)),
            }
            if *restart_services {
                parameters.push(("RestartServices", "True"));
            }
            if *restart_services || matches!(restart, Restart::At(_)) {
                document = "Fettle-RunPatchBaseline";
            }
        }
        let parameters =
            parameters.into_iter().map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
        (document, parameters.collect())
    }
}

pub fn patch(client: &Client, node: &str, order: &Order, output: Output) -> anyhow::Result<String> {
    let instance_id = find::find_node(client, node)?;
    let (document, parameters) = order.document();
    let request = SendCommandRequest {
        document_name: document.to_owned(),
        instance_ids: Some(vec![instance_id.clone()]),
        parameters: Some(parameters),
        ..SendCommandRequest::default()
    };
    let sent = client.call(&request)?.command.and_then(|command| command.command_id);
    let Some(command_id) = sent else { bail!("the server took the command and gave it no id") };
    let ended = wait(client, &command_id)?;
    let trace = ended.trace_output.as_deref().map(text::clean).unwrap_or_default();
    match &ended.status {
        // The report until then says what waits for the restart.
        Some(CommandInvocationStatus::InProgress) => {
            let shown = report::report(client, Some(&instance_id), output)?;
            let undo = format!("aws ssm cancel-command --command-id {command_id}");
            Ok(match output {
                Output::Json => shown,
                Output::Text(_) => {
                    format!("{shown}\n{trace}.\nCommand {command_id} waits for it; {undo} calls it off.\n")
                }
            })
        }
        Some(CommandInvocationStatus::Success) => report::report(client, Some(&instance_id), output),
        status => {
            let said: Vec<String> =
                ended.command_plugins.iter().flatten().filter_map(|step| step.output.clone()).collect();
            let said: Vec<String> = said.iter().flat_map(|output| output.lines()).map(text::clean).collect();
            let status = status.as_ref().map_or("nothing known", CommandInvocationStatus::as_str);
            bail!(
                "{}\ncommand {command_id} ended as {} on {instance_id}\n  {trace}",
                said.join("\n"),
                text::clean(status)
            )
        }
    }
}

/// Until it has ended, or waits for the restart at its time.
fn wait(client: &Client, command_id: &str) -> anyhow::Result<CommandInvocation> {
    use CommandInvocationStatus::{Cancelled, Failed, InProgress, Success, TimedOut};
    let request = ListCommandInvocationsRequest {
        command_id: Some(command_id.to_owned()),
        details: Some(true),
        ..Default::default()
    };
    let deadline = Instant::now() + WITHIN;
    while Instant::now() < deadline {
        let found = client.call(&request)?.command_invocations.unwrap_or_default().into_iter().next();
        if let Some(invocation) = found {
            let waits = || invocation.trace_output.as_deref().is_some_and(|trace| trace.starts_with(WAITS));
            match &invocation.status {
                Some(Success | Failed | Cancelled | TimedOut) => return Ok(invocation),
                Some(InProgress) if waits() => return Ok(invocation),
                _ => {}
            }
        }
        std::thread::sleep(POLL);
    }
    bail!("command {command_id} has not ended within {} hours", WITHIN.as_secs() / 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awss_document_is_used_where_it_can_say_it() {
        let check = |order: Order, document: &str, expected: &[(&str, &str)]| {
            let expected =
                expected.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
            assert_eq!(order.document(), (document, expected.collect()), "{order:?}");
        };
        let install = |restart, restart_services| Order::Install { restart, restart_services };
        let (aws, own) = ("AWS-RunPatchBaseline", "Fettle-RunPatchBaseline");
        check(Order::Scan, aws, &[("Operation", "Scan")]);
        check(install(Restart::AtOnce, false), aws, &[("Operation", "Install")]);
        check(install(Restart::Never, false), aws, &[("Operation", "Install"), ("RebootOption", "NoReboot")]);
        let at = [("Operation", "Install"), ("RebootAt", "03:00")];
        check(install(Restart::At("03:00".into()), false), own, &at);
        let services = [("Operation", "Install"), ("RebootOption", "NoReboot"), ("RestartServices", "True")];
        check(install(Restart::Never, true), own, &services);
    }
}
