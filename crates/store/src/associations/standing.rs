//! How associations stand on nodes: the newest run on each, followed from the run's invocations.

use api::Timestamp;
use domain::association::Counts;
use domain::command::InvocationStatus;
use domain::ids::{AssociationId, NodeId};

use super::executions::Execution;
use super::{AssociationKey, invocation_status};
use crate::clause::Clause;
use crate::{Result, Row, Scope, Tx, Value};

/// One association on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub association: AssociationId,
    pub node: NodeId,
    pub execution: String,
    /// The association's, of that run.
    pub version: i64,
    pub status: InvocationStatus,
    pub executed_at: Option<Timestamp>,
    pub succeeded_at: Option<Timestamp>,
    /// What the agent said; may be empty.
    pub summary: String,
}

/// A target that got on since it was last looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub node: NodeId,
    pub status: InvocationStatus,
    pub delivered_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

const COLUMNS: &str =
    "association_id, node_id, execution_id, version, status, executed_at, succeeded_at, summary";

fn read(row: &Row) -> Result<Standing> {
    Ok(Standing {
        association: row.parse(0)?,
        node: row.parse(1)?,
        execution: row.get(2)?,
        version: row.get(3)?,
        status: invocation_status(&row.get::<String>(4)?)?,
        executed_at: row.get(5)?,
        succeeded_at: row.get(6)?,
        summary: row.get(7)?,
    })
}

/// All nodes of the run's command stand at its beginning.
pub async fn begin(tx: &mut Tx, run: &Execution) -> Result<()> {
    let sql = "INSERT INTO association_nodes (account, region, association_id, node_id, execution_id, version, status,
            is_missed, is_left, executed_at, succeeded_at, summary)
        SELECT account, region, $3, node_id, command_id, $5, 'Pending', 0, 0, NULL, NULL, ''
            FROM invocations WHERE account = $1 AND region = $2 AND command_id = $4
        ON CONFLICT (account, region, association_id, node_id) DO UPDATE SET execution_id = excluded.execution_id,
            version = excluded.version, status = excluded.status, is_missed = 0, is_left = 0, summary = ''";
    let [account, region, association] = run.association.values();
    let values = [account, region, association, run.id.as_str().into(), run.version.into()];
    tx.execute(sql, &values).await.map(drop)
}

/// A target of a runbook's run that has ended: there is no invocation to follow.
pub async fn put_ended(tx: &mut Tx, run: &Execution, step: &Step) -> Result<()> {
    let sql = "INSERT INTO association_nodes (account, region, association_id, node_id, execution_id, version, status,
            is_missed, is_left, executed_at, succeeded_at, summary)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, $9, '')
        ON CONFLICT (account, region, association_id, node_id) DO UPDATE SET execution_id = excluded.execution_id,
            version = excluded.version, status = excluded.status, is_left = 0, executed_at = excluded.executed_at,
            succeeded_at = COALESCE(excluded.succeeded_at, association_nodes.succeeded_at)";
    let [account, region, association] = run.association.values();
    let succeeded_at = step.finished_at.filter(|_| step.status == InvocationStatus::Success);
    let values = [
        account,
        region,
        association,
        step.node.as_str().into(),
        run.id.as_str().into(),
        run.version.into(),
        step.status.as_str().into(),
        step.delivered_at.into(),
        succeeded_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Nodes that the newest run, which addresses all there are, does not address: they are left.
pub async fn leave_others(tx: &mut Tx, run: &Execution) -> Result<()> {
    let sql = "UPDATE association_nodes SET is_left = 1
        WHERE account = $1 AND region = $2 AND association_id = $3 AND execution_id <> $4 AND is_left = 0";
    let [account, region, association] = run.association.values();
    tx.execute(sql, &[account, region, association, run.id.as_str().into()]).await.map(drop)
}

/// The association addresses the node no longer; what waits for it there is not started any more.
pub async fn leave(tx: &mut Tx, association: &AssociationKey, node: &NodeId, now: Timestamp) -> Result<()> {
    let [account, region, id] = association.values();
    let key = [account, region, id, node.as_str().into()];
    let sql = "UPDATE invocations SET status = 'Cancelled', finished_at = $5, deadline_at = NULL
        WHERE account = $1 AND region = $2 AND node_id = $4 AND finished_at IS NULL AND released_at IS NULL
            AND command_id IN (SELECT n.execution_id FROM association_nodes n
                WHERE n.account = $1 AND n.region = $2 AND n.association_id = $3 AND n.node_id = $4)";
    let mut values = key.to_vec();
    values.push(now.into());
    tx.execute(sql, &values).await?;
    let sql = "UPDATE association_nodes SET is_left = 1
        WHERE account = $1 AND region = $2 AND association_id = $3 AND node_id = $4";
    tx.execute(sql, &key).await.map(drop)
}

/// The same for many nodes at once.
pub async fn leave_many(
    tx: &mut Tx,
    association: &AssociationKey,
    nodes: &[NodeId],
    now: Timestamp,
) -> Result<()> {
    let mut clause = Clause::after([&association.values()[..], &[now.into()]].concat());
    clause.one_of("node_id", nodes.iter().map(NodeId::as_str));
    let sql = format!(
        "UPDATE invocations SET status = 'Cancelled', finished_at = $4, deadline_at = NULL
        WHERE account = $1 AND region = $2 AND finished_at IS NULL AND released_at IS NULL{}
            AND EXISTS (SELECT 1 FROM association_nodes n
                WHERE n.account = $1 AND n.region = $2 AND n.association_id = $3
                    AND n.node_id = invocations.node_id AND n.execution_id = invocations.command_id)",
        clause.sql()
    );
    tx.execute(&sql, clause.values()).await?;
    let mut clause = Clause::after(association.values().to_vec());
    clause.one_of("node_id", nodes.iter().map(NodeId::as_str));
    let sql = format!(
        "UPDATE association_nodes SET is_left = 1
        WHERE account = $1 AND region = $2 AND association_id = $3{}",
        clause.sql()
    );
    tx.execute(&sql, clause.values()).await.map(drop)
}

/// Nodes that the association has reached and not left, by id, after `after`. Primary key order.
pub async fn list_reached(
    tx: &mut Tx,
    association: &AssociationKey,
    after: Option<&NodeId>,
    limit: i64,
) -> Result<Vec<NodeId>> {
    let sql = "SELECT node_id FROM association_nodes
        WHERE account = $1 AND region = $2 AND association_id = $3 AND node_id > $4 AND is_left = 0
        ORDER BY node_id LIMIT $5";
    let [account, region, id] = association.values();
    let after = after.map(NodeId::as_str).unwrap_or_default();
    let rows = tx.query(sql, &[account, region, id, after.into(), limit.into()]).await?;
    rows.iter().map(|row| row.parse(0)).collect()
}

/// The association goes.
pub(super) async fn leave_all(tx: &mut Tx, association: &AssociationKey) -> Result<()> {
    let sql = "UPDATE association_nodes SET is_left = 1
        WHERE account = $1 AND region = $2 AND association_id = $3";
    tx.execute(sql, &association.values()).await.map(drop)
}

/// Nodes that were left, by node. Index: association_nodes_left.
pub async fn list_left(tx: &mut Tx, limit: i64) -> Result<Vec<(AssociationKey, NodeId)>> {
    let sql = "SELECT account, region, association_id, node_id FROM association_nodes WHERE is_left = 1
        ORDER BY account, region, node_id LIMIT $1";
    let rows = tx.query(sql, &[limit.into()]).await?;
    let read = |row: &Row| {
        let key = AssociationKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? };
        Ok((key, row.parse(3)?))
    };
    rows.iter().map(read).collect()
}

/// Nothing is left to take back; false when the node is addressed again.
pub async fn delete_left(tx: &mut Tx, association: &AssociationKey, node: &NodeId) -> Result<bool> {
    let sql = "DELETE FROM association_nodes
        WHERE account = $1 AND region = $2 AND association_id = $3 AND node_id = $4 AND is_left = 1";
    let [account, region, id] = association.values();
    Ok(tx.execute(sql, &[account, region, id, node.as_str().into()]).await? == 1)
}

/// A node that is gone, in all associations; what was open there can be delivered no more. Who takes back what was left
/// counts the associations anew.
pub async fn leave_node(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    now: Timestamp,
) -> Result<()> {
    let key: [Value<'_>; 3] = [account.as_str().into(), region.as_str().into(), node.as_str().into()];
    let sql = "UPDATE invocations SET status = 'Undeliverable', finished_at = $4, deadline_at = NULL
        WHERE account = $1 AND region = $2 AND node_id = $3 AND finished_at IS NULL
            AND command_id IN (SELECT n.execution_id FROM association_nodes n
                WHERE n.account = $1 AND n.region = $2 AND n.node_id = $3)";
    let mut values = key.to_vec();
    values.push(now.into());
    tx.execute(sql, &values).await?;
    let sql = "UPDATE association_nodes SET is_left = 1 WHERE account = $1 AND region = $2 AND node_id = $3";
    tx.execute(sql, &key).await.map(drop)
}

/// Targets of the run whose invocations are further than was followed, by node. Index: association_nodes_by_execution.
pub async fn list_steps(tx: &mut Tx, run: &Execution, limit: i64) -> Result<Vec<Step>> {
    let sql = "SELECT i.node_id, i.status, i.delivered_at, i.finished_at FROM association_nodes n
        JOIN invocations i ON i.account = n.account AND i.region = n.region AND i.command_id = n.execution_id
            AND i.node_id = n.node_id
        WHERE n.account = $1 AND n.region = $2 AND n.execution_id = $3 AND n.status <> i.status
        ORDER BY i.node_id LIMIT $4";
    let [account, region, _] = run.association.values();
    let rows = tx.query(sql, &[account, region, run.id.as_str().into(), limit.into()]).await?;
    let read = |row: &Row| {
        Ok(Step {
            node: row.parse(0)?,
            status: invocation_status(&row.get::<String>(1)?)?,
            delivered_at: row.get(2)?,
            finished_at: row.get(3)?,
        })
    };
    rows.iter().map(read).collect()
}

/// What `steps` are is followed, except where a newer run addresses the node by now.
pub async fn follow(tx: &mut Tx, run: &Execution, steps: &[Step]) -> Result<()> {
    let mut groups: Vec<(InvocationStatus, bool, Vec<&Step>)> = Vec::new();
    for step in steps {
        let is_missed = step.status == InvocationStatus::DeliveryTimedOut && step.delivered_at.is_none();
        match groups.iter_mut().find(|(status, missed, _)| *status == step.status && *missed == is_missed) {
            Some((_, _, group)) => group.push(step),
            None => groups.push((step.status, is_missed, vec![step])),
        }
    }
    // As many statements as there are states.
    for (status, is_missed, group) in groups {
        follow_group(tx, run, (status, is_missed), &group).await?;
    }
    Ok(())
}

async fn follow_group(
    tx: &mut Tx,
    run: &Execution,
    (status, is_missed): (InvocationStatus, bool),
    steps: &[&Step],
) -> Result<()> {
    let [account, region, association] = run.association.values();
    let id = run.id.as_str();
    let values = vec![account, region, association, id.into(), status.as_str().into(), is_missed.into()];
    let mut clause = Clause::after(values);
    clause.one_of("node_id", steps.iter().map(|step| step.node.as_str()));
    let moment = |column: &str| {
        format!(
            "(SELECT i.{column} FROM invocations i WHERE i.account = $1 AND i.region = $2
                AND i.command_id = $4 AND i.node_id = association_nodes.node_id)"
        )
    };
    let succeeded_at = match status {
        InvocationStatus::Success => moment("finished_at"),
        _ => "succeeded_at".to_owned(),
    };
    let sql = format!(
        "UPDATE association_nodes SET status = $5, is_missed = $6,
            executed_at = COALESCE({}, executed_at), succeeded_at = {succeeded_at}
        WHERE account = $1 AND region = $2 AND association_id = $3 AND execution_id = $4{}",
        moment("delivered_at"),
        clause.sql()
    );
    tx.execute(&sql, clause.values()).await.map(drop)
}

/// What the agent says of the run on its node, for people.
pub async fn set_summary(tx: &mut Tx, run: &Execution, node: &NodeId, summary: &str) -> Result<()> {
    let sql = "UPDATE association_nodes SET summary = $6
        WHERE account = $1 AND region = $2 AND association_id = $3 AND execution_id = $4 AND node_id = $5";
    let [account, region, association] = run.association.values();
    let values = [account, region, association, run.id.as_str().into(), node.as_str().into(), summary.into()];
    tx.execute(sql, &values).await.map(drop)
}

/// Nobody else counts the association until the transaction ends: what is counted then is not outdone by an older count.
pub async fn lock_counts(tx: &mut Tx, association: &AssociationKey) -> Result<bool> {
    let sql = "UPDATE associations SET counts = counts
        WHERE account = $1 AND region = $2 AND association_id = $3";
    Ok(tx.execute(sql, &association.values()).await? == 1)
}

/// Counts the association's nodes anew. Index: association_nodes_by_status.
pub async fn count(tx: &mut Tx, association: &AssociationKey) -> Result<Counts> {
    let sql = "SELECT status, COUNT(*) FROM association_nodes
        WHERE account = $1 AND region = $2 AND association_id = $3 AND is_left = 0 GROUP BY status";
    let mut counts = Counts::default();
    for row in tx.query(sql, &association.values()).await? {
        let count: i64 = row.get(1)?;
        counts.add(invocation_status(&row.get::<String>(0)?)?, u32::try_from(count).unwrap_or(u32::MAX));
    }
    Ok(counts)
}

/// `succeeded_at`: a run of all nodes ended well then.
pub async fn set_counts(
    tx: &mut Tx,
    association: &AssociationKey,
    counts: &Counts,
    succeeded_at: Option<Timestamp>,
) -> Result<()> {
    let sql = "UPDATE associations SET counts = $4, last_success_at = COALESCE($5, last_success_at)
        WHERE account = $1 AND region = $2 AND association_id = $3";
    let [account, region, id] = association.values();
    let values = [account, region, id, super::counts_to_json(counts)?.into(), succeeded_at.into()];
    tx.execute(sql, &values).await.map(drop)
}

/// What stands on a node, by association, after `after`. Index: association_nodes_by_node.
pub async fn list_of_node(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Standing>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM association_nodes
        WHERE account = $1 AND region = $2 AND node_id = $3 AND association_id > $4 AND is_left = 0
        ORDER BY association_id LIMIT $5"
    );
    let after = after.unwrap_or_default();
    let values =
        [account.as_str().into(), region.as_str().into(), node.as_str().into(), after.into(), limit.into()];
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

/// What stands on any of these nodes. Index: association_nodes_by_node.
pub async fn list_of_nodes(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    nodes: &[&str],
) -> Result<Vec<Standing>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    clause.one_of("node_id", nodes.iter().copied());
    let sql = format!(
        "SELECT {COLUMNS} FROM association_nodes WHERE account = $1 AND region = $2 AND is_left = 0{}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

pub async fn find(tx: &mut Tx, association: &AssociationKey, node: &NodeId) -> Result<Option<Standing>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM association_nodes
        WHERE account = $1 AND region = $2 AND association_id = $3 AND node_id = $4"
    );
    let [account, region, id] = association.values();
    tx.query_opt(&sql, &[account, region, id, node.as_str().into()]).await?.as_ref().map(read).transpose()
}
