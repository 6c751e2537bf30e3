//! The part of a fact set that tells what is installed and which published fixes it lacks, read out of the compact form
//! without making a text of anything: an index over many sets sees the same few texts again and again.

use super::{
    BUILT, BUNDLED, CANDIDATE, FORM, INSTALLED_VERSION, NOTICES, OBSOLETED, OTHER_VERSIONS, Result, SOURCE,
    SOURCE_VERSION, STATUS_MASK, STATUS_SHIFT, STATUSES, small,
};
use crate::compact::{Reader, Unreadable};
use crate::facts::UpdateStatus;

/// `T` stands for a text: whatever the dictionary has in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline<T> {
    pub os_id: T,
    pub os_version_id: T,
    pub os_codename: T,
    pub packages: Vec<OutlinedPackage<T>>,
    /// The CVE ids of each advisory, which notices index.
    pub advisories: Vec<Vec<T>>,
    /// The CVE ids of each update that applies and is not installed.
    pub applicable: Vec<Vec<T>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlinedPackage<T> {
    pub name: T,
    pub version: T,
    pub source: Option<T>,
    pub source_version: Option<T>,
    /// The advisory, and the version that it lists.
    pub notices: Vec<(u32, T)>,
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
    let name = text(reader)?;
    skip(reader, 1)?;
    let version = text(reader)?;
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
    Ok(OutlinedPackage { name, version, source, source_version, notices })
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

fn advisory<T: Copy>(reader: &mut Reader<'_, T>) -> Result<Vec<T>> {
    reader.number()?;
    skip(reader, 4)?;
    reader.number()?;
    (0..2).try_for_each(|_| reader.time().map(drop))?;
    let cve_ids = texts(reader)?;
    texts(reader)?;
    Ok(cve_ids)
}

fn update<T: Copy>(reader: &mut Reader<'_, T>) -> Result<Option<Vec<T>>> {
    let flags = reader.number()?;
    skip(reader, 5)?;
    if flags & INSTALLED_VERSION != 0 {
        skip(reader, 1)?;
    }
    if flags & BUNDLED != 0 {
        texts(reader)?;
    }
    (0..4).try_for_each(|_| texts(reader).map(drop))?;
    let cve_ids = texts(reader)?;
    texts(reader)?;
    (0..2).try_for_each(|_| reader.time().map(drop))?;
    reader.number()?;
    let status =
        usize::try_from(flags >> STATUS_SHIFT & STATUS_MASK).ok().and_then(|place| STATUSES.get(place));
    Ok((status == Some(&UpdateStatus::Applicable)).then_some(cve_ids))
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
