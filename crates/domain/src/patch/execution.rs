//! One run that changed a node's packages, as the node and the server keep it: what changed, by whose order, and whether
//! it can be taken back. Taking it back is the agent's work.

use api::Timestamp;
use serde::{Deserialize, Serialize};

use super::transaction::{Change, Plan, Refusal};
use super::way_back::UndoForecast;

/// What a node answered when it was asked what an installation, or an undo, would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePlan {
    pub made_at: Timestamp,
    /// Whose rules were asked; empty for an undo.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub baseline_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub snapshot_id: String,
    /// How many approved patches are missing; `None` for an undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<u32>,
    pub plan: Plan,
    /// Of an undo that goes back to a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// What such an undo takes along besides the packages, one clause each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<String>,
    /// Of an installation that would change something: whether that could be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<UndoForecast>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchExecution {
    /// The command's id; of a run that was started by hand, one of its own.
    pub execution_id: String,
    #[serde(default)]
    pub kind: ExecutionKind,
    #[serde(rename = "at")]
    pub ended_at: Timestamp,
    /// Whose rules were applied; empty where none were, or where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub baseline_id: String,
    /// The frozen copy of these rules: the baseline's revision.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub snapshot_id: String,
    /// Of an undo: the run that was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_of: Option<String>,
    pub changes: Vec<Change>,
    /// What was asked for and did not come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Refusal>,
    #[serde(default)]
    pub undo: UndoOutlook,
    /// Of the root's file system, taken before anything was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
}

/// A snapshot of a file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub kind: SnapshotKind,
    /// As the tools of its kind take it.
    pub name: String,
    /// The mount point, device or dataset that it is of.
    pub of: String,
    pub taken_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotKind {
    Btrfs,
    Lvm,
    Zfs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutionKind {
    #[default]
    Install,
    Undo,
}

/// What is known of taking a run back. The old versions may vanish from repositories at any time, so it has a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum UndoOutlook {
    /// The node's solver was asked; `refused` names what cannot come back.
    Known {
        checked_at: Timestamp,
        refused: Vec<Refusal>,
    },
    Unknown {
        reason: String,
    },
}

impl Default for UndoOutlook {
    fn default() -> Self {
        Self::Unknown { reason: "the node was not asked yet".to_owned() }
    }
}

/// A later run that took one back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoer {
    pub execution_id: String,
    /// Everything came back that should.
    pub is_whole: bool,
}

/// The answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoPossible {
    Yes,
    Partly,
    No,
    Unknown,
}

impl PatchExecution {
    /// `undoers` are the runs that took this one back and were not taken back themselves.
    pub fn undo_possible(&self, undoers: &[Undoer]) -> UndoPossible {
        match &self.undo {
            _ if undoers.iter().any(|undoer| undoer.is_whole) => UndoPossible::No,
            UndoOutlook::Unknown { .. } => UndoPossible::Unknown,
            UndoOutlook::Known { refused, .. } if refused.is_empty() => UndoPossible::Yes,
            UndoOutlook::Known { refused, .. } if refused.len() >= self.changes.len() => UndoPossible::No,
            UndoOutlook::Known { .. } => UndoPossible::Partly,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::transaction::{ChangeReason, Wanted};
    use super::super::{Failure, FailureCode};
    use super::*;

    fn execution(changes: usize, refused: usize) -> PatchExecution {
        let change = |name: usize| Change {
            name: name.to_string(),
            arch: "amd64".into(),
            from: Some("1".into()),
            to: Some("2".into()),
            reason: ChangeReason::Wanted,
        };
        let refusal = |name: usize| Refusal {
            wanted: Wanted { name: name.to_string(), arch: "amd64".into(), version: "1".into() },
            failure: Failure {
                code: FailureCode::UndoImpossible,
                subject: name.to_string(),
                detail: "gone".into(),
            },
        };
        PatchExecution {
            execution_id: "e".into(),
            kind: ExecutionKind::Install,
            ended_at: Timestamp::from_seconds(7),
            baseline_id: String::new(),
            snapshot_id: String::new(),
            undo_of: None,
            changes: (0..changes).map(change).collect(),
            failed: Vec::new(),
            undo: UndoOutlook::Known {
                checked_at: Timestamp::from_seconds(8),
                refused: (0..refused).map(refusal).collect(),
            },
            snapshot: Some(Snapshot {
                kind: SnapshotKind::Lvm,
                name: "vg/s".into(),
                of: "/dev/mapper/vg-root".into(),
                taken_at: Timestamp::from_seconds(6),
            }),
        }
    }

    #[test]
    fn says_whether_it_can_be_taken_back() {
        for (changes, refused, expected) in
            [(2, 0, UndoPossible::Yes), (2, 1, UndoPossible::Partly), (2, 2, UndoPossible::No)]
        {
            assert_eq!(execution(changes, refused).undo_possible(&[]), expected, "{refused} of {changes}");
        }
        let undoer = |is_whole| Undoer { execution_id: "u".into(), is_whole };
        assert_eq!(execution(2, 0).undo_possible(&[undoer(false)]), UndoPossible::Yes);
        assert_eq!(execution(2, 0).undo_possible(&[undoer(true)]), UndoPossible::No);
    }

    /// Nodes kept this form before there was more to keep.
    #[test]
    fn what_older_agents_wrote_stays_readable() {
        let old = r#"{"execution_id":"e","at":"1970-01-01T00:00:07Z","changes":[]}"#;
        let at = serde_json::to_string(&Timestamp::from_seconds(7)).unwrap();
        let old = old.replace("\"1970-01-01T00:00:07Z\"", &at);
        let read: PatchExecution = serde_json::from_str(&old).unwrap();
        assert_eq!((read.kind, read.undo_possible(&[])), (ExecutionKind::Install, UndoPossible::Unknown));
        let whole = execution(1, 1);
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<PatchExecution>(&text).unwrap(), whole);
    }
}
