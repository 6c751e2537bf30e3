//! Load for a running server, through the real wire: registration, signed scan reports, the reads
//! that people make. Prints rates, latencies and the server's CPU time per request.
//! `crates/e2e/benches/server.sh` starts the servers and runs this for each size and engine.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement: it reports, and stops at the first fault"
)]

mod agents;
mod channels;
mod console;
mod cves;
mod fleet;
mod measure;
mod wire;

use serde_json::json;

use cves::Facts;
use fleet::{Fleet, Registration};
use measure::{Load, Watched, resident_kib};
use wire::{Connection, Keys};

/// Requests of each read, unless its time is up before.
const READS: usize = 2000;
const READ_SECONDS: u64 = 15;
/// Releases of a package's version that the fleet has.
const VERSIONS: usize = 5;
/// Nodes that talk at the same time, and people.
const NODE_CONNECTIONS: usize = 8;
const READ_CONNECTIONS: usize = 2;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|text| text != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["fleet", endpoint, pid, count] => Run::new(endpoint, pid, count).fleet(),
        ["channels", endpoint, pid, count] => Run::new(endpoint, pid, count).channels(),
        ["peer", endpoint, pid, count] => Run::new(endpoint, pid, count).peer(),
        ["populate", database, count] => console::fill(database, count.parse().unwrap()),
        ["console", endpoint, pid, count] => Run::new(endpoint, pid, count).console(),
        ["fill", database, count, kinds] => {
            Facts::open(database, kinds.parse().unwrap()).fill(count.parse().unwrap());
        }
        ["cves", endpoint, pid, count, database, kinds] => {
            Run::new(endpoint, pid, count).cves(&Facts::open(database, kinds.parse().unwrap()));
        }
        _ => println!(
            "usage: server fleet|channels|peer|console HOST:PORT PID COUNT, populate DATABASE COUNT, \
             fill DATABASE COUNT KINDS, cves HOST:PORT PID COUNT DATABASE KINDS (skipped: run crates/e2e/benches/server.sh)"
        ),
    }
}

struct Run {
    endpoint: String,
    pid: u32,
    watched: Watched,
    count: usize,
}

impl Run {
    fn new(endpoint: &str, pid: &str, count: &str) -> Self {
        let pid = pid.parse().unwrap();
        let watched = Watched::from_environment(pid);
        Self { endpoint: endpoint.to_owned(), pid, watched, count: count.parse().unwrap() }
    }

    fn fleet(&self) {
        let keys = Keys::from_environment();
        let rss_before = resident_kib(self.pid);
        let registration = Registration::open(&self.endpoint, &keys, self.count);
        self.nodes("registrations", |connection, node| registration.register(connection, node));
        let fleet = registration.into_fleet();
        self.nodes("full scan reports", |connection, node| fleet.report(connection, node, 0));
        self.nodes("unchanged scan reports", |connection, node| fleet.report(connection, node, 1));
        let rss = resident_kib(self.pid);
        let per_node = rss.saturating_sub(rss_before) as f64 / self.count as f64;
        measure::note("memory", &format!("{rss} KiB resident, {per_node:.2} KiB per node"));
        self.reads(&fleet, &keys);
    }

    fn reads(&self, fleet: &Fleet, keys: &Keys) {
        let ids = |i: usize| fleet.id(i * 7919 % self.count);
        self.read("DescribeInstancePatchStates (1 node)", keys, |i| json!({"InstanceIds": [ids(i)]}));
        self.read("DescribeInstancePatchStates (50 nodes)", keys, |i| {
            let list: Vec<String> = (0..50).map(|k| ids(i * 50 + k)).collect();
            json!({"InstanceIds": list})
        });
        self.read(
            "DescribeInstancePatches (missing)",
            keys,
            |i| json!({"InstanceId": ids(i), "Filters": [{"Key": "State", "Values": ["Missing"]}]}),
        );
        self.read("ListComplianceSummaries", keys, |_| json!({}));
        self.read("ListResourceComplianceSummaries", keys, |_| json!({}));
        self.read("ListResourceComplianceSummaries (non-compliant)", keys, |_| {
            json!({"Filters": [{"Key": "Status", "Values": ["NON_COMPLIANT"], "Type": "EQUAL"},
                {"Key": "ComplianceType", "Values": ["Patch"], "Type": "EQUAL"}]})
        });
        self.read("DescribeInstanceInformation", keys, |_| json!({"MaxResults": 50}));
        self.advisories(keys);
    }

    /// A feed that says of each package, in each version, something of its own. The first question makes the index of facts.
    fn advisories(&self, keys: &Keys) {
        let mut connection = Connection::open(&self.endpoint);
        let statements: Vec<_> = (0..fleet::ITEMS * VERSIONS)
            .map(|i| {
                json!({"CveId": format!("CVE-2026-{:05}", i), "Distribution": "debian:12",
                    "Package": format!("package-{}", i / VERSIONS),
                    "Fixed": format!("1.{}-{}", i / VERSIONS % 40, i % VERSIONS + 1)})
            })
            .collect();
        let feed = json!({"Feed": "bench", "Format": "OSV", "Origin": "bench", "Chunk": 0,
            "Statements": statements, "Last": true});
        connection.call(keys, "Fettle.ImportAdvisories", &feed);
        let rss = resident_kib(self.pid);
        let begun = std::time::Instant::now();
        connection.call(keys, "Fettle.DescribeAdvisories", &json!({"CveId": "CVE-2026-00000"}));
        let took = begun.elapsed().as_millis();
        let more = resident_kib(self.pid).saturating_sub(rss);
        measure::note("index of facts", &format!("made in {took} ms, {more} KiB"));
        let cve = |i: usize| format!("CVE-2026-{:05}", i * 7 % (fleet::ITEMS * VERSIONS));
        self.ask(
            "DescribeAdvisories (a CVE, 50 nodes)",
            "Fettle.DescribeAdvisories",
            keys,
            |i| json!({"CveId": cve(i), "MaxResults": 50}),
        );
        self.ask(
            "DescribeAdvisories (a CVE, 1 node)",
            "Fettle.DescribeAdvisories",
            keys,
            |i| json!({"CveId": cve(i), "MaxResults": 1}),
        );
    }

    /// What moto answers too.
    fn peer(&self) {
        let keys = Keys::from_environment();
        let mut connection = Connection::open(&self.endpoint);
        let baseline = json!({"Name": "bench", "OperatingSystem": "DEBIAN"});
        let id = connection.call(&keys, "AmazonSSM.CreatePatchBaseline", &baseline)["BaselineId"].clone();
        let group = json!({"BaselineId": id, "PatchGroup": "web"});
        connection.call(&keys, "AmazonSSM.RegisterPatchBaselineForPatchGroup", &group);
        self.read(
            "DescribePatchBaselines",
            &keys,
            |_| json!({"Filters": [{"Key": "OWNER", "Values": ["Self"]}]}),
        );
        self.read(
            "GetPatchBaselineForPatchGroup",
            &keys,
            |_| json!({"PatchGroup": "web", "OperatingSystem": "DEBIAN"}),
        );
        self.read("ListCommands", &keys, |_| json!({}));
    }

    /// One call, told as what it cost for each of the `count` things that it was about.
    fn once(&self, name: &str, count: usize, call: impl FnOnce() -> serde_json::Value) {
        measure::once(name, &self.watched, count, || drop(call()));
    }

    fn nodes(&self, name: &str, work: impl Fn(&mut Connection, usize) + Sync) {
        let load = Load { endpoint: &self.endpoint, connections: NODE_CONNECTIONS, seconds: u64::MAX };
        load.run(name, &self.watched, self.count, work);
    }

    fn read(&self, name: &str, keys: &Keys, request: impl Fn(usize) -> serde_json::Value + Sync) {
        let target = format!("AmazonSSM.{}", name.split(' ').next().unwrap());
        self.ask(name, &target, keys, request);
    }

    fn ask(
        &self,
        name: &str,
        target: &str,
        keys: &Keys,
        request: impl Fn(usize) -> serde_json::Value + Sync,
    ) {
        let load = Load { endpoint: &self.endpoint, connections: READ_CONNECTIONS, seconds: READ_SECONDS };
        load.run(name, &self.watched, READS, |connection, i| {
            connection.call(keys, target, &request(i));
        });
    }
}
