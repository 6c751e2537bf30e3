//! An execution with its steps and its runbook, read for a decision and written back.

use api::Timestamp;
use domain::automation::{Decision, Names, Next, Outcome, Runbook, Signal, SignalError, StepRun};
use domain::ids::StepExecutionId;
use store::automations::{self, Automation, AutomationKey};
use store::{StoreError, Tx};

use crate::error::ApiError;
use crate::keyring::random;

#[derive(Clone)]
pub struct Loaded {
    pub automation: Automation,
    pub steps: Vec<StepRun>,
    pub runbook: Runbook,
    /// As the rows have them.
    before: (Automation, Vec<StepRun>),
}

impl Loaded {
    /// For reading. `None` when there is no such execution.
    pub async fn find(tx: &mut Tx, key: &AutomationKey) -> Result<Option<Self>, ApiError> {
        match automations::find(tx, key).await? {
            Some(automation) => Self::of(tx, automation).await.map(Some),
            None => Ok(None),
        }
    }

    /// Until the transaction ends nobody else goes on with it.
    pub async fn lock(tx: &mut Tx, key: &AutomationKey) -> Result<Option<Self>, ApiError> {
        match automations::lock(tx, key).await? {
            Some(automation) => Self::of(tx, automation).await.map(Some),
            None => Ok(None),
        }
    }

    async fn of(tx: &mut Tx, automation: Automation) -> Result<Self, ApiError> {
        let steps = automations::list_steps(tx, &automation.key).await?;
        let parent = match (&automation.runbook, &automation.parent) {
            (None, Some(id)) => {
                let key = AutomationKey { id: id.clone(), ..automation.key.clone() };
                automations::find(tx, &key).await?.and_then(|parent| parent.runbook)
            }
            _ => None,
        };
        let text = automation.runbook.as_deref().or(parent.as_deref()).unwrap_or_default();
        let runbook = read_runbook(text).map_err(StoreError::Corrupt)?;
        let before = (automation.clone(), steps.clone());
        Ok(Self { automation, steps, runbook, before })
    }

    /// What follows, noted in the progress.
    pub fn next(&mut self, now: Timestamp) -> Next {
        let Self { automation, steps, runbook, .. } = self;
        let key = automation.key.clone();
        decision(&key, runbook, now).next(&mut automation.progress, steps)
    }

    pub fn heed(&mut self, now: Timestamp) {
        let Self { automation, steps, runbook, .. } = self;
        let key = automation.key.clone();
        decision(&key, runbook, now).heed(&mut automation.progress, steps);
    }

    pub fn settle(&mut self, place: usize, outcome: Outcome, now: Timestamp) {
        let Self { automation, steps, runbook, .. } = self;
        let key = automation.key.clone();
        decision(&key, runbook, now).settle(&mut automation.progress, steps, place, outcome);
    }

    pub fn started(&mut self, place: usize, work: domain::automation::Work, now: Timestamp) {
        let key = self.automation.key.clone();
        decision(&key, &self.runbook, now).started(&mut self.steps, place, work);
    }

    /// Whoever looks next finds it due.
    pub fn signal(&mut self, signal: Signal, now: Timestamp) -> Result<(), SignalError> {
        let Self { automation, steps, runbook, .. } = self;
        let key = automation.key.clone();
        decision(&key, runbook, now).signal(&mut automation.progress, steps, signal)?;
        automation.due_at = Some(now);
        Ok(())
    }

    /// Writes what is different.
    pub async fn save(&mut self, tx: &mut Tx) -> Result<(), ApiError> {
        for step in self.steps.iter_mut().filter(|step| step.id.is_none()) {
            step.id = Some(StepExecutionId::mint(random()));
        }
        let running = self.automation.progress.running(&self.steps);
        if let Some(step) = running.and_then(|place| self.steps.get(place)) {
            self.automation.current = Some((step.name.clone(), step.action.clone()));
        }
        let (automation, steps) = &self.before;
        let changed = self.steps.iter().enumerate().filter(|(place, step)| steps.get(*place) != Some(step));
        let changed: Vec<(usize, &StepRun)> = changed.collect();
        automations::put_steps(tx, &self.automation.key, &changed).await?;
        if *automation != self.automation {
            automations::update(tx, &self.automation).await?;
        }
        Ok(())
    }
}

fn decision<'a>(key: &'a AutomationKey, book: &'a Runbook, now: Timestamp) -> Decision<'a> {
    let names =
        Names { account: key.account.as_str(), region: key.region.as_str(), execution_id: key.id.as_str() };
    Decision { book, names, now }
}

/// From its JSON, as it was stored when the execution began.
fn read_runbook(text: &str) -> Result<Runbook, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("a runbook: {error}"))?;
    let root = value.as_object().ok_or("a runbook that is no object")?;
    Runbook::read(root).map_err(|error| format!("a runbook: {error}"))
}
