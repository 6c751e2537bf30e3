//! Who may do what: root everything, users what their policies allow, nodes a few things, those about themselves alone.
//! What a policy says is `domain::policy`'s; which resources a request is about stands in `resources`.
//! Source: systems-manager.md 19.2; agent-protocol.md 1.5.

mod resources;
#[cfg(test)]
mod tests;

use api::ssm::ErrorCode;
use domain::ids::NodeId;
use domain::policy::{self, Policy, Question, Verdict};
use domain::principal::Principal;
use serde::Deserialize;
use store::commands::CommandKey;
use store::tags::{self, Tagged};
use store::{StoreError, Tx, invocations, users};

use super::Service;
use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use resources::Resource;

/// What a node may do with its temporary credentials, always about itself.
const NODE_OPERATIONS: &[&str] = &[
    "GetDeployablePatchSnapshotForInstance",
    "GetDocument",
    "DescribeDocument",
    "GetParameter",
    "GetParameters",
    "ListInstanceAssociations",
    "UpdateInstanceAssociationStatus",
    "GetManifest",
    "PutConfigurePackageResult",
    "PutInventory",
    "PutComplianceItems",
    "UpdateInstanceInformation",
    "PutNodeFacts",
    "RefreshAssociations",
    "GetAgentBuild",
    "GetAgentBuildKey",
    "ResolvePatchSnapshot",
    "PutPatchPlan",
    "PutPatchExecution",
    "GetPatchExecution",
];

/// The calls a node signs with its own key instead.
pub const NODE_KEY_OPERATIONS: &[&str] =
    &["RequestManagedInstanceRoleToken", "UpdateManagedInstancePublicKey"];

/// The calls that nobody signs: an activation, a code, a password or a cookie is the proof.
pub const UNSIGNED_OPERATIONS: &[(Service, &str)] = &[
    (Service::Ssm, "RegisterManagedInstance"),
    (Service::Fettle, "CreateSession"),
    (Service::Fettle, "StartPasskeySignIn"),
    (Service::Fettle, "RefreshSession"),
    (Service::Fettle, "EndSession"),
];

/// Of more nodes the tags are read with one statement.
const LOOKED_UP_ONE_BY_ONE: usize = 50;

/// What everybody may do who is signed in, since it is about nobody else.
const OWN_OPERATIONS: &[&str] = &[
    "ChangePassword",
    "StartPasskeyRegistration",
    "RegisterPasskey",
    "ListPasskeys",
    "UpdatePasskey",
    "DeletePasskey",
];

/// The members in which a request names the node it is about.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NamedNode {
    instance_id: Option<String>,
    destination: Option<String>,
    resource_id: Option<String>,
}

pub async fn authorise(ctx: &Ctx, service: Service, operation: &str, body: &[u8]) -> Result<(), ApiError> {
    let action = format!("{}:{operation}", service.signing_name().unwrap_or_default());
    match &ctx.caller {
        // Those who need not sign, and the server itself.
        Caller::Anonymous => Ok(()),
        Caller::User { arn, .. } if service == Service::Mds => Err(error::access_denied(arn, &action, "*")),
        Caller::User { .. } => {
            let Some(rights) = Rights::of_caller(ctx).await? else { return Ok(()) };
            if service == Service::Fettle && OWN_OPERATIONS.contains(&operation) {
                return Ok(());
            }
            let resources = resources::of_request(ctx, service, operation, body)?;
            let mut tx = ctx.store.read_each().await?;
            rights.require(ctx, &mut tx, &action, &resources).await
        }
        Caller::Node { node, .. } => of_node(ctx, node, service, operation, body, &action),
    }
}

/// For nodes that are known only once the targets of a request are looked up.
pub async fn require_nodes(
    ctx: &Ctx,
    tx: &mut Tx,
    action: &str,
    nodes: impl Iterator<Item = &NodeId>,
) -> Result<(), ApiError> {
    let Some(rights) = Rights::of_caller(ctx).await? else { return Ok(()) };
    let resources: Vec<Resource> = nodes.map(|node| resources::node(ctx, node.as_str())).collect();
    rights.require(ctx, tx, action, &resources).await
}

/// For every node that a command was made for: who may not order it there may not call it off or send it on there either.
pub async fn require_command(
    ctx: &Ctx,
    tx: &mut Tx,
    action: &str,
    command: &CommandKey,
) -> Result<(), ApiError> {
    let Some(rights) = Rights::of_caller(ctx).await? else { return Ok(()) };
    let nodes = invocations::list_nodes(tx, command).await?;
    let mut resources: Vec<Resource> = nodes.iter().map(|node| resources::node(ctx, node.as_str())).collect();
    if resources.is_empty() {
        resources.push(Resource::plain("*".to_owned()));
    }
    rights.require(ctx, tx, action, &resources).await
}

/// For what has no tags, such as objects.
pub async fn require(ctx: &Ctx, action: &str, arn: String) -> Result<(), ApiError> {
    let Some(rights) = Rights::of_caller(ctx).await? else { return Ok(()) };
    let mut tx = ctx.store.read_each().await?;
    rights.require(ctx, &mut tx, action, &[Resource::plain(arn)]).await
}

/// For a document that a request has sent to nodes beside what it is about, such as a hook or a probe.
pub async fn require_document(ctx: &Ctx, name: &str) -> Result<(), ApiError> {
    require(ctx, "ssm:SendCommand", resources::document(ctx, "document", name)).await
}

/// For everything whose ARN begins so.
pub async fn require_within(ctx: &Ctx, action: &str, prefix: String) -> Result<(), ApiError> {
    let Some(rights) = Rights::of_caller(ctx).await? else { return Ok(()) };
    let mut tx = ctx.store.read_each().await?;
    rights.require(ctx, &mut tx, action, &[Resource::within(prefix)]).await
}

/// For parameters that something refers to.
pub async fn require_parameters(
    ctx: &Ctx,
    tx: &mut Tx,
    action: &str,
    names: impl Iterator<Item = &str>,
) -> Result<(), ApiError> {
    let Some(rights) = Rights::of_caller(ctx).await? else { return Ok(()) };
    let resources: Vec<Resource> = names.map(|name| resources::parameter(ctx, name)).collect();
    rights.require(ctx, tx, action, &resources).await
}

/// As refusals show it.
pub fn parameter_arn(ctx: &Ctx, name: &str) -> String {
    resources::parameter(ctx, name).shown()
}

/// Whether nothing is forbidden to the caller.
pub fn is_root(ctx: &Ctx) -> bool {
    matches!(Principal::of_arn(ctx.caller.arn(), &ctx.account), Some(Principal::Root))
}

/// What a user's policies say at the moment.
struct Rights {
    arn: String,
    user_name: String,
    policies: Vec<Policy>,
}

impl Rights {
    /// `None`: whoever may do everything. Who is no user any more may do nothing.
    async fn of_caller(ctx: &Ctx) -> Result<Option<Self>, ApiError> {
        let Caller::User { arn, .. } = &ctx.caller else { return Ok(None) };
        let mut rights = Self { arn: arn.clone(), user_name: String::new(), policies: vec![] };
        let name = match Principal::of_arn(arn, &ctx.account) {
            Some(Principal::Root) => return Ok(None),
            Some(Principal::User(name)) => name,
            None => return Ok(Some(rights)),
        };
        let user = users::find(&mut ctx.store.read_each().await?, &ctx.account, &name).await?;
        for (policy, text) in
            user.filter(|user| user.disabled_at.is_none()).into_iter().flat_map(|u| u.policies)
        {
            let parsed = Policy::parse(&text).map_err(|error| {
                StoreError::Corrupt(format!("policy `{policy}` of user `{name}` is not understood: {error}"))
            })?;
            rights.policies.push(parsed);
        }
        rights.user_name = name.into();
        Ok(Some(rights))
    }

    /// Every one of them must be allowed.
    async fn require(
        &self,
        ctx: &Ctx,
        tx: &mut Tx,
        action: &str,
        resources: &[Resource],
    ) -> Result<(), ApiError> {
        // One look for many nodes, as many looks as there are for few.
        let nodes = resources.iter().filter(|resource| resource.node.is_some()).count();
        let all = match nodes > LOOKED_UP_ONE_BY_ONE {
            true => Some(tags::list_of_type(tx, tagged(ctx, "")).await?),
            false => None,
        };
        for resource in resources {
            let tags = match (&resource.node, &all) {
                (None, _) => match &resource.parameter {
                    Some(key) => tags::list(tx, of_parameter(ctx, key)).await?.into_iter().collect(),
                    None => vec![],
                },
                (Some(node), Some(all)) => {
                    all.get(node).cloned().unwrap_or_default().into_iter().collect::<Vec<_>>()
                }
                (Some(node), None) => tags::list(tx, tagged(ctx, node)).await?.into_iter().collect(),
            };
            let user_name = &self.user_name;
            let question = Question { action, resource: resource.asked(), user_name, tags: &tags };
            match policy::judge(&self.policies, &question) {
                Verdict::Allowed => {}
                Verdict::NotAllowed => {
                    return Err(error::access_denied(&self.arn, action, &resource.shown()));
                }
                Verdict::Denied => return Err(error::access_forbidden(&self.arn, action, &resource.shown())),
            }
        }
        Ok(())
    }
}

fn tagged<'a>(ctx: &'a Ctx, node: &'a str) -> Tagged<'a> {
    Tagged { account: &ctx.account, region: &ctx.region, resource_type: "ManagedInstance", resource_id: node }
}

fn of_parameter<'a>(ctx: &'a Ctx, key: &'a str) -> Tagged<'a> {
    Tagged { account: &ctx.account, region: &ctx.region, resource_type: "Parameter", resource_id: key }
}

fn of_node(
    ctx: &Ctx,
    node: &NodeId,
    service: Service,
    operation: &str,
    body: &[u8],
    action: &str,
) -> Result<(), ApiError> {
    let is_key_call = NODE_KEY_OPERATIONS.contains(&operation);
    if service != Service::Mds && !is_key_call && !NODE_OPERATIONS.contains(&operation) {
        return Err(error::access_denied(ctx.caller.arn(), action, "*"));
    }
    // Strict on purpose: a body that names a node twice must not pass by its other name.
    let named: NamedNode = serde_json::from_slice(body)
        .map_err(|error| ApiError::new(ErrorCode::SerializationException, error.to_string()))?;
    for id in [named.instance_id, named.destination, named.resource_id].into_iter().flatten() {
        if id != node.as_str() {
            return Err(error::access_denied(ctx.caller.arn(), action, &id));
        }
    }
    Ok(())
}
