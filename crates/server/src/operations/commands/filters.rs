//! The filters of ListCommands and ListCommandInvocations.
//! Source: systems-manager.md 1.6.

use api::Timestamp;
use api::ssm::{CommandFilter, CommandFilterKey, ErrorCode};
use domain::command::{CommandStatus, InvocationStatus};
use domain::ids::DocumentName;
use store::commands::Stage;

use crate::error::ApiError;

/// Both lists' filters, read; a key that one of them does not have is refused before.
#[derive(Debug, Default)]
pub struct Filters {
    pub requested_after: Option<Timestamp>,
    pub requested_before: Option<Timestamp>,
    pub document_name: Option<String>,
    pub status: Option<String>,
    pub stage: Option<Stage>,
}

impl Filters {
    pub fn of_commands(filters: &[CommandFilter]) -> Result<Self, ApiError> {
        let mut read = Self::default();
        filters.iter().try_for_each(|filter| read.add(filter))?;
        Ok(read)
    }

    pub fn of_invocations(filters: &[CommandFilter]) -> Result<Self, ApiError> {
        if filters.iter().any(|filter| filter.key == CommandFilterKey::ExecutionStage) {
            return Err(invalid("ExecutionStage is a filter of ListCommands only".to_owned()));
        }
        Self::of_commands(filters)
    }

    fn add(&mut self, filter: &CommandFilter) -> Result<(), ApiError> {
        let CommandFilter { key, value } = filter;
        let time = || {
            let expected = || invalid(format!("{key}: `{value}` is not a time such as 2026-01-31T12:00:00Z"));
            Timestamp::parse(value).ok_or_else(expected)
        };
        match key {
            CommandFilterKey::InvokedAfter => self.requested_after = Some(time()?),
            CommandFilterKey::InvokedBefore => self.requested_before = Some(time()?),
            CommandFilterKey::DocumentName => {
                // A name that cannot exist matches nothing.
                let name = DocumentName::from_reference(value);
                self.document_name = Some(name.map_or_else(|_| value.clone(), String::from));
            }
            CommandFilterKey::Status => self.status = Some(value.clone()),
            CommandFilterKey::ExecutionStage => {
                self.stage = Some(match value.as_str() {
                    "Executing" => Stage::Executing,
                    "Complete" => Stage::Complete,
                    _ => {
                        return Err(invalid(format!(
                            "ExecutionStage: `{value}` is not Executing or Complete"
                        )));
                    }
                });
            }
            CommandFilterKey::Unknown(key) => return Err(invalid(format!("`{key}` is not a filter key"))),
        }
        Ok(())
    }

    /// The commands' states that the Status filter names, by status or by details.
    pub fn command_statuses(&self) -> Option<Vec<CommandStatus>> {
        let wanted = self.status.as_deref()?;
        let all = CommandStatus::ALL.into_iter();
        Some(all.filter(|s| s.as_status_str() == wanted || s.as_str() == wanted).collect())
    }

    pub fn invocation_statuses(&self) -> Option<Vec<InvocationStatus>> {
        let wanted = self.status.as_deref()?;
        let all = InvocationStatus::ALL.into_iter();
        Some(all.filter(|s| s.as_status_str() == wanted || s.as_str() == wanted).collect())
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidFilterKey, message)
}
