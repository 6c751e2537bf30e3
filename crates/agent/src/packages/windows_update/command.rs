//! `fettle-agent windows-updates`, which AWS-InstallWindowsUpdates and the documents before it run, and
//! `fettle-agent configure-windows-update`. Choosing is `selection`'s, going on after restarts `rounds`'.
//! Source: spec patch-manager 4.10.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use api::Timestamp;
use clap::{Args, ValueEnum};

use super::agent::{Ask, UpdateAgent};
use super::codes::UpdateError;
use super::rounds::{AllowReboot, Next, Progress, ProgressFile, chosen, install_chosen, listing};
use super::selection::{Level, Selection, Wishes};
use super::settings::{Setting, SettingsError, settings};
use crate::packages::tool::ToolRun;

/// Windows' own code for it; what `platform` calls the same there.
pub const EXIT_RESTART: i32 = 3010;

#[derive(Debug, Args)]
pub struct WindowsUpdatesArgs {
    #[arg(long, value_enum, default_value = "Install", ignore_case = true)]
    action: ActionName,
    #[arg(long, value_enum, default_value = "True", ignore_case = true)]
    allow_reboot: Truth,
    /// `KB5031364,5031365`: these and no others
    #[arg(long, default_value = "", value_name = "LIST")]
    include_kbs: String,
    #[arg(long, default_value = "", value_name = "LIST")]
    exclude_kbs: String,
    /// `SecurityUpdates,CriticalUpdates`
    #[arg(long, default_value = "", value_name = "LIST")]
    categories: String,
    /// `Critical,Important`
    #[arg(long, default_value = "", value_name = "LIST")]
    severity_levels: String,
    /// Published so many days ago or earlier
    #[arg(long, default_value = "", value_name = "DAYS")]
    published_days_old: String,
    /// `2026-01-31`
    #[arg(long, default_value = "", value_name = "DATE")]
    published_date_after: String,
    #[arg(long, default_value = "", value_name = "DATE")]
    published_date_before: String,
    /// All, Important (what Windows installs by itself) or Optional
    #[arg(long, default_value = "All")]
    update_level: String,
    /// How long installing may take before no further update is begun.
    #[arg(long, default_value_t = 7200)]
    timeout_seconds: u64,
    #[arg(long, env = "SSM_COMMAND_ID", default_value = "", hide = true)]
    command_id: String,
    #[arg(long = "data", value_name = "DIR", env = "FETTLE_AGENT_DATA", default_value_os_t = crate::platform::default_data_dir())]
    data_dir: PathBuf,
}

#[derive(Debug, Args)]
pub struct ConfigureArgs {
    /// InstallUpdatesAutomatically or NeverCheckForUpdates
    #[arg(long)]
    update_level: String,
    /// Daily or the name of a weekday
    #[arg(long, default_value = "")]
    scheduled_install_day: String,
    /// A full hour: 03:00
    #[arg(long, default_value = "")]
    scheduled_install_time: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum ActionName {
    Install,
    Scan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum Truth {
    True,
    False,
}

/// Runs to the end and gives the exit code: 0, or [`EXIT_RESTART`]. `say` is told every line for people.
pub fn windows_updates(
    args: &WindowsUpdatesArgs,
    agent: &mut dyn UpdateAgent,
    now: Timestamp,
    say: impl FnMut(&str) + 'static,
) -> anyhow::Result<i32> {
    let selection = args.selection(now)?;
    let mut say = say;
    let mut run = ToolRun::new(&args.data_dir, Duration::from_secs(args.timeout_seconds))
        .streaming_to(move |_, line| say(line));
    match args.action {
        ActionName::Scan => {
            let updates = chosen(agent, &selection, &mut run)?;
            run.say(&format!("{} not installed.", counted(updates.len())));
            listing(&updates).iter().for_each(|line| run.say(line));
            Ok(0)
        }
        ActionName::Install => {
            let file = ProgressFile::of(&args.data_dir, &args.command_id);
            let mut progress = file.read()?;
            let allow = if args.allow_reboot == Truth::True { AllowReboot::Yes } else { AllowReboot::No };
            let next = install_chosen(agent, &selection, allow, &mut progress, &mut run);
            // Also what was done before something failed is not to be done again.
            file.write(&progress)?;
            finish(next?, progress, &file, agent, &selection, &mut run)
        }
    }
}

impl WindowsUpdatesArgs {
    fn selection(&self, now: Timestamp) -> anyhow::Result<Selection> {
        let wishes = Wishes {
            include_kbs: &self.include_kbs,
            exclude_kbs: &self.exclude_kbs,
            categories: &self.categories,
            severities: &self.severity_levels,
            published_days_old: &self.published_days_old,
            published_after: &self.published_date_after,
            published_before: &self.published_date_before,
        };
        let level: Level = self.update_level.parse()?;
        Ok(Selection::parse(&wishes, level, now)?)
    }
}

impl ConfigureArgs {
    pub fn settings(&self) -> Result<Vec<Setting>, SettingsError> {
        settings(&self.update_level, &self.scheduled_install_day, &self.scheduled_install_time)
    }
}

/// Success is what a last search says, not what installers said.
fn finish(
    next: Next,
    progress: Progress,
    file: &ProgressFile,
    agent: &mut dyn UpdateAgent,
    selection: &Selection,
    run: &mut ToolRun,
) -> anyhow::Result<i32> {
    if next == Next::Restart {
        run.say("A restart is needed; the rest follows after it.");
        return Ok(EXIT_RESTART);
    }
    let left = chosen(agent, selection, run)?;
    run.say(&format!("{} installed, {} failed.", counted(progress.installed.len()), progress.failed.len()));
    for failed in progress.failed.values() {
        run.say(&format!("FAILED {}: {}", failed.title, failed.failure));
    }
    let returned: Vec<_> =
        left.iter().filter(|update| progress.installed.contains_key(&update.key.id)).collect();
    for update in &returned {
        run.say(&format!("FAILED {}: reported as installed, and still offered", update.title));
    }
    file.remove()?;
    match next {
        Next::RestartLeftToOthers => {
            run.say("A restart is needed to complete this; it was not allowed here.")
        }
        Next::TooManyRestarts => bail!("Windows still wants a restart after {} of them", progress.restarts),
        Next::Done | Next::Restart => {}
    }
    let failures = progress.failed.len() + returned.len();
    if failures > 0 {
        bail!("{} could not be installed", counted(failures));
    }
    Ok(0)
}

fn counted(count: usize) -> String {
    if count == 1 { "1 update".to_owned() } else { format!("{count} updates") }
}

/// Everything a person sends back from a real machine: what this module sees, without judgement.
pub fn self_check(
    agent: &mut dyn UpdateAgent,
    system: &super::manager::System,
    policy: &super::policy::Policy,
) -> serde_json::Value {
    fn told<T: serde::Serialize>(answer: Result<T, UpdateError>) -> serde_json::Value {
        match answer {
            Ok(value) => serde_json::json!({ "ok": value }),
            Err(error) => serde_json::json!({ "error": error.to_string() }),
        }
    }
    serde_json::json!({
        "agent_version": crate::VERSION,
        "system": system,
        "policy": policy,
        "windows_update_agent": told(agent.version()),
        "services": told(agent.services()),
        "restart_is_needed": told(agent.restart_is_needed()),
        "restart_comes_first": told(agent.restart_comes_first()),
        "updates": told(agent.search(super::manager::EVERYTHING, Ask::Server)),
        "history": told(agent.history(50)),
    })
}

/// As JSON for `self-check`.
pub fn pretty(value: &serde_json::Value) -> anyhow::Result<String> {
    serde_json::to_string_pretty(value).context("a self-check as JSON")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use clap::Parser;

    use super::super::agent::ResultCode;
    use super::super::codes::Hresult;
    use super::super::fake::{Fake, Scripted, entry, update};
    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: WindowsUpdatesArgs,
    }

    /// Exit code or error, and what was said.
    fn go(fake: &mut Fake, data: &std::path::Path, options: &[&str]) -> (Result<i32, String>, String) {
        let data = data.to_str().unwrap();
        let line = ["x", "--data", data, "--command-id", "c0ffee"].into_iter().chain(options.iter().copied());
        let args = Line::try_parse_from(line).unwrap().args;
        let said = Rc::new(RefCell::new(String::new()));
        let sink = Rc::clone(&said);
        let now = Timestamp::from_seconds(1_700_000_000);
        let code = windows_updates(&args, fake, now, move |line| {
            sink.borrow_mut().push_str(line);
            sink.borrow_mut().push('\n');
        });
        let said = said.borrow().clone();
        (code.map_err(|error| format!("{error:#}")), said)
    }

    #[test]
    fn a_scan_lists_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut fake = Fake::of(vec![update("a", "A (KB1111111)"), update("b", "B (KB2222222)")]);
        let options = ["--action", "Scan", "--exclude-kbs", "KB2222222"];
        let (code, said) = go(&mut fake, dir.path(), &options);
        assert_eq!(code, Ok(0));
        assert_eq!(said, "1 update not installed.\nKB1111111    Unspecified  A (KB1111111)\n");
        assert!(fake.calls.iter().all(|call| call.starts_with("search")));
    }

    #[test]
    fn an_installation_restarts_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut fake = Fake::of(vec![update("a", "A"), update("b", "B")]);
        fake.installs.insert("a".into(), Scripted::BlocksOthers);
        assert_eq!(go(&mut fake, dir.path(), &[]).0, Ok(EXIT_RESTART));
        fake.restart();
        let (code, said) = go(&mut fake, dir.path(), &[]);
        assert_eq!(code, Ok(0), "{said}");
        assert!(said.contains("2 updates installed, 0 failed."), "{said}");
        assert_eq!(std::fs::read_dir(dir.path().join("windows-updates")).unwrap().count(), 0);
    }

    #[test]
    fn failures_and_lies_fail_the_step() {
        let dir = tempfile::tempdir().unwrap();
        let mut fake = Fake::of(vec![update("a", "A"), update("b", "B"), update("c", "C")]);
        fake.installs.insert("a".into(), Scripted::Lies);
        fake.installs.insert("b".into(), Scripted::Fails(Hresult(0x8024_200B)));
        let (code, said) = go(&mut fake, dir.path(), &["--allow-reboot", "False"]);
        assert_eq!(code, Err("2 updates could not be installed".to_owned()));
        assert!(said.contains("FAILED A: reported as installed, and still offered"), "{said}");
        assert!(said.contains("FAILED B: windows-update (0x8024200B)"), "{said}");
        assert!(fake.updates[2].is_installed);
    }

    #[test]
    fn a_forbidden_restart_is_said_and_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let mut fake = Fake::of(vec![update("a", "A")]);
        fake.installs.insert("a".into(), Scripted::NeedsRestart);
        let (code, said) = go(&mut fake, dir.path(), &["--allow-reboot", "false"]);
        assert_eq!(code, Ok(0));
        assert!(said.contains("it was not allowed here"), "{said}");
    }

    #[test]
    fn an_unreachable_server_is_an_error_with_a_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let mut fake = Fake { search_fails: Some(Hresult(0x8007_2EE2)), ..Fake::default() };
        let error = go(&mut fake, dir.path(), &[]).0.unwrap_err();
        assert!(error.contains("0x80072EE2") && error.contains("check network"), "{error}");
        let wrong = go(&mut Fake::default(), dir.path(), &["--severity-levels", "High"]).0;
        assert!(wrong.unwrap_err().contains("SeverityLevels"));
    }

    /// What the step of a document for Windows gives to this program.
    fn words(document: &str, given: &[(&str, &str)]) -> Vec<String> {
        let document = domain::document::shipped::find(document).unwrap().document();
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
        let parameters = document.resolve_parameters(&given.collect()).unwrap();
        let script = document.steps[0].resolved_inputs(&parameters)["runCommand"].clone();
        let lines = script.as_array().unwrap().iter().filter_map(|line| line.as_str());
        let start = "& $env:FETTLE_AGENT_EXE ";
        let line = lines.filter_map(|line| line.strip_prefix(start)).next().unwrap().to_owned();
        line.split_whitespace().skip(1).map(|word| word.trim_matches('\'').to_owned()).collect()
    }

    #[test]
    fn each_document_finds_or_installs_what_it_says() {
        type Given = &'static [(&'static str, &'static str)];
        let rows: [(&str, Given, &str, usize); 7] = [
            ("AWS-FindWindowsUpdates", &[], "2 updates not installed.", 0),
            ("AWS-FindWindowsUpdates", &[("UpdateLevel", "Optional")], "0 updates not installed.", 0),
            (
                "AWS-InstallMissingWindowsUpdates",
                &[("UpdateLevel", "All")],
                "2 updates installed, 0 failed.",
                2,
            ),
            ("AWS-InstallSpecificWindowsUpdates", &[("KbArticleIds", "KB2222222")], "1 update installed", 1),
            ("AWS-InstallWindowsUpdates", &[("ExcludeKbs", "2222222")], "1 update installed", 1),
            (
                "AWS-InstallWindowsUpdates",
                &[("Action", "Scan"), ("IncludeKbs", "KB1111111")],
                "1 update not",
                0,
            ),
            ("AWS-InstallWindowsUpdates", &[("AllowReboot", "False")], "2 updates installed", 2),
        ];
        for (document, given, expected, installed) in rows {
            let dir = tempfile::tempdir().unwrap();
            let mut fake = Fake::of(vec![update("a", "A (KB1111111)"), update("b", "B (KB2222222)")]);
            let words = words(document, given);
            let (code, said) =
                go(&mut fake, dir.path(), &words.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(code, Ok(0), "{document} {given:?}: {said}");
            assert!(said.contains(expected), "{document} {given:?}: {said}");
            let done = fake.updates.iter().filter(|update| update.is_installed).count();
            assert_eq!(done, installed, "{document} {given:?}");
        }
        #[derive(Parser)]
        struct Configure {
            #[command(flatten)]
            args: ConfigureArgs,
        }
        let given = [("updateLevel", "InstallUpdatesAutomatically"), ("scheduledInstallDay", "Sunday")];
        let words = words("AWS-ConfigureWindowsUpdate", &given);
        let line = std::iter::once("x".to_owned()).chain(words);
        let set = Configure::try_parse_from(line).unwrap().args.settings().unwrap();
        assert!(set.iter().any(|setting| setting.name == "ScheduledInstallDay" && setting.value == 1));
    }

    #[test]
    fn the_form_of_a_self_check_is_pinned() {
        let mut fake = Fake::of(vec![update("a", "A (KB1111111)")]);
        fake.history.push(entry("a", "A", 100, ResultCode::Succeeded));
        let system = super::super::manager::System::default();
        let report = self_check(&mut fake, &system, &super::super::policy::Policy::default());
        insta::assert_snapshot!(pretty(&report).unwrap().replace(crate::VERSION, "VERSION"));
        fake.search_fails = Some(Hresult(0x8024_402C));
        let report = self_check(&mut fake, &system, &super::super::policy::Policy::default());
        assert!(report["updates"]["error"].as_str().unwrap().contains("0x8024402C"));
    }
}
