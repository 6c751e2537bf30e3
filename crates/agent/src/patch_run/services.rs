//! Restarting the services that run replaced files, for nodes that are not to be rebooted for that.
//! Which services those are is `effect`'s to find.

use std::process::{Command, Stdio};

use domain::facts::NotInEffect;

use super::output::Output;

/// Restarting these takes sessions, the bus or this very run down with them.
const NEVER: [&str; 6] = [
    "dbus.service",
    "dbus-broker.service",
    "systemd-logind.service",
    "fettle-agent.service",
    "amazon-ssm-agent.service",
    "display-manager.service",
];

/// One after the other. What cannot be restarted is told and does not keep the others.
pub fn restart(waiting: &NotInEffect, output: &mut Output) {
    for unit in waiting.restartable() {
        if is_left_alone(unit) {
            output.say(&format!("Not restarted: {unit}; a reboot brings it up to date."));
            continue;
        }
        let ended = Command::new("systemctl")
            .args(["try-restart", "--", unit])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output();
        output.say(&match ended {
            Ok(ended) if ended.status.success() => format!("Restarted: {unit}."),
            Ok(ended) => {
                let said = String::from_utf8_lossy(&ended.stderr);
                format!("Not restarted: {unit}: {}", said.lines().last().unwrap_or("systemctl failed").trim())
            }
            Err(error) => format!("Not restarted: {unit}: systemctl cannot be started: {error}"),
        });
    }
}

fn is_left_alone(unit: &str) -> bool {
    NEVER.contains(&unit) || unit.starts_with("getty@") || unit.starts_with("serial-getty@")
}
