//! The whole output for fixed answers, pinned.

use api::Timestamp;
use api::fettle::{
    BaselineChoice, BaselineSource, Cause, CauseItem, CauseSeverity, Evidence, ExplainNodeComplianceResponse,
    GetNodeReportResponse, NodeComplianceStatus, NodeIdentity, PatchOperation, PatchRun, RefreshOutcome,
    Remedy, RemedyAction, ReportedPatch, RepositoryFailure,
};
use api::ssm::{InstanceInformation, InstancePatchState, PingStatus};

use super::{Style, fleet, nodes, report, why};

const WEB: &str = "mi-0123456789abcdef0";

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn now() -> Timestamp {
    at("2026-11-21T12:00:00Z")
}

fn choice() -> BaselineChoice {
    BaselineChoice {
        baseline_id: some("pb-09f2b7f4d1e23c5a6"),
        name: some("AWS-DebianDefaultPatchBaseline"),
        source: Some(BaselineSource::Default),
        reason: some("No patch group of the node has a baseline for DEBIAN, so the default one applies."),
    }
}

fn patch(name: &str, state: &str, fix: Option<&str>, cves: Option<&[&str]>) -> ReportedPatch {
    ReportedPatch {
        name: name.to_owned(),
        arch: some("amd64"),
        state: some(state),
        installed_version: some("3.0.11-1~deb12u1"),
        fix_version: fix.map(str::to_owned),
        repository: fix.map(|_| "Debian-Security".to_owned()),
        suite: fix.map(|_| "bookworm-security".to_owned()),
        compliance_level: some("CRITICAL"),
        cves: cves.map(|cves| cves.iter().map(|cve| (*cve).to_owned()).collect()),
        ..Default::default()
    }
}

fn full_report() -> GetNodeReportResponse {
    let counts =
        [("INSTALLED", 96), ("INSTALLED_OTHER", 301), ("MISSING", 2), ("INSTALLED_PENDING_REBOOT", 1)];
    GetNodeReportResponse {
        node: NodeIdentity {
            instance_id: WEB.to_owned(),
            computer_name: some("web-1"),
            platform_name: some("Debian GNU/Linux"),
            platform_version: some("12"),
            ip_address: some("10.0.0.5"),
            ping_status: some("Online"),
            last_ping_date_time: Some(at("2026-11-21T11:59:48Z")),
        },
        report_id: "r-1".to_owned(),
        baseline: Some(choice()),
        operation: Some(PatchOperation::Scan),
        started_at: Some(at("2026-11-21T11:56:55.200Z")),
        ended_at: Some(at("2026-11-21T11:57:00Z")),
        age_seconds: Some(180),
        stale: Some(false),
        lists_updated_at: Some(at("2026-11-21T11:56:58Z")),
        refresh: Some(RefreshOutcome::Partial),
        refresh_reason: some("1 of 4 repositories failed"),
        failed_repositories: vec![RepositoryFailure {
            uri: some("http://packages.example/debian"),
            suite: some("stable"),
            error: some("404 Not Found"),
        }],
        counts: counts.iter().map(|(state, number)| ((*state).to_owned(), *number)).collect(),
        status: NodeComplianceStatus::NonCompliant,
        non_compliant_severity: some("CRITICAL"),
        severity_counts: [("CRITICAL".to_owned(), 2), ("UNSPECIFIED".to_owned(), 1)].into(),
        missing: vec![
            patch("openssl", "MISSING", Some("3.0.15-1~deb12u1"), Some(&["CVE-2024-5535", "CVE-2024-9143"])),
            patch("libc6", "MISSING", Some("2.36-9+deb12u9"), None),
        ],
        non_compliant: vec![patch("linux-image-6.1.0-26", "INSTALLED_PENDING_REBOOT", None, Some(&[]))],
        running_kernel: some("6.1.0-25-amd64"),
        reboot_required_by: Some(vec!["linux-image-6.1.0-26-amd64".to_owned()]),
        not_in_effect: Some(vec![
            "nginx.service: waits for its restart; runs replaced libssl.so.3".to_owned(),
        ]),
        ..Default::default()
    }
}

#[test]
fn a_report_says_everything() {
    insta::assert_snapshot!(report::render(&full_report(), Style::Plain));
}

#[test]
fn advisories_and_approvals_have_columns_where_there_are_some() {
    let plain = report::render(&full_report(), Style::Plain);
    assert!(!plain.contains("ADVISORY") && !plain.contains("APPROVED ON"), "{plain}");
    let mut told = full_report();
    told.missing[0].advisory = some("RHSA-2026:0001");
    told.missing[0].approved_at = Some(at("2026-03-05T06:07:08Z"));
    let told = report::render(&told, Style::Plain);
    let heading = told.lines().find(|line| line.contains("ADVISORY")).unwrap();
    assert!(heading.contains("APPROVED ON"), "{told}");
    let row = told.lines().find(|line| line.contains("RHSA-2026:0001")).unwrap();
    assert!(row.contains("2026-03-05") && !row.contains("06:07"), "{told}");
}

#[test]
fn notices_of_feeds_stand_where_repositories_publish_none() {
    let mut told = full_report();
    told.missing[0].advisory_ids = Some((1..5).map(|number| format!("DSA-{number}-1")).collect());
    told.automatic_updates = Some(vec!["dnf-automatic.timer installs updates".to_owned()]);
    let told = report::render(&told, Style::Plain);
    assert!(told.contains("DSA-1-1, DSA-2-1, DSA-3-1 and 1 more"), "{told}");
    assert!(told.contains("By itself dnf-automatic.timer installs updates"), "{told}");
}

#[test]
fn colours_are_for_terminals() {
    let coloured = report::render(&full_report(), Style::Coloured);
    assert!(coloured.contains("\u{1b}[1;31mNON-COMPLIANT: 2 patches are missing"), "{coloured}");
    assert!(!report::render(&full_report(), Style::Plain).contains('\u{1b}'));
}

/// Neither a compliant nor a silent report may look better than it is.
#[test]
fn an_old_report_is_not_compliant() {
    let old = GetNodeReportResponse {
        status: NodeComplianceStatus::Compliant,
        stale: Some(true),
        age_seconds: Some(9 * 86_400),
        missing: vec![],
        non_compliant: vec![],
        severity_counts: Default::default(),
        failed_repositories: vec![],
        refresh: Some(RefreshOutcome::Skipped),
        refresh_reason: some("--no-refresh"),
        reboot_required_by: None,
        not_in_effect: None,
        ..full_report()
    };
    insta::assert_snapshot!(report::render(&old, Style::Plain));
}

/// A hostile node must not drive the operator's terminal.
#[test]
fn control_characters_do_not_pass() {
    let mut report = full_report();
    report.node.computer_name = some("web\u{1b}[2J\n-1");
    report.missing[0].name = "open\rssl\u{7}".to_owned();
    let text = report::render(&report, Style::Plain);
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
}

#[test]
fn nodes_are_a_table() {
    let node = |id: &str, name: &str, status: PingStatus, seen: Option<&str>| InstanceInformation {
        instance_id: some(id),
        computer_name: some(name),
        ping_status: Some(status),
        last_ping_date_time: seen.map(at),
        platform_name: some("Debian GNU/Linux"),
        platform_version: some("12"),
        agent_version: some("0.1.0"),
        ip_address: some("10.0.0.5"),
        ..Default::default()
    };
    let list = [
        node(WEB, "web-1", PingStatus::Online, Some("2026-11-21T11:59:30Z")),
        node("mi-0fff456789abcdef0", "database", PingStatus::ConnectionLost, Some("2026-11-20T09:00:00Z")),
        InstanceInformation { instance_id: some("mi-0aaa456789abcdef0"), ..Default::default() },
    ];
    insta::assert_snapshot!(nodes::render(&list, now(), Style::Plain));
    insta::assert_snapshot!(nodes::render(&[], now(), Style::Plain));

    let state = |id: &str, missing: i32, ended: &str| InstancePatchState {
        instance_id: id.to_owned(),
        baseline_id: "pb-09f2b7f4d1e23c5a6".to_owned(),
        missing_count: Some(missing),
        failed_count: Some(0),
        operation_end_time: at(ended),
        ..Default::default()
    };
    let states =
        [state(WEB, 2, "2026-11-21T11:00:00Z"), state("mi-0fff456789abcdef0", 0, "2026-11-01T11:00:00Z")];
    insta::assert_snapshot!(fleet::render(&list, &states, now(), Style::Plain));
}

#[test]
fn why_gives_cause_proof_and_remedy() {
    let item = CauseItem {
        name: some("openssl"),
        arch: some("amd64"),
        state: some("MISSING"),
        installed_version: some("3.0.11-1~deb12u1"),
        fix_version: some("3.0.15-1~deb12u1"),
        repository: some("Debian-Security bookworm-security"),
        proof: Some(vec!["rule 1 approves PRIORITY=required".to_owned(), "in bookworm-security".to_owned()]),
        ..Default::default()
    };
    let evidence = Evidence {
        field: "MissingCount".to_owned(),
        value: "4".to_owned(),
        source: some("DescribeInstancePatchStates"),
    };
    let answer = ExplainNodeComplianceResponse {
        instance_id: WEB.to_owned(),
        status: NodeComplianceStatus::NonCompliant,
        captured_at: Some(at("2026-11-21T11:57:00Z")),
        age_seconds: Some(180),
        stale: Some(false),
        baseline: Some(choice()),
        causes: vec![
            Cause {
                id: "N1".to_owned(),
                severity: CauseSeverity::Error,
                headline: "Approved patches are missing, and nothing installs them".to_owned(),
                count: Some(4),
                items: Some(vec![item]),
                evidence: Some(vec![evidence]),
                remedy: Some(Remedy {
                    text: some("install them"),
                    command: some("aws ssm send-command --document-name AWS-RunPatchBaseline"),
                    action: Some(RemedyAction::Install),
                }),
            },
            Cause {
                id: "S4".to_owned(),
                severity: CauseSeverity::Warning,
                headline: "The report is old".to_owned(),
                ..Default::default()
            },
        ],
        last_runs: vec![PatchRun {
            command_id: some("11111111-2222-3333-4444-555555555555"),
            status: some("Failed"),
            status_details: some("DeliveryTimedOut"),
            requested_at: Some(at("2026-11-21T11:56:00Z")),
            operation: Some(PatchOperation::Scan),
            ..Default::default()
        }],
    };
    insta::assert_snapshot!(why::render(&answer, Style::Plain));

    let never = ExplainNodeComplianceResponse {
        instance_id: WEB.to_owned(),
        status: NodeComplianceStatus::UnknownValue,
        ..Default::default()
    };
    insta::assert_snapshot!(why::render(&never, Style::Plain));
}
