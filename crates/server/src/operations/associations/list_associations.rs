//! ListAssociations: the associations of an account and region, by id.
//! Source: API reference, ListAssociations; systems-manager.md 3.3.

use api::Timestamp;
use api::ssm::{
    self, AssociationFilter, AssociationFilterKey, ListAssociationsRequest, ListAssociationsResult,
};
use domain::target::Targets;
use store::associations::Association;

use super::{DEFAULT_PAGE, all, overview, reference};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};

pub async fn list_associations(
    ctx: &Ctx,
    request: ListAssociationsRequest,
) -> Result<ListAssociationsResult, ApiError> {
    let filters = request.association_filter_list.unwrap_or_default();
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "ListAssociations", &filters, request.next_token.as_deref(), size)?;
    let conditions: Vec<Condition> =
        filters.iter().map(|filter| Condition::read(ctx, filter)).collect::<Result<_, _>>()?;

    let mut tx = ctx.store.read().await?;
    let mut rows = all(ctx, &mut tx).await?;
    rows.retain(|row| {
        page.after.as_deref().is_none_or(|after| row.key.id.as_str() > after)
            && conditions.iter().all(|condition| condition.holds(row))
    });
    let cut = page.cut(ctx, rows, |row| row.key.id.to_string());
    Ok(ListAssociationsResult {
        associations: Some(cut.rows.into_iter().map(to_wire).collect()),
        next_token: cut.next_token,
    })
}

enum Condition {
    Node(String),
    Document(String),
    Id(String),
    Status(String),
    Name(String),
    ExecutedBefore(Timestamp),
    ExecutedAfter(Timestamp),
    Group(String),
    /// There are no cloud connectors: no association is about one.
    Nothing,
}

impl Condition {
    fn read(ctx: &Ctx, filter: &AssociationFilter) -> Result<Self, ApiError> {
        let value = filter.value.clone();
        let time = || {
            let invalid = || {
                let key = filter.key.as_str();
                error::validation(format!("{key}: `{value}` is not a time such as 2026-01-31T12:00:00Z"))
            };
            Timestamp::parse(&value).ok_or_else(invalid)
        };
        Ok(match filter.key {
            AssociationFilterKey::InstanceId => Self::Node(value),
            AssociationFilterKey::Name => Self::Document(reference(ctx, &value)),
            AssociationFilterKey::AssociationId => Self::Id(value.to_ascii_lowercase()),
            AssociationFilterKey::AssociationStatusName => Self::Status(value),
            AssociationFilterKey::AssociationName => Self::Name(value),
            AssociationFilterKey::LastExecutedBefore => Self::ExecutedBefore(time()?),
            AssociationFilterKey::LastExecutedAfter => Self::ExecutedAfter(time()?),
            AssociationFilterKey::ResourceGroupName => Self::Group(value),
            _ => Self::Nothing,
        })
    }

    fn holds(&self, row: &Association) -> bool {
        let settings = &row.settings;
        match self {
            Self::Node(node) => settings.instance_id.as_ref() == Some(node),
            Self::Document(name) => settings.name == *name,
            Self::Id(id) => row.key.id.as_str() == id,
            Self::Status(status) => overview(&row.counts).status.as_ref() == Some(status),
            Self::Name(name) => settings.association_name.as_ref() == Some(name),
            Self::ExecutedBefore(at) => row.last_run_at.is_some_and(|ran_at| ran_at < *at),
            Self::ExecutedAfter(at) => row.last_run_at.is_some_and(|ran_at| ran_at > *at),
            Self::Group(name) => {
                let targets = settings.targets.as_deref().unwrap_or_default();
                Targets::parse(targets)
                    .is_ok_and(|targets| targets.group().is_some_and(|of| of.name == *name))
            }
            Self::Nothing => false,
        }
    }
}

fn to_wire(association: Association) -> ssm::Association {
    let settings = association.settings;
    ssm::Association {
        name: Some(settings.name),
        instance_id: settings.instance_id,
        association_id: Some(association.key.id.to_string()),
        association_version: Some(association.version.to_string()),
        document_version: settings.document_version,
        targets: settings.targets,
        last_execution_date: association.last_run_at,
        overview: Some(overview(&association.counts)),
        schedule_expression: settings.schedule_expression,
        association_name: settings.association_name,
        schedule_offset: settings.schedule_offset,
        duration: settings.duration,
        ..ssm::Association::default()
    }
}
