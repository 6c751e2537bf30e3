//! apt's own answer, read from `apt-cache policy`, in a form that compares with a fact set.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use domain::facts::{FactSet, PackageFact};
use domain::patch::version_deb::compare;

/// One line of a version table, with the repositories it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub version: String,
    pub pin: i32,
    /// `uri|suite|codename|origin|label|component|arch`, sorted.
    pub repositories: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub installed: Option<String>,
    pub candidate: Option<String>,
    /// Versions in repositories, those below the installed one left out unless one is the candidate.
    pub rows: Vec<Row>,
}

/// How to call apt for the node under test.
#[derive(Clone, Debug, Default)]
pub struct Apt {
    /// A program that runs apt elsewhere, with its arguments.
    pub runner: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub arguments: Vec<String>,
}

impl Apt {
    pub fn command(&self, program: &str) -> Command {
        let mut words = self.runner.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command
            .args(words)
            .env_remove("APT_CONFIG")
            .env("LC_ALL", "C")
            .envs(self.environment.iter().cloned())
            .args(&self.arguments);
        command
    }

    fn run(&self, arguments: &[String]) -> String {
        let output =
            self.command("apt-cache").arg("policy").args(arguments).output().expect("apt-cache runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "apt-cache policy failed: {errors}");
        String::from_utf8(output.stdout).expect("apt-cache prints UTF-8")
    }

    /// Answers for `name:arch`, where `all` asks for the native architecture.
    pub fn policy(&self, facts: &FactSet) -> BTreeMap<String, Answer> {
        let repositories = repositories(&self.run(&[]));
        let names: Vec<_> = facts.packages.iter().map(|package| key(package, &facts.os.arch)).collect();
        let text = self.run(&names);
        let mut answers = BTreeMap::new();
        let mut name = String::new();
        for line in text.lines() {
            if !line.starts_with(' ') {
                name = line.trim_end_matches(':').to_owned();
                if !name.contains(':') {
                    name = format!("{name}:{}", facts.os.arch);
                }
                answers.insert(name.clone(), Answer::default());
            } else if let Some(answer) = answers.get_mut(&name) {
                answer.take(line, &repositories);
            }
        }
        answers.into_iter().map(|(name, answer)| (name, answer.relevant())).collect()
    }
}

pub fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

pub fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// The name under which apt has a package.
pub fn key(package: &PackageFact, native: &str) -> String {
    let arch = if package.arch == "all" { native } else { &package.arch };
    format!("{}:{arch}", package.name)
}

impl Answer {
    fn take(&mut self, line: &str, repositories: &HashMap<String, String>) {
        let value = |text: &str| Some(text.trim().to_owned()).filter(|text| text != "(none)");
        if let Some(version) = line.strip_prefix("  Installed:") {
            self.installed = value(version);
        } else if let Some(version) = line.strip_prefix("  Candidate:") {
            self.candidate = value(version);
        } else if line != "  Version table:" {
            let words: Vec<_> = line.trim_start_matches(" *** ").split_whitespace().collect();
            match words[1].parse::<i32>() {
                Ok(pin) => {
                    self.rows.push(Row { version: words[0].to_owned(), pin, repositories: Vec::new() })
                }
                Err(_) if words[1].starts_with('/') => {}
                Err(_) => {
                    let place = words[1..].join(" ");
                    let row = self.rows.last_mut().expect("a version above its places");
                    row.repositories.push(
                        repositories.get(&place).unwrap_or_else(|| panic!("unknown place `{place}`")).clone(),
                    );
                }
            }
        }
    }

    fn relevant(mut self) -> Self {
        let installed = self.installed.clone().expect("only installed packages are asked for");
        let candidate = self.candidate.clone();
        self.rows.retain(|row| {
            let newer = compare(&row.version, &installed).is_ge();
            !row.repositories.is_empty() && (newer || Some(&row.version) == candidate.as_ref())
        });
        for row in &mut self.rows {
            row.repositories.sort_unstable();
        }
        self
    }
}

/// From the line that names a package list to the fields of its release, read from `apt-cache policy` without arguments.
fn repositories(text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut place = String::new();
    for line in text.lines().take_while(|line| !line.starts_with("Pinned packages")) {
        let line = line.trim();
        if let Some(release) = line.strip_prefix("release ") {
            let fields = split_release(release);
            let field = |key: &str| fields.get(key).copied().unwrap_or_default();
            let uri = place.split(' ').next().unwrap_or_default();
            let described = ["a", "n", "o", "l", "c", "b"].map(field).join("|");
            found.insert(place.clone(), format!("{uri}|{described}"));
        } else if let Some((_, rest)) = line.split_once(' ').filter(|_| !line.starts_with("origin ")) {
            place = rest.to_owned();
            let uri = place.split(' ').next().unwrap_or_default().to_owned();
            found.insert(place.clone(), format!("{uri}||||||"));
        }
    }
    found
}

/// `v=12,o=Debian,a=stable`: values may hold commas of their own.
fn split_release(text: &str) -> HashMap<&str, &str> {
    let bytes = text.as_bytes();
    let starts: Vec<usize> = (0..text.len())
        .filter(|&at| {
            (at == 0 || bytes[at - 1] == b',')
                && bytes.get(at + 1) == Some(&b'=')
                && b"voanlcb".contains(&bytes[at])
        })
        .collect();
    let ends = starts.iter().skip(1).map(|&start| start - 1).chain([text.len()]);
    starts.iter().zip(ends).map(|(&start, end)| (&text[start..start + 1], &text[start + 2..end])).collect()
}

/// The same form, from a fact set.
pub fn answers_of(facts: &FactSet) -> BTreeMap<String, Answer> {
    let describe = |&at: &u32| {
        let repository = &facts.repositories[at as usize];
        [
            &repository.uri,
            &repository.suite,
            &repository.codename,
            &repository.origin,
            &repository.label,
            &repository.component,
            &repository.arch,
        ]
        .map(String::as_str)
        .join("|")
    };
    let answer = |package: &PackageFact| {
        let rows = package.available.iter().map(|available| {
            let mut repositories: Vec<_> = available.repositories.iter().map(describe).collect();
            repositories.sort_unstable();
            Row { version: available.version.clone(), pin: available.pin, repositories }
        });
        Answer {
            installed: Some(package.version.clone()),
            candidate: package.candidate.clone(),
            rows: rows.collect(),
        }
    };
    facts.packages.iter().map(|package| (key(package, &facts.os.arch), answer(package))).collect()
}

/// Fails with the first packages that differ, each with both answers.
pub fn assert_equal(context: &str, facts: &FactSet, apt: &Apt) {
    let (ours, mut theirs) = (answers_of(facts), apt.policy(facts));
    // Where a repository spells the installed version differently (`0:1.0`), apt shows its spelling and we dpkg's.
    for (name, answer) in &mut theirs {
        let own = ours.get(name).and_then(|own| own.installed.clone());
        if own
            .as_deref()
            .zip(answer.installed.as_deref())
            .is_some_and(|(own, installed)| compare(own, installed).is_eq())
        {
            answer.installed = own;
        }
    }
    let differing: Vec<_> =
        ours.iter().filter(|(name, answer)| theirs.get(*name) != Some(answer)).take(5).collect();
    for (name, answer) in &differing {
        eprintln!("{context}: {name}\n  ours   {answer:?}\n  apt's  {:?}", theirs.get(*name));
    }
    assert!(differing.is_empty(), "{context}: answers differ from apt's");
    assert_eq!(ours.len(), theirs.len(), "{context}: as many packages");
}

/// Names of the packages that dpkg has in `status`, as dpkg-query sees them.
pub fn dpkg_packages(admin: &Path) -> Vec<String> {
    let format =
        "-f=${binary:Package}\\t${Version}\\t${Architecture}\\t${db:Status-Status}\\t${db:Status-Want}\\n";
    let output = Command::new("dpkg-query")
        .env("LC_ALL", "C")
        .arg(format!("--admindir={}", admin.display()))
        .args(["-W", format])
        .output();
    let text = String::from_utf8(output.expect("dpkg-query runs").stdout).expect("UTF-8");
    let mut lines: Vec<_> = text
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(|fields| !matches!(fields[3], "not-installed" | "config-files"))
        .map(|fields| {
            let name = fields[0].split(':').next().unwrap_or_default();
            format!("{name} {} {} {} {}", fields[1], fields[2], fields[3], fields[4] == "hold")
        })
        .collect();
    lines.sort_unstable();
    lines
}

pub fn packages_of(facts: &FactSet) -> Vec<String> {
    let mut lines: Vec<_> = facts
        .packages
        .iter()
        .map(|package| {
            let state = serde_json::to_value(package.state).expect("a state is text");
            let state = state.as_str().unwrap_or_default().to_owned();
            format!("{} {} {} {state} {}", package.name, package.version, package.arch, package.held)
        })
        .collect();
    lines.sort_unstable();
    lines
}
