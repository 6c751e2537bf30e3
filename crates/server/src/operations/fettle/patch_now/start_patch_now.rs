//! StartPatchNow: an association, its one run and the command of that run, in one transaction; nodes are told after it.

use std::collections::BTreeMap;

use api::fettle::{
    ErrorCode, PatchNowExclusion, PatchNowOrder, PatchNowRebootOption, PatchOperation, StartPatchNowRequest,
    StartPatchNowResponse,
};
use api::ssm::{
    self, AssociationComplianceSeverity, AssociationSyncCompliance, DocumentType,
    InstanceAssociationOutputLocation, S3OutputLocation,
};
use domain::association::Counts;
use domain::ids::{AssociationId, CommandId, NodeId};
use domain::patch_now;
use store::associations::executions;
use store::associations::{self, Association, AssociationKey, Settings};
use store::nodes::Node;
use store::{StoreError, Tx};

use super::targets::Addressed;
use super::{add_rollout, to_wire};
use crate::associations::{request as command_of, write_run};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::groups;
use crate::keyring::random;
use crate::operations::associations::MAX_ASSOCIATIONS;
use crate::operations::commands::check_output;
use crate::operations::commands::make::{self, Origin};
use crate::operations::commands::targets::matching;
use crate::operations::documents;
use crate::operations::permission;
use crate::quick_setup::policies_here;
use crate::rollouts::{self, Staged};

const HOURS: i32 = 24;
const ALL_ERRORS: &str = "100%";

pub async fn start_patch_now(
    ctx: &Ctx,
    request: StartPatchNowRequest,
) -> Result<StartPatchNowResponse, ApiError> {
    let order = request.order;
    let addressed = Addressed::parse(&order.targets)?;
    let mut association = association(ctx, &order)?;
    check_hooks(ctx, &order).await?;
    let staged = staged(ctx, &order).await?;
    let run = CommandId::mint(random());
    let origin = Origin::Association { id: &association.key.id, run: &run };
    let prepared = make::prepare(ctx, &command_of(&association), &origin).await.map_err(in_own_words)?;

    // By locks: all rows it writes are its own and new.
    let mut tx = ctx.store.write_by_locks().await?;
    let output = (order.output_s3_bucket_name.as_deref(), order.output_s3_key_prefix.as_deref());
    check_output(ctx, &mut tx, output, ssm::ErrorCode::ValidationException).await?;
    if associations::count(&mut tx, (&ctx.account, &ctx.region)).await? >= MAX_ASSOCIATIONS {
        let message =
            format!("there are {MAX_ASSOCIATIONS} associations, which is the limit: delete some first");
        return Err(ApiError::new(ErrorCode::LimitExceededException, message));
    }
    let nodes = addressed.resolve(ctx, &mut tx).await?;
    permission::require_nodes(ctx, &mut tx, "fettle:StartPatchNow", nodes.iter().map(|node| &node.id))
        .await?;
    let (nodes, excluded) = without_policies(ctx, &mut tx, nodes).await?;
    let by_tag = addressed.count_by_tag(ctx, &mut tx).await?;
    let settings = &mut association.settings;
    settings.targets = Some(addressed.to_association(&nodes, &by_tag));
    let limits = patch_now::limits(&order.operation, nodes.len());
    settings.max_concurrency.get_or_insert_with(|| limits.max_concurrency.to_string());
    let errors = match &staged {
        None => limits.max_errors.to_string(),
        // The gates say how many are too many.
        Some(staged) => {
            rollouts::refuse_hopeless(ctx, &mut tx, staged, &nodes).await?;
            ALL_ERRORS.to_owned()
        }
    };
    settings.max_errors.get_or_insert(errors);
    associations::insert(&mut tx, &association).await?;
    let of = (&prepared, run.clone(), staged.as_ref());
    let written = write_run(ctx, &mut tx, &association, of, nodes).await?;
    let written = written.ok_or(StoreError::Conflict)?;
    let made = executions::find(&mut tx, &association.key, run.as_str()).await?;
    let made = made.ok_or_else(|| StoreError::Corrupt("a run that was just made is not there".to_owned()))?;
    tx.commit().await?;

    written.tell(&ctx.app, ctx.now).await?;
    let mut patch_now = to_wire(&association, &made);
    if staged.is_some() {
        let key = made.command();
        rollouts::drive(&ctx.app, &key, ctx.now).await?;
        let mut tx = ctx.store.read().await?;
        add_rollout(&mut tx, &mut patch_now, &key, ctx.now).await?;
    }
    Ok(StartPatchNowResponse { patch_now, excluded })
}

/// The order's rings; what they rule out is refused.
async fn staged(ctx: &Ctx, order: &PatchNowOrder) -> Result<Option<Staged>, ApiError> {
    let Some(given) = &order.rollout else { return Ok(None) };
    let refusal = |message: &str| Err(error::validation(message.to_owned()));
    if order.operation == PatchOperation::Scan {
        return refusal("Rollout is about an installation; a Scan changes nothing: leave it out");
    }
    if order.for_hours.is_some() {
        return refusal("ForHours cannot be had together with a Rollout: EndsAfterHours of it says the same");
    }
    if order.max_errors.is_some() {
        return refusal(
            "MaxErrors cannot be had together with a Rollout: the Gates of its rings say what may fail",
        );
    }
    let staged = rollouts::check(ctx, given).await?;
    let stays_up = order.reboot_option == Some(PatchNowRebootOption::NoReboot);
    if let Some(ring) = staged.plan.rings.iter().find(|ring| stays_up && ring.gates.nodes_back) {
        return Err(error::validation(format!(
            "Rings: `{}`: NodesBack asks for restarts that NoReboot rules out: leave one of them out",
            ring.name
        )));
    }
    Ok(Some(staged))
}

/// Nodes of a patch policy are patched by its baselines, and by it alone: by others their status would flip.
async fn without_policies(
    ctx: &Ctx,
    tx: &mut Tx,
    nodes: Vec<Node>,
) -> Result<(Vec<Node>, Vec<PatchNowExclusion>), ApiError> {
    let mut of_policies: BTreeMap<NodeId, String> = BTreeMap::new();
    // A few, each with one look.
    for policy in policies_here(ctx, tx).await? {
        let targets = groups::resolve_what_is_there(tx, (&ctx.account, &ctx.region), &policy.targets).await?;
        for node in matching(ctx, tx, &targets).await? {
            of_policies.entry(node.id).or_insert_with(|| policy.name.clone());
        }
    }
    let (excluded, nodes): (Vec<Node>, Vec<Node>) =
        nodes.into_iter().partition(|node| of_policies.contains_key(&node.id));
    let excluded: Vec<PatchNowExclusion> = excluded
        .into_iter()
        .filter_map(|node| {
            let patch_policy_name = of_policies.remove(&node.id)?;
            Some(PatchNowExclusion { instance_id: node.id.to_string(), patch_policy_name })
        })
        .collect();
    match (nodes.is_empty(), excluded.first()) {
        (true, Some(first)) => Err(error::validation(format!(
            "all nodes that match are left to patch policies, `{}` to `{}`: StartAssociationsOnce runs a policy's \
             associations now",
            first.instance_id, first.patch_policy_name
        ))),
        _ => Ok((nodes, excluded)),
    }
}

/// Runs never by itself: it has no schedule, and waits for one.
fn association(ctx: &Ctx, order: &PatchNowOrder) -> Result<Association, ApiError> {
    let (document, parameters) =
        patch_now::document(order).map_err(|error| error::validation(error.to_string()))?;
    let bucket = order.output_s3_bucket_name.clone().filter(|bucket| !bucket.is_empty());
    let output = bucket.map(|bucket| InstanceAssociationOutputLocation {
        s3_location: Some(S3OutputLocation {
            output_s3_bucket_name: Some(bucket),
            output_s3_key_prefix: order.output_s3_key_prefix.clone(),
            ..S3OutputLocation::default()
        }),
    });
    let settings = Settings {
        name: document.to_owned(),
        document_version: Some("$DEFAULT".to_owned()),
        parameters: Some(parameters),
        association_name: Some(patch_now::ASSOCIATION_NAME.to_owned()),
        output_location: output,
        max_concurrency: order.max_concurrency.clone(),
        max_errors: order.max_errors.clone(),
        compliance_severity: Some(AssociationComplianceSeverity::Unspecified),
        // That one order failed once says nothing of how the node stands: its patch report does.
        sync_compliance: Some(AssociationSyncCompliance::Manual),
        apply_only_at_cron_interval: Some(true),
        // A rollout says itself when it ends.
        duration: order.rollout.is_none().then(|| order.for_hours.unwrap_or(HOURS)),
        ..Settings::default()
    };
    let id = AssociationId::mint(random());
    Ok(Association {
        key: AssociationKey { account: ctx.account.clone(), region: ctx.region.clone(), id },
        version: 1,
        settings,
        legacy_status: None,
        created_at: ctx.now,
        updated_at: ctx.now,
        runs_made: 0,
        next_run_at: None,
        last_run_at: None,
        last_success_at: None,
        counts: Counts::default(),
        made_by: ctx.caller.user_arn().map(str::to_owned),
    })
}

/// A hook that nobody can run is said now, not by each node.
async fn check_hooks(ctx: &Ctx, order: &PatchNowOrder) -> Result<(), ApiError> {
    for (member, _, document) in patch_now::hooks(order) {
        permission::require_document(ctx, document).await?;
        let found = documents::find(ctx, document, None, None).await.map_err(in_own_words)?;
        if found.document_type() != DocumentType::Command {
            let kind = found.document_type();
            return Err(error::validation(format!(
                "{member}: `{document}` is a {kind} document; only Command ones run"
            )));
        }
        // The agent refuses them too; a run within a run would wait for itself.
        if patch_now::is_patching(found.document.name.as_str()) {
            return Err(error::validation(format!(
                "{member}: `{document}` patches, so that it cannot be a hook"
            )));
        }
    }
    Ok(())
}

/// This service declares other codes than State Manager and Run Command: what they refuse is what the request says.
fn in_own_words(error: ApiError) -> ApiError {
    if error.code.status >= 500 || error.is_conflict() {
        return error;
    }
    let is_missing = [ssm::ErrorCode::InvalidDocument, ssm::ErrorCode::InvalidDocumentVersion]
        .into_iter()
        .any(|code| error.code.name == code.as_str());
    match is_missing {
        true => super::not_found(error.message),
        false => error::validation(error.message),
    }
}
