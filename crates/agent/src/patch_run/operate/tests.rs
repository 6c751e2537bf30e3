//! The phases over a package manager of memory: what is written down when, and what a run makes of what it finds.

use std::collections::BTreeMap;

use domain::facts::{AvailableVersion, FactSet, Observation, OsRelease, PackageFact, Repository};
use domain::patch::transaction::{Change, ChangeReason, Limits, Plan};
use domain::patch::way_back::WayBack;
use domain::patch::{FailureCode, PatchState};

use super::*;
use crate::packages::ScanError;

const BOOTED: i64 = 1_800_000_000;

/// name → installed version, and when.
type Installed = BTreeMap<String, (String, i64)>;

/// Offers version 2 of everything; `broken` fails by itself.
struct Fake {
    installed: RefCell<Installed>,
    calls: RefCell<Vec<String>>,
    refuses: RefCell<Option<FailureCode>>,
    unreadable: bool,
    /// After one installation the next one needs a restart.
    one_by_one: bool,
}

impl Fake {
    fn new(names: &[&str]) -> Self {
        let installed =
            names.iter().map(|name| ((*name).to_owned(), ("1".to_owned(), BOOTED - 100))).collect();
        Self {
            installed: RefCell::new(installed),
            calls: RefCell::default(),
            refuses: RefCell::default(),
            unreadable: false,
            one_by_one: false,
        }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.borrow().clone()
    }

    fn put(&self, name: &str, version: &str) {
        self.installed.borrow_mut().insert(name.to_owned(), (version.to_owned(), BOOTED + 100));
    }
}

impl PackageManager for Fake {
    fn replace_repositories(&mut self, _: &[domain::baseline::Source]) -> Result<(), ScanError> {
        Ok(())
    }

    fn gather(&self, _: &GatherOptions) -> Result<(FactSet, Observation), ScanError> {
        if self.unreadable {
            return Err(ScanError::Settings("no database".to_owned()));
        }
        let repository = Repository {
            origin: "Debian".into(),
            label: "Debian-Security".into(),
            suite: "stable-security".into(),
            codename: "bookworm-security".into(),
            ..Repository::default()
        };
        let offer = AvailableVersion {
            version: "2".into(),
            priority: "optional".into(),
            repositories: vec![0],
            ..AvailableVersion::default()
        };
        let package = |(name, (version, at)): (&String, &(String, i64))| PackageFact {
            name: name.clone(),
            arch: "amd64".into(),
            version: version.clone(),
            candidate: Some("2".into()),
            available: vec![offer.clone()],
            installed_at: Some(Timestamp::from_seconds(*at)),
            ..PackageFact::default()
        };
        let facts = FactSet {
            os: OsRelease { id: "debian".into(), version_id: "12".into(), ..OsRelease::default() },
            repositories: vec![repository],
            packages: self.installed.borrow().iter().map(package).collect(),
            ..FactSet::default()
        };
        Ok((facts, Observation::default()))
    }

    fn plan(&self, _: &[Wanted], _: &Limits, _: &mut ToolRun) -> Result<Plan, Failure> {
        Ok(Plan::default())
    }

    fn install(&self, wanted: &[Wanted], _: &Limits, _: &mut ToolRun) -> Result<Outcome, Failure> {
        let names: Vec<_> = wanted.iter().map(|wanted| wanted.name.as_str()).collect();
        self.calls.borrow_mut().push(format!("install {}", names.join(" ")));
        if let Some(code) = *self.refuses.borrow() {
            return Err(Failure { code, subject: "apt-get".into(), detail: "told so".into() });
        }
        let mut outcome = Outcome::default();
        for wanted in wanted {
            if self.one_by_one && !outcome.changes.is_empty() {
                let failure = Failure {
                    code: FailureCode::RestartFirst,
                    subject: String::new(),
                    detail: "later".into(),
                };
                outcome.failed.push(Refusal { wanted: wanted.clone(), failure });
                continue;
            }
            if wanted.name == "broken" {
                let failure = Failure {
                    code: FailureCode::ScriptFailed,
                    subject: "postinst".into(),
                    detail: "1".into(),
                };
                outcome.failed.push(Refusal { wanted: wanted.clone(), failure });
                continue;
            }
            self.put(&wanted.name, &wanted.version);
            outcome.changes.push(Change {
                name: wanted.name.clone(),
                arch: wanted.arch.clone(),
                from: Some("1".into()),
                to: Some(wanted.version.clone()),
                reason: ChangeReason::Wanted,
            });
        }
        Ok(outcome)
    }

    fn installs_in_rounds(&self) -> bool {
        self.one_by_one
    }

    fn repair(&self, _: &mut ToolRun) -> Result<Vec<Change>, Failure> {
        self.calls.borrow_mut().push("repair".to_owned());
        Ok(Vec::new())
    }

    fn undo(&self, _: &[Change], _: &mut ToolRun) -> Result<Outcome, Failure> {
        Ok(Outcome::default())
    }

    fn ways_back(&self, _: &[Change], _: &mut ToolRun) -> Result<Vec<WayBack>, Failure> {
        Ok(Vec::new())
    }

    fn undo_plan(&self, _: &[Change], _: &mut ToolRun) -> Result<Plan, Failure> {
        Ok(Plan::default())
    }
}

/// A node's folders, and which boot it is in.
struct Bed {
    data: tempfile::TempDir,
    proc: tempfile::TempDir,
    rules: BaselineRules,
}

impl Bed {
    fn new() -> Self {
        let rules = serde_json::json!({"OperatingSystem": "DEBIAN", "ApprovedPatches": ["*"]});
        let rules: api::ssm::BaselineOverride = serde_json::from_value(rules).unwrap();
        let bed = Self {
            data: tempfile::tempdir().unwrap(),
            proc: tempfile::tempdir().unwrap(),
            rules: BaselineRules::try_from(rules).unwrap(),
        };
        bed.boot("first", BOOTED);
        bed
    }

    fn boot(&self, id: &str, at: i64) {
        let random = self.proc.path().join("sys/kernel/random");
        std::fs::create_dir_all(&random).unwrap();
        std::fs::write(random.join("boot_id"), id).unwrap();
        std::fs::write(self.proc.path().join("stat"), format!("btime {at}\n")).unwrap();
    }

    fn memory(&self) -> MemoryFile {
        MemoryFile::open(self.data.path(), &Boot::told_by(self.proc.path().to_owned()).id).unwrap()
    }

    fn task(&self, operation: Operation, reboot_option: RebootOption) -> Task<'_> {
        Task {
            rules: &self.rules,
            baseline_id: "pb-0123456789abcdef0",
            snapshot_id: "snapshot",
            operation,
            reboot_option,
            override_list: None,
            execution_id: "run-1".into(),
            started_at: Timestamp::from_seconds(BOOTED + 50),
        }
    }

    fn with_node<T>(&self, fake: &Fake, work: impl FnOnce(&mut Node<'_>) -> T) -> T {
        let boot = Boot::told_by(self.proc.path().to_owned());
        let mut node = Node {
            manager: fake,
            facts_hash: &|| None,
            boot: &boot,
            memory: self.memory(),
            data_dir: self.data.path().to_owned(),
            output: Rc::new(RefCell::new(Output::new(self.data.path()))),
            keep_root: &|_| Ok(None),
            waits: &|| Ok(None),
            snapshot: None,
            clock: || Timestamp::from_seconds(BOOTED + 200),
            time_limit: Duration::from_secs(60),
        };
        work(&mut node)
    }

    fn run(&self, fake: &Fake, task: &Task<'_>) -> Operated {
        self.with_node(fake, |node| node.operate(task).unwrap())
    }
}

fn states(operated: &Operated) -> Vec<(&str, PatchState)> {
    operated.evaluation.verdicts.iter().map(|verdict| (verdict.name.as_str(), verdict.state)).collect()
}

use Operation::{Install, Scan};
use PatchState::{Failed, Installed as Done1, InstalledPendingReboot as Pending, Missing};
use RebootOption::{NoReboot, RebootIfNeeded};

#[test]
fn a_scan_changes_nothing() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a"]));
    let operated = bed.run(&fake, &bed.task(Scan, RebootIfNeeded));
    assert_eq!((states(&operated), operated.next), (vec![("a", Missing)], Next::Finish));
    assert!(fake.calls().is_empty());
    assert_eq!(bed.memory().get().run, None);
}

#[test]
fn what_fails_does_not_keep_the_rest() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a", "broken"]));
    let operated = bed.run(&fake, &bed.task(Install, NoReboot));
    assert_eq!(states(&operated), [("a", Pending), ("broken", Failed)]);
    assert!(operated.has_failed());
    assert_eq!(operated.failures["broken.amd64"].code, FailureCode::ScriptFailed);
    assert_eq!(operated.next, Next::Finish);
    assert_eq!(bed.memory().get().last_no_reboot_install_at, Some(Timestamp::from_seconds(BOOTED + 200)));
}

#[test]
fn what_cannot_begin_fails_as_a_whole() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a", "b"]));
    *fake.refuses.borrow_mut() = Some(FailureCode::LockHeld);
    let operated = bed.run(&fake, &bed.task(Install, RebootIfNeeded));
    assert_eq!((states(&operated), operated.next), (vec![("a", Failed), ("b", Failed)], Next::Finish));
    assert_eq!(operated.failures["a.amd64"].code, FailureCode::LockHeld);
}

#[test]
fn nothing_missing_installs_and_restarts_nothing() {
    let (bed, fake) = (Bed::new(), Fake::new(&[]));
    fake.installed.borrow_mut().insert("a".into(), ("2".into(), BOOTED - 1));
    let operated = bed.run(&fake, &bed.task(Install, RebootIfNeeded));
    assert_eq!((states(&operated), operated.next), (vec![("a", Done1)], Next::Finish));
    assert!(fake.calls().is_empty());
}

#[test]
fn what_waits_from_before_is_reason_enough_to_restart() {
    let (bed, fake) = (Bed::new(), Fake::new(&[]));
    fake.put("a", "2");
    let operated = bed.run(&fake, &bed.task(Install, RebootIfNeeded));
    assert_eq!((states(&operated), operated.next), (vec![("a", Pending)], Next::Restart));
}

#[test]
fn after_the_restart_the_same_run_reports_and_installs_nothing_more() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a", "broken"]));
    let task = bed.task(Install, RebootIfNeeded);
    let operated = bed.with_node(&fake, |node| {
        let operated = node.operate(&task).unwrap();
        node.note_restart(&task, &operated).unwrap();
        operated
    });
    assert_eq!((states(&operated), operated.next), (vec![("a", Pending), ("broken", Failed)], Next::Restart));
    bed.boot("second", BOOTED + 300);
    let resumed = bed.run(&fake, &task);
    assert_eq!((states(&resumed), resumed.next), (vec![("a", Done1), ("broken", Failed)], Next::Finish));
    assert_eq!(resumed.changes, operated.changes);
    assert_eq!(fake.calls(), ["install a broken"]);
    bed.with_node(&fake, |node| node.note_end(&task, &resumed).unwrap());
    assert_eq!(bed.memory().get().run, None);
}

#[test]
fn what_had_to_wait_for_a_restart_follows_it() {
    let (bed, mut fake) = (Bed::new(), Fake::new(&["a", "b", "broken", "c"]));
    fake.one_by_one = true;
    let task = bed.task(Install, RebootIfNeeded);
    let mut boots = 0;
    let last = loop {
        let operated = bed.with_node(&fake, |node| {
            let operated = node.operate(&task).unwrap();
            if operated.next == Next::Restart {
                node.note_restart(&task, &operated).unwrap();
            }
            operated
        });
        if operated.next != Next::Restart {
            break operated;
        }
        boots += 1;
        assert!(boots < 10);
        bed.boot(&format!("boot {boots}"), BOOTED + 300 * boots);
    };
    assert_eq!(fake.calls(), ["install a b broken c", "install b broken c", "install broken c"]);
    assert_eq!(states(&last), [("a", Done1), ("b", Done1), ("broken", Failed), ("c", Done1)]);
    assert_eq!((last.next, last.changes.len(), boots), (Next::Finish, 3, 3));
}

#[test]
fn a_restart_that_does_not_happen_is_given_up() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a"]));
    let task = bed.task(Install, RebootIfNeeded);
    for _ in 0..MAX_ASKED {
        bed.with_node(&fake, |node| {
            let operated = node.operate(&task).unwrap();
            assert_eq!(operated.next, Next::Restart);
            node.note_restart(&task, &operated).unwrap();
        });
    }
    let last = bed.run(&fake, &task);
    assert_eq!((states(&last), last.next), (vec![("a", Pending)], Next::RestartFailed));
    assert!(last.has_failed());
    assert_eq!(fake.calls(), ["install a"]);
}

/// As `kill -9` leaves it: the record says Installing, and the package manager came as far as `a`.
fn interrupted(bed: &Bed, fake: &Fake) {
    let task = bed.task(Install, NoReboot);
    bed.with_node(fake, |node| {
        let (seen, evaluation) = node.look(&task, RefreshLists::Never).unwrap();
        let phase = Phase::Installing { wanted: wanted(&evaluation), before: installed(&seen.facts) };
        node.record(&task, Some(phase)).unwrap();
    });
    fake.put("a", "2");
}

#[test]
fn the_run_after_an_interrupted_one_repairs_and_installs_only_the_rest() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a", "b"]));
    interrupted(&bed, &fake);
    let operated = bed.run(&fake, &Task { execution_id: "run-2".into(), ..bed.task(Install, NoReboot) });
    assert_eq!(fake.calls(), ["repair", "install b"]);
    assert_eq!(states(&operated), [("a", Pending), ("b", Pending)]);
    let installed: Vec<_> = bed.memory().get().installed.iter().map(|package| package.name.clone()).collect();
    assert_eq!(installed, ["a", "b"]);
}

#[test]
fn a_scan_after_an_interrupted_run_leaves_the_node_alone_and_counts_what_it_did() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a", "b"]));
    interrupted(&bed, &fake);
    let task = Task { execution_id: "run-2".into(), ..bed.task(Scan, NoReboot) };
    let operated = bed.with_node(&fake, |node| {
        let operated = node.operate(&task).unwrap();
        node.note_end(&task, &operated).unwrap();
        operated
    });
    assert_eq!(states(&operated), [("a", Pending), ("b", Missing)]);
    assert!(fake.calls().is_empty());
    // The next installation still repairs.
    bed.run(&fake, &Task { execution_id: "run-3".into(), ..bed.task(Install, NoReboot) });
    assert_eq!(fake.calls(), ["repair", "install b"]);
}

#[test]
fn what_was_installed_but_not_reported_is_still_ours() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a"]));
    // The process dies between the installation and the report.
    bed.run(&fake, &bed.task(Install, NoReboot));
    assert!(matches!(bed.memory().get().run.as_ref().unwrap().phase, Phase::Installed { .. }));
    let next = bed.run(&fake, &Task { execution_id: "run-2".into(), ..bed.task(Scan, NoReboot) });
    assert_eq!((states(&next), fake.calls().len()), (vec![("a", Pending)], 1));
}

#[test]
fn an_override_list_is_installed_in_place_of_the_baseline() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a", "b", "c"]));
    let list = "patches:\n- id: b.amd64\n- id: c.amd64\n  title: '9'\n";
    let task =
        Task { override_list: Some(OverrideList::parse(list).unwrap()), ..bed.task(Install, NoReboot) };
    let operated = bed.run(&fake, &task);
    assert_eq!(fake.calls(), ["install b"]);
    assert_eq!(states(&operated), [("a", Missing), ("b", Pending), ("c", Failed)]);
    assert_eq!(operated.failures["c.amd64"].code, FailureCode::VersionUnavailable);
}

#[test]
fn a_node_that_cannot_be_read_is_told_apart() {
    let bed = Bed::new();
    let fake = Fake { unreadable: true, ..Fake::new(&["a"]) };
    let error = bed.with_node(&fake, |node| node.operate(&bed.task(Install, NoReboot)).unwrap_err());
    assert!(error.is::<NotSearched>());
    assert!(format!("{error:#}").contains("no database"), "{error:#}");
}

#[test]
fn without_the_snapshot_that_is_required_nothing_is_installed() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a"]));
    let refused: &'static dyn Fn(&str) -> Result<Option<Snapshot>, Failure> = &|_| {
        let detail = "the root is on ext4".to_owned();
        Err(Failure { code: FailureCode::SnapshotFailed, subject: "/".into(), detail })
    };
    let operate = |keep_root| {
        bed.with_node(&fake, |node| {
            node.keep_root = keep_root;
            node.operate(&bed.task(Install, NoReboot)).unwrap()
        })
    };
    let operated = operate(refused);
    assert!(fake.calls().iter().all(|call| !call.starts_with("install")), "{:?}", fake.calls());
    assert_eq!(operated.failures["a.amd64"].code, FailureCode::SnapshotFailed);

    let taken: &'static dyn Fn(&str) -> Result<Option<Snapshot>, Failure> = &|execution_id| {
        let kind = domain::patch::execution::SnapshotKind::Btrfs;
        let taken_at = Timestamp::from_seconds(BOOTED + 60);
        Ok(Some(Snapshot { kind, name: format!("of {execution_id}"), of: "/".into(), taken_at }))
    };
    operate(taken);
    assert_eq!(fake.calls(), ["install a"]);
    let past = history::find(bed.data.path(), "run-1").unwrap();
    assert_eq!(past.snapshot.unwrap().name, "of run-1");
}

/// Installed now, it would be gone with the next start.
#[test]
fn nothing_is_installed_on_a_root_that_is_about_to_go() {
    let (bed, fake) = (Bed::new(), Fake::new(&["a"]));
    let to = Snapshot {
        kind: domain::patch::execution::SnapshotKind::Btrfs,
        name: "/.fettle-snapshots/s".into(),
        of: "/".into(),
        taken_at: Timestamp::from_seconds(BOOTED),
    };
    let mark = bed.data.path().join("mark");
    let phase = Phase::GoingBack { to, changes: Vec::new(), boot_id: "first".into(), mark, left: None };
    let record = RunRecord {
        execution_id: "undo".into(),
        started_at: Timestamp::from_seconds(BOOTED),
        phase,
        snapshot: None,
        undo_of: Some("run".into()),
    };
    bed.memory().change(|memory| memory.run = Some(record.clone())).unwrap();
    let operate = |task: &Task<'_>| {
        bed.with_node(&fake, |node| {
            node.waits = &|| Ok(Some("copy".to_owned()));
            node.operate(task)
                .map(|operated| (states(&operated).len(), node.note_end(task, &operated).is_ok()))
        })
    };
    let refusal = operate(&bed.task(Install, NoReboot)).unwrap_err();
    assert!(refusal.to_string().contains("restart it first, nothing was installed"), "{refusal}");
    assert_eq!(operate(&bed.task(Scan, NoReboot)).unwrap(), (1, true));
    assert_eq!((bed.memory().get().run.as_ref(), fake.calls()), (Some(&record), vec![]));
}
