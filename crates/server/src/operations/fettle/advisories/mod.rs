//! Imported feeds of advisories, and what they add to what is known of nodes.
//! Matching is `domain::advisory`'s; feeds are read into statements by the client that imports them.

mod delete_advisory_feed;
mod describe_advisories;
mod import_advisories;
mod list_advisory_feeds;
#[cfg(test)]
mod tests;

pub use delete_advisory_feed::delete_advisory_feed;
pub use describe_advisories::describe_advisories;
pub use import_advisories::import_advisories;
pub use list_advisory_feeds::list_advisory_feeds;

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;
use api::fettle::AdvisoryFeed;
use domain::advisory::{Announcement, Knowledge, Statement, Subject, distributions_of, installed};
use domain::compliance::PatchItem;
use domain::facts::{FactSet, PackageFact};
use domain::patch::PatchState;
use store::Tx;
use store::advisories::{self, Import};
use store::available_patches::AvailablePatch;

use crate::ctx::Ctx;
use crate::error::ApiError;

/// What feeds say of one node's packages.
#[derive(Clone, Debug)]
pub struct Known {
    pub knowledge: Knowledge,
    /// Those that speak of the node's system.
    pub feeds: Vec<AdvisoryFeed>,
}

/// What is known of the missing ones among a report's items; `None` where no feed speaks of the node's system.
pub async fn about_missing(
    ctx: &Ctx,
    tx: &mut Tx,
    facts: &FactSet,
    items: &[PatchItem],
) -> Result<Option<Known>, ApiError> {
    let of = |item: &PatchItem| fact_of(facts, item).map(installed);
    let missing = items.iter().filter(|item| is_missing(item));
    let subjects = missing.filter_map(of).flatten().map(|at| at.subject).collect();
    about(ctx, tx, facts, &subjects).await
}

async fn about(
    ctx: &Ctx,
    tx: &mut Tx,
    facts: &FactSet,
    subjects: &BTreeSet<Subject>,
) -> Result<Option<Known>, ApiError> {
    let names = distributions_of(&facts.os);
    let feeds = advisories::feeds(tx, (&ctx.account, &ctx.region)).await?;
    let feeds: Vec<_> = feeds
        .into_iter()
        .filter(|(_, speaks_of)| speaks_of.iter().any(|name| names.contains(name)))
        .collect();
    if feeds.is_empty() {
        return Ok(None);
    }
    let imports: Vec<i64> = feeds.iter().map(|(import, _)| import.id).collect();
    let statements =
        advisories::list_of_subjects(tx, (&ctx.account, &ctx.region), &imports, subjects).await?;
    let of_system = |(_, statement): (i64, Statement)| {
        Some(statement).filter(|statement| names.contains(&statement.distribution))
    };
    let notices =
        advisories::notices_of_subjects(tx, (&ctx.account, &ctx.region), &imports, subjects).await?;
    let notices = notices.into_iter().map(|(_, notice)| notice);
    let knowledge = Knowledge::new(statements.into_iter().filter_map(of_system))
        .with_announcements(notices.filter(|notice| names.contains(&notice.distribution)));
    let feeds = feeds.into_iter().map(|(import, names)| to_wire(ctx, import, names)).collect();
    Ok(Some(Known { knowledge, feeds }))
}

/// The CVE ids that a missing item's version fixes: the report's own and those of feeds. `None` is no data.
pub fn cves(item: &PatchItem, facts: Option<&FactSet>, known: Option<&Known>) -> Option<Vec<String>> {
    let told = || {
        let (fact, fix) = (fact_of(facts?, item)?, fix_version(item)?);
        known?.knowledge.closed_by(fact, fix)
    };
    let told = Some(item).filter(|item| is_missing(item)).and_then(|_| told());
    if told.is_none() && item.cve_ids.is_empty() {
        return None;
    }
    let all: BTreeSet<String> = told.into_iter().flatten().chain(item.cve_ids.iter().cloned()).collect();
    Some(all.into_iter().collect())
}

/// The notices that feeds name for what a missing item brings. `None` where they name none: most feeds have no notices at all.
pub fn notices(item: &PatchItem, facts: Option<&FactSet>, known: Option<&Known>) -> Option<Vec<String>> {
    let item = Some(item).filter(|item| is_missing(item))?;
    let (fact, fix) = (fact_of(facts?, item)?, fix_version(item)?);
    Some(known?.knowledge.announced_by(fact, fix)).filter(|ids| !ids.is_empty())
}

/// Adds to offered versions the CVE ids that feeds say are fixed by exactly them, and the notices that announce them.
pub async fn add_fixed(ctx: &Ctx, tx: &mut Tx, offers: &mut [AvailablePatch]) -> Result<(), ApiError> {
    let subjects: BTreeSet<Subject> = offers
        .iter()
        .filter_map(|offer| Some((offer.offered.detail.source.as_ref()?, &offer.offered.name)))
        .flat_map(|(source, name)| [Subject::Source(source.package.clone()), Subject::Binary(name.clone())])
        .collect();
    if subjects.is_empty() {
        return Ok(());
    }
    let scope = (&ctx.account, &ctx.region);
    let imports: Vec<i64> = advisories::feeds(tx, scope).await?.iter().map(|(import, _)| import.id).collect();
    let mut of_subject: BTreeMap<Subject, Vec<Statement>> = BTreeMap::new();
    for (_, statement) in advisories::list_of_subjects(tx, scope, &imports, &subjects).await? {
        of_subject.entry(statement.subject.clone()).or_default().push(statement);
    }
    let mut announced: BTreeMap<Subject, Vec<Announcement>> = BTreeMap::new();
    for (_, notice) in advisories::notices_of_subjects(tx, scope, &imports, &subjects).await? {
        announced.entry(notice.subject.clone()).or_default().push(notice);
    }
    for offered in offers.iter_mut().map(|offer| &mut offer.offered) {
        let Some(source) = &offered.detail.source else { continue };
        let named = [
            (Subject::Source(source.package.clone()), &source.version),
            (Subject::Binary(offered.name.clone()), &offered.version),
        ];
        let fixed = named.iter().flat_map(|(subject, version)| {
            let said = of_subject.get(subject).into_iter().flatten();
            said.filter(|statement| {
                statement.fixed.as_ref() == Some(*version)
                    && source.distributions.contains(&statement.distribution)
            })
        });
        let cve_ids: BTreeSet<String> = fixed.map(|statement| statement.cve_id.clone()).collect();
        let notices = named.iter().flat_map(|(subject, version)| {
            let said = announced.get(subject).into_iter().flatten();
            said.filter(|notice| {
                notice.version == **version && source.distributions.contains(&notice.distribution)
            })
        });
        let advisory_ids: BTreeSet<String> = notices.map(|notice| notice.advisory_id.clone()).collect();
        merge(&mut offered.detail.cve_ids, cve_ids);
        merge(&mut offered.detail.advisory_ids, advisory_ids);
    }
    Ok(())
}

fn merge(ids: &mut Vec<String>, mut more: BTreeSet<String>) {
    more.extend(ids.drain(..));
    ids.extend(more);
}

fn is_missing(item: &PatchItem) -> bool {
    matches!(item.state, PatchState::Missing | PatchState::Failed)
}

fn fact_of<'f>(facts: &'f FactSet, item: &PatchItem) -> Option<&'f PackageFact> {
    let (name, arch) = item.id.rsplit_once('.')?;
    facts.packages.iter().find(|fact| fact.name == name && fact.arch == arch)
}

/// Titles are `name.arch:version`.
fn fix_version(item: &PatchItem) -> Option<&str> {
    item.title.strip_prefix(&item.id)?.strip_prefix(':')
}

fn to_wire(ctx: &Ctx, import: Import, distributions: Vec<String>) -> AdvisoryFeed {
    let imported_at = import.imported_at.unwrap_or(Timestamp::EPOCH);
    let as_of = import.feed.published_at.unwrap_or(imported_at);
    AdvisoryFeed {
        feed: import.feed.name,
        format: import.feed.format.as_str().into(),
        origin: import.feed.origin,
        published_at: import.feed.published_at,
        imported_at,
        age_seconds: (ctx.now.millis_since(as_of) / 1000).max(0),
        statements: import.statements,
        distributions,
    }
}

/// Names of the feeds in force, by import.
fn names(feeds: &[(Import, Vec<String>)]) -> BTreeMap<i64, String> {
    feeds.iter().map(|(import, _)| (import.id, import.feed.name.clone())).collect()
}
