//! The Debian security tracker's JSON: source package, CVE, release, and since which version the release is fixed.
//! Source: the tracker's own data; `fixed_version` 0 says that no version in the release was ever affected.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

use api::fettle::{AdvisoryStatement, PackageKind};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{Outcome, PassedOver, ReadError, Said, Take, check_package, check_version, is_cve_id, severity};

#[derive(Deserialize)]
struct Entry {
    releases: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    status: String,
    fixed_version: Option<String>,
    urgency: Option<String>,
}

pub fn read(feed: &mut dyn BufRead, take: Take<'_>) -> Result<PassedOver, ReadError> {
    let outcome = Outcome::new();
    let mut passed_over = PassedOver::default();
    let mut json = serde_json::Deserializer::from_reader(feed);
    let sources = Sources { take, outcome: &outcome, passed_over: &mut passed_over };
    let done = json.deserialize_map(sources).and_then(|()| json.end());
    match done {
        Ok(()) => Ok(passed_over),
        Err(error) => Err(outcome.of(error)),
    }
}

struct Sources<'a> {
    take: Take<'a>,
    outcome: &'a Outcome,
    passed_over: &'a mut PassedOver,
}

impl<'de> Visitor<'de> for Sources<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of source packages")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        while let Some((source, entries)) = map.next_entry::<String, BTreeMap<String, Entry>>()? {
            let told = self.tell(&source, entries);
            told.map_err(|error| self.outcome.fail::<M::Error>(error))?;
        }
        Ok(())
    }
}

impl Sources<'_> {
    fn tell(&mut self, source: &str, entries: BTreeMap<String, Entry>) -> Result<(), ReadError> {
        check_package(source, &|| "source package".to_owned())?;
        for (cve, entry) in entries {
            if !is_cve_id(&cve) {
                self.passed_over.count("ids that are no CVE ids yet");
                continue;
            }
            for (release, about) in entry.releases {
                let place = || format!("{source}, {cve}, releases.{release}");
                let fixed = match (about.status.as_str(), about.fixed_version.as_deref()) {
                    ("resolved", Some("0")) => {
                        self.passed_over.count("releases that were never affected");
                        continue;
                    }
                    ("resolved", Some(version)) => {
                        let place = || format!("{}.fixed_version", place());
                        Some(check_version(version, &place)?.to_owned())
                    }
                    ("open", _) => None,
                    ("undetermined", _) => {
                        self.passed_over.count("releases of which it is not known whether they are affected");
                        continue;
                    }
                    ("resolved", None) => {
                        return Err(ReadError::Malformed(format!("{}.fixed_version is missing", place())));
                    }
                    (status, _) => {
                        return Err(ReadError::Malformed(format!(
                            "{}.status: `{status}` is not known",
                            place()
                        )));
                    }
                };
                let statement = AdvisoryStatement {
                    cve_id: cve.clone(),
                    distribution: format!("debian:{release}"),
                    package: source.to_owned(),
                    package_kind: Some(PackageKind::Source),
                    fixed,
                    severity: severity(about.urgency.as_deref()),
                    ..AdvisoryStatement::default()
                };
                if !(self.take)(Said::Hole(statement)) {
                    return Err(ReadError::Stopped);
                }
            }
        }
        Ok(())
    }
}
