//! Systems whose root this agent cannot keep by a snapshot.

use std::path::Path;

use api::Timestamp;
use domain::patch::execution::Snapshot;
use domain::patch::{Failure, FailureCode};

use crate::packages::tool::{ToolRun, failure};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub count: usize,
    pub days: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    pub losses: Vec<String>,
    pub blocker: Option<String>,
}

/// There is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Volume {}

impl Volume {
    pub fn of(root: &Path) -> Result<Self, Failure> {
        let detail = "snapshots are taken on Linux alone".to_owned();
        Err(failure(FailureCode::SnapshotFailed, &root.display().to_string(), detail))
    }

    pub fn take(&self, _: &mut ToolRun, _: &str, _: Timestamp, _: Keep) -> Result<Snapshot, Failure> {
        match *self {}
    }

    pub fn outlook(&self, _: &mut ToolRun, _: &Snapshot) -> Outlook {
        match *self {}
    }

    pub fn go_back(&self, _: &mut ToolRun, _: &Snapshot, _: Timestamp) -> Result<(), Failure> {
        match *self {}
    }
}
