//! Whether a run ends with a restart of the machine.
//! Restarting is the agent service's work, after the step has ended with code 194.
//! Source: spec patch-manager 4.6.

use std::fmt;
use std::str::FromStr;

/// How often a machine is asked to restart before it counts as one that does not.
pub const MAX_ASKED: u32 = 3;

/// How many installations may follow restarts in one run, where package managers install in rounds.
pub const MAX_ROUNDS: u32 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebootOption {
    RebootIfNeeded,
    NoReboot,
}

impl RebootOption {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RebootIfNeeded => "RebootIfNeeded",
            Self::NoReboot => "NoReboot",
        }
    }

    /// AWS's rule for an installation: that anything was installed, or waits, is enough. Whether a patch needs a
    /// restart is not asked.
    pub fn wants_restart(self, installed: usize, pending: i64) -> bool {
        self == Self::RebootIfNeeded && (installed > 0 || pending > 0)
    }
}

impl fmt::Display for RebootOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RebootOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::RebootIfNeeded, Self::NoReboot]
            .into_iter()
            .find(|option| option.as_str() == text)
            .ok_or_else(|| format!("`{text}` is neither RebootIfNeeded nor NoReboot"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_asks_only_whether_something_was_installed_or_waits() {
        use RebootOption::{NoReboot, RebootIfNeeded};
        let check = |option: RebootOption, installed, pending, expected| {
            assert_eq!(option.wants_restart(installed, pending), expected, "{option} {installed} {pending}");
        };
        check(RebootIfNeeded, 1, 0, true);
        check(RebootIfNeeded, 0, 1, true);
        check(RebootIfNeeded, 0, 0, false);
        check(NoReboot, 1, 1, false);
    }
}
