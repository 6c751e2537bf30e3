//! Each cause with the node that shows it.

use super::*;
use crate::baseline::{BaselineChoice, Filter, FilterGroup, FilterKey, Rule, predefined};
use crate::compliance::ComplianceLevel;
use crate::compliance::report::{Execution, Operation, RunFrame};
use crate::compliance::{PatchReport, PatchSummary};
use crate::facts::*;
use crate::patch::{Conditions, evaluate};

use super::super::tests::assert_remedies;
use super::super::{Explanation, NodeView, PatchRun, Presence, explain};

const NOW: &str = "2026-03-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn rule(approval: ApprovalDate) -> Rule {
    Rule {
        filters: FilterGroup { patch_filters: vec![Filter::new(FilterKey::Product, &["*"])] },
        compliance_level: ComplianceLevel::High,
        approval: Some(approval),
        enable_non_security: false,
    }
}

fn after(days: u32) -> ApprovalDate {
    ApprovalDate::AfterDays(days)
}

/// The provided baseline of the system; its rules replaced where others are given.
fn explained(facts: &FactSet, change: impl FnOnce(&mut BaselineRules)) -> Explanation {
    explained_after(&[], facts, change)
}

fn explained_after(
    runs: &[PatchRun],
    facts: &FactSet,
    change: impl FnOnce(&mut BaselineRules),
) -> Explanation {
    let os = OperatingSystem::detect(&facts.os).unwrap().operating_system;
    let mut baseline = predefined::default_for(os, &"eu-west-1".parse().unwrap());
    change(&mut baseline.rules);
    let observation = Observation {
        captured_at: at(NOW),
        refresh: ListRefresh::Refreshed,
        lists_updated_at: Some(at(NOW)),
        ..Observation::default()
    };
    let evaluation = evaluate(&baseline.rules, facts, &observation, &Conditions::at(at(NOW))).unwrap();
    let frame = RunFrame {
        operation: Operation::Scan,
        started_at: at(NOW),
        ended_at: at(NOW),
        baseline_id: baseline.id.to_string(),
        patch_group: String::new(),
        snapshot_id: String::new(),
        reboot_option: "NoReboot".to_owned(),
        install_override_list: String::new(),
        last_no_reboot_install_at: None,
        execution: Execution::default(),
    };
    let report = PatchReport::from_evaluation(&evaluation, frame);
    let reports: [PatchSummary; 1] = [report.summary];
    let node = NodeView {
        id: "mi-0123456789abcdef0".parse().unwrap(),
        presence: Presence::Online,
        last_ping_at: Some(at(NOW)),
        platform_version: None,
        booted_at: None,
    };
    let choice = BaselineChoice::of(None, None, baseline);
    let explanation = explain(&Situation {
        node: &node,
        now: at(NOW),
        scan_interval_seconds: None,
        baseline: Some(&choice),
        reports: &reports,
        items: &report.items,
        scan: Some(ScanView { facts, observation: &observation, evaluation: &evaluation }),
        runs,
        custom_compliance: &[],
        changed_at: None,
    });
    assert_remedies(&explanation.causes);
    explanation
}

fn cause<'e>(explanation: &'e Explanation, id: &str) -> Option<&'e Cause> {
    explanation.causes.iter().find(|cause| cause.id == id)
}

/// `a` 1.0-1 on the system, 1.0-2 listed by an advisory and offered.
fn node(id: &str, version_id: &str, updated: &str) -> FactSet {
    let offer = |version: &str| AvailableVersion {
        version: version.to_owned(),
        repositories: vec![0],
        ..AvailableVersion::default()
    };
    FactSet {
        os: OsRelease { id: id.to_owned(), version_id: version_id.to_owned(), ..OsRelease::default() },
        repositories: vec![Repository { suite: "baseos".to_owned(), ..Repository::default() }],
        packages: vec![PackageFact {
            name: "a".to_owned(),
            arch: "x86_64".to_owned(),
            version: "1.0-1".to_owned(),
            candidate: Some("1.0-2".to_owned()),
            available: vec![offer("1.0-2"), offer("1.0-1")],
            notices: vec![Notice { advisory: 0, version: "1.0-2".to_owned() }],
            ..PackageFact::default()
        }],
        advisories: vec![Advisory {
            id: "RHSA-2026:1".to_owned(),
            kind: "security".to_owned(),
            severity: "Critical".to_owned(),
            updated_at: Some(at(updated)),
            cve_ids: vec!["CVE-2026-1".to_owned()],
            ..Advisory::default()
        }],
        ..FactSet::default()
    }
}

#[test]
fn missing_fixes_name_their_advisory() {
    let explanation = explained(&node("rhel", "9.4", "2026-02-01T00:00:00Z"), |_| {});
    let item = &cause(&explanation, "N1").unwrap().items[0];
    assert_eq!((item.fix_version.as_str(), item.repository.as_str()), ("1.0-2", "baseos"));
    assert_eq!(
        item.proof,
        [
            "rule 1 (CLASSIFICATION in Security; SEVERITY in Critical, Important) approves it because the candidate \
             1.0-2 comes from baseos",
            "the advisory RHSA-2026:1 (Security, Critical) lists it, last updated 2026-02-01T00:00:00Z; it closes \
             CVE-2026-1"
        ]
    );
}

#[test]
fn what_became_approved_after_the_last_installation_is_told_apart() {
    let installed = |requested: &str| PatchRun {
        command_id: "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".parse().unwrap(),
        document_name: "AWS-RunPatchBaseline".to_owned(),
        requested_at: at(requested),
        status: crate::command::InvocationStatus::Success,
        parameters: [("Operation".to_owned(), vec!["Install".to_owned()])].into(),
    };
    // Approved on the 8th.
    let facts = node("rhel", "9.4", "2026-02-01T00:00:00Z");
    let before = explained_after(&[installed("2026-02-07T00:00:00Z")], &facts, |_| {});
    assert_eq!(cause(&before, "N2").unwrap().items.len(), 1);
    assert!(cause(&before, "N1").is_none());
    let since = explained_after(&[installed("2026-02-09T00:00:00Z")], &facts, |_| {});
    assert!(cause(&since, "N2").is_none() && cause(&since, "N1").is_some());
}

#[test]
fn delays_and_days_hide_fixes() {
    let fresh = node("rhel", "9.4", "2026-02-28T00:00:00Z");
    let later = explained(&fresh, |_| {});
    let found = cause(&later, "M3").unwrap();
    assert_eq!(
        found.headline,
        "1 security fix is out, but not approved yet; the next on 2026-03-07T00:00:00Z"
    );
    assert!(found.items[0].proof.iter().any(|line| line.contains("will approve 1.0-2 of RHSA-2026:1 on")));
    assert!(cause(&later, "M4").is_none() && cause(&later, "N1").is_none());
    let over = explained(&fresh, |rules| {
        rules.approval_rules.patch_rules = vec![rule(ApprovalDate::Until("2026-02-01".parse().unwrap()))];
    });
    assert!(cause(&over, "M4").is_some() && cause(&over, "M3").is_none());
}

#[test]
fn what_repositories_lack_is_told() {
    let mut mirrored = node("rhel", "9.4", "2026-02-01T00:00:00Z");
    mirrored.packages[0].available.remove(0);
    mirrored.packages[0].obsoleted_by = Some("b-2.0-1".to_owned());
    let explanation = explained(&mirrored, |_| {});
    assert!(
        cause(&explanation, "N8").unwrap().items[0]
            .proof
            .iter()
            .any(|line| line.contains("announced in baseos"))
    );
    assert_eq!(cause(&explanation, "M12").unwrap().items.len(), 1);
    // No advisories at all: only a baseline that looks further sees anything.
    let mut bare = mirrored;
    bare.advisories.clear();
    bare.packages[0].notices.clear();
    assert!(cause(&explained(&bare, |_| {}), "M2").is_some());
    let open = explained(&bare, |rules| rules.approval_rules.patch_rules[0].enable_non_security = true);
    assert!(cause(&open, "M2").is_none());
    assert!(cause(&explained(&node("rhel", "9.4", NOW), |_| {}), "M2").is_none());
}

#[test]
fn oracles_provided_baseline_is_named() {
    let explanation = explained(&node("ol", "8.9", "2026-02-01T00:00:00Z"), |_| {});
    assert!(cause(&explanation, "M5").is_some());
    assert!(cause(&explained(&node("rhel", "9.4", NOW), |_| {}), "M5").is_none());
}

fn update(kb: &str, status: UpdateStatus, released: &str) -> UpdateFact {
    UpdateFact {
        id: format!("guid-{kb}"),
        kb_ids: vec![kb.to_owned()],
        classification: "SecurityUpdates".to_owned(),
        severity: "Critical".to_owned(),
        products: vec!["WindowsServer2019".to_owned()],
        released_at: Some(at(released)),
        status,
        ..UpdateFact::default()
    }
}

fn windows(updates: Vec<UpdateFact>) -> FactSet {
    FactSet {
        os: OsRelease {
            id: "windows".to_owned(),
            name: "Microsoft Windows Server 2019".to_owned(),
            ..OsRelease::default()
        },
        updates,
        ..FactSet::default()
    }
}

#[test]
fn windows_updates_that_wait() {
    let old = update("KB1", UpdateStatus::Applicable, "2026-01-01T00:00:00Z");
    let new = UpdateFact {
        supersedes: vec!["guid-KB1".to_owned()],
        ..update("KB2", UpdateStatus::Applicable, "2026-02-28T00:00:00Z")
    };
    let facts = windows(vec![old, new]);
    let explanation = explained(&facts, |_| {});
    assert_eq!(cause(&explanation, "A1").unwrap().items[0].name, "KB2");
    assert_eq!(cause(&explanation, "A2").unwrap().items[0].name, "KB2");
    assert_eq!(explanation.status, Some(ComplianceStatus::NonCompliant));
    let tolerant = explained(&facts, |rules| {
        rules.available_security_updates_compliance_status = Some(ComplianceStatus::Compliant);
    });
    assert!(cause(&tolerant, "A1").is_none() && cause(&tolerant, "M3").is_some());
    assert_eq!(tolerant.status, Some(ComplianceStatus::Compliant));
    // Approved at once, nothing is open.
    let at_once = explained(&facts, |rules| rules.approval_rules.patch_rules = vec![rule(after(0))]);
    assert!(cause(&at_once, "A1").is_none() && cause(&at_once, "A2").is_none());
}

#[test]
fn a_rejected_child_has_no_effect() {
    let bundle = UpdateFact {
        bundled_kb_ids: vec!["KB2".to_owned()],
        ..update("KB1", UpdateStatus::Applicable, "2026-01-01T00:00:00Z")
    };
    let facts = windows(vec![bundle]);
    let child = explained(&facts, |rules| rules.rejected_patches = vec!["kb2".to_owned()]);
    assert_eq!(cause(&child, "J3").unwrap().items[0].name, "KB1");
    let parent = explained(&facts, |rules| rules.rejected_patches = vec!["KB1".to_owned()]);
    assert!(cause(&parent, "J3").is_none());
}

#[test]
fn n9_the_node_is_locked_to_an_older_release() {
    let mut facts = node("amzn", "2023", "2026-01-01T00:00:00Z");
    facts.repositories[0].component = "latest".to_owned();
    let release = |newest: &str| PackageFact {
        name: "system-release".to_owned(),
        arch: "noarch".to_owned(),
        version: "2023.4.20240401-1.amzn2023".to_owned(),
        available: vec![AvailableVersion {
            version: newest.to_owned(),
            repositories: vec![0],
            ..Default::default()
        }],
        ..PackageFact::default()
    };
    facts.packages.push(release("2023.10.20260101-1.amzn2023"));
    let n9 = |facts: &FactSet| cause(&explained(facts, |_| {}), "N9").cloned();
    assert!(n9(&facts).is_none(), "no lock is known");
    facts.repositories[0].codename = "2023.4.20240401".to_owned();
    let found = n9(&facts).unwrap();
    assert!(found.headline.contains("2023.4.20240401, and 2023.10.20260101 is out"), "{}", found.headline);
    assert_eq!(found.items[0].fix_version, "2023.10.20260101-1.amzn2023");
    facts.packages[1] = release("2023.4.20240401-1.amzn2023");
    assert!(n9(&facts).is_none(), "it is the newest");
    facts.packages[1] = release("2023.10.20260101-1.amzn2023");
    facts.packages[0].notices.clear();
    assert!(n9(&facts).is_none(), "nothing is missing");
}
