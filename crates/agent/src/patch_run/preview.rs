//! What an installation would do: the node's own solver is asked, and nothing changes. The answer is printed and, when a
//! command asked for it, told to the server. What to ask for is `domain::patch`'s, solving the package managers'.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use api::fettle::PutPatchPlanRequest;
use domain::patch::execution::NodePlan;
use domain::patch::transaction::{Change, Plan, Refusal};
use domain::patch::transaction_wire::version_order;
use domain::patch::{Conditions, Failure, PendingScope, evaluate, wanted};

use super::forecast;
use super::memory::MemoryFile;
use super::operate::{SCRATCH_FOLDER, clear_scratch, counted, limits_for};
use super::patience::patiently;
use super::{FactsHash, Gathered, PatchRequest, Session, gather, lock, settle, snapshot};
use crate::boot::Boot;
use crate::effect::expected;
use crate::packages::tool::ToolRun;
use crate::packages::{GatherOptions, PackageManager, RefreshLists};
use crate::transport::call::{CALL_TIMEOUT, now};

/// Solving takes seconds; downloading old versions may take minutes.
const TIME_LIMIT: Duration = Duration::from_secs(3600);
/// More would not be kept by a step's output.
pub(super) const MAX_LISTED: usize = 250;

/// `fettle-agent plan`: what AWS-RunPatchBaseline's Install would do now.
pub fn plan(request: &PatchRequest) -> anyhow::Result<String> {
    let session = Session::open(&request.data_dir)?;
    let _one_at_a_time = lock(&request.data_dir)?;
    let snapshot = snapshot::fetch(&session, request)?;
    let boot = Boot::of(&request.root);
    let memory = MemoryFile::open(&request.data_dir, &boot.id)?;
    let result = gather::with_manager(&request.root, &request.data_dir, |manager, facts_hash| {
        super::use_own_repositories(&snapshot.rules, manager)?;
        let seen = look(manager, &boot, &request.data_dir, RefreshLists::WherePossible, facts_hash)?;
        let conditions = Conditions {
            now: now(),
            installed_by_us: &memory.get().installed,
            pending_scope: PendingScope::Any,
        };
        let evaluation = evaluate(&snapshot.rules, &seen.facts, &seen.observation, &conditions)
            .with_context(|| format!("baseline {} cannot be applied", snapshot.baseline_id))?;
        let asked = wanted(&evaluation);
        let found = limits_for(manager, &snapshot.rules)
            .and_then(|limits| manager.plan(&asked, &limits, &mut silent(&request.data_dir)));
        let mut plan = complete(found, manager, &boot, &seen, &mut silent(&request.data_dir));
        plan.blockers.extend(settle::goes_back(memory.get(), request, &boot));
        let undo = forecast::of(manager, &plan, request);
        let answer = NodePlan {
            made_at: now(),
            baseline_id: snapshot.baseline_id.clone(),
            snapshot_id: snapshot.snapshot_id.clone(),
            approved: u32::try_from(asked.len()).ok(),
            plan,
            snapshot: None,
            losses: Vec::new(),
            undo,
        };
        put(&session, &request.command_id, &answer)?;
        let mut text =
            format!("{} approved by {} missing.\n", counted(asked.len(), "patch"), snapshot.baseline_id);
        tell(&mut text, &answer.plan, "An installation would change nothing.");
        if let Some(undo) = &answer.undo {
            forecast::tell(&mut text, undo);
        }
        Ok(text)
    });
    clear_scratch(&request.data_dir);
    result
}

/// The solver's plan with what is known besides: what is in the way at this moment, what runs replaced files
/// afterwards, what needs a reboot. A solver that did not even start is in the way of everything.
pub(super) fn complete(
    found: Result<Plan, Failure>,
    manager: &dyn PackageManager,
    boot: &Boot,
    seen: &Gathered,
    run: &mut ToolRun,
) -> Plan {
    let mut plan = match found {
        Ok(plan) => plan,
        Err(failure) => return Plan { blockers: vec![failure], ..Plan::default() },
    };
    plan.blockers = manager.blockers(&plan);
    plan.reboot_expected |= expected::is_announced(&plan, &seen.facts);
    let known = expected::reboot_signs(&plan, &seen.facts);
    let mut asked = manager.reboot_signs(&plan.changes);
    asked.retain(|sign| known.iter().all(|known| known.package != sign.package));
    plan.reboot_signs = known.into_iter().chain(asked).collect();
    let mut files = |changes: &[Change]| manager.files_of(changes, run);
    plan.restarts = expected::restarts(boot, &seen.facts, &plan.changes, &mut files);
    plan
}

/// Stores the answer to the command that asked; nothing for a plan that was asked for by hand.
pub(super) fn put(session: &Session, command_id: &str, answer: &NodePlan) -> anyhow::Result<()> {
    if command_id.is_empty() {
        return Ok(());
    }
    let request = PutPatchPlanRequest {
        instance_id: session.instance_id.clone(),
        plan_id: command_id.to_owned(),
        plan: answer.to_wire(version_order(None)),
    };
    patiently(|| session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT))
        .map(drop)
        .context("the server did not take the plan")
}

pub(super) fn look(
    manager: &dyn PackageManager,
    boot: &Boot,
    data_dir: &Path,
    refresh: RefreshLists,
    facts_hash: FactsHash<'_>,
) -> anyhow::Result<Gathered> {
    let options = GatherOptions { now: now(), refresh, data_dir: Some(data_dir.to_owned()) };
    Gathered::by(manager, boot, &options, facts_hash).context("the packages of this node cannot be read")
}

pub(super) fn silent(data_dir: &Path) -> ToolRun {
    ToolRun::new(&data_dir.join(SCRATCH_FOLDER), TIME_LIMIT)
}

/// A title, and which changes stand under it.
type Group = (&'static str, fn(&Change) -> bool);

pub(super) fn tell(text: &mut String, plan: &Plan, nothing: &str) {
    if plan.changes.is_empty() {
        text.push_str(nothing);
        text.push('\n');
    }
    let groups: [Group; 3] = [
        ("Change", |change| change.from.is_some() && change.to.is_some()),
        ("Install besides", |change| change.from.is_none()),
        ("Remove", |change| change.to.is_none()),
    ];
    for (title, belongs) in groups {
        let changes: Vec<&Change> = plan.changes.iter().filter(|change| belongs(change)).collect();
        if changes.is_empty() {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{title}:");
        for change in changes.iter().take(MAX_LISTED) {
            let (from, to) = (change.from.as_deref().unwrap_or("-"), change.to.as_deref().unwrap_or("-"));
            let _ = writeln!(text, "  {}.{} {from} -> {to}", change.name, change.arch);
        }
        if changes.len() > MAX_LISTED {
            let _ = writeln!(text, "  and {} more", changes.len() - MAX_LISTED);
        }
    }
    list_refused(text, &plan.refused);
    for blocker in &plan.blockers {
        let _ = writeln!(text, "\nIn the way of everything now: {blocker}");
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "\nWarning: {warning}");
    }
    if !plan.restarts.is_empty() {
        let _ = writeln!(text, "\nServices that will run replaced files: {}", plan.restarts.join(", "));
    }
    text.push('\n');
    if let Some(bytes) = plan.download_bytes {
        let _ = writeln!(text, "Download: {bytes} bytes");
    }
    if let Some(bytes) = plan.disk_bytes {
        let _ = writeln!(text, "Disk: {bytes:+} bytes");
    }
    let expected = match (plan.reboot_expected, plan.reboot_signs.is_empty()) {
        (true, _) => "will be needed, by the publisher's word",
        (false, false) => "likely",
        (false, true) => "not announced",
    };
    let _ = writeln!(text, "Reboot: {expected}");
    for sign in plan.reboot_signs.iter().take(MAX_LISTED) {
        let _ = writeln!(text, "  {}: {}", sign.package, sign.reason);
    }
}

pub(super) fn list_refused(text: &mut String, refused: &[Refusal]) {
    if !refused.is_empty() {
        text.push_str("\nNot possible:\n");
    }
    for refusal in refused.iter().take(MAX_LISTED) {
        let wanted = &refusal.wanted;
        let _ = writeln!(text, "  {}.{} {}: {}", wanted.name, wanted.arch, wanted.version, refusal.failure);
    }
}
