//! DescribeAvailablePatches: every version or update that any node was seen to be offered.
//! Source: API reference, DescribeAvailablePatches; patch-manager.md 6.3.

use api::ssm::{
    DescribeAvailablePatchesRequest, DescribeAvailablePatchesResult, Patch, PatchOrchestratorFilter,
};
use domain::patch::update_patch_set;
use domain::patch::version_rpm::Evr;
use store::available_patches::{self, AvailableCondition, AvailableField, AvailableKind, AvailablePatch};

use super::DEFAULT_PAGE;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::fettle::advisories;
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
            let mut rows =
                available_patches::list(&mut tx, scope, &conditions, after.as_ref(), BATCH).await?;
            let is_last = rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
            after = rows.last().map(key);
            if parts.iter().any(|part| matches!(part, Part::CveId(_) | Part::AdvisoryId(_))) {
                advisories::add_fixed(ctx, &mut tx, &mut rows).await?;
            }
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
    let mut cut = page.cut(ctx, found, |row| text(&key(row)));
    // What repositories do not publish, feeds may know.
    let mut tx = ctx.store.read().await?;
    advisories::add_fixed(ctx, &mut tx, &mut cut.rows).await?;
    drop(tx);
    Ok(DescribeAvailablePatchesResult {
        patches: Some(cut.rows.into_iter().map(to_wire).collect()),
        next_token: cut.next_token.or(next_token),
    })
}

fn key(row: &AvailablePatch) -> [String; 5] {
    let offered = &row.offered;
    [&offered.product, &offered.name, &offered.arch, &offered.version, &offered.repository].map(Clone::clone)
}

fn text(key: &[String; 5]) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

/// A filter on what is stored as part of something.
enum Part {
    Epoch(Vec<String>),
    /// The whole version is taken as well.
    Version(Vec<String>),
    Release(Vec<String>),
    PatchSet(Vec<String>),
    ProductFamily(Vec<String>),
    MsrcSeverity(Vec<String>),
    AdvisoryId(Vec<String>),
    CveId(Vec<String>),
    BugzillaId(Vec<String>),
}

impl Part {
    fn parse(key: &str, values: Vec<String>) -> Result<Self, ApiError> {
        match key {
            "EPOCH" => Ok(Self::Epoch(values)),
            "VERSION" => Ok(Self::Version(values)),
            "RELEASE" => Ok(Self::Release(values)),
            "PATCH_SET" => Ok(Self::PatchSet(values)),
            "PRODUCT_FAMILY" => Ok(Self::ProductFamily(values)),
            "MSRC_SEVERITY" => Ok(Self::MsrcSeverity(values)),
            "ADVISORY_ID" => Ok(Self::AdvisoryId(values)),
            "CVE_ID" => Ok(Self::CveId(values)),
            "BUGZILLA_ID" => Ok(Self::BugzillaId(values)),
            _ => Err(error::validation(format!("`{key}` is not a key to filter by"))),
        }
    }

    fn holds(&self, row: &AvailablePatch) -> bool {
        let (offered, detail) = (&row.offered, &row.offered.detail);
        let evr = || Evr::parse(&offered.version);
        let is_linux = row.kind == AvailableKind::Linux;
        let is = |value: &String, text: &str| value == "*" || value.eq_ignore_ascii_case(text);
        let names = |value: &String, list: &[String]| list.iter().any(|text| is(value, text));
        match self {
            Self::Epoch(values) => values.iter().any(|value| is_linux && value == evr().epoch_or_zero()),
            Self::Version(values) => {
                values.iter().any(|value| is_linux && (value == evr().version || *value == offered.version))
            }
            Self::Release(values) => {
                values.iter().any(|value| is_linux && value == evr().release && !value.is_empty())
            }
            // What is no update of Microsoft's is the system's.
            Self::PatchSet(values) => {
                let set = detail.update.as_ref().map_or("OS", update_patch_set);
                values.iter().any(|value| is(value, set))
            }
            Self::ProductFamily(values) => detail
                .update
                .as_ref()
                .is_some_and(|update| values.iter().any(|value| names(value, &update.product_families))),
            Self::MsrcSeverity(values) => {
                !is_linux && values.iter().any(|value| is(value, msrc_severity(row)))
            }
            Self::AdvisoryId(values) => values.iter().any(|value| names(value, &detail.advisory_ids)),
            Self::CveId(values) => values.iter().any(|value| names(value, &detail.cve_ids)),
            Self::BugzillaId(values) => values.iter().any(|value| names(value, &detail.bugzilla_ids)),
        }
    }
}

fn msrc_severity(row: &AvailablePatch) -> &str {
    match row.offered.severity.as_str() {
        "" => "Unspecified",
        severity => severity,
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
            let mut values = filter.values.clone().unwrap_or_default();
            if values.iter().any(|text| text.contains('\0')) {
                selection.is_never = true;
                continue;
            }
            let field = match filter.key.as_deref().unwrap_or_default() {
                "PRODUCT" => AvailableField::Product,
                "NAME" => AvailableField::Name,
                "PATCH_ID" => {
                    values = values.iter().flat_map(|value| [value.clone(), format!("KB{value}")]).collect();
                    AvailableField::Name
                }
                "ARCH" => AvailableField::Arch,
                "REPOSITORY" => AvailableField::Repository,
                "CLASSIFICATION" => AvailableField::Classification,
                "SEVERITY" | "PRIORITY" => AvailableField::Severity,
                key => {
                    selection.parts.push(Part::parse(key, values)?);
                    continue;
                }
            };
            if values.iter().any(|value| value == "*") {
                continue;
            }
            selection.conditions.push(AvailableCondition { field, values });
        }
        Ok(selection)
    }
}

pub(super) fn to_wire(row: AvailablePatch) -> Patch {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let listed = |ids: &[String]| Some(ids.to_vec()).filter(|ids| !ids.is_empty());
    let (offered, detail) = (&row.offered, &row.offered.detail);
    let common = Patch {
        product: given(&offered.product),
        classification: given(&offered.classification),
        release_date: offered.released_at,
        cve_ids: listed(&detail.cve_ids),
        ..Patch::default()
    };
    if let Some(update) = &detail.update {
        return Patch {
            id: given(&update.id),
            title: given(&update.title),
            vendor: Some("Microsoft".to_owned()),
            product_family: update.product_families.first().cloned(),
            msrc_severity: Some(msrc_severity(&row).to_owned()),
            kb_number: update.kb_ids.first().cloned(),
            msrc_number: update.bulletin_ids.first().cloned(),
            language: Some("All".to_owned()),
            ..common
        };
    }
    let evr = Evr::parse(&offered.version);
    Patch {
        epoch: Some(evr.epoch_or_zero().parse().unwrap_or(i32::MAX)),
        version: Some(evr.version.to_owned()),
        release: given(evr.release),
        severity: given(&offered.severity),
        repository: given(&offered.repository),
        advisory_ids: listed(&detail.advisory_ids),
        bugzilla_ids: listed(&detail.bugzilla_ids),
        arch: given(&offered.arch),
        name: given(&offered.name),
        ..common
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::patch::offered::Offered;

    #[test]
    fn versions_fall_apart_as_their_manager_reads_them() {
        let check = |text: &str, epoch, upstream: &str, release: Option<&str>| {
            let offered = Offered {
                product: "Debian12".to_owned(),
                name: "a".to_owned(),
                arch: "all".to_owned(),
                version: text.to_owned(),
                repository: String::new(),
                classification: String::new(),
                severity: String::new(),
                released_at: None,
                detail: Default::default(),
            };
            let patch = to_wire(AvailablePatch { kind: AvailableKind::Linux, offered });
            assert_eq!(
                (patch.epoch, patch.version.as_deref(), patch.release.as_deref()),
                (Some(epoch), Some(upstream), release),
                "{text}"
            );
        };
        check("1.2", 0, "1.2", None);
        check("1:2.3-4+deb12u1", 1, "2.3", Some("4+deb12u1"));
        check("2.0-rc1-3", 0, "2.0-rc1", Some("3"));
    }
}
