//! Decisions on macOS, row by row.
//! Source: spec patch-manager 2.6 and 3.1.

use super::*;
use crate::baseline::RejectedPatchesAction;
use crate::facts::*;

fn update(name: &str, classification: &str, installed: Option<&str>, status: UpdateStatus) -> UpdateFact {
    UpdateFact {
        id: name.to_owned(),
        version: "2.0".to_owned(),
        installed_version: installed.map(str::to_owned),
        classification: classification.to_owned(),
        status,
        ..UpdateFact::default()
    }
}

fn run(rules: &BaselineRules, update: UpdateFact) -> Option<Verdict> {
    let facts = FactSet {
        os: OsRelease { id: "macos".to_owned(), version_id: "14.5".to_owned(), ..OsRelease::default() },
        updates: vec![update],
        ..FactSet::default()
    };
    let conditions = Conditions::at(at("2026-03-01T00:00:00Z"));
    let mut verdicts = evaluate(rules, &facts, &Observation::default(), &conditions).unwrap().verdicts;
    verdicts.pop()
}

fn state(rules: &BaselineRules, update: UpdateFact) -> Option<PatchState> {
    run(rules, update).map(|verdict| verdict.state)
}

fn mac(rules: Vec<Rule>) -> BaselineRules {
    baseline(OperatingSystem::MacOs, rules)
}

#[test]
fn security_updates_at_once_others_with_leave() {
    use PatchState::*;
    use UpdateStatus::{Applicable, Installed as There};
    let closed = mac(vec![after_days(100, &[])]);
    let open = mac(vec![Rule { enable_non_security: true, ..rule(&[]) }]);
    // update, without and with non-security
    let rows = [
        (update("XProtect", "Security", None, Applicable), Some(Missing), Some(Missing)),
        (update("Safari", "Recommended", None, Applicable), None, Some(Missing)),
        (update("jq", "", Some("1.0"), Applicable), Some(InstalledOther), Some(Missing)),
        (update("jq", "", None, There), Some(InstalledOther), Some(Installed)),
        (update("XProtect", "Security", None, There), Some(Installed), Some(Installed)),
        (
            update("XProtect", "Security", None, UpdateStatus::Hidden),
            Some(NotApplicable),
            Some(NotApplicable),
        ),
    ];
    for (update, without, with) in rows {
        assert_eq!(state(&closed, update.clone()), without, "{update:?}");
        assert_eq!(state(&open, update.clone()), with, "{update:?}");
    }
    let verdict = run(&open, update("jq", "", Some("1.0"), Applicable)).unwrap();
    assert_eq!((verdict.installed_version.as_str(), verdict.fix_version()), ("1.0", Some("2.0")));
    assert_eq!(verdict.id(), "jq");
}

#[test]
fn lists_name_exactly() {
    let offered = || update("XProtect", "Security", Some("1.0"), UpdateStatus::Applicable);
    let mut rules = mac(vec![rule(&[])]);
    rules.rejected_patches = vec!["XPro*".to_owned()];
    assert_eq!(state(&rules, offered()), Some(PatchState::Missing));
    rules.rejected_patches = vec!["XProtect".to_owned()];
    assert_eq!(state(&rules, offered()), Some(PatchState::InstalledOther));
    rules.rejected_patches_action = RejectedPatchesAction::Block;
    assert_eq!(state(&rules, offered()), Some(PatchState::InstalledRejected));
    let mut rules = mac(vec![]);
    rules.approved_patches = vec!["jq".to_owned()];
    let package = update("jq", "", Some("1.0"), UpdateStatus::Applicable);
    assert_eq!(state(&rules, package), Some(PatchState::Missing));
}

#[test]
fn products_have_an_x() {
    for (product, matches) in [("MacOS14.x", true), ("MacOS14.5", true), ("MacOS13.x", false), ("*", true)] {
        let rules = mac(vec![rule(&[(FilterKey::Product, &[product])])]);
        let found = state(&rules, update("XProtect", "Security", None, UpdateStatus::Applicable));
        assert_eq!(found.is_some(), matches, "{product}");
    }
}

#[test]
fn the_provided_baseline_takes_security_and_packages_with_an_update() {
    let region = "eu-central-1".parse().unwrap();
    let rules = crate::baseline::predefined::default_for(OperatingSystem::MacOs, &region).rules;
    use UpdateStatus::Applicable;
    assert_eq!(state(&rules, update("XProtect", "Security", None, Applicable)), Some(PatchState::Missing));
    assert_eq!(state(&rules, update("jq", "", Some("1.0"), Applicable)), Some(PatchState::Missing));
}
