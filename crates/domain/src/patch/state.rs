//! The states of an item on a node and how each is judged.
//! Source: spec patch-manager 3.1 and 6.3 (spelling).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::compliance::level::UnknownWord;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PatchState {
    Installed,
    InstalledOther,
    InstalledPendingReboot,
    InstalledRejected,
    Missing,
    NotApplicable,
    Failed,
    AvailableSecurityUpdate,
}

impl PatchState {
    pub const ALL: [Self; 8] = [
        Self::Installed,
        Self::InstalledOther,
        Self::InstalledPendingReboot,
        Self::InstalledRejected,
        Self::Missing,
        Self::NotApplicable,
        Self::Failed,
        Self::AvailableSecurityUpdate,
    ];

    /// As reports and answers spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "Installed",
            Self::InstalledOther => "InstalledOther",
            Self::InstalledPendingReboot => "InstalledPendingReboot",
            Self::InstalledRejected => "InstalledRejected",
            Self::Missing => "Missing",
            Self::NotApplicable => "NotApplicable",
            Self::Failed => "Failed",
            Self::AvailableSecurityUpdate => "AvailableSecurityUpdate",
        }
    }

    /// As the model's enum spells it.
    pub fn as_model_str(self) -> &'static str {
        match self {
            Self::Installed => "INSTALLED",
            Self::InstalledOther => "INSTALLED_OTHER",
            Self::InstalledPendingReboot => "INSTALLED_PENDING_REBOOT",
            Self::InstalledRejected => "INSTALLED_REJECTED",
            Self::Missing => "MISSING",
            Self::NotApplicable => "NOT_APPLICABLE",
            Self::Failed => "FAILED",
            Self::AvailableSecurityUpdate => "AVAILABLE_SECURITY_UPDATE",
        }
    }

    /// Breaks compliance whatever the baseline says. An available security update does so only
    /// where its baseline wants that, and is not counted here.
    pub fn is_non_compliant(self) -> bool {
        matches!(self, Self::Missing | Self::Failed | Self::InstalledRejected | Self::InstalledPendingReboot)
    }

    /// Reports leave out title, classification and severity of these, to save room.
    pub fn is_reported_briefly(self) -> bool {
        matches!(self, Self::InstalledOther | Self::NotApplicable)
    }
}

impl fmt::Display for PatchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Accepts either spelling, in any letter case.
impl FromStr for PatchState {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let plain: String = text.chars().filter(|&c| c != '_').collect();
        Self::ALL
            .into_iter()
            .find(|state| state.as_str().eq_ignore_ascii_case(&plain))
            .ok_or_else(|| UnknownWord { kind: "patch state", text: text.to_owned() })
    }
}

impl Serialize for PatchState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for PatchState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        for state in PatchState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(state.as_model_str().parse(), Ok(state));
            assert_eq!(state.as_str().to_lowercase().parse(), Ok(state));
        }
        assert!("Gone".parse::<PatchState>().is_err());
    }
}
