//! Feeds of advisories, and what they know of a CVE or a package.

use api::fettle::{AdvisoryFeed, DescribeAdvisoriesResponse};

use super::table::Table;
use super::{Style, Tone, age, clean, count, or_unknown};

const NONE: &str = "No feed was imported: of the packages of Debian, Ubuntu, Alpine and Arch nodes no CVE is known.\n\
    `fettle advisories import FILE` reads one.\n";
/// More would only scroll away; `--json` has them all.
const SHOWN: usize = 200;
/// So many notices are named for a version.
const NOTICES_SHOWN: usize = 3;

pub fn feeds(feeds: &[AdvisoryFeed]) -> String {
    if feeds.is_empty() {
        return NONE.to_owned();
    }
    let mut table = Table::new(&["FEED", "FORMAT", "AS OF", "STATEMENTS", "SYSTEMS", "FROM"]);
    for feed in feeds {
        table.row([
            clean(&feed.feed),
            clean(feed.format.as_str()),
            age::ago(feed.age_seconds),
            feed.statements.to_string(),
            feed.distributions.iter().map(|name| clean(name)).collect::<Vec<_>>().join(" "),
            clean(&feed.origin),
        ]);
    }
    table.render("")
}

pub fn render(what: &str, answer: &DescribeAdvisoriesResponse, style: Style) -> String {
    // What nodes' own repositories say needs no feed.
    if answer.feeds.is_empty() && answer.affected_nodes.is_empty() {
        return NONE.to_owned();
    }
    let mut out = format!("{}\n", style.paint(Tone::Heading, &clean(what)));
    if answer.advisories.is_empty() {
        out.push_str("  no feed says anything of it\n");
    } else {
        let shown = answer.advisories.iter().take(SHOWN);
        // Most feeds name no notices.
        let has_notices = shown.clone().any(|said| said.advisory_ids.is_some());
        let mut headings = vec!["CVE", "PACKAGE", "SYSTEM", "FIXED IN", "SEVERITY", "FEED"];
        headings.extend(has_notices.then_some("ANNOUNCED AS"));
        let mut table = Table::new(&headings);
        for said in shown {
            let mut cells = vec![
                clean(&said.cve_id),
                clean(&said.package),
                clean(&said.distribution),
                said.fixed.as_deref().map_or_else(|| "not fixed yet".to_owned(), clean),
                or_unknown(said.severity.as_deref()),
                clean(&said.feed),
            ];
            cells.extend(has_notices.then(|| ids(said.advisory_ids.as_deref())));
            table.row(cells);
        }
        out.push_str(&table.render("  "));
        more(&mut out, answer.advisories.len());
    }
    let affected = &answer.affected_nodes;
    out.push_str(&format!(
        "\nInstalled in an affected version: {}\n",
        count(affected.len(), "package", "packages")
    ));
    if !affected.is_empty() {
        let mut table = Table::new(&["NODE", "CVE", "PACKAGE", "ARCH", "INSTALLED", "FIXED IN", "SAYS"]);
        for hole in affected.iter().take(SHOWN) {
            table.row([
                clean(&hole.instance_id),
                clean(&hole.cve_id),
                clean(&hole.package),
                clean(&hole.arch),
                clean(&hole.installed_version),
                hole.fixed_version.as_deref().map_or_else(|| "not fixed yet".to_owned(), clean),
                or_unknown(hole.feed.as_deref().or(hole.advisory_id.as_deref())),
            ]);
        }
        out.push_str(&table.render("  "));
        more(&mut out, affected.len());
    }
    out.push('\n');
    out.push_str(&feeds(&answer.feeds));
    out
}

/// Ids of notices, few of them.
pub(super) fn ids(ids: Option<&[String]>) -> String {
    let Some((first, rest)) = ids.and_then(<[String]>::split_first) else { return or_unknown(None) };
    let mut shown = clean(first);
    rest.iter().take(NOTICES_SHOWN - 1).for_each(|id| shown.extend([", ", &clean(id)]));
    if rest.len() >= NOTICES_SHOWN {
        shown.push_str(&format!(" and {} more", rest.len() + 1 - NOTICES_SHOWN));
    }
    shown
}

fn more(out: &mut String, number: usize) {
    if number > SHOWN {
        out.push_str(&format!("  and {} more: --json lists all\n", number - SHOWN));
    }
}
