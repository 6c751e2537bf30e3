//! Runs of maintenance windows: executions, the tasks in them, and the pieces of work of those.
//! Which state follows which is decided in `domain::window`; the commands themselves are in `commands`.

use api::Timestamp;
use api::ssm::{GetMaintenanceWindowTaskResult, MaintenanceWindowTaskType};
use domain::command::CommandStatus;
use domain::ids::{
    AccountId, AutomationExecutionId, CommandId, Region, TaskExecutionId, TaskInvocationId,
    WindowExecutionId, WindowId,
};
use domain::window::{ExecutionStatus, PlannedInvocation};

use crate::clause::Clause;
use crate::{Result, Row, Scope, StoreError, Tx, Value, dialect};

/// A run within its account and region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExecutionKey {
    pub account: AccountId,
    pub region: Region,
    pub id: WindowExecutionId,
}

impl ExecutionKey {
    fn values(&self) -> [Value<'_>; 3] {
        [self.account.as_str().into(), self.region.as_str().into(), self.id.as_str().into()]
    }
}

/// How far something is, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub status: ExecutionStatus,
    /// Empty when there is nothing to say.
    pub details: String,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

impl State {
    pub fn pending() -> Self {
        Self { status: ExecutionStatus::Pending, details: String::new(), started_at: None, finished_at: None }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    pub key: ExecutionKey,
    pub window: WindowId,
    pub due_at: Timestamp,
    pub cutoff_at: Timestamp,
    pub ends_at: Timestamp,
    /// Its start is always known.
    pub state: State,
    pub cancelled_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskExecution {
    pub id: TaskExecutionId,
    pub position: i64,
    pub task: GetMaintenanceWindowTaskResult,
    pub state: State,
}

impl TaskExecution {
    /// Its pieces of work are commands.
    pub fn is_command(&self) -> bool {
        self.task.task_type == Some(MaintenanceWindowTaskType::RunCommand)
    }

    /// Its pieces of work are executions of a runbook; those of the other types that run are calls of webhooks.
    pub fn is_automation(&self) -> bool {
        self.task.task_type == Some(MaintenanceWindowTaskType::Automation)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskInvocation {
    pub task: TaskExecutionId,
    pub id: TaskInvocationId,
    pub position: i64,
    pub plan: PlannedInvocation,
    pub parameters: Option<String>,
    pub command: Option<CommandId>,
    pub automation: Option<AutomationExecutionId>,
    /// When its webhook is to be called, or called again should nobody have heard of an answer by then.
    pub call_at: Option<Timestamp>,
    pub state: State,
}

/// What became of the command of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandState {
    pub id: CommandId,
    pub status: CommandStatus,
    pub is_cancelled: bool,
}

/// Which runs a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExecutionFilter {
    pub started_after: Option<Timestamp>,
    pub started_before: Option<Timestamp>,
}

const EXECUTION: &str = "account, region, window_execution_id, window_id, due_at, cutoff_at, ends_at, status,
    status_details, started_at, finished_at, cancelled_at";
const TASK: &str = "task_execution_id, position, task, status, status_details, started_at, finished_at";
const INVOCATION: &str =
    "task_execution_id, invocation_id, position, plan, parameters, command_id, call_at, status,
    status_details, started_at, finished_at, automation_id";
const ROWS_AT_ONCE: usize = 200;
const OF_EXECUTION: &str = "account = $1 AND region = $2 AND window_execution_id = $3";

/// Until the transaction ends nobody else carries this run on. `None` when there is no such run.
pub async fn lock(tx: &mut Tx, key: &ExecutionKey) -> Result<Option<Execution>> {
    let sql = format!(
        "SELECT {EXECUTION} FROM window_executions WHERE {OF_EXECUTION}{}",
        dialect::keep_from_others(tx)
    );
    tx.query_opt(&sql, &key.values()).await?.map(|row| read_execution(&row)).transpose()
}

pub async fn find(tx: &mut Tx, key: &ExecutionKey) -> Result<Option<Execution>> {
    let sql = format!("SELECT {EXECUTION} FROM window_executions WHERE {OF_EXECUTION}");
    tx.query_opt(&sql, &key.values()).await?.map(|row| read_execution(&row)).transpose()
}

/// Newest first, after a start and an id. Index: window_executions_by_time.
pub async fn list(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    window: &WindowId,
    filter: ExecutionFilter,
    after: Option<(Timestamp, &str)>,
    limit: i64,
) -> Result<Vec<Execution>> {
    let mut clause =
        Clause::after(vec![account.as_str().into(), region.as_str().into(), window.as_str().into()]);
    if let Some(at) = filter.started_after {
        let at = clause.bind(at);
        clause.and(&format!("started_at > {at}"));
    }
    if let Some(at) = filter.started_before {
        let at = clause.bind(at);
        clause.and(&format!("started_at < {at}"));
    }
    if let Some((at, id)) = after {
        let (at, id) = (clause.bind(at), clause.bind(id));
        clause.and(&format!("(started_at < {at} OR (started_at = {at} AND window_execution_id < {id}))"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {EXECUTION} FROM window_executions WHERE account = $1 AND region = $2 AND window_id = $3{}
        ORDER BY started_at DESC, window_execution_id DESC LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read_execution).collect()
}

/// Runs that have not ended, of all accounts, oldest first. Index: window_executions_open.
pub async fn list_open(tx: &mut Tx, limit: i64) -> Result<Vec<ExecutionKey>> {
    let sql = "SELECT account, region, window_execution_id FROM window_executions
        WHERE finished_at IS NULL ORDER BY started_at LIMIT $1";
    let rows = tx.query(sql, &[limit.into()]).await?;
    let key =
        |row: &Row| Ok(ExecutionKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? });
    rows.iter().map(key).collect()
}

/// Whether a run of the window has not ended.
pub async fn is_open(tx: &mut Tx, (account, region): Scope<'_>, window: &WindowId) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM window_executions
        WHERE account = $1 AND region = $2 AND window_id = $3 AND finished_at IS NULL";
    let values = [account.as_str().into(), region.as_str().into(), window.as_str().into()];
    let row = tx.query_opt(sql, &values).await?;
    Ok(row.map_or(Ok(0), |row| row.get::<i64>(0))? > 0)
}

/// False when the window has opened for this moment of its schedule before.
pub async fn insert(tx: &mut Tx, execution: &Execution) -> Result<bool> {
    let sql = format!(
        "INSERT INTO window_executions ({EXECUTION}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (account, region, window_id, due_at) DO NOTHING"
    );
    let [account, region, id] = execution.key.values();
    let values = [
        account,
        region,
        id,
        execution.window.as_str().into(),
        execution.due_at.into(),
        execution.cutoff_at.into(),
        execution.ends_at.into(),
        execution.state.status.as_str().into(),
        (&execution.state.details).into(),
        execution.state.started_at.into(),
        execution.state.finished_at.into(),
        execution.cancelled_at.into(),
    ];
    Ok(tx.execute(&sql, &values).await? == 1)
}

/// State and cancellation.
pub async fn update(tx: &mut Tx, execution: &Execution) -> Result<()> {
    let sql = format!(
        "UPDATE window_executions SET status = $4, status_details = $5, finished_at = $6, cancelled_at = $7
        WHERE {OF_EXECUTION}"
    );
    let [account, region, id] = execution.key.values();
    let values = [
        account,
        region,
        id,
        execution.state.status.as_str().into(),
        (&execution.state.details).into(),
        execution.state.finished_at.into(),
        execution.cancelled_at.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

pub async fn insert_task(tx: &mut Tx, key: &ExecutionKey, task: &TaskExecution) -> Result<()> {
    let sql = format!(
        "INSERT INTO window_task_executions (account, region, window_execution_id, {TASK})
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    );
    let [account, region, id] = key.values();
    let state = &task.state;
    let values = [
        account,
        region,
        id,
        task.id.as_str().into(),
        task.position.into(),
        json(&task.task)?.into(),
        state.status.as_str().into(),
        (&state.details).into(),
        state.started_at.into(),
        state.finished_at.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

pub async fn update_task(tx: &mut Tx, key: &ExecutionKey, task: &TaskExecution) -> Result<()> {
    let sql = format!(
        "UPDATE window_task_executions SET status = $5, status_details = $6, started_at = $7, finished_at = $8
        WHERE {OF_EXECUTION} AND task_execution_id = $4"
    );
    let [account, region, id] = key.values();
    let state = &task.state;
    let values = [
        account,
        region,
        id,
        task.id.as_str().into(),
        state.status.as_str().into(),
        (&state.details).into(),
        state.started_at.into(),
        state.finished_at.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

/// Of a run, in their order. Primary key.
pub async fn list_tasks(tx: &mut Tx, key: &ExecutionKey) -> Result<Vec<TaskExecution>> {
    let sql = format!("SELECT {TASK} FROM window_task_executions WHERE {OF_EXECUTION} ORDER BY position");
    let read = |row: &Row| {
        Ok(TaskExecution {
            id: row.parse(0)?,
            position: row.get(1)?,
            task: row.json(2)?,
            state: state(row, 3)?,
        })
    };
    tx.query(&sql, &key.values()).await?.iter().map(read).collect()
}

pub async fn insert_invocations(tx: &mut Tx, key: &ExecutionKey, list: &[TaskInvocation]) -> Result<()> {
    for chunk in list.chunks(ROWS_AT_ONCE) {
        let mut clause = Clause::default();
        let rows: Vec<String> = chunk.iter().map(|row| bind(&mut clause, key, row)).collect::<Result<_>>()?;
        let sql = format!(
            "INSERT INTO window_invocations (account, region, window_execution_id, {INVOCATION}) VALUES {}",
            rows.join(", ")
        );
        tx.execute(&sql, clause.values()).await?;
    }
    Ok(())
}

fn bind<'a>(
    clause: &mut Clause<'a>,
    key: &'a ExecutionKey,
    invocation: &'a TaskInvocation,
) -> Result<String> {
    let [account, region, id] = key.values();
    let state = &invocation.state;
    let values: [Value<'a>; 15] = [
        account,
        region,
        id,
        invocation.task.as_str().into(),
        invocation.id.as_str().into(),
        invocation.position.into(),
        json(&invocation.plan)?.into(),
        invocation.parameters.as_ref().into(),
        invocation.command.as_ref().map(CommandId::as_str).into(),
        invocation.call_at.into(),
        state.status.as_str().into(),
        (&state.details).into(),
        state.started_at.into(),
        state.finished_at.into(),
        invocation.automation.as_ref().map(AutomationExecutionId::as_str).into(),
    ];
    Ok(format!("({})", values.map(|value| clause.bind(value)).join(", ")))
}

/// All but what was planned.
pub async fn update_invocation(tx: &mut Tx, key: &ExecutionKey, invocation: &TaskInvocation) -> Result<()> {
    let sql = format!(
        "UPDATE window_invocations SET parameters = $6, command_id = $7, status = $8, status_details = $9,
            started_at = $10, finished_at = $11, call_at = $12, automation_id = $13
        WHERE {OF_EXECUTION} AND task_execution_id = $4 AND invocation_id = $5"
    );
    let [account, region, id] = key.values();
    let state = &invocation.state;
    let values = [
        account,
        region,
        id,
        invocation.task.as_str().into(),
        invocation.id.as_str().into(),
        invocation.parameters.as_ref().into(),
        invocation.command.as_ref().map(CommandId::as_str).into(),
        state.status.as_str().into(),
        (&state.details).into(),
        state.started_at.into(),
        state.finished_at.into(),
        invocation.call_at.into(),
        invocation.automation.as_ref().map(AutomationExecutionId::as_str).into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

/// Primary key, but for the task that it belongs to: a run has few.
pub async fn find_invocation(
    tx: &mut Tx,
    key: &ExecutionKey,
    id: &TaskInvocationId,
) -> Result<Option<TaskInvocation>> {
    let sql =
        format!("SELECT {INVOCATION} FROM window_invocations WHERE {OF_EXECUTION} AND invocation_id = $4");
    let [account, region, execution] = key.values();
    let values = [account, region, execution, id.as_str().into()];
    tx.query_opt(&sql, &values).await?.map(|row| read_invocation(&row)).transpose()
}

/// Webhooks that are to be called by `now`, of all accounts, the longest due first. Index: window_invocations_by_call.
pub async fn list_calls(
    tx: &mut Tx,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(ExecutionKey, TaskInvocationId)>> {
    let sql = "SELECT account, region, window_execution_id, invocation_id FROM window_invocations
        WHERE call_at IS NOT NULL AND call_at <= $1 ORDER BY call_at LIMIT $2";
    let key = |row: &Row| {
        let key = ExecutionKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? };
        Ok((key, row.parse(3)?))
    };
    tx.query(sql, &[now.into(), limit.into()]).await?.iter().map(key).collect()
}

/// Of all tasks of a run, in their order within each. Primary key.
pub async fn list_invocations(tx: &mut Tx, key: &ExecutionKey) -> Result<Vec<TaskInvocation>> {
    let sql = format!(
        "SELECT {INVOCATION} FROM window_invocations WHERE {OF_EXECUTION} ORDER BY task_execution_id, position"
    );
    tx.query(&sql, &key.values()).await?.iter().map(read_invocation).collect()
}

/// The commands of a run that are still there.
pub async fn list_commands(tx: &mut Tx, key: &ExecutionKey) -> Result<Vec<CommandState>> {
    let sql = "SELECT c.command_id, c.status, c.cancelled_at FROM window_invocations i
        JOIN commands c ON c.account = i.account AND c.region = i.region AND c.command_id = i.command_id
        WHERE i.account = $1 AND i.region = $2 AND i.window_execution_id = $3";
    let read = |row: &Row| {
        let status: String = row.get(1)?;
        Ok(CommandState {
            id: row.parse(0)?,
            status: CommandStatus::parse(&status)
                .ok_or_else(|| StoreError::Corrupt(format!("`{status}` is no command's status")))?,
            is_cancelled: row.get::<Option<Timestamp>>(2)?.is_some(),
        })
    };
    tx.query(sql, &key.values()).await?.iter().map(read).collect()
}

/// The executions of runbooks that a run began. Primary key, up to the run.
pub async fn list_automations(tx: &mut Tx, key: &ExecutionKey) -> Result<Vec<AutomationExecutionId>> {
    let sql = format!(
        "SELECT automation_id FROM window_invocations WHERE {OF_EXECUTION} AND automation_id IS NOT NULL"
    );
    tx.query(&sql, &key.values()).await?.iter().map(|row| row.parse(0)).collect()
}

/// Ended runs that started before `before`, with everything in them; how many. Index: window_executions_by_age.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    let ended = "(account, region, window_execution_id) IN (
        SELECT account, region, window_execution_id FROM window_executions
        WHERE started_at < $1 AND finished_at IS NOT NULL)";
    for table in ["window_invocations", "window_task_executions"] {
        tx.execute(&format!("DELETE FROM {table} WHERE {ended}"), &[before.into()]).await?;
    }
    let sql = "DELETE FROM window_executions WHERE started_at < $1 AND finished_at IS NOT NULL";
    tx.execute(sql, &[before.into()]).await
}

fn read_execution(row: &Row) -> Result<Execution> {
    Ok(Execution {
        key: ExecutionKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? },
        window: row.parse(3)?,
        due_at: row.get(4)?,
        cutoff_at: row.get(5)?,
        ends_at: row.get(6)?,
        state: state(row, 7)?,
        cancelled_at: row.get(11)?,
    })
}

fn read_invocation(row: &Row) -> Result<TaskInvocation> {
    let (command, automation): (Option<String>, Option<String>) = (row.get(5)?, row.get(11)?);
    Ok(TaskInvocation {
        task: row.parse(0)?,
        id: row.parse(1)?,
        position: row.get(2)?,
        plan: row.json(3)?,
        parameters: row.get(4)?,
        command: command.is_some().then(|| row.parse(5)).transpose()?,
        automation: automation.is_some().then(|| row.parse(11)).transpose()?,
        call_at: row.get(6)?,
        state: state(row, 7)?,
    })
}

/// Four columns from `first` on.
fn state(row: &Row, first: usize) -> Result<State> {
    let status: String = row.get(first)?;
    Ok(State {
        status: ExecutionStatus::parse(&status)
            .ok_or_else(|| StoreError::Corrupt(format!("`{status}` is no state of a run")))?,
        details: row.get(first + 1)?,
        started_at: row.get(first + 2)?,
        finished_at: row.get(first + 3)?,
    })
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}
