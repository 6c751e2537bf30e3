//! What the adapter must read and do, call by call, and one installation from its command line to the end.

use std::path::Path;

use agent::boot::Boot;
use agent::packages::windows_update::agent::{
    Ask, Category, HistoryEntry, ItemResult, Operation, RestartBehaviour, ResultCode, Service, Update,
    UpdateAgent, UpdateKey, UpdateKind,
};
use agent::packages::windows_update::codes::{Hresult, UpdateError};
use agent::packages::windows_update::com::Wua;
use agent::packages::windows_update::command::{EXIT_RESTART, WindowsUpdatesArgs, windows_updates};
use agent::packages::windows_update::settings::Setting;
use agent::packages::windows_update::{of_this_machine, registry};
use agent::packages::{GatherOptions, PackageManager, RefreshLists};
use api::Timestamp;
use clap::Parser;
use domain::facts::UpdateStatus;

use crate::register::register;
use crate::world::{self, OK, World, windows_family};

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn category(id: &str, name: &str, kind: &str) -> Category {
    Category { id: id.to_owned(), name: name.to_owned(), kind: kind.to_owned() }
}

/// Every property different from its default.
fn cumulative() -> Update {
    Update {
        key: UpdateKey { id: "1f21b2a0-9d5f-4d2a-8a6e-000000000001".into(), revision: 203 },
        title: "2023-10 Cumulative Update for Windows Server 2019 (KB5031361) – größer".into(),
        kind: UpdateKind::Software,
        kb_article_ids: texts(&["5031361"]),
        bulletin_ids: texts(&["MS10-048"]),
        cve_ids: texts(&["CVE-2023-36434", "CVE-2023-44487"]),
        superseded_ids: texts(&["00000000-0000-0000-0000-00000000aaaa"]),
        msrc_severity: "Critical".into(),
        categories: vec![
            category("0fa1201d-4330-4fa8-8ae9-b877473b6441", "Security Updates", "UpdateClassification"),
            category("f702a48c-919b-45d6-9aef-ca4248d50397", "Windows Server 2019", "Product"),
        ],
        bundled_kb_article_ids: texts(&["5030505", "5031361"]),
        deployed_at: Some(Timestamp::from_seconds(1_696_957_200)),
        is_installed: false,
        is_hidden: false,
        is_downloaded: false,
        is_optional: true,
        awaits_restart: false,
        needs_licence: true,
        restart: RestartBehaviour::Always,
        may_ask: false,
        download_bytes: 6_000_000_000,
    }
}

fn driver() -> Update {
    Update {
        key: UpdateKey { id: "1f21b2a0-9d5f-4d2a-8a6e-000000000002".into(), revision: 1 },
        title: "Example - Net - 1.2.3.4".into(),
        kind: UpdateKind::Driver,
        restart: RestartBehaviour::Possible,
        ..Update::default()
    }
}

fn open(world: World) -> Wua {
    register();
    world::with(|current| *current = world);
    Wua::open().unwrap()
}

#[test]
fn a_search_reads_every_property() {
    let hidden = Update { is_hidden: true, restart: RestartBehaviour::Never, ..cumulative() };
    let waiting = Update { awaits_restart: true, is_downloaded: true, may_ask: true, ..driver() };
    let warning =
        UpdateError { hresult: Hresult(0x8024_001D), message: "odd metadata".into(), during: "search" };
    let updates = vec![cumulative(), driver(), hidden, waiting];
    let mut wua =
        open(World { updates: updates.clone(), warnings: vec![warning.clone()], ..World::default() });
    let found = wua.search("IsInstalled=0", Ask::Server).unwrap();
    let expected: Vec<Update> = updates.into_iter().map(with_family).collect();
    assert_eq!(found.updates, expected);
    assert_eq!(found.warnings, [warning]);
    let calls = world::with(|world| world.calls.clone());
    assert_eq!(calls, ["application fettle-agent", "locale 0x0409", "online true", "search IsInstalled=0"]);
}

/// The product's family is read from its parent.
fn with_family(mut update: Update) -> Update {
    if !update.categories.is_empty() {
        update.categories.push(windows_family());
    }
    update
}

#[test]
fn a_search_of_the_memory_stays_off_the_network() {
    let mut wua = open(World::default());
    assert_eq!(wua.search("IsInstalled=1", Ask::Memory).unwrap().updates, []);
    assert!(world::with(|world| world.calls.contains(&"online false".to_owned())));
}

#[test]
fn a_failing_search_keeps_its_code() {
    let mut wua = open(World { search_fails: Some(Hresult(0x8024_402C)), ..World::default() });
    let error = wua.search("IsInstalled=0", Ask::Server).unwrap_err();
    assert_eq!((error.hresult, error.during), (Hresult(0x8024_402C), "search"));
    assert_eq!(error.to_failure().subject, "0x8024402C");
}

#[test]
fn results_come_back_for_each_update() {
    let mut world = World { updates: vec![cumulative(), driver()], ..World::default() };
    let (first, second) = (cumulative().key, driver().key);
    let no_file =
        ItemResult { code: ResultCode::Failed, hresult: Hresult(0x8024_6005), restart_needed: false };
    world.downloads.insert(second.id.clone(), no_file);
    let restart = ItemResult { restart_needed: true, hresult: Hresult::REBOOT_REQUIRED, ..OK };
    world.installs.insert(first.id.clone(), restart);
    let mut wua = open(world);

    let unknown = wua.download(&first).unwrap_err();
    assert_eq!(unknown.hresult, Hresult(0x8024_0003), "before a search nothing is known");
    wua.search("IsInstalled=0", Ask::Server).unwrap();
    assert_eq!(wua.download(&second).unwrap(), no_file);
    wua.accept_licence(&first).unwrap();
    assert_eq!(wua.download(&first).unwrap(), OK);
    assert!(!wua.restart_comes_first().unwrap());
    assert_eq!(wua.install(&first).unwrap(), restart);
    assert!(wua.restart_comes_first().unwrap() && wua.restart_is_needed().unwrap());
}

#[test]
fn history_services_and_version_are_read() {
    let entry = HistoryEntry {
        id: "1f21b2a0-9d5f-4d2a-8a6e-000000000009".into(),
        title: "Removed (KB4000000)".into(),
        installed_at: Some(Timestamp::from_seconds(1_600_000_000)),
        operation: Operation::Uninstallation,
        code: ResultCode::SucceededWithErrors,
        hresult: Hresult::REBOOT_REQUIRED,
    };
    let failed = HistoryEntry { code: ResultCode::Failed, installed_at: None, ..entry.clone() };
    let history = vec![entry, failed];
    let service = Service {
        id: "3da21691-e39d-4da6-8a4b-b43877bcb1b7".into(),
        name: "Windows Server Update Service".into(),
        url: "http://wsus.example:8530".into(),
        is_managed: true,
        is_default: true,
    };
    let services = vec![service];
    let mut wua = open(World { history: history.clone(), services: services.clone(), ..World::default() });
    assert_eq!(wua.history(10).unwrap(), history);
    assert_eq!(wua.history(1).unwrap(), history[..1]);
    assert_eq!(wua.services().unwrap(), services);
    assert_eq!(wua.version().unwrap(), "10.0.17763.1");
    assert!(!wua.restart_is_needed().unwrap());

    world::with(|world| world.history.clear());
    assert_eq!(wua.history(10).unwrap(), []);
}

#[test]
fn facts_of_this_machine_are_gathered() {
    drop(open(World { updates: vec![cumulative(), driver()], ..World::default() }));
    let options = GatherOptions {
        now: Timestamp::from_seconds(1_700_000_000),
        refresh: RefreshLists::WherePossible,
        data_dir: None,
    };
    let (facts, _) = of_this_machine().unwrap().gather(&options).unwrap();
    assert_eq!(facts.os.id, "windows");
    assert!(facts.os.name.starts_with("Microsoft Windows"), "{}", facts.os.name);
    assert!(facts.os.version_id.contains('.'), "{}", facts.os.version_id);
    let update = &facts.updates[0];
    assert_eq!(
        (update.kb_ids.as_slice(), update.status),
        (&texts(&["KB5031361"])[..], UpdateStatus::Applicable)
    );
    assert_eq!(update.bundled_kb_ids, ["KB5030505"]);
    let words =
        (update.classification.as_str(), update.products.join(","), update.product_families.join(","));
    assert_eq!(words, ("SecurityUpdates", "WindowsServer2019".to_owned(), "Windows".to_owned()));
    assert_eq!(facts.updates[1].classification, "Drivers");
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: WindowsUpdatesArgs,
}

fn install(data: &Path, wua: &mut Wua) -> anyhow::Result<i32> {
    let line = ["x", "--data", data.to_str().unwrap(), "--command-id", "c0ffee"];
    let args = Line::try_parse_from(line).unwrap().args;
    windows_updates(&args, wua, Timestamp::from_seconds(1_700_000_000), |_| ())
}

#[test]
fn an_installation_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World { updates: vec![cumulative(), driver()], ..World::default() };
    world.installs.insert(cumulative().key.id, ItemResult { restart_needed: true, ..OK });
    let mut wua = open(world);
    assert_eq!(install(dir.path(), &mut wua).unwrap(), EXIT_RESTART);
    world::with(World::restart);
    assert_eq!(install(dir.path(), &mut wua).unwrap(), 0);
    let calls = world::with(|world| world.calls.clone());
    let installs: Vec<_> = calls.iter().filter(|call| call.starts_with("install")).collect();
    assert_eq!(installs.len(), 2, "each once: {installs:?}");
    assert!(world::with(|world| world.updates.iter().all(|update| update.is_installed)));
}

#[test]
fn settings_are_written_to_the_registry() {
    let key = r"SOFTWARE\fettle-tests\AU";
    registry::write(key, &[Setting { name: "AUOptions", value: 4 }]).unwrap();
    let read = windows_registry::LOCAL_MACHINE.open(key).unwrap().get_u32("AUOptions").unwrap();
    assert_eq!(read, 4);
    windows_registry::LOCAL_MACHINE.remove_tree(r"SOFTWARE\fettle-tests").unwrap();
}

#[test]
fn a_boot_has_one_id_and_a_time() {
    let boot = Boot::of(Path::new("/"));
    assert!(!boot.id.is_empty());
    assert_eq!(boot.id, Boot::of(Path::new("/")).id);
    let booted_at = boot.booted_at().unwrap();
    let now = jiff::Timestamp::now().as_second();
    assert!((0..86_400 * 3650).contains(&(now - booted_at.as_seconds())), "{booted_at}");
}
