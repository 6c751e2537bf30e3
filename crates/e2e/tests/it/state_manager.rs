//! Associations that run by themselves, on real agents: patching by one, a node that was away, a server that dies.

use std::collections::BTreeMap;
use std::time::Duration;

use api::ssm::{
    AssociationExecution, AssociationSyncCompliance, CreateAssociationRequest, DeleteAssociationRequest,
    DescribeAssociationExecutionTargetsRequest, DescribeAssociationExecutionsRequest,
    DescribeAssociationRequest, DescribeInstanceAssociationsStatusRequest, StartAssociationsOnceRequest,
    Target, UpdateAssociationRequest,
};

use crate::association::{associations, status, tagged};
use crate::harness::{Agent, PatchBed, Server, engines, eventually};

const RUN_WITHIN: Duration = Duration::from_secs(180);
const PATCHES: &str = "AWS-RunPatchBaselineAssociation";
const SHELL: &str = "AWS-RunShellScript";

fn parameters(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, Vec<String>>> {
    Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect())
}

fn everybody() -> Option<Vec<Target>> {
    Some(vec![Target { key: Some("InstanceIds".to_owned()), values: Some(vec!["*".to_owned()]) }])
}

fn create(server: &Server, request: CreateAssociationRequest) -> String {
    let made = server.call(&CreateAssociationRequest { targets: everybody(), ..request });
    made.association_description.unwrap().association_id.unwrap()
}

fn shell(server: &Server, line: &str) -> String {
    let name = SHELL.to_owned();
    create(
        server,
        CreateAssociationRequest {
            name,
            parameters: parameters(&[("commands", line)]),
            ..Default::default()
        },
    )
}

/// Newest first.
fn runs(server: &Server, id: &str) -> Vec<AssociationExecution> {
    let request =
        DescribeAssociationExecutionsRequest { association_id: id.to_owned(), ..Default::default() };
    server.call(&request).association_executions.unwrap_or_default()
}

/// The newest run, once there are `count` and it has ended in this status.
fn ended(server: &Server, id: &str, count: usize, status: &str) -> AssociationExecution {
    eventually(&format!("run {count} ends in {status}"), RUN_WITHIN, || {
        let runs = runs(server, id);
        let newest = runs.first()?.clone();
        (runs.len() == count && newest.status.as_deref() == Some(status)).then_some(newest)
    })
}

#[test]
fn an_association_patches_and_says_whether_the_node_complies() {
    let Some(bed) = PatchBed::new() else { return };
    bed.keep();
    for engine in engines() {
        let server = Server::start(engine);
        let baseline = tagged(&server, "prod", &["tb-conf"]);
        let agent = Agent::online_on(&server, &bed);
        // Nobody knows its id before it is made: the document is told by the server.
        let scan = [("Operation", "Scan"), ("BaselineTags", "Key=Stage,Values=prod")];
        let id = create(
            &server,
            CreateAssociationRequest {
                name: PATCHES.to_owned(),
                association_name: Some("patches".to_owned()),
                parameters: parameters(&scan),
                sync_compliance: Some(AssociationSyncCompliance::Manual),
                schedule_expression: Some("rate(1 day)".to_owned()),
                ..Default::default()
            },
        );
        let run = ended(&server, &id, 1, "Success");
        let found = associations(&server, &agent);
        // The run went well; the node does not comply all the same.
        assert_eq!(found.len(), 1, "{found:?}");
        let item = &found[&id];
        assert_eq!(status(item), ("NON_COMPLIANT", "HIGH"));
        assert_eq!(item.details.clone().unwrap()["PatchBaselineId"], baseline);
        let execution = item.execution_summary.as_ref().unwrap();
        assert_eq!(execution.execution_id, run.execution_id, "the run that found it");
        let request =
            DescribeInstanceAssociationsStatusRequest { instance_id: agent.id.clone(), ..Default::default() };
        let standing = server.call(&request).instance_association_status_infos.unwrap();
        assert_eq!(standing[0].status.as_deref(), Some("Success"), "{standing:?}");
        assert!(
            standing[0].execution_summary.as_ref().is_some_and(|text| text.contains("success")),
            "{standing:?}"
        );

        let install = [
            ("Operation", "Install"),
            ("BaselineTags", "Key=Stage,Values=prod"),
            ("RebootOption", "NoReboot"),
        ];
        let update = |pairs: &[(&str, &str)], sync| {
            server.call(&UpdateAssociationRequest {
                association_id: id.clone(),
                targets: everybody(),
                parameters: parameters(pairs),
                sync_compliance: Some(sync),
                ..Default::default()
            })
        };
        update(&install, AssociationSyncCompliance::Manual);
        ended(&server, &id, 2, "Success");
        assert_eq!(bed.state("tb-conf"), "1.1-1 ii");
        bed.boot(1);
        update(&scan, AssociationSyncCompliance::Manual);
        ended(&server, &id, 3, "Success");
        assert_eq!(status(&associations(&server, &agent)[&id]).0, "COMPLIANT");

        // With AUTO the document may not say: its run fails and tells why, and that is the verdict.
        update(&scan, AssociationSyncCompliance::Auto);
        let failed = ended(&server, &id, 4, "Failed");
        let output =
            crate::install::output(&crate::install::end_of(&server, failed.execution_id.as_deref().unwrap()));
        assert!(output.contains("SyncCompliance AUTO"), "{output}");
        eventually("the run's own verdict", RUN_WITHIN, || {
            let item = associations(&server, &agent)[&id].clone();
            (status(&item).0 == "NON_COMPLIANT").then_some(())
        });
        bed.restore();
    }
}

#[test]
fn a_node_that_was_away_is_reached_when_it_is_back() {
    for engine in engines() {
        let server = Server::start(engine);
        let mut agent = Agent::enroll(&server);
        let id = shell(&server, "echo once");
        let run = eventually("the run is there", RUN_WITHIN, || runs(&server, &id).pop());
        assert_eq!(run.status.as_deref(), Some("Pending"));
        agent.start();
        let done = ended(&server, &id, 1, "Success");
        assert_eq!(done.execution_id, run.execution_id);
        // One that registers later is a new target.
        let later = Agent::online(&server);
        let second = ended(&server, &id, 2, "Success");
        let request = DescribeAssociationExecutionTargetsRequest {
            association_id: id.clone(),
            execution_id: second.execution_id.unwrap(),
            ..Default::default()
        };
        let targets = server.call(&request).association_execution_targets.unwrap();
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0].resource_id.as_deref(), Some(later.id.as_str()));
        assert_eq!(targets[0].output_source.clone().unwrap().output_source_id, targets[0].execution_id);

        server.call(&StartAssociationsOnceRequest { association_ids: vec![id.clone()] });
        let third = ended(&server, &id, 3, "Success");
        assert_eq!(third.resource_count_by_status.as_deref(), Some("{Success=2}"));
        server.call(&DeleteAssociationRequest { association_id: Some(id.clone()), ..Default::default() });
        eventually("what it said is taken back", RUN_WITHIN, || {
            (associations(&server, &agent).is_empty() && associations(&server, &later).is_empty())
                .then_some(())
        });
    }
}

/// Ordered and killed at once, again and again: each run is made once, reaches the node once, and is counted.
#[test]
fn a_server_that_dies_neither_loses_nor_doubles_a_run() {
    for engine in engines() {
        let mut server = Server::start(engine);
        let agent = Agent::online(&server);
        let notes = agent.root().join("notes");
        let id = shell(&server, &format!("echo x >> {}", notes.display()));
        ended(&server, &id, 1, "Success");
        for round in 0..4u64 {
            server.call(&StartAssociationsOnceRequest { association_ids: vec![id.clone()] });
            // Before, in and after the look that starts it, which comes once a second.
            std::thread::sleep(Duration::from_millis(round * 350));
            server.kill();
            server.start_again();
            let count = usize::try_from(round).unwrap() + 2;
            ended(&server, &id, count, "Success");
            let written = std::fs::read_to_string(&notes).unwrap();
            assert_eq!(written.lines().count(), count, "round {round}");
        }
        let request = DescribeAssociationRequest { association_id: Some(id), ..Default::default() };
        let shown = server.call(&request).association_description.unwrap();
        assert_eq!(shown.overview.unwrap().status.as_deref(), Some("Success"));
    }
}
