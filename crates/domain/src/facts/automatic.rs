//! What installs updates on a node by itself, beside patch runs. Finding it is the agent's work, telling what follows `explain`'s.

use serde::{Deserialize, Serialize};

/// One thing that is set to run by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutomaticUpdates {
    /// What starts it: `dnf-automatic.timer`, `yum-cron`.
    pub unit: String,
    pub does: AutomaticAction,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub security_only: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutomaticAction {
    Installs,
    Downloads,
    Notifies,
    /// Its settings cannot be understood.
    #[default]
    Unknown,
}

impl AutomaticUpdates {
    /// Whether it has to be reckoned with when something changes that no patch run changed.
    pub fn may_install(&self) -> bool {
        matches!(self.does, AutomaticAction::Installs | AutomaticAction::Unknown)
    }

    pub fn line(&self) -> String {
        let updates = if self.security_only { "security updates" } else { "updates" };
        let unit = &self.unit;
        match self.does {
            AutomaticAction::Installs => format!("{unit} installs {updates}"),
            AutomaticAction::Downloads => format!("{unit} downloads {updates} and installs none"),
            AutomaticAction::Notifies => format!("{unit} tells of {updates} and installs none"),
            AutomaticAction::Unknown => format!("{unit} runs; what it does its settings do not tell"),
        }
    }
}
