//! `fettle patch now` and what goes with it: starts, shows how it goes, lists, calls off. Who is patched in which order is
//! the server's to decide.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::bail;
use api::fettle::{
    CancelPatchNowRequest, GetPatchNowRequest, ListPatchNowNodesRequest, ListPatchNowRequest, PatchNow,
    PatchNowNode, PatchNowOrder, StartPatchNowRequest,
};
use serde::Serialize;

use super::listed::{self, Kind, PAGE};
use super::{Output, json, print};
use crate::client::{Client, ClientError, now};
use crate::interrupt::Interrupt;
use crate::text;
use crate::text::patch_now::Outlook;

const POLL: Duration = Duration::from_millis(500);
/// The nodes are asked for less often than the numbers, the more there are the less.
const NODES_EVERY: Duration = Duration::from_secs(2);
const FOR_EACH_NODE: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    No,
    UntilEnded,
}

/// What `--json` prints: the answers of the API, together.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Whole<'a> {
    patch_now: &'a PatchNow,
    nodes: &'a [PatchNowNode],
}

pub fn start(client: &Client, order: PatchNowOrder, wait: Wait, output: Output) -> anyhow::Result<String> {
    // From here on a Ctrl-C is told what it leaves behind.
    let interrupt = Interrupt::watch();
    let answer = client.call(&StartPatchNowRequest { order })?;
    let told = || text::patch_now::started(&answer.patch_now, &answer.excluded);
    match (wait, output) {
        (Wait::No, Output::Json) => json(&answer),
        (Wait::No, Output::Text(_)) => Ok(told()),
        (Wait::UntilEnded, _) => {
            tell(&told());
            follow(client, answer.patch_now, &interrupt, output)
        }
    }
}

pub fn status(client: &Client, id: &str, wait: Wait, output: Output) -> anyhow::Result<String> {
    let id = find(client, id)?;
    let found = get(client, &id)?;
    if wait == Wait::UntilEnded {
        return follow(client, found, &Interrupt::watch(), output);
    }
    let nodes = nodes(client, &id)?;
    show(&found, &nodes, output)
}

pub fn list(client: &Client, output: Output) -> anyhow::Result<String> {
    let found = all(client)?;
    match output {
        Output::Json => json(&found),
        Output::Text(style) => Ok(text::patch_now::list(&found, now(), style)),
    }
}

pub fn cancel(client: &Client, id: &str, output: Output) -> anyhow::Result<String> {
    let id = find(client, id)?;
    client.call(&CancelPatchNowRequest { patch_now_id: id.clone() })?;
    let found = get(client, &id)?;
    match output {
        Output::Json => json(&found),
        Output::Text(_) => Ok(text::patch_now::cancelled(&found)),
    }
}

/// Until nothing goes on any more, or nothing that is worth waiting for. An error when not every node succeeded.
fn follow(
    client: &Client,
    started: PatchNow,
    interrupt: &Interrupt,
    output: Output,
) -> anyhow::Result<String> {
    let id = started.patch_now_id.clone();
    let mut line = Line::new();
    let (mut found, mut outlook, mut asked) = (started, Outlook::default(), None::<Instant>);
    let nodes_every = NODES_EVERY.max(FOR_EACH_NODE * u32::try_from(found.target_count).unwrap_or_default());
    loop {
        line.show(&progress(&found, &outlook));
        let waits_for_somebody = found.rollout.as_ref().is_some_and(text::rollout::waits_for_somebody);
        if found.ended_at.is_some() || waits_for_somebody {
            break;
        }
        if interrupt.was_asked() {
            line.end();
            bail!("{}", text::patch_now::left(&found));
        }
        if asked.is_none_or(|asked| asked.elapsed() >= nodes_every) {
            outlook = Outlook::of(&nodes(client, &id)?);
            asked = Some(Instant::now());
            if outlook.is_idle() {
                break;
            }
        }
        std::thread::sleep(POLL);
        found = get(client, &id)?;
    }
    line.end();
    let nodes = nodes(client, &id)?;
    let found = get(client, &id)?;
    print(&show(&found, &nodes, output)?)?;
    match text::patch_now::shortfall(&found, &nodes) {
        None => Ok(String::new()),
        Some(text) => bail!("{text}"),
    }
}

fn progress(found: &PatchNow, outlook: &Outlook) -> String {
    let nodes = text::patch_now::progress(found, outlook);
    match &found.rollout {
        None => nodes,
        Some(rollout) => format!("{}; {nodes}", text::rollout::line(rollout, now())),
    }
}

fn show(found: &PatchNow, nodes: &[PatchNowNode], output: Output) -> anyhow::Result<String> {
    match output {
        Output::Json => json(&Whole { patch_now: found, nodes }),
        Output::Text(style) => {
            let rings = found.rollout.as_ref().map(|rollout| text::rollout::table(rollout, now(), style));
            let rings = rings.map_or_else(String::new, |rings| format!("{rings}\n"));
            Ok(format!("{rings}{}", text::patch_now::table(found, nodes, style)))
        }
    }
}

fn get(client: &Client, id: &str) -> Result<PatchNow, ClientError> {
    Ok(client.call(&GetPatchNowRequest { patch_now_id: id.to_owned() })?.patch_now)
}

fn nodes(client: &Client, id: &str) -> Result<Vec<PatchNowNode>, ClientError> {
    listed::all(|next_token| {
        let patch_now_id = id.to_owned();
        let request = ListPatchNowNodesRequest { patch_now_id, max_results: Some(PAGE), next_token };
        let page = client.call(&request)?;
        Ok((page.nodes, page.next_token))
    })
}

fn all(client: &Client) -> Result<Vec<PatchNow>, ClientError> {
    listed::all(|next_token| {
        let page = client.call(&ListPatchNowRequest { max_results: Some(PAGE), next_token })?;
        Ok((page.patch_now, page.next_token))
    })
}

fn find(client: &Client, text: &str) -> anyhow::Result<String> {
    let kind = Kind { name: "Patch now", listed_by: "fettle patch status" };
    listed::id(text, kind, || all(client), |one| &one.patch_now_id)
}

fn tell(text: &str) {
    // Who does not listen on stderr misses nothing that is data.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// On a terminal one line that changes in place; elsewhere a line whenever there is something new.
struct Line {
    in_place: bool,
    shown: String,
}

impl Line {
    fn new() -> Self {
        Self { in_place: std::io::stderr().is_terminal(), shown: String::new() }
    }

    fn show(&mut self, text: &str) {
        if text == self.shown {
            return;
        }
        match self.in_place {
            true => tell(&format!("\r\u{1b}[2K{text}")),
            false => tell(&format!("{text}\n")),
        }
        text.clone_into(&mut self.shown);
    }

    fn end(&mut self) {
        if self.in_place && !self.shown.is_empty() {
            tell("\n");
        }
        self.shown.clear();
    }
}
