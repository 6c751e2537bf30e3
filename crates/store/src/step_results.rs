//! What is known of the steps of an invocation: the newest report about each.

use std::collections::BTreeMap;

use api::Timestamp;
use domain::command::StepResult;
use domain::ids::NodeId;

use crate::clause::placeholders;
use crate::commands::CommandKey;
use crate::invocations::InvocationKey;
use crate::{Result, StoreError, Tx, Value};

/// Puts a step's report in the place of the one before.
pub async fn put(
    tx: &mut Tx,
    invocation: &InvocationKey,
    requested_at: Timestamp,
    step_name: &str,
    report: &StepResult,
) -> Result<()> {
    let sql = "INSERT INTO step_results
            (account, region, command_id, node_id, step_name, report, requested_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (account, region, command_id, node_id, step_name)
        DO UPDATE SET report = excluded.report";
    let report = serde_json::to_string(report).map_err(|error| StoreError::Backend(error.into()))?;
    let [account, region, command, node] = invocation.values();
    let values = [account, region, command, node, step_name.into(), report.into(), requested_at.into()];
    tx.execute(sql, &values).await.map(drop)
}

/// Those of one invocation, by step name.
pub async fn list(tx: &mut Tx, invocation: &InvocationKey) -> Result<BTreeMap<String, StepResult>> {
    let sql = "SELECT step_name, report FROM step_results
        WHERE account = $1 AND region = $2 AND command_id = $3 AND node_id = $4 ORDER BY step_name";
    let rows = tx.query(sql, &invocation.values()).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.json(1)?))).collect()
}

/// Those of many invocations of the same account and region.
pub async fn list_many(
    tx: &mut Tx,
    invocations: &[InvocationKey],
) -> Result<BTreeMap<InvocationKey, BTreeMap<String, StepResult>>> {
    let Some(first) = invocations.first() else {
        return Ok(BTreeMap::new());
    };
    let commands: Vec<&str> = distinct(invocations.iter().map(|key| key.command.id.as_str()));
    let nodes: Vec<&str> = distinct(invocations.iter().map(|key| key.node.as_str()));
    let sql = format!(
        "SELECT command_id, node_id, step_name, report FROM step_results
        WHERE account = $1 AND region = $2 AND command_id IN ({}) AND node_id IN ({})
        ORDER BY command_id, node_id, step_name",
        placeholders(3, commands.len()),
        placeholders(3 + commands.len(), nodes.len())
    );
    let (account, region) = (&first.command.account, &first.command.region);
    let mut values: Vec<Value<'_>> = vec![account.as_str().into(), region.as_str().into()];
    values.extend(commands.into_iter().chain(nodes).map(Value::from));
    let rows = tx.query(&sql, &values).await?;
    let mut results: BTreeMap<InvocationKey, BTreeMap<String, StepResult>> = BTreeMap::new();
    for row in &rows {
        let command = CommandKey { account: account.clone(), region: region.clone(), id: row.parse(0)? };
        let key = InvocationKey { command, node: row.parse::<NodeId>(1)? };
        results.entry(key).or_default().insert(row.get(2)?, row.json(3)?);
    }
    Ok(results)
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut list: Vec<&str> = texts.collect();
    list.sort_unstable();
    list.dedup();
    list
}
