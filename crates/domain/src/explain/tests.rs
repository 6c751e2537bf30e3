//! Each cause with the situation that shows it and one that does not; one whole answer as a snapshot.

use std::collections::BTreeMap;

use api::Timestamp;

use super::*;
use crate::baseline::{BaselineChoice, RejectedPatchesAction, predefined};
use crate::compliance::report::{Execution, RunFrame};
use crate::compliance::{ComplianceLevel, PatchReport};
use crate::facts::*;
use crate::os::OperatingSystem;
use crate::patch::{Conditions, PatchState, evaluate};

const DAY: i64 = 86_400;
const NOW: i64 = 1_790_000_000;
const COMMAND: &str = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";

fn at(seconds_ago: i64) -> Timestamp {
    Timestamp::from_seconds(NOW - seconds_ago)
}

/// A node with a clean report of an hour ago; each test breaks something.
struct Scene {
    node: NodeView,
    choice: BaselineChoice,
    facts: FactSet,
    observation: Observation,
    reports: Vec<PatchSummary>,
    items: Vec<PatchItem>,
    runs: Vec<PatchRun>,
    custom: Vec<CustomCompliance>,
    scan_interval_seconds: Option<i64>,
    sends_facts: bool,
    changed_at: Option<Timestamp>,
}

fn repository(suite: &str, codename: &str, label: &str) -> Repository {
    Repository {
        uri: "http://deb.example.org/debian".to_owned(),
        suite: suite.to_owned(),
        codename: codename.to_owned(),
        origin: "Debian".to_owned(),
        label: label.to_owned(),
        ..Repository::default()
    }
}

/// Installed 1.0-1 from the security suite; `offers` are newer versions, the first the candidate.
fn package(name: &str, offers: &[(&str, u32)]) -> PackageFact {
    let offer = |&(version, repository): &(&str, u32)| AvailableVersion {
        version: version.to_owned(),
        pin: 500,
        repositories: vec![repository],
        ..AvailableVersion::default()
    };
    let mut available: Vec<_> = offers.iter().map(offer).collect();
    available.push(offer(&("1.0-1", 1)));
    PackageFact {
        name: name.to_owned(),
        arch: "amd64".to_owned(),
        version: "1.0-1".to_owned(),
        state: PackageState::Installed,
        section: "libs".to_owned(),
        priority: "optional".to_owned(),
        source: None,
        source_version: None,
        installed_at: Some(at(30 * DAY)),
        held: false,
        automatic: false,
        candidate: Some(available[0].version.clone()),
        available,
        ..PackageFact::default()
    }
}

const SECURITY: u32 = 1;
const UPDATES: u32 = 2;
const FIX: &[(&str, u32)] = &[("1.0-1+deb12u1", SECURITY)];

fn scene(packages: Vec<PackageFact>) -> Scene {
    let mut baseline = predefined::default_for(OperatingSystem::Debian, &"eu-west-1".parse().unwrap());
    // Not the default rule's level, so that M7 shows only where it is asked for.
    baseline.rules.approval_rules.patch_rules[0].compliance_level = ComplianceLevel::High;
    let os = OsRelease { id: "debian".to_owned(), version_id: "12".to_owned(), ..OsRelease::default() };
    Scene {
        node: NodeView {
            id: "mi-0123456789abcdef0".parse().unwrap(),
            presence: Presence::Online,
            last_ping_at: Some(at(60)),
            platform_version: Some("12".to_owned()),
            booted_at: None,
        },
        choice: BaselineChoice::of(None, None, baseline),
        facts: FactSet {
            os,
            repositories: vec![
                repository("stable", "bookworm", "Debian"),
                repository("stable-security", "bookworm-security", "Debian-Security"),
                repository("stable-updates", "bookworm-updates", "Debian"),
            ],
            packages,
            ..FactSet::default()
        },
        observation: Observation {
            captured_at: at(3600),
            refresh: ListRefresh::Refreshed,
            lists_updated_at: Some(at(3600)),
            booted_at: Some(at(20 * DAY)),
            ..Observation::default()
        },
        reports: vec![],
        items: vec![],
        runs: vec![],
        custom: vec![],
        scan_interval_seconds: None,
        sends_facts: true,
        changed_at: None,
    }
    .scanned()
}

impl Scene {
    /// Makes the newest report anew from facts and baseline.
    fn scanned(mut self) -> Self {
        let conditions = Conditions::at(at(3600));
        let rules = &self.choice.baseline.rules;
        let evaluation = evaluate(rules, &self.facts, &self.observation, &conditions).unwrap();
        let frame = RunFrame {
            operation: Operation::Scan,
            started_at: at(3610),
            ended_at: at(3600),
            baseline_id: self.choice.baseline.id.to_string(),
            patch_group: String::new(),
            snapshot_id: COMMAND.to_owned(),
            reboot_option: "RebootIfNeeded".to_owned(),
            install_override_list: String::new(),
            last_no_reboot_install_at: None,
            execution: Execution::default(),
        };
        let report = PatchReport::from_evaluation(&evaluation, frame);
        self.reports = vec![report.summary];
        self.items = report.items;
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn run(mut self, seconds_ago: i64, status: InvocationStatus, parameters: &[(&str, &str)]) -> Self {
        let parameter = |(name, value): &(&str, &str)| ((*name).to_owned(), vec![(*value).to_owned()]);
        self.runs.push(PatchRun {
            command_id: COMMAND.parse().unwrap(),
            document_name: "AWS-RunPatchBaseline".to_owned(),
            requested_at: at(seconds_ago),
            status,
            parameters: parameters.iter().map(parameter).collect::<BTreeMap<_, _>>(),
        });
        self
    }

    fn look<T>(&self, see: impl FnOnce(&Situation<'_>) -> T) -> T {
        let conditions = Conditions::at(at(3600));
        let rules = &self.choice.baseline.rules;
        let evaluation = evaluate(rules, &self.facts, &self.observation, &conditions).unwrap();
        let (facts, observation) = (&self.facts, &self.observation);
        let scan = ScanView { facts, observation, evaluation: &evaluation };
        see(&Situation {
            node: &self.node,
            now: at(0),
            scan_interval_seconds: self.scan_interval_seconds,
            baseline: Some(&self.choice),
            reports: &self.reports,
            items: &self.items,
            scan: Some(scan).filter(|_| self.sends_facts),
            changed_at: self.changed_at,
            runs: &self.runs,
            custom_compliance: &self.custom,
        })
    }

    fn causes(&self) -> Vec<Cause> {
        let causes = self.look(|situation| explain(situation).causes);
        assert_remedies(&causes);
        causes
    }

    fn ids(&self) -> Vec<&'static str> {
        self.causes().iter().map(|cause| cause.id).collect()
    }
}

/// Each cause says what to do, in words and as something to open.
pub(super) fn assert_remedies(causes: &[Cause]) {
    for Cause { id, remedy, .. } in causes {
        assert!(remedy.action.is_some() && !remedy.text.is_empty(), "{id}");
    }
}

fn quiet() -> Scene {
    scene(vec![package("bash", &[])])
}

#[test]
fn a_clean_node_has_no_causes() {
    assert_eq!(quiet().ids(), [""; 0]);
    let explanation = quiet().look(explain);
    assert_eq!(explanation.status, Some(ComplianceStatus::Compliant));
    assert_eq!((explanation.age_seconds, explanation.staleness), (Some(3600), Staleness::Fresh));
}

#[test]
fn causes_of_distrust() {
    use InvocationStatus::{DeliveryTimedOut, Failed, Success};
    let override_url = ("BaselineOverride", "https://example.org/o.json");
    let association = ("AssociationId", COMMAND);
    let in_group = |scene: &mut Scene| scene.choice.patch_group = Some("web".parse().unwrap());
    let other_baseline = |scene: &mut Scene, ended: i64| {
        let mut report = scene.reports[0].clone();
        report.frame.baseline_id = "pb-00000000000000000".to_owned();
        report.frame.ended_at = at(ended);
        scene.reports.push(report);
    };
    let rows: Vec<(Scene, &[&str])> = vec![
        (quiet().with(|s| s.reports.clear()), &["S1"]),
        (quiet().with(|s| s.node.presence = Presence::NotRegistered), &["S2"]),
        (quiet().with(|s| s.node.presence = Presence::ConnectionLost), &["S3"]),
        (quiet().with(|s| s.reports[0].frame.ended_at = at(8 * DAY)), &["S4"]),
        (quiet().with(|s| s.reports[0].frame.ended_at = at(6 * DAY)), &[]),
        (quiet().with(|s| s.scan_interval_seconds = Some(1700)), &["S4"]),
        (quiet().run(60, Failed, &[]), &["S5"]),
        (quiet().run(60, DeliveryTimedOut, &[]), &["S5"]),
        (quiet().run(7200, Failed, &[]), &[]), // the report is newer
        (quiet().run(60, Success, &[]).run(120, Failed, &[]), &[]),
        (quiet().with(|s| other_baseline(s, 2 * DAY)), &["S6"]),
        (quiet().with(|s| other_baseline(s, 9 * DAY)), &[]),
        (quiet().run(60, Success, &[override_url]), &["S7"]),
        (quiet().run(60, Success, &[override_url, association]), &[]),
        (quiet().with(|s| s.choice.baseline.modified_at = at(10)), &["B1"]),
        (quiet().with(|s| s.changed_at = Some(at(10))), &["B2"]),
        (quiet().with(in_group), &["S16"]),
        (quiet().with(in_group).with(|s| s.choice.source = crate::baseline::BaselineSource::Group), &[]),
    ];
    for (index, (scene, expected)) in rows.iter().enumerate() {
        assert_eq!(scene.ids(), *expected, "row {index}");
    }
    assert_eq!(rows[0].0.look(explain).status, None);
}

#[test]
fn causes_of_non_compliance() {
    let missing = || scene(vec![package("ssl", FIX)]);
    let held = || {
        let mut held = package("held", FIX);
        held.held = true;
        scene(vec![held])
    };
    let pinned = || {
        let mut pinned = package("pinned", FIX);
        pinned.candidate = Some("1.0-1".to_owned());
        scene(vec![pinned])
    };
    let pending = || {
        let mut fresh = package("kernel", &[]);
        fresh.installed_at = Some(at(DAY));
        scene(vec![fresh])
    };
    let rejecting = |action: RejectedPatchesAction, offers: &[(&str, u32)]| {
        let reject = |scene: &mut Scene| {
            scene.choice.baseline.rules.rejected_patches = vec!["vim".to_owned()];
            scene.choice.baseline.rules.rejected_patches_action = action;
        };
        scene(vec![package("vim", offers), package("bash", &[])]).with(reject).scanned()
    };
    let mut broken_mirror = missing();
    broken_mirror.observation.failed_repositories.push(RepositoryFailure {
        uri: "http://deb.example.org/debian".to_owned(),
        suite: "bookworm-security".to_owned(),
        error: "connection refused".to_owned(),
    });
    let no_reboot = |scene: &mut Scene| {
        scene.reports[0].frame.last_no_reboot_install_at = Some(at(DAY));
    };
    let approve_too = |scene: &mut Scene| {
        scene.choice.baseline.rules.approved_patches = vec!["vim".to_owned()];
    };
    use RejectedPatchesAction::{AllowAsDependency, Block};
    let rows: Vec<(Scene, &[&str])> = vec![
        (missing(), &["N1"]),
        (missing().with(|s| s.sends_facts = false), &["N1"]), // told by the report's items
        (held(), &["N7"]),
        (pinned(), &["N7"]),
        (broken_mirror, &["N1", "N8"]),
        (quiet().with(|s| s.reports[0].counts.failed = 1), &["F1"]),
        (pending(), &["P4"]),
        (pending().with(no_reboot), &["P1"]),
        (pending().with(|s| s.node.booted_at = Some(at(60))), &["P2"]),
        (rejecting(Block, &[]), &["J1"]),
        (rejecting(Block, &[]).with(approve_too), &["J1", "J2"]),
        (rejecting(AllowAsDependency, &[]), &[]),
        (rejecting(AllowAsDependency, FIX), &["M14"]),
    ];
    for (index, (scene, expected)) in rows.iter().enumerate() {
        assert_eq!(scene.ids(), *expected, "row {index}");
    }
    let severity = |scene: Scene| scene.causes()[0].severity;
    assert_eq!(severity(held()), CauseSeverity::Error);
    assert_eq!(severity(pinned()), CauseSeverity::Warning); // hidden, not counted
    assert!(rows[0].0.causes()[0].headline.contains("no install run is on record"));
    let installed = missing().run(DAY, InvocationStatus::Success, &[("Operation", "Install")]);
    assert!(installed.causes()[0].headline.contains("since the install run"));

    // What installs by itself is named, what only tells is not.
    let updater = |unit: &str, does| AutomaticUpdates { unit: unit.to_owned(), does, security_only: true };
    let found =
        [updater("a.timer", AutomaticAction::Installs), updater("b.timer", AutomaticAction::Notifies)];
    let foreign = pending().with(|s| s.observation.automatic_updates = found.to_vec());
    let causes = foreign.causes();
    let named = causes[0].evidence.iter().find(|entry| entry.field == "AutomaticUpdates").unwrap();
    assert_eq!((causes[0].id, named.value.as_str()), ("P4", "a.timer installs security updates"));
}

#[test]
fn causes_of_false_comfort() {
    let for_other_product = |scene: &mut Scene| {
        let filters = &mut scene.choice.baseline.rules.approval_rules.patch_rules[0].filters;
        filters.patch_filters[0].values = vec!["Debian11".to_owned()];
    };
    let hidden = || scene(vec![package("ssl", &[("1.0-1+deb12u2", UPDATES), FIX[0]]), package("bash", &[])]);
    let ordinary = || scene(vec![package("tzdata", &[("1.0-2", UPDATES)]), package("bash", &[])]);
    let custom = |count: u32, age: i64| {
        quiet().with(|scene| {
            scene.custom.push(CustomCompliance {
                compliance_type: "Custom:Backup".to_owned(),
                non_compliant_items: count,
                executed_at: at(age),
            });
        })
    };
    let unspecified = |scene: &mut Scene| {
        let rule = &mut scene.choice.baseline.rules.approval_rules.patch_rules[0];
        rule.compliance_level = ComplianceLevel::Unspecified;
    };
    let rows: Vec<(Scene, &[&str])> = vec![
        (custom(2, 60), &["C5"]),
        (custom(0, 31 * DAY), &["C5"]),
        (custom(0, 60), &[]),
        (quiet().with(for_other_product).scanned(), &["M1"]),
        (hidden(), &["M6"]),
        (ordinary(), &["M6"]),
        (quiet().with(unspecified), &["M7"]),
        (quiet().with(|s| s.observation.reboot_required_by = Some(vec!["linux".to_owned()])), &["M8"]),
        (quiet().with(|s| s.observation.not_in_effect.newer_kernel = Some("6.1.0-10".to_owned())), &["M8"]),
        (quiet().with(|s| s.observation.not_in_effect.units = vec![stale("nginx.service")]), &["M8"]),
        (quiet().with(|s| s.observation.not_in_effect.units = vec![stale("nginx")]), &["M8"]),
        (quiet().with(|s| s.observation.not_in_effect.live_patches = vec!["kpatch".to_owned()]), &[]),
        (quiet().with(|s| s.observation.lists_updated_at = Some(at(9 * DAY))), &["M9"]),
        (quiet().with(|s| s.facts.repositories[1].valid_until = Some(at(DAY))), &["M9"]),
        (quiet().with(|s| s.observation.refresh = ListRefresh::Failed("no route".to_owned())), &["M9"]),
        (quiet().with(|s| s.node.platform_version = Some("13".to_owned())), &["M13"]),
        (quiet().with(|s| s.node.platform_version = Some("12.11".to_owned())), &[]),
    ];
    for (index, (scene, expected)) in rows.iter().enumerate() {
        assert_eq!(scene.ids(), *expected, "row {index}");
    }
    assert_eq!(hidden().causes()[0].severity, CauseSeverity::Warning);
    assert_eq!(ordinary().causes()[0].severity, CauseSeverity::Info);
    let headline = quiet().with(for_other_product).scanned().causes().remove(0).headline;
    assert!(headline.contains("no rule is for Debian12"), "{headline}");
}

#[test]
fn remedies_begin_with_what_can_be_done_from_here() {
    let check = |scene: Scene, id: &str, action: RemedyAction, command: &str| {
        let causes = scene.causes();
        let remedy = &causes.iter().find(|cause| cause.id == id).unwrap().remedy;
        assert_eq!(
            (remedy.action, remedy.command.contains(command)),
            (Some(action), true),
            "{id} {remedy:?}"
        );
    };
    let waiting = |package: &str| {
        let mut fresh = self::package(package, &[]);
        fresh.installed_at = Some(at(DAY));
        scene(vec![fresh])
    };
    let restart = "--document-name Fettle-RestartNode --instance-ids mi-0123456789abcdef0";
    let no_reboot = |scene: &mut Scene| scene.reports[0].frame.last_no_reboot_install_at = Some(at(DAY));
    check(waiting("kernel"), "P4", RemedyAction::Restart, restart);
    check(waiting("kernel").with(no_reboot), "P1", RemedyAction::Restart, restart);
    check(
        waiting("kernel").with(|s| s.node.booted_at = Some(at(60))),
        "P2",
        RemedyAction::Scan,
        "Operation=Scan",
    );
    let with_kernel = |s: &mut Scene| s.observation.not_in_effect.newer_kernel = Some("6.1.0-10".to_owned());
    check(quiet().with(with_kernel), "M8", RemedyAction::Restart, restart);
    let with_service = |s: &mut Scene| s.observation.not_in_effect.units = vec![stale("nginx.service")];
    check(quiet().with(with_service), "M8", RemedyAction::RunOnNode, "");
    let services = quiet().with(with_service).causes();
    assert_eq!(services[0].items[0].remedy, "systemctl try-restart -- nginx.service");
    let failed = quiet().run(60, InvocationStatus::Failed, &[]);
    check(failed, "S5", RemedyAction::ReadOutput, COMMAND);
    let mut held = package("held", FIX);
    held.held = true;
    check(scene(vec![held]), "N7", RemedyAction::RunOnNode, "");
}

#[test]
fn proofs_are_sentences() {
    let scene = scene(vec![package("ssl", FIX)]);
    let cause = scene.causes().remove(0);
    assert_eq!(
        cause.items[0].proof,
        ["rule 1 (PRIORITY in Required, Important, Standard, Optional, Extra) approves it because \
          the candidate 1.0-1+deb12u1 comes from bookworm-security"]
    );
    assert_eq!(cause.items[0].repository, "bookworm-security");
}

#[test]
fn every_state_of_missing_items_is_listed_somewhere() {
    let mut held = package("held", FIX);
    held.held = true;
    let scene = scene(vec![held, package("ssl", FIX), package("bash", &[])]);
    let listed: usize = scene
        .causes()
        .iter()
        .flat_map(|cause| &cause.items)
        .filter(|item| item.state == PatchState::Missing.as_str())
        .count();
    assert_eq!(listed as i64, scene.reports[0].counts.missing);
}

#[test]
fn the_whole_answer() {
    let mut held = package("held", FIX);
    held.held = true;
    let mut pinned = package("pinned", FIX);
    pinned.candidate = Some("1.0-1".to_owned());
    let packages = vec![
        package("bash", &[]),
        held,
        pinned,
        package("ssl", &[("1.0-1+deb12u2", UPDATES), FIX[0]]),
        package("tool", FIX),
    ];
    let scene = scene(packages).run(7200, InvocationStatus::Success, &[("Operation", "Scan")]);
    let response = scene.look(|situation| explain(situation).to_response(situation, 10));
    insta::assert_json_snapshot!(response);
    let short = scene.look(|situation| explain(situation).to_response(situation, 0));
    assert!(short.causes.iter().all(|cause| cause.items.as_ref().is_some_and(Vec::is_empty)));
    assert_eq!(short.causes[0].count, response.causes[0].count);
}

fn stale(unit: &str) -> crate::facts::StaleUnit {
    crate::facts::StaleUnit {
        unit: unit.to_owned(),
        processes: vec!["nginx".to_owned()],
        files: vec!["/usr/lib/libssl.so.3".to_owned()],
    }
}

/// Consoles know the actions by the model's names.
#[test]
fn the_model_names_every_action() {
    for action in RemedyAction::ALL {
        let wire = api::fettle::RemedyAction::from(action.as_str());
        assert!(!matches!(wire, api::fettle::RemedyAction::Unknown(_)), "{action:?}");
    }
}
