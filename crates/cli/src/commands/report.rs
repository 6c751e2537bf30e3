//! `fettle report`: the newest patch report of a node, or one line for each of several.

use api::fettle::{GetNodeReportRequest, GetNodeReportResponse};
use api::ssm::{DescribeInstancePatchStatesRequest, InstanceInformation, InstancePatchState};

use super::{Output, find, json};
use crate::client::{Client, ClientError, now};
use crate::text;

/// DescribeInstancePatchStates takes so many ids.
const IDS: usize = 50;

pub fn report(client: &Client, node: Option<&str>, output: Output) -> anyhow::Result<String> {
    let id = match node {
        Some(text) => find::find_node(client, text)?,
        None => {
            let nodes = find::all_nodes(client)?;
            match &nodes[..] {
                [InstanceInformation { instance_id: Some(id), .. }] => id.clone(),
                _ => return fleet(client, &nodes, output),
            }
        }
    };
    let report = node_report(client, &id)?;
    match output {
        Output::Json => json(&report),
        Output::Text(style) => Ok(text::report::render(&report, style)),
    }
}

/// The newest report of a node.
pub fn node_report(client: &Client, id: &str) -> Result<GetNodeReportResponse, ClientError> {
    client.call(&GetNodeReportRequest { instance_id: id.to_owned(), ..Default::default() })
}

fn fleet(client: &Client, nodes: &[InstanceInformation], output: Output) -> anyhow::Result<String> {
    let ids: Vec<String> = nodes.iter().filter_map(|node| node.instance_id.clone()).collect();
    let mut states: Vec<InstancePatchState> = vec![];
    for instance_ids in ids.chunks(IDS) {
        let mut request = DescribeInstancePatchStatesRequest {
            instance_ids: instance_ids.to_vec(),
            max_results: Some(100),
            next_token: None,
        };
        loop {
            let page = client.call(&request)?;
            states.extend(page.instance_patch_states.unwrap_or_default());
            request.next_token = page.next_token.filter(|token| !token.is_empty());
            if request.next_token.is_none() {
                break;
            }
        }
    }
    match output {
        Output::Json => json(&states),
        Output::Text(style) => Ok(text::fleet::render(nodes, &states, now(), style)),
    }
}
