//! Which server does what only one needs to do. A lease that is not renewed runs out by itself.

use api::Timestamp;

use crate::{Result, Tx};

/// Takes or renews a lease; false while another holder has it.
pub async fn take(tx: &mut Tx, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO leases (name, holder, held_until) VALUES ($1, $2, $4)
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
        WHERE leases.holder = excluded.holder OR leases.held_until <= $3";
    let values = [name.into(), holder.into(), now.into(), until.into()];
    Ok(tx.execute(sql, &values).await? == 1)
}
