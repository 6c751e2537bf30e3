//! Which node an operator means.

use anyhow::bail;
use api::ssm::{DescribeInstanceInformationRequest, InstanceInformation};

use crate::client::{Client, ClientError};

/// The largest page of DescribeInstanceInformation.
const PAGE: i32 = 50;
/// How many candidates an error lists.
const SHOWN: usize = 5;

pub fn all_nodes(client: &Client) -> Result<Vec<InstanceInformation>, ClientError> {
    let mut nodes = vec![];
    let mut next_token = None;
    loop {
        let request = DescribeInstanceInformationRequest {
            max_results: Some(PAGE),
            next_token: next_token.take(),
            ..Default::default()
        };
        let page = client.call(&request)?;
        nodes.extend(page.instance_information_list.unwrap_or_default());
        next_token = page.next_token.filter(|token| !token.is_empty());
        if next_token.is_none() {
            return Ok(nodes);
        }
    }
}

/// The id of the node that `text` names.
pub fn find_node(client: &Client, text: &str) -> anyhow::Result<String> {
    if is_whole_id(text) {
        return Ok(text.to_owned());
    }
    choose(&all_nodes(client)?, text)
}

fn is_whole_id(text: &str) -> bool {
    let is_id = |digits: &str, lengths: &[usize]| {
        lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match (text.strip_prefix("mi-"), text.strip_prefix("i-")) {
        (Some(digits), _) => is_id(digits, &[17]),
        (None, Some(digits)) => is_id(digits, &[8, 17]),
        (None, None) => false,
    }
}

/// An exact id or name wins over those that only begin like it.
fn choose(nodes: &[InstanceInformation], text: &str) -> anyhow::Result<String> {
    let names = |node: &InstanceInformation| {
        let own = [&node.instance_id, &node.computer_name, &node.name];
        own.into_iter().flatten().map(|name| name.to_lowercase()).collect::<Vec<_>>()
    };
    let text = text.to_lowercase();
    let chosen = |matches: &dyn Fn(&str) -> bool| {
        nodes.iter().filter(|node| names(node).iter().any(|name| matches(name))).collect::<Vec<_>>()
    };
    let mut found = chosen(&|name| name == text);
    if found.is_empty() && !text.is_empty() {
        found = chosen(&|name| name.starts_with(&text));
    }
    match found[..] {
        [node] => Ok(node.instance_id.clone().unwrap_or_default()),
        [] => bail!("no node is called `{text}`; `fettle nodes` lists them"),
        _ => {
            let mut list: Vec<String> = found.iter().take(SHOWN).map(|node| names(node).join(" ")).collect();
            if found.len() > SHOWN {
                list.push(format!("and {} more", found.len() - SHOWN));
            }
            bail!(
                "`{text}` may be any of {} nodes: {}; give more of the name, or the id",
                found.len(),
                list.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, name: &str) -> InstanceInformation {
        InstanceInformation {
            instance_id: Some(id.to_owned()),
            computer_name: Some(name.to_owned()),
            ..Default::default()
        }
    }

    #[test]
    fn finds_by_id_name_and_beginning() {
        let nodes = [
            node("mi-0123456789abcdef0", "web"),
            node("mi-0fff456789abcdef0", "web-2"),
            node("mi-0aaa456789abcdef0", "Database"),
        ];
        let check = |text: &str, expected: &str| match choose(&nodes, text) {
            Ok(id) => assert_eq!(&id[..6], expected, "{text}"),
            Err(error) => assert!(error.to_string().contains(expected), "{text}: {error}"),
        };
        check("web", "mi-012"); // exact, although another begins like it
        check("web-", "mi-0ff");
        check("data", "mi-0aa");
        check("mi-0f", "mi-0ff");
        check("we", "any of 2 nodes");
        check("mi-", "any of 3 nodes");
        check("mail", "no node is called");
        check("", "no node is called");
    }

    #[test]
    fn knows_whole_ids() {
        for id in ["mi-0123456789abcdef0", "i-01234567", "i-0123456789abcdef0"] {
            assert!(is_whole_id(id), "{id}");
        }
        for text in ["mi-0123", "i-", "web", "mi-0123456789abcdef0x", "i-0123456é"] {
            assert!(!is_whole_id(text), "{text}");
        }
    }
}
