//! `fettle nodes`: who is registered, and when each was last heard of.

use super::{Output, find, json};
use crate::client::{Client, now};
use crate::text;

pub fn nodes(client: &Client, output: Output) -> anyhow::Result<String> {
    let nodes = find::all_nodes(client)?;
    match output {
        Output::Json => json(&nodes),
        Output::Text(style) => Ok(text::nodes::render(&nodes, now(), style)),
    }
}
