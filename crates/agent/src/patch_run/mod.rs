//! One patch operation on this node, as AWS-RunPatchBaseline asks for it: baseline, facts, verdicts, report.
//! Judging is `domain::patch`'s, reading the package manager `packages`', sending `upload`'s.
//! Source: spec patch-manager 4.2 to 4.4.

#[cfg_attr(target_os = "linux", path = "gather_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "gather_other.rs")]
mod gather;
mod snapshot;
mod summary;
mod tell_facts;
mod upload;

use std::path::{Path, PathBuf};

pub use tell_facts::tell_facts;
pub use upload::{TOLD_FILE, UPLOADED_FILE};

use anyhow::{Context, bail};
use domain::compliance::report::{Execution, Operation, PatchReport, RunFrame};
use domain::facts::{FactSet, Observation, content_hash};
use domain::patch::{Conditions, evaluate};

use crate::enroll::Registration;
use crate::platform;
use crate::transport::call::{Caller, new_id, now};
use crate::transport::credentials::{Credentials, Source};

/// What was asked for; empty texts mean nothing.
#[derive(Clone, Debug)]
pub struct PatchRequest {
    /// `/`, or a root file system that is mounted elsewhere: its lists are never refreshed.
    pub root: PathBuf,
    pub operation: Operation,
    pub snapshot_id: String,
    pub reboot_option: String,
    pub install_override_list: String,
    pub baseline_override: String,
    pub association_id: String,
    /// Of the command that runs this; empty when started by hand.
    pub command_id: String,
    pub data_dir: PathBuf,
}

/// What one run saw.
pub struct Gathered {
    pub facts: FactSet,
    pub observation: Observation,
    /// Of [`Self::facts`], where it is known already.
    pub facts_hash: Option<String>,
}

impl Gathered {
    pub fn facts_hash(&self) -> String {
        let known = self.facts_hash.clone();
        known.unwrap_or_else(|| content_hash(&self.facts.to_canonical_json()))
    }
}

/// Whether package lists are fetched anew before they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lists {
    Refresh,
    AsTheyAre,
}

/// The node and its way to the server, for one run.
pub struct Session {
    pub caller: Caller,
    pub credentials: Credentials,
    pub instance_id: String,
}

impl Session {
    fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let registration = Registration::require(data_dir)?;
        let caller = registration.caller()?;
        let instance_id = registration.instance_id.clone();
        let source = Source { caller: caller.clone(), registration, data_dir: data_dir.to_owned() };
        let credentials = source.stored_or_new().context("no credentials for this node")?;
        Ok(Self { caller, credentials, instance_id })
    }
}

/// Whether the report goes to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recording {
    Upload,
    /// A baseline brought along must not overwrite what is known about the node's own.
    PrintOnly,
}

/// Runs to the end and returns the summary for people. A run that fails has uploaded nothing, unless the error says so.
pub fn patch(request: &PatchRequest) -> anyhow::Result<String> {
    refuse_what_is_not_possible(request)?;
    // Before the lock, which needs the folder.
    Registration::require(&request.data_dir)?;
    let _one_at_a_time = lock(&request.data_dir)?;
    let started_at = now();
    let session = Session::open(&request.data_dir)?;

    let snapshot = snapshot::fetch(&session, request)?;
    let gathered = gather::gather(&request.root, &request.data_dir, Lists::Refresh)
        .context("the packages of this node cannot be read; nothing was reported")?;
    let ended_at = now();
    let evaluation =
        evaluate(&snapshot.rules, &gathered.facts, &gathered.observation, &Conditions::at(ended_at))
            .with_context(|| {
                format!("baseline {} cannot be applied; nothing was reported", snapshot.baseline_id)
            })?;
    let frame = RunFrame {
        operation: request.operation,
        started_at,
        ended_at,
        baseline_id: snapshot.baseline_id,
        patch_group: snapshot.patch_group,
        snapshot_id: snapshot.snapshot_id,
        reboot_option: request.reboot_option.clone(),
        install_override_list: request.install_override_list.clone(),
        last_no_reboot_install_at: None,
        execution: execution(request),
    };
    let report = PatchReport::from_evaluation(&evaluation, frame);
    let recording = recording(request);
    if recording == Recording::Upload {
        upload::report(&session, &request.data_dir, &report)?;
        upload::facts(&session, &request.data_dir, &gathered)
            .context("the report was stored, the node's facts were not")?;
    }
    Ok(summary::text(&session.instance_id, &report, &gathered.observation, recording))
}

fn refuse_what_is_not_possible(request: &PatchRequest) -> anyhow::Result<()> {
    if !request.install_override_list.is_empty() && !request.baseline_override.is_empty() {
        bail!(
            "InstallOverrideList and BaselineOverride exclude each other; nothing was scanned or installed"
        );
    }
    match request.operation {
        Operation::Scan => Ok(()),
        Operation::Install => {
            bail!("this version of the agent scans but does not install; nothing was changed on this node")
        }
    }
}

fn recording(request: &PatchRequest) -> Recording {
    if request.baseline_override.is_empty() || !request.association_id.is_empty() {
        Recording::Upload
    } else {
        Recording::PrintOnly
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(operation: Operation) -> PatchRequest {
        PatchRequest {
            root: "/".into(),
            operation,
            snapshot_id: String::new(),
            reboot_option: "NoReboot".into(),
            install_override_list: String::new(),
            baseline_override: String::new(),
            association_id: String::new(),
            command_id: "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".into(),
            data_dir: "/nowhere/at/all".into(),
        }
    }

    #[test]
    fn an_install_is_refused_before_anything_happens() {
        let error = patch(&request(Operation::Install)).unwrap_err().to_string();
        assert!(error.contains("nothing was changed"), "{error}");
    }

    #[test]
    fn overrides_exclude_each_other() {
        let both = PatchRequest {
            install_override_list: "https://x/list".into(),
            baseline_override: "https://x/baseline".into(),
            ..request(Operation::Scan)
        };
        assert!(patch(&both).unwrap_err().to_string().contains("exclude each other"));
    }

    #[test]
    fn a_node_that_is_not_enrolled_says_so() {
        assert!(patch(&request(Operation::Scan)).unwrap_err().to_string().contains("no registration"));
    }

    #[test]
    fn a_baseline_brought_along_is_recorded_only_for_a_policy() {
        let own = request(Operation::Scan);
        assert_eq!((recording(&own), execution(&own).kind.as_str()), (Recording::Upload, "Command"));
        let brought = PatchRequest { baseline_override: "https://x".into(), ..own };
        assert_eq!(recording(&brought), Recording::PrintOnly);
        let policy = PatchRequest { association_id: "a".into(), ..brought };
        assert_eq!(
            (recording(&policy), execution(&policy).kind.as_str()),
            (Recording::Upload, "PatchPolicy")
        );
        assert_eq!(execution(&policy).id, "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10");
    }
}
