//! The compact form of a fact set: fields in declaration order, text by its place in the body's dictionary.
//! Who keeps bodies decides how the dictionary is kept; a field more needs a flag that older bodies lack, or a new `FORM`, here
//! and in `outline`, which passes over what it does not want.

use super::{
    AbsentPackages, Advisory, AdvisoryTerms, AvailableVersion, FactSet, Notice, OsRelease, PackageFact,
    PackageState, Repository, UpdateFact, UpdateStatus,
};
use crate::compact::{Draft, Reader, Unreadable};

mod outline;

pub use outline::{Outline, OutlinedAdvisory, OutlinedPackage, OutlinedUpdate, outline};

type Result<T> = std::result::Result<T, Unreadable>;

/// Form 1 ends after the packages.
const FORM: u64 = 2;

/// What a package has beyond name, architecture and version.
const HELD: u64 = 1;
const AUTOMATIC: u64 = 2;
const SOURCE: u64 = 4;
const SOURCE_VERSION: u64 = 8;
const CANDIDATE: u64 = 16;
const STATE_SHIFT: u32 = 5;
const STATE_MASK: u64 = 7;
const OBSOLETED: u64 = 1 << 8;
const NOTICES: u64 = 1 << 9;
const OTHER_VERSIONS: u64 = 1 << 10;

/// What an available version has.
const PHASED_OUT: u64 = 1;
const EXCLUDED: u64 = 2;
const BUILT: u64 = 4;

const UNREADABLE_DATE: u64 = 1;
const REBOOT_SUGGESTED: u64 = 2;
const RESTART_SUGGESTED: u64 = 4;

const AWAITS_RESTART: u64 = 1;
const MAY_RESTART: u64 = 2;
const INSTALLED_VERSION: u64 = 4;
const STATUS_SHIFT: u32 = 3;
const STATUS_MASK: u64 = 3;
const BUNDLED: u64 = 1 << 5;

const STATES: [PackageState; 6] = [
    PackageState::Installed,
    PackageState::HalfInstalled,
    PackageState::Unpacked,
    PackageState::HalfConfigured,
    PackageState::TriggersAwaited,
    PackageState::TriggersPending,
];

const STATUSES: [UpdateStatus; 3] = [UpdateStatus::Installed, UpdateStatus::Applicable, UpdateStatus::Hidden];

/// The form before its strings have numbers.
pub fn draft(facts: &FactSet) -> Draft {
    let FactSet { os, repositories, packages, advisories, absent, updates } = facts;
    let mut draft = Draft::default();
    draft.number(FORM);
    let OsRelease { id, version_id, codename, name, pretty_name, arch } = os;
    [id, version_id, codename, name, pretty_name, arch].into_iter().for_each(|text| draft.text(text));
    put_list(&mut draft, repositories, put_repository);
    put_list(&mut draft, packages, put_package);
    put_list(&mut draft, advisories, put_advisory);
    put_list(&mut draft, absent, put_absent);
    put_list(&mut draft, updates, put_update);
    draft
}

/// `texts` are those of the draft, in their order.
pub fn read<T: AsRef<str>>(fields: &[u8], texts: Vec<T>) -> Result<FactSet> {
    let mut reader = Reader::new(fields, texts);
    let form = reader.number()?;
    if form > FORM {
        return Err(Unreadable(format!("facts of form {form}, which a newer release wrote")));
    }
    let mut facts = FactSet {
        os: OsRelease {
            id: text(&mut reader)?,
            version_id: text(&mut reader)?,
            codename: text(&mut reader)?,
            name: text(&mut reader)?,
            pretty_name: text(&mut reader)?,
            arch: text(&mut reader)?,
        },
        repositories: list(&mut reader, read_repository)?,
        packages: list(&mut reader, read_package)?,
        ..FactSet::default()
    };
    if form > 1 {
        facts.advisories = list(&mut reader, read_advisory)?;
        facts.absent = list(&mut reader, read_absent)?;
        facts.updates = list(&mut reader, read_update)?;
    }
    reader.end()?;
    Ok(facts)
}

fn put_repository(draft: &mut Draft, repository: &Repository) {
    let Repository { uri, suite, codename, origin, label, component, arch, released_at, valid_until } =
        repository;
    for text in [uri, suite, codename, origin, label, component, arch] {
        draft.text(text);
    }
    draft.time(*released_at);
    draft.time(*valid_until);
}

fn put_package(draft: &mut Draft, package: &PackageFact) {
    let PackageFact {
        name,
        arch,
        version,
        state,
        section,
        priority,
        source,
        source_version,
        installed_at,
        held,
        automatic,
        candidate,
        available,
        notices,
        other_versions,
        obsoleted_by,
    } = package;
    let state = STATES.iter().position(|known| known == state).unwrap_or_default() as u64;
    draft.number(
        flag(*held, HELD)
            | flag(*automatic, AUTOMATIC)
            | flag(source.is_some(), SOURCE)
            | flag(source_version.is_some(), SOURCE_VERSION)
            | flag(candidate.is_some(), CANDIDATE)
            | flag(obsoleted_by.is_some(), OBSOLETED)
            | flag(!notices.is_empty(), NOTICES)
            | flag(!other_versions.is_empty(), OTHER_VERSIONS)
            | state << STATE_SHIFT,
    );
    [name, arch, version, section, priority].into_iter().for_each(|text| draft.text(text));
    [source, source_version, candidate, obsoleted_by].into_iter().flatten().for_each(|text| draft.text(text));
    draft.time(*installed_at);
    put_list(draft, available, put_version);
    if !notices.is_empty() {
        put_list(draft, notices, |draft, Notice { advisory, version }| {
            draft.number((*advisory).into());
            draft.text(version);
        });
    }
    if !other_versions.is_empty() {
        put_texts(draft, other_versions);
    }
}

fn read_package<T: AsRef<str>>(reader: &mut Reader<'_, T>) -> Result<PackageFact> {
    let flags = reader.number()?;
    let state = usize::try_from(flags >> STATE_SHIFT & STATE_MASK).ok().and_then(|place| STATES.get(place));
    let state = *state.ok_or_else(|| Unreadable(format!("no package state in {flags}")))?;
    let optional = |reader: &mut Reader<'_, T>, flag| (flags & flag != 0).then(|| text(reader)).transpose();
    Ok(PackageFact {
        name: text(reader)?,
        arch: text(reader)?,
        version: text(reader)?,
        state,
        section: text(reader)?,
        priority: text(reader)?,
        source: optional(reader, SOURCE)?,
        source_version: optional(reader, SOURCE_VERSION)?,
        candidate: optional(reader, CANDIDATE)?,
        obsoleted_by: optional(reader, OBSOLETED)?,
        installed_at: reader.time()?,
        held: flags & HELD != 0,
        automatic: flags & AUTOMATIC != 0,
        available: list(reader, read_version)?,
        notices: match flags & NOTICES {
            0 => Vec::new(),
            _ => list(reader, |reader| {
                Ok(Notice { advisory: small(reader.number()?)?, version: text(reader)? })
            })?,
        },
        other_versions: match flags & OTHER_VERSIONS {
            0 => Vec::new(),
            _ => list(reader, text)?,
        },
    })
}

fn put_version(draft: &mut Draft, available: &AvailableVersion) {
    let AvailableVersion {
        version,
        section,
        priority,
        pin,
        repositories,
        built_at,
        excluded,
        phased_percent,
        phased_out,
    } = available;
    [version, section, priority].into_iter().for_each(|text| draft.text(text));
    draft.signed((*pin).into());
    put_list(draft, repositories, |draft, repository| draft.number((*repository).into()));
    draft.number(flag(*phased_out, PHASED_OUT) | flag(*excluded, EXCLUDED) | flag(built_at.is_some(), BUILT));
    draft.number(phased_percent.map_or(0, |percent| u64::from(percent) + 1));
    if built_at.is_some() {
        draft.time(*built_at);
    }
}

fn read_version<T: AsRef<str>>(reader: &mut Reader<'_, T>) -> Result<AvailableVersion> {
    let mut available = AvailableVersion {
        version: text(reader)?,
        section: text(reader)?,
        priority: text(reader)?,
        pin: reader.signed()?.try_into().map_err(|_| Unreadable("a pin out of range".into()))?,
        repositories: list(reader, |reader| small(reader.number()?))?,
        ..AvailableVersion::default()
    };
    let flags = reader.number()?;
    available.phased_out = flags & PHASED_OUT != 0;
    available.excluded = flags & EXCLUDED != 0;
    available.phased_percent = match reader.number()? {
        0 => None,
        number => Some(small(number - 1)?),
    };
    if flags & BUILT != 0 {
        available.built_at = reader.time()?;
    }
    Ok(available)
}

fn put_advisory(draft: &mut Draft, advisory: &Advisory) {
    let Advisory {
        id,
        repository,
        kind,
        severity,
        title,
        issued_at,
        updated_at,
        has_unreadable_date,
        cve_ids,
        bugzilla_ids,
        reboot_suggested,
        restart_suggested,
    } = advisory;
    draft.number((*repository).into());
    [id, kind, severity, title].into_iter().for_each(|text| draft.text(text));
    draft.number(
        flag(*has_unreadable_date, UNREADABLE_DATE)
            | flag(*reboot_suggested, REBOOT_SUGGESTED)
            | flag(*restart_suggested, RESTART_SUGGESTED),
    );
    draft.time(*issued_at);
    draft.time(*updated_at);
    put_texts(draft, cve_ids);
    put_texts(draft, bugzilla_ids);
}

fn read_advisory<T: AsRef<str>>(reader: &mut Reader<'_, T>) -> Result<Advisory> {
    let repository = small(reader.number()?)?;
    let [id, kind, severity, title] = [text(reader)?, text(reader)?, text(reader)?, text(reader)?];
    let flags = reader.number()?;
    Ok(Advisory {
        id,
        repository,
        kind,
        severity,
        title,
        has_unreadable_date: flags & UNREADABLE_DATE != 0,
        reboot_suggested: flags & REBOOT_SUGGESTED != 0,
        restart_suggested: flags & RESTART_SUGGESTED != 0,
        issued_at: reader.time()?,
        updated_at: reader.time()?,
        cve_ids: list(reader, text)?,
        bugzilla_ids: list(reader, text)?,
    })
}

fn put_absent(draft: &mut Draft, absent: &AbsentPackages) {
    let AbsentPackages { terms, packages } = absent;
    draft.number((*packages).into());
    put_list(draft, terms, |draft, AdvisoryTerms { kind, severity, dated_at }| {
        [kind, severity].into_iter().for_each(|text| draft.text(text));
        draft.time(*dated_at);
    });
}

fn read_absent<T: AsRef<str>>(reader: &mut Reader<'_, T>) -> Result<AbsentPackages> {
    let packages = small(reader.number()?)?;
    let terms = list(reader, |reader| {
        Ok(AdvisoryTerms { kind: text(reader)?, severity: text(reader)?, dated_at: reader.time()? })
    })?;
    Ok(AbsentPackages { terms, packages })
}

fn put_update(draft: &mut Draft, update: &UpdateFact) {
    let UpdateFact {
        id,
        title,
        kb_ids,
        bundled_kb_ids,
        bulletin_ids,
        version,
        installed_version,
        classification,
        severity,
        products,
        product_families,
        released_at,
        cve_ids,
        supersedes,
        status,
        installed_at,
        awaits_restart,
        may_restart,
        download_bytes,
    } = update;
    let status = STATUSES.iter().position(|known| known == status).unwrap_or_default() as u64;
    draft.number(
        flag(*awaits_restart, AWAITS_RESTART)
            | flag(*may_restart, MAY_RESTART)
            | flag(installed_version.is_some(), INSTALLED_VERSION)
            | flag(!bundled_kb_ids.is_empty(), BUNDLED)
            | status << STATUS_SHIFT,
    );
    [id, title, version, classification, severity].into_iter().for_each(|text| draft.text(text));
    installed_version.iter().for_each(|text| draft.text(text));
    if !bundled_kb_ids.is_empty() {
        put_texts(draft, bundled_kb_ids);
    }
    for texts in [kb_ids, bulletin_ids, products, product_families, cve_ids, supersedes] {
        put_texts(draft, texts);
    }
    draft.time(*released_at);
    draft.time(*installed_at);
    draft.number(download_bytes.map_or(0, |bytes| bytes.saturating_add(1)));
}

fn read_update<T: AsRef<str>>(reader: &mut Reader<'_, T>) -> Result<UpdateFact> {
    let flags = reader.number()?;
    let status =
        usize::try_from(flags >> STATUS_SHIFT & STATUS_MASK).ok().and_then(|place| STATUSES.get(place));
    let status = *status.ok_or_else(|| Unreadable(format!("no update status in {flags}")))?;
    Ok(UpdateFact {
        id: text(reader)?,
        title: text(reader)?,
        version: text(reader)?,
        classification: text(reader)?,
        severity: text(reader)?,
        installed_version: (flags & INSTALLED_VERSION != 0).then(|| text(reader)).transpose()?,
        bundled_kb_ids: match flags & BUNDLED {
            0 => vec![],
            _ => list(reader, text)?,
        },
        kb_ids: list(reader, text)?,
        bulletin_ids: list(reader, text)?,
        products: list(reader, text)?,
        product_families: list(reader, text)?,
        cve_ids: list(reader, text)?,
        supersedes: list(reader, text)?,
        status,
        released_at: reader.time()?,
        installed_at: reader.time()?,
        awaits_restart: flags & AWAITS_RESTART != 0,
        may_restart: flags & MAY_RESTART != 0,
        download_bytes: match reader.number()? {
            0 => None,
            number => Some(number - 1),
        },
    })
}

fn read_repository<T: AsRef<str>>(reader: &mut Reader<'_, T>) -> Result<Repository> {
    Ok(Repository {
        uri: text(reader)?,
        suite: text(reader)?,
        codename: text(reader)?,
        origin: text(reader)?,
        label: text(reader)?,
        component: text(reader)?,
        arch: text(reader)?,
        released_at: reader.time()?,
        valid_until: reader.time()?,
    })
}

fn flag(is_set: bool, flag: u64) -> u64 {
    if is_set { flag } else { 0 }
}

fn put_list<T>(draft: &mut Draft, items: &[T], put: impl Fn(&mut Draft, &T)) {
    draft.number(items.len() as u64);
    items.iter().for_each(|item| put(draft, item));
}

fn put_texts(draft: &mut Draft, texts: &[String]) {
    put_list(draft, texts, |draft, text| draft.text(text));
}

fn text<T: AsRef<str>>(reader: &mut Reader<'_, T>) -> Result<String> {
    Ok(reader.text()?.as_ref().to_owned())
}

fn list<T, I>(reader: &mut Reader<'_, T>, read: impl Fn(&mut Reader<'_, T>) -> Result<I>) -> Result<Vec<I>> {
    (0..reader.length()?).map(|_| read(reader)).collect()
}

fn small<T: TryFrom<u64>>(number: u64) -> Result<T> {
    number.try_into().map_err(|_| Unreadable(format!("a number out of range: {number}")))
}
