//! `fettle why NODE`: the causes of a node's status, with proof and remedy.

use api::fettle::ExplainNodeComplianceRequest;

use super::{Output, find, json};
use crate::client::Client;
use crate::text;

pub fn why(client: &Client, node: &str, output: Output) -> anyhow::Result<String> {
    let instance_id = find::find_node(client, node)?;
    let answer = client.call(&ExplainNodeComplianceRequest { instance_id, ..Default::default() })?;
    match output {
        Output::Json => json(&answer),
        Output::Text(style) => Ok(text::why::render(&answer, style)),
    }
}
