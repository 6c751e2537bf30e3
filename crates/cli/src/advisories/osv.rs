//! OSV records, one, several after one another, or a list of them: Ubuntu's notices, Debian's advisories.
//! Source: the OSV schema: `affected[].ranges[].events`, `aliases`, `upstream`, `severity`.

use std::fmt;
use std::io::BufRead;

use api::fettle::{AdvisoryNotice, AdvisoryStatement, PackageKind};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::{
    Outcome, PassedOver, ReadError, Said, Take, check_advisory, check_package, check_version, is_cve_id,
    severity,
};

#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    upstream: Vec<String>,
    #[serde(default)]
    related: Vec<String>,
    withdrawn: Option<String>,
    #[serde(default)]
    severity: Vec<Severity>,
    #[serde(default)]
    affected: Vec<Affected>,
}

#[derive(Deserialize)]
struct Severity {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

#[derive(Deserialize)]
struct Affected {
    package: Option<Package>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    ecosystem_specific: Specific,
}

#[derive(Default, Deserialize)]
struct Specific {
    urgency: Option<String>,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

pub fn read(feed: &mut dyn BufRead, take: Take<'_>) -> Result<PassedOver, ReadError> {
    let outcome = Outcome::new();
    let mut passed_over = PassedOver::default();
    let is_list = first_character(feed)? == Some(b'[');
    let mut json = serde_json::Deserializer::from_reader(feed);
    let mut records = Records { take, passed_over: &mut passed_over, outcome: &outcome };
    let done = if is_list {
        json.deserialize_seq(records).and_then(|()| json.end())
    } else {
        json.into_iter::<Record>().try_for_each(|record| {
            let told = records.tell(record?);
            told.map_err(|error| outcome.fail::<serde_json::Error>(error))
        })
    };
    match done {
        Ok(()) => Ok(passed_over),
        Err(error) => Err(outcome.of(error)),
    }
}

fn first_character(feed: &mut dyn BufRead) -> Result<Option<u8>, ReadError> {
    loop {
        let buffer = feed.fill_buf()?;
        let blank = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let (found, is_end) = (buffer.get(blank).copied(), buffer.is_empty());
        if found.is_some() || is_end {
            return Ok(found);
        }
        feed.consume(blank);
    }
}

struct Records<'a> {
    take: Take<'a>,
    passed_over: &'a mut PassedOver,
    outcome: &'a Outcome,
}

impl<'de> Visitor<'de> for Records<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of OSV records")
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut list: S) -> Result<(), S::Error> {
        while let Some(record) = list.next_element::<Record>()? {
            let told = self.tell(record);
            told.map_err(|error| self.outcome.fail::<S::Error>(error))?;
        }
        Ok(())
    }
}

impl Records<'_> {
    fn tell(&mut self, record: Record) -> Result<(), ReadError> {
        let cves = cve_ids(&record);
        let notice = notice_id(&record)?;
        if record.withdrawn.is_some() || (cves.is_empty() && notice.is_none()) {
            let is_withdrawn = record.withdrawn.is_some();
            self.passed_over.count(if is_withdrawn {
                "withdrawn records"
            } else {
                "records that name no CVE"
            });
            return Ok(());
        }
        let word = record.severity.iter().find(|severity| !severity.kind.starts_with("CVSS"));
        for (number, affected) in record.affected.iter().enumerate() {
            let Some(package) = &affected.package else { continue };
            let Some(distribution) = distribution(&package.ecosystem) else {
                self.passed_over.count("packages of other systems");
                continue;
            };
            let place = |member: &str| format!("{}: affected[{number}].{member}", record.id);
            check_package(&package.name, &|| place("package.name"))?;
            let severity = severity(
                affected.ecosystem_specific.urgency.as_deref().or(word.map(|word| word.score.as_str())),
            );
            for range in affected.ranges.iter().filter(|range| range.kind == "ECOSYSTEM") {
                for (introduced, fixed) in self.spans(range, &|| place("ranges"))? {
                    if let Some((advisory, version)) = notice.zip(fixed.as_ref()) {
                        self.say(Said::Notice(AdvisoryNotice {
                            advisory_id: advisory.to_owned(),
                            distribution: distribution.clone(),
                            package: package.name.clone(),
                            package_kind: Some(PackageKind::Source),
                            version: version.clone(),
                        }))?;
                    }
                    for cve in &cves {
                        let statement = AdvisoryStatement {
                            cve_id: cve.clone(),
                            distribution: distribution.clone(),
                            package: package.name.clone(),
                            package_kind: Some(PackageKind::Source),
                            introduced: introduced.clone(),
                            fixed: fixed.clone(),
                            severity: severity.clone(),
                            ..AdvisoryStatement::default()
                        };
                        self.say(Said::Hole(statement))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn say(&mut self, said: Said) -> Result<(), ReadError> {
        if (self.take)(said) { Ok(()) } else { Err(ReadError::Stopped) }
    }

    /// From each `introduced` to the `fixed` after it, or to no end.
    #[expect(clippy::type_complexity, reason = "the two ends of a span")]
    fn spans(
        &mut self,
        range: &Range,
        place: &dyn Fn() -> String,
    ) -> Result<Vec<(Option<String>, Option<String>)>, ReadError> {
        let mut spans = Vec::new();
        let mut open: Option<Option<String>> = None;
        for event in &range.events {
            if let Some(version) = &event.introduced {
                let version = Some(version).filter(|version| *version != "0");
                let version =
                    version.map(|version| check_version(version, place).map(str::to_owned)).transpose()?;
                open = Some(version);
            }
            if let Some(version) = &event.fixed {
                let fixed = check_version(version, place)?.to_owned();
                let introduced = open.take().ok_or_else(|| {
                    ReadError::Malformed(format!("{}: fixed `{version}` without introduced before", place()))
                })?;
                spans.push((introduced, Some(fixed)));
            }
            if event.last_affected.is_some() {
                // The version after it is not known, and with it not what is fixed.
                self.passed_over.count("ranges that name the last affected version only");
                open = None;
            }
        }
        spans.extend(open.map(|introduced| (introduced, None)));
        Ok(spans)
    }
}

/// The record's own id where it is that of a notice (`USN-7000-1`, `DSA-5000-1`), not of a CVE under another name.
fn notice_id(record: &Record) -> Result<Option<&str>, ReadError> {
    if record.id.contains("CVE-") {
        return Ok(None);
    }
    check_advisory(&record.id, &|| "id".to_owned()).map(Some)
}

/// The record's own id where it is one, with or without a publisher before it, and those that it stands for.
fn cve_ids(record: &Record) -> Vec<String> {
    let own = record.id.find("CVE-").map(|at| &record.id[at..]);
    let others = [&record.aliases, &record.upstream].into_iter().flatten().map(String::as_str);
    let mut ids: Vec<String> =
        own.into_iter().chain(others).filter(|id| is_cve_id(id)).map(str::to_owned).collect();
    if ids.is_empty() {
        // Ubuntu's notices name what they fix as related.
        ids = record.related.iter().filter(|id| is_cve_id(id)).cloned().collect();
    }
    ids.sort();
    ids.dedup();
    ids
}

/// `Debian:12` as `debian:12`, `Ubuntu:22.04:LTS` as `ubuntu:22.04`, `Alpine:v3.22` as `alpine:3.22`; Ubuntu Pro's
/// repositories are another offer.
fn distribution(ecosystem: &str) -> Option<String> {
    let mut parts = ecosystem.split(':');
    let name = match parts.next()? {
        "Debian" => "debian",
        "Ubuntu" => "ubuntu",
        "Alpine" => "alpine",
        _ => return None,
    };
    let version =
        parts.next().map(|version| if name == "alpine" { version.trim_start_matches('v') } else { version });
    let version =
        version.filter(|version| version.bytes().next().is_some_and(|byte| byte.is_ascii_digit()))?;
    let is_plain = version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    is_plain.then(|| format!("{name}:{version}"))
}
