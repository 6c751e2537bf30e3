//! Transactions through apk: exact versions, judged by its database. The world is left as it was; what a baseline rejects is
//! barred for the one call.
//! Source: spec patch-manager 1.7; docs/decisions on apk say why it is done so.

pub mod failures;
mod installed;
mod place;
pub mod problems;
pub mod settle;
mod world_guard;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use domain::baseline::Source;
use domain::patch::transaction::{Change, Limits, Outcome, Plan, Refusal, Wanted};
use domain::patch::way_back::{OldVersion, WayBack};
use domain::patch::{Failure, FailureCode};

use super::super::ScanError;
use super::super::lock::{self, Lock};
use super::super::old_versions;
use super::super::root::Root;
use super::super::space::{self, Need};
use super::super::tool::{Finished, Tool, ToolRun, failure};
use super::super::transaction::{self, Backend, Settled, State, Told};
use super::super::ways_back::before_change;
use super::index;
use super::node::{self, Node};
use super::records::Record;
use super::repositories::{Place as IndexPlace, Repositories, cache};
use installed::Apks;
pub use place::OwnRepositories;
use place::Place;
use settle::{Item, Question};

/// Within the root: repositories of a baseline in place of the node's own, and their indexes.
const FOLDER: &str = "/var/cache/fettle-agent/repositories/apk";
/// Where apk puts what it fetches for one transaction.
const CACHE: &str = "/var/cache/apk";
const LOCKS: [&str; 2] = ["/lib/apk/db/lock", "/usr/lib/apk/db/lock"];

/// What a transaction needs to know of the node.
pub struct ApkTransactions<'r> {
    root: &'r Root,
    own: Option<OwnRepositories>,
}

impl<'r> ApkTransactions<'r> {
    pub fn new(root: &'r Root) -> Self {
        Self { root, own: None }
    }

    /// See `PackageManager::replace_repositories`. A source's configuration is lines of apk's own file.
    pub fn replace_repositories(&mut self, sources: &[Source]) -> Result<OwnRepositories, ScanError> {
        let (file, cache) = (Path::new(FOLDER).join("repositories"), Path::new(FOLDER).join("cache"));
        let (shown_file, shown_cache) = (self.root.shown(&file), self.root.shown(&cache));
        let text: String =
            sources.iter().map(|source| format!("{}\n", source.configuration.trim())).collect();
        let written = std::fs::create_dir_all(&shown_cache).and_then(|()| std::fs::write(&shown_file, text));
        written.map_err(|source| ScanError::Io { path: shown_file, source })?;
        Ok(self.own.insert(OwnRepositories { file, cache }).clone())
    }

    pub fn fetch_indexes(&self, run: &mut ToolRun) -> Result<Finished, Failure> {
        let tool = self.place()?.apk().arg("update");
        self.change(&tool, run)
    }

    pub fn plan(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Plan, Failure> {
        Ok(self.settle(&installed::read(self.root)?, wanted, limits, run)?.plan)
    }

    pub fn install(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Outcome, Failure> {
        transaction::install(self, wanted, limits, run)
    }

    pub fn repair(&self, run: &mut ToolRun) -> Result<Vec<Change>, Failure> {
        let before = installed::read(self.root)?;
        if before.broken().is_empty() && !world_guard::is_noted(self.root)? {
            return Ok(Vec::new());
        }
        self.wait_for_locks(run)?;
        self.finish_interrupted(run)?;
        Ok(before.changes_to(&installed::read(self.root)?, &[]))
    }

    pub fn blockers(&self, plan: &Plan) -> Vec<Failure> {
        let full = self.check_space(plan).err();
        lock::held(self.root, &self.locks()).into_iter().chain(full).collect()
    }

    pub fn files_of(&self, changes: &[Change]) -> Vec<String> {
        let names = changes.iter().filter(|change| change.from.is_some()).map(|change| change.name.as_str());
        node::files_of(self.root, &names.collect()).unwrap_or_default()
    }

    pub fn ways_back(&self, changes: &[Change]) -> Result<Vec<WayBack>, Failure> {
        let (files, offers) = (self.kept_files()?, self.offers(&Node::load(self.root)?)?);
        old_versions::each(changes, |change, version| {
            let kept = files.iter().find(|(name, _)| *name == format!("{}-{version}", change.name));
            if let Some((_, file)) = kept {
                return Ok(OldVersion::Cache { file: file.display().to_string() });
            }
            let is_offered =
                offers.get(&change.name).is_some_and(|all| all.iter().any(|offer| offer.version == version));
            // An index does not say which of its packages is from which line of the settings.
            Ok(match is_offered {
                true => OldVersion::Repository { name: String::new() },
                false => old_versions::in_no_place(change, version),
            })
        })
    }

    pub fn undo_plan(&self, changes: &[Change], run: &mut ToolRun) -> Result<Plan, Failure> {
        Ok(self.settle_undo(&installed::read(self.root)?, changes, run)?.plan)
    }

    pub fn undo(&self, changes: &[Change], run: &mut ToolRun) -> Result<Outcome, Failure> {
        self.wait_for_locks(run)?;
        self.finish_interrupted(run)?;
        let before = installed::read(self.root)?;
        let settled = self.settle_undo(&before, changes, run)?;
        let mut failed = settled.plan.refused.clone();
        let mut reason = None;
        if !settled.arguments.is_empty() {
            let finished = self.add(&settled, run)?;
            if !failures::went_well(&finished) {
                reason = Some(failures::summary(&finished));
            }
        }
        let after = installed::read(self.root)?;
        for wanted in &settled.accepted {
            let is_back = match wanted.version.as_str() {
                "" => after.version(&wanted.name).is_none(),
                _ => after.has(wanted),
            };
            if !is_back {
                let detail = "apk reported success, but the old version is not back".to_owned();
                let failure = failure(FailureCode::NotInstalled, &wanted.name, detail);
                failed.push(Refusal { wanted: wanted.clone(), failure: reason.clone().unwrap_or(failure) });
            }
        }
        let changes = before.changes_to(&after, &settled.accepted);
        Ok(Outcome { changes, failed, ..Outcome::default() })
    }

    fn place(&self) -> Result<Place, Failure> {
        Place::find(self.root, self.own.as_ref())
    }

    fn locks(&self) -> Vec<Lock> {
        LOCKS.map(|path| Lock::Whole(path.into())).into()
    }

    /// Runs a tool that changes something once nobody holds a lock; again when somebody was quicker.
    fn change(&self, tool: &Tool, run: &mut ToolRun) -> Result<Finished, Failure> {
        lock::run_alone(self.root, &self.locks(), run, tool, |finished| {
            !finished.succeeded()
                && failures::read(finished).iter().any(|told| told.failure.code == FailureCode::LockHeld)
        })
    }

    /// `apk add`, and the world as it was before.
    fn add(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        let place = self.place()?;
        let mut tool = place.add();
        let fetched = match place.fetches_first(run)? {
            true => Some(self.package_files()?),
            false => None,
        };
        if fetched.is_some() {
            tool = tool.arg("--cache-predownload");
        }
        world_guard::begin(self.root, &settled.arguments)?;
        let finished = self.change(&tool.args(&settled.arguments), run);
        // Also when time ran out: what apk did, it has written.
        world_guard::restore(self.root)?;
        if let Some(before) = fetched {
            self.forget_files(&before)?;
        }
        finished
    }

    /// Package files in apk's cache, where nobody has it keep them.
    fn package_files(&self) -> Result<BTreeSet<String>, Failure> {
        let mut files = self.root.list_files(Path::new(CACHE))?;
        files.retain(|file| file.ends_with(".apk"));
        Ok(files.into_iter().collect())
    }

    /// Takes away what was fetched for one transaction.
    fn forget_files(&self, before: &BTreeSet<String>) -> Result<(), Failure> {
        if cache(self.root) != Path::new(CACHE) {
            return Ok(());
        }
        for file in self.package_files()?.difference(before) {
            let path = self.root.shown(&Path::new(CACHE).join(file));
            if let Err(error) = crate::files::remove_if_present(&path) {
                tracing::warn!(path = %path.display(), %error, "a fetched package stays in the cache");
            }
        }
        Ok(())
    }

    /// Everything that the repositories have, by name.
    fn offers(&self, node: &Node) -> Result<HashMap<String, Vec<Record>>, Failure> {
        let (repositories, cache) = match &self.own {
            None => (Repositories::load(self.root, node.architecture())?, cache(self.root)),
            Some(own) => (own.read(self.root, node.architecture())?, own.cache.clone()),
        };
        let mut offers: HashMap<String, Vec<Record>> = HashMap::new();
        for repository in &repositories.all {
            if let IndexPlace::At(path, _) = repository.place(self.root, &cache)? {
                index::read(self.root, &path, &mut |record| {
                    offers.entry(record.name.clone()).or_default().push(record);
                })?;
            }
        }
        Ok(offers)
    }

    fn settle_items(
        &self,
        before: &Apks,
        items: impl FnOnce(&Node, &HashMap<String, Vec<Record>>) -> Vec<Item>,
        limits: &Limits,
        run: &mut ToolRun,
    ) -> Result<Settled, Failure> {
        let (place, node) = (self.place()?, Node::load(self.root)?);
        let offers = self.offers(&node)?;
        let items = items(&node, &offers);
        settle::settle(&Question { place: &place, node: &node, before, offers: &offers, limits }, items, run)
    }

    fn settle_undo(&self, before: &Apks, changes: &[Change], run: &mut ToolRun) -> Result<Settled, Failure> {
        let files = self.kept_files()?;
        let is_undone = |change: &&Change| before.version(&change.name) == change.from.as_deref();
        let item = |node: &Node, change: &Change| Item {
            wanted: before_change(change),
            argument: match &change.from {
                None => format!("!{}", change.name),
                Some(version) => {
                    let kept = files.iter().find(|(name, _)| *name == format!("{}-{version}", change.name));
                    let constraint = || settle::constraint(node, before, &change.name, version);
                    kept.map_or_else(constraint, |(_, path)| path.display().to_string())
                }
            },
        };
        let items = |node: &Node, _: &HashMap<String, Vec<Record>>| -> Vec<Item> {
            changes.iter().filter(|change| !is_undone(change)).map(|change| item(node, change)).collect()
        };
        let mut settled = self.settle_items(before, items, &Limits::default(), run)?;
        for refusal in &mut settled.plan.refused {
            if refusal.failure.code == FailureCode::VersionUnavailable {
                let version = &refusal.wanted.version;
                let detail =
                    format!("no repository has version {version} any more, and no package file is kept");
                refusal.failure = failure(FailureCode::UndoImpossible, &refusal.wanted.name, detail);
            }
        }
        Ok(settled)
    }

    /// Package files in the cache, where somebody has apk keep them, by `name-version`: `NAME-VERSION.HASH.apk`.
    fn kept_files(&self) -> Result<Vec<(String, PathBuf)>, Failure> {
        let folder = cache(self.root);
        let name = |file: &String| {
            let (name, hash) = file.strip_suffix(".apk")?.rsplit_once('.')?;
            let is_hash = hash.len() == 8 && hash.bytes().all(|sign| sign.is_ascii_hexdigit());
            is_hash.then(|| (name.to_owned(), folder.join(file)))
        };
        Ok(self.root.list_files(&folder)?.iter().filter_map(name).collect())
    }
}

impl OwnRepositories {
    pub fn read(&self, root: &Root, arch: &str) -> Result<Repositories, ScanError> {
        let bytes = root.read(&self.file)?.unwrap_or_default();
        Ok(Repositories::parse(&String::from_utf8_lossy(&bytes), &self.file.display().to_string(), arch))
    }
}

impl Backend for ApkTransactions<'_> {
    type State = Apks;

    fn state(&self, _: &mut ToolRun) -> Result<Apks, Failure> {
        installed::read(self.root)
    }

    fn wait_for_locks(&self, run: &mut ToolRun) -> Result<(), Failure> {
        lock::wait(self.root, &self.locks(), run, "apk")
    }

    /// A package whose script fails again stays as it is: that is for the caller to judge by the database. What a killed
    /// apk left on the disk is not in its database, and goes when the package is installed again.
    fn finish_interrupted(&self, run: &mut ToolRun) -> Result<(), Failure> {
        world_guard::restore(self.root)?;
        let state = installed::read(self.root)?;
        let broken = state.broken();
        if broken.is_empty() {
            return Ok(());
        }
        run.say(&format!("finishing what an earlier run of apk left: {}", broken.join(", ")));
        let place = self.place()?;
        let fix = || place.apk().arg("fix").args(&broken);
        // apk brings its world into effect with whatever it does; what else would move is for an installation to decide.
        let simulated = run.run(&fix().arg("--simulate").quiet())?;
        let (node, moves) = (Node::load(self.root)?, settle::read_plan(&simulated, &state, &[]));
        let held = |change: &Change| {
            change.to.as_ref()?;
            Some(settle::constraint(&node, &state, &change.name, change.from.as_deref()?))
        };
        let Some(held) = moves.iter().map(held).collect::<Option<Vec<_>>>() else {
            run.say("apk fix would install or remove other packages, so it is left to an administrator");
            return Ok(());
        };
        let fetches_first = place.fetches_first(run)?;
        let before = self.package_files()?;
        world_guard::begin(self.root, &held)?;
        world_guard::put_in(self.root, &held)?;
        // A package that cannot be fetched again would be lost from the database, were it not fetched first.
        let option = fetches_first.then_some("--cache-predownload");
        let finished = self.change(&fix().args(option), run);
        world_guard::restore(self.root)?;
        self.forget_files(&before)?;
        finished.map(|_| ())
    }

    fn settle(
        &self,
        before: &Apks,
        wanted: &[Wanted],
        limits: &Limits,
        run: &mut ToolRun,
    ) -> Result<Settled, Failure> {
        let item = |node: &Node, wanted: &Wanted| Item {
            argument: settle::constraint(node, before, &wanted.name, &wanted.version),
            wanted: wanted.clone(),
        };
        let items = |node: &Node, _: &HashMap<String, Vec<Record>>| {
            wanted.iter().map(|wanted| item(node, wanted)).collect()
        };
        self.settle_items(before, items, limits, run)
    }

    fn check_space(&self, plan: &Plan) -> Result<(), Failure> {
        let growth = plan.disk_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        space::check(&[
            Need { folder: self.root.shown(&cache(self.root)), bytes: plan.download_bytes.unwrap_or(0) },
            Need { folder: self.root.shown(Path::new("/usr")), bytes: growth },
        ])
    }

    /// The installation itself fetches: apk 3 every package before it changes one, apk 2 each as it installs it. So this
    /// asks once more whether the plan holds.
    fn download(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        run.run(&self.place()?.add().arg("--simulate").args(&settled.arguments).quiet())
    }

    fn apply(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        self.add(settled, run)
    }

    fn succeeded(&self, finished: &Finished) -> bool {
        failures::went_well(finished)
    }

    fn read(&self, finished: &Finished) -> Vec<Told> {
        failures::read(finished)
    }
}
