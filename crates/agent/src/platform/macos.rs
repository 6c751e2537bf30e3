//! What macOS says of itself, through its own tools: `sw_vers` and `sysctl`.
//! Never run on a Mac: compiled and tested where the tests run.

use std::process::{Command, Stdio};

use api::Timestamp;

use super::Machine;

pub fn machine() -> Machine {
    let computer_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Machine {
        platform_type: "MacOS",
        platform_name: "macOS".to_owned(),
        platform_version: answer("sw_vers", &["-productVersion"]),
        computer_name,
    }
}

/// New at every boot.
pub fn boot_id() -> String {
    answer("sysctl", &["-n", "kern.bootsessionuuid"])
}

pub fn booted_at() -> Option<Timestamp> {
    boot_time(&answer("sysctl", &["-n", "kern.boottime"]))
}

/// `{ sec = 1699000000, usec = 123456 } Fri Nov  3 09:26:40 2023`
fn boot_time(text: &str) -> Option<Timestamp> {
    let (_, rest) = text.split_once("sec = ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().map(Timestamp::from_seconds)
}

/// The tool's first line; empty when it cannot be run, which is logged.
fn answer(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    match output {
        Ok(output) => {
            String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned()
        }
        Err(error) => {
            tracing::warn!(program, %error, "cannot be asked about this machine");
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_time_of_the_boot() {
        let text = "{ sec = 1699000000, usec = 123456 } Fri Nov  3 09:26:40 2023";
        assert_eq!(boot_time(text), Some(Timestamp::from_seconds(1_699_000_000)));
        assert_eq!(boot_time(""), None);
        assert_eq!(boot_time("{ sec = , usec = 1 }"), None);
    }

    #[test]
    fn a_machine_without_the_tools_says_so_in_the_log_and_goes_on() {
        assert_eq!(answer("no-such-program-anywhere", &[]), "");
        assert_eq!(answer("/bin/echo", &["14.5"]), "14.5");
        let machine = machine();
        assert_eq!((machine.platform_type, machine.platform_name.as_str()), ("MacOS", "macOS"));
        assert_eq!((boot_id().is_empty(), booted_at()), (true, None));
    }
}
