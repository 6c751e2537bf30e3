//! Counts each fleet by how its nodes stand, and keeps the day's last count: the trend of the past is made of these, and the
//! past cannot be counted later. Several servers count the same; whichever comes last stays.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Timestamp;
use domain::fleet::Standing;

use crate::app::App;
use crate::error::ApiError;
use fleet::standing;

/// Shown at most.
pub const DAYS: i64 = 90;

/// How many fleets were counted.
pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    app.fleets.forget_unused();
    let scopes = store::fleet::scopes(&mut app.store().read_each().await?).await?;
    let counted = u64::try_from(scopes.len()).unwrap_or(u64::MAX);
    for (account, region) in &scopes {
        let fleet = app.fleets.get(&app.store(), (account, region), now).await?;
        let mut counts: BTreeMap<&str, i64> =
            Standing::ALL.into_iter().map(|standing| (standing.as_str(), 0)).collect();
        for node in fleet.nodes() {
            *counts.entry(standing(node, now).as_str()).or_default() += 1;
        }
        let mut tx = app.store().write().await?;
        store::fleet::put_day(&mut tx, (account, region), &day(now), &counts).await?;
        tx.commit().await?;
    }
    let mut tx = app.store().write().await?;
    store::fleet::delete_days_before(&mut tx, &first_day(now)).await?;
    store::past_fleet::delete_departures(&mut tx, now.plus_seconds(-DAYS * 86_400)).await?;
    tx.commit().await?;
    Ok(counted)
}

/// UTC: `2026-01-31`.
pub fn day(at: Timestamp) -> String {
    at.to_iso_seconds().chars().take(10).collect()
}

/// The oldest that is kept and shown.
pub fn first_day(now: Timestamp) -> String {
    day(now.plus_seconds(-(DAYS - 1) * 86_400))
}
