//! Commands and their invocations: states, transitions, and what a command's invocations add up
//! to. Delivering is the server's, running the agent's; replies are merged in `progress`.
//! Source: spec systems-manager 1.3 to 1.5, agent-protocol 3.8.

use api::agent::reply::DocumentStatus;

mod progress;

pub use progress::{PluginStatus, Progress, StepResult};

/// The state of one command on one node; each has its own StatusDetails, by which it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InvocationStatus {
    Pending,
    /// A delivery failed and will be repeated.
    Delayed,
    InProgress,
    Cancelling,
    Success,
    Failed,
    /// The agent reported that the time was up.
    ExecutionTimedOut,
    /// No agent took it, or none reported its end, in time.
    DeliveryTimedOut,
    Cancelled,
    /// Not started, because too many others failed.
    Terminated,
    Undeliverable,
    InvalidPlatform,
    AccessDenied,
}

/// What happens to an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    DeliveryFailed,
    /// The agent acknowledged it, or reported progress.
    PickedUp,
    Ended(Ending),
    /// The agent cannot run it: its acknowledgement named an error.
    Refused,
    /// The time for delivery is over.
    DeliveryExpired,
    /// The time for everything is over.
    Expired,
    CancelRequested,
    /// The rollout passed its error limit.
    RolloutStopped,
    PlatformMismatch,
}

/// How an agent says a document ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    Success,
    Failed,
    TimedOut,
    Cancelled,
}

impl Event {
    /// What a reply means for its invocation. A reply before a reboot is progress.
    pub fn of_reply(status: &DocumentStatus) -> Self {
        match status {
            DocumentStatus::Success => Self::Ended(Ending::Success),
            DocumentStatus::Failed => Self::Ended(Ending::Failed),
            DocumentStatus::TimedOut => Self::Ended(Ending::TimedOut),
            DocumentStatus::Cancelled => Self::Ended(Ending::Cancelled),
            DocumentStatus::InProgress | DocumentStatus::SuccessAndReboot | DocumentStatus::Other(_) => {
                Self::PickedUp
            }
        }
    }
}

impl InvocationStatus {
    pub const ALL: [Self; 13] = [
        Self::Pending,
        Self::Delayed,
        Self::InProgress,
        Self::Cancelling,
        Self::Success,
        Self::Failed,
        Self::ExecutionTimedOut,
        Self::DeliveryTimedOut,
        Self::Cancelled,
        Self::Terminated,
        Self::Undeliverable,
        Self::InvalidPlatform,
        Self::AccessDenied,
    ];

    /// The state after `event`, or `None` when it changes nothing: it comes too late, or again.
    pub fn after(self, event: Event) -> Option<Self> {
        use InvocationStatus::*;
        match (self, event) {
            (Pending, Event::DeliveryFailed) => Some(Delayed),
            (Pending | Delayed, Event::PickedUp) => Some(InProgress),
            (Pending | Delayed | InProgress | Cancelling, Event::Ended(ending)) => Some(match ending {
                Ending::Success => Success,
                Ending::Failed => Failed,
                Ending::TimedOut => ExecutionTimedOut,
                Ending::Cancelled => Cancelled,
            }),
            (Pending | Delayed | InProgress | Cancelling, Event::Refused) => Some(Failed),
            (Pending | Delayed, Event::DeliveryExpired) => Some(DeliveryTimedOut),
            (Pending | Delayed | InProgress | Cancelling, Event::Expired) => Some(DeliveryTimedOut),
            (Pending | Delayed, Event::CancelRequested) => Some(Cancelled),
            (InProgress, Event::CancelRequested) => Some(Cancelling),
            (Pending | Delayed, Event::RolloutStopped) => Some(Terminated),
            (Pending | Delayed, Event::PlatformMismatch) => Some(InvalidPlatform),
            _ => None,
        }
    }

    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Delayed | Self::InProgress | Self::Cancelling)
    }

    /// An agent has it, or had it.
    pub fn was_picked_up(self) -> bool {
        !matches!(self, Self::Pending | Self::Delayed)
    }

    /// Counts against MaxErrors and in ErrorCount.
    pub fn is_error(self) -> bool {
        matches!(self, Self::Failed | Self::ExecutionTimedOut)
    }

    /// `Status` on the wire.
    pub fn as_status_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Delayed => "Delayed",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Failed | Self::Undeliverable | Self::InvalidPlatform | Self::AccessDenied => "Failed",
            Self::ExecutionTimedOut | Self::DeliveryTimedOut => "TimedOut",
            Self::Cancelled | Self::Terminated => "Cancelled",
        }
    }

    /// `StatusDetails` on the wire: tells every state from every other.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::Terminated => "Terminated",
            Self::Undeliverable => "Undeliverable",
            Self::InvalidPlatform => "InvalidPlatform",
            Self::AccessDenied => "AccessDenied",
            plain => plain.as_status_str(),
        }
    }

    /// Reads StatusDetails.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A command as a whole; stored and shown by its StatusDetails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandStatus {
    Pending,
    InProgress,
    Cancelling,
    Success,
    Cancelled,
    Failed,
    ExecutionTimedOut,
    DeliveryTimedOut,
    Incomplete,
    NoInstancesInTag,
    AccessDenied,
    LimitExceeded,
}

/// What else bears on a command besides its invocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Circumstance {
    #[default]
    Ordinary,
    CancelRequested,
    /// The targets were resolved and there were none.
    NoTargets,
    GroupNotAllowed,
    LimitExceeded,
}

/// How many invocations of a command are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: [u32; InvocationStatus::ALL.len()],
}

impl Tally {
    pub fn of(statuses: impl IntoIterator<Item = InvocationStatus>) -> Self {
        let mut tally = Self::default();
        statuses.into_iter().for_each(|status| tally.add(status, 1));
        tally
    }

    pub fn add(&mut self, status: InvocationStatus, count: u32) {
        self.counts[status as usize] += count;
    }

    pub fn count(&self, status: InvocationStatus) -> u32 {
        self.counts[status as usize]
    }

    /// TargetCount.
    pub fn total(&self) -> u32 {
        self.sum(|_| true)
    }

    /// CompletedCount.
    pub fn completed(&self) -> u32 {
        self.sum(InvocationStatus::is_terminal)
    }

    /// ErrorCount.
    pub fn errors(&self) -> u32 {
        self.sum(InvocationStatus::is_error)
    }

    /// DeliveryTimedOutCount.
    pub fn delivery_timed_out(&self) -> u32 {
        self.count(InvocationStatus::DeliveryTimedOut)
    }

    fn sum(&self, counts: impl Fn(InvocationStatus) -> bool) -> u32 {
        let counted = InvocationStatus::ALL.into_iter().filter(|status| counts(*status));
        counted.map(|status| self.count(status)).sum()
    }
}

impl CommandStatus {
    /// `max_errors` is resolved against the number of targets.
    pub fn of(tally: &Tally, max_errors: u32, circumstance: Circumstance) -> Self {
        match circumstance {
            Circumstance::NoTargets => return Self::NoInstancesInTag,
            Circumstance::GroupNotAllowed => return Self::AccessDenied,
            Circumstance::LimitExceeded => return Self::LimitExceeded,
            Circumstance::Ordinary | Circumstance::CancelRequested => {}
        }
        let is_cancelled = circumstance == Circumstance::CancelRequested;
        let is_done = tally.total() > 0 && tally.completed() == tally.total();
        match (is_done, is_cancelled) {
            (true, true) => Self::Cancelled,
            (true, false) => Self::of_ended(tally, max_errors),
            (false, true) => Self::Cancelling,
            (false, false) if tally.sum(InvocationStatus::was_picked_up) > 0 => Self::InProgress,
            (false, false) => Self::Pending,
        }
    }

    fn of_ended(tally: &Tally, max_errors: u32) -> Self {
        use InvocationStatus as Invocation;
        let limit = max_errors.max(1);
        let (errors, expired) = (tally.errors(), tally.delivery_timed_out());
        let unreached = tally.count(Invocation::Undeliverable)
            + tally.count(Invocation::InvalidPlatform)
            + tally.count(Invocation::AccessDenied);
        if errors >= limit {
            return match tally.count(Invocation::ExecutionTimedOut) == errors {
                true => Self::ExecutionTimedOut,
                false => Self::Failed,
            };
        }
        if expired >= limit {
            return Self::DeliveryTimedOut;
        }
        match (tally.count(Invocation::Success), unreached) {
            (0, 1..) => Self::Failed,
            _ if errors + expired > 0 => Self::Incomplete,
            _ => Self::Success,
        }
    }

    pub const ALL: [Self; 12] = [
        Self::Pending,
        Self::InProgress,
        Self::Cancelling,
        Self::Success,
        Self::Cancelled,
        Self::Failed,
        Self::ExecutionTimedOut,
        Self::DeliveryTimedOut,
        Self::Incomplete,
        Self::NoInstancesInTag,
        Self::AccessDenied,
        Self::LimitExceeded,
    ];

    /// Reads StatusDetails.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress | Self::Cancelling)
    }

    /// `Status` on the wire.
    pub fn as_status_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Cancelled => "Cancelled",
            Self::ExecutionTimedOut | Self::DeliveryTimedOut => "TimedOut",
            Self::Failed
            | Self::Incomplete
            | Self::NoInstancesInTag
            | Self::AccessDenied
            | Self::LimitExceeded => "Failed",
        }
    }

    /// `StatusDetails` on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::Incomplete => "Incomplete",
            Self::NoInstancesInTag => "NoInstancesInTag",
            Self::AccessDenied => "AccessDenied",
            Self::LimitExceeded => "LimitExceeded",
            plain => plain.as_status_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENTS: [Event; 12] = [
        Event::DeliveryFailed,
        Event::PickedUp,
        Event::Ended(Ending::Success),
        Event::Ended(Ending::Failed),
        Event::Ended(Ending::TimedOut),
        Event::Ended(Ending::Cancelled),
        Event::Refused,
        Event::DeliveryExpired,
        Event::Expired,
        Event::CancelRequested,
        Event::RolloutStopped,
        Event::PlatformMismatch,
    ];

    #[test]
    fn names_tell_states_apart() {
        for status in InvocationStatus::ALL {
            assert_eq!(InvocationStatus::parse(status.as_str()), Some(status));
        }
        for status in CommandStatus::ALL {
            assert_eq!(CommandStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(InvocationStatus::Terminated.as_status_str(), "Cancelled");
        assert_eq!(InvocationStatus::Undeliverable.as_status_str(), "Failed");
    }

    #[test]
    fn transitions() {
        use InvocationStatus::*;
        let rows = [
            (Pending, Event::PickedUp, Some(InProgress)),
            (Pending, Event::DeliveryFailed, Some(Delayed)),
            (Delayed, Event::PickedUp, Some(InProgress)),
            (Delayed, Event::DeliveryFailed, None),
            (Pending, Event::Ended(Ending::Success), Some(Success)), // the first reply was lost
            (InProgress, Event::PickedUp, None),
            (InProgress, Event::DeliveryExpired, None), // delivered: that limit no longer counts
            (InProgress, Event::Expired, Some(DeliveryTimedOut)),
            (InProgress, Event::CancelRequested, Some(Cancelling)),
            (Cancelling, Event::Ended(Ending::Success), Some(Success)), // it ended first
            (Cancelling, Event::Ended(Ending::Cancelled), Some(Cancelled)),
            (Cancelling, Event::PickedUp, None),
            (Pending, Event::CancelRequested, Some(Cancelled)),
            (Pending, Event::RolloutStopped, Some(Terminated)),
            (InProgress, Event::RolloutStopped, None),
            (Cancelled, Event::Ended(Ending::Success), None),
        ];
        for (status, event, expected) in rows {
            assert_eq!(status.after(event), expected, "{status:?} {event:?}");
        }
    }

    #[test]
    fn every_state_can_end_and_ends_once() {
        for status in InvocationStatus::ALL {
            for event in EVENTS {
                assert!(!status.is_terminal() || status.after(event).is_none(), "{status:?} {event:?}");
            }
            let expired = status.after(Event::Expired).unwrap_or(status);
            assert!(expired.is_terminal(), "{status:?}");
        }
    }

    #[test]
    fn the_eight_rules() {
        use InvocationStatus as I;
        let rows: [(&[InvocationStatus], u32, CommandStatus); 16] = [
            (&[I::Pending, I::Delayed], 0, CommandStatus::Pending),
            (&[I::Pending, I::InProgress], 0, CommandStatus::InProgress),
            (&[I::Success, I::Pending], 0, CommandStatus::InProgress),
            (&[I::Success, I::Success], 0, CommandStatus::Success),
            (&[I::Success, I::Failed], 0, CommandStatus::Failed),
            (&[I::Success, I::Failed], 1, CommandStatus::Failed),
            (&[I::Success, I::Failed], 2, CommandStatus::Incomplete),
            (&[I::ExecutionTimedOut, I::Success], 0, CommandStatus::ExecutionTimedOut),
            (&[I::ExecutionTimedOut, I::Failed], 0, CommandStatus::Failed),
            (&[I::DeliveryTimedOut, I::Success], 0, CommandStatus::DeliveryTimedOut),
            (&[I::DeliveryTimedOut, I::Success], 2, CommandStatus::Incomplete),
            (&[I::Undeliverable, I::InvalidPlatform], 0, CommandStatus::Failed),
            (&[I::Undeliverable, I::Undeliverable, I::Success], 0, CommandStatus::Success),
            (&[I::Failed, I::Terminated, I::Terminated], 0, CommandStatus::Failed),
            (&[I::Cancelled], 0, CommandStatus::Success), // cancelled at the node, not by the user
            (&[], 0, CommandStatus::Pending),
        ];
        for (statuses, max_errors, expected) in rows {
            let tally = Tally::of(statuses.iter().copied());
            assert_eq!(
                CommandStatus::of(&tally, max_errors, Circumstance::Ordinary),
                expected,
                "{statuses:?}"
            );
        }
        let of = |statuses: &[InvocationStatus], circumstance| {
            CommandStatus::of(&Tally::of(statuses.iter().copied()), 0, circumstance)
        };
        assert_eq!(
            of(&[I::Success, I::InProgress], Circumstance::CancelRequested),
            CommandStatus::Cancelling
        );
        assert_eq!(of(&[I::Failed, I::Cancelled], Circumstance::CancelRequested), CommandStatus::Cancelled);
        assert_eq!(of(&[], Circumstance::NoTargets), CommandStatus::NoInstancesInTag);
        assert_eq!(CommandStatus::NoInstancesInTag.as_status_str(), "Failed");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn terminal_is_final(events in proptest::collection::vec(0..EVENTS.len(), 0..20)) {
            let mut status = InvocationStatus::Pending;
            let mut ended = None;
            for event in events {
                status = status.after(EVENTS[event]).unwrap_or(status);
                if let Some(ended) = ended {
                    prop_assert_eq!(status, ended);
                }
                ended = ended.or(status.is_terminal().then_some(status));
            }
        }
    }
}
