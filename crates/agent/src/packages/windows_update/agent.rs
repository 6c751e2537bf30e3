//! What this module asks of the Windows Update Agent (WUA), and what it is told: plain values, no COM.
//! The adapter over COM is `com`'s, the one in tests `fake`'s; what follows from the values is decided elsewhere.
//! They are written as JSON by `self-check` alone.
//! Source: WUA's published interfaces (IUpdateSession and those reached from it); spec patch-manager 2.5.

use api::Timestamp;
use serde::{Deserialize, Serialize};

use super::codes::{Hresult, UpdateError};

/// The Windows Update Agent of this machine. A key is good for what the last search found.
pub trait UpdateAgent {
    fn search(&mut self, criteria: &str, whom: Ask) -> Result<Found, UpdateError>;
    fn accept_licence(&mut self, key: &UpdateKey) -> Result<(), UpdateError>;
    fn download(&mut self, key: &UpdateKey) -> Result<ItemResult, UpdateError>;
    fn install(&mut self, key: &UpdateKey) -> Result<ItemResult, UpdateError>;
    /// Nothing more can be installed before a restart.
    fn restart_comes_first(&mut self) -> Result<bool, UpdateError>;
    /// Something installed earlier is in effect only after a restart.
    fn restart_is_needed(&mut self) -> Result<bool, UpdateError>;
    /// Newest first, at most so many.
    fn history(&mut self, at_most: u32) -> Result<Vec<HistoryEntry>, UpdateError>;
    fn services(&mut self) -> Result<Vec<Service>, UpdateError>;
    /// Of the agent: `10.0.17763.1`.
    fn version(&mut self) -> Result<String, UpdateError>;
}

/// Where a search learns what is offered. What is installed is always looked at anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The update service that policy names, over the network.
    Server,
    /// What the last such search left on this machine.
    Memory,
}

/// One revision of one update. The id is a GUID in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UpdateKey {
    pub id: String,
    pub revision: i32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    pub updates: Vec<Update>,
    /// What the search could not look at; the rest holds.
    pub warnings: Vec<UpdateError>,
}

/// As WUA describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Update {
    pub key: UpdateKey,
    pub title: String,
    pub kind: UpdateKind,
    /// Digits alone: `5031364`.
    pub kb_article_ids: Vec<String>,
    pub bulletin_ids: Vec<String>,
    pub cve_ids: Vec<String>,
    pub superseded_ids: Vec<String>,
    /// `Critical`, `Important`, `Moderate`, `Low`, or empty.
    pub msrc_severity: String,
    pub categories: Vec<Category>,
    /// KB article ids of the updates it carries.
    pub bundled_kb_article_ids: Vec<String>,
    /// `LastDeploymentChangeTime`; `None` where there is none.
    pub deployed_at: Option<Timestamp>,
    pub is_installed: bool,
    pub is_hidden: bool,
    pub is_downloaded: bool,
    /// Shown to people, never installed by itself.
    pub is_optional: bool,
    /// Installed or removed, and in effect only after a restart.
    pub awaits_restart: bool,
    pub needs_licence: bool,
    pub restart: RestartBehaviour,
    /// Its installer may ask a question, which nobody would answer.
    pub may_ask: bool,
    pub download_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateKind {
    #[default]
    Software,
    Driver,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartBehaviour {
    Never,
    Always,
    #[default]
    Possible,
}

/// A classification, a product, a family of products or a company.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Category {
    /// A GUID in lower case; the same in every language.
    pub id: String,
    /// In the language of the session.
    pub name: String,
    /// `UpdateClassification`, `Product`, `ProductFamily`, `Company`.
    pub kind: String,
}

/// What came of one download or installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemResult {
    pub code: ResultCode,
    pub hresult: Hresult,
    pub restart_needed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultCode {
    NotStarted,
    InProgress,
    Succeeded,
    SucceededWithErrors,
    Failed,
    Aborted,
    /// A number that WUA does not document.
    Unknown(i32),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    pub id: String,
    pub title: String,
    pub installed_at: Option<Timestamp>,
    pub operation: Operation,
    pub code: ResultCode,
    pub hresult: Hresult,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    Installation,
    Uninstallation,
}

/// An update service that this machine is registered with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Service {
    pub id: String,
    pub name: String,
    pub url: String,
    /// A WSUS server of the organisation.
    pub is_managed: bool,
    /// What automatic updates and searches without further words ask.
    pub is_default: bool,
}

impl ResultCode {
    pub fn of(number: i32) -> Self {
        match number {
            0 => Self::NotStarted,
            1 => Self::InProgress,
            2 => Self::Succeeded,
            3 => Self::SucceededWithErrors,
            4 => Self::Failed,
            5 => Self::Aborted,
            other => Self::Unknown(other),
        }
    }
}

impl ItemResult {
    pub fn succeeded(&self) -> bool {
        matches!(self.code, ResultCode::Succeeded | ResultCode::SucceededWithErrors)
    }
}

const DAY_SECONDS: f64 = 86_400.0;
/// From 1899-12-30, where COM's days begin, to 1970-01-01.
const DAYS_TO_EPOCH: f64 = 25_569.0;

/// A COM date: days and their fraction since 1899-12-30, UTC. Its zero, which stands for "none", and what lies outside
/// the years that can be printed are `None`.
pub fn time_of(com_date: f64) -> Option<Timestamp> {
    if com_date == 0.0 {
        return None;
    }
    Timestamp::from_f64_seconds(((com_date - DAYS_TO_EPOCH) * DAY_SECONDS).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_com_dates() {
        let rows = [
            (25_569.0, Some("1970-01-01T00:00:00Z")),
            (45_209.708_333_333_336, Some("2023-10-10T17:00:00Z")),
            (2.5, Some("1900-01-01T12:00:00Z")),
            (0.0, None),
            (f64::NAN, None),
            (f64::MAX, None),
        ];
        for (date, expected) in rows {
            assert_eq!(time_of(date).map(Timestamp::to_iso_seconds).as_deref(), expected, "{date}");
        }
    }

    #[test]
    fn result_codes_have_names() {
        assert_eq!(ResultCode::of(2), ResultCode::Succeeded);
        assert_eq!(ResultCode::of(9), ResultCode::Unknown(9));
    }
}
