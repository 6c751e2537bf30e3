//! The list of nodes.

use api::Timestamp;
use api::ssm::{InstanceInformation, PingStatus};

use super::table::Table;
use super::{Style, Tone, age, clean, count, or_unknown};

pub fn render(nodes: &[InstanceInformation], now: Timestamp, style: Style) -> String {
    if nodes.is_empty() {
        return "No nodes are registered. `fettle up` enrols this machine; for others make an activation\n\
                (aws ssm create-activation) and run `fettle-agent enroll` there.\n"
            .to_owned();
    }
    let mut table = Table::new(&["NODE", "NAME", "STATUS", "LAST SEEN", "PLATFORM", "AGENT", "ADDRESS"]);
    for node in nodes {
        table.row([
            or_unknown(node.instance_id.as_deref()),
            or_unknown(node.computer_name.as_deref().or(node.name.as_deref())),
            or_unknown(node.ping_status.as_ref().map(PingStatus::as_str)),
            node.last_ping_date_time.map_or_else(|| "never".to_owned(), |then| age::since(then, now)),
            platform(node),
            or_unknown(node.agent_version.as_deref()),
            or_unknown(node.ip_address.as_deref()),
        ]);
    }
    let away = nodes.iter().filter(|node| node.ping_status != Some(PingStatus::Online)).count();
    let mut out = table.render("");
    out.push('\n');
    out.push_str(&count(nodes.len(), "node", "nodes"));
    if away > 0 {
        out.push_str(&style.paint(Tone::Warning, &format!(", {away} not online")));
    }
    out.push('\n');
    out
}

fn platform(node: &InstanceInformation) -> String {
    let parts = [node.platform_name.as_deref(), node.platform_version.as_deref()];
    let parts: Vec<String> = parts.into_iter().flatten().map(clean).collect();
    or_unknown(Some(&parts.join(" ")))
}
