//! The dispatcher: permission, then one exhaustive match from operation to handler.

pub mod associations;
pub mod automations;
pub mod calendars;
pub mod commands;
pub mod compliance;
pub mod documents;
pub mod fettle;
pub mod idempotency;
pub mod inventory;
pub mod messages;
pub mod nodes;
pub mod packages;
pub mod page;
pub mod patch_baselines;
pub mod patch_states;
pub mod permission;
pub mod quick_setup;
pub mod sts;
pub mod tags;
pub mod windows;

use api::ssm::Operation;
use api::{mds, quicksetup};
use serde::Serialize;

use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use permission::authorise;
pub use permission::{NODE_KEY_OPERATIONS, UNSIGNED_OPERATIONS};

/// A handler that met a concurrent transaction runs again this often.
const ATTEMPTS: u32 = 16;

/// As credential scopes and ARNs name it.
pub const QUICK_SETUP: &str = "ssm-quicksetup";

/// The services of this port that are chosen by headers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Ssm,
    /// The agents' long poll.
    Mds,
    /// Our own.
    Fettle,
    Sts,
    /// By method and path.
    QuickSetup,
    Unknown,
}

impl Service {
    pub fn of_target(prefix: &str) -> Option<Self> {
        match prefix {
            "AmazonSSM" => Some(Self::Ssm),
            "EC2WindowsMessageDeliveryService" => Some(Self::Mds),
            "Fettle" => Some(Self::Fettle),
            _ => None,
        }
    }

    /// As in the credential scope and in IAM actions.
    pub fn signing_name(self) -> Option<&'static str> {
        match self {
            Self::Ssm => Some("ssm"),
            Self::Mds => Some("ec2messages"),
            Self::Fettle => Some("fettle"),
            Self::Sts => Some("sts"),
            Self::QuickSetup => Some(QUICK_SETUP),
            Self::Unknown => None,
        }
    }
}

/// The operation's name for logs and metrics: of what is served only, so that a caller cannot
/// invent labels.
pub fn label(service: Service, operation: &str) -> &'static str {
    let known = match service {
        Service::Ssm => Operation::parse(operation).map(|operation| operation.name()),
        Service::Mds => mds::Operation::parse(operation).map(|operation| operation.name()),
        Service::Fettle => api::fettle::Operation::parse(operation).map(|operation| operation.name()),
        Service::Sts => Some("sts"),
        Service::QuickSetup => quicksetup::Operation::parse(operation).map(|operation| operation.name()),
        Service::Unknown => None,
    };
    known.unwrap_or("unknown")
}

/// Answers an authenticated request.
pub async fn dispatch(
    ctx: &Ctx,
    service: Service,
    operation: &str,
    body: &[u8],
) -> Result<Vec<u8>, ApiError> {
    match service {
        Service::Ssm => ssm(ctx, operation, body).await,
        Service::Mds => mds(ctx, operation, body).await,
        Service::Fettle => own(ctx, operation, body).await,
        Service::Sts => sts::dispatch(ctx, body),
        Service::QuickSetup => quick_setup::dispatch(ctx, operation, body).await,
        Service::Unknown => Err(error::unknown_operation(operation)),
    }
}

async fn ssm(ctx: &Ctx, name: &str, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let Some(operation) = Operation::parse(name) else {
        let is_public = api::ssm::PUBLIC_OPERATIONS.contains(&name);
        return Err(if is_public {
            error::operation_not_served(name)
        } else {
            error::unknown_operation(name)
        });
    };
    authorise(ctx, Service::Ssm, operation.name(), body).await?;
    match operation {
        // Nodes.
        Operation::CreateActivation => call(ctx, body, nodes::create_activation).await,
        Operation::DescribeActivations => call(ctx, body, nodes::describe_activations).await,
        Operation::DeleteActivation => call(ctx, body, nodes::delete_activation).await,
        Operation::DescribeInstanceInformation => call(ctx, body, nodes::describe_instance_information).await,
        Operation::DescribeInstanceProperties => call(ctx, body, nodes::describe_instance_properties).await,
        Operation::DeregisterManagedInstance => call(ctx, body, nodes::deregister_managed_instance).await,
        Operation::UpdateManagedInstanceRole => call(ctx, body, nodes::update_managed_instance_role).await,
        Operation::GetConnectionStatus => call(ctx, body, nodes::get_connection_status).await,
        Operation::RegisterManagedInstance => call(ctx, body, nodes::register_managed_instance).await,
        Operation::RequestManagedInstanceRoleToken => {
            call(ctx, body, nodes::request_managed_instance_role_token).await
        }
        Operation::UpdateManagedInstancePublicKey => {
            call(ctx, body, nodes::update_managed_instance_public_key).await
        }
        Operation::UpdateInstanceInformation => call(ctx, body, nodes::update_instance_information).await,
        Operation::ListInstanceAssociations => call(ctx, body, nodes::list_instance_associations).await,
        Operation::UpdateInstanceAssociationStatus => {
            call(ctx, body, nodes::update_instance_association_status).await
        }
        Operation::GetManifest => call(ctx, body, packages::get_manifest).await,
        Operation::PutConfigurePackageResult => call(ctx, body, packages::put_configure_package_result).await,

        // Tags.
        Operation::AddTagsToResource => call(ctx, body, tags::add_tags_to_resource).await,
        Operation::RemoveTagsFromResource => call(ctx, body, tags::remove_tags_from_resource).await,
        Operation::ListTagsForResource => call(ctx, body, tags::list_tags_for_resource).await,

        // Commands and documents.
        Operation::SendCommand => call(ctx, body, commands::send_command).await,
        Operation::ListCommands => call(ctx, body, commands::list_commands).await,
        Operation::ListCommandInvocations => call(ctx, body, commands::list_command_invocations).await,
        Operation::GetCommandInvocation => call(ctx, body, commands::get_command_invocation).await,
        Operation::CancelCommand => call(ctx, body, commands::cancel_command).await,
        Operation::GetDocument => call(ctx, body, documents::get_document).await,
        Operation::DescribeDocument => call(ctx, body, documents::describe_document).await,
        Operation::ListDocuments => call(ctx, body, documents::list_documents).await,
        Operation::CreateDocument => call(ctx, body, documents::create_document).await,
        Operation::UpdateDocument => call(ctx, body, documents::update_document).await,
        Operation::UpdateDocumentDefaultVersion => {
            call(ctx, body, documents::update_document_default_version).await
        }
        Operation::DeleteDocument => call(ctx, body, documents::delete_document).await,
        Operation::ListDocumentVersions => call(ctx, body, documents::list_document_versions).await,
        Operation::DescribeDocumentPermission => {
            call(ctx, body, documents::describe_document_permission).await
        }
        Operation::ModifyDocumentPermission => call(ctx, body, documents::modify_document_permission).await,
        Operation::UpdateDocumentMetadata => call(ctx, body, documents::update_document_metadata).await,
        Operation::ListDocumentMetadataHistory => {
            call(ctx, body, documents::list_document_metadata_history).await
        }

        // State Manager.
        Operation::GetCalendarState => call(ctx, body, calendars::get_calendar_state).await,
        Operation::CreateAssociation => call(ctx, body, associations::create_association).await,
        Operation::CreateAssociationBatch => call(ctx, body, associations::create_association_batch).await,
        Operation::DeleteAssociation => call(ctx, body, associations::delete_association).await,
        Operation::DescribeAssociation => call(ctx, body, associations::describe_association).await,
        Operation::UpdateAssociation => call(ctx, body, associations::update_association).await,
        Operation::UpdateAssociationStatus => call(ctx, body, associations::update_association_status).await,
        Operation::ListAssociations => call(ctx, body, associations::list_associations).await,
        Operation::ListAssociationVersions => call(ctx, body, associations::list_association_versions).await,
        Operation::DescribeAssociationExecutions => {
            call(ctx, body, associations::describe_association_executions).await
        }
        Operation::DescribeAssociationExecutionTargets => {
            call(ctx, body, associations::describe_association_execution_targets).await
        }
        Operation::StartAssociationsOnce => call(ctx, body, associations::start_associations_once).await,
        Operation::DescribeEffectiveInstanceAssociations => {
            call(ctx, body, associations::describe_effective_instance_associations).await
        }
        Operation::DescribeInstanceAssociationsStatus => {
            call(ctx, body, associations::describe_instance_associations_status).await
        }

        // Automation.
        Operation::StartAutomationExecution => call(ctx, body, automations::start_automation_execution).await,
        Operation::StopAutomationExecution => call(ctx, body, automations::stop_automation_execution).await,
        Operation::SendAutomationSignal => call(ctx, body, automations::send_automation_signal).await,
        Operation::GetAutomationExecution => call(ctx, body, automations::get_automation_execution).await,
        Operation::DescribeAutomationExecutions => {
            call(ctx, body, automations::describe_automation_executions).await
        }
        Operation::DescribeAutomationStepExecutions => {
            call(ctx, body, automations::describe_automation_step_executions).await
        }
        Operation::StartExecutionPreview => call(ctx, body, automations::start_execution_preview).await,
        Operation::GetExecutionPreview => call(ctx, body, automations::get_execution_preview).await,

        // Baselines.
        Operation::CreatePatchBaseline => call(ctx, body, patch_baselines::create_patch_baseline).await,
        Operation::GetPatchBaseline => call(ctx, body, patch_baselines::get_patch_baseline).await,
        Operation::UpdatePatchBaseline => call(ctx, body, patch_baselines::update_patch_baseline).await,
        Operation::DeletePatchBaseline => call(ctx, body, patch_baselines::delete_patch_baseline).await,
        Operation::DescribePatchBaselines => call(ctx, body, patch_baselines::describe_patch_baselines).await,
        Operation::RegisterDefaultPatchBaseline => {
            call(ctx, body, patch_baselines::register_default_patch_baseline).await
        }
        Operation::GetDefaultPatchBaseline => {
            call(ctx, body, patch_baselines::get_default_patch_baseline).await
        }
        Operation::RegisterPatchBaselineForPatchGroup => {
            call(ctx, body, patch_baselines::register_patch_baseline_for_patch_group).await
        }
        Operation::DeregisterPatchBaselineForPatchGroup => {
            call(ctx, body, patch_baselines::deregister_patch_baseline_for_patch_group).await
        }
        Operation::GetPatchBaselineForPatchGroup => {
            call(ctx, body, patch_baselines::get_patch_baseline_for_patch_group).await
        }
        Operation::DescribePatchGroups => call(ctx, body, patch_baselines::describe_patch_groups).await,
        Operation::DescribePatchProperties => {
            call(ctx, body, patch_baselines::describe_patch_properties).await
        }
        Operation::GetDeployablePatchSnapshotForInstance => {
            call(ctx, body, patch_baselines::get_deployable_patch_snapshot_for_instance).await
        }

        // Patch states.
        Operation::DescribeInstancePatchStates => {
            call(ctx, body, patch_states::describe_instance_patch_states).await
        }
        Operation::DescribeInstancePatchStatesForPatchGroup => {
            call(ctx, body, patch_states::describe_instance_patch_states_for_patch_group).await
        }
        Operation::DescribeInstancePatches => call(ctx, body, patch_states::describe_instance_patches).await,
        Operation::DescribePatchGroupState => call(ctx, body, patch_states::describe_patch_group_state).await,
        Operation::DescribeAvailablePatches => {
            call(ctx, body, patch_states::describe_available_patches).await
        }
        Operation::DescribeEffectivePatchesForPatchBaseline => {
            call(ctx, body, patch_states::describe_effective_patches_for_patch_baseline).await
        }

        // Maintenance windows.
        Operation::CreateMaintenanceWindow => call(ctx, body, windows::create_maintenance_window).await,
        Operation::GetMaintenanceWindow => call(ctx, body, windows::get_maintenance_window).await,
        Operation::UpdateMaintenanceWindow => call(ctx, body, windows::update_maintenance_window).await,
        Operation::DeleteMaintenanceWindow => call(ctx, body, windows::delete_maintenance_window).await,
        Operation::DescribeMaintenanceWindows => call(ctx, body, windows::describe_maintenance_windows).await,
        Operation::DescribeMaintenanceWindowSchedule => {
            call(ctx, body, windows::describe_maintenance_window_schedule).await
        }
        Operation::DescribeMaintenanceWindowsForTarget => {
            call(ctx, body, windows::describe_maintenance_windows_for_target).await
        }
        Operation::RegisterTargetWithMaintenanceWindow => {
            call(ctx, body, windows::register_target_with_maintenance_window).await
        }
        Operation::UpdateMaintenanceWindowTarget => {
            call(ctx, body, windows::update_maintenance_window_target).await
        }
        Operation::DeregisterTargetFromMaintenanceWindow => {
            call(ctx, body, windows::deregister_target_from_maintenance_window).await
        }
        Operation::DescribeMaintenanceWindowTargets => {
            call(ctx, body, windows::describe_maintenance_window_targets).await
        }
        Operation::RegisterTaskWithMaintenanceWindow => {
            call(ctx, body, windows::register_task_with_maintenance_window).await
        }
        Operation::GetMaintenanceWindowTask => call(ctx, body, windows::get_maintenance_window_task).await,
        Operation::UpdateMaintenanceWindowTask => {
            call(ctx, body, windows::update_maintenance_window_task).await
        }
        Operation::DeregisterTaskFromMaintenanceWindow => {
            call(ctx, body, windows::deregister_task_from_maintenance_window).await
        }
        Operation::DescribeMaintenanceWindowTasks => {
            call(ctx, body, windows::describe_maintenance_window_tasks).await
        }
        Operation::DescribeMaintenanceWindowExecutions => {
            call(ctx, body, windows::describe_maintenance_window_executions).await
        }
        Operation::DescribeMaintenanceWindowExecutionTasks => {
            call(ctx, body, windows::describe_maintenance_window_execution_tasks).await
        }
        Operation::DescribeMaintenanceWindowExecutionTaskInvocations => {
            call(ctx, body, windows::describe_maintenance_window_execution_task_invocations).await
        }
        Operation::GetMaintenanceWindowExecution => {
            call(ctx, body, windows::get_maintenance_window_execution).await
        }
        Operation::GetMaintenanceWindowExecutionTask => {
            call(ctx, body, windows::get_maintenance_window_execution_task).await
        }
        Operation::GetMaintenanceWindowExecutionTaskInvocation => {
            call(ctx, body, windows::get_maintenance_window_execution_task_invocation).await
        }
        Operation::CancelMaintenanceWindowExecution => {
            call(ctx, body, windows::cancel_maintenance_window_execution).await
        }

        // Compliance.
        Operation::PutComplianceItems => call(ctx, body, compliance::put_compliance_items).await,
        Operation::ListComplianceItems => call(ctx, body, compliance::list_compliance_items).await,
        Operation::ListComplianceSummaries => call(ctx, body, compliance::list_compliance_summaries).await,
        Operation::ListResourceComplianceSummaries => {
            call(ctx, body, compliance::list_resource_compliance_summaries).await
        }

        // Inventory.
        Operation::PutInventory => call(ctx, body, inventory::put_inventory).await,
        Operation::GetInventory => call(ctx, body, inventory::get_inventory).await,
        Operation::GetInventorySchema => call(ctx, body, inventory::get_inventory_schema).await,
        Operation::ListInventoryEntries => call(ctx, body, inventory::list_inventory_entries).await,
    }
}

async fn mds(ctx: &Ctx, name: &str, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let Some(operation) = mds::Operation::parse(name) else {
        return Err(error::unknown_operation(name));
    };
    authorise(ctx, Service::Mds, operation.name(), body).await?;
    match operation {
        mds::Operation::GetEndpoint => call(ctx, body, messages::get_endpoint).await,
        mds::Operation::GetMessages => call(ctx, body, messages::get_messages).await,
        mds::Operation::AcknowledgeMessage => call(ctx, body, messages::acknowledge_message).await,
        mds::Operation::SendReply => call(ctx, body, messages::send_reply).await,
        mds::Operation::FailMessage => call(ctx, body, messages::fail_message).await,
        mds::Operation::DeleteMessage => call(ctx, body, messages::delete_message).await,
    }
}

async fn own(ctx: &Ctx, name: &str, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let Some(operation) = api::fettle::Operation::parse(name) else {
        return Err(error::unknown_operation(name));
    };
    authorise(ctx, Service::Fettle, operation.name(), body).await?;
    match operation {
        api::fettle::Operation::DeleteAdvisoryFeed => call(ctx, body, fettle::delete_advisory_feed).await,
        api::fettle::Operation::DescribeAdvisories => call(ctx, body, fettle::describe_advisories).await,
        api::fettle::Operation::ImportAdvisories => call(ctx, body, fettle::import_advisories).await,
        api::fettle::Operation::ListAdvisoryFeeds => call(ctx, body, fettle::list_advisory_feeds).await,
        api::fettle::Operation::ExplainNodeCompliance => {
            call(ctx, body, fettle::explain_node_compliance).await
        }
        api::fettle::Operation::GetAgentBuild => call(ctx, body, fettle::get_agent_build).await,
        api::fettle::Operation::GetAgentBuildKey => call(ctx, body, fettle::get_agent_build_key).await,
        api::fettle::Operation::GetNodeReport => call(ctx, body, fettle::get_node_report).await,
        api::fettle::Operation::ListNodeReports => call(ctx, body, fettle::list_node_reports).await,
        api::fettle::Operation::PutNodeFacts => call(ctx, body, fettle::put_node_facts).await,
        api::fettle::Operation::RefreshAssociations => call(ctx, body, fettle::refresh_associations).await,
        api::fettle::Operation::ResolvePatchSnapshot => call(ctx, body, fettle::resolve_patch_snapshot).await,
        api::fettle::Operation::StartPatchPlan => call(ctx, body, fettle::start_patch_plan).await,
        api::fettle::Operation::GetPatchPlan => call(ctx, body, fettle::get_patch_plan).await,
        api::fettle::Operation::PutPatchPlan => call(ctx, body, fettle::put_patch_plan).await,
        api::fettle::Operation::ListPatchExecutions => call(ctx, body, fettle::list_patch_executions).await,
        api::fettle::Operation::GetPatchExecution => call(ctx, body, fettle::get_patch_execution).await,
        api::fettle::Operation::PutPatchExecution => call(ctx, body, fettle::put_patch_execution).await,
        api::fettle::Operation::StartPatchUndo => call(ctx, body, fettle::start_patch_undo).await,
        api::fettle::Operation::StartPatchNow => call(ctx, body, fettle::start_patch_now).await,
        api::fettle::Operation::GetPatchNow => call(ctx, body, fettle::get_patch_now).await,
        api::fettle::Operation::ListPatchNow => call(ctx, body, fettle::list_patch_now).await,
        api::fettle::Operation::ListPatchNowNodes => call(ctx, body, fettle::list_patch_now_nodes).await,
        api::fettle::Operation::GetRollout => call(ctx, body, fettle::get_rollout).await,
        api::fettle::Operation::ListRollouts => call(ctx, body, fettle::list_rollouts).await,
        api::fettle::Operation::SignalRollout => call(ctx, body, fettle::signal_rollout).await,
        api::fettle::Operation::PutPatchPolicyRollout => {
            call(ctx, body, fettle::put_patch_policy_rollout).await
        }
        api::fettle::Operation::GetPatchPolicyRollout => {
            call(ctx, body, fettle::get_patch_policy_rollout).await
        }
        api::fettle::Operation::DeletePatchPolicyRollout => {
            call(ctx, body, fettle::delete_patch_policy_rollout).await
        }
        api::fettle::Operation::CancelPatchNow => call(ctx, body, fettle::cancel_patch_now).await,
        api::fettle::Operation::ListNodeSummaries => call(ctx, body, fettle::list_node_summaries).await,
        api::fettle::Operation::GetFleetSummary => call(ctx, body, fettle::get_fleet_summary).await,
        api::fettle::Operation::CreateSession => call(ctx, body, fettle::create_session).await,
        api::fettle::Operation::RefreshSession => call(ctx, body, fettle::refresh_session).await,
        api::fettle::Operation::EndSession => call(ctx, body, fettle::end_session).await,
        api::fettle::Operation::CreateSignInCode => call(ctx, body, fettle::create_sign_in_code).await,
        api::fettle::Operation::CreateUser => call(ctx, body, fettle::create_user).await,
        api::fettle::Operation::UpdateUser => call(ctx, body, fettle::update_user).await,
        api::fettle::Operation::DeleteUser => call(ctx, body, fettle::delete_user).await,
        api::fettle::Operation::ListUsers => call(ctx, body, fettle::list_users).await,
        api::fettle::Operation::ChangePassword => call(ctx, body, fettle::change_password).await,
    }
}

/// Decodes, checks the model's constraints, runs the handler, encodes. A lost race runs it again:
/// nothing of a failed transaction remains, and handlers act outside of it only after its commit.
async fn call<'a, I, O, F>(
    ctx: &'a Ctx,
    body: &[u8],
    handler: impl Fn(&'a Ctx, I) -> F,
) -> Result<Vec<u8>, ApiError>
where
    I: api::Request,
    O: Serialize,
    F: Future<Output = Result<O, ApiError>> + Send + 'a,
{
    for attempt in 1.. {
        let request = api::decode::<I>(body)?;
        // On the heap: without optimisation the dispatcher's frame holds the futures of all its arms beside each other.
        match Box::pin(handler(ctx, request)).await {
            Ok(result) => return Ok(api::encode(&result)),
            Err(error) if error.is_conflict() && attempt < ATTEMPTS => {
                ctx.app.metrics.conflicts.inc();
                tokio::time::sleep(pause(attempt)).await;
            }
            Err(error) => return Err(error),
        }
    }
    unreachable!("the last attempt returns")
}

/// A few milliseconds, longer and more spread with every attempt.
fn pause(attempt: u32) -> std::time::Duration {
    let [spread] = crate::keyring::random::<1>();
    std::time::Duration::from_micros(u64::from(attempt) * (500 + 40 * u64::from(spread)))
}
