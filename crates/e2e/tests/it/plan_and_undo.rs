//! `fettle plan` before an installation, `fettle undo` after it.

use api::ssm::CommandInvocationStatus;

use crate::harness::{Agent, PatchBed, Server, engines};
use crate::install::{approve, end_of, expect, send};
use crate::scan::operator;

#[test]
fn what_is_planned_is_installed_and_taken_back() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-newdep", "tb-held"]);
    let agent = Agent::online_on(&server, &bed);

    let (worked, said, error) = operator(&server, &["plan", &agent.id]);
    assert!(worked, "{said}{error}");
    for part in [
        "tb-conf.amd64 1.0-1 -> 1.1-1",
        "tb-newdep.amd64 1.0-1 -> 1.1-1",
        "tb-brandnew.amd64 - -> 1.0-1",
        "tb-held.amd64 1.1-1: held",
        "Download: ",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert_eq!(bed.state("tb-conf"), "1.0-1 ii");

    let command = send(&server, &agent, &[("Operation", "Install"), ("RebootOption", "NoReboot")]);
    // tb-held cannot be had, which fails the run and nothing else.
    assert_eq!(end_of(&server, &command).status, Some(CommandInvocationStatus::Failed));
    let installed = [("tb-conf", "InstalledPendingReboot"), ("tb-newdep", "InstalledPendingReboot")];
    expect(&server, &agent, &installed);

    let (worked, said, error) = operator(&server, &["undo", &agent.id, &command]);
    assert!(worked && said.contains("tb-conf.amd64 1.1-1 -> 1.0-1"), "{said}{error}");
    assert!(said.contains("Nothing was changed"), "{said}");
    assert_eq!(bed.state("tb-conf"), "1.1-1 ii");

    let (worked, said, error) = operator(&server, &["undo", &agent.id, &command, "--yes"]);
    assert!(worked && said.contains("Taken back: 3 packages"), "{said}{error}");
    assert_eq!((bed.state("tb-conf").as_str(), bed.state("tb-newdep").as_str()), ("1.0-1 ii", "1.0-1 ii"));
    assert!(!bed.state("tb-brandnew").ends_with("ii"), "{}", bed.state("tb-brandnew"));
    // The scan that follows tells so.
    expect(&server, &agent, &[("tb-conf", "Missing"), ("tb-newdep", "Missing")]);

    let unknown = "00000000-0000-4000-8000-000000000000";
    let (worked, _, error) = operator(&server, &["undo", &agent.id, unknown]);
    assert!(!worked && error.contains("is remembered on this node"), "{error}");
}
