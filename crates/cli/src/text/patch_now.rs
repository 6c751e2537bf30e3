//! How a Patch now goes: a line while it does, a table at its end.

use api::Timestamp;
use api::fettle::{NodeReportSummary, PatchNow, PatchNowExclusion, PatchNowNode, PatchOperation};

use super::table::Table;
use super::{Style, Tone, age, clean, count, or_unknown};

/// How a node says that its part goes on at the restart for which it waits.
const WAITS: &str = "The machine restarts at ";

/// What is left, by why it takes its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Not begun, and not online.
    pub away: usize,
    /// Waits for the restart at its time.
    pub restarts_later: usize,
    /// Everything else that has not ended.
    pub open: usize,
}

impl Outlook {
    pub fn of(nodes: &[PatchNowNode]) -> Self {
        let mut outlook = Self::default();
        for node in nodes.iter().filter(|node| !has_ended(node)) {
            match () {
                () if is_away(node) => outlook.away += 1,
                () if waits_for_restart(node) => outlook.restarts_later += 1,
                () => outlook.open += 1,
            }
        }
        outlook
    }

    /// Nothing happens before nodes come back, or their time.
    pub fn is_idle(&self) -> bool {
        self.open == 0 && self.away + self.restarts_later > 0
    }
}

fn has_ended(node: &PatchNowNode) -> bool {
    node.ended_at.is_some()
}

fn is_away(node: &PatchNowNode) -> bool {
    node.status == "Pending" && node.ping_status.as_deref() != Some("Online")
}

fn waits_for_restart(node: &PatchNowNode) -> bool {
    !has_ended(node) && node.trace.as_deref().is_some_and(|trace| trace.starts_with(WAITS))
}

fn number(now: &PatchNow, status: &str) -> usize {
    now.counts.get(status).copied().and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
}

fn nodes(now: &PatchNow) -> String {
    count(usize::try_from(now.target_count).unwrap_or_default(), "node", "nodes")
}

/// After it was ordered.
pub fn started(now: &PatchNow, excluded: &[PatchNowExclusion]) -> String {
    let order = &now.order;
    let (verb, limits) = match (&order.operation, &order.max_concurrency, &order.max_errors) {
        (PatchOperation::Install, Some(at_once), Some(errors)) => {
            ("Patching", format!(", {at_once} at once, stopping after more than {errors} failed"))
        }
        (PatchOperation::Install, ..) => ("Patching", String::new()),
        _ => ("Scanning", String::new()),
    };
    let id = &now.patch_now_id;
    let left = match excluded {
        [] => String::new(),
        [first, ..] => format!(
            "{} left to patch policies, {} to `{}`.\n",
            count(excluded.len(), "node is", "nodes are"),
            clean(&first.instance_id),
            clean(&first.patch_policy_name)
        ),
    };
    format!(
        "{verb} {}{limits}.\n{left}Patch now {id}: `fettle patch status {id}` shows it, `fettle patch cancel {id}` calls it off.\n",
        nodes(now)
    )
}

/// One line, while it goes on.
pub fn progress(now: &PatchNow, outlook: &Outlook) -> String {
    let ended: usize = now
        .counts
        .keys()
        .filter(|status| !["Pending", "InProgress"].contains(&status.as_str()))
        .map(|status| number(now, status))
        .sum();
    let good = number(now, "Success");
    let mut parts = vec![format!("{ended} of {} done", nodes(now))];
    if ended > good {
        parts.push(format!("{} of them not well", ended - good));
    }
    let mut add = |number: usize, what: &str| {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    };
    add(number(now, "InProgress").saturating_sub(outlook.restarts_later), "at work");
    add(outlook.restarts_later, "waiting for their restart");
    add(number(now, "Pending").saturating_sub(outlook.away), "waiting for their turn");
    add(outlook.away, "not online");
    parts.join(", ")
}

/// A line per node, and what it comes to.
pub fn table(now: &PatchNow, nodes: &[PatchNowNode], style: Style) -> String {
    let mut table =
        Table::new(&["NODE", "NAME", "STATE", "MISSING", "FAILED", "NEEDS RESTART", "COMPLIANCE"]);
    for node in nodes {
        let report = node.report.as_ref();
        table.row([
            or_unknown(Some(&node.instance_id)),
            or_unknown(node.computer_name.as_deref()),
            state(node),
            cell(report, "MISSING"),
            cell(report, "FAILED"),
            restart(report),
            report.map_or_else(|| "unknown".to_owned(), |report| word(report.status.as_str())),
        ]);
    }
    let good = number(now, "Success");
    let total = usize::try_from(now.target_count).unwrap_or_default();
    let sum = format!("{good} of {} succeeded", count(total, "node", "nodes"));
    let tone = if good == total { Tone::Good } else { Tone::Bad };
    let mut out = table.render("");
    out.push_str(&format!("\n{}\n", style.paint(tone, &sum)));
    out
}

fn state(node: &PatchNowNode) -> String {
    match () {
        () if waits_for_restart(node) => "waits for its restart".to_owned(),
        () if is_away(node) => "not online".to_owned(),
        () => word(&node.status_details),
    }
}

/// `DeliveryTimedOut` → `delivery timed out`.
fn word(status: &str) -> String {
    let mut out = String::new();
    let status = clean(status);
    if status.contains('_') {
        return status.to_lowercase().replace('_', "-");
    }
    for letter in status.chars() {
        if letter.is_uppercase() && !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// No report is not none missing.
fn cell(report: Option<&NodeReportSummary>, state: &str) -> String {
    report.map_or_else(
        || "-".to_owned(),
        |report| report.counts.get(state).copied().unwrap_or_default().to_string(),
    )
}

fn restart(report: Option<&NodeReportSummary>) -> String {
    let waiting =
        report.map(|report| report.counts.get("INSTALLED_PENDING_REBOOT").copied().unwrap_or_default());
    match waiting {
        None => "-".to_owned(),
        Some(0) => "no".to_owned(),
        Some(_) => "yes".to_owned(),
    }
}

/// Why it is not all well; `None` when every node succeeded.
pub fn shortfall(now: &PatchNow, nodes: &[PatchNowNode]) -> Option<String> {
    let total = usize::try_from(now.target_count).unwrap_or_default();
    let good = number(now, "Success");
    if good == total {
        return None;
    }
    let id = &now.patch_now_id;
    let outlook = Outlook::of(nodes);
    let mut parts = Vec::new();
    if outlook.away > 0 {
        let (one, many) = (
            "node is not online, and begins when it is back",
            "nodes are not online, and begin when they are back",
        );
        parts.push(count(outlook.away, one, many));
    }
    if outlook.restarts_later > 0 {
        let what =
            count(outlook.restarts_later, "node waits for its restart", "nodes wait for their restart");
        parts.push(format!("{what}, and reports after it"));
    }
    let open = outlook.away + outlook.restarts_later + outlook.open;
    let bad = total.saturating_sub(good + open);
    if bad > 0 {
        parts
            .push(format!("{} did not succeed: `fettle why NODE` explains one", count(bad, "node", "nodes")));
    }
    let until = now
        .ends_at
        .filter(|_| open > 0)
        .map(|end| format!("\nPatch now {id} goes on until {end}: `fettle patch cancel {id}` calls it off"));
    Some(format!("{}{}", parts.join("; "), until.unwrap_or_default()))
}

/// After Ctrl-C.
pub fn left(now: &PatchNow) -> String {
    let id = &now.patch_now_id;
    format!(
        "stopped watching; the nodes go on\n  `fettle patch status {id} --follow` watches again, `fettle patch cancel {id}` calls it off"
    )
}

pub fn cancelled(now: &PatchNow) -> String {
    let busy = number(now, "InProgress");
    let id = &now.patch_now_id;
    let rest = match busy {
        0 => "nothing of it goes on".to_owned(),
        _ => format!("{} asked to stop", count(busy, "node at work is", "nodes at work are")),
    };
    format!("Patch now {id} is called off; {rest}.\n")
}

/// All that are kept.
pub fn list(all: &[PatchNow], now: Timestamp, style: Style) -> String {
    if all.is_empty() {
        return "Nothing was started with `fettle patch now` in the time that is kept.\n".to_owned();
    }
    let mut table = Table::new(&["ID", "STARTED", "OPERATION", "STATE", "NODES", "SUCCEEDED", "NOT WELL"]);
    for one in all {
        let open = number(one, "Pending") + number(one, "InProgress");
        let total = usize::try_from(one.target_count).unwrap_or_default();
        let good = number(one, "Success");
        table.row([
            clean(&one.patch_now_id),
            age::since(one.started_at, now),
            one.order.operation.as_str().to_lowercase(),
            word(&one.status_details),
            total.to_string(),
            good.to_string(),
            total.saturating_sub(open + good).to_string(),
        ]);
    }
    let going_on = all.iter().filter(|one| one.ended_at.is_none()).count();
    let mut out = table.render("");
    if going_on > 0 {
        let text = format!("\n{} on\n", count(going_on, "goes", "go"));
        out.push_str(&style.paint(Tone::Warning, &text));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::fettle::{NodeComplianceStatus, PatchNowOrder};

    fn of(counts: &[(&str, i32)]) -> PatchNow {
        PatchNow {
            patch_now_id: "3f0c".to_owned(),
            order: PatchNowOrder {
                operation: PatchOperation::Install,
                max_concurrency: Some("5%".to_owned()),
                max_errors: Some("5".to_owned()),
                ..Default::default()
            },
            target_count: counts.iter().map(|(_, count)| count).sum(),
            counts: counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            started_at: Timestamp::from_seconds(1_000),
            status_details: "InProgress".to_owned(),
            ends_at: Timestamp::parse("2026-11-22T12:00:00Z"),
            ..Default::default()
        }
    }

    fn node(name: &str, status: &str, ping: &str) -> PatchNowNode {
        let is_open = ["Pending", "InProgress"].contains(&status);
        PatchNowNode {
            instance_id: format!("mi-{name}"),
            computer_name: Some(name.to_owned()),
            ping_status: Some(ping.to_owned()),
            status: status.to_owned(),
            status_details: status.to_owned(),
            ended_at: (!is_open).then_some(Timestamp::from_seconds(1_060)),
            ..Default::default()
        }
    }

    fn reported(missing: i32, waiting: i32) -> NodeReportSummary {
        let counts = [("MISSING", missing), ("INSTALLED_PENDING_REBOOT", waiting)];
        NodeReportSummary {
            status: NodeComplianceStatus::NonCompliant,
            counts: counts.map(|(state, count)| (state.to_owned(), count)).into(),
            ..Default::default()
        }
    }

    #[test]
    fn one_line_says_who_is_where() {
        let now =
            of(&[("Pending", 3), ("InProgress", 2), ("Success", 4), ("Failed", 1), ("DeliveryTimedOut", 1)]);
        let idle = Outlook::default();
        let line = "6 of 11 nodes done, 2 of them not well, 2 at work, 3 waiting for their turn";
        assert_eq!(progress(&now, &idle), line);
        let outlook = Outlook { away: 2, restarts_later: 2, open: 1 };
        let line = "6 of 11 nodes done, 2 of them not well, 2 waiting for their restart, 1 waiting for their turn, \
            2 not online";
        assert_eq!(progress(&now, &outlook), line);
        assert_eq!(progress(&of(&[("Success", 1)]), &idle), "1 of 1 node done");
    }

    #[test]
    fn waiting_ends_when_only_absent_nodes_are_left() {
        let mut later = node("db", "InProgress", "Online");
        later.trace = Some("The machine restarts at 03:00".to_owned());
        let nodes = [node("a", "Success", "Online"), node("b", "Pending", "ConnectionLost"), later];
        assert_eq!(Outlook::of(&nodes), Outlook { away: 1, restarts_later: 1, open: 0 });
        assert!(Outlook::of(&nodes).is_idle());
        assert!(!Outlook::of(&nodes[..1]).is_idle(), "that is the end");
        assert!(!Outlook::of(&[nodes[1].clone(), node("c", "Pending", "Online")]).is_idle());
    }

    #[test]
    fn the_table_shows_no_number_without_a_report() {
        let mut web = node("web", "Success", "Online");
        web.report = Some(reported(2, 1));
        let nodes = [
            web,
            node("db", "DeliveryTimedOut", "ConnectionLost"),
            node("x\u{1b}[2J", "Pending", "ConnectionLost"),
        ];
        let now = of(&[("Success", 1), ("DeliveryTimedOut", 1), ("Pending", 1)]);
        let expected = "\
NODE          NAME   STATE               MISSING  FAILED  NEEDS RESTART  COMPLIANCE
mi-web        web    success             2        0       yes            non-compliant
mi-db         db     delivery timed out  -        -       -              unknown
mi-x [2J      x [2J  not online          -        -       -              unknown

1 of 3 nodes succeeded
";
        let shown = table(&now, &nodes, Style::Plain);
        let squeezed = |text: &str| {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(squeezed(&shown), squeezed(expected));
        assert!(!shown.contains('\u{1b}'));
    }

    #[test]
    fn what_falls_short_is_said_with_what_to_do() {
        assert_eq!(shortfall(&of(&[("Success", 2)]), &[node("a", "Success", "Online")]), None);
        let nodes = [node("a", "Failed", "Online"), node("b", "Pending", "ConnectionLost")];
        let text = shortfall(&of(&[("Failed", 1), ("Pending", 1)]), &nodes).unwrap();
        let expected = "1 node is not online, and begins when it is back; 1 node did not succeed: \
            `fettle why NODE` explains one\nPatch now 3f0c goes on until 2026-11-22T12:00:00";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("`fettle patch cancel 3f0c` calls it off"), "{text}");
        let text = shortfall(&of(&[("Failed", 1)]), &nodes[..1]).unwrap();
        assert_eq!(text, "1 node did not succeed: `fettle why NODE` explains one");
    }

    #[test]
    fn orders_and_lists_are_told() {
        let text = started(&of(&[("Pending", 40)]), &[]);
        assert!(
            text.starts_with("Patching 40 nodes, 5% at once, stopping after more than 5 failed.\n"),
            "{text}"
        );
        let excluded =
            PatchNowExclusion { instance_id: "mi-1".to_owned(), patch_policy_name: "weekly".to_owned() };
        let text = started(&of(&[("Pending", 40)]), &[excluded]);
        assert!(text.contains("\n1 node is left to patch policies, mi-1 to `weekly`.\n"), "{text}");
        let now = Timestamp::from_seconds(1_120);
        let shown = list(&[of(&[("Success", 1), ("Pending", 1), ("Failed", 1)])], now, Style::Plain);
        let row: Vec<&str> = shown.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["3f0c", "2", "minutes", "ago", "install", "in", "progress", "3", "1", "1"]);
        assert!(shown.ends_with("\n1 goes on\n"), "{shown}");
        assert!(cancelled(&of(&[("InProgress", 2)])).contains("2 nodes at work are asked to stop"));
        assert!(left(&of(&[])).contains("fettle patch cancel 3f0c"));
    }
}
