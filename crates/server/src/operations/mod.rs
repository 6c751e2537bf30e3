//! The dispatcher: permission, then one exhaustive match from operation to handler.

pub mod associations;
pub mod automations;
pub mod calendars;
pub mod commands;
pub mod compliance;
mod contention;
pub mod documents;
pub mod fettle;
pub mod idempotency;
pub mod inventory;
pub mod messages;
pub mod nodes;
pub mod packages;
pub mod page;
pub mod parameters;
pub mod patch_baselines;
pub mod patch_states;
pub mod permission;
pub mod quick_setup;
pub mod resource_groups;
pub mod sts;
pub mod tags;
pub mod windows;

use api::ssm::Operation;
use api::{mds, quicksetup, resourcegroups};
use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use permission::authorise;
pub use permission::{NODE_KEY_OPERATIONS, UNSIGNED_OPERATIONS};

/// A handler that met a concurrent transaction runs again this often.
const ATTEMPTS: u32 = 16;

/// As credential scopes and ARNs name it.
pub const QUICK_SETUP: &str = "ssm-quicksetup";
pub const RESOURCE_GROUPS: &str = "resource-groups";

/// The services of this port that are chosen by headers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Ssm,
    /// The agents' long poll.
    Mds,
    /// Our own.
    Fettle,
    Sts,
    /// By method and path, as the next.
    QuickSetup,
    ResourceGroups,
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
            Self::ResourceGroups => Some(RESOURCE_GROUPS),
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
        Service::ResourceGroups => {
            resourcegroups::Operation::parse(operation).map(|operation| operation.name())
        }
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
        Service::ResourceGroups => resource_groups::dispatch(ctx, operation, body).await,
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
    handler(ctx, operation, body).await
}

fn handler<'a>(ctx: &'a Ctx, operation: Operation, body: &'a [u8]) -> Answer<'a> {
    match operation {
        // Nodes.
        Operation::CreateActivation => call(ctx, body, nodes::create_activation),
        Operation::DescribeActivations => call(ctx, body, nodes::describe_activations),
        Operation::DeleteActivation => call(ctx, body, nodes::delete_activation),
        Operation::DescribeInstanceInformation => call(ctx, body, nodes::describe_instance_information),
        Operation::DescribeInstanceProperties => call(ctx, body, nodes::describe_instance_properties),
        Operation::DeregisterManagedInstance => call(ctx, body, nodes::deregister_managed_instance),
        Operation::UpdateManagedInstanceRole => call(ctx, body, nodes::update_managed_instance_role),
        Operation::GetConnectionStatus => call(ctx, body, nodes::get_connection_status),
        Operation::RegisterManagedInstance => call(ctx, body, nodes::register_managed_instance),
        Operation::RequestManagedInstanceRoleToken => {
            call(ctx, body, nodes::request_managed_instance_role_token)
        }
        Operation::UpdateManagedInstancePublicKey => {
            call(ctx, body, nodes::update_managed_instance_public_key)
        }
        Operation::UpdateInstanceInformation => call(ctx, body, nodes::update_instance_information),
        Operation::ListInstanceAssociations => call(ctx, body, nodes::list_instance_associations),
        Operation::UpdateInstanceAssociationStatus => {
            call(ctx, body, nodes::update_instance_association_status)
        }
        Operation::GetManifest => call(ctx, body, packages::get_manifest),
        Operation::PutConfigurePackageResult => call(ctx, body, packages::put_configure_package_result),

        // Tags.
        Operation::AddTagsToResource => call(ctx, body, tags::add_tags_to_resource),
        Operation::RemoveTagsFromResource => call(ctx, body, tags::remove_tags_from_resource),
        Operation::ListTagsForResource => call(ctx, body, tags::list_tags_for_resource),

        // Commands and documents.
        Operation::SendCommand => call(ctx, body, commands::send_command),
        Operation::ListCommands => call(ctx, body, commands::list_commands),
        Operation::ListCommandInvocations => call(ctx, body, commands::list_command_invocations),
        Operation::GetCommandInvocation => call(ctx, body, commands::get_command_invocation),
        Operation::CancelCommand => call(ctx, body, commands::cancel_command),
        Operation::GetDocument => call(ctx, body, documents::get_document),
        Operation::DescribeDocument => call(ctx, body, documents::describe_document),
        Operation::ListDocuments => call(ctx, body, documents::list_documents),
        Operation::CreateDocument => call(ctx, body, documents::create_document),
        Operation::UpdateDocument => call(ctx, body, documents::update_document),
        Operation::UpdateDocumentDefaultVersion => {
            call(ctx, body, documents::update_document_default_version)
        }
        Operation::DeleteDocument => call(ctx, body, documents::delete_document),
        Operation::ListDocumentVersions => call(ctx, body, documents::list_document_versions),
        Operation::DescribeDocumentPermission => call(ctx, body, documents::describe_document_permission),
        Operation::ModifyDocumentPermission => call(ctx, body, documents::modify_document_permission),
        Operation::UpdateDocumentMetadata => call(ctx, body, documents::update_document_metadata),
        Operation::ListDocumentMetadataHistory => call(ctx, body, documents::list_document_metadata_history),

        // State Manager.
        Operation::GetCalendarState => call(ctx, body, calendars::get_calendar_state),
        Operation::CreateAssociation => call(ctx, body, associations::create_association),
        Operation::CreateAssociationBatch => call(ctx, body, associations::create_association_batch),
        Operation::DeleteAssociation => call(ctx, body, associations::delete_association),
        Operation::DescribeAssociation => call(ctx, body, associations::describe_association),
        Operation::UpdateAssociation => call(ctx, body, associations::update_association),
        Operation::UpdateAssociationStatus => call(ctx, body, associations::update_association_status),
        Operation::ListAssociations => call(ctx, body, associations::list_associations),
        Operation::ListAssociationVersions => call(ctx, body, associations::list_association_versions),
        Operation::DescribeAssociationExecutions => {
            call(ctx, body, associations::describe_association_executions)
        }
        Operation::DescribeAssociationExecutionTargets => {
            call(ctx, body, associations::describe_association_execution_targets)
        }
        Operation::StartAssociationsOnce => call(ctx, body, associations::start_associations_once),
        Operation::DescribeEffectiveInstanceAssociations => {
            call(ctx, body, associations::describe_effective_instance_associations)
        }
        Operation::DescribeInstanceAssociationsStatus => {
            call(ctx, body, associations::describe_instance_associations_status)
        }

        // Automation.
        Operation::StartAutomationExecution => call(ctx, body, automations::start_automation_execution),
        Operation::StopAutomationExecution => call(ctx, body, automations::stop_automation_execution),
        Operation::SendAutomationSignal => call(ctx, body, automations::send_automation_signal),
        Operation::GetAutomationExecution => call(ctx, body, automations::get_automation_execution),
        Operation::DescribeAutomationExecutions => {
            call(ctx, body, automations::describe_automation_executions)
        }
        Operation::DescribeAutomationStepExecutions => {
            call(ctx, body, automations::describe_automation_step_executions)
        }
        Operation::StartExecutionPreview => call(ctx, body, automations::start_execution_preview),
        Operation::GetExecutionPreview => call(ctx, body, automations::get_execution_preview),

        // Baselines.
        Operation::CreatePatchBaseline => call(ctx, body, patch_baselines::create_patch_baseline),
        Operation::GetPatchBaseline => call(ctx, body, patch_baselines::get_patch_baseline),
        Operation::UpdatePatchBaseline => call(ctx, body, patch_baselines::update_patch_baseline),
        Operation::DeletePatchBaseline => call(ctx, body, patch_baselines::delete_patch_baseline),
        Operation::DescribePatchBaselines => call(ctx, body, patch_baselines::describe_patch_baselines),
        Operation::RegisterDefaultPatchBaseline => {
            call(ctx, body, patch_baselines::register_default_patch_baseline)
        }
        Operation::GetDefaultPatchBaseline => call(ctx, body, patch_baselines::get_default_patch_baseline),
        Operation::RegisterPatchBaselineForPatchGroup => {
            call(ctx, body, patch_baselines::register_patch_baseline_for_patch_group)
        }
        Operation::DeregisterPatchBaselineForPatchGroup => {
            call(ctx, body, patch_baselines::deregister_patch_baseline_for_patch_group)
        }
        Operation::GetPatchBaselineForPatchGroup => {
            call(ctx, body, patch_baselines::get_patch_baseline_for_patch_group)
        }
        Operation::DescribePatchGroups => call(ctx, body, patch_baselines::describe_patch_groups),
        Operation::DescribePatchProperties => call(ctx, body, patch_baselines::describe_patch_properties),
        Operation::GetDeployablePatchSnapshotForInstance => {
            call(ctx, body, patch_baselines::get_deployable_patch_snapshot_for_instance)
        }

        // Patch states.
        Operation::DescribeInstancePatchStates => {
            call(ctx, body, patch_states::describe_instance_patch_states)
        }
        Operation::DescribeInstancePatchStatesForPatchGroup => {
            call(ctx, body, patch_states::describe_instance_patch_states_for_patch_group)
        }
        Operation::DescribeInstancePatches => call(ctx, body, patch_states::describe_instance_patches),
        Operation::DescribePatchGroupState => call(ctx, body, patch_states::describe_patch_group_state),
        Operation::DescribeAvailablePatches => call(ctx, body, patch_states::describe_available_patches),
        Operation::DescribeEffectivePatchesForPatchBaseline => {
            call(ctx, body, patch_states::describe_effective_patches_for_patch_baseline)
        }

        // Maintenance windows.
        Operation::CreateMaintenanceWindow => call(ctx, body, windows::create_maintenance_window),
        Operation::GetMaintenanceWindow => call(ctx, body, windows::get_maintenance_window),
        Operation::UpdateMaintenanceWindow => call(ctx, body, windows::update_maintenance_window),
        Operation::DeleteMaintenanceWindow => call(ctx, body, windows::delete_maintenance_window),
        Operation::DescribeMaintenanceWindows => call(ctx, body, windows::describe_maintenance_windows),
        Operation::DescribeMaintenanceWindowSchedule => {
            call(ctx, body, windows::describe_maintenance_window_schedule)
        }
        Operation::DescribeMaintenanceWindowsForTarget => {
            call(ctx, body, windows::describe_maintenance_windows_for_target)
        }
        Operation::RegisterTargetWithMaintenanceWindow => {
            call(ctx, body, windows::register_target_with_maintenance_window)
        }
        Operation::UpdateMaintenanceWindowTarget => {
            call(ctx, body, windows::update_maintenance_window_target)
        }
        Operation::DeregisterTargetFromMaintenanceWindow => {
            call(ctx, body, windows::deregister_target_from_maintenance_window)
        }
        Operation::DescribeMaintenanceWindowTargets => {
            call(ctx, body, windows::describe_maintenance_window_targets)
        }
        Operation::RegisterTaskWithMaintenanceWindow => {
            call(ctx, body, windows::register_task_with_maintenance_window)
        }
        Operation::GetMaintenanceWindowTask => call(ctx, body, windows::get_maintenance_window_task),
        Operation::UpdateMaintenanceWindowTask => call(ctx, body, windows::update_maintenance_window_task),
        Operation::DeregisterTaskFromMaintenanceWindow => {
            call(ctx, body, windows::deregister_task_from_maintenance_window)
        }
        Operation::DescribeMaintenanceWindowTasks => {
            call(ctx, body, windows::describe_maintenance_window_tasks)
        }
        Operation::DescribeMaintenanceWindowExecutions => {
            call(ctx, body, windows::describe_maintenance_window_executions)
        }
        Operation::DescribeMaintenanceWindowExecutionTasks => {
            call(ctx, body, windows::describe_maintenance_window_execution_tasks)
        }
        Operation::DescribeMaintenanceWindowExecutionTaskInvocations => {
            call(ctx, body, windows::describe_maintenance_window_execution_task_invocations)
        }
        Operation::GetMaintenanceWindowExecution => {
            call(ctx, body, windows::get_maintenance_window_execution)
        }
        Operation::GetMaintenanceWindowExecutionTask => {
            call(ctx, body, windows::get_maintenance_window_execution_task)
        }
        Operation::GetMaintenanceWindowExecutionTaskInvocation => {
            call(ctx, body, windows::get_maintenance_window_execution_task_invocation)
        }
        Operation::CancelMaintenanceWindowExecution => {
            call(ctx, body, windows::cancel_maintenance_window_execution)
        }

        // Compliance.
        Operation::PutComplianceItems => call(ctx, body, compliance::put_compliance_items),
        Operation::ListComplianceItems => call(ctx, body, compliance::list_compliance_items),
        Operation::ListComplianceSummaries => call(ctx, body, compliance::list_compliance_summaries),
        Operation::ListResourceComplianceSummaries => {
            call(ctx, body, compliance::list_resource_compliance_summaries)
        }

        // Inventory.
        Operation::PutInventory => call(ctx, body, inventory::put_inventory),
        Operation::GetInventory => call(ctx, body, inventory::get_inventory),
        Operation::GetInventorySchema => call(ctx, body, inventory::get_inventory_schema),
        Operation::ListInventoryEntries => call(ctx, body, inventory::list_inventory_entries),

        // Parameter Store.
        Operation::PutParameter => call(ctx, body, parameters::put_parameter),
        Operation::GetParameter => call(ctx, body, parameters::get_parameter),
        Operation::GetParameters => call(ctx, body, parameters::get_parameters),
        Operation::GetParametersByPath => call(ctx, body, parameters::get_parameters_by_path),
        Operation::GetParameterHistory => call(ctx, body, parameters::get_parameter_history),
        Operation::DescribeParameters => call(ctx, body, parameters::describe_parameters),
        Operation::DeleteParameter => call(ctx, body, parameters::delete_parameter),
        Operation::DeleteParameters => call(ctx, body, parameters::delete_parameters),
        Operation::LabelParameterVersion => call(ctx, body, parameters::label_parameter_version),
        Operation::UnlabelParameterVersion => call(ctx, body, parameters::unlabel_parameter_version),
    }
}

async fn mds(ctx: &Ctx, name: &str, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let Some(operation) = mds::Operation::parse(name) else {
        return Err(error::unknown_operation(name));
    };
    authorise(ctx, Service::Mds, operation.name(), body).await?;
    let answer = match operation {
        mds::Operation::GetEndpoint => call(ctx, body, messages::get_endpoint),
        mds::Operation::GetMessages => call(ctx, body, messages::get_messages),
        mds::Operation::AcknowledgeMessage => call(ctx, body, messages::acknowledge_message),
        mds::Operation::SendReply => call(ctx, body, messages::send_reply),
        mds::Operation::FailMessage => call(ctx, body, messages::fail_message),
        mds::Operation::DeleteMessage => call(ctx, body, messages::delete_message),
    };
    answer.await
}

async fn own(ctx: &Ctx, name: &str, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let Some(operation) = api::fettle::Operation::parse(name) else {
        return Err(error::unknown_operation(name));
    };
    authorise(ctx, Service::Fettle, operation.name(), body).await?;
    let answer = match operation {
        api::fettle::Operation::DeleteAdvisoryFeed => call(ctx, body, fettle::delete_advisory_feed),
        api::fettle::Operation::DescribeAdvisories => call(ctx, body, fettle::describe_advisories),
        api::fettle::Operation::ImportAdvisories => call(ctx, body, fettle::import_advisories),
        api::fettle::Operation::ListAdvisoryFeeds => call(ctx, body, fettle::list_advisory_feeds),
        api::fettle::Operation::ExplainNodeCompliance => call(ctx, body, fettle::explain_node_compliance),
        api::fettle::Operation::ExportPatchReport => call(ctx, body, fettle::export_patch_report),
        api::fettle::Operation::GetAgentBuild => call(ctx, body, fettle::get_agent_build),
        api::fettle::Operation::GetAgentBuildKey => call(ctx, body, fettle::get_agent_build_key),
        api::fettle::Operation::GetNodeReport => call(ctx, body, fettle::get_node_report),
        api::fettle::Operation::ListNodeReports => call(ctx, body, fettle::list_node_reports),
        api::fettle::Operation::PutNodeFacts => call(ctx, body, fettle::put_node_facts),
        api::fettle::Operation::RefreshAssociations => call(ctx, body, fettle::refresh_associations),
        api::fettle::Operation::ResolvePatchSnapshot => call(ctx, body, fettle::resolve_patch_snapshot),
        api::fettle::Operation::StartPatchPlan => call(ctx, body, fettle::start_patch_plan),
        api::fettle::Operation::GetPatchPlan => call(ctx, body, fettle::get_patch_plan),
        api::fettle::Operation::PutPatchPlan => call(ctx, body, fettle::put_patch_plan),
        api::fettle::Operation::ListPatchExecutions => call(ctx, body, fettle::list_patch_executions),
        api::fettle::Operation::GetPatchExecution => call(ctx, body, fettle::get_patch_execution),
        api::fettle::Operation::PutPatchExecution => call(ctx, body, fettle::put_patch_execution),
        api::fettle::Operation::StartPatchUndo => call(ctx, body, fettle::start_patch_undo),
        api::fettle::Operation::StartPatchNow => call(ctx, body, fettle::start_patch_now),
        api::fettle::Operation::GetPatchNow => call(ctx, body, fettle::get_patch_now),
        api::fettle::Operation::ListPatchNow => call(ctx, body, fettle::list_patch_now),
        api::fettle::Operation::ListPatchNowNodes => call(ctx, body, fettle::list_patch_now_nodes),
        api::fettle::Operation::GetRollout => call(ctx, body, fettle::get_rollout),
        api::fettle::Operation::ListRollouts => call(ctx, body, fettle::list_rollouts),
        api::fettle::Operation::SignalRollout => call(ctx, body, fettle::signal_rollout),
        api::fettle::Operation::PutPatchPolicyRollout => call(ctx, body, fettle::put_patch_policy_rollout),
        api::fettle::Operation::GetPatchPolicyRollout => call(ctx, body, fettle::get_patch_policy_rollout),
        api::fettle::Operation::DeletePatchPolicyRollout => {
            call(ctx, body, fettle::delete_patch_policy_rollout)
        }
        api::fettle::Operation::CancelPatchNow => call(ctx, body, fettle::cancel_patch_now),
        api::fettle::Operation::ListNodeSummaries => call(ctx, body, fettle::list_node_summaries),
        api::fettle::Operation::ListNodesOnDay => call(ctx, body, fettle::list_nodes_on_day),
        api::fettle::Operation::PreviewPatchBaseline => call(ctx, body, fettle::preview_patch_baseline),
        api::fettle::Operation::GetFleetSummary => call(ctx, body, fettle::get_fleet_summary),
        api::fettle::Operation::CreateSession => call(ctx, body, fettle::create_session),
        api::fettle::Operation::RefreshSession => call(ctx, body, fettle::refresh_session),
        api::fettle::Operation::EndSession => call(ctx, body, fettle::end_session),
        api::fettle::Operation::CreateSignInCode => call(ctx, body, fettle::create_sign_in_code),
        api::fettle::Operation::CreateUser => call(ctx, body, fettle::create_user),
        api::fettle::Operation::UpdateUser => call(ctx, body, fettle::update_user),
        api::fettle::Operation::DeleteUser => call(ctx, body, fettle::delete_user),
        api::fettle::Operation::ListUsers => call(ctx, body, fettle::list_users),
        api::fettle::Operation::ChangePassword => call(ctx, body, fettle::change_password),
        api::fettle::Operation::StartPasskeyRegistration => {
            call(ctx, body, fettle::start_passkey_registration)
        }
        api::fettle::Operation::RegisterPasskey => call(ctx, body, fettle::register_passkey),
        api::fettle::Operation::ListPasskeys => call(ctx, body, fettle::list_passkeys),
        api::fettle::Operation::UpdatePasskey => call(ctx, body, fettle::update_passkey),
        api::fettle::Operation::DeletePasskey => call(ctx, body, fettle::delete_passkey),
        api::fettle::Operation::StartPasskeySignIn => call(ctx, body, fettle::start_passkey_sign_in),
    };
    answer.await
}

/// What an operation will answer. The dispatcher knows no handler's own future: compiled into one, two hundred of them cost
/// more than all handlers.
type Answer<'a> = BoxFuture<'a, Result<Vec<u8>, ApiError>>;

/// Decodes, checks the model's constraints, runs the handler, encodes.
fn call<'a, I, O, F>(
    ctx: &'a Ctx,
    body: &'a [u8],
    handler: impl Fn(&'a Ctx, I) -> F + Send + Sync + 'a,
) -> Answer<'a>
where
    I: api::Request,
    O: Serialize,
    F: Future<Output = Result<O, ApiError>> + Send + 'a,
{
    let attempt = move || -> Result<Answer<'a>, ApiError> {
        let answer = handler(ctx, api::decode::<I>(body)?);
        Ok(Box::pin(async move { Ok(api::encode(&answer.await?)) }))
    };
    Box::pin(until_no_conflict(ctx, I::TARGET, Box::new(attempt)))
}

/// A lost race runs the handler again: nothing of a failed transaction remains, and handlers act outside of it only after
/// its commit.
async fn until_no_conflict<'a>(
    ctx: &'a Ctx,
    target: &'static str,
    attempt: Box<dyn Fn() -> Result<Answer<'a>, ApiError> + Send + Sync + 'a>,
) -> Result<Vec<u8>, ApiError> {
    for number in 1.. {
        match attempt()?.await {
            Err(error) if error.is_conflict() && number < ATTEMPTS => {
                ctx.app.metrics.conflicts.inc();
                tokio::time::sleep(pause(number)).await;
            }
            Err(error) if error.is_conflict() => return Err(contention::lost(target, error)),
            outcome => return outcome,
        }
    }
    unreachable!("the last attempt returns")
}

/// A few milliseconds, longer and more spread with every attempt.
fn pause(attempt: u32) -> std::time::Duration {
    let [spread] = crate::keyring::random::<1>();
    std::time::Duration::from_micros(u64::from(attempt) * (500 + 40 * u64::from(spread)))
}
