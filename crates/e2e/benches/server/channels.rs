//! What a fleet on its control channels costs, and how quickly a command goes through it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Run;
use crate::agents::{Board, connect};
use crate::fleet::Registration;
use crate::measure::{self, resident_kib};
use crate::wire::{Connection, Keys};

/// So many runs of a command on a node at each size of fleet, so that small ones are not measured by the clock's ticks.
const NODE_RUNS: usize = 10_000;
/// Commands to one node, one after the other.
const CLICKS: usize = 300;
const IDLE: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(600);
const TAG: &str = "Fleet";

impl Run {
    /// `connected` of the `count` registered nodes hold a channel: all.
    pub fn channels(&self) {
        let keys = Keys::from_environment();
        let registration = Registration::tagged(&self.endpoint, &keys, self.count, TAG);
        self.nodes("registrations", |connection, node| registration.register(connection, node));
        let nodes = registration.into_nodes();
        let ids: Vec<String> = nodes.iter().map(|(id, _)| id.clone()).collect();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let endpoint: SocketAddr = self.endpoint.parse().unwrap();

        let rss_before = resident_kib(self.pid);
        let mut board = None;
        measure::once("connections", &self.watched, self.count, || {
            board = Some(runtime.block_on(connect(endpoint, nodes)));
        });
        let board = board.unwrap();
        let idle_cpu =
            || measure::once("idle, for 30 s", &self.watched, self.count, || std::thread::sleep(IDLE));
        idle_cpu();
        let rss = resident_kib(self.pid);
        let per_connection = rss.saturating_sub(rss_before) as f64 / self.count as f64;
        measure::note(
            "memory per idle connection",
            &format!("{per_connection:.2} KiB, {rss} KiB resident in all"),
        );

        // Not before: a server keeps no connection for that long on which nobody asks.
        let mut connection = Connection::open(&self.endpoint);
        let rounds = (NODE_RUNS / self.count).max(1);
        let mut times = Vec::new();
        measure::once("a command to all, each node", &self.watched, self.count * rounds, || {
            times = (0..rounds).map(|_| self.command_to_all(&mut connection, &keys, &board)).collect();
        });
        times.sort_unstable_by_key(|(_, stored)| *stored);
        let (delivered, stored) = times[times.len() / 2];
        measure::note("99 % delivered", &format!("{:.1} ms", delivered.as_secs_f64() * 1000.0));
        measure::note("all results stored", &format!("{:.1} ms", stored.as_secs_f64() * 1000.0));

        self.clicks(&mut connection, &keys, &ids);
        assert_eq!(board.lost(), 0, "channels were lost");
    }

    /// Until 99 % have it, and until all results are stored.
    fn command_to_all(
        &self,
        connection: &mut Connection,
        keys: &Keys,
        board: &Board,
    ) -> (Duration, Duration) {
        board.take_delivered();
        let begun = Instant::now();
        let request = json!({"DocumentName": "AWS-RunShellScript", "MaxConcurrency": "100%",
            "Targets": [{"Key": format!("tag:{TAG}"), "Values": ["yes"]}], "Parameters": {"commands": ["true"]}});
        let sent = connection.call(keys, "AmazonSSM.SendCommand", &request);
        let id = sent["Command"]["CommandId"].clone();
        let stored = loop {
            let list = connection.call(keys, "AmazonSSM.ListCommands", &json!({"CommandId": id}));
            let command = &list["Commands"][0];
            if command["Status"] == "Success" {
                assert_eq!(command["CompletedCount"], self.count, "{command}");
                break begun.elapsed();
            }
            assert!(begun.elapsed() < TIMEOUT, "not ended in time: {command}");
            std::thread::sleep(Duration::from_millis(2));
        };
        let arrived = board.take_delivered();
        assert_eq!(arrived.len(), self.count, "each node was told once");
        let most = arrived[(arrived.len() * 99 / 100).min(arrived.len() - 1)];
        (most.duration_since(begun), stored)
    }

    /// From the click of somebody who runs something on one node to its first output.
    fn clicks(&self, connection: &mut Connection, keys: &Keys, ids: &[String]) {
        let mut took: Vec<Duration> = (0..CLICKS)
            .map(|click| {
                let node = &ids[click * 7919 % ids.len()];
                let begun = Instant::now();
                let request = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": [node],
                    "Parameters": {"commands": ["true"]}});
                let sent = connection.call(keys, "AmazonSSM.SendCommand", &request);
                let asked = json!({"CommandId": sent["Command"]["CommandId"], "InstanceId": node});
                loop {
                    let answer: Value = connection.call(keys, "AmazonSSM.GetCommandInvocation", &asked);
                    if answer["StandardOutputContent"].as_str().is_some_and(|output| !output.is_empty()) {
                        break begun.elapsed();
                    }
                    assert!(begun.elapsed() < TIMEOUT, "no output in time: {answer}");
                }
            })
            .collect();
        took.sort_unstable();
        let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1000.0;
        measure::note("click to first output", &format!("p50 {:.2} ms, p99 {:.2} ms", at(50), at(99)));
    }
}
