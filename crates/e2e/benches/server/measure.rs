//! Runs work on a few connections and says what it cost: the client's clock, the server's CPU time
//! and its database's. Lines for people go to stdout; `BENCH_RESULTS` names a file that gets the same
//! as tab-separated values: name, count, rate, p50 ms, p99 ms, server CPU us, database CPU us.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::wire::Connection;

/// The processes whose CPU time counts.
pub struct Watched {
    server: u32,
    /// PostgreSQL's first process, whose children serve its connections.
    database: Option<u32>,
}

impl Watched {
    pub fn from_environment(server: u32) -> Self {
        let database = std::env::var("BENCH_DATABASE_PID").ok().map(|pid| pid.parse().unwrap());
        Self { server, database }
    }

    fn cpu(&self) -> (f64, f64) {
        (cpu_seconds(self.server), self.database.map_or(0.0, cpu_of_family))
    }
}

pub struct Load<'a> {
    pub endpoint: &'a str,
    pub connections: usize,
    /// No further request is begun after this long.
    pub seconds: u64,
}

impl Load<'_> {
    /// Does `work` for each number below `count`, and prints what it cost.
    pub fn run(
        &self,
        name: &str,
        watched: &Watched,
        count: usize,
        work: impl Fn(&mut Connection, usize) + Sync,
    ) {
        let (before, started) = (watched.cpu(), Instant::now());
        let next = AtomicUsize::new(0);
        let client = || {
            let mut connection = Connection::open(self.endpoint);
            let mut took = Vec::new();
            while started.elapsed().as_secs() < self.seconds {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                let begun = Instant::now();
                work(&mut connection, number);
                took.push(begun.elapsed());
                progress(name, number, count, started);
            }
            took
        };
        let mut took: Vec<Duration> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections).map(|_| scope.spawn(client)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let (elapsed, after) = (started.elapsed().as_secs_f64(), watched.cpu());
        took.sort_unstable();
        let done = took.len() as f64;
        let at = |share: f64| took[((done - 1.0) * share) as usize].as_secs_f64() * 1000.0;
        let each = |before: f64, after: f64| (after - before) * 1e6 / done;
        report(&Line {
            name,
            count: took.len(),
            rate: done / elapsed,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            server_us: each(before.0, after.0),
            database_us: each(before.1, after.1),
        });
    }
}

/// Does `work` once and prints what it cost for each of the `count` things that it was about.
pub fn once(name: &str, watched: &Watched, count: usize, work: impl FnOnce()) {
    let (before, started) = (watched.cpu(), Instant::now());
    work();
    let (elapsed, after) = (started.elapsed().as_secs_f64(), watched.cpu());
    let each = |before: f64, after: f64| (after - before) * 1e6 / count as f64;
    let whole_ms = elapsed * 1000.0;
    report(&Line {
        name,
        count,
        rate: count as f64 / elapsed,
        p50_ms: whole_ms,
        p99_ms: whole_ms,
        server_us: each(before.0, after.0),
        database_us: each(before.1, after.1),
    });
}

struct Line<'a> {
    name: &'a str,
    count: usize,
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    server_us: f64,
    database_us: f64,
}

fn report(line: &Line<'_>) {
    let Line { name, count, rate, p50_ms, p99_ms, server_us, database_us } = line;
    println!(
        "{name:<50} {count:>7} {rate:>8.0}/s  p50 {p50_ms:>8.3} ms  p99 {p99_ms:>9.3} ms  \
         CPU each: server {server_us:>7.0} us, database {database_us:>7.0} us"
    );
    append(&format!(
        "{name}\t{count}\t{rate:.1}\t{p50_ms:.3}\t{p99_ms:.3}\t{server_us:.1}\t{database_us:.1}\n"
    ));
}

/// A number that is no rate.
pub fn note(name: &str, text: &str) {
    println!("{name:<50} {text}");
    append(&format!("{name}\t{text}\n"));
}

fn append(line: &str) {
    if let Ok(path) = std::env::var("BENCH_RESULTS") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// Long work says every so often how far it is.
fn progress(name: &str, number: usize, count: usize, started: Instant) {
    if count >= 10_000 && number > 0 && number.is_multiple_of(count / 10) {
        let seconds = started.elapsed().as_secs();
        println!("  … {number} of {count} {name} after {seconds} s");
    }
}

/// User and system time of a process and of its ended children.
fn cpu_seconds(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |fields| {
        let ticks: f64 = fields[11..15].iter().map(|field| field.parse::<f64>().unwrap()).sum();
        // The kernel's unit for this file, whatever its own clock.
        ticks / 100.0
    })
}

/// A process and its children, running and ended.
fn cpu_of_family(parent: u32) -> f64 {
    let children = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        (stat(pid)?[1].parse() == Ok(parent)).then_some(pid)
    });
    cpu_seconds(parent) + children.map(cpu_seconds).sum::<f64>()
}

/// The fields of `/proc/PID/stat` after the program's name; `None` when it is gone.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit(") ").next()?.split(' ').map(str::to_owned).collect())
}

pub fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
