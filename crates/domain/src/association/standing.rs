//! What the states of an association's targets are called, and what they add up to.
//! Source: spec systems-manager 3.3. Decision: docs/decisions/0025-associations.md.

use crate::association::Counts;
use crate::command::InvocationStatus;

/// `Status` of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetStatus {
    Success,
    Failed,
    TimedOut,
    /// Too many others had failed.
    Skipped,
    Cancelled,
    InProgress,
    Pending,
}

impl TargetStatus {
    pub const ALL: [Self; 7] = [
        Self::Success,
        Self::Failed,
        Self::TimedOut,
        Self::Skipped,
        Self::Cancelled,
        Self::InProgress,
        Self::Pending,
    ];

    pub fn of(invocation: InvocationStatus) -> Self {
        use InvocationStatus as Invocation;
        match invocation {
            Invocation::Pending | Invocation::Delayed => Self::Pending,
            Invocation::InProgress | Invocation::Cancelling => Self::InProgress,
            Invocation::Success => Self::Success,
            Invocation::Failed
            | Invocation::Undeliverable
            | Invocation::InvalidPlatform
            | Invocation::AccessDenied => Self::Failed,
            Invocation::ExecutionTimedOut | Invocation::DeliveryTimedOut => Self::TimedOut,
            Invocation::Terminated => Self::Skipped,
            Invocation::Cancelled => Self::Cancelled,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
            Self::Skipped => "Skipped",
            Self::Cancelled => "Cancelled",
            Self::InProgress => "InProgress",
            Self::Pending => "Pending",
        }
    }

    /// `DetailedStatus` of a target: where there is a more exact word than its status, that.
    pub fn detail(invocation: InvocationStatus) -> &'static str {
        use InvocationStatus as Invocation;
        match invocation {
            Invocation::Undeliverable | Invocation::InvalidPlatform | Invocation::AccessDenied => {
                invocation.as_str()
            }
            plain => Self::of(plain).as_str(),
        }
    }

    /// The states that go by this name; none for a name that no target has.
    pub fn states_named(name: &str) -> Vec<InvocationStatus> {
        InvocationStatus::ALL.into_iter().filter(|state| Self::of(*state).as_str() == name).collect()
    }
}

/// `Status` of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecutionStatus {
    Pending,
    InProgress,
    Success,
    Failed,
    /// The calendar was closed.
    Skipped,
}

impl ExecutionStatus {
    const ALL: [Self; 5] = [Self::Pending, Self::InProgress, Self::Success, Self::Failed, Self::Skipped];

    /// A run is as good as the worst of its targets once all have ended. Without targets it waits for some.
    pub fn of(counts: &Counts) -> Self {
        let (total, ended) = (counts.total(), counts.completed());
        let untouched = count(counts, TargetStatus::Pending);
        match () {
            () if total == 0 || untouched == total => Self::Pending,
            () if ended < total => Self::InProgress,
            () if count(counts, TargetStatus::Success) == total => Self::Success,
            () => Self::Failed,
        }
    }

    /// The one thing that ended all targets that did not succeed, where it is one.
    pub fn detail(self, counts: &Counts) -> &'static str {
        if self != Self::Failed {
            return self.as_str();
        }
        let bad =
            [TargetStatus::Failed, TargetStatus::TimedOut, TargetStatus::Skipped, TargetStatus::Cancelled];
        let mut found = bad.into_iter().filter(|status| count(counts, *status) > 0);
        match (found.next(), found.next()) {
            (Some(only), None) => only.as_str(),
            _ => self.as_str(),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::Skipped => "Skipped",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// How an association stands by the newest run on each of its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    pub status: &'static str,
    pub detailed_status: &'static str,
    /// Nodes by the status of their target; none that is zero.
    pub aggregated: Vec<(&'static str, u32)>,
}

impl Overview {
    /// A node that failed makes it Failed at once; it is a Success only when all nodes are.
    pub fn of(counts: &Counts) -> Self {
        let run = ExecutionStatus::of(counts);
        let open = count(counts, TargetStatus::Pending) + count(counts, TargetStatus::InProgress);
        let good = count(counts, TargetStatus::Success);
        let has_bad = counts.total() > open + good;
        let (status, detailed_status) = match run {
            _ if counts.total() == 0 => ("Pending", "Associated"),
            ExecutionStatus::Success => ("Success", "Success"),
            _ if has_bad => ("Failed", ExecutionStatus::Failed.detail(counts)),
            pending => ("Pending", pending.as_str()),
        };
        Self { status, detailed_status, aggregated: aggregated(counts) }
    }
}

/// `ResourceCountByStatus`: `{Success=3, Failed=1}`.
pub fn count_text(counts: &Counts) -> String {
    let parts: Vec<String> =
        aggregated(counts).into_iter().map(|(name, count)| format!("{name}={count}")).collect();
    format!("{{{}}}", parts.join(", "))
}

fn aggregated(counts: &Counts) -> Vec<(&'static str, u32)> {
    let all = TargetStatus::ALL.into_iter().map(|status| (status.as_str(), count(counts, status)));
    all.filter(|(_, count)| *count > 0).collect()
}

fn count(counts: &Counts, status: TargetStatus) -> u32 {
    let states = InvocationStatus::ALL.into_iter().filter(|state| TargetStatus::of(*state) == status);
    states.map(|state| counts.count(state)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::InvocationStatus::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// States of targets, status and detail of the run, status and detail of the association.
    type Case = (&'static [InvocationStatus], [&'static str; 4]);

    #[test]
    fn states_add_up() {
        let cases: &[Case] = &[
            (&[], ["Pending", "Pending", "Pending", "Associated"]),
            (&[Pending, Delayed], ["Pending", "Pending", "Pending", "Pending"]),
            (&[Pending, Success], ["InProgress", "InProgress", "Pending", "InProgress"]),
            (&[InProgress, Cancelling], ["InProgress", "InProgress", "Pending", "InProgress"]),
            (&[Success, Success], ["Success", "Success", "Success", "Success"]),
            (&[Success, Failed], ["Failed", "Failed", "Failed", "Failed"]),
            (&[Pending, Failed], ["InProgress", "InProgress", "Failed", "Failed"]),
            (&[Success, DeliveryTimedOut], ["Failed", "TimedOut", "Failed", "TimedOut"]),
            (&[ExecutionTimedOut, DeliveryTimedOut], ["Failed", "TimedOut", "Failed", "TimedOut"]),
            (&[Failed, Terminated], ["Failed", "Failed", "Failed", "Failed"]),
            (&[Cancelled], ["Failed", "Cancelled", "Failed", "Cancelled"]),
            (&[InvalidPlatform, Success], ["Failed", "Failed", "Failed", "Failed"]),
        ];
        for (states, expected) in cases {
            let counts = Counts::of(states.iter().copied());
            let (run, overview) = (ExecutionStatus::of(&counts), Overview::of(&counts));
            let found = [run.as_str(), run.detail(&counts), overview.status, overview.detailed_status];
            assert_eq!(found, *expected, "{states:?}");
        }
    }

    #[test]
    fn counts_are_written_as_clients_know_them() {
        let counts = Counts::of([Failed, Success, Success, Undeliverable, Delayed, Terminated, Success]);
        assert_eq!(count_text(&counts), "{Success=3, Failed=2, Skipped=1, Pending=1}");
        assert_eq!(count_text(&Counts::default()), "{}");
        assert_eq!(TargetStatus::states_named("Skipped"), [Terminated]);
        assert_eq!(TargetStatus::states_named("Terminated"), []);
        assert_eq!(TargetStatus::detail(InvalidPlatform), "InvalidPlatform");
        assert_eq!(TargetStatus::detail(DeliveryTimedOut), "TimedOut");
    }

    fn state() -> impl Strategy<Value = InvocationStatus> {
        (0..InvocationStatus::ALL.len()).prop_map(|place| InvocationStatus::ALL[place])
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(31), ..ProptestConfig::with_cases(256) })]

        /// Every target is counted once; success is never claimed while one target is anything else.
        #[test]
        fn nothing_is_lost_and_success_is_unanimous(states in proptest::collection::vec(state(), 0..12)) {
            let counts = Counts::of(states.iter().copied());
            let overview = Overview::of(&counts);
            let sum: u32 = overview.aggregated.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(sum as usize, states.len());
            let all_good = !states.is_empty() && states.iter().all(|state| *state == Success);
            prop_assert_eq!(overview.status == "Success", all_good);
            prop_assert_eq!(ExecutionStatus::of(&counts) == ExecutionStatus::Success, all_good);
            let is_over = !states.is_empty() && states.iter().all(|state| state.is_terminal());
            let ended = matches!(ExecutionStatus::of(&counts), ExecutionStatus::Success | ExecutionStatus::Failed);
            prop_assert_eq!(ended, is_over);
        }
    }
}
