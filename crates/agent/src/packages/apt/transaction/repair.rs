//! Finishing what an interrupted run left: `dpkg --configure -a`, what must be unpacked again, then `apt-get -f install`.

use std::path::Path;

use domain::patch::Failure;
use domain::patch::transaction::Change;

use super::super::super::tool::ToolRun;
use super::super::super::transaction::State;
use super::Apt;

/// A package whose script fails again stays as it is: that is for the caller to judge by the database.
pub fn repair(apt: &Apt<'_>, run: &mut ToolRun) -> Result<Vec<Change>, Failure> {
    let before = apt.installed()?;
    if !before.is_unfinished() && !apt.has_journal()? {
        return Ok(Vec::new());
    }
    run.say("finishing what an interrupted run of dpkg left");
    let place = apt.place(run)?;
    apt.change(&place.dpkg().args(["--configure", "-a"]), run)?;
    // dpkg was ended between the last file of a package and its word that all are there. dpkg configures no such package, and
    // `-f install` asks it to do no more than that.
    let again = apt.installed()?.half_unpacked();
    if !again.is_empty() {
        apt.change(&place.apt_get().args(["--no-remove", "--reinstall", "install"]).args(again), run)?;
    }
    if apt.installed()?.is_unfinished() {
        apt.change(&place.apt_get().args(["--no-remove", "-f", "install"]), run)?;
    }
    Ok(before.changes_to(&apt.installed()?, &[]))
}

impl Apt<'_> {
    /// dpkg was ended between its journal and its status file.
    fn has_journal(&self) -> Result<bool, Failure> {
        let settings = self.settings()?;
        let admin = settings.status.parent().unwrap_or(Path::new("/"));
        Ok(!self.root.list_files(&admin.join("updates"))?.is_empty())
    }
}
