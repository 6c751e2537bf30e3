//! The facts of an apk node: what is installed, what its repositories offer of that, what its world holds back.
//! Which version apk would take is decided as `apk version` and `apk upgrade` do; held against both in `tests/apk`.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use api::Timestamp;
use domain::facts::{self, AvailableVersion, FactSet, PackageFact, PackageState, RepositoryFailure};
use domain::patch::version_apk::{compare, is_newer};

use super::super::kept::Reading;
use super::super::root::Root;
use super::super::{ScanError, node};
use super::index;
use super::records::{self, Record};
use super::repositories::{Place, Repositories, Repository, cache};
use super::world::{self, World};

/// The first is where apk 3 keeps it on systems without `/lib`.
const DATABASES: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
const ARCHITECTURES: &str = "/etc/apk/arch";
/// Packages of this architecture fit every node.
const ANY_ARCHITECTURE: &str = "noarch";
/// What to run where there is no index.
const REMEDY: &str = "apk update";

/// Everything that facts are made of.
pub struct Node {
    pub installed: Vec<Record>,
    pub world: World,
    /// Of the node's own, the first one is what repositories are read for.
    architectures: Vec<String>,
}

/// A version that a repository has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub version: String,
    pub built_at: Option<i64>,
    pub repository: u32,
}

/// The database of installed packages, and where it lies.
pub fn installed(root: &Root) -> Result<Vec<Record>, ScanError> {
    for path in DATABASES.map(Path::new) {
        if let Some(bytes) = root.read(path)? {
            let malformed = |error: records::Malformed| ScanError::Malformed {
                path: root.shown(path),
                line: error.line,
                reason: error.reason,
            };
            return records::parse(&bytes).map_err(malformed);
        }
    }
    Err(ScanError::NoPackageManager { path: root.shown(Path::new(DATABASES[0])) })
}

/// Every file of these packages.
pub fn files_of(root: &Root, names: &BTreeSet<&str>) -> Result<Vec<String>, ScanError> {
    let mut files = Vec::new();
    for path in DATABASES.map(Path::new) {
        let Some(bytes) = root.read(path)? else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let (mut folder, mut is_meant) = ("", false);
        for line in text.lines() {
            match line.split_at_checked(2) {
                Some(("P:", name)) => is_meant = names.contains(name),
                Some(("F:", name)) => folder = name,
                Some(("R:", name)) if is_meant => files.push(format!("/{folder}/{name}")),
                _ => {}
            }
        }
        break;
    }
    Ok(files)
}

/// Whether the root has packages of apk at all.
pub fn has_database(root: &Root) -> Result<bool, ScanError> {
    for path in DATABASES {
        if root.identity(Path::new(path))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

pub fn world(root: &Root) -> Result<World, ScanError> {
    let bytes = root.read(Path::new(world::PATH))?.unwrap_or_default();
    Ok(World::parse(&String::from_utf8_lossy(&bytes)))
}

impl Node {
    pub fn load(root: &Root) -> Result<Self, ScanError> {
        let mut installed = installed(root)?;
        installed.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
        let bytes = root.read(Path::new(ARCHITECTURES))?.unwrap_or_default();
        let mut architectures: Vec<String> =
            String::from_utf8_lossy(&bytes).split_ascii_whitespace().map(str::to_owned).collect();
        if architectures.is_empty() {
            let own = installed.iter().map(|package| &package.arch).find(|arch| *arch != ANY_ARCHITECTURE);
            let own =
                own.ok_or_else(|| ScanError::Settings("cannot tell this node's architecture".to_owned()))?;
            architectures.push(own.clone());
        }
        Ok(Self { installed, world: world(root)?, architectures })
    }

    pub fn architecture(&self) -> &str {
        self.architectures.first().map_or("", String::as_str)
    }

    fn takes(&self, arch: &str) -> bool {
        arch.is_empty() || arch == ANY_ARCHITECTURE || self.architectures.iter().any(|own| own == arch)
    }

    /// `own` takes the place of the node's repositories, with the folder of its indexes.
    pub fn read(&self, root: &Root, own: Option<(&Repositories, &Path)>) -> Result<Reading, ScanError> {
        let (repositories, cache) = match own {
            Some((repositories, cache)) => (repositories.clone(), cache.to_owned()),
            None => (Repositories::load(root, self.architecture())?, cache(root)),
        };
        let mut missing = repositories.refused;
        let (mut facts, mut offers) = (FactSet::default(), Offers::new(self));
        let mut oldest: Option<Timestamp> = None;
        for repository in &repositories.all {
            let at = facts.repositories.len() as u32;
            let place = repository.place(root, &cache)?;
            let Place::At(path, identity) = place else {
                missing.push(self.nowhere(root, repository, &place));
                continue;
            };
            let about = index::read(root, &path, &mut |record| offers.add(at, record))?.unwrap_or_default();
            if repository.local_path().is_none() {
                let fetched_at = Timestamp::from_seconds(identity.modified_seconds());
                oldest = Some(oldest.map_or(fetched_at, |oldest| oldest.min(fetched_at)));
            }
            facts.repositories.push(self.repository(repository, about));
            offers.tags.push(repository.tag.clone());
        }
        if let (Some(first), true) = (missing.first(), facts.repositories.is_empty()) {
            return Err(ScanError::Settings(format!("repository `{}`: {}", first.suite, first.error)));
        }
        facts.os = node::os_release(root, self.architecture())?;
        let files = root.directory(Path::new("/"));
        let installed_at = |package: &Record| {
            let identity = |file: &String| files.as_ref()?.identity(file);
            package
                .files
                .iter()
                .filter_map(identity)
                .map(|file| file.changed_ns.div_euclid(1_000_000_000))
                .min()
        };
        facts.packages = self
            .installed
            .iter()
            .map(|package| self.package(package, &offers, installed_at(package)))
            .collect();
        Ok(Reading { facts, lists_updated_at: oldest, missing_repositories: missing })
    }

    fn nowhere(&self, root: &Root, repository: &Repository, place: &Place) -> RepositoryFailure {
        let looked = match place {
            Place::Nowhere(path) | Place::At(path, _) => root.shown(path).display().to_string(),
        };
        RepositoryFailure {
            uri: repository.shown_address(),
            suite: repository.name(),
            error: format!("no index of it at {looked}; run `{REMEDY}`"),
        }
    }

    fn repository(&self, repository: &Repository, about: index::About) -> facts::Repository {
        // Of `v3.22/main` rules and people say `main`; the branch stands in the address.
        let name = repository.name();
        let suite = name.rsplit_once('/').map_or(name.as_str(), |(_, suite)| suite);
        facts::Repository {
            uri: repository.shown_address(),
            suite: suite.to_owned(),
            component: repository.tag.as_ref().map(|tag| format!("@{tag}")).unwrap_or_default(),
            label: about.description,
            arch: self.architecture().to_owned(),
            released_at: about.made_at.map(Timestamp::from_seconds),
            ..facts::Repository::default()
        }
    }

    fn package(&self, package: &Record, offers: &Offers<'_>, installed_at: Option<i64>) -> PackageFact {
        let tag = self.tag(package);
        let mut available = offers.available(package, tag);
        let is_newer = |offer: &&AvailableVersion| is_newer(&offer.version, &package.version);
        let admits = |offer: &AvailableVersion| self.world.admits(&package.name, &offer.version);
        // A pin holds the package, and hides no update. A range chooses a branch: what is outside of it is out of reach.
        let held = self.world.is_pinned(&package.name)
            && available.iter().any(|offer| is_newer(&offer))
            && !available.iter().filter(is_newer).any(admits);
        for offer in available.iter_mut().filter(|offer| !held && is_newer(&&**offer)) {
            offer.excluded = !admits(offer);
        }
        let candidate = available.iter().find(|offer| !offer.excluded).map(|offer| offer.version.clone());
        PackageFact {
            name: package.name.clone(),
            arch: package.arch.clone(),
            version: package.version.clone(),
            state: match package {
                _ if package.has_broken_files() => PackageState::HalfInstalled,
                _ if package.has_broken_script() => PackageState::HalfConfigured,
                _ => PackageState::Installed,
            },
            source: Some(package.origin.clone())
                .filter(|origin| !origin.is_empty() && *origin != package.name),
            installed_at: installed_at.map(Timestamp::from_seconds),
            held,
            automatic: !self.world.has(&package.name),
            candidate: Some(candidate.unwrap_or_else(|| package.version.clone())),
            available,
            ..PackageFact::default()
        }
    }

    /// The repositories that the package comes from: those that somebody chose for it, else those it came from.
    pub fn tag<'n>(&'n self, package: &'n Record) -> Option<&'n str> {
        let own = Some(package.tag.as_str()).filter(|tag| !tag.is_empty());
        self.world.tag(&package.name).or(own)
    }
}

/// What the repositories have of what is installed.
struct Offers<'n> {
    node: &'n Node,
    by_name: HashMap<&'n str, Vec<Offer>>,
    /// Of each repository.
    tags: Vec<Option<String>>,
}

impl<'n> Offers<'n> {
    fn new(node: &'n Node) -> Self {
        let by_name = node.installed.iter().map(|package| (package.name.as_str(), Vec::new())).collect();
        Self { node, by_name, tags: Vec::new() }
    }

    fn add(&mut self, repository: u32, record: Record) {
        if self.node.takes(&record.arch)
            && let Some(offers) = self.by_name.get_mut(record.name.as_str())
        {
            offers.push(Offer { version: record.version, built_at: record.built_at, repository });
        }
    }

    /// Of repositories with this tag, every version that is not older than the installed one, newest first.
    fn available(&self, package: &Record, tag: Option<&str>) -> Vec<AvailableVersion> {
        let has_tag = |offer: &&Offer| {
            let of_repository = self.tags.get(offer.repository as usize);
            of_repository.is_some_and(|of_repository| of_repository.as_deref() == tag)
        };
        let offers = self.by_name.get(package.name.as_str()).into_iter().flatten();
        let mut fitting: Vec<&Offer> = offers
            .filter(has_tag)
            .filter(|offer| compare(&offer.version, &package.version).is_ge())
            .collect();
        fitting.sort_by(|a, b| {
            compare(&b.version, &a.version)
                .then_with(|| a.version.cmp(&b.version))
                .then_with(|| a.repository.cmp(&b.repository))
        });
        let same = fitting.chunk_by(|a, b| a.version == b.version);
        same.map(|offers| AvailableVersion {
            version: offers[0].version.clone(),
            repositories: offers.iter().map(|offer| offer.repository).collect(),
            built_at: offers[0].built_at.map(Timestamp::from_seconds),
            ..AvailableVersion::default()
        })
        .collect()
    }
}
