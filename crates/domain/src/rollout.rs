//! How many may run at once and how many may fail: MaxConcurrency and MaxErrors; and staged rollouts, which go ring by
//! ring on evidence. Which targets there are is `target`'s; what counts as an error `command`'s.
//! Source: spec systems-manager 0.8. Decision, of staged rollouts: docs/decisions/0033-staged-rollouts.md.

mod bound;
mod budget;
mod judge;
mod next;
mod plan;
#[cfg(test)]
mod played;
mod signal;
#[cfg(test)]
mod tables;

pub use bound::{nodes_needed, upper_bound};
pub use budget::{Disruption, admit};
pub use judge::{Asked, Back, Judgement, ProbeTally, Tally, Units, evidence, judge};
pub use next::{Act, Phase, Seen, Standing, State, next, soaks_until};
pub use plan::{Approval, Budget, FailureRate, Gates, Members, OnGateFailed, Plan, PlanError, Probe, Ring};
pub use signal::{Effect, Order, SignalError, signal};

use std::fmt;
use std::str::FromStr;

/// A number, or a share of the targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Count(u32),
    /// 0 to 100.
    Percent(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a number nor a percentage up to 100%")]
pub struct InvalidLimit(pub String);

impl Limit {
    /// Rounded down.
    pub fn of(self, targets: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let share = u64::from(percent) * u64::from(targets) / 100;
                u32::try_from(share).unwrap_or(u32::MAX)
            }
        }
    }
}

impl FromStr for Limit {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Self, InvalidLimit> {
        let invalid = || InvalidLimit(text.to_owned());
        let digits = text.strip_suffix('%').unwrap_or(text);
        let is_plain =
            digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        let number: u32 = digits.parse().ok().filter(|_| is_plain).ok_or_else(invalid)?;
        match text.ends_with('%') {
            false => Ok(Self::Count(number)),
            true => u8::try_from(number).ok().filter(|p| *p <= 100).map(Self::Percent).ok_or_else(invalid),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutLimits {
    pub max_concurrency: Limit,
    pub max_errors: Limit,
}

impl RolloutLimits {
    /// What SendCommand does without being told.
    pub const COMMAND_DEFAULT: Self = Self { max_concurrency: Limit::Count(50), max_errors: Limit::Count(0) };

    /// At least one may run, or nothing ever would.
    pub fn concurrency(&self, targets: u32) -> u32 {
        self.max_concurrency.of(targets).max(1)
    }

    pub fn errors(&self, targets: u32) -> u32 {
        self.max_errors.of(targets)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RolloutProgress {
    pub targets: u32,
    /// Started and not ended.
    pub running: u32,
    pub waiting: u32,
    pub errors: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// This many more may start, at least one.
    Start(u32),
    /// All places are taken.
    Wait,
    /// More failed than may: what waits must never start.
    Stop,
    /// Nothing waits.
    Done,
}

/// The targets that may start now, or the reason to stop.
pub fn next_batch(limits: &RolloutLimits, progress: &RolloutProgress) -> Batch {
    if progress.waiting == 0 {
        return Batch::Done;
    }
    if progress.errors > limits.errors(progress.targets) {
        return Batch::Stop;
    }
    match limits.concurrency(progress.targets).saturating_sub(progress.running) {
        0 => Batch::Wait,
        free => Batch::Start(free.min(progress.waiting)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits_are_read() {
        for text in ["0", "1", "50", "0%", "7%", "100%", "4294967295"] {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
        }
        for text in ["", "%", "-1", "+1", "1.5", "101%", "07", "00%", "1 ", "x", "4294967296"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_are_rounded_down() {
        assert_eq!(Limit::Percent(10).of(50), 5);
        assert_eq!(Limit::Percent(10).of(59), 5);
        assert_eq!(Limit::Percent(1).of(50), 0);
        let limits = RolloutLimits { max_concurrency: Limit::Percent(1), max_errors: Limit::Percent(1) };
        assert_eq!((limits.concurrency(50), limits.errors(50)), (1, 0));
    }

    #[test]
    fn errors_stop_once_they_exceed_the_limit() {
        let batch = |max_errors, errors| {
            let limits = RolloutLimits { max_concurrency: Limit::Count(10), max_errors };
            next_batch(&limits, &RolloutProgress { targets: 50, running: 0, waiting: 20, errors })
        };
        assert_eq!(batch(Limit::Count(0), 0), Batch::Start(10));
        assert_eq!(batch(Limit::Count(0), 1), Batch::Stop);
        assert_eq!(batch(Limit::Count(3), 3), Batch::Start(10));
        assert_eq!(batch(Limit::Count(3), 4), Batch::Stop);
        assert_eq!(batch(Limit::Percent(10), 5), Batch::Start(10));
        assert_eq!(batch(Limit::Percent(10), 6), Batch::Stop);
    }

    fn limit() -> impl Strategy<Value = Limit> {
        prop_oneof![(0u32..20).prop_map(Limit::Count), (0u8..=100).prop_map(Limit::Percent)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Plays a rollout to its end: one target ends per round, failing or not.
        #[test]
        fn limits_are_never_passed(
            max_concurrency in limit(), max_errors in limit(), fails in proptest::collection::vec(any::<bool>(), 0..60),
        ) {
            let limits = RolloutLimits { max_concurrency, max_errors };
            let targets = fails.len() as u32;
            let mut progress = RolloutProgress { targets, waiting: targets, ..RolloutProgress::default() };
            let mut fails = fails.into_iter();
            loop {
                match next_batch(&limits, &progress) {
                    Batch::Start(count) => {
                        prop_assert!(count >= 1 && progress.errors <= limits.errors(targets));
                        progress.running += count;
                        progress.waiting -= count;
                        prop_assert!(progress.running <= limits.concurrency(targets));
                    }
                    Batch::Wait => prop_assert!(progress.running > 0),
                    Batch::Stop | Batch::Done if progress.running == 0 => break,
                    Batch::Stop | Batch::Done => {}
                }
                if progress.running > 0 {
                    progress.running -= 1;
                    progress.errors += u32::from(fails.next().unwrap_or_default());
                }
            }
            prop_assert!(progress.waiting == 0 || progress.errors > limits.errors(targets));
        }
    }
}
