//! macOS as a package manager: `softwareupdate`, the installer's receipts and Homebrew read into facts, and installed
//! with their own tools. What was installed is judged by listing again, since `softwareupdate` ends with 0 even when it
//! installed nothing. Source: spec patch-manager 2.6.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::baseline::Source;
use domain::facts::{FactSet, ListRefresh, Observation, OsRelease, UpdateFact, UpdateStatus};
use domain::patch::transaction::{Change, ChangeReason, Limits, Outcome, Plan, Refusal, Wanted};
use domain::patch::way_back::WayBack;
use domain::patch::{Failure, FailureCode};

use super::homebrew::{self, Brewed, Homebrew, Kind, Outdated};
use super::receipts;
use super::softwareupdate::{self, Offer};
use crate::packages::tool::{Finished, Tool, ToolRun};
use crate::packages::{GatherOptions, PackageManager, RefreshLists, ScanError, ways_back};

const RECEIPTS: &str = "/Library/Receipts/InstallHistory.plist";
/// For everything that one scan asks; Apple's servers may take minutes.
const SCAN_LIMIT: Duration = Duration::from_secs(900);

/// The tools of one Mac.
#[derive(Clone, Debug)]
pub struct MacOs {
    /// Where the system's tools are; `None`: on the path.
    tools: Option<PathBuf>,
    receipts: PathBuf,
    homebrew: Option<Homebrew>,
}

/// What the tools say, before anything is made of it.
#[derive(Debug, Default)]
struct Listed {
    offers: Vec<Offer>,
    installed: Vec<Brewed>,
    outdated: Vec<Outdated>,
}

impl MacOs {
    pub fn of_this_machine() -> Self {
        let folders = homebrew::FOLDERS.map(Path::new);
        let homebrew = homebrew::find(&folders).map(homebrew::owned);
        Self { tools: None, receipts: PathBuf::from(RECEIPTS), homebrew }
    }

    /// Tools in this folder in place of the system's, for recordings that are played back.
    pub fn of_tools(tools: &Path, receipts: &Path, homebrew: Option<Homebrew>) -> Self {
        Self { tools: Some(tools.to_owned()), receipts: receipts.to_owned(), homebrew }
    }

    fn tool(&self, name: &str) -> Tool {
        match &self.tools {
            None => Tool::new(name),
            Some(folder) => Tool::new(folder.join(name)),
        }
    }

    fn output(&self, tool: &Tool, run: &mut ToolRun) -> Result<Finished, Failure> {
        let finished = run.run(tool)?;
        if finished.succeeded() { Ok(finished) } else { Err(finished.plain_failure()) }
    }

    fn offers(&self, refresh: RefreshLists, run: &mut ToolRun) -> Result<Vec<Offer>, Failure> {
        let mut tool = self.tool("softwareupdate").arg("--list");
        if refresh == RefreshLists::Never {
            tool = tool.arg("--no-scan");
        }
        let finished = self.output(&tool, run)?;
        // That there is nothing goes to one stream, the list to the other.
        let text: Vec<&str> = finished.text().collect();
        softwareupdate::parse_list(&text.join("\n")).map_err(|error| Failure {
            code: FailureCode::RepositoryDamaged,
            subject: "softwareupdate".to_owned(),
            detail: error.to_string(),
        })
    }

    fn list(&self, refresh: RefreshLists, run: &mut ToolRun) -> Result<Listed, Failure> {
        let offers = self.offers(refresh, run)?;
        let Some(homebrew) = &self.homebrew else { return Ok(Listed { offers, ..Listed::default() }) };
        let mut installed = vec![];
        for kind in [Kind::Formula, Kind::Cask] {
            let tool = homebrew.tool().args(["list", "--versions", kind.option()]);
            let finished = self.output(&tool, run)?;
            let text: Vec<&str> = finished.out().collect();
            installed.extend(homebrew::parse_installed(&text.join("\n"), kind));
        }
        if refresh == RefreshLists::WherePossible {
            self.output(&homebrew.tool().args(["update", "--quiet"]), run)?;
        }
        let finished = run.run(&homebrew.tool().args(["outdated", "--json=v2"]))?;
        let text: Vec<&str> = finished.out().collect();
        // Its exit code only says whether there is something; what cannot be read was a failure.
        let outdated = homebrew::parse_outdated(&text.join("\n")).map_err(|_| finished.plain_failure())?;
        Ok(Listed { offers, installed, outdated })
    }

    /// Id, installed version and time of what installers put here; of several of one name, the last.
    fn past(&self, run: &mut ToolRun) -> Result<BTreeMap<String, UpdateFact>, ScanError> {
        let mut past = BTreeMap::new();
        match std::fs::read(&self.receipts) {
            Ok(bytes) => {
                let corrupt = |error: plist::Error| ScanError::Corrupt {
                    path: self.receipts.clone(),
                    reason: error.to_string(),
                };
                let mut receipts = receipts::parse(&bytes).map_err(corrupt)?;
                receipts.sort_by_key(|receipt| receipt.installed_at);
                for receipt in receipts {
                    let fact = UpdateFact {
                        installed_at: receipt.installed_at,
                        ..installed(&receipt.name, &receipt.version)
                    };
                    past.insert(receipt.name, fact);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(ScanError::Io { path: self.receipts.clone(), source }),
        }
        let history = self.output(&self.tool("softwareupdate").arg("--history"), run).map_err(in_words)?;
        let text: Vec<&str> = history.out().collect();
        for entry in softwareupdate::parse_history(&text.join("\n")) {
            past.entry(entry.name.clone()).or_insert_with(|| installed(&entry.name, &entry.version));
        }
        Ok(past)
    }

    fn os_release(&self, run: &mut ToolRun) -> Result<OsRelease, ScanError> {
        let finished = self.output(&self.tool("sw_vers").arg("-productVersion"), run).map_err(in_words)?;
        let version = finished.out().next().unwrap_or_default().trim().to_owned();
        Ok(OsRelease {
            id: "macos".to_owned(),
            codename: String::new(),
            name: "macOS".to_owned(),
            pretty_name: format!("macOS {version}"),
            version_id: version,
            arch: if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }.to_owned(),
        })
    }

    fn install_one(&self, target: &Target<'_>, run: &mut ToolRun) -> Result<(), Failure> {
        let tool = match (target, &self.homebrew) {
            (Target::Offer(offer), _) => self.tool("softwareupdate").arg("--install").arg(&offer.label),
            (Target::Brew(outdated), Some(homebrew)) => {
                homebrew.tool().args(["upgrade", outdated.kind.option()]).arg(&outdated.name)
            }
            (Target::Brew(outdated), None) => return Err(not_offered(&outdated.name)),
        };
        self.output(&tool, run).map(|_| ())
    }
}

enum Target<'a> {
    Offer(&'a Offer),
    Brew(&'a Outdated),
}

impl Target<'_> {
    fn is_offered_by(&self, listed: &Listed) -> bool {
        match self {
            Self::Offer(offer) => listed.offers.iter().any(|other| other.label == offer.label),
            Self::Brew(outdated) => listed.outdated.iter().any(|other| other == *outdated),
        }
    }

    fn version(&self) -> &str {
        match self {
            Self::Offer(offer) => &offer.version,
            Self::Brew(outdated) => &outdated.current,
        }
    }
}

impl PackageManager for MacOs {
    fn replace_repositories(&mut self, sources: &[Source]) -> Result<(), ScanError> {
        match sources.first() {
            None => Ok(()),
            Some(source) => {
                Err(ScanError::Settings(format!("source `{}`: macOS has one source, Apple's", source.name)))
            }
        }
    }

    /// Runs the tools: macOS has no lists that could be read.
    fn gather(&self, options: &GatherOptions) -> Result<(FactSet, Observation), ScanError> {
        let scratch = options.data_dir.clone().unwrap_or_else(std::env::temp_dir);
        let mut run = ToolRun::new(&scratch, SCAN_LIMIT);
        let os = self.os_release(&mut run)?;
        let mut facts = self.past(&mut run)?;
        let listed = self.list(options.refresh, &mut run).map_err(in_words)?;
        for offer in &listed.offers {
            let known = facts.remove(offer.name());
            facts.insert(offer.name().to_owned(), offered(offer, known));
        }
        for brewed in &listed.installed {
            let newer = listed.outdated.iter().find(|o| (&o.name, o.kind) == (&brewed.name, brewed.kind));
            facts.insert(brewed.name.clone(), brewed_fact(brewed, newer));
        }
        let updates = facts.into_values().collect();
        let is_new = options.refresh == RefreshLists::WherePossible;
        let observation = Observation {
            captured_at: options.now,
            refresh: if is_new { ListRefresh::Refreshed } else { ListRefresh::Skipped },
            lists_updated_at: is_new.then_some(options.now),
            ..Observation::default()
        };
        Ok((FactSet { os, updates, ..FactSet::default() }, observation))
    }

    fn plan(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Plan, Failure> {
        let listed = self.list(RefreshLists::Never, run)?;
        let (targets, refused) = choose(&listed, wanted, limits);
        Ok(Plan {
            changes: targets.iter().map(|(wanted, target)| change(wanted, target, &listed)).collect(),
            refused,
            reboot_expected: targets.iter().any(|(_, t)| matches!(t, Target::Offer(o) if o.needs_restart)),
            ..Plan::default()
        })
    }

    fn install(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Outcome, Failure> {
        let before = self.list(RefreshLists::Never, run)?;
        let (targets, failed) = choose(&before, wanted, limits);
        let mut outcome = Outcome { failed, ..Outcome::default() };
        let mut ended = vec![];
        for (wanted, target) in &targets {
            run.say(&format!("{} {}", wanted.name, target.version()));
            ended.push(self.install_one(target, run));
        }
        let after = self.list(RefreshLists::Never, run)?;
        for ((wanted, target), end) in targets.iter().zip(ended) {
            let waits = matches!(target, Target::Offer(offer) if offer.needs_restart) && end.is_ok();
            match (target.is_offered_by(&after), end) {
                (true, Err(failure)) => outcome.failed.push(Refusal { wanted: (*wanted).clone(), failure }),
                (true, Ok(())) if !waits => {
                    outcome
                        .failed
                        .push(Refusal { wanted: (*wanted).clone(), failure: still_offered(wanted) });
                }
                (_, end) => {
                    outcome.changes.push(change(wanted, target, &before));
                    outcome.warnings.extend(end.err());
                }
            }
        }
        outcome.changes.sort();
        Ok(outcome)
    }

    /// Neither tool leaves anything half done that the next run would not do.
    fn repair(&self, _run: &mut ToolRun) -> Result<Vec<Change>, Failure> {
        Ok(Vec::new())
    }

    fn undo(&self, changes: &[Change], _run: &mut ToolRun) -> Result<Outcome, Failure> {
        Ok(Outcome { failed: changes.iter().map(cannot_be_undone).collect(), ..Outcome::default() })
    }

    fn ways_back(&self, changes: &[Change], _run: &mut ToolRun) -> Result<Vec<WayBack>, Failure> {
        Ok(ways_back::none(changes, cannot_be_undone))
    }

    fn undo_plan(&self, changes: &[Change], _run: &mut ToolRun) -> Result<Plan, Failure> {
        Ok(Plan { refused: changes.iter().map(cannot_be_undone).collect(), ..Plan::default() })
    }
}

fn in_words(failure: Failure) -> ScanError {
    ScanError::Settings(failure.to_string())
}

fn installed(name: &str, version: &str) -> UpdateFact {
    UpdateFact {
        id: name.to_owned(),
        title: name.to_owned(),
        version: version.to_owned(),
        installed_version: Some(version.to_owned()),
        status: UpdateStatus::Installed,
        ..UpdateFact::default()
    }
}

fn offered(offer: &Offer, known: Option<UpdateFact>) -> UpdateFact {
    UpdateFact {
        id: offer.name().to_owned(),
        title: offer.title.clone(),
        version: offer.version.clone(),
        classification: offer.classification().to_owned(),
        status: UpdateStatus::Applicable,
        may_restart: offer.needs_restart,
        download_bytes: offer.size_kib.map(|kib| kib * 1024),
        installed_at: known.as_ref().and_then(|known| known.installed_at),
        installed_version: known.and_then(|known| known.installed_version),
        ..UpdateFact::default()
    }
}

/// A pinned formula is kept from newer versions by the administrator.
fn brewed_fact(brewed: &Brewed, newer: Option<&Outdated>) -> UpdateFact {
    let fact = installed(&brewed.name, &brewed.version);
    match newer {
        None => fact,
        Some(newer) => UpdateFact {
            version: newer.current.clone(),
            status: if newer.is_pinned { UpdateStatus::Hidden } else { UpdateStatus::Applicable },
            ..fact
        },
    }
}

fn choose<'a>(
    listed: &'a Listed,
    wanted: &'a [Wanted],
    limits: &Limits,
) -> (Vec<(&'a Wanted, Target<'a>)>, Vec<Refusal>) {
    let blocked: BTreeSet<&str> = limits.blocked.iter().map(String::as_str).collect();
    let mut targets = vec![];
    let mut refused = vec![];
    for wanted in wanted {
        let offer = listed.offers.iter().find(|offer| offer.name() == wanted.name);
        let brew = listed.outdated.iter().find(|outdated| outdated.name == wanted.name);
        let failure =
            |code, detail: &str| Failure { code, subject: wanted.name.clone(), detail: detail.to_owned() };
        let found = match (offer, brew) {
            _ if blocked.contains(wanted.name.as_str()) => {
                Err(failure(FailureCode::RejectedDependency, "the baseline rejects it"))
            }
            (Some(offer), _) => Ok(Target::Offer(offer)),
            (None, Some(outdated)) if outdated.is_pinned => {
                Err(failure(FailureCode::Held, "it is pinned: `brew unpin` lets it go"))
            }
            (None, Some(outdated)) => Ok(Target::Brew(outdated)),
            (None, None) => Err(not_offered(&wanted.name)),
        };
        match found {
            Ok(target) => targets.push((wanted, target)),
            Err(failure) => refused.push(Refusal { wanted: wanted.clone(), failure }),
        }
    }
    (targets, refused)
}

fn change(wanted: &Wanted, target: &Target<'_>, before: &Listed) -> Change {
    let installed = before.installed.iter().find(|brewed| brewed.name == wanted.name);
    Change {
        name: wanted.name.clone(),
        arch: wanted.arch.clone(),
        from: installed.map(|brewed| brewed.version.clone()),
        to: Some(target.version().to_owned()),
        reason: ChangeReason::Wanted,
    }
}

fn not_offered(name: &str) -> Failure {
    let detail = "neither softwareupdate nor Homebrew offers it".to_owned();
    Failure { code: FailureCode::VersionUnavailable, subject: name.to_owned(), detail }
}

fn still_offered(wanted: &Wanted) -> Failure {
    let detail = "the tool reported success, and still offers it".to_owned();
    Failure { code: FailureCode::NotInstalled, subject: wanted.name.clone(), detail }
}

fn cannot_be_undone(change: &Change) -> Refusal {
    let detail = "neither softwareupdate nor Homebrew keeps earlier versions".to_owned();
    let failure = Failure { code: FailureCode::UndoImpossible, subject: change.name.clone(), detail };
    let version = change.from.clone().unwrap_or_default();
    Refusal { wanted: Wanted { name: change.name.clone(), arch: change.arch.clone(), version }, failure }
}

#[cfg(test)]
mod tests;
