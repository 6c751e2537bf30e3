//! What dpkg's own records say of packages that are about to change: their files, and scripts that ask for a reboot.
//! What follows from that is `effect::expected`'s. Records that cannot be read tell nothing.
//! Source: deb-preinst(5); `/usr/share/update-notifier/notify-reboot-required`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use domain::patch::transaction::{Change, RebootSign};

use super::Apt;

/// Part of the path that scripts write to, and of the program that does it for them.
const ASKS_FOR_REBOOT: &str = "reboot-required";

impl Apt<'_> {
    pub(super) fn listed_files(&self, changes: &[Change]) -> Vec<String> {
        let Some(info) = self.info_folder() else { return Vec::new() };
        let mut files = Vec::new();
        for change in changes {
            let found = self.record(&info, change, "list").map(BufReader::new);
            let lines = found.into_iter().flat_map(|list| list.lines().map_while(Result::ok));
            files.extend(lines.filter(|line| line.starts_with('/')));
        }
        files
    }

    /// The version to come may ask as the installed one does; its script is seen only when it has been downloaded.
    pub(super) fn scripts_that_ask_for_a_reboot(&self, changes: &[Change]) -> Vec<RebootSign> {
        let Some(info) = self.info_folder() else { return Vec::new() };
        let asks = |change: &&Change| {
            let Some(script) = self.record(&info, change, "postinst") else { return false };
            BufReader::new(script).lines().map_while(Result::ok).any(|line| line.contains(ASKS_FOR_REBOOT))
        };
        let comes = changes.iter().filter(|change| change.from.is_some() && change.to.is_some());
        let sign = |change: &Change| RebootSign {
            package: change.name.clone(),
            reason: "the postinst of its installed version asks for a reboot".to_owned(),
        };
        comes.filter(asks).map(sign).collect()
    }

    fn info_folder(&self) -> Option<PathBuf> {
        let settings = self.settings().ok()?;
        Some(settings.status.parent().unwrap_or(Path::new("/")).join("info"))
    }

    /// Packages that may be there for several architectures have it in the name of their records.
    fn record(&self, info: &Path, change: &Change, kind: &str) -> Option<std::fs::File> {
        let names = [format!("{}:{}.{kind}", change.name, change.arch), format!("{}.{kind}", change.name)];
        names.iter().find_map(|name| self.root.open(&info.join(name)).ok().flatten())
    }
}
