//! Restarting the services that run replaced files, for nodes that are not to be rebooted for that.
//! Which services those are is `effect`'s to find.

use std::process::{Command, Stdio};

use domain::facts::{NotInEffect, Starter};

use super::output::Output;

/// Restarting these takes sessions, the network, the bus or this very run down with them. Those below are OpenRC's.
const NEVER: [&str; 17] = [
    "dbus.service",
    "dbus-broker.service",
    "systemd-logind.service",
    "fettle-agent.service",
    "amazon-ssm-agent.service",
    "display-manager.service",
    "amazon-ssm-agent",
    "dbus",
    "display-manager",
    "elogind",
    "fettle-agent",
    "gdm",
    "greetd",
    "lightdm",
    "networking",
    "sddm",
    "udev",
];
/// Terminals: `getty@tty1.service`, OpenRC's `agetty.tty1`.
const TERMINALS: [&str; 3] = ["getty@", "serial-getty@", "agetty."];

/// One after the other. What cannot be restarted is told and does not keep the others.
pub fn restart(waiting: &NotInEffect, output: &mut Output) {
    for unit in waiting.restartable() {
        if is_left_alone(unit) {
            output.say(&format!("Not restarted: {unit}; a reboot brings it up to date."));
            continue;
        }
        let command = Starter::of(unit).map(|starter| starter.restart(unit)).unwrap_or_default();
        let Some((program, arguments)) = command.split_first() else { continue };
        let ended = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output();
        output.say(&match ended {
            Ok(ended) if ended.status.success() => format!("Restarted: {unit}."),
            Ok(ended) => {
                let said = String::from_utf8_lossy(&ended.stderr);
                let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
                format!("Not restarted: {unit}: {}", last.unwrap_or("its restart failed without a word"))
            }
            Err(error) => format!("Not restarted: {unit}: {program} cannot be started: {error}"),
        });
    }
}

fn is_left_alone(unit: &str) -> bool {
    NEVER.contains(&unit) || TERMINALS.iter().any(|terminal| unit.starts_with(terminal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_carries_sessions_is_left_alone() {
        for unit in ["dbus.service", "getty@tty1.service", "dbus", "agetty.tty1", "networking"] {
            assert!(is_left_alone(unit), "{unit}");
        }
        for unit in ["nginx.service", "nginx", "sshd", "dbus-thing"] {
            assert!(!is_left_alone(unit), "{unit}");
        }
    }
}
