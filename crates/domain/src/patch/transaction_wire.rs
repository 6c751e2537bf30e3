//! Plans, changes and executions as our own service carries them, in both directions.
//! Source: `api/model/fettle.json`.

use std::cmp::Ordering;

use api::fettle;

use super::execution::{
    ExecutionKind, NodePlan, PatchExecution, Snapshot, SnapshotKind, UndoOutlook, Undoer,
};
use super::transaction::{Change, ChangeAction, ChangeReason, Plan, RebootSign, Refusal, Wanted};
use super::way_back::UndoForecast;
use super::{Failure, FailureCode, version_apk, version_deb, version_pacman, version_rpm};
use crate::os::Family;

/// Texts are cut to what the model allows; tools may say a lot.
const MAX_TEXT: usize = 4000;
/// As many blockers, services and reasons as the model allows.
const MAX_FAILURES: usize = 1000;
const MAX_NAMES: usize = 5000;

/// How versions are ordered on a node.
pub type VersionOrder = fn(&str, &str) -> Ordering;

/// Of a system that is not known, Debian's: it differs from the others only where both versions are unusual.
pub fn version_order(family: Option<Family>) -> VersionOrder {
    match family {
        Some(Family::Rpm | Family::Suse) => version_rpm::compare,
        Some(Family::Alpine) => version_apk::compare,
        Some(Family::Arch) => version_pacman::compare,
        _ => version_deb::compare,
    }
}

/// A code that this release does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no code of a failure")]
pub struct UnknownCode(pub(super) String);

pub(super) fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

pub(super) fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| cut(text))
}

impl Change {
    pub fn to_wire(&self, order: VersionOrder) -> fettle::PackageChange {
        let action = match self.action(order) {
            ChangeAction::Install => fettle::ChangeAction::Install,
            ChangeAction::Upgrade => fettle::ChangeAction::Upgrade,
            ChangeAction::Downgrade => fettle::ChangeAction::Downgrade,
            ChangeAction::Remove => fettle::ChangeAction::Remove,
        };
        fettle::PackageChange {
            name: cut(&self.name),
            arch: cut(&self.arch),
            action: Some(action),
            from_version: self.from.as_deref().map(cut),
            to_version: self.to.as_deref().map(cut),
            reason: match self.reason {
                ChangeReason::Wanted => fettle::ChangeReason::Wanted,
                ChangeReason::Dependency => fettle::ChangeReason::Dependency,
            },
        }
    }

    pub fn from_wire(wire: fettle::PackageChange) -> Self {
        Self {
            name: wire.name,
            arch: wire.arch,
            from: wire.from_version,
            to: wire.to_version,
            reason: match wire.reason {
                fettle::ChangeReason::Wanted => ChangeReason::Wanted,
                _ => ChangeReason::Dependency,
            },
        }
    }
}

impl Failure {
    pub fn to_wire(&self) -> fettle::PatchFailure {
        fettle::PatchFailure {
            code: self.code.as_str().to_owned(),
            subject: given(&self.subject),
            detail: cut(&self.detail),
        }
    }

    pub fn from_wire(wire: fettle::PatchFailure) -> Result<Self, UnknownCode> {
        let known = FailureCode::ALL.into_iter().find(|code| code.as_str() == wire.code);
        let code = known.ok_or(UnknownCode(wire.code))?;
        Ok(Self { code, subject: wire.subject.unwrap_or_default(), detail: wire.detail })
    }
}

impl Refusal {
    pub fn to_wire(&self) -> fettle::PatchRefusal {
        fettle::PatchRefusal {
            name: cut(&self.wanted.name),
            arch: cut(&self.wanted.arch),
            version: cut(&self.wanted.version),
            failure: self.failure.to_wire(),
        }
    }

    pub fn from_wire(wire: fettle::PatchRefusal) -> Result<Self, UnknownCode> {
        let wanted = Wanted { name: wire.name, arch: wire.arch, version: wire.version };
        Ok(Self { wanted, failure: Failure::from_wire(wire.failure)? })
    }
}

fn refusals(list: &[Refusal]) -> Vec<fettle::PatchRefusal> {
    list.iter().map(Refusal::to_wire).collect()
}

fn read_refusals(list: Vec<fettle::PatchRefusal>) -> Result<Vec<Refusal>, UnknownCode> {
    list.into_iter().map(Refusal::from_wire).collect()
}

impl Snapshot {
    pub fn to_wire(&self) -> fettle::FileSystemSnapshot {
        fettle::FileSystemSnapshot {
            kind: self.kind.to_wire(),
            name: cut(&self.name),
            of: cut(&self.of),
            taken_at: self.taken_at,
        }
    }

    /// `None` for a kind that this release does not know.
    pub fn from_wire(wire: fettle::FileSystemSnapshot) -> Option<Self> {
        let kind = SnapshotKind::from_wire(&wire.kind)?;
        Some(Self { kind, name: wire.name, of: wire.of, taken_at: wire.taken_at })
    }
}

impl NodePlan {
    pub fn to_wire(&self, order: VersionOrder) -> fettle::PatchPlan {
        let plan = &self.plan;
        let sign = |sign: &RebootSign| fettle::RebootReason {
            package: cut(&sign.package),
            reason: cut(&sign.reason),
        };
        fettle::PatchPlan {
            made_at: self.made_at,
            baseline_id: given(&self.baseline_id),
            snapshot_id: given(&self.snapshot_id),
            approved: self.approved.map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
            changes: plan.changes.iter().map(|change| change.to_wire(order)).collect(),
            refused: refusals(&plan.refused),
            blockers: plan.blockers.iter().take(MAX_FAILURES).map(Failure::to_wire).collect(),
            warnings: (!plan.warnings.is_empty())
                .then(|| plan.warnings.iter().take(MAX_FAILURES).map(Failure::to_wire).collect()),
            download_bytes: plan.download_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            disk_bytes: plan.disk_bytes,
            services_to_restart: plan.restarts.iter().take(MAX_NAMES).map(|unit| cut(unit)).collect(),
            reboot_expected: plan.reboot_expected,
            reboot_reasons: plan.reboot_signs.iter().take(MAX_NAMES).map(sign).collect(),
            snapshot: self.snapshot.as_ref().map(Snapshot::to_wire),
            losses: (!self.losses.is_empty())
                .then(|| self.losses.iter().take(MAX_NAMES).map(|loss| cut(loss)).collect()),
            undo: self.undo.as_ref().map(UndoForecast::to_wire),
        }
    }

    pub fn from_wire(wire: fettle::PatchPlan) -> Result<Self, UnknownCode> {
        let sign = |wire: fettle::RebootReason| RebootSign { package: wire.package, reason: wire.reason };
        Ok(Self {
            made_at: wire.made_at,
            baseline_id: wire.baseline_id.unwrap_or_default(),
            snapshot_id: wire.snapshot_id.unwrap_or_default(),
            approved: wire.approved.and_then(|count| u32::try_from(count).ok()),
            plan: Plan {
                changes: wire.changes.into_iter().map(Change::from_wire).collect(),
                refused: read_refusals(wire.refused)?,
                download_bytes: wire.download_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
                disk_bytes: wire.disk_bytes,
                restarts: wire.services_to_restart,
                warnings: wire
                    .warnings
                    .unwrap_or_default()
                    .into_iter()
                    .map(Failure::from_wire)
                    .collect::<Result<_, _>>()?,
                reboot_expected: wire.reboot_expected,
                reboot_signs: wire.reboot_reasons.into_iter().map(sign).collect(),
                blockers: wire.blockers.into_iter().map(Failure::from_wire).collect::<Result<_, _>>()?,
            },
            snapshot: wire.snapshot.and_then(Snapshot::from_wire),
            losses: wire.losses.unwrap_or_default(),
            undo: wire.undo.map(UndoForecast::from_wire).transpose()?,
        })
    }
}

impl PatchExecution {
    /// `undoers` are the runs that took this one back and were not taken back themselves.
    pub fn to_wire(&self, order: VersionOrder, undoers: &[Undoer]) -> fettle::PatchExecution {
        let whole = undoers.iter().find(|undoer| undoer.is_whole);
        let (checked_at, refused, unknown) = match &self.undo {
            UndoOutlook::Known { checked_at, refused } => (Some(*checked_at), refused.as_slice(), None),
            UndoOutlook::Unknown { reason } => (None, [].as_slice(), Some(cut(reason))),
        };
        let taken_back = whole.map(|undoer| format!("it was taken back by {}", undoer.execution_id));
        let first = || refused.first().map(|refusal| cut(&refusal.failure.detail));
        fettle::PatchExecution {
            execution_id: self.execution_id.clone(),
            kind: match self.kind {
                ExecutionKind::Install => fettle::ExecutionKind::Install,
                ExecutionKind::Undo => fettle::ExecutionKind::Undo,
            },
            ended_at: self.ended_at,
            baseline_id: given(&self.baseline_id),
            snapshot_id: given(&self.snapshot_id),
            undo_of: self.undo_of.clone(),
            undone_by: (!undoers.is_empty())
                .then(|| undoers.iter().map(|undoer| undoer.execution_id.clone()).collect()),
            changes: self.changes.iter().map(|change| change.to_wire(order)).collect(),
            failed: refusals(&self.failed),
            undo_possible: Some(self.undo_possible(undoers).to_wire()),
            undo_checked_at: checked_at,
            undo_reason: taken_back.or(unknown).or_else(first),
            undo_refused: refusals(refused),
            snapshot: self.snapshot.as_ref().map(Snapshot::to_wire),
        }
    }

    /// What the node says; what only answers have is passed over.
    pub fn from_wire(wire: fettle::PatchExecution) -> Result<Self, UnknownCode> {
        let undo = match (wire.undo_checked_at, wire.undo_reason) {
            (Some(checked_at), _) => {
                UndoOutlook::Known { checked_at, refused: read_refusals(wire.undo_refused)? }
            }
            (None, Some(reason)) => UndoOutlook::Unknown { reason },
            (None, None) => UndoOutlook::default(),
        };
        Ok(Self {
            execution_id: wire.execution_id,
            kind: match wire.kind {
                fettle::ExecutionKind::Undo => ExecutionKind::Undo,
                _ => ExecutionKind::Install,
            },
            ended_at: wire.ended_at,
            baseline_id: wire.baseline_id.unwrap_or_default(),
            snapshot_id: wire.snapshot_id.unwrap_or_default(),
            undo_of: wire.undo_of,
            changes: wire.changes.into_iter().map(Change::from_wire).collect(),
            failed: read_refusals(wire.failed)?,
            undo,
            snapshot: wire.snapshot.and_then(Snapshot::from_wire),
        })
    }
}

#[cfg(test)]
mod tests {
    use api::Timestamp;

    use super::*;

    fn change(name: &str, from: Option<&str>, to: Option<&str>) -> Change {
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        Change { name: name.into(), arch: "amd64".into(), from, to, reason: ChangeReason::Wanted }
    }

    fn snapshot() -> Snapshot {
        Snapshot {
            kind: SnapshotKind::Btrfs,
            name: "/.fettle-snapshots/s".into(),
            of: "/".into(),
            taken_at: Timestamp::from_seconds(6),
        }
    }

    fn refusal() -> Refusal {
        let failure =
            Failure { code: FailureCode::Held, subject: "b".into(), detail: "it is on hold".into() };
        Refusal { wanted: Wanted { name: "b".into(), arch: "all".into(), version: "2".into() }, failure }
    }

    #[test]
    fn actions_follow_the_order_of_versions() {
        let rows = [
            (None, Some("1"), fettle::ChangeAction::Install),
            (Some("1"), None, fettle::ChangeAction::Remove),
            (Some("1.9"), Some("1.10"), fettle::ChangeAction::Upgrade),
            (Some("1.10"), Some("1.9"), fettle::ChangeAction::Downgrade),
        ];
        for family in [Family::Debian, Family::Rpm] {
            for (from, to, expected) in &rows {
                let wire = change("a", *from, *to).to_wire(version_order(Some(family)));
                assert_eq!(wire.action.as_ref(), Some(expected), "{from:?} {to:?}");
            }
        }
    }

    #[test]
    fn plans_and_executions_come_back_as_they_went() {
        let plan = NodePlan {
            made_at: Timestamp::from_seconds(7),
            baseline_id: "pb-1".into(),
            snapshot_id: "s".into(),
            approved: Some(2),
            plan: Plan {
                changes: vec![change("a", Some("1"), Some("2")), change("c", None, Some("1"))],
                refused: vec![refusal()],
                download_bytes: Some(5),
                disk_bytes: Some(-3),
                restarts: vec!["cron.service".into()],
                warnings: vec![refusal().failure],
                reboot_expected: true,
                reboot_signs: vec![RebootSign { package: "a".into(), reason: "a kernel".into() }],
                blockers: vec![refusal().failure],
            },
            snapshot: Some(snapshot()),
            losses: vec!["everything".into()],
            undo: Some(UndoForecast { unknown: Some(refusal().failure), ..UndoForecast::default() }),
        };
        let order = version_order(None);
        assert_eq!(NodePlan::from_wire(plan.to_wire(order)).unwrap(), plan);
        let execution = PatchExecution {
            execution_id: "e".into(),
            kind: ExecutionKind::Undo,
            ended_at: Timestamp::from_seconds(8),
            baseline_id: String::new(),
            snapshot_id: String::new(),
            undo_of: Some("d".into()),
            changes: plan.plan.changes,
            failed: vec![refusal()],
            undo: UndoOutlook::Known { checked_at: Timestamp::from_seconds(9), refused: vec![refusal()] },
            snapshot: Some(snapshot()),
        };
        assert_eq!(PatchExecution::from_wire(execution.to_wire(order, &[])).unwrap(), execution);
        let undoer = Undoer { execution_id: "f".into(), is_whole: true };
        let told = execution.to_wire(order, &[undoer]);
        assert_eq!(told.undo_possible, Some(fettle::UndoPossible::No));
        assert_eq!(told.undo_reason.as_deref(), Some("it was taken back by f"));
        let mut strange = refusal().to_wire();
        strange.failure.code = "moonlight".into();
        assert_eq!(Refusal::from_wire(strange), Err(UnknownCode("moonlight".into())));
    }
}
