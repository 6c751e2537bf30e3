//! ImportAdvisories: one part of a feed. Parts come in order, each in a transaction of its own; what the feed said before
//! stays in force until the last one is there, so that a broken import loses nothing.

use std::collections::BTreeSet;

use api::fettle::{
    AdvisoryNotice, AdvisoryStatement, ErrorCode, ImportAdvisoriesRequest, ImportAdvisoriesResponse,
    PackageKind,
};
use domain::advisory::{Announcement, Statement, Subject, lowest};
use store::StoreError;
use store::advisories::{self, Feed, Import};

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn import_advisories(
    ctx: &Ctx,
    request: ImportAdvisoriesRequest,
) -> Result<ImportAdvisoriesResponse, ApiError> {
    let chunk = i64::from(request.chunk);
    let feed = Feed {
        name: request.feed,
        format: request.format.as_str().to_owned(),
        origin: request.origin,
        published_at: request.published_at,
    };
    let import = match &request.import_id {
        Some(id) => awaited(ctx, id, chunk, &feed).await?,
        None if chunk == 0 => begin(ctx, feed).await?,
        None => {
            return Err(refused(format!("part {chunk} names no ImportId: the first part's answer has it")));
        }
    };
    // The answer was lost, and the client asks again.
    if chunk < import.next_chunk {
        return Ok(answer(&import));
    }
    let part = Part {
        number: chunk,
        statements: request.statements.into_iter().map(to_statement).collect(),
        notices: request.notices.into_iter().flatten().map(to_announcement).collect(),
        is_last: request.last == Some(true),
    };
    let import = store_part(ctx, import, &part).await?;
    Ok(answer(&import))
}

async fn begin(ctx: &Ctx, feed: Feed) -> Result<Import, ApiError> {
    let mut tx = ctx.store.write().await?;
    let id = advisories::begin(&mut tx, (&ctx.account, &ctx.region), &feed, ctx.now).await?;
    tx.commit().await?;
    Ok(Import { id, feed, next_chunk: 0, imported_at: None, statements: 0 })
}

async fn awaited(ctx: &Ctx, id: &str, chunk: i64, feed: &Feed) -> Result<Import, ApiError> {
    let unknown = || refused(format!("there is no import {id}: begin again without an ImportId"));
    let number = id.parse().map_err(|_| unknown())?;
    let mut tx = ctx.store.read().await?;
    let import = advisories::find(&mut tx, (&ctx.account, &ctx.region), number).await?;
    let import = import.filter(|import| import.next_chunk >= 0).ok_or_else(unknown)?;
    if import.feed != *feed {
        return Err(refused(format!("import {id} is of another feed, format, origin or date")));
    }
    if chunk > import.next_chunk || (import.imported_at.is_some() && chunk == import.next_chunk) {
        return Err(refused(format!("import {id} awaits part {}, not {chunk}", import.next_chunk)));
    }
    Ok(import)
}

struct Part {
    number: i64,
    statements: Vec<Statement>,
    notices: Vec<Announcement>,
    is_last: bool,
}

async fn store_part(ctx: &Ctx, mut import: Import, part: &Part) -> Result<Import, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let statements = advisories::number(&ctx.store, scope, &part.statements).await?;
    let notices = advisories::number_notices(&ctx.store, scope, &part.notices).await?;
    let of_statements = part.statements.iter().map(|statement| &statement.distribution);
    let of_notices = part.notices.iter().map(|notice| &notice.distribution);
    let distributions: BTreeSet<&str> = of_statements.chain(of_notices).map(String::as_str).collect();
    let mut tx = ctx.store.write().await?;
    let added = advisories::insert(&mut tx, scope, import.id, &statements).await?
        + advisories::insert_notices(&mut tx, scope, import.id, &notices).await?;
    advisories::distributions(&mut tx, scope, import.id, &distributions).await?;
    if !advisories::progress(&mut tx, scope, (import.id, part.number), added, ctx.now).await? {
        // Another call stored the same part meanwhile: look again.
        return Err(StoreError::Conflict.into());
    }
    import.next_chunk += 1;
    import.statements += i64::try_from(added).unwrap_or(i64::MAX);
    if part.is_last {
        if import.statements == 0 {
            let feed = &import.feed.name;
            return Err(refused(format!(
                "the feed `{feed}` says nothing: what it said before stays in force"
            )));
        }
        advisories::finish(&mut tx, scope, import.id, ctx.now).await?;
        import.imported_at = Some(ctx.now);
    }
    tx.commit().await?;
    Ok(import)
}

fn to_subject(kind: Option<PackageKind>, package: String) -> Subject {
    match kind {
        Some(PackageKind::Binary) => Subject::Binary(package),
        _ => Subject::Source(package),
    }
}

fn to_statement(said: AdvisoryStatement) -> Statement {
    let fixed = said.fixed.into_iter().chain(said.also_fixed.unwrap_or_default());
    Statement {
        cve_id: said.cve_id,
        fixed: lowest(&said.distribution, fixed),
        distribution: said.distribution,
        subject: to_subject(said.package_kind, said.package),
        introduced: said.introduced,
        severity: said.severity.unwrap_or_default(),
    }
}

fn to_announcement(said: AdvisoryNotice) -> Announcement {
    Announcement {
        advisory_id: said.advisory_id,
        distribution: said.distribution,
        subject: to_subject(said.package_kind, said.package),
        version: said.version,
    }
}

fn answer(import: &Import) -> ImportAdvisoriesResponse {
    ImportAdvisoriesResponse {
        import_id: import.id.to_string(),
        statements: import.statements,
        in_force: import.imported_at.is_some(),
    }
}

fn refused(message: String) -> ApiError {
    ApiError::new(ErrorCode::AdvisoryImportException, message)
}
