//! Systems whose root this agent cannot keep by a snapshot.

use std::path::{Path, PathBuf};

use api::Timestamp;
use domain::patch::execution::{Snapshot, SnapshotKind};
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    pub name: String,
    pub made_at: Timestamp,
    pub run: String,
    pub standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Snapshot,
    Copy,
    NextRoot,
    Elsewhere,
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

    pub fn kind(&self) -> SnapshotKind {
        match *self {}
    }

    pub fn shown(&self) -> String {
        match *self {}
    }

    pub fn holds(&self, _: &Path, _: &Path) -> bool {
        match *self {}
    }

    pub fn carries_files(&self) -> bool {
        match *self {}
    }

    pub fn obstacle(&self, _: &mut ToolRun) -> Option<Failure> {
        match *self {}
    }

    pub fn waits(&self, _: &mut ToolRun) -> Result<Option<String>, Failure> {
        match *self {}
    }

    pub fn ours(&self, _: &mut ToolRun) -> Result<Vec<Ours>, Failure> {
        match *self {}
    }

    pub fn remove(&self, _: &mut ToolRun, _: &Ours) -> Result<(), Failure> {
        match *self {}
    }

    pub fn outlook(&self, _: &mut ToolRun, _: &Snapshot) -> Outlook {
        match *self {}
    }

    pub fn go_back(&self, _: &mut ToolRun, _: &Snapshot, _: &[PathBuf], _: Timestamp) -> Result<(), Failure> {
        match *self {}
    }
}
