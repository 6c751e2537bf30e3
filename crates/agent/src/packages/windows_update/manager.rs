//! Windows Update as a package manager: facts, a plan and installations of what a baseline wants, by KB or update id.
//! Source: spec patch-manager 2.5, 1.7 (a rejected bundle is matched, not what it carries).

use std::cell::RefCell;
use std::collections::BTreeSet;

use domain::baseline::Source;
use domain::facts::{FactSet, ListRefresh, Observation, OsRelease, RepositoryFailure};
use domain::os::WINDOWS_ID;
use domain::patch::transaction::{Change, ChangeReason, Limits, Outcome, Plan, Refusal, Wanted};
use domain::patch::way_back::WayBack;
use domain::patch::{Failure, FailureCode};
use serde::Serialize;

use super::agent::{Ask, Found, RestartBehaviour, Update, UpdateAgent};
use super::codes::UpdateError;
use super::facts::{article_ids, update_facts};
use super::install::{Round, install_round};
use super::policy::{Policy, repositories};
use crate::packages::tool::ToolRun;
use crate::packages::{GatherOptions, PackageManager, RefreshLists, ScanError, ways_back};

/// Everything that concerns this machine: installed, applicable, hidden by an administrator. WUA allows `or` between
/// whole groups only.
pub const EVERYTHING: &str =
    "(IsInstalled=1) or (IsInstalled=0 and IsHidden=0) or (IsInstalled=0 and IsHidden=1)";

/// Enough for several years of a server's updates.
const HISTORY_ENTRIES: u32 = 2000;

/// What the system says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct System {
    /// `Microsoft Windows Server 2019 Datacenter`
    pub name: String,
    /// `10.0.17763.5936`
    pub version: String,
    /// `amd64`
    pub arch: String,
}

pub struct WindowsUpdate<A> {
    agent: RefCell<A>,
    system: System,
    policy: Policy,
}

impl<A: UpdateAgent> WindowsUpdate<A> {
    pub fn new(agent: A, system: System, policy: Policy) -> Self {
        Self { agent: RefCell::new(agent), system, policy }
    }

    fn search(&self, whom: Ask) -> Result<Found, UpdateError> {
        self.agent.borrow_mut().search(EVERYTHING, whom)
    }
}

impl<A: UpdateAgent> PackageManager for WindowsUpdate<A> {
    fn gather(&self, options: &GatherOptions) -> Result<(FactSet, Observation), ScanError> {
        let in_words = |error: UpdateError| ScanError::Settings(format!("Windows Update: {error}"));
        let whom = match options.refresh {
            RefreshLists::WherePossible => Ask::Server,
            RefreshLists::Never => Ask::Memory,
        };
        let found = self.search(whom).map_err(in_words)?;
        let mut agent = self.agent.borrow_mut();
        let history = agent.history(HISTORY_ENTRIES).map_err(in_words)?;
        let restart_is_needed = agent.restart_is_needed().map_err(in_words)?;
        let services = agent.services().map_err(in_words)?;
        let repositories = repositories(&self.policy, &services);
        let asked = repositories.first().map(|r| r.uri.clone()).unwrap_or_default();
        let failed_repositories: Vec<RepositoryFailure> = found
            .warnings
            .iter()
            .map(|w| RepositoryFailure { uri: asked.clone(), suite: String::new(), error: w.to_string() })
            .collect();
        let waiting = found.updates.iter().filter(|update| update.awaits_restart);
        let observation = Observation {
            captured_at: options.now,
            refresh: match whom {
                Ask::Memory => ListRefresh::Skipped,
                Ask::Server if failed_repositories.is_empty() => ListRefresh::Refreshed,
                Ask::Server => ListRefresh::Partial,
            },
            lists_updated_at: (whom == Ask::Server).then_some(options.now),
            failed_repositories,
            reboot_required_by: restart_is_needed.then(|| waiting.map(|u| u.title.clone()).collect()),
            ..Observation::default()
        };
        let updates = update_facts(&found.updates, &history);
        let facts = FactSet { os: self.os_release(), repositories, updates, ..FactSet::default() };
        Ok((facts, observation))
    }

    /// Sources are of Linux' package managers: a baseline for Windows has none.
    fn replace_repositories(&mut self, sources: &[Source]) -> Result<(), ScanError> {
        match sources.first() {
            None => Ok(()),
            Some(source) => {
                let reason =
                    format!("source `{}`: Windows Update asks the server of its policy", source.name);
                Err(ScanError::Settings(reason))
            }
        }
    }

    fn plan(&self, wanted: &[Wanted], limits: &Limits, _run: &mut ToolRun) -> Result<Plan, Failure> {
        let found = self.search(Ask::Memory).map_err(|error| error.to_failure())?;
        let Chosen { targets, refused } = choose(&found.updates, wanted, limits);
        let mut changes: Vec<Change> =
            targets.iter().map(|(wanted, update)| change(wanted, update)).collect();
        changes.sort();
        Ok(Plan {
            changes,
            refused,
            download_bytes: Some(targets.iter().map(|(_, update)| update.download_bytes).sum()),
            reboot_expected: targets.iter().any(|(_, update)| update.restart == RestartBehaviour::Always),
            ..Plan::default()
        })
    }

    /// Judged by a search afterwards: what is still offered was not installed, whatever the installer said.
    fn install(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Outcome, Failure> {
        let found = self.search(Ask::Server).map_err(|error| error.to_failure())?;
        let Chosen { targets, refused } = choose(&found.updates, wanted, limits);
        let mut outcome = Outcome { failed: refused, ..Outcome::default() };
        let updates: Vec<Update> = targets.iter().map(|(_, update)| (*update).clone()).collect();
        let round = install_round(&mut *self.agent.borrow_mut(), updates, run).map_err(|e| e.to_failure())?;
        let left = self.still_offered(&mut outcome);
        let Round { installed, failed, postponed, warnings, .. } = round;
        outcome.warnings.extend(warnings);
        for (wanted, update) in targets {
            let is_it = |other: &Update| other.key == update.key;
            if let Some((_, failure)) = failed.iter().find(|(other, _)| is_it(other)) {
                outcome.failed.push(Refusal { wanted: wanted.clone(), failure: failure.clone() });
            } else if postponed.iter().any(is_it) {
                outcome.failed.push(Refusal { wanted: wanted.clone(), failure: waits_for_restart() });
            } else if left.contains(&update.key.id) {
                outcome.failed.push(Refusal { wanted: wanted.clone(), failure: still_offered(update) });
            } else if installed.iter().any(is_it) {
                outcome.changes.push(change(wanted, update));
            }
        }
        outcome.changes.sort();
        Ok(outcome)
    }

    fn installs_in_rounds(&self) -> bool {
        true
    }

    /// Windows finishes interrupted installations itself, at its next start.
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

impl<A: UpdateAgent> WindowsUpdate<A> {
    fn os_release(&self) -> OsRelease {
        OsRelease {
            id: WINDOWS_ID.to_owned(),
            version_id: self.system.version.clone(),
            codename: String::new(),
            name: self.system.name.clone(),
            pretty_name: self.system.name.clone(),
            arch: self.system.arch.clone(),
        }
    }

    /// Ids of what is not installed and waits for no restart. Unknown when the search fails, which is told.
    fn still_offered(&self, outcome: &mut Outcome) -> BTreeSet<String> {
        match self.search(Ask::Memory) {
            Ok(found) => {
                let is_left = |update: &&Update| !update.is_installed && !update.awaits_restart;
                found.updates.iter().filter(is_left).map(|update| update.key.id.clone()).collect()
            }
            Err(error) => {
                let failure = error.to_failure();
                let detail =
                    format!("whether the updates are installed could not be checked: {}", failure.detail);
                outcome.warnings.push(Failure { detail, ..failure });
                BTreeSet::new()
            }
        }
    }
}

struct Chosen<'a> {
    targets: Vec<(&'a Wanted, &'a Update)>,
    refused: Vec<Refusal>,
}

/// The updates that bear a wanted KB or id, as far as they may be installed. What is installed already is neither.
fn choose<'a>(updates: &'a [Update], wanted: &'a [Wanted], limits: &Limits) -> Chosen<'a> {
    let mut chosen = Chosen { targets: vec![], refused: vec![] };
    for wanted in wanted {
        let mut named: Vec<&Update> = updates.iter().filter(|update| bears(update, &wanted.name)).collect();
        // Several updates bear one KB number; evaluations name the one they mean as the version.
        if named.iter().any(|update| update.key.id == wanted.version) {
            named.retain(|update| update.key.id == wanted.version);
        }
        let mut refuse = |code, subject: &str, detail: &str| {
            let failure = Failure { code, subject: subject.to_owned(), detail: detail.to_owned() };
            chosen.refused.push(Refusal { wanted: wanted.clone(), failure });
        };
        if named.is_empty() {
            let detail = "Windows Update does not offer it here: it does not apply, is superseded, or the update server \
                          has not approved it";
            refuse(FailureCode::VersionUnavailable, &wanted.name, detail);
        }
        for update in named.into_iter().filter(|update| !update.is_installed && !update.awaits_restart) {
            let blocked = limits.blocked.iter().find(|entry| bears(update, entry));
            if let Some(entry) = blocked {
                refuse(FailureCode::RejectedDependency, entry, "the baseline rejects it");
            } else if update.is_hidden {
                refuse(FailureCode::Held, &wanted.name, "an administrator of this machine has hidden it");
            } else if !chosen.targets.iter().any(|(_, known)| known.key == update.key) {
                chosen.targets.push((wanted, update));
            }
        }
    }
    chosen
}

/// Whether a list's entry (`KB5031364`, `5031364`, `MS10-048`) or an update id means this update.
pub fn bears(update: &Update, entry: &str) -> bool {
    let entry = entry.trim();
    let article = format!("KB{}", entry.trim_start_matches(['K', 'k']).trim_start_matches(['B', 'b']));
    update.key.id.eq_ignore_ascii_case(entry)
        || article_ids(update).contains(&article)
        || update.bulletin_ids.iter().any(|bulletin| bulletin.eq_ignore_ascii_case(entry))
}

fn change(wanted: &Wanted, update: &Update) -> Change {
    Change {
        name: wanted.name.clone(),
        arch: wanted.arch.clone(),
        from: None,
        to: Some(update.key.id.clone()),
        reason: ChangeReason::Wanted,
    }
}

fn waits_for_restart() -> Failure {
    let detail = "not tried yet: Windows wants a restart before it".to_owned();
    Failure { code: FailureCode::RestartFirst, subject: String::new(), detail }
}

fn still_offered(update: &Update) -> Failure {
    let detail = "the installation reported success, but Windows Update still offers it".to_owned();
    Failure { code: FailureCode::NotInstalled, subject: update.title.clone(), detail }
}

fn cannot_be_undone(change: &Change) -> Refusal {
    let detail =
        "Windows Update offers no earlier state; remove the update by hand: `wusa /uninstall /kb:NUMBER`";
    let failure = Failure {
        code: FailureCode::UndoImpossible,
        subject: change.name.clone(),
        detail: detail.to_owned(),
    };
    let version = change.from.clone().unwrap_or_default();
    Refusal { wanted: Wanted { name: change.name.clone(), arch: change.arch.clone(), version }, failure }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use api::Timestamp;
    use domain::facts::UpdateStatus;

    use super::super::codes::Hresult;
    use super::super::fake::{Fake, Scripted, update};
    use super::*;

    fn manager(fake: Fake) -> WindowsUpdate<Fake> {
        let system = System {
            name: "Microsoft Windows Server 2019 Datacenter".into(),
            version: "10.0.17763.5936".into(),
            arch: "amd64".into(),
        };
        WindowsUpdate::new(fake, system, Policy::default())
    }

    fn updates(titles: &[(&str, &str)]) -> Fake {
        Fake::of(titles.iter().map(|(id, title)| update(id, title)).collect())
    }

    fn want(name: &str) -> Wanted {
        Wanted { name: name.into(), arch: String::new(), version: String::new() }
    }

    fn run() -> ToolRun {
        ToolRun::new(Path::new("/nowhere"), Duration::from_secs(60))
    }

    fn options() -> GatherOptions {
        let now = Timestamp::from_seconds(1_700_000_000);
        GatherOptions { now, refresh: RefreshLists::WherePossible, data_dir: None }
    }

    fn failures(outcome: &Outcome) -> Vec<(&str, FailureCode)> {
        outcome.failed.iter().map(|r| (r.wanted.name.as_str(), r.failure.code)).collect()
    }

    #[test]
    fn facts_name_system_server_and_what_waits() {
        let mut fake = updates(&[("a", "A (KB1111111)"), ("b", "B (KB2222222)")]);
        fake.updates[0].awaits_restart = true;
        let (facts, observation) = manager(fake).gather(&options()).unwrap();
        let product = domain::os::OperatingSystem::detect(&facts.os).unwrap().product;
        assert_eq!(product, "WindowsServer2019");
        let statuses: Vec<_> = facts.updates.iter().map(|u| (u.kb_ids.join(","), u.status)).collect();
        let expected = [
            ("KB1111111".to_owned(), UpdateStatus::Installed),
            ("KB2222222".to_owned(), UpdateStatus::Applicable),
        ];
        assert_eq!(statuses, expected);
        assert_eq!(observation.reboot_required_by.unwrap(), ["A (KB1111111)"]);
        assert_eq!((observation.refresh, facts.repositories.len()), (ListRefresh::Refreshed, 1));
    }

    #[test]
    fn a_search_that_fails_is_no_report() {
        let fake = Fake { search_fails: Some(Hresult(0x8007_2EE2)), ..Fake::default() };
        let error = manager(fake).gather(&options()).unwrap_err().to_string();
        assert!(error.contains("0x80072EE2") && error.contains("proxy"), "{error}");
    }

    #[test]
    fn installs_by_kb_and_by_id_and_judges_by_a_search() {
        let mut fake = updates(&[
            ("a1", "A (KB1111111)"),
            ("b2", "B"),
            ("c3", "C (KB3333333)"),
            ("d4", "D (KB4444444)"),
        ]);
        fake.installs.insert("c3".into(), Scripted::Lies);
        fake.installs.insert("d4".into(), Scripted::Fails(Hresult(0x8024_200B)));
        let manager = manager(fake);
        let wanted = [want("kb1111111"), want("B2"), want("KB3333333"), want("KB4444444"), want("KB9999999")];
        let outcome = manager.install(&wanted, &Limits::default(), &mut run()).unwrap();
        let changed: Vec<_> = outcome.changes.iter().map(|change| change.name.as_str()).collect();
        assert_eq!(changed, ["B2", "kb1111111"]);
        let expected = [
            ("KB9999999", FailureCode::VersionUnavailable),
            ("KB3333333", FailureCode::NotInstalled),
            ("KB4444444", FailureCode::WindowsUpdate),
        ];
        assert_eq!(failures(&outcome), expected);
    }

    #[test]
    fn rejected_and_hidden_updates_stay_away() {
        let mut fake = updates(&[("a", "A (KB1111111)"), ("b", "B (KB2222222)"), ("c", "C (KB3333333)")]);
        fake.updates[1].is_hidden = true;
        // What a bundle carries comes with it, rejected or not.
        fake.updates[2].bundled_kb_article_ids = vec!["7777777".into()];
        let limits = Limits { blocked: vec!["KB1111111".into(), "KB7777777".into()], ..Limits::default() };
        let manager = manager(fake);
        let wanted = [want("KB1111111"), want("KB2222222"), want("KB3333333")];
        let plan = manager.plan(&wanted, &limits, &mut run()).unwrap();
        let codes: Vec<_> = plan.refused.iter().map(|refusal| refusal.failure.code).collect();
        assert_eq!(codes, [FailureCode::RejectedDependency, FailureCode::Held]);
        assert_eq!((plan.changes.len(), plan.changes[0].name.as_str()), (1, "KB3333333"));
        assert!(manager.agent.borrow().calls.iter().all(|call| call.starts_with("search")));
    }

    #[test]
    fn what_is_there_already_is_neither_change_nor_failure() {
        let mut fake = updates(&[("a", "A (KB1111111)")]);
        fake.updates[0].is_installed = true;
        let outcome = manager(fake).install(&[want("KB1111111")], &Limits::default(), &mut run()).unwrap();
        assert_eq!(outcome, Outcome::default());
    }

    #[test]
    fn undoing_says_how_it_is_done_by_hand() {
        let change = Change {
            name: "KB1111111".into(),
            arch: String::new(),
            from: None,
            to: Some("A".into()),
            reason: ChangeReason::Wanted,
        };
        let plan = manager(Fake::default()).undo_plan(&[change], &mut run()).unwrap();
        assert_eq!(plan.refused[0].failure.code, FailureCode::UndoImpossible);
        assert!(plan.refused[0].failure.detail.contains("wusa"));
    }
}
