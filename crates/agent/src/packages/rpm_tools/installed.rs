//! rpm's database as transactions look at it, through rpm itself: before, after, the difference, and what an interrupted
//! transaction left twice.

use std::collections::BTreeMap;

use domain::patch::transaction::{Change, ChangeReason, Wanted};
use domain::patch::{Failure, FailureCode};

use super::super::tool::{Finished, Tool, ToolRun, failure};
use super::super::transaction::State;

/// One package a line, its parts parted by tabulators.
pub const FORMAT: &str = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{INSTALLTIME}\\n";

/// Every version of every `(name, arch)`, in the order in which they were installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rpms {
    pub packages: BTreeMap<(String, String), Vec<String>>,
}

/// Reads the database. `rpm` is told its root already.
pub fn read(rpm: Tool, run: &mut ToolRun) -> Result<Rpms, Failure> {
    let finished = run.run(&rpm.args(["-qa", "--qf", FORMAT]).quiet())?;
    if !finished.succeeded() || !finished.is_whole {
        return Err(broken(&finished));
    }
    Ok(parse(finished.out()))
}

pub fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Rpms {
    let mut found: Vec<(i64, (String, String), String)> = Vec::new();
    for line in lines {
        let parts: Vec<_> = line.split('\t').collect();
        let [name, epoch, version, arch, time] = parts[..] else { continue };
        // Keys of repositories stand among the packages.
        if name != "gpg-pubkey" {
            let version = if epoch == "0" { version.to_owned() } else { format!("{epoch}:{version}") };
            found.push((time.parse().unwrap_or(0), (name.to_owned(), arch.to_owned()), version));
        }
    }
    found.sort();
    let mut rpms = Rpms::default();
    for (_, key, version) in found {
        rpms.packages.entry(key).or_default().push(version);
    }
    rpms
}

/// The files of the installed versions of these packages, by rpm's own word. `rpm` is told its root already.
pub fn files(rpm: Tool, changes: &[Change], run: &mut ToolRun) -> Vec<String> {
    if changes.is_empty() {
        return Vec::new();
    }
    let names = changes.iter().map(|change| format!("{}.{}", change.name, change.arch));
    let tool = rpm.args(["-q", "--qf", "[%{FILENAMES}\\n]"]).args(names).quiet();
    let Ok(finished) = run.run(&tool) else { return Vec::new() };
    finished.out().filter(|line| line.starts_with('/')).map(str::to_owned).collect()
}

fn broken(finished: &Finished) -> Failure {
    let said: Vec<_> = finished.err().filter(|line| line.starts_with("error:")).collect();
    match said.first() {
        Some(line) => failure(FailureCode::DatabaseBroken, "/var/lib/rpm", (*line).to_owned()),
        None => finished.plain_failure(),
    }
}

/// As tools take it: `name-[epoch:]version-release.arch`.
pub fn nevra(name: &str, version: &str, arch: &str) -> String {
    format!("{name}-{version}.{arch}")
}

/// As rpm writes it in its messages: without the epoch.
pub fn nevra_in_messages(wanted: &Wanted) -> String {
    let version = wanted.version.split_once(':').map_or(wanted.version.as_str(), |(_, version)| version);
    nevra(&wanted.name, version, &wanted.arch)
}

/// The name in `name-version-release.arch`, with or without an epoch.
pub fn name_of_nevra(nevra: &str) -> &str {
    let without_release = nevra.rsplit_once('-').map_or(nevra, |(rest, _)| rest);
    without_release.rsplit_once('-').map_or(without_release, |(name, _)| name)
}

impl Rpms {
    pub fn versions(&self, name: &str, arch: &str) -> &[String] {
        let key = (name.to_owned(), arch.to_owned());
        self.packages.get(&key).map(Vec::as_slice).unwrap_or_default()
    }

    /// The one that a change replaces.
    pub fn newest(&self, name: &str, arch: &str) -> Option<&String> {
        self.versions(name, arch).last()
    }

    pub fn has_name(&self, name: &str) -> bool {
        self.packages.range((name.to_owned(), String::new())..).next().is_some_and(|(key, _)| key.0 == name)
    }
}

impl State for Rpms {
    fn has(&self, wanted: &Wanted) -> bool {
        self.versions(&wanted.name, &wanted.arch).contains(&wanted.version)
    }

    /// What came beside others of its name (a kernel) has come anew.
    fn changes_to(&self, after: &Self, wanted: &[Wanted]) -> Vec<Change> {
        let mut keys: Vec<_> = self.packages.keys().chain(after.packages.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut changes = Vec::new();
        for key in keys {
            let (old, new) = (self.versions(&key.0, &key.1), after.versions(&key.0, &key.1));
            let mut gone = old.iter().filter(|version| !new.contains(version));
            let mut came = new.iter().filter(|version| !old.contains(version));
            let is_wanted = wanted.iter().any(|wanted| wanted.name == key.0 && wanted.arch == key.1);
            let reason = if is_wanted { ChangeReason::Wanted } else { ChangeReason::Dependency };
            loop {
                let (from, to) = (gone.next().cloned(), came.next().cloned());
                if from.is_none() && to.is_none() {
                    break;
                }
                changes.push(Change { name: key.0.clone(), arch: key.1.clone(), from, to, reason });
            }
        }
        changes
    }
}

/// What an interrupted transaction left of one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    pub newest: Wanted,
    /// As `name-version.arch`.
    older: Vec<String>,
}

/// Packages of which older versions stand beside newer ones. What may be installed in several versions says so by what it
/// provides.
pub fn leftovers(rpms: &Rpms, rpm: impl Fn() -> Tool, run: &mut ToolRun) -> Result<Vec<Leftover>, Failure> {
    let mut leftovers = Vec::new();
    for ((name, arch), versions) in rpms.packages.iter().filter(|(_, versions)| versions.len() > 1) {
        let (newest, older) = versions.split_last().expect("more than one");
        let finished = run.run(&rpm().args(["-q", "--provides", &nevra(name, newest, arch)]).quiet())?;
        let several = name.starts_with("kernel")
            || finished
                .out()
                .any(|line| line.starts_with("installonlypkg(") || line.starts_with("multiversion("));
        if !several && finished.succeeded() {
            let newest = Wanted { name: name.clone(), arch: arch.clone(), version: newest.clone() };
            let older = older.iter().map(|version| nevra(name, version, arch)).collect();
            leftovers.push(Leftover { newest, older });
        }
    }
    Ok(leftovers)
}

/// How a package manager installs the newest of several versions once more, and takes the others out; `None` when it cannot.
pub type Again<'a> = &'a dyn Fn(&[Leftover], &mut ToolRun) -> Result<Option<Finished>, Failure>;

/// Finishes what an interrupted transaction left. The newest versions are installed once more, since their scripts may not
/// have come to their end; where they are not to be had, only the older ones are taken out. What the node's configuration
/// lets stay in several versions stays, because the package manager leaves it alone.
pub fn finish_interrupted(
    rpm: impl Fn() -> Tool,
    again: Again<'_>,
    run: &mut ToolRun,
) -> Result<(), Failure> {
    let rpms = match read(rpm(), run) {
        Err(failure) if failure.code == FailureCode::DatabaseBroken => {
            run.say("rpm's database cannot be read; rebuilding its indexes");
            run.run(&rpm().arg("--rebuilddb"))?;
            read(rpm(), run)?
        }
        other => other?,
    };
    let left = leftovers(&rpms, &rpm, run)?;
    if left.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = left.iter().flat_map(|left| left.older.iter().map(String::as_str)).collect();
    run.say(&format!("finishing an interrupted transaction: {} stayed behind", names.join(", ")));
    // zypper's codes for success with a remark among them; and dnf, where the configuration lets all of them stay.
    let is_done = |finished: Finished| {
        matches!(finished.exit_code(), Some(0 | 102 | 103 | 106 | 107))
            || finished.text().any(|line| line.contains("No duplicated packages found"))
    };
    if again(&left, run)?.is_some_and(is_done) {
        return Ok(());
    }
    run.say("their newer versions cannot be installed again; only the older ones are taken out");
    let finished = run.run(&rpm().args(["-e", "--nodeps"]).args(names))?;
    if finished.succeeded() { Ok(()) } else { Err(broken(&finished)) }
}

pub fn is_undone(rpms: &Rpms, change: &Change) -> bool {
    let versions = rpms.versions(&change.name, &change.arch);
    let has = |version: &Option<String>| version.as_ref().is_some_and(|version| versions.contains(version));
    !has(&change.to) && (change.from.is_none() || has(&change.from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpms(rows: &[(&str, &str)]) -> Rpms {
        let mut rpms = Rpms::default();
        for (name, version) in rows {
            let key = ((*name).to_owned(), "x86_64".to_owned());
            rpms.packages.entry(key).or_default().push((*version).to_owned());
        }
        rpms
    }

    #[test]
    fn reads_rows() {
        let text = "a\t0\t1-2\tx86_64\t20\nk\t0\t2-1\tnoarch\t9\nk\t0\t1-1\tnoarch\t5\ngpg-pubkey\t0\tx-y\t(none)\t1\nb\t3\t1-1\ti686\t7\n";
        let read = parse(text.lines());
        assert_eq!(read.versions("a", "x86_64"), ["1-2"]);
        assert_eq!(read.versions("k", "noarch"), ["1-1", "2-1"]);
        assert_eq!(read.versions("b", "i686"), ["3:1-1"]);
        assert!(read.has_name("a") && !read.has_name("gpg-pubkey") && !read.has_name(""));
    }

    #[test]
    fn a_kernel_comes_beside_the_others() {
        let before = rpms(&[("a", "1-1"), ("kernel", "5-1"), ("gone", "1-1")]);
        let after = rpms(&[("a", "2-1"), ("kernel", "5-1"), ("kernel", "6-1"), ("new", "1-1")]);
        let changes = before.changes_to(&after, &[]);
        let found: Vec<_> = changes
            .iter()
            .map(|change| (change.name.as_str(), change.from.as_deref(), change.to.as_deref()))
            .collect();
        let expected = [
            ("a", Some("1-1"), Some("2-1")),
            ("gone", Some("1-1"), None),
            ("kernel", None, Some("6-1")),
            ("new", None, Some("1-1")),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn names_come_out_of_nevras() {
        let check = |nevra: &str, name: &str| assert_eq!(name_of_nevra(nevra), name, "{nevra}");
        check("tb-ssl-1.1-1.bed.noarch", "tb-ssl");
        check("a-b-2:1.0-3.x86_64", "a-b");
        check("odd", "odd");
    }
}
