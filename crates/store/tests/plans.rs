//! A new PostgreSQL plans each statement for empty tables, where all indexes cost the same, and keeps the plan until the tables
//! are analysed: by the server soon after they have grown. What a primary key finds must be found by it before that, too.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use store::testing::engines;
use store::{StoreOptions, analysis};

const KEYS: &str = "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
    WHERE i.indisprimary AND n.nspname = current_schema() ORDER BY c.relname, a.attname";

/// The ids are unique by themselves; one node has few commands before the first analysis; no statement asks for an advisory's
/// statement by its whole key.
const FINE: [&str; 4] =
    ["activations_by_id", "nodes_by_id", "invocations_by_node", "advisory_statements_by_cve"];

#[tokio::test]
async fn an_empty_database_looks_rows_up_by_their_keys() {
    for engine in engines().await {
        if !matches!(engine.options, StoreOptions::Postgres(_)) {
            continue;
        }
        let mut tx = engine.store.write().await.unwrap();
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in tx.query(KEYS, &[]).await.unwrap() {
            let (table, column, kind): (String, String, String) =
                (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
            keys.entry(table).or_default().push(format!("{column} = '0'::{kind}"));
        }
        assert!(keys.len() > 30, "{} tables", keys.len());
        let mut strays = Vec::new();
        for (table, conditions) in keys {
            let sql = format!("EXPLAIN SELECT * FROM {table} WHERE {}", conditions.join(" AND "));
            let rows = tx.query(&sql, &[]).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
            let plan = plan.join("\n");
            // A filter means that the index alone does not find the row.
            let is_fine = FINE.iter().any(|index| plan.contains(&format!("using {index} ")));
            if !is_fine && (plan.contains("Filter:") || plan.contains("Seq Scan")) {
                strays.push(plan);
            }
        }
        assert!(strays.is_empty(), "{}", strays.join("\n\n"));
    }
}

/// Rows that differ in their node alone.
const GROW: &str = "SELECT format('INSERT INTO node_patch_states SELECT %s FROM generate_series(1, 20000) AS number',
        string_agg(CASE WHEN column_name = 'node_id' THEN $$'mi-' || number$$
            WHEN is_nullable = 'YES' THEN 'NULL' WHEN data_type = 'bigint' THEN '0' ELSE $$''$$ END, ', ' ORDER BY ordinal_position))
    FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'node_patch_states'";

/// Without what is analysed, the planner takes the account's rows for one row, and reads all of them for a list of nodes.
#[tokio::test]
async fn a_table_that_has_just_grown_is_looked_up_by_a_list_of_keys() {
    let nodes: Vec<String> = (1..=50).map(|number| format!("'mi-{number}'")).collect();
    let sql = format!(
        "EXPLAIN SELECT * FROM node_patch_states WHERE account = '' AND region = '' AND node_id IN ({})",
        nodes.join(", ")
    );
    for engine in engines().await {
        if !matches!(engine.options, StoreOptions::Postgres(_)) {
            assert_eq!(analysis::renew(&engine.store).await.unwrap(), 0);
            continue;
        }
        let mut tx = engine.store.write().await.unwrap();
        // The test is not about what PostgreSQL does by itself once a minute.
        tx.execute("ALTER TABLE node_patch_states SET (autovacuum_enabled = off)", &[]).await.unwrap();
        let grow: String = tx.query(GROW, &[]).await.unwrap()[0].get(0).unwrap();
        tx.execute(&grow, &[]).await.unwrap();
        tx.commit().await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let renewed = analysis::renew(&engine.store).await.unwrap();
            let mut tx = engine.store.write().await.unwrap();
            let rows = tx.query(&sql, &[]).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
            if renewed > 0 {
                assert!(!plan.join("\n").contains("Filter:"), "{}", plan.join("\n"));
                break;
            }
            // What a connection did is counted with a later transaction's end.
            assert!(Instant::now() < deadline, "it is not seen to have grown");
            tx.execute("UPDATE node_patch_states SET sequence = 1 WHERE node_id = 'mi-1'", &[])
                .await
                .unwrap();
            tx.commit().await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(analysis::renew(&engine.store).await.unwrap(), 0, "once is enough");
    }
}

/// The ids are unique by themselves; nobody asks by the key's beginning for a column that only these others have.
const FINE_BESIDE_KEYS: [&str; 4] =
    ["activations_by_id", "nodes_by_id", "compliance_summaries_by_status", "invocations_by_time"];

const OTHER_INDEXES: &str =
    "SELECT m.name, l.name, i.name FROM sqlite_schema m JOIN pragma_index_list(m.name) l
        JOIN pragma_index_info(l.name) i
    WHERE m.type = 'table' AND l.origin = 'c' AND l.partial = 0 ORDER BY m.name, l.name, i.seqno";
const PRIMARY_KEYS: &str = "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND c.pk > 0 ORDER BY m.name, c.pk";

#[tokio::test]
async fn what_an_index_covers_is_found_by_the_key_nevertheless() {
    for engine in engines().await {
        if matches!(engine.options, StoreOptions::Postgres(_)) {
            continue;
        }
        let mut tx = engine.store.write().await.unwrap();
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in tx.query(PRIMARY_KEYS, &[]).await.unwrap() {
            keys.entry(row.get(0).unwrap()).or_default().push(row.get(1).unwrap());
        }
        let mut indexes: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for row in tx.query(OTHER_INDEXES, &[]).await.unwrap() {
            let of = (row.get(0).unwrap(), row.get(1).unwrap());
            indexes.entry(of).or_default().push(row.get(2).unwrap());
        }
        assert!(keys.len() > 30 && indexes.len() > 30, "{} tables, {} indexes", keys.len(), indexes.len());
        let mut strays = Vec::new();
        for ((table, index), columns) in &indexes {
            let key = &keys[table];
            // Account and region alone are no question about a row.
            for known in 3..=key.len() {
                let conditions: Vec<String> =
                    key[..known].iter().map(|name| format!("{name} = '0'")).collect();
                let sql = format!(
                    "EXPLAIN QUERY PLAN SELECT {} FROM {table} WHERE {}",
                    columns.join(", "),
                    conditions.join(" AND ")
                );
                let rows = tx.query(&sql, &[]).await.unwrap();
                let plan: String = rows[0].get(3).unwrap();
                let is_fine = FINE_BESIDE_KEYS.iter().any(|index| plan.contains(&format!("INDEX {index} ")));
                if !is_fine && plan.matches("=?").count() < known {
                    strays
                        .push(format!("{table} by {known} columns of its key, for what {index} has: {plan}"));
                }
            }
        }
        assert!(strays.is_empty(), "{}", strays.join("\n"));
    }
}
