//! Brings a database to the newest schema, forward only. A merged migration is never edited:
//! its hash is kept, and a database that saw another text is refused.

use sha2::{Digest, Sha256};

use crate::{Result, Store, StoreError, dialect};

const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_accounts", include_str!("../migrations/0001_accounts.sql")),
    ("0002_nodes", include_str!("../migrations/0002_nodes.sql")),
    ("0003_baselines", include_str!("../migrations/0003_baselines.sql")),
    ("0004_commands", include_str!("../migrations/0004_commands.sql")),
    ("0005_compliance", include_str!("../migrations/0005_compliance.sql")),
    ("0006_retention", include_str!("../migrations/0006_retention.sql")),
    ("0007_advisories", include_str!("../migrations/0007_advisories.sql")),
    ("0008_offer_details", include_str!("../migrations/0008_offer_details.sql")),
    ("0009_snapshot_pins", include_str!("../migrations/0009_snapshot_pins.sql")),
    ("0010_objects", include_str!("../migrations/0010_objects.sql")),
    ("0011_patch_executions", include_str!("../migrations/0011_patch_executions.sql")),
    ("0012_node_facts", include_str!("../migrations/0012_node_facts.sql")),
    ("0013_documents", include_str!("../migrations/0013_documents.sql")),
    ("0014_index_order", include_str!("../migrations/0014_index_order.sql")),
    ("0015_advisory_notices", include_str!("../migrations/0015_advisory_notices.sql")),
    ("0016_maintenance_windows", include_str!("../migrations/0016_maintenance_windows.sql")),
    ("0017_associations", include_str!("../migrations/0017_associations.sql")),
    ("0018_quick_setup", include_str!("../migrations/0018_quick_setup.sql")),
    ("0020_document_attachments", include_str!("../migrations/0020_document_attachments.sql")),
    ("0021_automation", include_str!("../migrations/0021_automation.sql")),
    ("0022_sign_in", include_str!("../migrations/0022_sign_in.sql")),
    ("0024_rollouts", include_str!("../migrations/0024_rollouts.sql")),
    ("0025_run_command", include_str!("../migrations/0025_run_command.sql")),
    ("0028_association_makers", include_str!("../migrations/0028_association_makers.sql")),
    ("0029_resource_groups", include_str!("../migrations/0029_resource_groups.sql")),
    ("0031_passkeys", include_str!("../migrations/0031_passkeys.sql")),
    ("0032_parameters", include_str!("../migrations/0032_parameters.sql")),
    ("0033_command_references", include_str!("../migrations/0033_command_references.sql")),
    ("0034_tags_by_key", include_str!("../migrations/0034_tags_by_key.sql")),
    ("0035_node_departures", include_str!("../migrations/0035_node_departures.sql")),
];

const BOOK: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    name TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL
)";

pub(crate) async fn run(store: &Store) -> Result<()> {
    let mut tx = store.write().await?;
    dialect::lock_schema(&mut tx).await?;
    tx.batch(BOOK).await?;
    let rows = tx.query("SELECT name, sha256 FROM schema_migrations ORDER BY name", &[]).await?;
    for (i, row) in rows.iter().enumerate() {
        let (name, seen): (String, String) = (row.get(0)?, row.get(1)?);
        match MIGRATIONS.get(i) {
            Some((ours, sql)) if *ours == name && digest(sql) == seen => {}
            Some(_) => {
                return Err(StoreError::Corrupt(format!("migration {name} is not the one of this release")));
            }
            None => return Err(StoreError::Corrupt(format!("migration {name} is of a newer release"))),
        }
    }
    for (name, sql) in &MIGRATIONS[rows.len()..] {
        tx.batch(sql).await?;
        let book = "INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)";
        tx.execute(book, &[(*name).into(), digest(sql).into()]).await?;
    }
    tx.commit().await
}

/// What stands for all of them, as a part of a name.
#[cfg(feature = "testing")]
pub(crate) fn all() -> String {
    let texts: String = MIGRATIONS.iter().flat_map(|(name, sql)| [*name, *sql]).collect();
    digest(&texts)[..16].to_owned()
}

fn digest(sql: &str) -> String {
    hex::encode(Sha256::digest(sql.as_bytes()))
}
