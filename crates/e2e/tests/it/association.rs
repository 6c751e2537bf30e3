//! AWS-RunPatchBaselineAssociation: the baseline by its tag, the verdict as the association's compliance.

use std::collections::BTreeMap;

use api::ssm::{
    AddTagsToResourceRequest, CommandInvocation, CommandInvocationStatus, ComplianceItem,
    ComplianceStringFilter, CreatePatchBaselineRequest, DescribeInstancePatchStatesRequest,
    ListComplianceItemsRequest, OperatingSystem, ResourceTypeForTagging, Tag,
};

use crate::harness::{Agent, PatchBed, Server, engines};
use crate::install::{end_of, output};
use crate::scan::order;

const FIRST: &str = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";
const SECOND: &str = "4f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";

/// A baseline with the tag `Stage` that approves exactly these packages.
fn tagged(server: &Server, stage: &str, packages: &[&str]) -> String {
    let created = server.call(&CreatePatchBaselineRequest {
        name: format!("of-{stage}"),
        operating_system: Some(OperatingSystem::Debian),
        approved_patches: Some(packages.iter().map(|name| (*name).to_owned()).collect()),
        approved_patches_enable_non_security: Some(true),
        approved_patches_compliance_level: Some("HIGH".into()),
        ..Default::default()
    });
    let id = created.baseline_id.unwrap();
    server.call(&AddTagsToResourceRequest {
        resource_type: ResourceTypeForTagging::PatchBaseline,
        resource_id: id.clone(),
        tags: vec![Tag { key: "Stage".to_owned(), value: stage.to_owned() }],
    });
    id
}

fn run(server: &Server, agent: &Agent, parameters: &[(&str, &str)]) -> CommandInvocation {
    let sent = server.call(&order("AWS-RunPatchBaselineAssociation", &agent.id, parameters));
    end_of(server, &sent.command.unwrap().command_id.unwrap())
}

/// By id.
fn associations(server: &Server, agent: &Agent) -> BTreeMap<String, ComplianceItem> {
    let filter = ComplianceStringFilter {
        key: Some("ComplianceType".to_owned()),
        values: Some(vec!["Association".to_owned()]),
        ..Default::default()
    };
    let request = ListComplianceItemsRequest {
        resource_ids: Some(vec![agent.id.clone()]),
        filters: Some(vec![filter]),
        ..Default::default()
    };
    let items = server.call(&request).compliance_items.unwrap_or_default();
    items.into_iter().map(|item| (item.id.clone().unwrap(), item)).collect()
}

fn status(item: &ComplianceItem) -> (&str, &str) {
    (item.status.as_ref().unwrap().as_str(), item.severity.as_ref().unwrap().as_str())
}

#[test]
fn each_association_has_a_verdict_by_the_baseline_of_its_tag() {
    let Some(bed) = PatchBed::new() else { return };
    for engine in engines() {
        let server = Server::start(engine);
        let strict = tagged(&server, "strict", &["tb-conf"]);
        tagged(&server, "none", &["no-such-package"]);
        let agent = Agent::online_on(&server, &bed);

        let scan = |id, tags| [("Operation", "Scan"), ("AssociationId", id), ("BaselineTags", tags)];
        let first = run(&server, &agent, &scan(FIRST, "Key=Stage,Values=strict"));
        assert_eq!(first.status, Some(CommandInvocationStatus::Success), "{}", output(&first));
        let second = run(&server, &agent, &scan(SECOND, "Key=Stage,Values=none"));
        assert_eq!(second.status, Some(CommandInvocationStatus::Success), "{}", output(&second));

        let found = associations(&server, &agent);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(status(&found[FIRST]), ("NON_COMPLIANT", "HIGH"));
        assert_eq!(status(&found[SECOND]), ("COMPLIANT", "UNSPECIFIED"));
        let details = found[FIRST].details.clone().unwrap();
        assert_eq!(details["PatchBaselineId"], strict);
        assert_eq!(details["DocumentName"], "AWS-RunPatchBaselineAssociation");
        // Each item keeps the run that found it.
        for (id, run) in [(FIRST, &first), (SECOND, &second)] {
            let execution = found[id].execution_summary.as_ref().unwrap();
            assert_eq!(execution.execution_id, run.command_id);
        }
        // The node's patch compliance is not touched: it has none yet.
        let request =
            DescribeInstancePatchStatesRequest { instance_ids: vec![agent.id.clone()], ..Default::default() };
        assert_eq!(server.call(&request).instance_patch_states.unwrap_or_default(), []);

        tagged(&server, "strict", &["tb-held"]);
        let refused = run(&server, &agent, &scan(FIRST, "Key=Stage,Values=strict"));
        assert_eq!(refused.status, Some(CommandInvocationStatus::Failed));
        assert!(output(&refused).contains("more than one baseline carries the tag"), "{}", output(&refused));
        assert_eq!(associations(&server, &agent), found, "a failed run reports nothing");
    }
}

#[test]
fn an_installation_for_an_association_ends_compliant() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    tagged(&server, "prod", &["tb-conf"]);
    let agent = Agent::online_on(&server, &bed);
    let mut parameters = vec![
        ("Operation", "Install"),
        ("AssociationId", FIRST),
        ("BaselineTags", "Key=Stage,Values=prod"),
        ("RebootOption", "NoReboot"),
    ];
    let done = run(&server, &agent, &parameters);
    assert_eq!(done.status, Some(CommandInvocationStatus::Success), "{}", output(&done));
    assert_eq!(bed.state("tb-conf"), "1.1-1 ii");
    // Until it has rebooted.
    assert_eq!(status(&associations(&server, &agent)[FIRST]), ("NON_COMPLIANT", "HIGH"));
    bed.boot(1);
    parameters[0] = ("Operation", "Scan");
    run(&server, &agent, &parameters);
    assert_eq!(status(&associations(&server, &agent)[FIRST]).0, "COMPLIANT");
}
