//! The part of a fact set that tells what is installed and which published fixes it lacks, read out of the compact form
//! without making a text of anything: an index over many sets sees the same few texts again and again, and whoever looks for
//! one package wants few of them.

use std::collections::HashSet;
use std::hash::Hash;

use super::{
    BUILT, BUNDLED, CANDIDATE, FORM, INSTALLED_VERSION, NOTICES, OBSOLETED, OTHER_VERSIONS, Result, SOURCE,
    SOURCE_VERSION, STATUS_MASK, STATUS_SHIFT, STATUSES, small,
};
use crate::compact::{Reader, Unreadable};
use crate::facts::{Advisory, FactSet, Notice, OsRelease, PackageFact, UpdateFact, UpdateStatus};

/// `T` stands for a text: whatever the dictionary has in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline<T> {
    pub os_id: T,
    pub os_version_id: T,
    pub os_codename: T,
    pub packages: Vec<OutlinedPackage<T>>,
    /// Which notices index.
    pub advisories: Vec<OutlinedAdvisory<T>>,
    /// Those that apply and are not installed.
    pub applicable: Vec<OutlinedUpdate<T>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlinedPackage<T> {
    pub name: T,
    pub arch: T,
    pub version: T,
    pub source: Option<T>,
    pub source_version: Option<T>,
    /// The advisory, and the version that it lists.
    pub notices: Vec<(u32, T)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlinedAdvisory<T> {
    pub id: T,
    pub severity: T,
    pub cve_ids: Vec<T>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlinedUpdate<T> {
    pub id: T,
    pub version: T,
    pub severity: T,
    pub installed_version: Option<T>,
    /// The first of each.
    pub kb_id: Option<T>,
    pub bulletin_id: Option<T>,
    pub cve_ids: Vec<T>,
}

impl<T: Copy + Eq + Hash> Outline<T> {
    /// Leaves what these packages, named by themselves or by their source, and this CVE are about.
    pub fn keep(&mut self, names: &HashSet<T>, cve_id: Option<T>) {
        let keep = |cve_ids: &mut Vec<T>| cve_ids.retain(|id| Some(*id) == cve_id);
        self.advisories.iter_mut().for_each(|advisory| keep(&mut advisory.cve_ids));
        self.applicable.iter_mut().for_each(|update| keep(&mut update.cve_ids));
        self.applicable.retain(|update| !update.cve_ids.is_empty());
        let advisories = &self.advisories;
        let is_about = |at: u32| {
            let advisory = usize::try_from(at).ok().and_then(|at| advisories.get(at));
            advisory.is_some_and(|advisory| !advisory.cve_ids.is_empty())
        };
        self.packages.retain_mut(|package| {
            package.notices.retain(|(advisory, _)| is_about(*advisory));
            !package.notices.is_empty()
                || names.contains(&package.name)
                || package.source.is_some_and(|source| names.contains(&source))
        });
    }

    /// Everything that [`Self::to_facts`] makes a text of.
    pub fn texts(&self) -> HashSet<T> {
        let mut texts = HashSet::from([self.os_id, self.os_version_id, self.os_codename]);
        for package in &self.packages {
            let OutlinedPackage { name, arch, version, source, source_version, notices } = package;
            texts.extend([name, arch, version].into_iter().chain(source).chain(source_version));
            texts.extend(notices.iter().map(|(_, version)| version));
        }
        for advisory in self.advisories.iter().filter(|advisory| !advisory.cve_ids.is_empty()) {
            texts.extend([advisory.id, advisory.severity].iter().chain(&advisory.cve_ids));
        }
        for update in &self.applicable {
            let OutlinedUpdate { id, version, severity, installed_version, kb_id, bulletin_id, cve_ids } =
                update;
            let optional = [installed_version, kb_id, bulletin_id].into_iter().flatten();
            texts.extend([id, version, severity].into_iter().chain(optional).chain(cve_ids));
        }
        texts
    }

    /// As a fact set, which lacks everything that the outline does not say. An advisory that names no CVE is empty there.
    pub fn to_facts(&self, text: impl Fn(T) -> String) -> FactSet {
        let all = |texts: &[T]| texts.iter().map(|id| text(*id)).collect();
        let advisory = |advisory: &OutlinedAdvisory<T>| match advisory.cve_ids.is_empty() {
            true => Advisory::default(),
            false => Advisory {
                id: text(advisory.id),
                severity: text(advisory.severity),
                cve_ids: all(&advisory.cve_ids),
                ..Advisory::default()
            },
        };
        let update = |update: &OutlinedUpdate<T>| UpdateFact {
            id: text(update.id),
            version: text(update.version),
            severity: text(update.severity),
            installed_version: update.installed_version.map(&text),
            kb_ids: update.kb_id.map(&text).into_iter().collect(),
            bulletin_ids: update.bulletin_id.map(&text).into_iter().collect(),
            cve_ids: all(&update.cve_ids),
            status: UpdateStatus::Applicable,
            ..UpdateFact::default()
        };
        let package = |package: &OutlinedPackage<T>| PackageFact {
            name: text(package.name),
            arch: text(package.arch),
            version: text(package.version),
            source: package.source.map(&text),
            source_version: package.source_version.map(&text),
            notices: package
                .notices
                .iter()
                .map(|(advisory, version)| Notice { advisory: *advisory, version: text(*version) })
                .collect(),
            ..PackageFact::default()
        };
        FactSet {
            os: OsRelease {
                id: text(self.os_id),
                version_id: text(self.os_version_id),
                codename: text(self.os_codename),
                ..OsRelease::default()
            },
            packages: self.packages.iter().map(package).collect(),
            advisories: self.advisories.iter().map(advisory).collect(),
            updates: self.applicable.iter().map(update).collect(),
            ..FactSet::default()
        }
    }
}

/// `texts` stand for those of the draft, in their order.
pub fn outline<T: Copy>(fields: &[u8], texts: Vec<T>) -> Result<Outline<T>> {
    let mut reader = Reader::new(fields, texts);
    let form = reader.number()?;
    if form > FORM {
        return Err(Unreadable(format!("facts of form {form}, which a newer release wrote")));
    }
    let [os_id, os_version_id, os_codename] = [text(&mut reader)?, text(&mut reader)?, text(&mut reader)?];
    skip(&mut reader, 3)?;
    each(&mut reader, |reader| {
        skip(reader, 7)?;
        (0..2).try_for_each(|_| reader.time().map(drop))
    })?;
    let packages = list(&mut reader, package)?;
    let (mut advisories, mut applicable) = (Vec::new(), Vec::new());
    if form > 1 {
        advisories = list(&mut reader, advisory)?;
        each(&mut reader, |reader| {
            reader.number()?;
            each(reader, |reader| {
                skip(reader, 2)?;
                reader.time().map(drop)
            })
        })?;
        applicable = list(&mut reader, update)?.into_iter().flatten().collect();
    }
    reader.end()?;
    Ok(Outline { os_id, os_version_id, os_codename, packages, advisories, applicable })
}

fn package<T: Copy>(reader: &mut Reader<'_, T>) -> Result<OutlinedPackage<T>> {
    let flags = reader.number()?;
    let optional = |reader: &mut Reader<'_, T>, flag| (flags & flag != 0).then(|| text(reader)).transpose();
    let [name, arch, version] = [text(reader)?, text(reader)?, text(reader)?];
    skip(reader, 2)?;
    let (source, source_version) = (optional(reader, SOURCE)?, optional(reader, SOURCE_VERSION)?);
    optional(reader, CANDIDATE)?;
    optional(reader, OBSOLETED)?;
    reader.time()?;
    each(reader, available)?;
    let notices = match flags & NOTICES {
        0 => Vec::new(),
        _ => list(reader, |reader| Ok((small(reader.number()?)?, text(reader)?)))?,
    };
    if flags & OTHER_VERSIONS != 0 {
        texts(reader)?;
    }
    Ok(OutlinedPackage { name, arch, version, source, source_version, notices })
}

/// An available version, passed over.
fn available<T: Copy>(reader: &mut Reader<'_, T>) -> Result<()> {
    skip(reader, 3)?;
    reader.signed()?;
    each(reader, |reader| reader.number().map(drop))?;
    let flags = reader.number()?;
    reader.number()?;
    if flags & BUILT != 0 {
        reader.time()?;
    }
    Ok(())
}

fn advisory<T: Copy>(reader: &mut Reader<'_, T>) -> Result<OutlinedAdvisory<T>> {
    reader.number()?;
    let [id, _, severity, _] = [text(reader)?, text(reader)?, text(reader)?, text(reader)?];
    reader.number()?;
    (0..2).try_for_each(|_| reader.time().map(drop))?;
    let cve_ids = texts(reader)?;
    texts(reader)?;
    Ok(OutlinedAdvisory { id, severity, cve_ids })
}

fn update<T: Copy>(reader: &mut Reader<'_, T>) -> Result<Option<OutlinedUpdate<T>>> {
    let flags = reader.number()?;
    let [id, _, version, _, severity] =
        [text(reader)?, text(reader)?, text(reader)?, text(reader)?, text(reader)?];
    let installed_version = (flags & INSTALLED_VERSION != 0).then(|| text(reader)).transpose()?;
    if flags & BUNDLED != 0 {
        texts(reader)?;
    }
    let [kb_ids, bulletin_ids] = [texts(reader)?, texts(reader)?];
    (0..2).try_for_each(|_| texts(reader).map(drop))?;
    let cve_ids = texts(reader)?;
    texts(reader)?;
    (0..2).try_for_each(|_| reader.time().map(drop))?;
    reader.number()?;
    let status =
        usize::try_from(flags >> STATUS_SHIFT & STATUS_MASK).ok().and_then(|place| STATUSES.get(place));
    let (kb_id, bulletin_id) = (kb_ids.first().copied(), bulletin_ids.first().copied());
    let update = OutlinedUpdate { id, version, severity, installed_version, kb_id, bulletin_id, cve_ids };
    Ok((status == Some(&UpdateStatus::Applicable)).then_some(update))
}

fn text<T: Copy>(reader: &mut Reader<'_, T>) -> Result<T> {
    reader.text().copied()
}

fn texts<T: Copy>(reader: &mut Reader<'_, T>) -> Result<Vec<T>> {
    list(reader, text)
}

fn skip<T>(reader: &mut Reader<'_, T>, texts: usize) -> Result<()> {
    (0..texts).try_for_each(|_| reader.text().map(drop))
}

fn each<T>(reader: &mut Reader<'_, T>, mut pass: impl FnMut(&mut Reader<'_, T>) -> Result<()>) -> Result<()> {
    (0..reader.length()?).try_for_each(|_| pass(reader))
}

fn list<T, I>(
    reader: &mut Reader<'_, T>,
    mut read: impl FnMut(&mut Reader<'_, T>) -> Result<I>,
) -> Result<Vec<I>> {
    (0..reader.length()?).map(|_| read(reader)).collect()
}
