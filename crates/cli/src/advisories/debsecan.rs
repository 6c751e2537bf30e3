//! debsecan's format: one suite's holes by source or binary package. Text of three parts, parted by empty lines.
//! Source: the format that `debsecan(1)` fetches, version 1.

use std::io::BufRead;

use api::fettle::{AdvisoryStatement, PackageKind};

use super::{PassedOver, ReadError, Said, Take, check_package, check_version, is_cve_id, severity};

/// Longer lines are no lines of this format.
const MAX_LINE_BYTES: u64 = 1 << 20;

pub fn read(
    feed: &mut dyn BufRead,
    distribution: Option<&str>,
    take: Take<'_>,
) -> Result<PassedOver, ReadError> {
    let Some(distribution) = distribution else {
        let hint =
            "this format does not say which system it is about: give --distribution, such as debian:bookworm";
        return Err(ReadError::Unusable(hint.to_owned()));
    };
    let mut lines = Lines { feed, number: 0 };
    match lines.next()? {
        Some(line) if line == "VERSION 1" => {}
        Some(line) => return Err(lines.malformed(&format!("`{line}` in place of VERSION 1"))),
        None => return Err(lines.malformed("the feed is empty")),
    }
    let mut passed_over = PassedOver::default();
    let mut names = Vec::new();
    while let Some(line) = lines.next()?.filter(|line| !line.is_empty()) {
        names.push(line.split(',').next().unwrap_or_default().to_owned());
    }
    while let Some(line) = lines.next()?.filter(|line| !line.is_empty()) {
        let said =
            statement(&line, &names, distribution).map_err(|error| lines.malformed(&error.to_string()))?;
        if !is_cve_id(&said.cve_id) {
            passed_over.count("ids that are no CVE ids yet");
            continue;
        }
        if !take(Said::Hole(said)) {
            return Err(ReadError::Stopped);
        }
    }
    // The third part, which binaries a source makes, is what nodes know better.
    while lines.next()?.is_some() {}
    Ok(passed_over)
}

/// `source,index,flags,unstable version,other fixed versions`.
fn statement(line: &str, names: &[String], distribution: &str) -> Result<AdvisoryStatement, ReadError> {
    let malformed = |text: String| ReadError::Malformed(text);
    let fields: Vec<&str> = line.splitn(5, ',').collect();
    let [package, index, flags, unstable, others] = fields[..] else {
        return Err(malformed(format!("{} fields in place of 5", fields.len())));
    };
    check_package(package, &|| "package".to_owned())?;
    let named = index.parse::<usize>().ok().and_then(|index| names.get(index));
    let cve_id = named.ok_or_else(|| malformed(format!("`{index}` is the number of no hole")))?.clone();
    let package_kind = match flags.bytes().next() {
        Some(b'S') => PackageKind::Source,
        Some(b'B') => PackageKind::Binary,
        _ => return Err(malformed(format!("flags: `{flags}` begins with neither S nor B"))),
    };
    let urgency = match flags.as_bytes().get(1) {
        Some(b'L') => Some("low"),
        Some(b'M') => Some("medium"),
        Some(b'H') => Some("high"),
        _ => None,
    };
    let versions =
        others.split_ascii_whitespace().chain(Some(unstable).filter(|version| !version.is_empty()));
    let versions =
        versions.map(|version| check_version(version, &|| "fixed version".to_owned()).map(str::to_owned));
    let mut versions = versions.collect::<Result<Vec<_>, _>>()?.into_iter();
    Ok(AdvisoryStatement {
        cve_id,
        distribution: distribution.to_owned(),
        package: package.to_owned(),
        package_kind: Some(package_kind),
        fixed: versions.next(),
        also_fixed: Some(versions.collect::<Vec<_>>()).filter(|versions| !versions.is_empty()),
        severity: severity(urgency),
        ..AdvisoryStatement::default()
    })
}

struct Lines<'f> {
    feed: &'f mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<String>, ReadError> {
        use std::io::Read;
        let mut line = String::new();
        self.number += 1;
        if Read::take(&mut self.feed, MAX_LINE_BYTES).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.len() as u64 == MAX_LINE_BYTES {
            return Err(self.malformed("a line without end"));
        }
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }

    fn malformed(&self, what: &str) -> ReadError {
        ReadError::Malformed(format!("line {}: {what}", self.number))
    }
}
