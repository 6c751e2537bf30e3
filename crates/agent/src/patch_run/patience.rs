//! Calls of a patch run outlast a restart of the server: they are repeated while it cannot be reached or
//! says that it is about to stop. Every one of them may be repeated: a snapshot stays what it was, a
//! report of the same run is known, and facts of the same moment replace themselves.

use std::time::{Duration, Instant};

use crate::transport::call::CallError;
use crate::transport::http::TransportError;

/// A server is back within seconds; a scan that waited longer than this had better fail.
const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why a call did not succeed.
pub trait Failure: std::fmt::Display {
    /// Whether the same call may succeed in a moment.
    fn may_pass(&self) -> bool;
}

impl Failure for CallError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Transport { source, .. } => source.may_pass(),
            Self::Refused { code, .. } => code == "ServiceUnavailableException",
            Self::Status { status, .. } => matches!(status, 502..=504),
            Self::Unreadable { .. } | Self::Stopped => false,
        }
    }
}

impl Failure for TransportError {
    fn may_pass(&self) -> bool {
        self.is_of_the_way()
    }
}

/// Repeats `call` while its failures may pass, for a minute at most.
pub fn patiently<T, E: Failure>(call: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    within(PATIENCE, FIRST_PAUSE, call)
}

fn within<T, E: Failure>(
    patience: Duration,
    mut pause: Duration,
    mut call: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let end = Instant::now() + patience;
    loop {
        match call() {
            Err(error) if error.may_pass() && Instant::now() + pause < end => {
                tracing::warn!(%error, again_in_ms = pause.as_millis(), "the server is not there");
                // A patch run is a process of its own, which has nothing else to do meanwhile.
                std::thread::sleep(pause);
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> CallError {
        CallError::Refused { operation: "AmazonSSM.Test", code: code.to_owned(), message: String::new() }
    }

    /// The outcome after `failures`, and how often the call was made.
    fn outcome(patience: Duration, failures: Vec<CallError>) -> (Result<(), CallError>, usize) {
        let (mut failures, mut calls) = (failures.into_iter(), 0);
        let call = || {
            calls += 1;
            failures.next().map_or(Ok(()), Err)
        };
        (within(patience, Duration::from_millis(1), call), calls)
    }

    #[test]
    fn goes_on_only_while_it_may_help_and_there_is_time() {
        let gone = || CallError::Status { operation: "AmazonSSM.Test", status: 503 };
        let (ended, calls) = outcome(PATIENCE, vec![gone(), refused("ServiceUnavailableException")]);
        assert!(ended.is_ok());
        assert_eq!(calls, 3);
        let (ended, calls) = outcome(PATIENCE, vec![refused("AccessDeniedException")]);
        assert_eq!((ended.unwrap_err().code(), calls), (Some("AccessDeniedException"), 1));
        let (ended, calls) = outcome(Duration::ZERO, vec![gone(), gone()]);
        assert!(ended.is_err());
        assert_eq!(calls, 1);
    }
}
