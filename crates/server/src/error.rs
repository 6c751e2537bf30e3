//! The only road to error codes: what a client sees, and what the log keeps.
//! Source: systems-manager.md 0.3; each operation's errors in api-operations.md.

use std::error::Error;
use std::fmt;

use api::DecodeError;
use api::ssm::ErrorCode;
use domain::baseline::BaselineError;
use domain::ids::{BaselineId, InvalidId, PatchGroup, Region, WindowId};
use domain::os::OperatingSystem;
use domain::window::{TaskError, WindowError};
use serde_json::{Value, json};
use store::StoreError;

/// An error code of one of the services, with the HTTP status it travels under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub name: &'static str,
    pub status: u16,
}

impl From<ErrorCode> for Code {
    fn from(code: ErrorCode) -> Self {
        Self { name: code.as_str(), status: code.http_status() }
    }
}

impl From<api::mds::ErrorCode> for Code {
    fn from(code: api::mds::ErrorCode) -> Self {
        Self { name: code.as_str(), status: code.http_status() }
    }
}

impl From<api::fettle::ErrorCode> for Code {
    fn from(code: api::fettle::ErrorCode) -> Self {
        Self { name: code.as_str(), status: code.http_status() }
    }
}

impl From<api::quicksetup::ErrorCode> for Code {
    fn from(code: api::quicksetup::ErrorCode) -> Self {
        Self { name: code.as_str(), status: code.http_status() }
    }
}

impl From<api::resourcegroups::ErrorCode> for Code {
    fn from(code: api::resourcegroups::ErrorCode) -> Self {
        Self { name: code.as_str(), status: code.http_status() }
    }
}

/// A refusal or a failure. The source goes to the log, never to the client.
#[derive(Debug)]
pub struct ApiError {
    pub code: Code,
    pub message: String,
    /// Further members that the SDKs expose: `TypeName`, `SyncName`.
    members: Vec<(&'static str, Value)>,
    source: Option<Box<dyn Error + Send + Sync>>,
    /// Running the handler once more may succeed.
    is_conflict: bool,
}

impl ApiError {
    pub fn new(code: impl Into<Code>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self { code, message, members: Vec::new(), source: None, is_conflict: false }
    }

    /// Adds a member of the modelled exception.
    pub fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((member, value.into()));
        self
    }

    pub fn is_conflict(&self) -> bool {
        self.is_conflict
    }

    /// The whole chain of causes, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.source();
        while let Some(error) = next {
            text.push_str(": ");
            text.push_str(&error.to_string());
            next = error.source();
        }
        text
    }

    /// Under the names and statuses of a service that has its own for what all services have.
    pub fn of_quick_setup(mut self) -> Self {
        use api::quicksetup::ErrorCode;
        let code = match self.code.name {
            "InternalServerError" => Some(ErrorCode::InternalServerException),
            name => ErrorCode::parse(name),
        };
        // What comes before the operation keeps its own.
        self.code = code.map_or(self.code, Code::from);
        self
    }

    /// Under the names and statuses of Resource Groups, which has its own for what all services have.
    pub fn of_resource_groups(mut self) -> Self {
        use api::resourcegroups::ErrorCode;
        let code = match self.code.name {
            "InternalServerError" => Some(ErrorCode::InternalServerErrorException),
            "ValidationException" => Some(ErrorCode::BadRequestException),
            "AccessDeniedException" => Some(ErrorCode::ForbiddenException),
            "ThrottlingException" => Some(ErrorCode::TooManyRequestsException),
            name => ErrorCode::parse(name),
        };
        self.code = code.map_or(self.code, Code::from);
        self
    }

    /// The body of every JSON protocol. Both spellings of the text: modelled exceptions differ.
    pub fn to_json(&self) -> Vec<u8> {
        let mut body = json!({"__type": self.code.name, "message": self.message, "Message": self.message});
        if let Value::Object(body) = &mut body {
            body.extend(self.members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        body.to_string().into_bytes()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name, self.message)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let is_conflict = matches!(error, StoreError::Conflict);
        let code = Code { name: "InternalServerError", status: 500 };
        let message = "the request could not be completed; try again".to_owned();
        Self { code, message, members: Vec::new(), source: Some(Box::new(error)), is_conflict }
    }
}

impl From<DecodeError> for ApiError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Serialization(message) => Self::new(ErrorCode::SerializationException, message),
            DecodeError::Validation(message) => Self::new(ErrorCode::ValidationException, message),
        }
    }
}

/// Where an operation has a better code than this for a malformed id, its handler maps it.
impl From<InvalidId> for ApiError {
    fn from(error: InvalidId) -> Self {
        validation(error.to_string())
    }
}

impl From<BaselineError> for ApiError {
    fn from(error: BaselineError) -> Self {
        validation(error.to_string())
    }
}

impl From<WindowError> for ApiError {
    fn from(error: WindowError) -> Self {
        validation(error.to_string())
    }
}

impl From<TaskError> for ApiError {
    fn from(error: TaskError) -> Self {
        validation(error.to_string())
    }
}

pub fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::ValidationException, message)
}

pub fn invalid_signature(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidSignatureException, message)
}

pub fn access_denied(caller: &str, action: &str, resource: &str) -> ApiError {
    let message = format!(
        "User: {caller} is not authorized to perform: {action} on resource: {resource} \
         because no identity-based policy allows the {action} action"
    );
    ApiError::new(ErrorCode::AccessDeniedException, message)
}

/// A statement of a policy says no, whatever others say.
pub fn access_forbidden(caller: &str, action: &str, resource: &str) -> ApiError {
    let message = format!(
        "User: {caller} is not authorized to perform: {action} on resource: {resource} \
         with an explicit deny in an identity-based policy"
    );
    ApiError::new(ErrorCode::AccessDeniedException, message)
}

/// In the public model, but not among this server's handlers.
pub fn operation_not_served(operation: &str) -> ApiError {
    ApiError::new(ErrorCode::UnknownOperationException, format!("this server does not have {operation} yet"))
}

pub fn unknown_operation(target: &str) -> ApiError {
    let target: String = target.chars().take(128).collect();
    ApiError::new(ErrorCode::UnknownOperationException, format!("no service answers to `{target}`"))
}

pub fn body_too_large(limit_bytes: usize) -> ApiError {
    let code = Code { name: "RequestEntityTooLargeException", status: 413 };
    ApiError::new(code, format!("the request body is larger than {limit_bytes} bytes"))
}

pub fn shutting_down() -> ApiError {
    let code = Code { name: "ServiceUnavailableException", status: 503 };
    ApiError::new(code, "the server is shutting down; try again")
}

pub fn node_not_managed(node: &str, account: &str) -> ApiError {
    let message = format!("Instances [[{node}]] not in a valid state for account {account}");
    ApiError::new(ErrorCode::InvalidInstanceId, message)
}

/// For operations that declare this code for a malformed id.
pub fn invalid_resource_id(error: InvalidId) -> ApiError {
    ApiError::new(ErrorCode::InvalidResourceId, error.to_string())
}

pub fn baseline_not_found(id: &BaselineId, region: &Region) -> ApiError {
    // Provided baselines have their ARN for a name; scripts often know the short id only.
    let hint = match domain::baseline::predefined::find(id, region) {
        Some(provided) if !id.is_provided() => {
            format!("; a provided one is named by its ARN, {}", provided.id)
        }
        _ => String::new(),
    };
    let message = format!("baseline `{id}` does not exist in {region}{hint}");
    ApiError::new(ErrorCode::DoesNotExistException, message)
}

pub fn baseline_is_provided(id: &BaselineId) -> ApiError {
    let message = format!("baseline `{id}` is a provided one: it cannot be changed or deleted");
    ApiError::new(ErrorCode::ValidationException, message)
}

pub fn baseline_has_groups(id: &BaselineId, groups: &[PatchGroup]) -> ApiError {
    let names: Vec<String> = groups.iter().map(|group| format!("`{group}`")).collect();
    let message = format!("baseline `{id}` is registered to patch groups: {}", names.join(", "));
    ApiError::new(ErrorCode::ResourceInUseException, message)
}

pub fn baseline_is_default(id: &BaselineId, os: OperatingSystem) -> ApiError {
    let message = format!("baseline `{id}` is the default of {os}; register another default first");
    ApiError::new(ErrorCode::ResourceInUseException, message)
}

pub fn group_has_baseline(group: &PatchGroup, os: OperatingSystem, registered: &BaselineId) -> ApiError {
    let message = format!(
        "patch group `{group}` is already registered with baseline `{registered}` for {os}; deregister it first"
    );
    ApiError::new(ErrorCode::AlreadyExistsException, message)
}

pub fn too_many_baselines(limit: i64) -> ApiError {
    let message = format!("an account has at most {limit} baselines of its own in a region");
    ApiError::new(ErrorCode::ResourceLimitExceededException, message)
}

pub fn too_many_groups(id: &BaselineId, limit: usize) -> ApiError {
    let message = format!("baseline `{id}` is registered to {limit} patch groups, which is the limit");
    ApiError::new(ErrorCode::ResourceLimitExceededException, message)
}

pub fn window_not_found(id: &WindowId) -> ApiError {
    ApiError::new(ErrorCode::DoesNotExistException, format!("Maintenance window {id} does not exist"))
}

pub fn too_many_windows(limit: usize) -> ApiError {
    let message = format!("an account has at most {limit} maintenance windows in a region");
    ApiError::new(ErrorCode::ResourceLimitExceededException, message)
}

/// `what` is the plural of what is registered.
pub fn too_many_of_window(id: &WindowId, limit: usize, what: &str) -> ApiError {
    let message = format!("maintenance window {id} has {limit} {what}, which is the limit");
    ApiError::new(ErrorCode::ResourceLimitExceededException, message)
}

pub fn idempotent_parameter_mismatch(client_token: &str) -> ApiError {
    let message = format!("client token `{client_token}` was used before with other parameters");
    ApiError::new(ErrorCode::IdempotentParameterMismatch, message)
}

/// Only Microsoft publishes a catalogue that the service can judge by itself.
pub fn effective_patches_of_windows_only(id: &BaselineId, os: OperatingSystem) -> ApiError {
    let message = format!(
        "baseline `{id}` is for {os}: effective patches are known for WINDOWS baselines alone; on other systems nodes judge by what their repositories offer"
    );
    ApiError::new(ErrorCode::UnsupportedOperatingSystem, message)
}

/// `platform` is what the node reported of itself.
pub fn unsupported_operating_system(node: &str, platform: &str) -> ApiError {
    let message = format!("node `{node}` runs {platform}, for which there are no patch baselines");
    ApiError::new(ErrorCode::UnsupportedOperatingSystem, message)
}
