//! The `fettle-agent` binary: its command line. What each verb does is in the library.

#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use agent::boot::Boot;
use agent::enroll::{Enrollment, Existing, enroll};
use agent::lookout::Looking;
use agent::patch_run::decide::{Moment, Question, decide};
use agent::patch_run::keep_root::Asked;
use agent::patch_run::our_snapshots::{self, Removal, SnapshotsRequest};
use agent::patch_run::preview;
use agent::patch_run::take_back::{self, Mode, UndoRequest, Way};
use agent::patch_run::{Exit, PatchRequest, RebootOption, Records, Services, Snapshots, patch, tell_facts};
use agent::platform::default_data_dir;
use agent::run::Lifetime;
use agent::snapshots::Keep;
use agent::transport::endpoint::Endpoint;
use agent::update::{HAND_OVER, Next, UpdateArgs, reach};
use clap::{Args, Parser, Subcommand};
use domain::compliance::report::Operation;
use tracing::Level;

/// Kept back of a step's time, so that the run can still report when a package manager takes too long.
const TIME_TO_REPORT_SECONDS: u64 = 60;

#[derive(Parser)]
#[command(name = "fettle-agent", version, about = "Keeps this machine reachable, patched and reported")]
struct Cli {
    /// What is logged to standard error: error, warn, info, debug or trace.
    #[arg(long, global = true, default_value = "info", env = "FETTLE_AGENT_LOG")]
    log_level: Level,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Join a server with an activation.
    Enroll(EnrollArgs),
    /// Stay connected to the server and do what it asks. Ends on SIGTERM.
    Run(RunArgs),
    /// Show this machine's patch state; needs no server.
    #[cfg(target_os = "linux")]
    Scan(agent::scan::ScanArgs),
    /// List the advisories that this machine lacks, by installed packages and published advisories alone: quicker than a scan.
    #[cfg(target_os = "linux")]
    Advisories(agent::advisories::AdvisoriesArgs),
    /// Compare this machine with its patch baseline and report; what AWS-RunPatchBaseline runs.
    Patch(PatchArgs),
    /// Show what an installation would do now, without changing anything.
    Plan(PlanArgs),
    /// List the agent's own snapshots of the root, and remove those that nothing needs any more.
    Snapshots(SnapshotsArgs),
    /// Take back what one patch run changed, or show whether that is possible.
    Undo(UndoArgs),
    /// Between the steps of AWS-RunPatchBaselineWithHooks: whether to go on. Exit code 168: to the last hook.
    #[command(hide = true)]
    PatchDecide(DecideArgs),
    /// Tell the server what is on this machine besides patches; what AWS-GatherSoftwareInventory runs.
    Inventory(agent::inventory::InventoryArgs),
    /// Tell the server what this machine's package manager knows, if that is news; what `run` does by itself.
    Facts(FactsArgs),
    /// Show whether this program reaches the server from here; what a new build of the agent is tried with.
    Reach(agent::update::ReachArgs),
    #[cfg(windows)]
    #[command(flatten)]
    Windows(agent::packages::windows_update::Verb),
}

#[derive(Args)]
struct RunArgs {
    /// How often to look whether packages changed; 0: only when a patch run is ordered. A look costs stat calls.
    #[arg(long, value_name = "SECONDS", env = "FETTLE_AGENT_CHECK_EVERY", default_value_t = 600)]
    check_every: u64,
    #[command(flatten)]
    update: UpdateArgs,
    /// Stop when standard input closes: for a program that starts the agent as a part of itself.
    #[arg(long)]
    with_parent: bool,
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args)]
struct FactsArgs {
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args)]
struct RootArgs {
    /// Read the packages of this root file system: of the host, for an agent in a container.
    #[arg(long, value_name = "DIR", env = "FETTLE_AGENT_ROOT", default_value = "/")]
    root: PathBuf,
}

#[derive(Args)]
struct DataArgs {
    /// The folder that holds registration, key and journal.
    #[arg(long = "data", value_name = "DIR", env = "FETTLE_AGENT_DATA", default_value_os_t = default_data_dir())]
    data_dir: PathBuf,
}

#[derive(Args)]
struct EnrollArgs {
    /// The server: `https://HOST:PORT`
    #[arg(long, value_name = "URL")]
    endpoint: Endpoint,
    #[arg(long)]
    activation_id: String,
    /// Given once by CreateActivation.
    #[arg(long, env = "FETTLE_ACTIVATION_CODE", hide_env_values = true)]
    activation_code: String,
    #[arg(long)]
    region: String,
    #[command(flatten)]
    data: DataArgs,
    /// PEM certificates to trust besides the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Builds of the agent must be signed with this Ed25519 key (PEM or base64), and not with the server's.
    #[arg(long, value_name = "FILE")]
    update_key: Option<PathBuf>,
    /// Give up the registration that the folder holds.
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
struct PatchArgs {
    /// Scan or Install
    #[arg(long)]
    operation: Operation,
    /// A UUID: runs that name the same one work by the same frozen baseline. By default the command's id.
    #[arg(long, default_value = "")]
    snapshot_id: String,
    /// After an installation: RebootIfNeeded or NoReboot
    #[arg(long, default_value = "RebootIfNeeded")]
    reboot_option: RebootOption,
    /// Restart services that run replaced files, when the machine itself is not restarted, or only later.
    #[arg(long)]
    restart_services: bool,
    /// When the service restarts the machine, if it has to: 2026-11-21T03:00:00Z, or 03:00 by this machine's clock.
    #[arg(long, default_value = "", value_name = "TIME")]
    reboot_at: String,
    /// For everything that package managers do in this run, a little less than this.
    #[arg(long, default_value_t = 7200, value_name = "SECONDS")]
    timeout_seconds: u64,
    #[arg(long, default_value = "", value_name = "URL")]
    install_override_list: String,
    #[arg(long, default_value = "", value_name = "URL")]
    baseline_override: String,
    #[arg(long, default_value = "")]
    association_id: String,
    /// Key=KEY,Values=VALUE[,VALUE...]: the tag of the baseline to use, if a baseline of this system has it.
    #[arg(long, default_value = "", value_name = "TAG")]
    baseline_tags: String,
    /// Report the verdict about the association, and leave the node's patch compliance as it is.
    #[arg(long, requires = "association_id")]
    for_association: bool,
    /// Record what a baseline brought along finds, under a compliance type of its own.
    #[arg(long, conflicts_with = "for_association")]
    record_override: bool,
    /// Before an installation, keep the root by a btrfs, LVM or ZFS snapshot: off, try or require
    #[arg(long, env = "FETTLE_AGENT_SNAPSHOTS", default_value = "off")]
    snapshots: Asked,
    /// So many of the agent's own snapshots stay.
    #[arg(long, env = "FETTLE_AGENT_KEEP_SNAPSHOTS", default_value_t = 3, value_name = "NUMBER")]
    keep_snapshots: usize,
    /// And for so long.
    #[arg(long, env = "FETTLE_AGENT_KEEP_SNAPSHOTS_DAYS", default_value_t = 30, value_name = "DAYS")]
    keep_snapshots_days: u32,
    #[arg(long, env = "SSM_COMMAND_ID", default_value = "", hide = true)]
    command_id: String,
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args)]
struct PlanArgs {
    /// Whether a snapshot of the root is taken before installations, which an undo could go back to: off, try or require
    #[arg(long, env = "FETTLE_AGENT_SNAPSHOTS", default_value = "off")]
    snapshots: Asked,
    #[arg(long, env = "SSM_COMMAND_ID", default_value = "", hide = true)]
    command_id: String,
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args)]
struct UndoArgs {
    /// The run's execution id: the id of the command that installed. Its beginning is enough.
    execution_id: String,
    /// Preview, Apply (everything or nothing) or ApplyPartly (what can be)
    #[arg(long, default_value = "Preview", ignore_case = true, value_parser = Mode::NAMES)]
    mode: String,
    /// Packages installs the old versions again, Snapshot goes back to the snapshot from before the run
    #[arg(long, default_value = "Packages", ignore_case = true, value_parser = Way::NAMES)]
    by: String,
    #[arg(long, env = "SSM_COMMAND_ID", default_value = "", hide = true)]
    command_id: String,
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args)]
struct SnapshotsArgs {
    /// Remove this one, as the list names it; may be given several times.
    #[arg(long, value_name = "NAME")]
    remove: Vec<String>,
    /// Remove what runs and undos that were killed left behind.
    #[arg(long, conflicts_with = "remove")]
    remove_left: bool,
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args)]
struct DecideArgs {
    #[command(subcommand)]
    moment: DecideMoment,
}

#[derive(Subcommand)]
enum DecideMoment {
    BeforeInstall(DecideFacts),
    BeforeReboot(DecideFacts),
}

#[derive(Args)]
struct DecideFacts {
    #[arg(long)]
    operation: Operation,
    #[arg(long)]
    reboot_option: RebootOption,
    /// The documents that run as hooks.
    #[arg(long = "hook")]
    hooks: Vec<String>,
    #[arg(long, env = "SSM_COMMAND_ID", default_value = "", hide = true)]
    command_id: String,
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    data: DataArgs,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_max_level(cli.log_level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let result = match cli.command {
        Command::Enroll(args) => run_enroll(args),
        Command::Run(args) => match run_service(args) {
            Ok(Next::HandOver) => return ExitCode::from(HAND_OVER),
            result => result.map(|_| ()),
        },
        #[cfg(target_os = "linux")]
        Command::Scan(args) => agent::scan::run(&args),
        #[cfg(target_os = "linux")]
        Command::Advisories(args) => agent::advisories::run(&args),
        Command::Patch(args) => match run_patch(args) {
            // More than `ExitCode` holds: Windows' codes have 32 bits.
            Ok(exit) => std::process::exit(i32::try_from(exit.code()).unwrap_or(1)),
            Err(error) => Err(error),
        },
        Command::Plan(args) => run_plan(args),
        Command::Snapshots(args) => run_snapshots(args),
        Command::Undo(args) => match run_undo(args) {
            Ok(exit) => std::process::exit(i32::try_from(exit.code()).unwrap_or(1)),
            Err(error) => Err(error),
        },
        Command::PatchDecide(args) => match run_decide(&args) {
            Ok(code) => return ExitCode::from(code),
            Err(error) => Err(error),
        },
        Command::Facts(args) => run_facts(&args),
        Command::Reach(args) => reach(&args).map(|said| print(&said)),
        Command::Inventory(args) => agent::inventory::run(&args).map(|said| print(&said)),
        #[cfg(windows)]
        Command::Windows(verb) => match verb.run(print) {
            Ok(code) if code != 0 => std::process::exit(code),
            result => result.map(|_| ()),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            talk(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run_enroll(args: EnrollArgs) -> anyhow::Result<()> {
    let registration = enroll(&Enrollment {
        endpoint: args.endpoint,
        activation_id: args.activation_id,
        activation_code: args.activation_code,
        region: args.region,
        data_dir: args.data.data_dir,
        ca_file: args.ca_file,
        update_key_file: args.update_key,
        existing: if args.force { Existing::Replace } else { Existing::Refuse },
    })?;
    print(&registration.instance_id);
    Ok(())
}

fn run_patch(args: PatchArgs) -> anyhow::Result<Exit> {
    patch(&PatchRequest {
        root: args.root.root,
        operation: args.operation,
        snapshot_id: args.snapshot_id,
        reboot_option: args.reboot_option,
        reboot_at: args.reboot_at,
        install_override_list: args.install_override_list,
        baseline_override: args.baseline_override,
        association_id: args.association_id,
        baseline_tags: args.baseline_tags,
        records: match (args.for_association, args.record_override) {
            (true, _) => Records::Association,
            (false, true) => Records::OverrideToo,
            (false, false) => Records::Patch,
        },
        command_id: args.command_id,
        data_dir: args.data.data_dir,
        time_limit: Duration::from_secs(args.timeout_seconds.saturating_sub(TIME_TO_REPORT_SECONDS).max(60)),
        services: if args.restart_services { Services::Restart } else { Services::Leave },
        snapshots: Snapshots {
            asked: args.snapshots,
            keep: Keep { count: args.keep_snapshots, days: args.keep_snapshots_days },
        },
    })
}

fn run_plan(args: PlanArgs) -> anyhow::Result<()> {
    let text = preview::plan(&PatchRequest {
        root: args.root.root,
        operation: Operation::Scan,
        snapshot_id: String::new(),
        reboot_option: RebootOption::NoReboot,
        reboot_at: String::new(),
        install_override_list: String::new(),
        baseline_override: String::new(),
        association_id: String::new(),
        baseline_tags: String::new(),
        records: Records::Patch,
        command_id: args.command_id,
        data_dir: args.data.data_dir,
        time_limit: Duration::from_secs(3600),
        services: Services::Leave,
        snapshots: Snapshots { asked: args.snapshots, ..Snapshots::OFF },
    })?;
    print(text.trim_end());
    Ok(())
}

fn run_undo(args: UndoArgs) -> anyhow::Result<Exit> {
    take_back::undo(&UndoRequest {
        root: args.root.root,
        data_dir: args.data.data_dir,
        execution_id: args.execution_id,
        mode: Mode::parse(&args.mode).unwrap_or(Mode::Preview),
        way: Way::parse(&args.by).unwrap_or(Way::Packages),
        command_id: args.command_id,
    })
}

fn run_snapshots(args: SnapshotsArgs) -> anyhow::Result<()> {
    let removal = match (args.remove_left, args.remove.is_empty()) {
        (true, _) => Removal::Left,
        (false, true) => Removal::Nothing,
        (false, false) => Removal::Named(args.remove),
    };
    let request = SnapshotsRequest { root: args.root.root, data_dir: args.data.data_dir, removal };
    print(our_snapshots::snapshots(&request)?.trim_end());
    Ok(())
}

fn run_decide(args: &DecideArgs) -> anyhow::Result<u8> {
    let (moment, facts) = match &args.moment {
        DecideMoment::BeforeInstall(facts) => (Moment::BeforeInstall, facts),
        DecideMoment::BeforeReboot(facts) => (Moment::BeforeReboot, facts),
    };
    let question = Question {
        moment,
        operation: facts.operation,
        reboot_option: facts.reboot_option,
        hooks: &facts.hooks,
        command_id: &facts.command_id,
    };
    let answer = decide(&question, &facts.data.data_dir, &Boot::of(&facts.root.root).id)?;
    print(answer.reason());
    Ok(answer.code())
}

fn run_service(args: RunArgs) -> anyhow::Result<Next> {
    let looking = Looking::every(args.root.root, args.check_every);
    let lifetime = if args.with_parent { Lifetime::OfParent } else { Lifetime::Own };
    agent::run::run(&args.data.data_dir, looking, lifetime, args.update.role())
}

fn run_facts(args: &FactsArgs) -> anyhow::Result<()> {
    print(&tell_facts(&args.root.root, &args.data.data_dir)?);
    Ok(())
}

/// Data, for programs.
#[expect(clippy::print_stdout, reason = "the result of a command")]
fn print(line: &str) {
    println!("{line}");
}

/// Talk, for people.
#[expect(clippy::print_stderr, reason = "the error of a command")]
fn talk(line: &str) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory;
    use domain::document::{Parameter, shipped};

    use super::*;

    /// Words of a line of a script that starts this program, quotes taken off.
    fn words(line: &str) -> Option<Vec<String>> {
        let starts = ["\"$FETTLE_AGENT_EXE\" ", "& $env:FETTLE_AGENT_EXE "];
        let rest = starts.iter().find_map(|start| Some(line.split_once(start)?.1))?;
        let rest = rest.split(['|', ';']).next().unwrap_or_default();
        let words = rest.split_whitespace().filter(|word| !["\"$@\"", "@more"].contains(word));
        Some(words.map(|word| word.trim_matches('\'').to_owned()).collect())
    }

    /// A value that the declaration allows.
    fn sample(parameter: &Parameter) -> String {
        match parameter.name.as_str() {
            "AssociationId" => "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".to_owned(),
            "ExecutionId" => "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".to_owned(),
            "KbArticleIds" => "KB5031364".to_owned(),
            "commands" | "commandLine" | "name" => "id".to_owned(),
            "sourceInfo" => "{}".to_owned(),
            _ => parameter.allowed_values.first().cloned().unwrap_or_default(),
        }
    }

    /// On Windows that includes Windows' own verbs, which the library tests elsewhere.
    #[test]
    fn every_shipped_document_speaks_this_command_line() {
        Cli::command().debug_assert();
        let mut lines = 0;
        for shipped in shipped::all() {
            let Some(document) = shipped.command() else { continue };
            let required = document.parameters.iter().filter(|parameter| parameter.default.is_none());
            let given: BTreeMap<String, Vec<String>> =
                required.map(|parameter| (parameter.name.clone(), vec![sample(parameter)])).collect();
            let parameters = document.resolve_parameters(&given).unwrap();
            for step in &document.steps {
                let inputs = step.resolved_inputs(&parameters);
                let script = inputs.get("runCommand").and_then(|script| script.as_array().cloned());
                for line in script.into_iter().flatten() {
                    let Some(words) = words(line.as_str().unwrap()) else { continue };
                    if !cfg!(windows) && words[0].contains("windows") {
                        continue;
                    }
                    let parsed = Cli::try_parse_from(std::iter::once("fettle-agent".to_owned()).chain(words));
                    assert!(parsed.is_ok(), "{} {line}: {}", shipped.name, parsed.err().unwrap());
                    lines += 1;
                }
            }
        }
        assert!(lines > 12, "{lines}");
    }
}
