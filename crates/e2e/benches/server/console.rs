//! What the console asks of a large fleet: home's calls, and the node list with any filter, any order and any page. Nodes are
//! written into the store directly, each with a name, tags and a report of its own; the questions go through the wire.

use std::cell::RefCell;
use std::collections::BTreeMap;

use domain::compliance::ComplianceLevel;
use domain::compliance::PatchSummary;
use domain::compliance::report::{Execution, Operation, RunFrame};
use domain::ids::{AccountId, NodeId, Region};
use domain::patch::PatchCounts;
use serde_json::{Value, json};
use store::nodes::{self, Node, NodeInformation};
use store::reports::{self, Report, ReportKey};
use store::tags::{self, Tagged};
use store::{Scope, Store, StoreOptions, report_items};
use tokio::runtime::Runtime;

use crate::Run;
use crate::measure::{self, Load};
use crate::wire::{Connection, Keys, REGION, now};

/// Nodes per transaction.
const CHUNK: usize = 500;
/// Requests of each kind at each concurrency.
const REQUESTS: usize = 100;
const CONCURRENCY: [usize; 2] = [1, 8];
const LIST: &str = "Fettle.ListNodeSummaries";
/// What a page of the console shows.
const PAGE: usize = 20;

const PLATFORMS: [(&str, &str, &str); 5] = [
    ("Linux", "Debian GNU/Linux", "12"),
    ("Linux", "Debian GNU/Linux", "13"),
    ("Linux", "Ubuntu", "24.04"),
    ("Linux", "Rocky Linux", "9.4"),
    ("Windows", "Microsoft Windows Server 2022", "10.0.20348"),
];
const GROUPS: u64 = 40;
const TEAMS: u64 = 200;
/// Of a node's patches.
const PATCHES: i64 = 300;

/// Fills the database with `count` nodes: one in twenty has never reported, one in ten has not for more than a week, a third
/// misses something, one in eight is not connected.
pub fn fill(database: &str, count: usize) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(&StoreOptions::from_url(database).unwrap()).await.unwrap();
        // The account that every server begins with.
        let (account, region): (AccountId, Region) =
            ("123456789012".parse().unwrap(), REGION.parse().unwrap());
        for first in (0..count).step_by(CHUNK) {
            put(&store, (&account, &region), first..count.min(first + CHUNK)).await;
        }
        store.close().await.unwrap();
    });
}

async fn put(store: &Store, scope: Scope<'_>, numbers: std::ops::Range<usize>) {
    let (account, region) = scope;
    let (items, at) = (report_items::none(), now());
    let mut tx = store.write().await.unwrap();
    report_items::insert(&mut tx, scope, &items).await.unwrap();
    for number in numbers {
        let random = Random(number as u64);
        let node = Node {
            account: account.clone(),
            region: region.clone(),
            id: random.id(),
            activation_id: None,
            iam_role: "bench".to_owned(),
            name: random.is_one_in(7, 2).then(|| format!("node {number}")),
            registered_at: at,
            fingerprint: format!("fingerprint-{number}"),
            public_key: format!("key-{number}"),
            previous_public_key: None,
            information: NodeInformation::default(),
            last_seen_at: None,
            channel_until: None,
        };
        nodes::insert(&mut tx, &node).await.unwrap();
        let (kind, name, version) = PLATFORMS[random.below(1, PLATFORMS.len() as u64) as usize];
        let text = |text: &str| Some(text.to_owned());
        let information = NodeInformation {
            agent_name: text("fettle-agent"),
            agent_version: Some(format!("0.{}.0", random.below(2, 4))),
            platform_type: text(kind),
            platform_name: text(name),
            platform_version: text(version),
            computer_name: Some(format!("host-{number:06}.example.org")),
            ip_address: Some(format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255)),
            ..NodeInformation::default()
        };
        // Far ahead, so that the answers do not change while they are measured.
        let seen = if random.is_one_in(8, 3) { at.plus_seconds(-86_400) } else { at.plus_seconds(86_400) };
        nodes::record_information(&mut tx, &node.id, &information, seen).await.unwrap();
        let given = [
            ("PatchGroup", format!("group-{}", random.below(4, GROUPS))),
            ("env", ["prod", "staging", "test"][random.below(5, 3) as usize].to_owned()),
            ("team", format!("team-{}", random.below(6, TEAMS))),
        ];
        let given: BTreeMap<String, String> =
            given.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        tags::put(&mut tx, Tagged::node(account, region, &node.id), &given).await.unwrap();
        if !random.is_one_in(20, 8) {
            let mut report = report(&random, node.id, items.hash, given["PatchGroup"].clone());
            reports::insert(&mut tx, scope, &mut report).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

fn report(random: &Random, node: NodeId, items_hash: store::Hash, patch_group: String) -> Report {
    let age = if random.is_one_in(10, 9) { 8 * 86_400 } else { random.below(10, 5 * 86_400) };
    let ended_at = now().plus_seconds(-i64::try_from(age).unwrap());
    let upto = |which: u64, odds: u64, most: u64| {
        if random.is_one_in(odds, which) { random.below(which + 100, most) as i64 + 1 } else { 0 }
    };
    let (missing, failed) = (upto(11, 3, 40), upto(12, 50, 3));
    let counts = PatchCounts {
        installed: PATCHES - missing,
        missing,
        failed,
        installed_pending_reboot: upto(13, 9, 5),
        installed_rejected: upto(14, 80, 2),
        critical_non_compliant: missing.min(2),
        security_non_compliant: missing / 2,
        other_non_compliant: failed,
        ..PatchCounts::default()
    };
    let frame = RunFrame {
        operation: if random.is_one_in(4, 15) { Operation::Install } else { Operation::Scan },
        started_at: ended_at,
        ended_at,
        baseline_id: format!("pb-{:017x}", random.below(16, 12) + 1),
        patch_group,
        snapshot_id: String::new(),
        reboot_option: "NoReboot".to_owned(),
        install_override_list: String::new(),
        last_no_reboot_install_at: None,
        execution: Execution::default(),
    };
    Report {
        node,
        key: ReportKey { ended_at, sequence: 0 },
        captured_at: ended_at,
        received_at: ended_at,
        items_hash,
        summary: PatchSummary { frame, counts, non_compliant_severity: ComplianceLevel::Unspecified },
    }
}

/// Numbers that are drawn alike each time, by what they are for.
struct Random(u64);

impl Random {
    fn draw(&self, which: u64) -> u64 {
        let number = ((self.0 << 8) | (which & 255)).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&self, which: u64, end: u64) -> u64 {
        self.draw(which) % end
    }

    fn is_one_in(&self, odds: u64, which: u64) -> bool {
        self.below(which, odds) == 0
    }

    fn id(&self) -> NodeId {
        format!("mi-{:01x}{:016x}", self.below(200, 16), self.draw(0)).parse().unwrap()
    }
}

/// Each column that nodes are sorted by.
const SORTED: [&str; 24] = [
    "NodeId",
    "Name",
    "ComputerName",
    "IPAddress",
    "PlatformType",
    "PlatformName",
    "PlatformVersion",
    "AgentVersion",
    "PingStatus",
    "LastPingDateTime",
    "PatchGroup",
    "BaselineId",
    "ComplianceStatus",
    "WorstState",
    "Operation",
    "OperationEndTime",
    "CriticalNonCompliantCount",
    "SecurityNonCompliantCount",
    "OtherNonCompliantCount",
    "MissingCount",
    "FailedCount",
    "InstalledPendingRebootCount",
    "InstalledRejectedCount",
    "tag:team",
];

/// A filter of each kind, with a value that is drawn.
fn filter(kind: usize, random: &Random, count: usize) -> Value {
    let node = random.below(20, count as u64);
    let of = |key: &str, operator: &str, value: String| json!({"Key": key, "Operator": operator, "Values": [value]});
    let state = |of: &[&str]| of[random.below(21, of.len() as u64) as usize].to_owned();
    match kind {
        0 => of("NodeId", "Equal", Random(node).id().to_string()),
        1 => of("ComputerName", "BeginWith", format!("host-{:03}", node / 1000)),
        2 => of("AnyName", "Contains", format!("{node:04}")),
        3 => of("IPAddress", "BeginWith", format!("10.{}.{}.", node >> 16, (node >> 8) & 255)),
        4 => of("PlatformType", "Equal", state(&["Linux", "Windows"])),
        5 => of("PlatformName", "Contains", state(&["debian", "rocky", "server", "none such"])),
        6 => of("AgentVersion", "NotEqual", format!("0.{}.0", random.below(22, 4))),
        7 => of("PingStatus", "Equal", state(&["Online", "ConnectionLost"])),
        8 => of("PatchGroup", "Equal", format!("group-{}", random.below(23, GROUPS))),
        9 => of("BaselineId", "Equal", format!("pb-{:017x}", random.below(24, 12) + 1)),
        10 => of("ComplianceStatus", "Equal", state(&["COMPLIANT", "NON_COMPLIANT", "STALE", "UNKNOWN"])),
        11 => of("WorstState", "Equal", state(&["FAILED", "MISSING", "INSTALLED_PENDING_REBOOT"])),
        12 => of("ScanAgeSeconds", "GreaterThan", random.below(25, 5 * 86_400).to_string()),
        13 => of("MissingCount", "GreaterThan", random.below(26, 40).to_string()),
        14 => of("SecurityNonCompliantCount", "LessThan", (random.below(27, 20) + 1).to_string()),
        15 => of("tag:team", "Equal", format!("team-{}", random.below(28, TEAMS))),
        16 => of("tag:env", "NotEqual", state(&["prod", "staging", "test"])),
        17 => of("TagKey", "BeginWith", state(&["Patch", "te", "none"])),
        18 => of("Name", "Contains", format!(" {}", node / 100)),
        _ => of("Operation", "Equal", state(&["Scan", "Install"])),
    }
}

const FILTERS: usize = 20;

impl Run {
    pub fn console(&self) {
        let keys = Keys::from_environment();
        let begun = std::time::Instant::now();
        let total =
            Connection::open(&self.endpoint).call(&keys, LIST, &json!({"MaxResults": 1}))["Total"].clone();
        assert_eq!(total, self.count, "the fleet is there");
        measure::note("the first question", &format!("{} ms", begun.elapsed().as_millis()));
        for connections in CONCURRENCY {
            self.at_once(connections, "home: GetFleetSummary", &|connection, _| {
                connection.call(&keys, "Fettle.GetFleetSummary", &json!({}));
            });
            self.at_once(connections, "home: ListCommands", &|connection, _| {
                connection.call(&keys, "AmazonSSM.ListCommands", &json!({"MaxResults": 10}));
            });
            for by in SORTED {
                self.at_once(connections, &format!("sort {by}"), &|connection, number| {
                    let random = Random(number as u64);
                    let order = if random.is_one_in(2, 30) { "ASCENDING" } else { "DESCENDING" };
                    page(connection, &keys, || json!({"SortBy": by, "SortOrder": order}), &random);
                });
            }
            for kind in 0..FILTERS {
                let example = filter(kind, &Random(0), self.count);
                let name = format!(
                    "filter {} {}",
                    example["Key"].as_str().unwrap(),
                    example["Operator"].as_str().unwrap()
                );
                self.at_once(connections, &name, &|connection, number| {
                    let random = Random(number as u64);
                    let first = || json!({"Filters": [filter(kind, &random, self.count)]});
                    page(connection, &keys, first, &random);
                });
            }
            self.at_once(connections, "three filters and a sort", &|connection, number| {
                let random = Random(number as u64);
                let filters: Vec<Value> = (0..3)
                    .map(|which| {
                        filter(random.below(40 + which, FILTERS as u64) as usize, &random, self.count)
                    })
                    .collect();
                let by = SORTED[random.below(43, SORTED.len() as u64) as usize];
                page(connection, &keys, || json!({"Filters": filters, "SortBy": by}), &random);
            });
            // A tag that somebody gives is in the next answer.
            self.at_once(connections, "a tag, and the list by it", &|connection, number| {
                let id = Random(number as u64 * 7 % self.count as u64).id().to_string();
                let value = format!("bench-{connections}-{number}");
                let tag = json!({"ResourceType": "ManagedInstance", "ResourceId": id, "Tags": [{"Key": "bench", "Value": value}]});
                connection.call(&keys, "AmazonSSM.AddTagsToResource", &tag);
                let by_tag = json!({"Filters": [{"Key": "tag:bench", "Values": [value]}], "MaxResults": PAGE});
                let found = connection.call(&keys, LIST, &by_tag);
                assert_eq!(found["Nodes"][0]["NodeId"], id.as_str(), "{found}");
            });
        }
    }

    fn at_once(&self, connections: usize, name: &str, work: &(dyn Fn(&mut Connection, usize) + Sync)) {
        let load = Load { endpoint: &self.endpoint, connections, seconds: 60 };
        load.run(&format!("{name}, {connections} at once"), &self.watched, REQUESTS, work);
    }
}

thread_local! {
    /// The page behind the one that this connection has seen last.
    static NEXT: RefCell<Option<Value>> = const { RefCell::new(None) };
}

/// One request for a page: the first, or where the last answer of this connection had another, often the one behind it.
fn page(connection: &mut Connection, keys: &Keys, first: impl FnOnce() -> Value, random: &Random) {
    let next = NEXT.take().filter(|_| !random.is_one_in(3, 31));
    let mut request = next.unwrap_or_else(first);
    request["MaxResults"] = PAGE.into();
    let answer = connection.call(keys, LIST, &request);
    assert!(answer["Nodes"].as_array().unwrap().len() <= PAGE, "{answer}");
    if let Some(token) = answer.get("NextToken") {
        request["NextToken"] = token.clone();
        NEXT.set(Some(request));
    }
}
