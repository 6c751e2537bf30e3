//! Follows a run: what its invocations came to becomes how the association stands on each node, the verdicts about
//! compliance, and the numbers of the run and of the association. Everything here may be done again.
//! Source: systems-manager.md 3.3, 3.4.

use api::Timestamp;
use api::ssm::AssociationSyncCompliance;
use domain::association::{Counts, ExecutionStatus};
use domain::ids::AssociationId;
use store::associations::executions::{self, Execution};
use store::associations::standing::{self, Step};
use store::associations::{self, AssociationKey};
use store::commands::{self, CommandKey};
use store::{Store, invocations};

use super::{runbook, verdicts};
use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;

/// Targets of one look.
const BATCH: i64 = 100;

/// After something happened to the command of a run. What fails is done again by the job of this name.
pub async fn follow_command(app: &App, association: &AssociationId, command: &CommandKey) {
    let outcome = async {
        let CommandKey { account, region, id } = command.clone();
        let key = AssociationKey { account, region, id: association.clone() };
        let mut tx = app.store().read_each().await?;
        let execution = executions::find(&mut tx, &key, id.as_str()).await?;
        drop(tx);
        match execution {
            Some(execution) => follow(app, &execution, app.now()).await.map(drop),
            None => Ok(()),
        }
    };
    if let Err(error) = outcome.await {
        let (association_id, cause) = (association.as_str(), error.chain());
        tracing::error!(association_id, cause, "cannot follow the run");
    }
}

/// Brings everything up to what the run's invocations are now. How many targets had got on.
pub async fn follow(app: &App, run: &Execution, now: Timestamp) -> Result<u64, ApiError> {
    let mut followed = 0;
    while is_behind(&app.store(), run).await? {
        // Until there is nothing more: who followed at the same time may have written what was older.
        let steps = follow_some(app, run, now).await?;
        followed += steps;
        if steps == 0 {
            judge_runbook(app, run, now).await?;
            retry(app, || async { conclude(&app.store(), run).await }).await?;
            break;
        }
    }
    Ok(followed)
}

/// Of a run of a runbook that is over and was not concluded yet: how its association stands on the targets that are nodes, and
/// the verdicts about them.
async fn judge_runbook(app: &App, run: &Execution, now: Timestamp) -> Result<(), ApiError> {
    let store = app.store();
    let mut tx = store.read_each().await?;
    let Some((_, counted)) = count(&mut tx, run).await? else { return Ok(()) };
    if counted.finished_at.is_none() || commands::find(&mut tx, &run.command()).await?.is_some() {
        return Ok(());
    }
    let Some(association) = associations::find(&mut tx, &run.association).await? else { return Ok(()) };
    let mut after: Option<String> = None;
    loop {
        let (steps, next) = runbook::ended_nodes(&mut tx, run, after.as_deref(), BATCH).await?;
        for step in &steps {
            retry(app, || async { verdicts::record_runbook(&store, &association, (run, step), now).await })
                .await?;
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Whether the run's numbers are not those of its invocations. They are written only once all targets were followed, so
/// that who finds them right need not look at each target.
async fn is_behind(store: &Store, run: &Execution) -> Result<bool, ApiError> {
    let mut tx = store.read_each().await?;
    Ok(count(&mut tx, run).await?.is_some_and(|(known, counted)| known != counted))
}

/// How many targets had got on; some of them may be left to whoever moved them further meanwhile.
async fn follow_some(app: &App, run: &Execution, now: Timestamp) -> Result<u64, ApiError> {
    let store = app.store();
    let mut tx = store.read_each().await?;
    let steps = standing::list_steps(&mut tx, run, BATCH).await?;
    if steps.is_empty() {
        return Ok(0);
    }
    let Some(association) = associations::find(&mut tx, &run.association).await? else { return Ok(0) };
    drop(tx);
    let ended: Vec<&Step> = steps.iter().filter(|step| step.status.is_terminal()).collect();
    if association.settings.sync_compliance != Some(AssociationSyncCompliance::Manual) {
        for step in &ended {
            retry(app, || async { verdicts::record(&store, &association, (run, step), now).await }).await?;
        }
    }
    retry(app, || async { follow_recorded(&store, run, &ended).await }).await?;
    Ok(steps.len() as u64)
}

/// `ended`: of those the verdicts are written. The others that have ended since then come next.
async fn follow_recorded(store: &Store, run: &Execution, ended: &[&Step]) -> Result<(), ApiError> {
    let mut tx = store.write_by_locks().await?;
    // First of all locks, as whoever starts a run has it: nobody waits in a circle.
    if !standing::lock_counts(&mut tx, &run.association).await? {
        return Ok(());
    }
    let mut steps = standing::list_steps(&mut tx, run, BATCH).await?;
    steps.retain(|step| !step.status.is_terminal() || ended.contains(&step));
    standing::follow(&mut tx, run, &steps).await?;
    let counts = standing::count(&mut tx, &run.association).await?;
    standing::set_counts(&mut tx, &run.association, &counts, None).await?;
    Ok(tx.commit().await?)
}

/// The run's own numbers, and its end.
async fn conclude(store: &Store, run: &Execution) -> Result<(), ApiError> {
    let mut tx = store.write_by_locks().await?;
    if !standing::lock_counts(&mut tx, &run.association).await? {
        return Ok(());
    }
    let Some((known, counted)) = count(&mut tx, run).await? else { return Ok(()) };
    // Some target has got on meanwhile: what moved it has this followed once more.
    if known == counted || !standing::list_steps(&mut tx, run, 1).await?.is_empty() {
        return Ok(());
    }
    executions::update(&mut tx, &counted).await?;
    if commands::find(&mut tx, &run.command()).await?.is_none() {
        stand_as(&mut tx, &counted).await?;
    } else if let (ExecutionStatus::Success, Some(ended_at)) = (counted.status, counted.finished_at) {
        let counts = standing::count(&mut tx, &run.association).await?;
        standing::set_counts(&mut tx, &run.association, &counts, Some(ended_at)).await?;
    }
    Ok(tx.commit().await?)
}

/// An association of a runbook stands as its newest run does.
async fn stand_as(tx: &mut store::Tx, run: &Execution) -> Result<(), ApiError> {
    let association = associations::find(tx, &run.association).await?;
    if association.is_some_and(|association| association.runs_made == run.run) {
        let succeeded_at = run.finished_at.filter(|_| run.status == ExecutionStatus::Success);
        standing::set_counts(tx, &run.association, &run.counts, succeeded_at).await?;
        if run.finished_at.is_some() {
            standing::leave_others(tx, run).await?;
        }
    }
    Ok(())
}

/// The run as it is stored, and as its command or execution says; `None` where there is neither, or no run any more.
pub async fn count(tx: &mut store::Tx, run: &Execution) -> Result<Option<(Execution, Execution)>, ApiError> {
    let Some(known) = executions::find(tx, &run.association, run.id.as_str()).await? else { return Ok(None) };
    let (counts, ended_at) = match commands::find(tx, &run.command()).await? {
        Some(command) => {
            let mut counts = Counts::default();
            for row in invocations::count_by_state(tx, &command.key).await? {
                counts.add(row.status, u32::try_from(row.count).unwrap_or(u32::MAX));
            }
            (counts, command.finished_at)
        }
        None => match runbook::count(tx, &known).await? {
            Some((automation, counts)) => (counts, automation.finished_at),
            None => return Ok(None),
        },
    };
    let status = ExecutionStatus::of(&counts);
    let is_over = matches!(status, ExecutionStatus::Success | ExecutionStatus::Failed);
    let finished_at = known.finished_at.or(ended_at).filter(|_| is_over);
    let counted = Execution { counts, status, finished_at, ..known.clone() };
    Ok(Some((known, counted)))
}
