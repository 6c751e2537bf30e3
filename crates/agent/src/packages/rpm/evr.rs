//! A version of an rpm package in its three parts, and the forms in which they are written.
//! Which of two is newer is `domain::patch::version_rpm`'s to say.

use std::fmt;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Evr {
    pub epoch: u32,
    pub version: String,
    pub release: String,
}

/// As facts have it: the epoch only when it is not 0.
impl fmt::Display for Evr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.epoch != 0 {
            write!(f, "{}:", self.epoch)?;
        }
        write!(f, "{}-{}", self.version, self.release)
    }
}

/// The attributes `epoch`, `ver` and `rel` of metadata; no epoch is epoch 0. Dependencies may have no release.
pub fn text_of(epoch: Option<&str>, version: &str, release: &str) -> String {
    let hyphen = if release.is_empty() { "" } else { "-" };
    match epoch {
        None | Some("" | "0") => format!("{version}{hyphen}{release}"),
        Some(epoch) => format!("{epoch}:{version}{hyphen}{release}"),
    }
}

/// A package's file name without `.rpm`: name, version, release and architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub release: &'a str,
    pub arch: &'a str,
}

impl<'a> FileName<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let (rest, arch) = text.rsplit_once('.')?;
        let (rest, release) = rest.rsplit_once('-')?;
        let (name, version) = rest.rsplit_once('-')?;
        let all_there = [name, version, release, arch].iter().all(|part| !part.is_empty());
        all_there.then_some(Self { name, version, release, arch })
    }
}

/// The source package's name, and its version where it is not the binary's.
pub fn source(source_rpm: &str, name: &str, evr: &Evr) -> (Option<String>, Option<String>) {
    let Some(source) = source_rpm.strip_suffix(".rpm").and_then(FileName::parse) else { return (None, None) };
    let differs = source.version != evr.version || source.release != evr.release;
    let version = differs.then(|| format!("{}-{}", source.version, source.release));
    ((source.name != name).then(|| source.name.to_owned()), version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_versions() {
        let evr = |epoch| Evr { epoch, version: "1.0".to_owned(), release: "2.el9".to_owned() };
        assert_eq!(
            (evr(0).to_string(), evr(2).to_string()),
            ("1.0-2.el9".to_owned(), "2:1.0-2.el9".to_owned())
        );
        assert_eq!(text_of(Some("0"), "1", "2"), "1-2");
        assert_eq!(text_of(Some("7"), "1", "2"), "7:1-2");
        let own = source("bash-1.0-2.el9.src.rpm", "bash", &evr(0));
        assert_eq!(own, (None, None));
        let other = source("glibc-2.34-1.el9.src.rpm", "glibc-common", &evr(0));
        assert_eq!(other, (Some("glibc".to_owned()), Some("2.34-1.el9".to_owned())));
        assert_eq!(source("(none)", "bash", &evr(0)), (None, None));
    }
}
