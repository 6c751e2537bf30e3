//! Arch's security tracker: groups (AVG) of packages with the CVEs that they have, the version that fixes them, and the
//! advisories (ASA) that were sent out.
//! Source: the tracker's own list of groups as JSON; its words for a group's status and severity.

use std::fmt;
use std::io::BufRead;

use api::fettle::{AdvisoryNotice, AdvisoryStatement, PackageKind};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::{
    Outcome, PassedOver, ReadError, Said, Take, check_advisory, check_package, check_version, is_cve_id,
    severity,
};

/// Arch has no releases.
const DISTRIBUTION: &str = "arch:rolling";

#[derive(Deserialize)]
struct Group {
    /// `AVG-2000`
    name: String,
    packages: Vec<String>,
    status: String,
    severity: Option<String>,
    /// Of all its packages. What it calls `affected` is the version that somebody looked at, and no beginning.
    fixed: Option<String>,
    #[serde(default)]
    issues: Vec<String>,
    #[serde(default)]
    advisories: Vec<String>,
}

pub fn read(feed: &mut dyn BufRead, take: Take<'_>) -> Result<PassedOver, ReadError> {
    let outcome = Outcome::new();
    let mut passed_over = PassedOver::default();
    let mut json = serde_json::Deserializer::from_reader(feed);
    let groups = Groups { take, outcome: &outcome, passed_over: &mut passed_over };
    let done = json.deserialize_seq(groups).and_then(|()| json.end());
    match done {
        Ok(()) => Ok(passed_over),
        Err(error) => Err(outcome.of(error)),
    }
}

struct Groups<'a> {
    take: Take<'a>,
    outcome: &'a Outcome,
    passed_over: &'a mut PassedOver,
}

impl<'de> Visitor<'de> for Groups<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of groups")
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut list: S) -> Result<(), S::Error> {
        while let Some(group) = list.next_element::<Group>()? {
            self.tell(&group).map_err(|error| self.outcome.fail::<S::Error>(error))?;
        }
        Ok(())
    }
}

impl Groups<'_> {
    fn tell(&mut self, group: &Group) -> Result<(), ReadError> {
        let place = |member: &str| format!("{}.{member}", group.name);
        check_advisory(&group.name, &|| "name".to_owned())?;
        match (group.status.as_str(), &group.fixed) {
            ("Not affected", _) => {
                self.passed_over.count("groups of packages that were never affected");
                return Ok(());
            }
            ("Unknown", _) => {
                self.passed_over.count("groups of which it is not known whether they affect anything");
                return Ok(());
            }
            ("Fixed", None) => {
                return Err(ReadError::Malformed(format!("{} is missing", place("fixed"))));
            }
            // The fix of a group in testing has its number, and waits to be moved to where nodes take packages from.
            ("Vulnerable" | "Testing" | "Fixed", _) => {}
            (status, _) => {
                return Err(ReadError::Malformed(format!("{}: `{status}` is not known", place("status"))));
            }
        }
        let fixed = group.fixed.as_deref();
        let fixed = fixed.map(|version| check_version(version, &|| place("fixed"))).transpose()?;
        for package in &group.packages {
            check_package(package, &|| place("packages"))?;
            self.tell_holes(group, package, fixed)?;
            if let Some(version) = fixed {
                self.tell_notices(group, package, version)?;
            }
        }
        // Each advisory is about one package, and the list does not say which.
        if group.packages.len() > 1 {
            group.advisories.iter().for_each(|_| {
                self.passed_over.count(
                    "advisories of groups of several packages, of which it is not said whose they are",
                );
            });
        }
        Ok(())
    }

    fn tell_holes(&mut self, group: &Group, package: &str, fixed: Option<&str>) -> Result<(), ReadError> {
        let word = group.severity.as_deref().filter(|word| *word != "Unknown");
        for issue in &group.issues {
            if !is_cve_id(issue) {
                self.passed_over.count("ids that are no CVE ids yet");
                continue;
            }
            self.say(Said::Hole(AdvisoryStatement {
                cve_id: issue.clone(),
                distribution: DISTRIBUTION.to_owned(),
                package: package.to_owned(),
                package_kind: Some(PackageKind::Binary),
                fixed: fixed.map(str::to_owned),
                severity: severity(word),
                ..AdvisoryStatement::default()
            }))?;
        }
        Ok(())
    }

    fn tell_notices(&mut self, group: &Group, package: &str, version: &str) -> Result<(), ReadError> {
        let is_alone = group.packages.len() == 1;
        let own = group.advisories.iter().filter(|_| is_alone);
        for id in std::iter::once(&group.name).chain(own) {
            self.say(Said::Notice(AdvisoryNotice {
                advisory_id: check_advisory(id, &|| format!("{}.advisories", group.name))?.to_owned(),
                distribution: DISTRIBUTION.to_owned(),
                package: package.to_owned(),
                package_kind: Some(PackageKind::Binary),
                version: version.to_owned(),
            }))?;
        }
        Ok(())
    }

    fn say(&mut self, said: Said) -> Result<(), ReadError> {
        if (self.take)(said) { Ok(()) } else { Err(ReadError::Stopped) }
    }
}
