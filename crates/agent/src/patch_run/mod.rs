//! One patch operation on this node, as AWS-RunPatchBaseline asks for it: the baseline, the operation, the report.
//! The phases of the operation are `operate`'s, judging `domain::patch`'s, installing `packages`', sending `upload`'s.
//! Source: spec patch-manager 4.2 to 4.7.

mod borrowed;
mod compliance;
pub mod decide;
mod fetch;
mod forecast;
#[cfg_attr(target_os = "linux", path = "gather_linux.rs")]
#[cfg_attr(windows, path = "gather_windows.rs")]
#[cfg_attr(target_os = "macos", path = "gather_macos.rs")]
#[cfg_attr(not(any(target_os = "linux", target_os = "macos", windows)), path = "gather_other.rs")]
mod gather;
pub mod history;
pub mod keep_root;
pub mod memory;
mod operate;
pub mod our_snapshots;
mod output;
pub(crate) mod patience;
pub mod preview;
mod reboot;
mod services;
mod settle;
mod snapshot;
mod summary;
pub mod take_back;
mod tell_facts;
#[cfg(test)]
mod tests;
mod upload;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::Timestamp;
use domain::baseline::BaselineRules;
use domain::compliance::report::{Execution, Operation, PatchReport, RunFrame};
use domain::document::RestartAt;
use domain::facts::{FactSet, Observation, content_hash};
use domain::os::OperatingSystem;
use domain::patch::override_list::OverrideList;

pub use keep_root::Snapshots;
pub use reboot::RebootOption;
pub use tell_facts::tell_facts;
pub use upload::{TOLD_FILE, UPLOADED_FILE, untold_units};

use crate::boot::Boot;
use crate::effect;
use crate::enroll::Registration;
use crate::packages::{GatherOptions, PackageManager, RefreshLists, ScanError};
use crate::platform;
use crate::plugins::engine::EXIT_RESTART;
use crate::transport::call::{Caller, new_id, now};
use crate::transport::credentials::{Credentials, Source};
use crate::transport::http::Trust;
use memory::{MemoryFile, Phase};
use operate::{Next, Node, NotSearched, Operated, Task};
use output::Output;
use snapshot::{Origin, Snapshot};

/// What was asked for; empty texts mean nothing.
#[derive(Clone, Debug)]
pub struct PatchRequest {
    /// `/`, or a root file system that is mounted elsewhere: its lists are never refreshed.
    pub root: PathBuf,
    pub operation: Operation,
    pub snapshot_id: String,
    pub reboot_option: RebootOption,
    /// When a restart is to happen; the service reads it from the step. At once without it.
    pub reboot_at: String,
    pub install_override_list: String,
    pub baseline_override: String,
    pub association_id: String,
    /// Of AWS-RunPatchBaselineAssociation: the tag that chooses the baseline.
    pub baseline_tags: String,
    pub records: Records,
    /// Of the command that runs this; empty when started by hand.
    pub command_id: String,
    pub data_dir: PathBuf,
    /// For everything that package managers do in this run.
    pub time_limit: Duration,
    /// In place of a reboot, or before one that comes later: restart the services that run replaced files.
    pub services: Services,
    /// Before an installation.
    pub snapshots: Snapshots,
}

/// As what the run's findings are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// The node's patch compliance; of a baseline that was brought along, nothing.
    Patch,
    /// The verdict about one association, and nothing else.
    Association,
    /// Of a baseline that was brought along, a compliance type of its own.
    OverrideToo,
}

/// Whether services that run replaced files are restarted after an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Services {
    Leave,
    Restart,
}

/// How a run ended that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// At least one patch failed.
    SomeFailed,
    /// The machine is to be restarted; then the same is to be run again.
    Restart,
}

impl Exit {
    pub fn code(self) -> i64 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
            Self::Restart => EXIT_RESTART,
        }
    }
}

/// What one run saw.
#[derive(Debug)]
pub struct Gathered {
    pub facts: FactSet,
    pub observation: Observation,
    /// Of [`Self::facts`], where it is known already.
    pub facts_hash: Option<String>,
}

/// Tells the hash of the facts that were gathered last, where it is known already.
type FactsHash<'a> = &'a dyn Fn() -> Option<String>;

impl Gathered {
    /// What the package manager knows, and what the running machine adds to it.
    fn by(
        manager: &dyn PackageManager,
        boot: &Boot,
        options: &GatherOptions,
        facts_hash: FactsHash<'_>,
    ) -> Result<Self, ScanError> {
        let (facts, mut observation) = manager.gather(options)?;
        boot.observe(&mut observation);
        effect::observe(boot, &facts, &mut observation, None);
        if let Some(data_dir) = &options.data_dir {
            let before = memory::units_before(data_dir);
            observation.failed_units = effect::units::observe(boot, data_dir, before.as_ref());
        }
        Ok(Self { facts, observation, facts_hash: facts_hash() })
    }

    pub fn facts_hash(&self) -> String {
        let known = self.facts_hash.clone();
        known.unwrap_or_else(|| content_hash(&self.facts.to_canonical_json()))
    }
}

/// The node and its way to the server, for one run.
pub struct Session {
    pub caller: Caller,
    pub credentials: Credentials,
    pub instance_id: String,
    /// Whom to trust, besides the server: stores that the node's settings name.
    pub trust: Trust,
}

impl Session {
    pub(crate) fn open(data_dir: &Path) -> anyhow::Result<Self> {
        if let Some(session) = borrowed::session(data_dir)? {
            return Ok(session);
        }
        let registration = Registration::require(data_dir)?;
        let (caller, trust) = (registration.caller()?, registration.trust());
        let instance_id = registration.instance_id.clone();
        let source = Source { caller: caller.clone(), registration, data_dir: data_dir.to_owned() };
        let credentials = source.stored_or_new().context("no credentials for this node")?;
        Ok(Self { caller, credentials, instance_id, trust })
    }

    /// Fails where nobody says who the node is.
    pub(crate) fn require(data_dir: &Path) -> anyhow::Result<()> {
        if borrowed::session(data_dir)?.is_none() {
            Registration::require(data_dir)?;
        }
        Ok(())
    }
}

/// Whether the report goes to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recording {
    Upload,
    /// A baseline brought along must not overwrite what is known about the node's own.
    PrintOnly,
    /// The same, kept apart from what is known about the node's own.
    Apart,
    /// As the verdict about one association.
    Association,
}

/// Runs to the end, printing as it goes. A run that fails has uploaded nothing, unless the error says so.
pub fn patch(request: &PatchRequest) -> anyhow::Result<Exit> {
    refuse_what_is_not_possible(request)?;
    let started_at = now();
    // Before the lock, which needs the folder.
    Session::require(&request.data_dir)?;
    let _one_at_a_time = lock(&request.data_dir)?;
    let session = Session::open(&request.data_dir)?;
    let boot = Boot::of(&request.root);
    let memory = MemoryFile::open(&request.data_dir, &boot.id)?;
    let snapshot = snapshot::fetch(&session, request)?;
    let run = Run { request, session: &session, snapshot: &snapshot, boot: &boot, started_at };
    let result = gather::with_manager(&request.root, &request.data_dir, |manager, facts_hash| {
        use_own_repositories(&snapshot.rules, manager)?;
        run.carry_out(manager, facts_hash, memory)
    });
    operate::clear_scratch(&request.data_dir);
    result
}

/// The circumstances of one run.
struct Run<'a> {
    request: &'a PatchRequest,
    session: &'a Session,
    snapshot: &'a Snapshot,
    boot: &'a Boot,
    started_at: Timestamp,
}

impl Run<'_> {
    fn carry_out(
        &self,
        manager: &dyn PackageManager,
        facts_hash: FactsHash<'_>,
        memory: MemoryFile,
    ) -> anyhow::Result<Exit> {
        let request = self.request;
        let execution = execution(request);
        let resumed = memory.get().run.clone().filter(|record| {
            record.execution_id == execution.id && matches!(record.phase, Phase::Rebooting { .. })
        });
        let task = Task {
            rules: &self.snapshot.rules,
            baseline_id: &self.snapshot.baseline_id,
            snapshot_id: &self.snapshot.snapshot_id,
            operation: request.operation,
            reboot_option: request.reboot_option,
            // What is resumed installs nothing more.
            override_list: if resumed.is_none() { self.override_list()? } else { None },
            execution_id: execution.id.clone(),
            started_at: resumed.map_or(self.started_at, |record| record.started_at),
        };
        let output = Rc::new(RefCell::new(Output::new(&request.data_dir)));
        let mut node = Node {
            manager,
            // What is read from other repositories than the node's own is not what is kept.
            facts_hash: if self.snapshot.rules.sources.is_empty() { facts_hash } else { &|| None },
            boot: self.boot,
            memory,
            data_dir: request.data_dir.clone(),
            output: Rc::clone(&output),
            clock: now,
            time_limit: request.time_limit,
            keep_root: &|execution_id| {
                let say = |line: &str| output.borrow_mut().say(line);
                keep_root::keep_root(request, execution_id, now(), &say)
            },
            waits: &|| settle::waits(&request.root, &request.data_dir),
            snapshot: None,
        };
        let operated = match node.operate(&task) {
            Ok(operated) => operated,
            Err(error) => {
                if error.is::<NotSearched>() {
                    let report = PatchReport::not_searched(self.frame(&task, None, None, execution));
                    output.borrow_mut().say(&summary::attributes(&self.session.instance_id, &report));
                }
                return Err(error.context("nothing was reported"));
            }
        };
        let last_no_reboot = node.memory.get().last_no_reboot_install_at;
        let frame = self.frame(&task, Some(operated.ended_at), last_no_reboot, execution);
        let mut report = PatchReport::from_evaluation(&operated.evaluation, frame);
        report.explain_failures(&operated.failures);
        self.finish(&mut node, &task, &operated, &report)
    }

    /// Reports, then asks for the restart or ends the run. A restart does not wait for a server that is not there.
    fn finish(
        &self,
        node: &mut Node<'_>,
        task: &Task<'_>,
        operated: &Operated,
        report: &PatchReport,
    ) -> anyhow::Result<Exit> {
        // Installing may take longer than credentials live.
        let renewed = Session::open(&self.request.data_dir);
        let session = renewed.as_ref().unwrap_or(self.session);
        let recording = recording(self.request, self.snapshot.origin);
        let text = summary::text(&self.session.instance_id, report, operated, recording);
        let output = Rc::clone(&node.output);
        if operated.next == Next::Restart {
            node.note_restart(task, operated)?;
            node.note_outlook(task, operated);
            if let Err(error) = self.send(session, recording, report, &operated.seen) {
                output.borrow_mut().say(&format!("Not reported before the restart: {error:#}"));
            }
            self.tell_history(session, &mut output.borrow_mut());
            let when = match self.request.reboot_at.as_str() {
                "" => "The machine restarts; this run goes on afterwards.".to_owned(),
                at => {
                    self.restart_services(operated, &mut output.borrow_mut());
                    format!("The machine restarts at {at}; this run goes on afterwards.")
                }
            };
            output.borrow_mut().say(&format!("{text}\n{when}"));
            return Ok(Exit::Restart);
        }
        node.note_outlook(task, operated);
        self.send(session, recording, report, &operated.seen)?;
        self.tell_history(session, &mut output.borrow_mut());
        node.note_end(task, operated)?;
        output.borrow_mut().say(text.trim_end());
        self.restart_services(operated, &mut output.borrow_mut());
        // A scan has done what it was asked for, whatever it tells.
        let has_failed = task.operation == Operation::Install && operated.has_failed();
        Ok(if has_failed { Exit::SomeFailed } else { Exit::Done })
    }

    /// What runs changed is the server's to know, whether or not the report is.
    fn tell_history(&self, session: &Session, output: &mut Output) {
        if let Err(error) = history::tell(session, &self.request.data_dir) {
            output.say(&format!(
                "The server was not told what was changed, and is with the next run: {error:#}"
            ));
        }
    }

    fn restart_services(&self, operated: &Operated, output: &mut Output) {
        if self.request.services == Services::Restart && self.request.operation == Operation::Install {
            services::restart(&operated.seen.observation.not_in_effect, output);
        }
    }

    fn send(
        &self,
        session: &Session,
        recording: Recording,
        report: &PatchReport,
        seen: &Gathered,
    ) -> anyhow::Result<()> {
        match recording {
            Recording::PrintOnly => return Ok(()),
            Recording::Upload => upload::report(session, &self.request.data_dir, report)?,
            Recording::Apart => return compliance::apart(session, report),
            Recording::Association => compliance::association(session, &self.request.association_id, report)?,
        }
        upload::facts(session, &self.request.data_dir, seen)
            .context("the report was stored, the node's facts were not")
    }

    /// Scans follow the baseline alone.
    fn override_list(&self) -> anyhow::Result<Option<OverrideList>> {
        let url = self.request.install_override_list.as_str();
        if url.is_empty() || self.request.operation == Operation::Scan {
            return Ok(None);
        }
        let failed = || format!("override-unreadable: InstallOverrideList {url}; nothing was installed");
        let bytes = fetch::bring(self.session, url).with_context(failed)?;
        let text = String::from_utf8(bytes).context("it is not text").with_context(failed)?;
        Ok(Some(OverrideList::parse(&text).with_context(failed)?))
    }

    fn frame(
        &self,
        task: &Task<'_>,
        ended_at: Option<Timestamp>,
        last_no_reboot_install_at: Option<Timestamp>,
        execution: Execution,
    ) -> RunFrame {
        RunFrame {
            operation: task.operation,
            started_at: task.started_at,
            ended_at: ended_at.unwrap_or(Timestamp::from_seconds(0)),
            baseline_id: self.snapshot.baseline_id.clone(),
            patch_group: self.snapshot.patch_group.clone(),
            snapshot_id: self.snapshot.snapshot_id.clone(),
            reboot_option: task.reboot_option.to_string(),
            install_override_list: self.request.install_override_list.clone(),
            last_no_reboot_install_at,
            execution,
        }
    }
}

/// Those that the baseline brings for this node's product, in place of the node's own.
fn use_own_repositories(rules: &BaselineRules, manager: &mut dyn PackageManager) -> anyhow::Result<()> {
    let sources = &rules.sources;
    if sources.is_empty() {
        return Ok(());
    }
    let options = GatherOptions { now: now(), refresh: RefreshLists::Never, data_dir: None };
    let (facts, _) = manager.gather(&options).context("the packages of this node cannot be read")?;
    let Some(detected) = OperatingSystem::detect(&facts.os) else { return Ok(()) };
    let ours: Vec<_> = sources.iter().filter(|source| source.is_for(&detected.product)).cloned().collect();
    if ours.is_empty() {
        return Ok(());
    }
    manager
        .replace_repositories(&ours)
        .context("the baseline's repositories cannot be used; nothing was scanned")
}

fn refuse_what_is_not_possible(request: &PatchRequest) -> anyhow::Result<()> {
    if !request.install_override_list.is_empty() && !request.baseline_override.is_empty() {
        bail!(
            "InstallOverrideList and BaselineOverride exclude each other; nothing was scanned or installed"
        );
    }
    if !request.reboot_at.is_empty() {
        let at = request.reboot_at.parse::<RestartAt>().and_then(|at| at.within_reach(now()));
        at.context("RebootAt; nothing was scanned or installed")?;
        if request.reboot_option == RebootOption::NoReboot {
            bail!(
                "RebootAt names a time for a reboot that NoReboot rules out; nothing was scanned or installed"
            );
        }
    }
    let by_tag = request.records == Records::Association;
    if by_tag && request.association_id.is_empty() {
        bail!("the association is not named that this run is to report about; nothing was scanned");
    }
    if by_tag && !request.baseline_override.is_empty() {
        bail!("a run that reports about an association takes no BaselineOverride; nothing was scanned");
    }
    Ok(())
}

fn recording(request: &PatchRequest, baseline: Origin) -> Recording {
    match (baseline, request.records) {
        (_, Records::Association) => Recording::Association,
        (Origin::Server, _) => Recording::Upload,
        (Origin::Brought, _) if !request.association_id.is_empty() => Recording::Upload,
        (Origin::Brought, Records::OverrideToo) => Recording::Apart,
        (Origin::Brought, Records::Patch) => Recording::PrintOnly,
    }
}

fn execution(request: &PatchRequest) -> Execution {
    let by_policy = !request.baseline_override.is_empty() && !request.association_id.is_empty();
    let id = if request.command_id.is_empty() { new_id().to_string() } else { request.command_id.clone() };
    Execution { id, kind: if by_policy { "PatchPolicy" } else { "Command" }.to_owned() }
}

/// Waits for another run on this node to end.
fn lock(data_dir: &Path) -> anyhow::Result<std::fs::File> {
    let path = data_dir.join("patch.lock");
    let file = platform::open_private(&path).with_context(|| format!("cannot open {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}
