//! Which entries of ApprovedPatches and RejectedPatches name a patch, in every form that its family knows.
//! What an entry does is `approve`'s and `table`'s.
//! Source: spec patch-manager 1.6.

use crate::baseline::names::{entry_for_package, glob};
use crate::facts::{Advisory, UpdateFact};

use super::version_rpm::Evr;

/// What one version of an item, or an update, can be called.
pub(super) enum Names<'f> {
    /// Debian family: the bare name stands for every version and architecture.
    Package(&'f str),
    Rpm(RpmNames<'f>),
    /// Windows: KB and bulletin numbers. The children of a bundle do not name it.
    Kb(&'f UpdateFact),
    /// Alpine and Arch.
    Plain(PlainNames<'f>),
    /// macOS: exactly, no patterns.
    Exact(&'f str),
}

/// One version of a package that nobody publishes advisories about.
#[derive(Clone, Copy)]
pub(super) struct PlainNames<'f> {
    pub name: &'f str,
    pub arch: &'f str,
    pub version: &'f str,
}

/// One version of an rpm package, with the advisories that list exactly this version.
#[derive(Clone)]
pub(super) struct RpmNames<'f> {
    pub name: &'f str,
    pub arch: &'f str,
    pub version: &'f str,
    pub advisories: Vec<&'f Advisory>,
    /// SUSE: an advisory is a patch with a name, which may be written as a pattern.
    pub patches_have_names: bool,
}

impl Names<'_> {
    /// The first entry that names it.
    pub(super) fn entry<'e>(&self, entries: &'e [String]) -> Option<&'e str> {
        if entries.is_empty() {
            return None;
        }
        let mut entries_as_text = entries.iter().map(String::as_str);
        match self {
            Self::Package(name) => entry_for_package(entries, name),
            Self::Rpm(names) => {
                let forms = names.written_forms();
                entries_as_text.find(|entry| names.is_named_by(entry, &forms))
            }
            Self::Plain(names) => {
                let forms = names.written_forms();
                entries_as_text.find(|entry| forms.iter().any(|form| glob(entry, form)))
            }
            Self::Kb(update) => entries_as_text.find(|entry| names_update(entry, update)),
            Self::Exact(name) => entries_as_text.find(|entry| entry == name),
        }
    }

    /// Takes the entries that name it off the list.
    pub(super) fn remove_named(&self, entries: &mut Vec<String>) {
        match self {
            Self::Rpm(names) if !entries.is_empty() => {
                let forms = names.written_forms();
                entries.retain(|entry| !names.is_named_by(entry, &forms));
            }
            _ => entries.retain(|entry| self.entry(std::slice::from_ref(entry)).is_none()),
        }
    }
}

impl PlainNames<'_> {
    /// The bare name stands for every version; the others are as the package managers and their files write one.
    fn written_forms(&self) -> [String; 4] {
        let Self { name, arch, version } = self;
        [
            (*name).to_owned(),
            format!("{name}={version}"),
            format!("{name}-{version}"),
            format!("{name}-{version}-{arch}"),
        ]
    }
}

impl RpmNames<'_> {
    /// As people write a package: whole with and without its epoch, and short.
    fn written_forms(&self) -> [String; 5] {
        let Self { name, arch, .. } = self;
        let evr = Evr::parse(self.version);
        let (epoch, version, release) = (evr.epoch_or_zero(), evr.version, evr.release);
        [
            format!("{name}-{version}-{release}.{arch}"),
            format!("{name}-{epoch}:{version}-{release}.{arch}"),
            format!("{epoch}:{name}-{version}-{release}.{arch}"),
            format!("{name}.{arch}"),
            (*name).to_owned(),
        ]
    }

    fn is_named_by(&self, entry: &str, forms: &[String]) -> bool {
        let by_advisory = || {
            self.advisories.iter().any(|advisory| names_advisory(entry, advisory, self.patches_have_names))
        };
        let file = entry.strip_suffix(".rpm").unwrap_or(entry);
        !is_bugzilla_id(entry) && forms.iter().any(|form| glob(file, form)) || by_advisory()
    }
}

fn is_bugzilla_id(entry: &str) -> bool {
    !entry.is_empty() && entry.bytes().all(|b| b.is_ascii_digit())
}

/// Whether an entry is an id of this advisory, or of something that it closes: the advisory's own, a CVE id, a Bugzilla
/// number. On SUSE an advisory is a patch with a name, which may be written as a pattern.
pub fn names_advisory(entry: &str, advisory: &Advisory, patches_have_names: bool) -> bool {
    if is_bugzilla_id(entry) {
        return advisory.bugzilla_ids.iter().any(|id| id == entry);
    }
    advisory.id.eq_ignore_ascii_case(entry)
        || patches_have_names && glob(entry, &advisory.id)
        || advisory.cve_ids.iter().any(|id| id.eq_ignore_ascii_case(entry))
}

fn names_update(entry: &str, update: &UpdateFact) -> bool {
    update.kb_ids.iter().chain(&update.bulletin_ids).any(|id| id.eq_ignore_ascii_case(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory(id: &str) -> Advisory {
        Advisory {
            id: id.to_owned(),
            cve_ids: vec!["CVE-2024-0001".to_owned()],
            bugzilla_ids: vec!["1234567".to_owned()],
            ..Advisory::default()
        }
    }

    #[test]
    fn rpm_packages_have_many_names() {
        let listed = advisory("RHSA-2017:0864");
        let names = |patches_have_names| {
            Names::Rpm(RpmNames {
                name: "bind-libs",
                arch: "x86_64",
                version: "32:9.8.2-0.62.el9",
                advisories: vec![&listed],
                patches_have_names,
            })
        };
        let rows = [
            ("bind-libs-9.8.2-0.62.el9.x86_64", true),
            ("bind-libs-32:9.8.2-0.62.el9.x86_64", true),
            ("32:bind-libs-9.8.2-0.62.el9.x86_64", true),
            ("bind-libs-9.8.2-0.62.el9.x86_64.rpm", true),
            ("bind-libs-9.8.2-0.61.el9.x86_64", false),
            ("bind-libs-9.8.2-0.62.el9.i686", false),
            ("bind-libs-*.el9.x86_64", true),
            ("bind-libs-*.el8.x86_64", false),
            ("bind*", true),
            ("bind-libs", true),
            ("bind-libs.x86_64", true),
            ("bind", false),
            ("1234567", true),
            ("123456", false),
            ("CVE-2024-0001", true),
            ("cve-2024-0001", true),
            ("CVE-2024-00011", false),
            ("RHSA-2017:0864", true),
            ("RHSA-2017:086", false),
            ("RHSA-2017:*", false),
            ("", false),
        ];
        for (entry, expected) in rows {
            let entries = ["nothing".to_owned(), entry.to_owned()];
            assert_eq!(names(false).entry(&entries), expected.then_some(entry), "{entry}");
        }
        assert_eq!(names(true).entry(&["RHSA-2017:*".to_owned()]), Some("RHSA-2017:*"));
    }

    #[test]
    fn updates_have_numbers() {
        let update = UpdateFact {
            kb_ids: vec!["KB2032276".to_owned()],
            bundled_kb_ids: vec!["KB2032277".to_owned()],
            bulletin_ids: vec!["MS10-048".to_owned()],
            ..UpdateFact::default()
        };
        for (entry, expected) in [
            ("KB2032276", true),
            ("kb2032276", true),
            ("MS10-048", true),
            ("KB2032277", false), // a child: only the parent counts
            ("KB20322*", false),
            ("2032276", false),
        ] {
            assert_eq!(Names::Kb(&update).entry(&[entry.to_owned()]).is_some(), expected, "{entry}");
        }
        assert!(Names::Exact("XProtect").entry(&["XProtect".to_owned()]).is_some());
        assert!(Names::Exact("XProtect").entry(&["XPro*".to_owned()]).is_none());
    }
}
