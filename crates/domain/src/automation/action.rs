//! The kinds of steps that are run here, what each takes, and how much it changes.
//! Source: spec systems-manager 7.2.

use api::ssm;

/// Of aws:executeScript.
const LONGEST_SCRIPT_SECONDS: i64 = 600;

/// The services whose operations a step may call: those that this server answers in JSON.
pub const SERVICES: [&str; 2] = ["ssm", "fettle"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Approve,
    AssertProperty,
    WaitForProperty,
    Branch,
    Loop,
    Sleep,
    Pause,
    RunCommand,
    ExecuteAutomation,
    ExecuteApi,
    ExecuteScript,
    InvokeFunction,
    InvokeWebhook,
    CreateTags,
    UpdateVariable,
}

/// Inputs that a kind of step must have, and those that it may have. `None`: any, they go to the operation that is called.
pub(super) struct Inputs {
    pub required: &'static [&'static str],
    pub optional: Option<&'static [&'static str]>,
}

/// AWS has these, this server does not; with the reason.
const NOT_RUN: [(&str, &str); 9] = [
    ("aws:executeStateMachine", "this server has no state machines; call one with aws:invokeWebhook"),
    ("aws:changeInstanceState", EC2),
    ("aws:createImage", EC2),
    ("aws:copyImage", EC2),
    ("aws:deleteImage", EC2),
    ("aws:runInstances", EC2),
    ("aws:runInstance", EC2),
    ("aws:createStack", STACKS),
    ("aws:deleteStack", STACKS),
];
const EC2: &str = "it acts on EC2, which this server does not have";
const STACKS: &str = "it acts on CloudFormation, which this server does not have";

impl Action {
    pub const ALL: [Self; 15] = [
        Self::Approve,
        Self::AssertProperty,
        Self::WaitForProperty,
        Self::Branch,
        Self::Loop,
        Self::Sleep,
        Self::Pause,
        Self::RunCommand,
        Self::ExecuteAutomation,
        Self::ExecuteApi,
        Self::ExecuteScript,
        Self::InvokeFunction,
        Self::InvokeWebhook,
        Self::CreateTags,
        Self::UpdateVariable,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "aws:approve",
            Self::AssertProperty => "aws:assertAwsResourceProperty",
            Self::WaitForProperty => "aws:waitForAwsResourceProperty",
            Self::Branch => "aws:branch",
            Self::Loop => "aws:loop",
            Self::Sleep => "aws:sleep",
            Self::Pause => "aws:pause",
            Self::RunCommand => "aws:runCommand",
            Self::ExecuteAutomation => "aws:executeAutomation",
            Self::ExecuteApi => "aws:executeAwsApi",
            Self::ExecuteScript => "aws:executeScript",
            Self::InvokeFunction => "aws:invokeLambdaFunction",
            Self::InvokeWebhook => "aws:invokeWebhook",
            Self::CreateTags => "aws:createTags",
            Self::UpdateVariable => "aws:updateVariable",
        }
    }

    /// Letter case does not count: documents write `Aws` and `AWS`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str().eq_ignore_ascii_case(text))
    }

    /// Why a kind of step that AWS has is not run here; `None` when nobody has it.
    pub(super) fn not_run(text: &str) -> Option<&'static str> {
        NOT_RUN.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, reason)| *reason)
    }

    pub(super) fn inputs(self) -> Inputs {
        let (required, optional): (&[&str], Option<&[&str]>) = match self {
            Self::Approve => (&["Approvers"], Some(&["NotificationArn", "Message", "MinRequiredApprovals"])),
            Self::AssertProperty | Self::WaitForProperty => {
                (&["Service", "Api", "PropertySelector", "DesiredValues"], None)
            }
            Self::Branch => (&["Choices"], Some(&["Default"])),
            Self::Loop => {
                (&["Steps"], Some(&["Iterators", "IteratorDataType", "LoopCondition", "MaxIterations"]))
            }
            Self::Sleep => (&[], Some(&["Duration", "Timestamp"])),
            Self::Pause => (&[], Some(&[])),
            Self::RunCommand => (
                &["DocumentName"],
                Some(&[
                    "DocumentVersion",
                    "InstanceIds",
                    "Targets",
                    "Parameters",
                    "Comment",
                    "CloudWatchOutputConfig",
                    "MaxConcurrency",
                    "MaxErrors",
                    "OutputS3BucketName",
                    "OutputS3KeyPrefix",
                    "ServiceRoleArn",
                    "NotificationConfig",
                    "TimeoutSeconds",
                    "DocumentHash",
                    "DocumentHashType",
                ]),
            ),
            Self::ExecuteAutomation => (
                &["DocumentName"],
                Some(&[
                    "DocumentVersion",
                    "RuntimeParameters",
                    "MaxConcurrency",
                    "MaxErrors",
                    "TargetParameterName",
                    "Targets",
                    "TargetMaps",
                    "Tags",
                ]),
            ),
            Self::ExecuteApi => (&["Service", "Api"], None),
            Self::ExecuteScript => (&["Runtime", "Handler"], Some(&["InputPayload", "Script", "Attachment"])),
            Self::InvokeFunction => (
                &["FunctionName"],
                Some(&["Qualifier", "InvocationType", "LogType", "ClientContext", "InputPayload", "Payload"]),
            ),
            Self::InvokeWebhook => (&["IntegrationName"], Some(&["Body"])),
            Self::CreateTags => (&["ResourceIds", "Tags"], Some(&["ResourceType"])),
            Self::UpdateVariable => (&["Name", "Value"], Some(&[])),
        };
        Inputs { required, optional }
    }

    /// A handler of a cancellation is to be quick: these wait, or are not allowed there by AWS.
    pub(super) fn may_handle_cancel(self) -> bool {
        !matches!(self, Self::Approve | Self::CreateTags | Self::Pause | Self::Sleep)
    }

    /// How long an attempt may take where the step does not say.
    pub(super) fn default_timeout_seconds(self) -> Option<i64> {
        match self {
            Self::Approve => Some(604_800),
            Self::WaitForProperty => Some(3600),
            Self::ExecuteScript => Some(LONGEST_SCRIPT_SECONDS),
            _ => None,
        }
    }

    /// How long an attempt may take, whatever the step says.
    pub(super) fn longest_timeout_seconds(self) -> i64 {
        match self {
            Self::ExecuteScript => LONGEST_SCRIPT_SECONDS,
            _ => i64::MAX,
        }
    }
}

/// The operation of one of [`SERVICES`], by its name in Pascal case or in snake case.
pub(super) fn operation(service: &str, api: &str) -> Option<&'static str> {
    let plain: String = api.chars().filter(|c| *c != '_').collect();
    let is_meant = |name: &&'static str| name.eq_ignore_ascii_case(&plain);
    match service {
        "ssm" => ssm::Operation::ALL.iter().map(|operation| operation.name()).find(is_meant),
        "fettle" => api::fettle::Operation::ALL.iter().map(|operation| operation.name()).find(is_meant),
        _ => None,
    }
}

/// Whether calling an operation twice is as good as calling it once.
pub(super) fn only_reads(operation: &str) -> bool {
    ["Describe", "Get", "List", "Explain"].iter().any(|verb| operation.starts_with(verb))
}

/// How much a step changes, as a preview tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    Mutating,
    NonMutating,
    Undetermined,
}

impl Impact {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mutating => "Mutating",
            Self::NonMutating => "NonMutating",
            Self::Undetermined => "Undetermined",
        }
    }
}

pub fn impact(step: &super::Step) -> Impact {
    let api = step.inputs.get("Api").and_then(serde_json::Value::as_str).unwrap_or_default();
    let reads = || only_reads(operation("ssm", api).or_else(|| operation("fettle", api)).unwrap_or_default());
    match step.action {
        Action::CreateTags => Impact::Mutating,
        Action::RunCommand
        | Action::ExecuteAutomation
        | Action::ExecuteScript
        | Action::InvokeFunction
        | Action::InvokeWebhook => Impact::Undetermined,
        Action::ExecuteApi if api.contains("{{") => Impact::Undetermined,
        Action::ExecuteApi if !reads() => Impact::Mutating,
        _ => Impact::NonMutating,
    }
}
