//! AWS-RunPatchBaselineAssociation: the baseline by its tag, the verdict as the association's compliance. Sent as a command here;
//! run by an association in `state_manager`.

use std::collections::BTreeMap;

use api::ssm::{
    AddTagsToResourceRequest, AssociationSyncCompliance, CommandInvocation, CommandInvocationStatus,
    ComplianceItem, ComplianceStringFilter, CreateAssociationRequest, CreatePatchBaselineRequest,
    DescribeInstancePatchStatesRequest, ListComplianceItemsRequest, OperatingSystem, ResourceTypeForTagging,
    Tag, Target,
};

use crate::harness::{Agent, PatchBed, Server, engines};
use crate::install::{end_of, output};
use crate::scan::order;

/// An association that runs nowhere by itself, and whose compliance is put by others.
fn manual(server: &Server) -> String {
    let nobody = Target { key: Some("tag:Env".to_owned()), values: Some(vec!["none".to_owned()]) };
    let made = server.call(&CreateAssociationRequest {
        name: "AWS-RunPatchBaselineAssociation".to_owned(),
        parameters: Some([("Operation".to_owned(), vec!["Scan".to_owned()])].into()),
        targets: Some(vec![nobody]),
        sync_compliance: Some(AssociationSyncCompliance::Manual),
        ..Default::default()
    });
    made.association_description.unwrap().association_id.unwrap()
}

/// A baseline with the tag `Stage` that approves exactly these packages.
pub fn tagged(server: &Server, stage: &str, packages: &[&str]) -> String {
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
pub fn associations(server: &Server, agent: &Agent) -> BTreeMap<String, ComplianceItem> {
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

pub fn status(item: &ComplianceItem) -> (&str, &str) {
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

        let ids = [manual(&server), manual(&server)];
        let [id_1, id_2] = [ids[0].as_str(), ids[1].as_str()];
        let scan = |id, tags| [("Operation", "Scan"), ("AssociationId", id), ("BaselineTags", tags)];
        let first = run(&server, &agent, &scan(id_1, "Key=Stage,Values=strict"));
        assert_eq!(first.status, Some(CommandInvocationStatus::Success), "{}", output(&first));
        let second = run(&server, &agent, &scan(id_2, "Key=Stage,Values=none"));
        assert_eq!(second.status, Some(CommandInvocationStatus::Success), "{}", output(&second));

        let found = associations(&server, &agent);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(status(&found[id_1]), ("NON_COMPLIANT", "HIGH"));
        assert_eq!(status(&found[id_2]), ("COMPLIANT", "UNSPECIFIED"));
        let details = found[id_1].details.clone().unwrap();
        assert_eq!(details["PatchBaselineId"], strict);
        assert_eq!(details["DocumentName"], "AWS-RunPatchBaselineAssociation");
        // Each item keeps the run that found it.
        for (id, run) in [(id_1, &first), (id_2, &second)] {
            let execution = found[id].execution_summary.as_ref().unwrap();
            assert_eq!(execution.execution_id, run.command_id);
        }
        // The node's patch compliance is not touched: it has none yet.
        let request =
            DescribeInstancePatchStatesRequest { instance_ids: vec![agent.id.clone()], ..Default::default() };
        assert_eq!(server.call(&request).instance_patch_states.unwrap_or_default(), []);

        // Of what is no association nobody may say anything.
        let none = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";
        let refused = run(&server, &agent, &scan(none, "Key=Stage,Values=strict"));
        assert_eq!(refused.status, Some(CommandInvocationStatus::Failed));
        assert!(output(&refused).contains("is not an association"), "{}", output(&refused));

        tagged(&server, "strict", &["tb-held"]);
        let refused = run(&server, &agent, &scan(id_1, "Key=Stage,Values=strict"));
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
    let id = manual(&server);
    let mut parameters = vec![
        ("Operation", "Install"),
        ("AssociationId", id.as_str()),
        ("BaselineTags", "Key=Stage,Values=prod"),
        ("RebootOption", "NoReboot"),
    ];
    let done = run(&server, &agent, &parameters);
    assert_eq!(done.status, Some(CommandInvocationStatus::Success), "{}", output(&done));
    assert_eq!(bed.state("tb-conf"), "1.1-1 ii");
    // Until it has rebooted.
    assert_eq!(status(&associations(&server, &agent)[&id]), ("NON_COMPLIANT", "HIGH"));
    bed.boot(1);
    parameters[0] = ("Operation", "Scan");
    run(&server, &agent, &parameters);
    assert_eq!(status(&associations(&server, &agent)[&id]).0, "COMPLIANT");
}
