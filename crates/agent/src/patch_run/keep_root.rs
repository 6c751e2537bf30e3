//! The snapshot before an installation, where the operator asked for one. How it is taken is `snapshots`'.

use api::Timestamp;
use domain::patch::Failure;
use domain::patch::execution::Snapshot;
pub use domain::patch::way_back::Asked;
use domain::patch::way_back::SnapshotOutlook;

use super::preview::silent;
use super::{PatchRequest, our_snapshots};
use crate::snapshots::{Keep, Volume};

/// Whether to take one, and how many to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshots {
    pub asked: Asked,
    pub keep: Keep,
}

impl Snapshots {
    pub const OFF: Self = Self { asked: Asked::Off, keep: Keep { count: 0, days: 0 } };
}

/// What a snapshot before an installation would do for an undo. Takes none.
pub fn outlook(request: &PatchRequest) -> SnapshotOutlook {
    let asked = request.snapshots.asked;
    match Volume::of(&request.root) {
        Err(failure) => SnapshotOutlook { asked, obstacle: Some(failure), ..SnapshotOutlook::default() },
        Ok(volume) => SnapshotOutlook {
            asked,
            kind: Some(volume.kind()),
            of: volume.shown(),
            obstacle: volume.obstacle(&mut silent(&request.data_dir)),
        },
    }
}

/// `None` when none was asked for, or could be taken and need not be, which `say` is told. An error keeps the
/// installation away.
pub fn keep_root(
    request: &PatchRequest,
    execution_id: &str,
    now: Timestamp,
    say: &dyn Fn(&str),
) -> Result<Option<Snapshot>, Failure> {
    let Snapshots { asked, keep } = request.snapshots;
    if asked == Asked::Off {
        return Ok(None);
    }
    let mut tools = silent(&request.data_dir);
    let taken = Volume::of(&request.root).and_then(|volume| volume.take(&mut tools, execution_id, now, keep));
    match taken {
        Ok(snapshot) => {
            say(&format!("Kept {} as {}.", snapshot.of, snapshot.name));
            tell_left(request, &snapshot, say);
            Ok(Some(snapshot))
        }
        Err(failure) if asked == Asked::Require => Err(failure),
        Err(failure) => {
            say(&format!("No snapshot was taken, and the installation goes on: {failure}"));
            Ok(None)
        }
    }
}

/// Snapshots of runs that were killed before they had changed anything stay until somebody removes them, or they are old.
fn tell_left(request: &PatchRequest, new: &Snapshot, say: &dyn Fn(&str)) {
    let left = Volume::of(&request.root)
        .map_err(anyhow::Error::from)
        .and_then(|volume| our_snapshots::left(&volume, &request.root, &request.data_dir, &new.name));
    match left {
        Ok(left) => {
            for line in &left {
                say(&format!("{line}."));
            }
            if !left.is_empty() {
                say("`fettle-agent snapshots --remove-left` removes what was left behind.");
            }
        }
        Err(error) => say(&format!("It is not known what was left of earlier snapshots: {error:#}")),
    }
}
