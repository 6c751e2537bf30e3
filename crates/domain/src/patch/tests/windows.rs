//! Decisions on Windows, row by row.
//! Source: spec patch-manager 1.4, 1.6, 1.7, 1.9, 2.5 and 3.1.

use super::*;
use crate::baseline::RejectedPatchesAction;
use crate::compliance::ComplianceStatus;
use crate::facts::*;

const NOW: &str = "2026-03-01T00:00:00Z";
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

fn update(kb: &str, status: UpdateStatus) -> UpdateFact {
    UpdateFact {
        id: format!("guid-{kb}"),
        title: format!("2026-01 Update ({kb})"),
        kb_ids: vec![kb.to_owned()],
        classification: "SecurityUpdates".to_owned(),
        severity: "Critical".to_owned(),
        products: vec!["WindowsServer2019".to_owned()],
        product_families: vec!["Windows".to_owned()],
        released_at: Some(at(LONG_AGO)),
        status,
        installed_at: Some(Timestamp::from_seconds(1000)).filter(|_| status == UpdateStatus::Installed),
        ..UpdateFact::default()
    }
}

fn facts(updates: Vec<UpdateFact>) -> FactSet {
    FactSet {
        os: OsRelease {
            id: "windows".to_owned(),
            version_id: "10.0.17763".to_owned(),
            name: "Microsoft Windows Server 2019 Datacenter".to_owned(),
            ..OsRelease::default()
        },
        updates,
        ..FactSet::default()
    }
}

fn run(rules: &BaselineRules, updates: Vec<UpdateFact>) -> Evaluation {
    let observation =
        Observation { booted_at: Some(Timestamp::from_seconds(2000)), ..Observation::default() };
    evaluate(rules, &facts(updates), &observation, &Conditions::at(at(NOW))).unwrap()
}

fn state(rules: &BaselineRules, update: UpdateFact) -> Option<PatchState> {
    run(rules, vec![update]).verdicts.first().map(|verdict| verdict.state)
}

fn windows(rules: Vec<Rule>) -> BaselineRules {
    baseline(OperatingSystem::Windows, rules)
}

#[test]
fn each_row_of_the_table() {
    use PatchState::*;
    use UpdateStatus::{Applicable, Hidden, Installed as There};
    let approving = || windows(vec![rule(&[])]);
    let refusing = || windows(vec![rule(&[(FilterKey::Classification, &["Drivers"])])]);
    let rejecting = |action| {
        let mut rules = approving();
        rules.rejected_patches = vec!["KB1".to_owned()];
        rules.rejected_patches_action = action;
        rules
    };
    let other = |status| UpdateFact { classification: "Updates".to_owned(), ..update("KB1", status) };
    let rows = [
        (rejecting(RejectedPatchesAction::Block), update("KB1", There), Some(InstalledRejected)),
        (rejecting(RejectedPatchesAction::AllowAsDependency), update("KB1", There), Some(InstalledOther)),
        (rejecting(RejectedPatchesAction::Block), update("KB1", Applicable), None),
        (rejecting(RejectedPatchesAction::AllowAsDependency), update("KB1", Applicable), None),
        (approving(), update("KB1", Applicable), Some(Missing)),
        (approving(), update("KB1", There), Some(Installed)),
        (refusing(), update("KB1", There), Some(InstalledOther)),
        (approving(), update("KB1", Hidden), Some(NotApplicable)),
        (refusing(), update("KB1", Hidden), None),
        (refusing(), update("KB1", Applicable), Some(AvailableSecurityUpdate)),
        (refusing(), other(Applicable), None),
    ];
    for (at, (rules, update, expected)) in rows.into_iter().enumerate() {
        assert_eq!(state(&rules, update), expected, "row {at}");
    }
}

#[test]
fn items_are_known_by_kb_and_title() {
    let mut rules = windows(vec![rule(&[])]);
    let verdict = run(&rules, vec![update("KB1", UpdateStatus::Applicable)]).verdicts.remove(0);
    assert_eq!((verdict.id().as_str(), verdict.title.as_str()), ("KB1", "2026-01 Update (KB1)"));
    assert_eq!(verdict.fix_version(), Some("guid-KB1"));
    // What WUA asks a restart for waits for it.
    let waiting = UpdateFact { awaits_restart: true, ..update("KB1", UpdateStatus::Installed) };
    assert_eq!(state(&rules, waiting), Some(PatchState::InstalledPendingReboot));
    // One number for the installed revision and the next one.
    let next = UpdateFact { id: "a-later-one".to_owned(), ..update("KB1", UpdateStatus::Applicable) };
    let evaluation = run(&rules, vec![update("KB1", UpdateStatus::Installed), next]);
    assert_eq!(evaluation.verdicts.len(), 1);
    assert_eq!(evaluation.verdicts[0].fix_version(), Some("a-later-one"));
    // Listed and unknown to the service: not applicable, as an item.
    rules.approved_patches = vec!["KB9".to_owned(), "kb9".to_owned(), "KB1".to_owned()];
    let evaluation = run(&rules, vec![update("KB1", UpdateStatus::Installed)]);
    let states: Vec<_> = evaluation.verdicts.iter().map(|v| (v.name.as_str(), v.state, v.status)).collect();
    assert_eq!(
        states,
        [
            ("KB1", PatchState::Installed, Some(ComplianceStatus::Compliant)),
            ("KB9", PatchState::NotApplicable, None)
        ]
    );
    assert_eq!((evaluation.counts.not_applicable, evaluation.not_applicable.len()), (1, 0));
}

#[test]
fn available_security_updates_are_judged_by_the_baseline() {
    let mut rules = windows(vec![after_days(7, &[])]);
    let fresh = UpdateFact {
        released_at: Some(at("2026-02-28T00:00:00Z")),
        ..update("KB1", UpdateStatus::Applicable)
    };
    let rows = [
        (None, ComplianceStatus::NonCompliant, 1),
        (Some(ComplianceStatus::NonCompliant), ComplianceStatus::NonCompliant, 1),
        (Some(ComplianceStatus::Compliant), ComplianceStatus::Compliant, 0),
    ];
    for (setting, status, security) in rows {
        rules.available_security_updates_compliance_status = setting;
        let evaluation = run(&rules, vec![fresh.clone()]);
        let expected = PatchCounts {
            available_security_update: 1,
            security_non_compliant: security,
            ..PatchCounts::default()
        };
        assert_eq!(evaluation.counts, expected, "{setting:?}");
        assert_eq!((evaluation.status(), evaluation.verdicts[0].status), (status, Some(status)));
        assert_eq!(evaluation.verdicts[0].compliance_level, ComplianceLevel::Unspecified);
        assert_eq!(evaluation.verdicts[0].upcoming.as_ref().unwrap().at, at("2026-03-07T00:00:00Z"));
    }
}

#[test]
fn filters_select() {
    use FilterKey::*;
    let office = || UpdateFact {
        products: vec!["Office 2016".to_owned()],
        product_families: vec!["Office".to_owned()],
        severity: String::new(),
        ..update("KB1", UpdateStatus::Applicable)
    };
    let system = || update("KB1", UpdateStatus::Applicable);
    let rows: [(Filters, UpdateFact, bool); 12] = [
        (&[], system(), true),
        (&[], office(), false), // a rule is about the system unless it says otherwise
        (&[(PatchSet, &["OS"])], system(), true),
        (&[(PatchSet, &["OS"])], office(), false),
        (&[(PatchSet, &["APPLICATION"]), (Product, &["Office 2016"])], office(), true),
        (&[(PatchSet, &["APPLICATION"]), (Product, &["Office 2019"])], office(), false),
        (&[(PatchSet, &["APPLICATION"]), (Product, &["*"])], system(), false),
        (&[(PatchSet, &["APPLICATION"]), (ProductFamily, &["Office"])], office(), true),
        (&[(Product, &["WindowsServer2019"]), (MsrcSeverity, &["critical"])], system(), true),
        (&[(Product, &["WindowsServer2016"])], system(), false),
        (&[(Classification, &["CriticalUpdates"])], system(), false),
        (&[(PatchSet, &["APPLICATION"]), (MsrcSeverity, &["Unspecified"])], office(), true),
    ];
    for (filters, update, selects) in rows {
        let found = state(&windows(vec![rule(filters)]), update);
        assert_eq!(found == Some(PatchState::Missing), selects, "{filters:?}");
    }
    // An update without a date is older than any delay.
    let undated = UpdateFact { released_at: None, ..system() };
    assert_eq!(state(&windows(vec![after_days(100, &[])]), undated), Some(PatchState::Missing));
}

#[test]
fn lists_name_kbs_bulletins_and_parents() {
    let bundle = || UpdateFact {
        bundled_kb_ids: vec!["KB2".to_owned()],
        bulletin_ids: vec!["MS26-001".to_owned()],
        ..update("KB1", UpdateStatus::Applicable)
    };
    for (entry, names) in [("KB1", true), ("MS26-001", true), ("kb1", true), ("KB2", false), ("KB*", false)] {
        let mut rejecting = windows(vec![rule(&[])]);
        rejecting.rejected_patches = vec![entry.to_owned()];
        assert_eq!(state(&rejecting, bundle()).is_none(), names, "rejected {entry}");
        let mut approving = windows(vec![]);
        approving.approved_patches = vec![entry.to_owned()];
        let evaluation = run(&approving, vec![bundle()]);
        let parent = evaluation.verdicts.iter().find(|verdict| verdict.name == "KB1").unwrap();
        assert_eq!(parent.state == PatchState::Missing, names, "approved {entry}");
    }
}

#[test]
fn superseded_updates_are_gone() {
    let rules = windows(vec![after_days(7, &[])]);
    let newer = |status, released: &str| UpdateFact {
        supersedes: vec!["guid-KB1".to_owned()],
        released_at: Some(at(released)),
        ..update("KB2", status)
    };
    let states = |updates| -> Vec<(String, PatchState)> {
        run(&rules, updates).verdicts.into_iter().map(|v| (v.name, v.state)).collect()
    };
    let older = || update("KB1", UpdateStatus::Applicable);
    let named = |name: &str, state| (name.to_owned(), state);
    use PatchState::*;
    assert_eq!(
        states(vec![older(), newer(UpdateStatus::Installed, LONG_AGO)]),
        [named("KB1", NotApplicable), named("KB2", Installed)]
    );
    // The hole: the old one is gone, the new one not approved yet.
    assert_eq!(
        states(vec![older(), newer(UpdateStatus::Applicable, "2026-02-28T00:00:00Z")]),
        [named("KB1", NotApplicable), named("KB2", AvailableSecurityUpdate)]
    );
    assert_eq!(
        states(vec![older(), newer(UpdateStatus::Hidden, LONG_AGO)]),
        [named("KB1", Missing), named("KB2", NotApplicable)]
    );
}

#[test]
fn the_provided_baselines_do_what_their_table_says() {
    use crate::baseline::predefined;
    let region = "eu-central-1".parse().unwrap();
    let all = predefined::all(&region);
    let rules = |name: &str| all.iter().find(|baseline| baseline.name == name).unwrap().rules.clone();
    let of = |classification: &str, severity: &str, product: &str| UpdateFact {
        classification: classification.to_owned(),
        severity: severity.to_owned(),
        products: vec![product.to_owned()],
        product_families: Vec::new(),
        released_at: Some(at("2026-02-22T00:00:00Z")),
        ..update("KB1", UpdateStatus::Applicable)
    };
    // update, approved by the system's baselines, by the one with applications
    let rows = [
        (of("SecurityUpdates", "Critical", "WindowsServer2019"), true, true),
        (of("CriticalUpdates", "Important", "WindowsServer2019"), true, true),
        (of("SecurityUpdates", "Moderate", "WindowsServer2019"), false, false),
        (of("Updates", "Critical", "WindowsServer2019"), false, false),
        (of("Updates", "", "Office 2016"), false, true),
    ];
    for (update, system, with_applications) in rows {
        for name in ["AWS-DefaultPatchBaseline", "AWS-WindowsPredefinedPatchBaseline-OS"] {
            let found = state(&rules(name), update.clone());
            assert_eq!(found == Some(PatchState::Missing), system, "{name} {update:?}");
        }
        let found = state(&rules("AWS-WindowsPredefinedPatchBaseline-OS-Applications"), update.clone());
        assert_eq!(found == Some(PatchState::Missing), with_applications, "{update:?}");
    }
}
