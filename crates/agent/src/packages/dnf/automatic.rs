//! What updates a node of dnf or yum by itself: dnf-automatic, dnf 5's plugin of that name, yum-cron. Told by what is enabled and
//! how it is set up; nothing of it is changed here.
//! Source: dnf-automatic(8), dnf5-automatic(8), yum-cron(8), systemctl(1) on enabling and masking.

use std::path::{Path, PathBuf};

use domain::facts::{AutomaticAction, AutomaticUpdates};

use super::super::ScanError;
use super::super::root::Root;
use super::super::rpm::ini::{self, Section};

/// Where units are enabled, by the administrator and by the system.
const WANTS: [&str; 2] = ["/etc/systemd/system", "/usr/lib/systemd/system"];
/// Where they are masked, for good and until the next boot.
const MASKS: [&str; 2] = ["/etc/systemd/system", "/run/systemd/system"];
/// Those that do as the settings say, and those that have one thing to do whatever the settings say.
const TIMERS: [(&str, Option<AutomaticAction>); 5] = [
    ("dnf-automatic.timer", None),
    ("dnf5-automatic.timer", None),
    ("dnf-automatic-install.timer", Some(AutomaticAction::Installs)),
    ("dnf-automatic-download.timer", Some(AutomaticAction::Downloads)),
    ("dnf-automatic-notifyonly.timer", Some(AutomaticAction::Notifies)),
];
/// dnf 5's defaults, then the administrator's. dnf 4 has the latter alone.
const DNF_SETTINGS: [&str; 2] = ["/usr/share/dnf5/dnf5-plugins/automatic.conf", "/etc/dnf/automatic.conf"];
const YUM_SERVICE: &str = "yum-cron.service";
/// Where System V's init starts it from.
const YUM_LINKS: &str = "/etc/rc.d/rc3.d";
const YUM_SETTINGS: [(&str, &str); 2] =
    [("yum-cron", "/etc/yum/yum-cron.conf"), ("yum-cron (hourly)", "/etc/yum/yum-cron-hourly.conf")];

/// In the order of the tables above. Settings that cannot be understood are no reason not to scan.
pub fn load(root: &Root) -> Result<Vec<AutomaticUpdates>, ScanError> {
    let mut found = Vec::new();
    for (unit, action) in TIMERS {
        if !is_enabled(root, "timers.target", unit)? {
            continue;
        }
        let settings = commands(root, DNF_SETTINGS.map(PathBuf::from).as_slice())?;
        found.push(AutomaticUpdates {
            unit: unit.to_owned(),
            does: action.or(settings.as_ref().map(by_settings)).unwrap_or_default(),
            security_only: settings.is_some_and(|set| set.get("upgrade_type") == Some("security")),
        });
    }
    if runs_yum_cron(root)? {
        for (name, path) in YUM_SETTINGS {
            if root.identity(Path::new(path))?.is_none() {
                continue;
            }
            let settings = commands(root, &[PathBuf::from(path)])?;
            // One that does not even tell of updates does nothing.
            let is_idle = |set: &Section| {
                by_settings(set) == AutomaticAction::Notifies && set.flag("update_messages") != Some(true)
            };
            if settings.as_ref().is_some_and(is_idle) {
                continue;
            }
            let wants = settings.as_ref().and_then(|set| set.get("update_cmd")).unwrap_or_default();
            found.push(AutomaticUpdates {
                unit: name.to_owned(),
                security_only: wants.contains("security"),
                does: settings.as_ref().map(by_settings).unwrap_or_default(),
            });
        }
    }
    Ok(found)
}

/// What is masked stays among the target's wants and does not start.
fn is_enabled(root: &Root, target: &str, unit: &str) -> Result<bool, ScanError> {
    for folder in MASKS {
        // A link to `/dev/null`, or an empty file.
        if root.read(&Path::new(folder).join(unit))?.is_some_and(|bytes| bytes.is_empty()) {
            return Ok(false);
        }
    }
    for folder in WANTS {
        let link = Path::new(folder).join(format!("{target}.wants")).join(unit);
        if root.identity(&link)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn runs_yum_cron(root: &Root) -> Result<bool, ScanError> {
    if is_enabled(root, "multi-user.target", YUM_SERVICE)? {
        return Ok(true);
    }
    let links = root.list_files(Path::new(YUM_LINKS))?;
    Ok(links.iter().any(|link| link.starts_with('S') && link.ends_with("yum-cron")))
}

/// The section that says what to do, of all files together; `None` where one cannot be understood.
fn commands(root: &Root, paths: &[PathBuf]) -> Result<Option<Section>, ScanError> {
    let mut section = Section::default();
    for path in paths {
        match ini::read(root, path) {
            Ok(sections) => {
                let parts = sections.iter().filter(|part| part.name == "commands");
                parts.for_each(|part| section.override_with(part));
            }
            Err(ScanError::Malformed { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(section))
}

fn by_settings(section: &Section) -> AutomaticAction {
    match (section.flag("apply_updates"), section.flag("download_updates")) {
        (Some(true), _) => AutomaticAction::Installs,
        (_, Some(true)) => AutomaticAction::Downloads,
        _ => AutomaticAction::Notifies,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Node(tempfile::TempDir);

    impl Node {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, path: &str, text: &str) -> &Self {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            self
        }

        /// As `systemctl enable` does it.
        fn enable(&self, target: &str, unit: &str) -> &Self {
            self.write(&format!("usr/lib/systemd/system/{unit}"), "[Unit]\n");
            let wants = self.0.path().join(format!("etc/systemd/system/{target}.wants"));
            fs::create_dir_all(&wants).unwrap();
            std::os::unix::fs::symlink(format!("/usr/lib/systemd/system/{unit}"), wants.join(unit)).unwrap();
            self
        }

        fn check(&self, expected: &[&str]) -> &Self {
            let found = load(&Root::at(self.0.path()).unwrap()).unwrap();
            let lines: Vec<_> = found.iter().map(AutomaticUpdates::line).collect();
            assert_eq!(lines, expected);
            self
        }
    }

    #[test]
    fn dnf_does_what_its_timers_and_settings_say() {
        let conf = "etc/dnf/automatic.conf";
        let node = Node::new();
        // Settings alone start nothing.
        node.write(
            conf,
            "[commands]\nupgrade_type = security\ndownload_updates = yes\napply_updates = yes\n",
        );
        node.check(&[]).enable("timers.target", "dnf-automatic.timer");
        node.check(&["dnf-automatic.timer installs security updates"]);
        node.write(conf, "[commands]\nupgrade_type = default\napply_updates = no\ndownload_updates = yes\n");
        node.check(&["dnf-automatic.timer downloads updates and installs none"]);
        node.write(conf, "[emitters]\nemit_via = motd\n");
        node.check(&["dnf-automatic.timer tells of updates and installs none"]);
        // What cannot be understood is not taken for harmless.
        node.write(conf, "apply_updates = yes\n");
        node.check(&["dnf-automatic.timer runs; what it does its settings do not tell"]);
        node.enable("timers.target", "dnf-automatic-install.timer");
        node.check(&[
            "dnf-automatic.timer runs; what it does its settings do not tell",
            "dnf-automatic-install.timer installs updates",
        ]);
        node.write("etc/systemd/system/dnf-automatic.timer", "");
        node.check(&["dnf-automatic-install.timer installs updates"]);
    }

    #[test]
    fn dnf_5_has_defaults_of_its_own() {
        let node = Node::new();
        let defaults = "[commands]\napply_updates = no\ndownload_updates = yes\nupgrade_type = default\n";
        node.write("usr/share/dnf5/dnf5-plugins/automatic.conf", defaults);
        node.check(&[]).enable("timers.target", "dnf5-automatic.timer");
        node.check(&["dnf5-automatic.timer downloads updates and installs none"]);
        node.write("etc/dnf/automatic.conf", "[commands]\napply_updates = True\n");
        node.check(&["dnf5-automatic.timer installs updates"]);
    }

    #[test]
    fn yum_has_a_daily_and_an_hourly_one() {
        let node = Node::new();
        let settings = |apply: &str, command: &str| {
            format!(
                "[commands]\nupdate_cmd = {command}\nupdate_messages = {apply}\ndownload_updates = {apply}\napply_updates = {apply}\n"
            )
        };
        node.write("etc/yum/yum-cron.conf", &settings("yes", "minimal-security"));
        node.write("etc/yum/yum-cron-hourly.conf", &settings("no", "default"));
        node.check(&[]).enable("multi-user.target", "yum-cron.service");
        node.check(&["yum-cron installs security updates"]);
        node.write("etc/yum/yum-cron-hourly.conf", &settings("yes", "default"));
        node.check(&["yum-cron installs security updates", "yum-cron (hourly) installs updates"]);
        let old = Node::new();
        old.write("etc/yum/yum-cron.conf", &settings("yes", "default")).check(&[]);
        old.write("etc/rc.d/rc3.d/S60yum-cron", "").check(&["yum-cron installs updates"]);
    }
}
