//! `fettle-agent scan`: this machine's patch state, or an unpacked root's, without any server.
//! Reading the node is `packages`' work, judging it `domain::patch`'s, showing it `scan::table`'s.

mod table;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use api::{Timestamp, ssm};
use clap::Args;
use domain::baseline::{BaselineRules, predefined};
use domain::facts::{FactSet, Observation};
use domain::ids::Region;
use domain::os::OperatingSystem;
use domain::patch::{Conditions, Evaluation, evaluate};
use serde::Serialize;
use serde_json::Value;

use crate::boot::Boot;
use crate::effect;
use crate::packages::apt::Environment;
use crate::packages::kept::Keeper;
use crate::packages::root::Root;
use crate::packages::{self, GatherOptions, RefreshLists};
use crate::platform::default_data_dir;

#[derive(Debug, Args)]
pub struct ScanArgs {
    /// Read this unpacked root file system in place of the running machine.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Judge by this baseline: the JSON of GetPatchBaseline, or of a baseline override.
    #[arg(long, value_name = "FILE.json")]
    baseline: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Do not run `apt-get update` first.
    #[arg(long)]
    no_refresh: bool,
    /// Read the package lists themselves, not the agent's index of them.
    #[arg(long)]
    no_index: bool,
    /// The agent's folder, where the index is kept.
    #[arg(long = "data", value_name = "DIR", env = "FETTLE_AGENT_DATA")]
    data_dir: Option<PathBuf>,
}

/// The baseline that a scan was judged by, and where it came from.
#[derive(Debug, Serialize)]
struct BaselineUsed {
    name: String,
    /// `None` for one of the provided baselines.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

/// Everything that a scan has to say; the form of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    status: &'a str,
    baseline: &'a BaselineUsed,
    facts_hash: &'a str,
    os: &'a domain::facts::OsRelease,
    observation: &'a Observation,
    repositories: &'a [domain::facts::Repository],
    evaluation: &'a Evaluation,
}

pub fn run(args: &ScanArgs) -> anyhow::Result<()> {
    let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
    let refresh = if args.no_refresh { RefreshLists::Never } else { RefreshLists::WherePossible };
    let data_dir = if args.no_index { None } else { data_dir(args) };
    let mut root = Root::at(&args.root)?;
    if let Some(data_dir) = &data_dir {
        // Apart from the resident agent's, which may have been started in another environment.
        let environment = format!("{:?}", Environment::of_process());
        root = root.keeping(Keeper::new(&data_dir.join("scan"), &environment).without_hash());
    }
    let options = GatherOptions { now, refresh, data_dir };
    let (facts, mut observation) = packages::of(&root)?.gather(&options)?;
    let boot = Boot::of(&args.root);
    boot.observe(&mut observation);
    let known = root.keeper().and_then(|keeper| keeper.suspects(&boot.id));
    let suspects = effect::observe(&boot, &facts, &mut observation, known.as_deref());
    if let (None, Some(keeper)) = (known, root.keeper()) {
        keeper.keep_suspects(&boot.id, &suspects);
    }
    let (baseline, rules) = baseline(args.baseline.as_deref(), &facts)?;
    let evaluation = evaluate(&rules, &facts, &observation, &Conditions::at(now))?;
    let text = if args.json {
        let facts_hash = &domain::facts::content_hash(&facts.to_canonical_json());
        let report = Report {
            status: evaluation.status().as_str(),
            baseline: &baseline,
            facts_hash,
            os: &facts.os,
            observation: &observation,
            repositories: &facts.repositories,
            evaluation: &evaluation,
        };
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        table::render(&baseline, &facts, &observation, &evaluation, now)
    };
    // The process ends here: giving back thousands of strings one by one would be a tenth of its work.
    std::mem::forget((facts, evaluation));
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot print the report")
        }
        _ => Ok(()),
    }
}

/// The agent's own folder, or one in the caller's cache when that is not the caller's to write.
fn data_dir(args: &ScanArgs) -> Option<PathBuf> {
    if args.data_dir.is_some() {
        return args.data_dir.clone();
    }
    if rustix::process::geteuid().is_root() {
        return Some(default_data_dir());
    }
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache.map(|cache| cache.join("fettle-agent"))
}

fn baseline(file: Option<&Path>, facts: &FactSet) -> anyhow::Result<(BaselineUsed, BaselineRules)> {
    let Some(detected) = OperatingSystem::detect(&facts.os) else {
        bail!(
            "`{} {}` is not an operating system that baselines are written for",
            facts.os.id,
            facts.os.version_id
        );
    };
    if let Some(path) = file {
        return read_baseline(path, detected.operating_system)
            .with_context(|| format!("baseline {}", path.display()));
    }
    let region: Region = "us-east-1".parse().context("the region of provided baselines")?;
    let baseline = predefined::default_for(detected.operating_system, &region);
    Ok((BaselineUsed { name: baseline.name, file: None }, baseline.rules))
}

/// One baseline, or the one for this system out of a list of them.
fn read_baseline(path: &Path, system: OperatingSystem) -> anyhow::Result<(BaselineUsed, BaselineRules)> {
    let bytes = std::fs::read(path).context("cannot be read")?;
    let mut value: Value = serde_json::from_slice(&bytes).context("is not JSON")?;
    if let Value::Array(baselines) = value {
        let is_for = |baseline: &Value| {
            baseline.get("OperatingSystem").and_then(Value::as_str) == Some(system.as_str())
        };
        let found = baselines.into_iter().find(is_for);
        value = found.with_context(|| format!("has no baseline for {system}"))?;
    }
    let name = value.get("Name").or_else(|| value.get("BaselineId")).and_then(Value::as_str);
    let name = name.unwrap_or("baseline without a name").to_owned();
    let wire: ssm::BaselineOverride = api::decode::decode_value(value)?;
    Ok((BaselineUsed { name, file: Some(path.to_owned()) }, BaselineRules::try_from(wire)?))
}
