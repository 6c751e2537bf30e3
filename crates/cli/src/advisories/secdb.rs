//! Alpine's security database: for each branch and repository, source packages with the versions that fix something.
//! Source: secdb's own data; `0` among the versions says that the package was never affected.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

use api::fettle::{AdvisoryStatement, PackageKind};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Outcome, PassedOver, ReadError, Said, Take, check_package, check_version, is_cve_id};

#[derive(Deserialize)]
struct Entry {
    pkg: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    /// What each version fixes. Null where an entry was left empty.
    #[serde(default)]
    secfixes: BTreeMap<String, Option<Vec<String>>>,
}

pub fn read(feed: &mut dyn BufRead, take: Take<'_>) -> Result<PassedOver, ReadError> {
    let outcome = Outcome::new();
    let mut passed_over = PassedOver::default();
    let mut json = serde_json::Deserializer::from_reader(feed);
    let database = Database {
        take,
        outcome: &outcome,
        passed_over: &mut passed_over,
        distribution: None,
        waiting: Vec::new(),
    };
    let done = json.deserialize_map(database).and_then(|()| json.end());
    match done {
        Ok(()) => Ok(passed_over),
        Err(error) => Err(outcome.of(error)),
    }
}

struct Database<'a> {
    take: Take<'a>,
    outcome: &'a Outcome,
    passed_over: &'a mut PassedOver,
    /// `alpine:3.22`
    distribution: Option<String>,
    /// Packages that came before their branch was named.
    waiting: Vec<Entry>,
}

impl<'de> Visitor<'de> for Database<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a branch of Alpine's security database")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(member) = map.next_key::<String>()? {
            match member.as_str() {
                "distroversion" => {
                    let branch: String = map.next_value()?;
                    let found = distribution(&branch).ok_or_else(|| {
                        let error =
                            format!("distroversion: `{branch}` is not a branch, such as v3.22 or edge");
                        self.outcome.fail::<M::Error>(ReadError::Malformed(error))
                    })?;
                    self.distribution = Some(found);
                }
                "packages" => map.next_value_seed(Packages(&mut self))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if self.distribution.is_none() {
            let error =
                ReadError::Malformed("it does not say of which branch it is: no distroversion".to_owned());
            return Err(self.outcome.fail(error));
        }
        for entry in std::mem::take(&mut self.waiting) {
            self.tell(entry).map_err(|error| self.outcome.fail::<M::Error>(error))?;
        }
        Ok(())
    }
}

/// The list of packages, one after another.
struct Packages<'d, 'a>(&'d mut Database<'a>);

impl<'de> DeserializeSeed<'de> for Packages<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Packages<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of packages")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        while let Some(entry) = list.next_element::<Entry>()? {
            match self.0.distribution {
                None => self.0.waiting.push(entry),
                Some(_) => self.0.tell(entry).map_err(|error| self.0.outcome.fail::<S::Error>(error))?,
            }
        }
        Ok(())
    }
}

impl Database<'_> {
    fn tell(&mut self, entry: Entry) -> Result<(), ReadError> {
        let Package { name, secfixes } = entry.pkg;
        check_package(&name, &|| "pkg.name".to_owned())?;
        for (version, fixes) in secfixes {
            let fixes = fixes.unwrap_or_default();
            if version == "0" {
                fixes.iter().for_each(|_| self.passed_over.count("fixes of what was never affected"));
                continue;
            }
            let fixed = check_version(&version, &|| format!("{name}, secfixes"))?;
            for fix in fixes {
                self.tell_fix(&name, fixed, &fix)?;
            }
        }
        Ok(())
    }

    /// One entry may name an id several ways, and add a remark.
    fn tell_fix(&mut self, name: &str, fixed: &str, fix: &str) -> Result<(), ReadError> {
        let mut ids = fix.split_ascii_whitespace().filter(|word| is_cve_id(word)).peekable();
        if ids.peek().is_none() {
            self.passed_over.count("fixes that name no CVE");
        }
        for id in ids {
            let statement = AdvisoryStatement {
                cve_id: id.to_owned(),
                distribution: self.distribution.clone().unwrap_or_default(),
                package: name.to_owned(),
                package_kind: Some(PackageKind::Source),
                fixed: Some(fixed.to_owned()),
                ..AdvisoryStatement::default()
            };
            if !(self.take)(Said::Hole(statement)) {
                return Err(ReadError::Stopped);
            }
        }
        Ok(())
    }
}

/// `v3.22` as `alpine:3.22`.
fn distribution(branch: &str) -> Option<String> {
    let number = branch.strip_prefix('v').unwrap_or(branch);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    (is_number || branch == "edge").then(|| format!("alpine:{number}"))
}
