//! The tools' own answers, in a form that compares with a fact set.

use std::collections::BTreeSet;

use agent::packages::rpm::lacking::Lacking;
use domain::facts::{Advisory, FactSet};
use domain::patch::version_rpm::is_newer;

/// `name.arch version` of every package with a newer version to be had, as `dnf check-update` lists them.
pub fn upgradable(facts: &FactSet) -> BTreeSet<String> {
    let newer = facts.packages.iter().filter_map(|package| {
        let candidate =
            package.candidate.as_ref().filter(|candidate| is_newer(candidate, &package.version))?;
        let offer =
            package.available.iter().find(|offer| offer.version == *candidate).expect("it is offered");
        let from = offer.repositories.iter().map(|&at| facts.repositories[at as usize].suite.as_str());
        Some(from.map(|from| format!("{} {candidate} {from}", package.name)).collect::<Vec<_>>())
    });
    newer.flatten().collect()
}

/// What `dnf check-update` prints, in the same form.
pub fn check_update(text: &str) -> BTreeSet<String> {
    let lines = text.lines().take_while(|line| !line.starts_with("Obsoleting Packages"));
    lines
        .filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [package, version, repository] = words[..] else { return None };
            let (name, _) = package.rsplit_once('.')?;
            Some(format!("{name} {version} {repository}"))
        })
        .collect()
}

/// `advisory kind package` for every advisory that lists a newer version than the installed one, as `dnf updateinfo list` does.
pub fn advisories(facts: &FactSet) -> BTreeSet<String> {
    advisories_that(facts, |_| true)
}

/// Those that are chosen.
pub fn advisories_that(facts: &FactSet, chosen: impl Fn(&Advisory) -> bool) -> BTreeSet<String> {
    let of = |package: &domain::facts::PackageFact| {
        let newer = package.notices.iter().filter(|notice| is_newer(&notice.version, &package.version));
        let newer = newer.filter(|notice| chosen(&facts.advisories[notice.advisory as usize]));
        let line = |notice: &domain::facts::Notice| {
            let advisory = &facts.advisories[notice.advisory as usize];
            let kind = kind_word(&advisory.kind, &advisory.severity);
            format!("{} {kind} {}-{}.{}", advisory.id, package.name, notice.version, package.arch)
        };
        newer.map(line).collect::<Vec<_>>()
    };
    facts.packages.iter().flat_map(of).collect()
}

/// The same from the list that needs no offers.
pub fn lacking(found: &[Lacking]) -> BTreeSet<String> {
    let line = |entry: &Lacking| {
        let kind = kind_word(&entry.kind, &entry.severity);
        format!("{} {kind} {}-{}.{}", entry.advisory, entry.name, entry.version, entry.arch)
    };
    found.iter().map(line).collect()
}

/// As dnf shows what an advisory is.
fn kind_word(kind: &str, severity: &str) -> String {
    match (kind, severity) {
        ("security", "" | "None") => "Unknown/Sec.".to_owned(),
        ("security", severity) => format!("{severity}/Sec."),
        (kind, _) => kind.to_owned(),
    }
}

pub fn updateinfo_list(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// `name epoch:version-release arch` of everything in rpm's database.
pub fn installed(facts: &FactSet) -> BTreeSet<String> {
    let of = |package: &domain::facts::PackageFact| {
        let versions = std::iter::once(&package.version).chain(&package.other_versions);
        versions.map(|version| format!("{} {version} {}", package.name, package.arch)).collect::<Vec<_>>()
    };
    facts.packages.iter().flat_map(of).collect()
}

pub const RPM_QUERY: &str = "%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\n";

pub fn rpm_query(text: &str) -> BTreeSet<String> {
    let keep = |line: &&str| !line.starts_with("gpg-pubkey ");
    text.lines().filter(keep).map(|line| line.replace(" 0:", " ")).collect()
}
