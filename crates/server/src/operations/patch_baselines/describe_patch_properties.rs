//! DescribePatchProperties: the values that baselines of a system may filter on: what the catalogue knows, and the
//! products that nodes were seen to run.
//! Source: API reference, DescribePatchProperties; spec patch-manager 1.3 and 6.3.

use std::collections::BTreeMap;

use api::ssm::{self, DescribePatchPropertiesRequest, DescribePatchPropertiesResult};
use domain::catalogue::{self, PatchSet, Property};
use domain::os::OperatingSystem;

use store::available_patches::{self, AvailableKind};

use super::DEFAULT_PAGE;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribePatchProperties";

pub async fn describe_patch_properties(
    ctx: &Ctx,
    request: DescribePatchPropertiesRequest,
) -> Result<DescribePatchPropertiesResult, ApiError> {
    let os = super::operating_system(Some(&request.operating_system))?;
    let property = property(&request.property)?;
    let patch_set = patch_set(os, request.patch_set.as_ref())?;
    let values = catalogue::property_values(os, property, patch_set)
        .ok_or_else(|| error::validation(format!("{os} has no property {}", request.property.as_str())))?;

    let mut values: Vec<String> = values.into_iter().map(str::to_owned).collect();
    if property == Property::Product {
        values.extend(seen_products(ctx, os, patch_set, &values).await?);
    }

    let scope = (os.as_str(), request.property.as_str(), &request.patch_set);
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, OPERATION, &scope, request.next_token.as_deref(), size)?;
    let start = match &page.after {
        Some(last) => values.iter().position(|value| value == last).map_or(values.len(), |at| at + 1),
        None => 0,
    };
    let rest = values.get(start..).unwrap_or_default().to_vec();
    let cut = page.cut(ctx, rest, String::clone);
    let named = |value: &String| BTreeMap::from([("Name".to_owned(), value.clone())]);
    Ok(DescribePatchPropertiesResult {
        properties: Some(cut.rows.iter().map(named).collect()),
        next_token: cut.next_token,
    })
}

/// Products of this system that the catalogue does not list, sorted.
async fn seen_products(
    ctx: &Ctx,
    os: OperatingSystem,
    patch_set: Option<PatchSet>,
    known: &[String],
) -> Result<Vec<String>, ApiError> {
    let is_windows = os == OperatingSystem::Windows;
    let kind = if is_windows { AvailableKind::Windows } else { AvailableKind::Linux };
    let mut tx = ctx.store.read().await?;
    let mut seen = available_patches::products(&mut tx, (&ctx.account, &ctx.region), kind).await?;
    seen.retain(|product| {
        let is_of_system = match is_windows {
            // An unknown product of Microsoft's is an application.
            true => patch_set != Some(PatchSet::Os) && catalogue::windows_patch_set(product).is_none(),
            false => catalogue::system(os).is_product_form(product) && !is_of_another(os, product),
        };
        is_of_system && !known.contains(product)
    });
    Ok(seen)
}

/// `AmazonLinux2` is written like a release of Amazon Linux 1.
fn is_of_another(os: OperatingSystem, product: &str) -> bool {
    let lists = |other: OperatingSystem| {
        let products = catalogue::property_values(other, Property::Product, None);
        products.is_some_and(|products| products.contains(&product))
    };
    OperatingSystem::ALL.into_iter().any(|other| other != os && lists(other))
}

fn property(wire: &ssm::PatchProperty) -> Result<Property, ApiError> {
    match wire {
        ssm::PatchProperty::Product => Ok(Property::Product),
        ssm::PatchProperty::ProductFamily => Ok(Property::ProductFamily),
        ssm::PatchProperty::Classification => Ok(Property::Classification),
        ssm::PatchProperty::MsrcSeverity => Ok(Property::MsrcSeverity),
        ssm::PatchProperty::Priority => Ok(Property::Priority),
        ssm::PatchProperty::Severity => Ok(Property::Severity),
        ssm::PatchProperty::Unknown(text) => Err(error::validation(format!("`{text}` is not a property"))),
    }
}

/// Only Windows has patches of applications; elsewhere everything is the system's.
fn patch_set(os: OperatingSystem, wire: Option<&ssm::PatchSet>) -> Result<Option<PatchSet>, ApiError> {
    match wire {
        None => Ok(None),
        Some(ssm::PatchSet::Os) => Ok(Some(PatchSet::Os)),
        Some(ssm::PatchSet::Application) if os == OperatingSystem::Windows => Ok(Some(PatchSet::Application)),
        Some(set) => {
            Err(error::validation(format!("PatchSet {} applies to WINDOWS only, not to {os}", set.as_str())))
        }
    }
}
