//! `kill -9` of server and agent at random points during scans: no accepted report is lost, no
//! command runs twice, every command ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api::fettle::ListNodeReportsRequest;
use api::ssm::{CommandInvocation, CommandInvocationStatus};
use cli::client::ClientError;

use crate::harness::{Agent, Engine, Server, engines, eventually};
use crate::scan::{invocation_of, is_terminal, order};

/// `FETTLE_TEST_FAULTS` asks for more.
const ROUNDS: usize = 12;
const END_WITHIN: Duration = Duration::from_secs(180);

/// Repeatable randomness: the seed is printed and `FETTLE_TEST_SEED` sets it.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn commands_and_reports_survive_kill_9() {
    for engine in engines() {
        let seed = setting("FETTLE_TEST_SEED").unwrap_or_else(|| u64::from(std::process::id())).max(1);
        println!("FETTLE_TEST_SEED={seed}");
        run(engine, &mut Dice(seed));
    }
}

fn run(engine: Engine, dice: &mut Dice) {
    let rounds =
        setting("FETTLE_TEST_FAULTS").and_then(|rounds| usize::try_from(rounds).ok()).unwrap_or(ROUNDS);
    let mut server = Server::start(engine);
    let mut agent = Agent::online(&server);
    let ledger = agent.root().join("ledger");
    let (mut scripts, mut scans) = (vec![], vec![]);

    for round in 0..rounds {
        let script = format!("echo round-{round} >> '{}'; sleep 0.0{}", ledger.display(), dice.roll(10));
        scripts
            .push((round, send(&server, &order("AWS-RunShellScript", &agent.id, &[("commands", &script)]))));
        scans.push(send(&server, &order("AWS-RunPatchBaseline", &agent.id, &[("Operation", "Scan")])));
        // Not a wait for something: the moment of the crash is what is tried.
        std::thread::sleep(Duration::from_millis(dice.roll(250)));
        let victim = dice.roll(3);
        if victim != 1 {
            agent.kill();
        }
        if victim != 0 {
            server.kill();
            server.start_again();
        }
        if victim != 1 {
            agent.start();
        }
    }

    let (mut ends, mut reasons) = (BTreeMap::new(), BTreeMap::<String, usize>::new());
    for command in scripts.iter().map(|(_, command)| command).chain(&scans) {
        let ended = eventually(&format!("command {command} ends"), END_WITHIN, || {
            let invocation = server.call(&invocation_of(command)).command_invocations?.pop()?;
            invocation.status.as_ref().is_some_and(is_terminal).then_some(invocation)
        });
        let status = ended.status.clone().unwrap();
        if status != CommandInvocationStatus::Success {
            *reasons.entry(reason(command, &ended)).or_default() += 1;
        }
        ends.insert(command.clone(), status);
    }
    check_ledger(&std::fs::read_to_string(&ledger).unwrap_or_default(), &scripts, &ends);
    check_reports(&server, &agent.id, &scans, &ends);
    let successes = |commands: &mut dyn Iterator<Item = &String>| {
        commands.filter(|command| ends[*command] == CommandInvocationStatus::Success).count()
    };
    let ran = successes(&mut scripts.iter().map(|(_, command)| command));
    let scanned = successes(&mut scans.iter());
    println!(
        "{engine:?}: {ran} scripts and {scanned} scans of {rounds} each succeeded through {rounds} crashes"
    );
    for (reason, times) in &reasons {
        println!("{engine:?}: {times} times: {reason}");
    }
    assert!(ran > 0 && scanned > 0, "crashes spoiled everything: {ends:?}");
}

/// Why a command did not succeed, in the words of whoever ended it. Each must have some.
fn reason(command: &str, ended: &CommandInvocation) -> String {
    let steps = ended.command_plugins.as_deref().unwrap_or_default();
    let output = steps.iter().filter_map(|step| step.output.as_deref());
    let details = ended.status_details.as_deref().unwrap_or_default();
    let said: Vec<&str> =
        output.chain(ended.trace_output.as_deref()).map(str::trim).filter(|text| !text.is_empty()).collect();
    // A command that was never delivered has nothing to say but its state.
    assert!(
        !said.is_empty() || details.contains("Timed") || details == "Undeliverable",
        "{command} ended as {details} without a reason: {ended:?}"
    );
    let said = said.join(" | ").replace(command, "ID");
    format!("{details}: {}", said.chars().take(300).collect::<String>())
}

type Ends = BTreeMap<String, CommandInvocationStatus>;

fn check_ledger(ledger: &str, scripts: &[(usize, String)], ends: &Ends) {
    let mut runs = BTreeMap::<&str, usize>::new();
    for line in ledger.lines() {
        *runs.entry(line).or_default() += 1;
    }
    for (line, times) in &runs {
        assert_eq!(*times, 1, "{line} ran {times} times");
    }
    for (round, command) in scripts {
        let ran = runs.contains_key(format!("round-{round}").as_str());
        let succeeded = ends[command] == CommandInvocationStatus::Success;
        assert!(ran || !succeeded, "round {round} is said to have succeeded, but did not run");
    }
}

/// A scan by default freezes the baseline under its command's id, which names its report.
fn check_reports(server: &Server, node: &str, scans: &[String], ends: &Ends) {
    let mut kept = BTreeSet::new();
    let mut request = ListNodeReportsRequest { instance_id: node.to_owned(), ..Default::default() };
    loop {
        let page = server.call(&request);
        kept.extend(page.reports.into_iter().filter_map(|report| report.snapshot_id));
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    for scan in scans.iter().filter(|scan| ends[*scan] == CommandInvocationStatus::Success) {
        assert!(kept.contains(scan), "scan {scan} succeeded, but its report is lost; kept: {kept:?}");
    }
}

/// The id of a command that the server has accepted.
fn send(server: &Server, request: &api::ssm::SendCommandRequest) -> String {
    match server.client.call(request) {
        Ok(answer) => answer.command.unwrap().command_id.unwrap(),
        Err(ClientError::Unreachable { .. }) => panic!("the server is not there between crashes"),
        Err(error) => panic!("{error}"),
    }
}
