//! Causes S: the status is missing, or must not be trusted.

use api::Timestamp;

use crate::baseline::BaselineSource;
use crate::command::InvocationStatus;

use super::cause::{age_in_words, counted};
use super::{
    Cause, CauseSeverity, PatchRun, Presence, RemedyAction, STALE_AFTER_SECONDS, Situation, Staleness,
};

const STATES: &str = "DescribeInstancePatchStates";
const NODES: &str = "DescribeInstanceInformation";
const INVOCATIONS: &str = "ListCommandInvocations";

pub(super) fn causes(situation: &Situation<'_>) -> Vec<Cause> {
    let finders = [
        never_scanned,
        not_registered,
        offline,
        stale,
        run_failed,
        overwritten,
        override_run,
        baseline_changed,
        packages_changed,
        group_default,
    ];
    finders.into_iter().filter_map(|find| find(situation)).collect()
}

fn never_scanned(situation: &Situation<'_>) -> Option<Cause> {
    if !situation.reports.is_empty() {
        return None;
    }
    let cause = Cause::new("S1", CauseSeverity::Error, "the node has never reported a patch scan")
        .evidence(STATES, "InstancePatchStates", "no entry for this node")
        .remedy(RemedyAction::Scan, "Run a scan, and schedule one.")
        .command(situation.scan_command());
    Some(cause)
}

fn not_registered(situation: &Situation<'_>) -> Option<Cause> {
    (situation.node.presence == Presence::NotRegistered).then(|| {
        Cause::new("S2", CauseSeverity::Error, "no agent is registered under this id")
            .evidence(NODES, "InstanceInformationList", "no entry for this node")
            .remedy(RemedyAction::Enrol, "Create an activation and enrol the node's agent with it.")
            .command("aws ssm create-activation --iam-role service-role --default-instance-name NAME")
    })
}

fn offline(situation: &Situation<'_>) -> Option<Cause> {
    let status = match situation.node.presence {
        Presence::ConnectionLost => "ConnectionLost",
        Presence::Inactive => "Inactive",
        Presence::Online | Presence::NotRegistered => return None,
    };
    let since = situation.node.last_ping_at;
    let headline = match since.map(|at| situation.now.millis_since(at) / 1000) {
        Some(seconds) => format!("the agent has not been heard of for {}", age_in_words(seconds)),
        None => "the agent has never been heard of".to_owned(),
    };
    let cause = Cause::new("S3", CauseSeverity::Warning, headline)
        .evidence(NODES, "PingStatus", status)
        .evidence(NODES, "LastPingDateTime", since.map(Timestamp::to_iso_seconds).unwrap_or_default())
        .remedy(
            RemedyAction::CheckAgent,
            "Check that the agent runs, reaches the server, and that the node's clock is right.",
        );
    Some(cause)
}

fn stale(situation: &Situation<'_>) -> Option<Cause> {
    let report = situation.newest().filter(|_| situation.staleness() == Staleness::Stale)?;
    let age = age_in_words(situation.age_seconds().unwrap_or_default());
    let cause = Cause::new("S4", CauseSeverity::Warning, format!("the newest report is {age} old"))
        .evidence(STATES, "OperationEndTime", report.frame.ended_at.to_iso_seconds())
        .remedy(RemedyAction::Scan, "Scan again: what the report says may no longer be so.")
        .command(situation.scan_command());
    Some(cause)
}

fn is_failure(status: InvocationStatus) -> bool {
    status.is_terminal() && !matches!(status, InvocationStatus::Success | InvocationStatus::Cancelled)
}

fn run_failed(situation: &Situation<'_>) -> Option<Cause> {
    let run = situation.runs.iter().find(|run| run.status.is_terminal())?;
    let is_newer = situation
        .newest()
        .is_none_or(|report| run.requested_at.as_millis() > report.frame.ended_at.as_millis());
    if !is_failure(run.status) || !is_newer {
        return None;
    }
    let id = &run.command_id;
    let what = run.operation().map(|operation| operation.as_str()).unwrap_or("patch run");
    let headline = format!("the last {what} ended as {}; the status shown is older", run.status.as_str());
    let cause = Cause::new("S5", CauseSeverity::Error, headline)
        .evidence(INVOCATIONS, "CommandId", id)
        .evidence(INVOCATIONS, "StatusDetails", run.status.as_str())
        .evidence(INVOCATIONS, "RequestedDateTime", run.requested_at.to_iso_seconds())
        .remedy(RemedyAction::ReadOutput, "Read the run's output, mend what it names, run again.")
        .command(format!(
            "aws ssm get-command-invocation --command-id {id} --instance-id {}",
            situation.node.id
        ));
    Some(cause)
}

/// Reports of the last week that changed the baseline from one to the next.
fn overwritten(situation: &Situation<'_>) -> Option<Cause> {
    let newest = situation.newest()?;
    let is_recent = |at: Timestamp| newest.frame.ended_at.millis_since(at) <= STALE_AFTER_SECONDS * 1000;
    let recent: Vec<_> = situation.reports.iter().filter(|report| is_recent(report.frame.ended_at)).collect();
    let switches = recent.windows(2).filter(|pair| pair[0].frame.baseline_id != pair[1].frame.baseline_id);
    let count = switches.count();
    let other = recent.iter().find(|report| report.frame.baseline_id != newest.frame.baseline_id)?;
    // Once may be a change of mind; there and back is two schedulers at odds.
    let severity = match count {
        1 => CauseSeverity::Info,
        _ => CauseSeverity::Warning,
    };
    let times = counted(i64::try_from(count).unwrap_or(i64::MAX), "time", "times");
    let headline = format!("scans by different baselines replace each other ({times} within a week)");
    let cause = Cause::new("S6", severity, headline)
        .evidence(STATES, "BaselineId", &newest.frame.baseline_id)
        .evidence("ListNodeReports", "BaselineId", &other.frame.baseline_id)
        .remedy(
            RemedyAction::ReviewAssociations,
            "Keep one way of scanning this node and remove the others.",
        );
    Some(cause)
}

fn override_run(situation: &Situation<'_>) -> Option<Cause> {
    let run = situation.runs.iter().find(|run| run.status == InvocationStatus::Success)?;
    let url = run.parameter("BaselineOverride");
    if url.is_empty() || !run.parameter("AssociationId").is_empty() || is_reported(situation, run) {
        return None;
    }
    let cause = Cause::new(
        "S7",
        CauseSeverity::Warning,
        "the last run used a baseline override, whose result is not recorded",
    )
    .evidence("ListCommands", "Parameters.BaselineOverride", url)
    .evidence("ListCommands", "CommandId", &run.command_id)
    .remedy(RemedyAction::ReadOutput, "Read the run's output, or use a registered baseline instead.");
    Some(cause)
}

fn is_reported(situation: &Situation<'_>, run: &PatchRun) -> bool {
    situation.newest().is_some_and(|report| report.frame.execution.id == run.command_id.as_str())
}

/// Ours: the rules shown are not the rules the report was made by.
fn baseline_changed(situation: &Situation<'_>) -> Option<Cause> {
    let (report, choice) = (situation.newest()?, situation.baseline?);
    let baseline = &choice.baseline;
    let headline = if report.frame.baseline_id != baseline.id.as_str() {
        format!("the newest report was made by another baseline than {}, which applies now", baseline.name)
    } else if baseline.modified_at > report.frame.ended_at {
        format!("the baseline {} was changed after the newest report", baseline.name)
    } else {
        return None;
    };
    let cause = Cause::new("B1", CauseSeverity::Warning, headline)
        .evidence(STATES, "BaselineId", &report.frame.baseline_id)
        .evidence("GetPatchBaseline", "BaselineId", &baseline.id)
        .evidence("GetPatchBaseline", "ModifiedDate", baseline.modified_at.to_iso_seconds())
        .remedy(RemedyAction::Scan, "Scan again: counts follow the rules of their time.")
        .command(situation.scan_command());
    Some(cause)
}

/// Ours: the node changed outside the runs that make reports.
fn packages_changed(situation: &Situation<'_>) -> Option<Cause> {
    let (report, changed_at) = (situation.newest()?, situation.changed_at?);
    let headline = "packages, or what the repositories offer, changed on the node after the newest report";
    let cause = Cause::new("B2", CauseSeverity::Warning, headline)
        .evidence("PutNodeFacts", "Observation.captured_at", changed_at.to_iso_seconds())
        .evidence(STATES, "OperationEndTime", report.frame.ended_at.to_iso_seconds())
        .remedy(RemedyAction::Scan, "Scan again: the report shows the node as it was before.")
        .command(situation.scan_command());
    Some(cause)
}

fn group_default(situation: &Situation<'_>) -> Option<Cause> {
    let choice = situation.baseline.filter(|choice| choice.source == BaselineSource::Default)?;
    let group = choice.patch_group.as_ref()?;
    let os = choice.baseline.rules.operating_system;
    let headline =
        format!("no {os} baseline is registered for the node's patch group `{group}`; the default is used");
    let cause = Cause::new("S16", CauseSeverity::Warning, headline)
        .evidence("ListTagsForResource", "TagList[Patch Group]", group)
        .evidence("GetPatchBaselineForPatchGroup", "BaselineId", &choice.baseline.id)
        .remedy(RemedyAction::ChooseBaseline, "Register a baseline for the group, or correct the tag's value (letter case counts).")
        .command(format!(
            "aws ssm register-patch-baseline-for-patch-group --patch-group '{group}' --baseline-id BASELINE_ID"
        ));
    Some(cause)
}
