//! The scripts of a package: `install`, `uninstall`, `update`, as a shell or PowerShell file, with what packages are told.
//! Source: spec agent-protocol 9.3.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use super::{Failure, Order};
use crate::platform;
use crate::plugins::engine::{EXIT_RESTART, Run};
use crate::plugins::output::cut_stream;
use crate::plugins::process::{self, Ending, Program};
use crate::plugins::secrets::Secrets;

/// Of one script.
const TIMEOUT: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    Install,
    Uninstall,
    Update,
}

impl Script {
    fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Uninstall => "uninstall",
            Self::Update => "update",
        }
    }
}

pub struct Scripts<'a> {
    pub run: &'a Run<'a>,
    pub order: &'a Order,
    pub secrets: &'a Secrets,
}

impl Scripts<'_> {
    /// A package may do without the first two. What a script says is added to `said`.
    pub async fn run(
        &self,
        script: Script,
        folder: &Path,
        version: &str,
        cancel: &mut watch::Receiver<bool>,
        said: &mut String,
    ) -> Result<(), Failure> {
        let name = script.name();
        let is_windows = self.run.surroundings.platform_type == "Windows";
        let path = folder.join(format!("{name}.{}", if is_windows { "ps1" } else { "sh" }));
        if !path.is_file() {
            return match script {
                Script::Update => Err(Failure::Reason(format!(
                    "the package has no {name} script, so it cannot be updated in place"
                ))),
                _ => {
                    said.push_str(&format!("the package has no {name} script\n"));
                    Ok(())
                }
            };
        }
        let interpreter = if is_windows { platform::powershell() } else { platform::shell() };
        let interpreter =
            interpreter.ok_or_else(|| Failure::Reason("scripts cannot be run here".to_owned()))?;
        let mut arguments: Vec<PathBuf> = interpreter.arguments.iter().map(PathBuf::from).collect();
        arguments.push(path);
        let program = Program {
            program: interpreter.program.into(),
            arguments,
            working_dir: folder.to_owned(),
            environment: self.environment(name, version),
            timeout: TIMEOUT,
            spool: None,
        };
        let finished = process::run(program, cancel)
            .await
            .map_err(|error| Failure::Reason(format!("cannot start {}: {error}", interpreter.program)))?;
        // Before it is cut: half a secret would not be found.
        let text = |bytes: &[u8]| cut_stream(&self.secrets.conceal(&String::from_utf8_lossy(bytes)));
        let (output, errors) = (text(&finished.stdout), text(&finished.stderr));
        for (stream, text) in [("", output), ("errors of ", errors)] {
            if !text.is_empty() {
                said.push_str(&format!("{stream}{name} {version}:\n{}\n", text.trim_end()));
            }
        }
        match finished.ending {
            Ending::Exited(0) => Ok(()),
            Ending::Exited(code) if i64::from(code) == EXIT_RESTART => Err(Failure::Restart),
            Ending::Exited(code) => {
                Err(Failure::Reason(format!("{name} of version {version} ended with status {code}")))
            }
            Ending::Killed => {
                Err(Failure::Reason(format!("{name} of version {version} was killed by a signal")))
            }
            ending => Err(Failure::Ended(ending)),
        }
    }

    fn environment(&self, action: &str, version: &str) -> Vec<(String, String)> {
        let surroundings = self.run.surroundings;
        let machine = fetch_machine(surroundings);
        let told = [
            ("BWS_ACTION_NAME", action.to_owned()),
            ("BWS_PACKAGE_NAME", self.order.name.clone()),
            ("BWS_PACKAGE_VERSION", version.to_owned()),
            ("BWS_PLATFORM_NAME", machine.platforms.first().copied().unwrap_or_default().to_owned()),
            ("BWS_PLATFORM_VERSION", surroundings.platform_version.clone()),
            ("BWS_PLATFORM_FAMILY", surroundings.platform_type.to_lowercase()),
            ("BWS_ARCHITECTURE", machine.architectures.first().copied().unwrap_or_default().to_owned()),
            ("BWS_INSTANCE_ID", surroundings.instance_id.clone()),
            ("BWS_REGION", surroundings.region.clone()),
            ("AWS_SSM_INSTANCE_ID", surroundings.instance_id.clone()),
            ("AWS_SSM_REGION_NAME", surroundings.region.clone()),
            ("SSM_COMMAND_ID", self.run.command_id.to_owned()),
        ];
        let asked = self.order.arguments.iter();
        let asked = asked.map(|(name, text)| (name.clone(), self.secrets.fill(text)));
        asked.chain(told.map(|(name, value)| (name.to_owned(), value))).collect()
    }
}

pub fn fetch_machine(surroundings: &crate::plugins::Surroundings) -> domain::document::package::Machine {
    domain::document::package::Machine::of(
        surroundings.platform_type,
        &surroundings.platform_name,
        &surroundings.platform_version,
        std::env::consts::ARCH,
    )
}
