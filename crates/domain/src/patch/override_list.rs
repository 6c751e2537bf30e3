//! Lists of exactly the patches to install, in place of what the baseline wants: reading them, and finding what they
//! mean on a node. Fetching them is the agent's; reports still follow the baseline.
//! Source: spec patch-manager 4.5.

use yaml_rust2::parser::{Event, EventReceiver, Parser};

use crate::baseline::names::glob;
use crate::facts::{FactSet, PackageFact, UpdateStatus};
use crate::os::{Family, OperatingSystem, WINDOWS_ID};

use super::transaction::{Refusal, Wanted};
use super::{Failure, FailureCode, update_item_id, version_apk, version_deb, version_pacman, version_rpm};

/// More would be a mistake, or an attack on the node's memory.
pub const MAX_BYTES: usize = 1 << 20;
const MAX_ENTRIES: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideList {
    pub entries: Vec<Entry>,
}

/// Both may hold `*` anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `name.arch`, or a name.
    pub id: String,
    /// `name.arch:version`, or from the version on; on rpm systems the version with its epoch.
    pub title: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    #[error("larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("not YAML: {0}")]
    NotYaml(String),
    #[error("no list `patches:` at its top")]
    NoPatches,
    #[error("entry {0} of `patches` has no text `id`")]
    NoId(usize),
    #[error("more than {MAX_ENTRIES} entries")]
    TooMany,
}

impl OverrideList {
    pub fn parse(text: &str) -> Result<Self, OverrideError> {
        if text.len() > MAX_BYTES {
            return Err(OverrideError::TooLarge);
        }
        let mut reader = Reader::default();
        let read = Parser::new_from_str(text).load(&mut reader, false);
        read.map_err(|error| OverrideError::NotYaml(error.to_string()))?;
        if let Some(error) = reader.error {
            return Err(error);
        }
        if !reader.has_patches {
            return Err(OverrideError::NoPatches);
        }
        Ok(Self { entries: reader.entries })
    }

    /// What to ask the package manager for, and what cannot be had. A list updates what is installed and brings
    /// nothing new onto a node.
    pub fn select(&self, facts: &FactSet) -> (Vec<Wanted>, Vec<Refusal>) {
        let family = OperatingSystem::detect(&facts.os).map(|detected| detected.operating_system.family());
        let (mut wanted, mut refused) = (Vec::new(), Vec::new());
        for package in &facts.packages {
            let id = format!("{}.{}", package.name, package.arch);
            let naming: Vec<&Entry> = self
                .entries
                .iter()
                .filter(|entry| glob(&entry.id, &id) || glob(&entry.id, &package.name))
                .collect();
            if naming.is_empty() {
                continue;
            }
            let named = naming.iter().find_map(|entry| entry.version(package, &id, family));
            match named {
                Some(version) => {
                    wanted.push(Wanted { name: package.name.clone(), arch: package.arch.clone(), version })
                }
                None => refused.extend(naming.iter().find_map(|entry| entry.refusal(package, &id, family))),
            }
        }
        wanted.extend(self.select_updates(facts));
        (wanted, refused)
    }

    /// Windows and macOS: what the update service offers, by number or name. Titles say nothing there.
    fn select_updates<'f>(&self, facts: &'f FactSet) -> impl Iterator<Item = Wanted> + use<'_, 'f> {
        let is_windows = facts.os.id == WINDOWS_ID;
        let offered = facts.updates.iter().filter(|update| update.status == UpdateStatus::Applicable);
        let named = offered.filter(move |update| {
            self.entries.iter().any(|entry| match is_windows {
                true => {
                    let numbers = update.kb_ids.iter().chain(&update.bulletin_ids);
                    numbers.into_iter().any(|number| number.eq_ignore_ascii_case(&entry.id))
                }
                false => entry.id == update.id || entry.id == format!("{}.{}", update.id, update.version),
            })
        });
        named.map(move |update| match is_windows {
            true => Wanted {
                name: update_item_id(update).to_owned(),
                arch: String::new(),
                version: update.id.clone(),
            },
            false => Wanted { name: update.id.clone(), arch: String::new(), version: update.version.clone() },
        })
    }
}

impl Entry {
    /// The version to have: the newest that the title names, else the candidate where that is newer. The installed
    /// one, where the title names it and a newer one exists, so that nothing else of the list moves it.
    fn version(&self, package: &PackageFact, id: &str, family: Option<Family>) -> Option<String> {
        let is_newer = |version: &str| match family {
            Some(Family::Debian) => version_deb::is_newer(version, &package.version),
            Some(Family::Rpm | Family::Suse) => version_rpm::is_newer(version, &package.version),
            Some(Family::Arch) => version_pacman::is_newer(version, &package.version),
            Some(Family::Alpine) => version_apk::is_newer(version, &package.version),
            // Offers come newest first, the installed version among them.
            _ => version != package.version,
        };
        let Some(title) = &self.title else {
            return package.candidate.clone().filter(|version| is_newer(version));
        };
        for offer in &package.available {
            let is_installed = offer.version == package.version;
            if names_version(title, id, &offer.version, family) && (is_installed || is_newer(&offer.version))
            {
                return (!is_installed || self.could_move(package)).then(|| offer.version.clone());
            }
            if is_installed {
                return None;
            }
        }
        None
    }

    fn could_move(&self, package: &PackageFact) -> bool {
        package.candidate.as_ref().is_some_and(|candidate| *candidate != package.version)
    }

    /// A title that names no version to be had, nor the installed one.
    fn refusal(&self, package: &PackageFact, id: &str, family: Option<Family>) -> Option<Refusal> {
        let title = self.title.as_ref()?;
        if names_version(title, id, &package.version, family) {
            return None;
        }
        let wanted =
            Wanted { name: package.name.clone(), arch: package.arch.clone(), version: title.clone() };
        let failure = Failure {
            code: FailureCode::VersionUnavailable,
            subject: package.name.clone(),
            detail: format!("no enabled repository offers the version that the override list names: {title}"),
        };
        Some(Refusal { wanted, failure })
    }
}

/// The whole title, or its part after the first colon.
fn names_version(title: &str, id: &str, version: &str, family: Option<Family>) -> bool {
    let version = match family {
        Some(Family::Rpm | Family::Suse) if !version.contains(':') => format!("0:{version}"),
        _ => version.to_owned(),
    };
    glob(title, &format!("{id}:{version}")) || glob(title, &version)
}

/// Takes what it needs from the events of a parser and keeps nothing else: no aliases, no depth, no memory.
#[derive(Default)]
struct Reader {
    /// `true` for a mapping, `false` for a sequence.
    open: Vec<bool>,
    /// At the top: the key whose value comes next. Within an entry: the same.
    key: Option<String>,
    has_patches: bool,
    in_patches: bool,
    entry: Option<Entry>,
    entries: Vec<Entry>,
    error: Option<OverrideError>,
}

impl EventReceiver for Reader {
    fn on_event(&mut self, event: Event) {
        if self.error.is_some() {
            return;
        }
        match event {
            Event::MappingStart(..) => self.start(true),
            Event::SequenceStart(..) => self.start(false),
            Event::MappingEnd | Event::SequenceEnd => self.end(),
            Event::Scalar(text, ..) => self.scalar(text),
            Event::Alias(_) => self.scalar(String::new()),
            _ => {}
        }
    }
}

impl Reader {
    fn start(&mut self, is_mapping: bool) {
        match self.open.len() {
            1 if !is_mapping && self.key.as_deref() == Some("patches") => {
                self.has_patches = true;
                self.in_patches = true;
            }
            2 if self.in_patches && is_mapping => self.entry = Some(Entry::default()),
            2 if self.in_patches => self.error = Some(OverrideError::NoId(self.entries.len() + 1)),
            _ => {}
        }
        self.open.push(is_mapping);
        if self.open.len() <= 3 {
            self.key = None;
        }
    }

    fn end(&mut self) {
        self.open.pop();
        match self.open.len() {
            1 => self.in_patches = false,
            2 if self.in_patches => match self.entry.take() {
                Some(entry) if !entry.id.is_empty() => self.entries.push(entry),
                _ => self.error = Some(OverrideError::NoId(self.entries.len() + 1)),
            },
            _ => {}
        }
        if self.entries.len() > MAX_ENTRIES {
            self.error = Some(OverrideError::TooMany);
        }
        if self.open.len() <= 3 {
            self.key = None;
        }
    }

    /// Keys and values take turns in a mapping.
    fn scalar(&mut self, text: String) {
        let in_entry = self.open.len() == 3 && self.entry.is_some();
        if self.open.len() == 2 && self.in_patches {
            self.error = Some(OverrideError::NoId(self.entries.len() + 1));
        }
        if self.open.len() != 1 && !in_entry {
            return;
        }
        let Some(key) = self.key.take() else {
            self.key = Some(text);
            return;
        };
        if let (true, Some(entry)) = (in_entry, self.entry.as_mut()) {
            match key.as_str() {
                "id" => entry.id = text,
                "title" if !text.is_empty() => entry.title = Some(text),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::{AvailableVersion, OsRelease};

    fn list(entries: &[(&str, Option<&str>)]) -> OverrideList {
        let entry = |(id, title): &(&str, Option<&str>)| Entry {
            id: (*id).to_owned(),
            title: title.map(str::to_owned),
        };
        OverrideList { entries: entries.iter().map(entry).collect() }
    }

    #[test]
    fn reads_what_it_knows_and_ignores_the_rest() {
        let text = "# comment\npatches:\n  - id: 'kernel.x86_64'\n    title: '*4.9.230*'\n    more: [1, {a: b}]\n\
                    \x20 - {id: bind*.x86_64, severity: high}\n  - id: 7\nother:\n  patches:\n    - id: no\n";
        let expected = list(&[("kernel.x86_64", Some("*4.9.230*")), ("bind*.x86_64", None), ("7", None)]);
        assert_eq!(OverrideList::parse(text), Ok(expected));
        assert_eq!(OverrideList::parse("patches: []"), Ok(list(&[])));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = OverrideList::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        };
        check("", "no list");
        check("<html></html>", "no list");
        check("- id: a", "no list");
        check("patches: all", "no list");
        check("patches:\n  - a\n", "entry 1");
        check("patches:\n  - [a]\n", "entry 1");
        check("patches:\n  - id: a\n  - title: b\n", "entry 2");
        check("patches: [", "not YAML");
        check("patches:\n - id: 'a\n", "not YAML");
        check(&format!("patches: []\n# {}", "x".repeat(MAX_BYTES)), "larger");
    }

    fn facts(id: &str, version_id: &str, packages: Vec<PackageFact>) -> FactSet {
        let os = OsRelease { id: id.into(), version_id: version_id.into(), ..OsRelease::default() };
        FactSet { os, packages, ..FactSet::default() }
    }

    fn package(name: &str, installed: &str, offers: &[&str]) -> PackageFact {
        let offer = |version: &&str| AvailableVersion { version: (*version).into(), ..Default::default() };
        PackageFact {
            name: name.into(),
            arch: "amd64".into(),
            version: installed.into(),
            candidate: offers.first().map(|version| (*version).to_owned()),
            available: offers.iter().map(offer).collect(),
            ..PackageFact::default()
        }
    }

    fn check(facts: &FactSet, entries: &[(&str, Option<&str>)], expected: &[&str], refused: &[&str]) {
        let (wanted, refusals) = list(entries).select(facts);
        let wanted: Vec<_> =
            wanted.iter().map(|wanted| format!("{} {}", wanted.name, wanted.version)).collect();
        let names: Vec<_> = refusals.iter().map(|refusal| refusal.wanted.name.as_str()).collect();
        assert_eq!(
            (wanted.as_slice(), names.as_slice()),
            (&expected.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>()[..], refused),
            "{entries:?}"
        );
    }

    #[test]
    fn finds_what_a_list_means_on_debian() {
        let node = facts(
            "debian",
            "12",
            vec![
                package("apt", "2.6.0", &["2.6.2", "2.6.1", "2.6.0"]),
                package("bash", "5.2", &["5.2"]),
                package("tool", "1:1.0-1", &["1:1.0-2", "1:1.0-1"]),
            ],
        );
        check(&node, &[("apt.amd64", None)], &["apt 2.6.2"], &[]);
        check(&node, &[("apt", None)], &["apt 2.6.2"], &[]);
        check(&node, &[("*", None)], &["apt 2.6.2", "tool 1:1.0-2"], &[]);
        check(&node, &[("apt.*", Some("*2.6.1"))], &["apt 2.6.1"], &[]);
        check(&node, &[("apt.amd64", Some("apt.amd64:2.6.1"))], &["apt 2.6.1"], &[]);
        check(&node, &[("tool.amd64", Some("1:1.0-2"))], &["tool 1:1.0-2"], &[]);
        // Held where it is, because something newer would otherwise be taken.
        check(&node, &[("apt.amd64", Some("2.6.0"))], &["apt 2.6.0"], &[]);
        check(&node, &[("bash", Some("5.2"))], &[], &[]);
        check(&node, &[("apt.amd64", Some("9.9"))], &[], &["apt"]);
        check(&node, &[("absent", Some("1"))], &[], &[]);
    }

    #[test]
    fn titles_of_rpm_systems_have_an_epoch() {
        let node = facts("almalinux", "9.2", vec![package("dhcp", "1-1.el9", &["1-2.el9", "1-1.el9"])]);
        check(&node, &[("dhcp*", Some("dhcp.amd64:0:1-2.el9"))], &["dhcp 1-2.el9"], &[]);
        check(&node, &[("dhcp*", Some("0:1-2.el9"))], &["dhcp 1-2.el9"], &[]);
        check(&node, &[("dhcp*", Some("*.el9"))], &["dhcp 1-2.el9"], &[]);
    }

    #[test]
    fn rpm_packages_never_go_back() {
        // The repositories have fallen behind what is installed.
        let node = facts("almalinux", "9.2", vec![package("dhcp", "1:1-1.el9", &["9-9.el9"])]);
        check(&node, &[("dhcp*", None)], &[], &[]);
        check(&node, &[("dhcp.amd64", Some("*9-9.el9"))], &[], &["dhcp"]);
    }

    #[test]
    fn updates_are_named_by_number_or_name() {
        use crate::facts::UpdateFact;
        let update = |id: &str, kb: &str, status| UpdateFact {
            id: id.to_owned(),
            version: "1.61".to_owned(),
            kb_ids: vec![kb.to_owned()],
            bulletin_ids: vec!["MS26-001".to_owned()],
            status,
            ..UpdateFact::default()
        };
        let mut node = facts("windows", "10.0", vec![]);
        node.updates = vec![
            update("guid-1", "KB1", UpdateStatus::Applicable),
            update("guid-2", "KB2", UpdateStatus::Installed),
        ];
        check(&node, &[("kb1", None), ("KB2", None), ("KB9", None)], &["KB1 guid-1"], &[]);
        check(&node, &[("MS26-001", Some("anything"))], &["KB1 guid-1"], &[]);
        node.os = OsRelease { id: "macos".into(), version_id: "14.5".into(), ..OsRelease::default() };
        check(&node, &[("guid-1.1.61", None)], &["guid-1 1.61"], &[]);
        check(&node, &[("guid-1", None)], &["guid-1 1.61"], &[]);
        check(&node, &[("guid*", None), ("guid-1.1.62", None)], &[], &[]);
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "(patches:|- |id: |[a-z\\[\\]{}&*'\":\n ]){0,40}") {
            let _ = OverrideList::parse(&text);
        }
    }
}
