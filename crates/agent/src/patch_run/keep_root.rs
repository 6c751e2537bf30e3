//! The snapshot before an installation, where the operator asked for one. How it is taken is `snapshots`'.

use std::str::FromStr;

use api::Timestamp;
use domain::patch::Failure;
use domain::patch::execution::Snapshot;

use super::PatchRequest;
use super::preview::silent;
use crate::snapshots::{Keep, Volume};

/// What the operator asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Off,
    /// An installation goes on without one.
    Try,
    /// Without one nothing is installed.
    Require,
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "off" => Ok(Self::Off),
            "try" => Ok(Self::Try),
            "require" => Ok(Self::Require),
            _ => Err(format!("`{text}` is none of off, try, require")),
        }
    }
}

/// Whether to take one, and how many to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshots {
    pub asked: Asked,
    pub keep: Keep,
}

impl Snapshots {
    pub const OFF: Self = Self { asked: Asked::Off, keep: Keep { count: 0, days: 0 } };
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
            Ok(Some(snapshot))
        }
        Err(failure) if asked == Asked::Require => Err(failure),
        Err(failure) => {
            say(&format!("No snapshot was taken, and the installation goes on: {failure}"));
            Ok(None)
        }
    }
}
