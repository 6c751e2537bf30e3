//! ImportAdvisories: one part of a feed. Parts come in order, each in a transaction of its own; what the feed said before
//! stays in force until the last one is there, so that a broken import loses nothing.

use std::collections::BTreeSet;

use api::fettle::{
    AdvisoryStatement, ErrorCode, ImportAdvisoriesRequest, ImportAdvisoriesResponse, PackageKind,
};
use domain::advisory::{Statement, Subject, lowest};
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
    let statements: Vec<Statement> = request.statements.into_iter().map(to_statement).collect();
    let import = store_part(ctx, import, chunk, &statements, request.last == Some(true)).await?;
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

async fn store_part(
    ctx: &Ctx,
    mut import: Import,
    chunk: i64,
    statements: &[Statement],
    is_last: bool,
) -> Result<Import, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let numbered = advisories::number(&ctx.store, scope, statements).await?;
    let distributions: BTreeSet<&str> =
        statements.iter().map(|statement| statement.distribution.as_str()).collect();
    let mut tx = ctx.store.write().await?;
    let added = advisories::insert(&mut tx, scope, import.id, &numbered).await?;
    advisories::distributions(&mut tx, scope, import.id, &distributions).await?;
    if !advisories::progress(&mut tx, scope, (import.id, chunk), added, ctx.now).await? {
        // Another call stored the same part meanwhile: look again.
        return Err(StoreError::Conflict.into());
    }
    import.next_chunk += 1;
    import.statements += i64::try_from(added).unwrap_or(i64::MAX);
    if is_last {
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

fn to_statement(said: AdvisoryStatement) -> Statement {
    let subject = match said.package_kind {
        Some(PackageKind::Binary) => Subject::Binary(said.package),
        _ => Subject::Source(said.package),
    };
    Statement {
        cve_id: said.cve_id,
        distribution: said.distribution,
        subject,
        introduced: said.introduced,
        fixed: lowest(said.fixed.into_iter().chain(said.also_fixed.unwrap_or_default())),
        severity: said.severity.unwrap_or_default(),
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
