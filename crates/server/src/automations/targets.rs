//! The targets of an execution that starts others: each with the parameters that it stands for.
//! Source: systems-manager.md 0.7 and 7.3.

use std::collections::BTreeMap;

use api::ssm::{ErrorCode, StartAutomationExecutionRequest, Target};
use domain::automation::{Runbook, TargetValues};
use domain::target::Targets;

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::commands;

/// Of one execution.
const MOST_TARGETS: usize = 10_000;
const VALUES: &str = "ParameterValues";

type Named = Vec<(String, TargetValues)>;

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidTarget, message)
}

/// `None` for an execution without targets.
pub async fn resolve(
    ctx: &Ctx,
    request: &StartAutomationExecutionRequest,
    runbook: &Runbook,
) -> Result<Option<Named>, ApiError> {
    let parameters =
        |message: String| ApiError::new(ErrorCode::InvalidAutomationExecutionParametersException, message);
    let declares = |name: &str| runbook.parameters.iter().any(|parameter| parameter.name == name);
    let targets = request.targets.as_deref().unwrap_or_default();
    let maps = request.target_maps.as_deref().unwrap_or_default();
    let name = request.target_parameter_name.as_deref();
    if let Some(name) = name.filter(|name| !declares(name)) {
        return Err(parameters(format!("TargetParameterName: the runbook declares no parameter `{name}`")));
    }
    match (targets, maps, name) {
        ([], [], None) => Ok(None),
        ([], [], Some(_)) => Err(parameters("TargetParameterName needs Targets".to_owned())),
        ([_, ..], [_, ..], _) => Err(invalid("give Targets or TargetMaps, not both")),
        ([], maps, _) => maps.iter().map(|map| named(map, declares)).collect::<Result<_, _>>().map(Some),
        (_, [], None) => Err(parameters("Targets need TargetParameterName".to_owned())),
        (targets, [], Some(name)) => {
            let values = values(ctx, targets).await?;
            let one = |value: String| (value.clone(), BTreeMap::from([(name.to_owned(), vec![value])]));
            Ok(Some(values.into_iter().map(one).collect()))
        }
    }
}

/// A target of several parameters is called by its values.
fn named(
    map: &BTreeMap<String, Vec<String>>,
    declares: impl Fn(&str) -> bool,
) -> Result<(String, TargetValues), ApiError> {
    if let Some(unknown) = map.keys().find(|name| !declares(name)) {
        return Err(invalid(format!("TargetMaps: the runbook declares no parameter `{unknown}`")));
    }
    let name = map.iter().map(|(name, values)| format!("{name}={}", values.join(",")));
    Ok((name.collect::<Vec<_>>().join(" "), map.clone()))
}

/// Those that are written there, or the ids of the nodes that are meant at this moment.
async fn values(ctx: &Ctx, targets: &[Target]) -> Result<Vec<String>, ApiError> {
    if let [target] = targets
        && target.key.as_deref() == Some(VALUES)
    {
        let mut values = target.values.clone().unwrap_or_default();
        let mut seen = std::collections::BTreeSet::new();
        values.retain(|value| seen.insert(value.clone()));
        return match values.is_empty() {
            true => Err(invalid("ParameterValues has no values")),
            false => Ok(values),
        };
    }
    let targets = Targets::parse(targets).map_err(|error| invalid(error.to_string()))?;
    let mut tx = ctx.store.read().await?;
    let scope = (&ctx.account, &ctx.region);
    let nodes = commands::select_ids(&mut tx, scope, &targets, ctx.now, MOST_TARGETS + 1).await;
    let nodes = nodes.map_err(|error| match error.code.name {
        // A resource group that is not there.
        "ValidationException" => invalid(error.message),
        _ => error,
    })?;
    match nodes.len() {
        0 => Err(invalid("Targets: no node is meant")),
        count if count > MOST_TARGETS => {
            Err(invalid(format!("Targets: more than {MOST_TARGETS} nodes are meant")))
        }
        _ => Ok(nodes.into_iter().map(|node| node.to_string()).collect()),
    }
}
