//! Two servers over one PostgreSQL, one address in front of them, and `kill -9` of the one that holds the nodes: the
//! other takes over within ten seconds, no command is lost and none runs twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use api::ssm::{CommandInvocation, CommandInvocationStatus, SendCommandRequest};

use crate::faults::{Dice, setting};
use crate::harness::balancer::Balancer;
use crate::harness::{Agent, Engine, Server, engines, eventually};
use crate::scan::{invocation_of, is_terminal};

const ROUNDS: u64 = 3;
const NODES: usize = 3;
/// What is promised.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(10);
/// A job that the dead server had leased is offered again after its lease, and the nodes come one after the other.
const END_WITHIN: Duration = Duration::from_secs(120);

#[test]
fn the_other_server_takes_over_within_ten_seconds() {
    if !engines().contains(&Engine::Postgres) {
        eprintln!("SKIPPED: two servers share a PostgreSQL, and there is none here");
        return;
    }
    let seed = setting("FETTLE_TEST_SEED").unwrap_or(1).max(1);
    println!("FETTLE_TEST_SEED={seed}");
    let mut dice = Dice(seed);
    let first = Server::start(Engine::Postgres);
    let second = first.beside();
    let balancer = Balancer::start(&[first.address, second.address]);
    let agents: Vec<Agent> = (0..NODES).map(|_| Agent::online_at(&first, &balancer.endpoint())).collect();
    let mut servers = [first, second];

    let mut sent = BTreeMap::new();
    for round in 0..ROUNDS {
        let victim = balancer.current();
        // One node after the other: the rollout is in the middle when its server dies.
        let label = format!("before-{round}");
        sent.insert(send(&servers[victim], &agents, &label, "1"), label);
        // Not a wait for something: the moment of the crash is what is tried.
        std::thread::sleep(Duration::from_millis(dice.roll(600)));
        servers[victim].kill();
        let killed_at = Instant::now();
        let survivor = &servers[1 - victim];
        let label = format!("after-{round}");
        let after = send(survivor, &agents, &label, "100%");
        eventually("the other server's command has run everywhere", TAKEN_OVER_WITHIN, || {
            let ended = ended(survivor, &after);
            (ended.len() == NODES).then_some(())
        });
        println!("round {round}: taken over within {:?}", killed_at.elapsed());
        sent.insert(after, label);
        servers[victim].start_again();
    }

    for (command, label) in &sent {
        let ended = eventually(&format!("{label} ends"), END_WITHIN, || {
            let ended = ended(&servers[0], command);
            (ended.len() == NODES).then_some(ended)
        });
        for invocation in ended {
            assert_eq!(invocation.status, Some(CommandInvocationStatus::Success), "{label}: {invocation:?}");
        }
    }
    for agent in &agents {
        let ledger = std::fs::read_to_string(agent.root().join("ledger")).unwrap();
        let mut lines: Vec<&str> = ledger.lines().collect();
        lines.sort_unstable();
        let mut labels: Vec<&str> = sent.values().map(String::as_str).collect();
        labels.sort_unstable();
        assert_eq!(lines, labels, "each command ran once on {}", agent.id);
    }
}

/// A script that leaves a line in its node's ledger, to all nodes.
fn send(server: &Server, agents: &[Agent], label: &str, max_concurrency: &str) -> String {
    // Each node has a root of its own, which its agent hands to its scripts.
    let script = format!("echo {label} >> \"$FETTLE_AGENT_ROOT/ledger\"; sleep 0.2");
    let request = SendCommandRequest {
        document_name: "AWS-RunShellScript".to_owned(),
        instance_ids: Some(agents.iter().map(|agent| agent.id.clone()).collect()),
        parameters: Some([("commands".to_owned(), vec![script])].into()),
        max_concurrency: Some(max_concurrency.to_owned()),
        ..Default::default()
    };
    server.call(&request).command.unwrap().command_id.unwrap()
}

fn ended(server: &Server, command: &str) -> Vec<CommandInvocation> {
    let invocations = server.call(&invocation_of(command)).command_invocations.unwrap_or_default();
    let is_over = |invocation: &CommandInvocation| invocation.status.as_ref().is_some_and(is_terminal);
    invocations.into_iter().filter(is_over).collect()
}
