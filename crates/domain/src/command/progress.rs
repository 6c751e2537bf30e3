//! What is known of one invocation: replies merged in whatever order they arrive.
//! A reply carries one step or none, may come twice, and may overtake another.
//! Source: spec agent-protocol 3.7 and 3.8.

use std::collections::BTreeMap;

use api::Timestamp;
use api::agent::reply::{ReplyPayload, StepReply, StepStatus};
use serde::{Deserialize, Serialize};

use super::{Event, InvocationStatus};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub status: InvocationStatus,
    /// By step name, or by plugin in schema 1.2.
    pub steps: BTreeMap<String, StepResult>,
    /// Why the document could not run.
    pub trace_output: String,
}

/// The API's plugin statuses. Ordered so that merging always prefers what is further on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PluginStatus {
    Pending,
    InProgress,
    Success,
    Cancelled,
    TimedOut,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepResult {
    pub status: PluginStatus,
    pub ended_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub code: i64,
    /// `aws:runShellScript`.
    pub plugin: String,
    pub output: String,
    pub standard_output: String,
    pub standard_error: String,
}

impl Progress {
    pub fn new() -> Self {
        Self { status: InvocationStatus::Pending, steps: BTreeMap::new(), trace_output: String::new() }
    }

    /// Takes in one reply. Any order of the same replies ends the same; a late reply still adds
    /// the step it carries, but never reopens what has ended.
    pub fn merge(&mut self, reply: &ReplyPayload) {
        self.apply(Event::of_reply(&reply.document_status));
        for (name, step) in reply.runtime_status.iter().flatten() {
            let result = StepResult::of_reply(step);
            match self.steps.get_mut(name) {
                Some(known) if *known >= result => {}
                Some(known) => *known = result,
                None => {
                    self.steps.insert(name.clone(), result);
                }
            }
        }
        if reply.document_trace_output > self.trace_output {
            self.trace_output.clone_from(&reply.document_trace_output);
        }
    }

    /// Whether the event changed the status.
    pub fn apply(&mut self, event: Event) -> Option<InvocationStatus> {
        let after = self.status.after(event)?;
        self.status = after;
        Some(after)
    }

    /// The result to show for a step: what no agent reported ends with its invocation.
    pub fn shown(&self, step: &str, plugin: &str) -> StepResult {
        let unreported = StepResult::pending(plugin);
        let mut result = self.steps.get(step).cloned().unwrap_or(unreported);
        if self.status.is_terminal() && !result.status.is_terminal() {
            result.status = PluginStatus::at_end_of(self.status);
        }
        result
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl StepResult {
    fn pending(plugin: &str) -> Self {
        Self {
            status: PluginStatus::Pending,
            ended_at: None,
            started_at: None,
            code: -1,
            plugin: plugin.to_owned(),
            output: String::new(),
            standard_output: String::new(),
            standard_error: String::new(),
        }
    }

    fn of_reply(reply: &StepReply) -> Self {
        Self {
            status: PluginStatus::of_reply(&reply.status),
            ended_at: reply.ended_at(),
            started_at: reply.started_at(),
            code: reply.code,
            plugin: reply.name.clone(),
            output: reply.output.clone(),
            standard_output: reply.standard_output.clone(),
            standard_error: reply.standard_error.clone(),
        }
    }
}

impl PluginStatus {
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            Self::Cancelled => "Cancelled",
            Self::TimedOut => "TimedOut",
            Self::Failed => "Failed",
        }
    }

    /// `StatusDetails` on the wire.
    pub fn as_details_str(self) -> &'static str {
        match self {
            Self::TimedOut => "ExecutionTimedOut",
            plain => plain.as_str(),
        }
    }

    fn of_reply(status: &StepStatus) -> Self {
        match status {
            StepStatus::NotStarted => Self::Pending,
            StepStatus::InProgress | StepStatus::SuccessAndReboot => Self::InProgress,
            StepStatus::Success
            | StepStatus::PassedAndReboot
            | StepStatus::Skipped
            | StepStatus::TestPass => Self::Success,
            StepStatus::Cancelled => Self::Cancelled,
            StepStatus::TimedOut => Self::TimedOut,
            // A word we do not know is no success.
            StepStatus::Failed | StepStatus::TestFailure | StepStatus::Other(_) => Self::Failed,
        }
    }

    fn at_end_of(invocation: InvocationStatus) -> Self {
        match invocation {
            InvocationStatus::Cancelled | InvocationStatus::Terminated => Self::Cancelled,
            InvocationStatus::ExecutionTimedOut | InvocationStatus::DeliveryTimedOut => Self::TimedOut,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::agent::reply::DocumentStatus;
    use proptest::prelude::*;

    fn reply(document: DocumentStatus, steps: &[(&str, StepStatus, &str)]) -> ReplyPayload {
        let step = |status: &StepStatus, output: &str| StepReply {
            status: status.clone(),
            code: 0,
            name: "aws:runShellScript".to_owned(),
            output: output.to_owned(),
            start_date_time: "2026-01-31T12:00:00.000Z".to_owned(),
            end_date_time: String::new(),
            output_s3_bucket_name: String::new(),
            output_s3_key_prefix: String::new(),
            step_name: String::new(),
            standard_output: output.to_owned(),
            standard_error: String::new(),
        };
        let steps = steps.iter().map(|(name, status, output)| ((*name).to_owned(), step(status, output)));
        ReplyPayload {
            additional_info: Default::default(),
            document_status: document,
            document_trace_output: String::new(),
            runtime_status: Some(steps.collect()),
        }
    }

    /// Three steps, a reboot within the second.
    fn run() -> Vec<ReplyPayload> {
        use DocumentStatus::{Failed, InProgress, SuccessAndReboot};
        vec![
            reply(InProgress, &[]),
            reply(InProgress, &[("a", StepStatus::Success, "one")]),
            reply(SuccessAndReboot, &[("b", StepStatus::SuccessAndReboot, "half")]),
            reply(InProgress, &[("b", StepStatus::Skipped, "whole")]),
            reply(InProgress, &[("c", StepStatus::Failed, "bad")]),
            reply(Failed, &[]),
        ]
    }

    fn merged(replies: &[ReplyPayload]) -> Progress {
        let mut progress = Progress::new();
        replies.iter().for_each(|reply| progress.merge(reply));
        progress
    }

    #[test]
    fn steps_are_collected_from_all_replies() {
        let progress = merged(&run());
        assert_eq!(progress.status, InvocationStatus::Failed);
        let shown = |step| {
            let result = progress.shown(step, "aws:runShellScript");
            (result.status, result.standard_output)
        };
        assert_eq!(shown("a"), (PluginStatus::Success, "one".to_owned()));
        assert_eq!(shown("b"), (PluginStatus::Success, "whole".to_owned()));
        assert_eq!(shown("c"), (PluginStatus::Failed, "bad".to_owned()));
        assert_eq!(shown("never"), (PluginStatus::Failed, String::new()));
    }

    #[test]
    fn a_late_step_is_kept_but_nothing_reopens() {
        let mut progress = merged(&[reply(DocumentStatus::Success, &[])]);
        progress.merge(&reply(DocumentStatus::InProgress, &[("a", StepStatus::Success, "late")]));
        assert_eq!(progress.status, InvocationStatus::Success);
        assert_eq!(progress.steps["a"].output, "late");
    }

    #[test]
    fn unfinished_steps_end_with_their_invocation() {
        let mut progress = merged(&run()[..3]);
        assert_eq!(progress.shown("b", "p").status, PluginStatus::InProgress);
        assert_eq!(progress.shown("c", "p").status, PluginStatus::Pending);
        progress.apply(Event::Expired);
        assert_eq!(progress.shown("b", "p").status, PluginStatus::TimedOut);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_order_ends_the_same(order in Just(run()).prop_shuffle(), again in 0usize..6) {
            let mut order = order;
            let repeated = order[again].clone();
            order.push(repeated);
            prop_assert_eq!(merged(&order), merged(&run()));
        }
    }
}
