//! How far a run of a window, a task of it or a piece of its work is, and what the parts add up to.
//! Source: spec systems-manager 4.4.

use crate::command::CommandStatus;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExecutionStatus {
    Pending,
    InProgress,
    Success,
    Failed,
    TimedOut,
    Cancelling,
    Cancelled,
    SkippedOverlapping,
}

impl ExecutionStatus {
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::InProgress,
        Self::Success,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelling,
        Self::Cancelled,
        Self::SkippedOverlapping,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::SkippedOverlapping => "SKIPPED_OVERLAPPING",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress | Self::Cancelling)
    }

    /// What the parts make of the whole. Without parts there was nothing to do, which is a success.
    pub fn of_parts(parts: &[Self]) -> Self {
        let has = |status| parts.contains(&status);
        if parts.iter().all(|part| part.is_terminal()) {
            let worst = [Self::Failed, Self::TimedOut, Self::Cancelled];
            return worst.into_iter().find(|status| has(*status)).unwrap_or(Self::Success);
        }
        if has(Self::Cancelling) {
            Self::Cancelling
        } else if parts.iter().all(|part| *part == Self::Pending) {
            Self::Pending
        } else {
            Self::InProgress
        }
    }

    /// A piece of work that is a command.
    pub fn of_command(command: CommandStatus) -> Self {
        match command {
            CommandStatus::Pending | CommandStatus::InProgress => Self::InProgress,
            CommandStatus::Cancelling => Self::Cancelling,
            CommandStatus::Success => Self::Success,
            CommandStatus::Cancelled => Self::Cancelled,
            CommandStatus::ExecutionTimedOut | CommandStatus::DeliveryTimedOut => Self::TimedOut,
            CommandStatus::Failed
            | CommandStatus::Incomplete
            | CommandStatus::NoInstancesInTag
            | CommandStatus::AccessDenied
            | CommandStatus::LimitExceeded => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ExecutionStatus::*;
    use super::*;

    #[test]
    fn names_tell_states_apart() {
        for status in ExecutionStatus::ALL {
            assert_eq!(ExecutionStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(ExecutionStatus::parse("Success"), None);
    }

    #[test]
    fn parts_add_up() {
        let rows: [(&[ExecutionStatus], ExecutionStatus); 12] = [
            (&[], Success),
            (&[Success, Success], Success),
            (&[Success, Failed, TimedOut], Failed),
            (&[Cancelled, TimedOut, Success], TimedOut),
            (&[Cancelled, Success], Cancelled),
            (&[Pending, Pending], Pending),
            (&[Pending, InProgress], InProgress),
            (&[Success, Pending], InProgress),
            (&[Failed, InProgress], InProgress),
            (&[Cancelling, InProgress], Cancelling),
            (&[Cancelling, Cancelled], Cancelling),
            (&[Failed, Cancelled], Failed),
        ];
        for (parts, expected) in rows {
            assert_eq!(ExecutionStatus::of_parts(parts), expected, "{parts:?}");
        }
    }

    #[test]
    fn a_command_that_goes_on_is_no_end() {
        for command in CommandStatus::ALL {
            assert_eq!(
                ExecutionStatus::of_command(command).is_terminal(),
                command.is_terminal(),
                "{command:?}"
            );
        }
    }
}
