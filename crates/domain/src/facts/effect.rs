//! What is installed and not in effect: processes that still run files which were replaced, a kernel that was not
//! booted. Beside AWS's rule, which only asks whether anything was installed since the boot. Finding it is the
//! agent's work, telling what to do about it `explain`'s.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotInEffect {
    /// Sorted by unit; processes outside of any unit stand in one entry without a name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<StaleUnit>,
    /// The newest installed kernel, when another one was booted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer_kernel: Option<String>,
    /// Packages that were installed since the boot and take effect only with one (libc, systemd and the like, by the
    /// rules that rpm systems know from `needs-restarting`). Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// Live patches that the kernel has loaded and enabled: they may close a hole before the reboot does. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub live_patches: Vec<String>,
    /// Processes that could not be looked at, for lack of rights.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable_processes: u32,
}

/// A service, or whatever else systemd calls a unit, some of whose processes run replaced files.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StaleUnit {
    /// `nginx.service`; `nginx` where OpenRC starts it; empty for processes outside of both.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Names of the processes, sorted, each once.
    pub processes: Vec<String>,
    /// The replaced files, sorted; not more than a few.
    pub files: Vec<String>,
}

impl NotInEffect {
    /// Nothing was found at all, not even good news such as live patches.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Only a reboot brings it into effect.
    pub fn needs_reboot(&self) -> bool {
        self.newer_kernel.is_some() || !self.packages.is_empty()
    }

    /// What waits and what for, one line each, for people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(kernel) = &self.newer_kernel {
            let live = match self.live_patches.as_slice() {
                [] => String::new(),
                patches => format!("; live patches are loaded: {}", patches.join(", ")),
            };
            lines.push(format!("kernel {kernel}: waits for a reboot{live}"));
        }
        lines.extend(self.packages.iter().map(|package| format!("{package}: waits for a reboot")));
        lines.extend(self.units.iter().map(StaleUnit::line));
        lines
    }

    /// Units that a restart of the service brings up to date, in order.
    pub fn restartable(&self) -> impl Iterator<Item = &str> {
        let units = self.units.iter().map(|stale| stale.unit.as_str());
        units.filter(|unit| Starter::of(unit).is_some() && !unit.starts_with("user@"))
    }

    /// What a person would type to restart them.
    pub fn restart_commands(&self) -> Vec<String> {
        let of = |starter| self.restartable().filter(move |unit| Starter::of(unit) == Some(starter));
        let units: Vec<&str> = of(Starter::Systemd).collect();
        let by_systemd = (!units.is_empty()).then(|| format!("systemctl try-restart {}", units.join(" ")));
        let by_openrc = of(Starter::OpenRc).map(|name| format!("rc-service --ifstarted {name} restart"));
        by_systemd.into_iter().chain(by_openrc).collect()
    }

    /// The same for one of them; `None` for what is none, and where the name is no plain word of a shell.
    pub fn restart_command(&self, unit: &str) -> Option<String> {
        let is_plain = unit.bytes().all(|b| b.is_ascii_alphanumeric() || b":_.@-".contains(&b));
        let starter = self.restartable().find(|known| *known == unit).and_then(Starter::of)?;
        is_plain.then(|| starter.restart(unit).join(" "))
    }
}

/// What starts a service, told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starter {
    Systemd,
    OpenRc,
}

impl Starter {
    /// `None` for what is no service: scopes of systemd, processes outside of any unit.
    pub fn of(unit: &str) -> Option<Self> {
        match unit {
            unit if unit.ends_with(".service") => Some(Self::Systemd),
            unit if unit.is_empty() || unit.ends_with(".scope") => None,
            _ => Some(Self::OpenRc),
        }
    }

    /// The program and its arguments that restart a service which runs, and leave alone one that does not.
    pub fn restart(self, service: &str) -> Vec<&str> {
        match self {
            Self::Systemd => vec!["systemctl", "try-restart", "--", service],
            Self::OpenRc => vec!["rc-service", "--ifstarted", "--", service, "restart"],
        }
    }
}

impl StaleUnit {
    fn line(&self) -> String {
        let files = self.files.join(", ");
        match self.unit.as_str() {
            "" => format!("processes {}: run replaced {files}", self.processes.join(", ")),
            unit => format!("{unit}: waits for its restart; runs replaced {files}"),
        }
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_restarted_by_what_starts_them() {
        let unit = |unit: &str| StaleUnit { unit: unit.to_owned(), ..StaleUnit::default() };
        let units = ["", "a.service", "b.service", "net.lo", "nginx", "session-3.scope", "user@0.service"];
        let waiting = NotInEffect { units: units.map(unit).to_vec(), ..NotInEffect::default() };
        assert_eq!(waiting.restartable().collect::<Vec<_>>(), ["a.service", "b.service", "net.lo", "nginx"]);
        assert_eq!(
            waiting.restart_commands(),
            [
                "systemctl try-restart a.service b.service",
                "rc-service --ifstarted net.lo restart",
                "rc-service --ifstarted nginx restart"
            ]
        );
        assert_eq!(NotInEffect::default().restart_commands(), [""; 0]);
        let one = |unit: &str| waiting.restart_command(unit);
        assert_eq!(one("a.service").as_deref(), Some("systemctl try-restart -- a.service"));
        assert_eq!(one("nginx").as_deref(), Some("rc-service --ifstarted -- nginx restart"));
        assert_eq!((one("kernel"), one("user@1000.service")), (None, None));
        let odd = NotInEffect { units: vec![unit("x;reboot.service")], ..NotInEffect::default() };
        assert_eq!(odd.restart_command("x;reboot.service"), None);
    }
}
