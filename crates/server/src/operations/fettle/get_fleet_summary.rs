//! GetFleetSummary: the fleet in numbers, each of which ListNodeSummaries opens.

use std::collections::BTreeMap;

use api::Timestamp;
use api::fettle::{FailureGroup, FleetDay, GetFleetSummaryRequest, GetFleetSummaryResponse, OldScan};
use domain::fleet::Standing;
use fleet::{ping_status, standing, worst};
use store::fleet::{Failures, FleetNode};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::jobs::count_fleet::{day, first_day};

const OLDEST: usize = 10;
/// What went wrong is told of so many commands, of a week at most.
const COMMANDS: i64 = 20;
const FAILURES_SECONDS: i64 = 7 * 86_400;

pub async fn get_fleet_summary(
    ctx: &Ctx,
    _request: GetFleetSummaryRequest,
) -> Result<GetFleetSummaryResponse, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let fleet = ctx.app.fleets.get(&ctx.store, scope, ctx.now).await?;
    let mut by_status: BTreeMap<String, i32> =
        Standing::ALL.into_iter().map(|standing| (standing.as_str().to_owned(), 0)).collect();
    let (mut by_worst, mut by_ping) = (BTreeMap::<&str, i32>::new(), BTreeMap::<&str, i32>::new());
    let mut pending_reboots = 0;
    for node in fleet.nodes() {
        if let Some(count) = by_status.get_mut(standing(node, ctx.now).as_str()) {
            *count += 1;
        }
        *by_worst.entry(worst(node, ctx.now).as_str()).or_default() += 1;
        *by_ping.entry(ping_status(node, ctx.now)).or_default() += 1;
        let waits = node.report.as_ref().is_some_and(|report| report.counts.installed_pending_reboot > 0);
        pending_reboots += i32::from(waits);
    }
    let named = |counts: BTreeMap<&str, i32>| -> BTreeMap<String, i32> {
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    };

    let mut tx = ctx.store.read().await?;
    let since = ctx.now.plus_seconds(-FAILURES_SECONDS);
    let failures = store::fleet::failures(&mut tx, scope, since, COMMANDS).await?;
    let mut days = store::fleet::days(&mut tx, scope, &first_day(ctx.now)).await?;
    // Of today what is true now, and not what was when the day was counted last.
    days.insert(
        day(ctx.now),
        by_status.iter().map(|(name, count)| (name.clone(), i64::from(*count))).collect(),
    );
    let trend = days.into_iter().map(|(day, counts)| FleetDay {
        day,
        by_status: counts.into_iter().map(|(name, nodes)| (name, number(nodes))).collect(),
    });
    Ok(GetFleetSummaryResponse {
        total: i32::try_from(fleet.count()).unwrap_or(i32::MAX),
        by_status,
        by_worst_state: named(by_worst),
        by_ping_status: named(by_ping),
        pending_reboots,
        oldest_scans: oldest(fleet.nodes()),
        failures: failures.into_iter().map(to_wire).collect(),
        trend: trend.collect(),
        as_of: fleet.as_of,
    })
}

fn oldest<'f>(nodes: impl Iterator<Item = &'f FleetNode>) -> Vec<OldScan> {
    let mut scans: Vec<(Timestamp, &FleetNode)> =
        nodes.filter_map(|node| Some((node.report.as_ref()?.captured_at, node))).collect();
    let by = |a: &(Timestamp, &FleetNode), b: &(Timestamp, &FleetNode)| (a.0, &a.1.id).cmp(&(b.0, &b.1.id));
    if scans.len() > OLDEST {
        scans.select_nth_unstable_by(OLDEST, by);
        scans.truncate(OLDEST);
    }
    scans.sort_unstable_by(by);
    let to_wire = |(captured_at, node): (Timestamp, &FleetNode)| OldScan {
        node_id: node.id.to_string(),
        name: node.name.as_deref().or(node.computer_name.as_deref()).map(str::to_owned),
        captured_at,
    };
    scans.into_iter().map(to_wire).collect()
}

fn to_wire(failures: Failures) -> FailureGroup {
    FailureGroup {
        document_name: failures.document_name,
        status_details: failures.status,
        nodes: number(failures.nodes),
        requested_at: failures.requested_at,
        command_id: failures.command_id,
    }
}

fn number(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
