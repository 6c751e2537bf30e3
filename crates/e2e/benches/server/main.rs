//! Load for a running server, through the real wire: registration, signed scan reports, the reads
//! that people make. Prints rates, latencies and the server's CPU time per request.
//! `crates/e2e/benches/server.sh` starts the servers and runs this for each size and engine.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement: it reports, and stops at the first fault"
)]

mod fleet;
mod wire;

use std::time::{Duration, Instant};

use serde_json::json;

use fleet::Fleet;
use wire::{Connection, Keys};

/// Requests of each read.
const READS: usize = 400;
const CLIENT_THREADS: usize = 2;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|text| text != "--bench").collect();
    let [mode, endpoint, pid, count] = arguments.as_slice() else {
        println!("usage: server fleet|peer HOST:PORT PID COUNT (skipped: run crates/e2e/benches/server.sh)");
        return;
    };
    let run = Run { endpoint: endpoint.clone(), pid: pid.parse().unwrap(), count: count.parse().unwrap() };
    match mode.as_str() {
        "fleet" => run.fleet(),
        "peer" => run.peer(),
        other => panic!("no mode {other}"),
    }
}

struct Run {
    endpoint: String,
    pid: u32,
    count: usize,
}

impl Run {
    fn fleet(&self) {
        let keys = Keys::from_environment();
        let fleet = Fleet::register(&self.endpoint, &keys, self.count);
        self.measure_parallel("register + token (not counted below)", &[], |_| {});
        let rss_before = resident_kib(self.pid);
        let nodes: Vec<usize> = (0..self.count).collect();
        self.report("full scan reports, distinct nodes", &nodes, &fleet, 0);
        self.report("unchanged scan reports", &nodes, &fleet, 1);
        let rss = resident_kib(self.pid);
        println!(
            "memory {:>34} KiB resident, {:.2} KiB per node more than before",
            rss,
            (rss.saturating_sub(rss_before)) as f64 / self.count as f64
        );
        self.reads(&fleet, &keys);
    }

    fn report(&self, name: &str, nodes: &[usize], fleet: &Fleet, round: usize) {
        self.measure_parallel(name, nodes, |(connection, node)| fleet.report(connection, node, round));
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

    fn read(&self, name: &str, keys: &Keys, request: impl Fn(usize) -> serde_json::Value + Sync) {
        let target = format!("AmazonSSM.{}", name.split(' ').next().unwrap());
        let numbers: Vec<usize> = (0..READS).collect();
        self.measure_parallel(name, &numbers, |(connection, i)| {
            connection.call(keys, &target, &request(i));
        });
    }

    /// Runs `work` for every number on a few connections, and prints what it cost.
    fn measure_parallel(
        &self,
        name: &str,
        numbers: &[usize],
        work: impl Fn((&mut Connection, usize)) + Sync,
    ) {
        if numbers.is_empty() {
            return;
        }
        let (cpu, started) = (cpu_seconds(self.pid), Instant::now());
        let mut took: Vec<Duration> = std::thread::scope(|scope| {
            let share = numbers.len().div_ceil(CLIENT_THREADS);
            let (work, endpoint) = (&work, &self.endpoint);
            let threads: Vec<_> = numbers
                .chunks(share)
                .map(|share| {
                    scope.spawn(move || {
                        let mut connection = Connection::open(endpoint);
                        let timed = |&number: &usize| {
                            let started = Instant::now();
                            work((&mut connection, number));
                            started.elapsed()
                        };
                        share.iter().map(timed).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let (elapsed, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds(self.pid) - cpu);
        took.sort_unstable();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
        println!(
            "{name:<50} {:>9.0}/s  p50 {:>8.3} ms  p99 {:>8.3} ms  server CPU {:>8.1} us each",
            numbers.len() as f64 / elapsed,
            at(0.5),
            at(0.99),
            cpu * 1e6 / numbers.len() as f64
        );
    }
}

/// User and system time of a process and its children so far.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: f64 = fields[11..15].iter().map(|field| field.parse::<f64>().unwrap()).sum();
    // The kernel's unit for this file, whatever its own clock.
    ticks / 100.0
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
