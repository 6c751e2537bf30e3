//! DescribeAdvisories: what feeds say of a CVE or a package, and which nodes have an affected version installed.
//! The index of facts says which nodes those are; the facts of a page of them say what exactly they have.

use std::collections::{BTreeMap, BTreeSet};

use api::fettle::{
    Advisory, AffectedNode, DescribeAdvisoriesRequest, DescribeAdvisoriesResponse, PackageKind,
};
use domain::advisory::{Announcement, Statement, Subject, Unfixed, distributions_of, installed, unfixed};
use domain::facts::FactSet;
use fleet::fact_index::Question;
use store::advisories::{self, Import};
use store::facts::Newest;
use store::{Hash, Tx, facts};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn describe_advisories(
    ctx: &Ctx,
    request: DescribeAdvisoriesRequest,
) -> Result<DescribeAdvisoriesResponse, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let binding = (&request.cve_id, &request.package);
    let page = Page::open(ctx, "DescribeAdvisories", &binding, request.next_token.as_deref(), size)?;
    let scope = (&ctx.account, &ctx.region);

    let mut tx = ctx.store.read().await?;
    let feeds = advisories::feeds(&mut tx, scope).await?;
    let statements = statements(ctx, &mut tx, &request, &feeds).await?;
    let is_first = page.after.is_none();
    let notices = if is_first { notices(ctx, &mut tx, &statements).await? } else { Vec::new() };
    drop(tx);
    let question = Question {
        statements: &statements,
        // Of a package alone the nodes' own repositories are not asked: they name no CVE that is looked for.
        cve_id: request.cve_id.as_deref(),
    };
    let limit = size.saturating_add(1);
    let indexes = &ctx.app.fact_indexes;
    let rows = indexes.affected(&ctx.store, scope, question, page.after.as_deref(), limit).await?;
    let cut = page.cut(ctx, rows, |node| node.to_string());

    // What the index found is shown as the store has it now.
    let mut tx = ctx.store.read().await?;
    let seen = facts::newest_hashes(&mut tx, scope, &cut.rows).await?;
    // Nodes built from one image share a fact set: each is read once, and of it what the question is about.
    let hashes: BTreeSet<Hash> = seen.iter().map(|seen| seen.facts_hash).collect();
    let hashes: Vec<Hash> = hashes.into_iter().collect();
    let names: BTreeSet<&str> = statements.iter().map(|(_, statement)| statement.subject.name()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let sets = facts::excerpts(&mut tx, scope, &hashes, &names, request.cve_id.as_deref()).await?;
    drop(tx);

    let feed_names = super::names(&feeds);
    let feed_of = |import: i64| feed_names.get(&import).cloned().unwrap_or_default();
    let affected = seen.iter().filter_map(|seen| Some((seen, sets.get(&seen.facts_hash)?)));
    let holes = |(seen, set): (&Newest, &FactSet)| {
        let mut found = holes(seen, set, &statements, &feed_of);
        found.extend(own_holes(seen, set, &request));
        found
    };
    Ok(DescribeAdvisoriesResponse {
        affected_nodes: affected.flat_map(holes).collect(),
        advisories: statements
            .iter()
            .filter(|_| is_first)
            .map(|said| Advisory {
                advisory_ids: announced_as(said, &notices),
                ..to_wire(said.1.clone(), feed_of(said.0))
            })
            .collect(),
        feeds: feeds.into_iter().map(|(import, names)| super::to_wire(ctx, import, names)).collect(),
        next_token: cut.next_token,
    })
}

async fn statements(
    ctx: &Ctx,
    tx: &mut Tx,
    request: &DescribeAdvisoriesRequest,
    feeds: &[(Import, Vec<String>)],
) -> Result<Vec<(i64, Statement)>, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let imports: Vec<i64> = feeds.iter().map(|(import, _)| import.id).collect();
    Ok(match (&request.cve_id, &request.package) {
        (None, None) => return Err(error::validation("CveId or Package must be given")),
        (Some(cve_id), package) => {
            let mut said = advisories::list_of_cve(tx, scope, &imports, cve_id).await?;
            said.retain(|(_, statement)| {
                package.as_deref().is_none_or(|package| statement.subject.name() == package)
            });
            said
        }
        (None, Some(package)) => {
            let subjects =
                BTreeSet::from([Subject::Source(package.clone()), Subject::Binary(package.clone())]);
            advisories::list_of_subjects(tx, scope, &imports, &subjects).await?
        }
    })
}

/// Which versions of the packages that these speak of are announced, by the imports that say so.
async fn notices(
    ctx: &Ctx,
    tx: &mut Tx,
    statements: &[(i64, Statement)],
) -> Result<Vec<(i64, Announcement)>, ApiError> {
    let imports: BTreeSet<i64> = statements.iter().map(|(import, _)| *import).collect();
    let imports: Vec<i64> = imports.into_iter().collect();
    let subjects = statements.iter().map(|(_, statement)| statement.subject.clone()).collect();
    Ok(advisories::notices_of_subjects(tx, (&ctx.account, &ctx.region), &imports, &subjects).await?)
}

/// The notices of the fixed version, by the same feed.
fn announced_as(
    (import, statement): &(i64, Statement),
    notices: &[(i64, Announcement)],
) -> Option<Vec<String>> {
    let of_fix = notices.iter().filter(|(from, notice)| {
        from == import
            && notice.subject == statement.subject
            && notice.distribution == statement.distribution
            && Some(&notice.version) == statement.fixed.as_ref()
    });
    let ids: BTreeSet<&String> = of_fix.map(|(_, notice)| &notice.advisory_id).collect();
    Some(ids.into_iter().cloned().collect()).filter(|ids: &Vec<String>| !ids.is_empty())
}

fn holes(
    seen: &Newest,
    set: &FactSet,
    statements: &[(i64, Statement)],
    feed_of: &impl Fn(i64) -> String,
) -> Vec<AffectedNode> {
    let names = distributions_of(&set.os);
    let mut of_subject: BTreeMap<&Subject, Vec<&(i64, Statement)>> = BTreeMap::new();
    for said in statements.iter().filter(|(_, statement)| names.contains(&statement.distribution)) {
        of_subject.entry(&said.1.subject).or_default().push(said);
    }
    let mut found = Vec::new();
    for fact in &set.packages {
        for at in installed(fact) {
            let said = of_subject.get(&at.subject).into_iter().flatten();
            found.extend(said.filter(|(_, statement)| statement.affects(&at.version)).map(
                |(import, statement)| AffectedNode {
                    instance_id: seen.node.to_string(),
                    cve_id: statement.cve_id.clone(),
                    package: fact.name.clone(),
                    arch: fact.arch.clone(),
                    installed_version: fact.version.clone(),
                    fixed_version: statement.fixed.clone(),
                    severity: Some(statement.severity.clone()).filter(|severity| !severity.is_empty()),
                    feed: Some(feed_of(*import)),
                    advisory_id: None,
                },
            ));
        }
    }
    found
}

/// By what the node's own repositories and its update service publish.
fn own_holes(seen: &Newest, set: &FactSet, request: &DescribeAdvisoriesRequest) -> Vec<AffectedNode> {
    let Some(cve_id) = &request.cve_id else { return Vec::new() };
    let is_asked = |package: &str| request.package.as_deref().is_none_or(|asked| asked == package);
    let of_cve = unfixed(set).filter(|hole| hole.cve_ids.contains(cve_id) && is_asked(hole.package));
    let node = |hole: Unfixed<'_>| AffectedNode {
        instance_id: seen.node.to_string(),
        cve_id: cve_id.clone(),
        package: hole.package.to_owned(),
        arch: hole.arch.to_owned(),
        installed_version: hole.installed_version.to_owned(),
        fixed_version: Some(hole.fixed_version.to_owned()).filter(|version| !version.is_empty()),
        severity: Some(hole.severity.to_owned()).filter(|severity| !severity.is_empty()),
        feed: None,
        advisory_id: Some(hole.advisory.to_owned()),
    };
    of_cve.map(node).collect()
}

fn to_wire(statement: Statement, feed: String) -> Advisory {
    let (kind, package) = match statement.subject {
        Subject::Source(name) => (PackageKind::Source, name),
        Subject::Binary(name) => (PackageKind::Binary, name),
    };
    Advisory {
        cve_id: statement.cve_id,
        distribution: statement.distribution,
        package,
        package_kind: kind,
        introduced: statement.introduced,
        fixed: statement.fixed,
        severity: Some(statement.severity).filter(|severity| !severity.is_empty()),
        feed,
        advisory_ids: None,
    }
}
