//! Executions and steps as the API shows them.
//! Source: systems-manager.md 7.3; API reference, AutomationExecution and StepExecution.

use api::ssm::{
    AutomationExecution, AutomationExecutionMetadata, AutomationType, ExecutionMode, FailureDetails,
    ParentStepDetails, ResolvedTargets, StepExecution, TargetsSummary,
};
use domain::automation::{Mode, OnFailure, Progress, Status, Step, StepRun, shown, texts};
use store::automations::Automation;

use crate::automations::Loaded;

/// In the answer of GetAutomationExecution; the rest is for DescribeAutomationStepExecutions.
const STEPS_INLINE: usize = 100;
/// Of the values of targets.
const TARGETS_SHOWN: usize = 50;

fn mode(progress: &Progress) -> ExecutionMode {
    match progress.mode {
        Mode::Auto => ExecutionMode::Auto,
        Mode::Interactive => ExecutionMode::Interactive,
    }
}

fn resolved(progress: &Progress) -> ResolvedTargets {
    let names = progress.rollout.iter().flat_map(|rollout| &rollout.names);
    let count = names.clone().count();
    ResolvedTargets {
        parameter_values: Some(names.take(TARGETS_SHOWN).cloned().collect()),
        truncated: Some(count > TARGETS_SHOWN),
    }
}

fn limits(automation: &Automation) -> (Option<String>, Option<String>) {
    match &automation.progress.rollout {
        Some(rollout) => {
            let (concurrency, errors) = rollout.shown_limits();
            (Some(concurrency), Some(errors))
        }
        None => (automation.request.max_concurrency.clone(), automation.request.max_errors.clone()),
    }
}

pub fn metadata(automation: &Automation) -> AutomationExecutionMetadata {
    let Automation { request, progress, .. } = automation;
    let (max_concurrency, max_errors) = limits(automation);
    let (current_step, current_action) = automation.current.clone().unzip();
    AutomationExecutionMetadata {
        automation_execution_id: Some(automation.key.id.to_string()),
        document_name: Some(automation.document.clone()),
        document_version: Some(automation.document_version.clone()),
        automation_execution_status: Some(progress.status.as_str().into()),
        execution_start_time: Some(automation.started_at),
        execution_end_time: automation.finished_at,
        executed_by: Some(automation.executed_by.clone()),
        log_file: Some(String::new()),
        outputs: Some(texts(&progress.outputs)),
        mode: Some(mode(progress)),
        parent_automation_execution_id: automation.parent.as_ref().map(ToString::to_string),
        current_step_name: current_step,
        current_action,
        failure_message: progress.failure.clone(),
        target_parameter_name: request.target_parameter_name.clone(),
        targets: Some(request.targets.clone().unwrap_or_default()),
        target_maps: request.target_maps.clone(),
        resolved_targets: Some(resolved(progress)),
        max_concurrency,
        max_errors,
        target: automation.target.clone(),
        automation_type: Some(AutomationType::Local),
        ..AutomationExecutionMetadata::default()
    }
}

pub fn execution(loaded: &Loaded) -> AutomationExecution {
    let automation = &loaded.automation;
    let Automation { request, progress, .. } = automation;
    let (max_concurrency, max_errors) = limits(automation);
    let (current_step, current_action) = automation.current.clone().unzip();
    let mut steps = steps(loaded);
    let is_truncated = steps.len() > STEPS_INLINE;
    steps.truncate(STEPS_INLINE);
    let parameters = match progress.rollout {
        Some(_) => request.parameters.clone().unwrap_or_default(),
        None => texts(&progress.parameters),
    };
    AutomationExecution {
        automation_execution_id: Some(automation.key.id.to_string()),
        document_name: Some(automation.document.clone()),
        document_version: Some(automation.document_version.clone()),
        execution_start_time: Some(automation.started_at),
        execution_end_time: automation.finished_at,
        automation_execution_status: Some(progress.status.as_str().into()),
        step_executions: Some(steps),
        step_executions_truncated: Some(is_truncated),
        parameters: Some(parameters),
        outputs: Some(texts(&progress.outputs)),
        failure_message: progress.failure.clone(),
        mode: Some(mode(progress)),
        parent_automation_execution_id: automation.parent.as_ref().map(ToString::to_string),
        executed_by: Some(automation.executed_by.clone()),
        current_step_name: current_step,
        current_action,
        target_parameter_name: request.target_parameter_name.clone(),
        targets: Some(request.targets.clone().unwrap_or_default()),
        target_maps: request.target_maps.clone(),
        resolved_targets: Some(resolved(progress)),
        max_concurrency,
        max_errors,
        target: automation.target.clone(),
        variables: Some(texts(&progress.variables)).filter(|variables| !variables.is_empty()),
        targets_summary: progress.rollout.is_some().then(|| summary(&loaded.steps)),
        ..AutomationExecution::default()
    }
}

fn summary(steps: &[StepRun]) -> TargetsSummary {
    let count = |holds: fn(Status) -> bool| {
        let found = steps.iter().filter(|step| holds(step.status)).count();
        i32::try_from(found).ok()
    };
    TargetsSummary {
        total_count: count(|_| true),
        started_count: i32::try_from(steps.iter().filter(|step| step.started_at.is_some()).count()).ok(),
        completed_count: count(Status::is_terminal),
        successful_count: count(|status| status == Status::Success),
        failed_count: count(|status| matches!(status, Status::Failed | Status::TimedOut)),
    }
}

/// All of them, in their order.
pub fn steps(loaded: &Loaded) -> Vec<StepExecution> {
    loaded.steps.iter().map(|run| step(loaded, run)).collect()
}

fn step(loaded: &Loaded, run: &StepRun) -> StepExecution {
    let declared = loaded.runbook.step(&run.name).filter(|_| loaded.automation.progress.rollout.is_none());
    let mut outputs = texts(&run.outputs);
    if let Some(payload) = &run.payload {
        outputs.insert("OutputPayload".to_owned(), vec![payload.to_string()]);
    }
    let failure = run.failure.as_ref().filter(|_| run.status != Status::Success);
    StepExecution {
        step_name: Some(run.name.clone()),
        action: Some(run.action.clone()),
        timeout_seconds: declared.and_then(|step| step.timeout_seconds),
        on_failure: declared.map(on_failure),
        max_attempts: declared.and_then(|step| i32::try_from(step.max_attempts).ok()),
        execution_start_time: run.started_at,
        execution_end_time: run.finished_at,
        step_status: Some(run.status.as_str().into()),
        response_code: run.response_code.clone(),
        inputs: Some(shown(&run.inputs)),
        outputs: Some(outputs),
        failure_message: failure.map(|failure| failure.text()),
        failure_details: failure.map(|failure| FailureDetails {
            failure_stage: Some(format!("{:?}", failure.stage)),
            failure_type: Some(format!("{:?}", failure.kind)),
            details: None,
        }),
        step_execution_id: run.id.as_ref().map(ToString::to_string),
        is_end: declared.map(|step| step.is_end),
        next_step: run.goes_to.clone().or_else(|| declared.and_then(|step| step.next_step.clone())),
        is_critical: declared.map(|step| step.is_critical),
        parent_step_details: run.parent.as_ref().map(|parent| {
            let outer = loaded.steps.get(parent.place);
            ParentStepDetails {
                step_execution_id: outer.and_then(|outer| outer.id.as_ref()).map(ToString::to_string),
                step_name: outer.map(|outer| outer.name.clone()),
                action: outer.map(|outer| outer.action.clone()),
                iteration: i32::try_from(parent.pass).ok(),
                iterator_value: parent.value.as_ref().map(text),
            }
        }),
        ..StepExecution::default()
    }
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn on_failure(step: &Step) -> String {
    match &step.on_failure {
        OnFailure::Abort => "Abort".to_owned(),
        OnFailure::Continue => "Continue".to_owned(),
        OnFailure::Step(name) => format!("step:{name}"),
    }
}
