//! ListGroups: the groups of a region, by name. Each filter must hold, by one of its values.
//! Source: API reference, ListGroups.

use api::resourcegroups::{GroupFilter, GroupFilterName, GroupIdentifier, ListGroupsInput, ListGroupsOutput};
use store::resource_groups::{self as rows, Group};

use super::{DEFAULT_PAGE, arn, check, open_page, to_wire, token};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::page_size;

pub async fn list_groups(ctx: &Ctx, request: ListGroupsInput) -> Result<ListGroupsOutput, ApiError> {
    let filters = request.filters.unwrap_or_default();
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = open_page(ctx, "ListGroups", &filters, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read().await?;
    let mut groups = rows::list(&mut tx, (&ctx.account, &ctx.region)).await?;
    drop(tx);
    groups.retain(|group| {
        page.after.as_ref().is_none_or(|after| group.key.name > *after)
            && filters.iter().all(|filter| holds(filter, group))
    });
    let cut = page.cut(ctx, groups, |group| group.key.name.clone());
    Ok(ListGroupsOutput {
        group_identifiers: Some(cut.rows.iter().map(identifier).collect()),
        groups: Some(cut.rows.iter().map(to_wire).collect()),
        next_token: token(cut.next_token),
    })
}

fn identifier(group: &Group) -> GroupIdentifier {
    let settings = group.settings.clone();
    GroupIdentifier {
        group_name: Some(group.key.name.clone()),
        group_arn: Some(arn(&group.key)),
        description: settings.description,
        criticality: settings.criticality,
        owner: settings.owner,
        display_name: settings.display_name,
    }
}

fn holds(filter: &GroupFilter, group: &Group) -> bool {
    let settings = &group.settings;
    let has = |text: &str| filter.values.iter().any(|value| value == text);
    let has_one = |text: &Option<String>| text.as_deref().is_some_and(has);
    match filter.name {
        GroupFilterName::ResourceType => match &settings.query {
            Some(query) => check::query(query).is_ok_and(|query| query.types().iter().any(|name| has(name))),
            None => check::parameter(settings, check::ALLOWED_TYPES)
                .is_some_and(|types| types.iter().any(|name| has(name))),
        },
        GroupFilterName::ConfigurationType => {
            settings.configuration.iter().flatten().any(|item| has(&item.r#type))
        }
        GroupFilterName::Owner => has_one(&settings.owner),
        GroupFilterName::DisplayName => has_one(&settings.display_name),
        GroupFilterName::Criticality => settings.criticality.is_some_and(|number| has(&number.to_string())),
        // The constraint check lets none through.
        GroupFilterName::Unknown(_) => false,
    }
}
