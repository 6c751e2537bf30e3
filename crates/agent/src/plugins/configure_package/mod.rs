//! `aws:configurePackage`: installs and removes packages that are documents of type Package: the file for this machine is
//! fetched, checked against the manifest, unpacked, and its own script run. What is installed is kept in `state`.
//! Source: spec systems-manager 8, agent-protocol 9.2 and 9.3.

mod fetch;
mod scripts;
mod state;
mod unpack;

use std::fs;
use std::path::Path;

use serde_json::Value;
use tokio::sync::watch;

use super::engine::{EXIT_RESTART, PluginResult, Run};
use super::process::Ending;
use super::secrets::Secrets;
use fetch::Fetched;
use scripts::{Script, Scripts};
use state::{Installed, Packages, State};

pub const ACTION: &str = "aws:configurePackage";

/// What a step asks for.
#[derive(Debug, PartialEq)]
struct Order {
    name: String,
    action: Action,
    /// A version's name or number; the default one without it.
    version: Option<String>,
    kind: Kind,
    /// For the scripts; with references in the place of secrets.
    arguments: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Install,
    Uninstall,
}

/// How an installed version gives way to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Reinstall,
    InPlace,
}

pub async fn run(run: &Run<'_>, inputs: &Value, cancel: &mut watch::Receiver<bool>) -> PluginResult {
    let mut said = String::new();
    let (outcome, secrets) = match order(run, inputs).await {
        Ok((order, secrets)) => {
            let outcome = carry_out(run, (&order, &secrets), cancel, &mut said).await;
            (outcome, secrets)
        }
        Err(reason) => (Err(Failure::Reason(reason)), Secrets::default()),
    };
    // What scripts say has lost them before it was cut.
    let said = secrets.conceal(&said);
    match outcome {
        Ok(()) => PluginResult { stdout: said, ..PluginResult::empty() },
        Err(Failure::Restart) => PluginResult {
            stdout: said,
            ending: Ending::Exited(EXIT_RESTART as i32),
            code: EXIT_RESTART,
            ..PluginResult::empty()
        },
        Err(Failure::Ended(ending)) => {
            let stderr = format!("{ACTION}: the script was ended\n");
            PluginResult { stdout: said, stderr, ending, code: 137, ..PluginResult::empty() }
        }
        Err(Failure::Reason(reason)) => {
            let reason = secrets.conceal(&reason);
            PluginResult { stdout: said, ..PluginResult::refused(format!("{ACTION}: {reason}\n")) }
        }
    }
}

#[derive(Debug)]
enum Failure {
    Reason(String),
    /// A script asked for it; the step runs again afterwards.
    Restart,
    /// By its time-out, or because the command was cancelled.
    Ended(Ending),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Reason(format!("{error:#}"))
    }
}

impl Order {
    fn read(inputs: &Value) -> Result<Self, String> {
        let text =
            |name: &str| inputs.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        let name = text("name");
        if name.is_empty() {
            return Err("name is missing".to_owned());
        }
        let action = match text("action").as_str() {
            "Install" => Action::Install,
            "Uninstall" => Action::Uninstall,
            other => return Err(format!("action `{other}` is not known; use Install or Uninstall")),
        };
        let kind = match text("installationType").as_str() {
            "" | "Uninstall and reinstall" => Kind::Reinstall,
            "In-place update" => Kind::InPlace,
            other => return Err(format!("installationType `{other}` is not known")),
        };
        let version = Some(text("version")).filter(|version| !version.is_empty() && version != "latest");
        let arguments = arguments(inputs.get("additionalArguments"))?;
        Ok(Self { name, action, version, kind, arguments })
    }
}

/// An object, or the JSON text of one; names begin with `SSM_`.
fn arguments(given: Option<&Value>) -> Result<Vec<(String, String)>, String> {
    let wrong = || "additionalArguments is neither an object nor the JSON text of one".to_owned();
    let parsed = match given {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(Vec::new()),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| wrong())?,
        Some(value) => value.clone(),
    };
    let members = parsed.as_object().ok_or_else(wrong)?;
    let pair = |(name, value): (&String, &Value)| {
        let is_name =
            name.starts_with("SSM_") && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            return Err(format!(
                "additionalArguments: `{}` does not begin with SSM_, or is no name of a variable",
                name.escape_debug()
            ));
        }
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Ok((name.clone(), text))
    };
    members.iter().map(pair).collect()
}

/// What is asked for, and the secrets that its arguments refer to.
async fn order(run: &Run<'_>, inputs: &Value) -> Result<(Order, Secrets), String> {
    let order = Order::read(inputs)?;
    let texts = order.arguments.iter().map(|(_, text)| text.as_str());
    let secrets = Secrets::of_texts(&run.surroundings.data_dir, texts).await?;
    Ok((order, secrets))
}

async fn carry_out(
    run: &Run<'_>,
    (order, secrets): (&Order, &Secrets),
    cancel: &mut watch::Receiver<bool>,
    said: &mut String,
) -> Result<(), Failure> {
    let packages = Packages::open(&run.surroundings.data_dir)?;
    let folder = packages.folder(&order.name);
    // Two commands about one package at a time would undo each other.
    let _alone = packages.lock(&order.name)?;
    let state = packages.load(&order.name)?;
    let scripts = Scripts { run, order, secrets };
    match order.action {
        Action::Uninstall => uninstall(&packages, (order, state), &scripts, cancel, said).await,
        Action::Install => {
            let fetched = fetch::fetch(run, order, &folder, state.installed.as_ref(), cancel).await?;
            install(&packages, (order, state, fetched), &scripts, cancel, said).await
        }
    }
}

async fn uninstall(
    packages: &Packages,
    (order, state): (&Order, State),
    scripts: &Scripts<'_>,
    cancel: &mut watch::Receiver<bool>,
    said: &mut String,
) -> Result<(), Failure> {
    let Some(installed) = state.installed else {
        said.push_str(&format!("{} is not installed\n", order.name));
        return Ok(());
    };
    if let Some(asked) = &order.version
        && !installed.is_called(asked)
    {
        said.push_str(&format!("{} {asked} is not installed; {} is\n", order.name, installed.version));
        return Ok(());
    }
    let folder = packages.version_folder(&order.name, &installed.folder);
    scripts.run(Script::Uninstall, &folder, &installed.version, cancel, said).await?;
    packages.save(&order.name, &State::default())?;
    remove(&folder);
    said.push_str(&format!("{} {} is uninstalled\n", order.name, installed.version));
    Ok(())
}

async fn install(
    packages: &Packages,
    (order, state, fetched): (&Order, State, Fetched),
    scripts: &Scripts<'_>,
    cancel: &mut watch::Receiver<bool>,
    said: &mut String,
) -> Result<(), Failure> {
    let name = &order.name;
    let wanted = match fetched {
        Fetched::AlreadyThere(version) => {
            said.push_str(&format!("{name} {version} is installed already\n"));
            return Ok(());
        }
        Fetched::New(wanted) => wanted,
    };
    let folder = packages.version_folder(name, &wanted.folder);
    let before = state.installed.clone();
    let old = before.as_ref().map(|old| packages.version_folder(name, &old.folder));
    // After a restart that the new version's script asked for, or a crash, the old one is gone already.
    let is_gone = state.is_gone;
    let mut underway = State { installed: before.clone(), underway: Some(wanted.clone()), is_gone };
    packages.save(name, &underway)?;
    let outcome = match (order.kind, &before, &old) {
        (Kind::InPlace, Some(_), _) => {
            scripts.run(Script::Update, &folder, &wanted.version, cancel, said).await
        }
        (_, Some(before), Some(old)) if !is_gone => {
            match scripts.run(Script::Uninstall, old, &before.version, cancel, said).await {
                Ok(()) => {
                    underway.is_gone = true;
                    packages.save(name, &underway)?;
                    scripts.run(Script::Install, &folder, &wanted.version, cancel, said).await
                }
                // The old version stays what is installed.
                Err(failure) => {
                    packages.save(name, &state)?;
                    return Err(failure);
                }
            }
        }
        _ => scripts.run(Script::Install, &folder, &wanted.version, cancel, said).await,
    };
    match outcome {
        Ok(()) => {
            packages.save(name, &State { installed: Some(wanted.clone()), ..State::default() })?;
            if let Some(old) = old.filter(|old| *old != folder) {
                remove(&old);
            }
            said.push_str(&format!("{name} {} is installed\n", wanted.version));
            Ok(())
        }
        Err(Failure::Restart) => Err(Failure::Restart),
        Err(failure) => {
            let way_back = WayBack { packages, order, scripts, before: before.as_ref(), old: old.as_deref() };
            way_back.take(&folder, &wanted, said).await?;
            Err(failure)
        }
    }
}

/// From an installation that failed, to what was there before.
struct WayBack<'a> {
    packages: &'a Packages,
    order: &'a Order,
    scripts: &'a Scripts<'a>,
    before: Option<&'a Installed>,
    old: Option<&'a Path>,
}

impl WayBack<'_> {
    /// Not to be cancelled: half of it would be the worst of all.
    async fn take(&self, folder: &Path, wanted: &Installed, said: &mut String) -> Result<(), Failure> {
        let Self { packages, order, scripts, before, old } = self;
        let (_keep, mut never) = watch::channel(false);
        let mut installed = before.cloned();
        if order.kind == Kind::Reinstall {
            // What the failed one left behind; it may well fail, too.
            let _ = scripts.run(Script::Uninstall, folder, &wanted.version, &mut never, said).await;
        }
        if let (Kind::Reinstall, Some(before), Some(old)) = (order.kind, before, old) {
            match scripts.run(Script::Install, old, &before.version, &mut never, said).await {
                Ok(()) => said.push_str(&format!("{} {} is installed again\n", order.name, before.version)),
                Err(_) => {
                    installed = None;
                    said.push_str(&format!("{} {} could not be brought back\n", order.name, before.version));
                }
            }
        }
        packages.save(&order.name, &State { installed, ..State::default() })?;
        if old.is_none_or(|old| old != folder) {
            remove(folder);
        }
        Ok(())
    }
}

fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %folder.display(), "a package's folder was not removed");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_is_asked_for() {
        let order =
            Order::read(&json!({"name": "pkg", "action": "Install", "installationType": "In-place update",
            "version": " 1.2 ", "additionalArguments": "{\"SSM_key\":\"value\",\"SSM_n\":1}"}))
            .unwrap();
        assert_eq!(
            (order.action, order.kind, order.version.as_deref()),
            (Action::Install, Kind::InPlace, Some("1.2"))
        );
        let arguments: Vec<String> =
            order.arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(arguments, ["SSM_key=value", "SSM_n=1"]);
        let plain = Order::read(&json!({"name": "pkg", "action": "Uninstall", "version": "latest"})).unwrap();
        assert_eq!((plain.kind, plain.version, plain.arguments.len()), (Kind::Reinstall, None, 0));
    }

    #[test]
    fn refuses_what_would_be_misunderstood() {
        for (wrong, part) in [
            (json!({"action": "Install"}), "name is missing"),
            (json!({"name": "a", "action": "Update"}), "action `Update`"),
            (json!({"name": "a", "action": "Install", "installationType": "Other"}), "installationType"),
            (
                json!({"name": "a", "action": "Install", "additionalArguments": {"PATH": "/evil"}}),
                "does not begin with SSM_",
            ),
            (
                json!({"name": "a", "action": "Install", "additionalArguments": {"SSM_a=b": "x"}}),
                "no name of a variable",
            ),
            (json!({"name": "a", "action": "Install", "additionalArguments": "[1]"}), "neither"),
        ] {
            assert!(Order::read(&wrong).unwrap_err().contains(part), "{wrong}");
        }
    }
}
