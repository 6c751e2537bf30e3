//! DescribeAvailablePatches: every version that any node's repositories were seen to offer.
//! Source: API reference, DescribeAvailablePatches; patch-manager.md 6.3.

use api::ssm::{
    DescribeAvailablePatchesRequest, DescribeAvailablePatchesResult, Patch, PatchOrchestratorFilter,
};
use store::available_patches::{self, AvailableCondition, AvailableField, AvailablePatch};

use super::DEFAULT_PAGE;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};

/// Rows per read, and reads per request: a page that finds less than asked for goes on from there.
const BATCH: i64 = 500;
const BATCHES: usize = 40;

pub async fn describe_available_patches(
    ctx: &Ctx,
    request: DescribeAvailablePatchesRequest,
) -> Result<DescribeAvailablePatchesResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "DescribeAvailablePatches", &request.filters, token, size)?;
    let Selection { conditions, parts, is_never } =
        Selection::parse(request.filters.as_deref().unwrap_or_default())?;

    let mut after: Option<[String; 5]> = page.after.as_deref().and_then(|key| serde_json::from_str(key).ok());
    let mut found: Vec<AvailablePatch> = Vec::new();
    let mut next_token = None;
    if !is_never {
        let mut tx = ctx.store.read().await?;
        for batch in 1.. {
            let scope = (&ctx.account, &ctx.region);
            let rows = available_patches::list(&mut tx, scope, &conditions, after.as_ref(), BATCH).await?;
            let is_last = rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
            after = rows.last().map(key);
            found.extend(rows.into_iter().filter(|row| parts.iter().all(|part| part.holds(row))));
            if found.len() > size || is_last {
                break;
            }
            if batch == BATCHES {
                next_token = after.as_ref().map(|key| page.token(ctx, &text(key)));
                break;
            }
        }
    }
    let cut = page.cut(ctx, found, |row| text(&key(row)));
    Ok(DescribeAvailablePatchesResult {
        patches: Some(cut.rows.into_iter().map(to_wire).collect()),
        next_token: cut.next_token.or(next_token),
    })
}

fn key(row: &AvailablePatch) -> [String; 5] {
    [&row.product, &row.name, &row.arch, &row.version, &row.repository].map(Clone::clone)
}

fn text(key: &[String; 5]) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

/// A version's parts: of `1:2.3-4`, 1 and 2.3 and 4.
struct Version<'a> {
    epoch: i32,
    upstream: &'a str,
    release: Option<&'a str>,
}

fn split(version: &str) -> Version<'_> {
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    };
    match rest.rsplit_once('-') {
        Some((upstream, release)) => Version { epoch, upstream, release: Some(release) },
        None => Version { epoch, upstream: rest, release: None },
    }
}

/// A filter on a part of the version, which is stored whole.
enum Part {
    Epoch(Vec<String>),
    /// The whole version is taken as well.
    Version(Vec<String>),
    Release(Vec<String>),
}

impl Part {
    fn holds(&self, row: &AvailablePatch) -> bool {
        let version = split(&row.version);
        match self {
            Self::Epoch(values) => values.iter().any(|value| value.parse() == Ok(version.epoch)),
            Self::Version(values) => {
                values.iter().any(|value| value == version.upstream || *value == row.version)
            }
            Self::Release(values) => values.iter().any(|value| Some(value.as_str()) == version.release),
        }
    }
}

#[derive(Default)]
struct Selection {
    conditions: Vec<AvailableCondition>,
    parts: Vec<Part>,
    /// A filter names what no patch here has.
    is_never: bool,
}

impl Selection {
    fn parse(filters: &[PatchOrchestratorFilter]) -> Result<Self, ApiError> {
        let mut selection = Self::default();
        for filter in filters {
            let values = filter.values.clone().unwrap_or_default();
            if values.iter().any(|text| text.contains('\0')) {
                selection.is_never = true;
                continue;
            }
            let field = match filter.key.as_deref().unwrap_or_default() {
                "PRODUCT" => AvailableField::Product,
                "NAME" | "PATCH_ID" => AvailableField::Name,
                "ARCH" => AvailableField::Arch,
                "REPOSITORY" => AvailableField::Repository,
                "CLASSIFICATION" => AvailableField::Classification,
                "SEVERITY" | "PRIORITY" => AvailableField::Severity,
                "EPOCH" => {
                    selection.parts.push(Part::Epoch(values));
                    continue;
                }
                "VERSION" => {
                    selection.parts.push(Part::Version(values));
                    continue;
                }
                "RELEASE" => {
                    selection.parts.push(Part::Release(values));
                    continue;
                }
                "PATCH_SET" if values.iter().any(|value| value.eq_ignore_ascii_case("OS")) => continue,
                "PATCH_SET" | "PRODUCT_FAMILY" | "MSRC_SEVERITY" | "ADVISORY_ID" | "CVE_ID"
                | "BUGZILLA_ID" => {
                    selection.is_never = true;
                    continue;
                }
                key => return Err(error::validation(format!("`{key}` is not a key to filter by"))),
            };
            selection.conditions.push(AvailableCondition { field, values });
        }
        Ok(selection)
    }
}

fn to_wire(row: AvailablePatch) -> Patch {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let version = split(&row.version);
    Patch {
        epoch: Some(version.epoch),
        version: Some(version.upstream.to_owned()),
        release: version.release.map(str::to_owned),
        product: given(&row.product),
        classification: given(&row.classification),
        severity: given(&row.severity),
        repository: given(&row.repository),
        release_date: row.released_at,
        arch: Some(row.arch),
        name: Some(row.name),
        ..Patch::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_fall_apart_as_their_manager_reads_them() {
        let check = |text: &str, epoch, upstream: &str, release| {
            let version = split(text);
            assert_eq!(
                (version.epoch, version.upstream, version.release),
                (epoch, upstream, release),
                "{text}"
            );
        };
        check("1.2", 0, "1.2", None);
        check("1:2.3-4+deb12u1", 1, "2.3", Some("4+deb12u1"));
        check("2.0-rc1-3", 0, "2.0-rc1", Some("3"));
    }
}
