//! Which packages were installed as dependencies, kept as it was: asking apt for a version by name makes a package one
//! that was chosen, and `autoremove` would never take it away again.

use std::collections::BTreeSet;

use domain::patch::Failure;

use super::super::super::tool::ToolRun;
use super::super::policy::text;
use super::super::states::Automatic;
use super::Apt;
use super::installed::Key;
use super::place::Place;

impl Apt<'_> {
    pub(super) fn automatic(&self) -> Result<BTreeSet<Key>, Failure> {
        let path = self.settings()?.extended_states;
        let mut automatic = BTreeSet::new();
        Automatic::load(self.root, &path)?.for_each(&self.root.shown(&path), &mut |name, arch| {
            automatic.insert((text(name).to_owned(), text(arch).to_owned()));
        })?;
        Ok(automatic)
    }

    /// Marks those again that lost their mark and are still installed.
    pub(super) fn restore_marks(
        &self,
        before: &BTreeSet<Key>,
        place: &Place,
        run: &mut ToolRun,
    ) -> Result<(), Failure> {
        let (now, installed) = (self.automatic()?, self.installed()?);
        let lost: Vec<_> = before
            .difference(&now)
            .filter(|key| installed.packages.contains_key(*key))
            .map(|(name, arch)| format!("{name}:{arch}"))
            .collect();
        if !lost.is_empty() {
            run.run(&place.apt_mark().arg("auto").args(lost))?;
        }
        Ok(())
    }
}
