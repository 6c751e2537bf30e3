//! A feed of CVEs, from the file to a node's report, as an operator does it.

use std::process::Command;

use api::fettle::{DescribeAdvisoriesRequest, GetNodeReportRequest};
use api::ssm::{CommandInvocationStatus, DescribeInstancePatchesRequest, PatchOrchestratorFilter};

use crate::harness::server::{REGION, clean};
use crate::harness::{Agent, Server, apt_root, engines, program};
use crate::scan::scan;

fn fettle(server: &Server, arguments: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(program("fettle"));
    clean(&mut command);
    command
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", &server.credentials.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &server.credentials.secret_access_key)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("FETTLE_ENDPOINT", &server.endpoint);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// As the Debian security tracker writes: one hole that the missing version closes, one closed long ago, one still open.
fn feed(cve: &str) -> String {
    let (package, _, fix) = apt_root::MISSING;
    format!(
        r#"{{"{package}": {{
            "{cve}": {{"releases": {{"bookworm": {{"status": "resolved", "fixed_version": "{fix}", "urgency": "high"}}}}}},
            "CVE-2020-0001": {{"releases": {{"bookworm": {{"status": "resolved", "fixed_version": "1.0"}}}}}},
            "CVE-2026-9999": {{"releases": {{"bookworm": {{"status": "open"}}}}}}}}}}"#
    )
}

/// As OSV has a notice of Debian's that names no CVE.
fn notice(id: &str) -> String {
    let (package, _, fix) = apt_root::MISSING;
    format!(
        r#"{{"id": "{id}", "affected": [{{"package": {{"ecosystem": "Debian:12", "name": "{package}"}},
            "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "{fix}"}}]}}]}}]}}"#
    )
}

#[test]
fn cves_of_missing_patches_come_from_an_imported_feed() {
    for engine in engines() {
        let server = Server::start(engine);
        let agent = Agent::online(&server);
        assert_eq!(scan(&server, &agent.id).status, Some(CommandInvocationStatus::Success));
        let request = GetNodeReportRequest { instance_id: agent.id.clone(), ..Default::default() };
        let cves = || server.call(&request).missing[0].cves.clone();
        assert_eq!(cves(), None, "no feed is no data");
        let (worked, out, _) = fettle(&server, &["report", &agent.id]);
        assert!(worked && out.contains("no data"), "{out}");
        let (worked, out, _) = fettle(&server, &["advisories", "list"]);
        assert!(worked && out.contains("No feed was imported"), "{out}");

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tracker.json");
        let file = path.to_str().unwrap();
        let import = |text: &str| {
            std::fs::write(&path, text).unwrap();
            fettle(&server, &["advisories", "import", file])
        };
        let (worked, out, err) = import(&feed("CVE-2026-0001"));
        assert!(worked && out.contains("tracker is in force with 3 statements"), "{out}{err}");
        let fixed = || Some(vec!["CVE-2026-0001".to_owned()]);
        assert_eq!(cves(), fixed());

        let missing = DescribeInstancePatchesRequest {
            instance_id: agent.id.clone(),
            filters: Some(vec![PatchOrchestratorFilter {
                key: Some("State".to_owned()),
                values: Some(vec!["Missing".to_owned()]),
            }]),
            ..Default::default()
        };
        let patches = server.call(&missing).patches.unwrap();
        assert_eq!(patches[0].cve_ids.as_deref(), Some("CVE-2026-0001"));
        let (_, out, _) = fettle(&server, &["report", &agent.id]);
        assert!(out.contains("CVE-2026-0001") && out.contains("tracker"), "{out}");
        let (_, out, _) = fettle(&server, &["why", &agent.id]);
        assert!(out.contains("CVE-2026-0001") && out.contains("tracker"), "{out}");
        let (_, out, _) = fettle(&server, &["advisories", "show", "cve-2026-0001"]);
        assert!(out.contains(&agent.id) && out.contains(apt_root::MISSING.2), "{out}");

        // A broken file names itself and the place, and what was known stays known.
        let (worked, _, err) = import(&feed("CVE-2026-0002").replace("resolved", "perhaps"));
        assert!(
            !worked && err.contains(file) && err.contains(".status: `perhaps`") && err.contains("line"),
            "{err}"
        );
        let (worked, _, err) = import("{}");
        assert!(!worked, "{err}");
        assert_eq!(cves(), fixed());

        // The same again changes nothing; another one replaces it.
        assert!(import(&feed("CVE-2026-0001")).0);
        assert_eq!(cves(), fixed());
        assert!(import(&feed("CVE-2026-0003")).0);
        assert_eq!(cves(), Some(vec!["CVE-2026-0003".to_owned()]));
        let of_package =
            DescribeAdvisoriesRequest { package: Some("openssl".to_owned()), ..Default::default() };
        let known = server.call(&of_package);
        let mut open: Vec<_> = known.affected_nodes.iter().map(|hole| hole.cve_id.as_str()).collect();
        open.sort_unstable();
        assert_eq!((known.advisories.len(), open), (3, vec!["CVE-2026-0003", "CVE-2026-9999"]));

        // The tracker has no notices; what has some is asked beside it.
        let notices = folder.path().join("notices.json");
        std::fs::write(&notices, notice("DSA-5000-1")).unwrap();
        let (worked, out, err) = fettle(&server, &["advisories", "import", notices.to_str().unwrap()]);
        assert!(worked && out.contains("notices is in force with 1 statements"), "{out}{err}");
        for command in ["report", "why"] {
            let (_, out, _) = fettle(&server, &[command, &agent.id]);
            assert!(out.contains("DSA-5000-1"), "{out}");
        }
        assert_eq!(server.call(&request).missing[0].advisory_ids, Some(vec!["DSA-5000-1".to_owned()]));
        assert!(fettle(&server, &["advisories", "forget", "notices"]).0);
        assert_eq!(server.call(&request).missing[0].advisory_ids, None);

        let (worked, _, err) = fettle(&server, &["advisories", "forget", "tracker"]);
        assert!(worked, "{err}");
        assert_eq!(cves(), None);
    }
}
