//! Module streams: which packages of a repository are there because a stream is active, and which are hidden because none is.
//! Source: dnf's documentation of modularity, the rules of package filtering.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;
use super::ini;
use super::modulemd::{Description, Stream, for_each_description};
use super::node::Source;
use super::primary::Offer;
use super::updateinfo::ModuleStream;

/// Streams that an administrator switched.
const STATES: &str = "/etc/dnf/modules.d";

/// What the active streams of a node make of its packages.
#[derive(Debug, Default)]
pub struct Modules {
    /// Hashes of `name-epoch:version-release.arch` of every package in an active stream.
    shown: HashSet<u64>,
    /// Of those in the others.
    hidden: HashSet<u64>,
    names: HashSet<String>,
    /// From a module to its active stream; `None` where the tool knows no modules.
    active: Option<BTreeMap<String, String>>,
}

impl Modules {
    /// From the sources' own descriptions and the node's choice of streams. `platform` is `el9`.
    pub fn load(root: &Root, sources: &[Source], platform: &str) -> Result<Self, ScanError> {
        let (mut streams, mut defaults) = (Vec::new(), BTreeMap::new());
        for file in sources.iter().filter_map(|source| source.modules.as_ref()) {
            for_each_description(&file.document(root), &mut |description| match description {
                Description::Stream(stream) => streams.push(stream),
                // Repositories that disagree leave the module without a default.
                Description::Default { module, stream } => {
                    let known = defaults.entry(module).or_insert_with(|| Some(stream.clone()));
                    if *known != Some(stream) {
                        *known = None;
                    }
                }
            })?;
        }
        if streams.is_empty() {
            // There are advisories for streams all the same, which then concern nobody.
            return Ok(Self { active: Some(BTreeMap::new()), ..Self::default() });
        }
        let states = States::load(root)?;
        Ok(Self::of(&streams, &states, &defaults, platform))
    }

    fn of(
        streams: &[Stream],
        states: &States,
        defaults: &BTreeMap<String, Option<String>>,
        platform: &str,
    ) -> Self {
        let mut active = states.enabled.clone();
        for (module, stream) in defaults {
            if let Some(stream) = stream.as_ref().filter(|_| !states.is_set(module)) {
                active.insert(module.clone(), stream.clone());
            }
        }
        // A default whose needs are not met is none, and others may have needed it.
        loop {
            let is_met = |module: &String, stream: &String| {
                let of_it = streams.iter().filter(|known| known.name == *module && known.stream == *stream);
                of_it.into_iter().any(|known| is_satisfied(known, &active, platform))
            };
            let unmet =
                active.iter().find(|(module, stream)| !states.is_set(module) && !is_met(module, stream));
            let Some(unmet) = unmet.map(|(module, _)| module.clone()) else { break };
            active.remove(&unmet);
        }
        let settled = active.clone();
        let mut modules = Self::default();
        for stream in streams {
            let is_active =
                active.get(&stream.name) == Some(&stream.stream) && is_satisfied(stream, &active, platform);
            for artifact in &stream.artifacts {
                if is_active {
                    modules.shown.insert(hash(artifact));
                    modules.names.extend(name_of_binary(artifact).map(str::to_owned));
                } else {
                    modules.hidden.insert(hash(artifact));
                }
            }
        }
        let is_described = |module: &String, stream: &mut String| {
            streams.iter().any(|known| {
                known.name == *module && known.stream == *stream && is_satisfied(known, &settled, platform)
            })
        };
        active.retain(is_described);
        modules.active = Some(active);
        modules
    }

    /// Names of packages in active streams.
    pub fn names(&self) -> HashSet<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    pub fn hide(&self, offer: &Offer) -> bool {
        if self.active.is_none() {
            return false;
        }
        let epoch = if offer.version.contains(':') { "" } else { "0:" };
        let nevra = hash(&format!("{}-{epoch}{}.{}", offer.name, offer.version, offer.arch));
        if self.shown.contains(&nevra) {
            return false;
        }
        self.hidden.contains(&nevra) || self.names.contains(&offer.name) || offer.provides_modular
    }

    /// The same text for the same streams.
    pub fn active_streams(&self) -> String {
        format!("{:?}", self.active)
    }

    /// Whether one of these streams is active; true where none is named.
    pub fn has_any_of(&self, streams: &[ModuleStream]) -> bool {
        let Some(active) = &self.active else { return true };
        streams.is_empty() || streams.iter().any(|stream| active.get(&stream.name) == Some(&stream.stream))
    }
}

/// What `dnf module enable` and `disable` wrote down.
#[derive(Debug, Default)]
struct States {
    enabled: BTreeMap<String, String>,
    disabled: HashSet<String>,
}

impl States {
    fn load(root: &Root) -> Result<Self, ScanError> {
        let mut states = Self::default();
        for file in ini::files(root, Path::new(STATES), ".module")? {
            for section in ini::read(root, &file)? {
                match (section.get("state"), section.get("stream").filter(|stream| !stream.is_empty())) {
                    (Some("enabled" | "installed" | "1"), Some(stream)) => {
                        states.enabled.insert(section.name.clone(), stream.to_owned());
                    }
                    (Some("disabled"), _) => {
                        states.disabled.insert(section.name.clone());
                    }
                    _ => {}
                }
            }
        }
        Ok(states)
    }

    fn is_set(&self, module: &str) -> bool {
        self.enabled.contains_key(module) || self.disabled.contains(module)
    }
}

/// Whether one of the alternatives holds; a stream that needs nothing is satisfied.
fn is_satisfied(stream: &Stream, active: &BTreeMap<String, String>, platform: &str) -> bool {
    let holds = |(module, wanted): &(String, Vec<String>)| {
        let actual =
            if module == "platform" { Some(platform) } else { active.get(module).map(String::as_str) };
        let Some(actual) = actual else { return false };
        let (refused, named): (Vec<_>, Vec<_>) = wanted.iter().partition(|stream| stream.starts_with('-'));
        let is_refused = refused.iter().any(|stream| stream[1..] == *actual);
        !is_refused && (named.is_empty() || named.iter().any(|stream| *stream == actual))
    };
    stream.requires.is_empty() || stream.requires.iter().any(|alternative| alternative.iter().all(holds))
}

/// `None` for sources, which do not take the place of anything.
fn name_of_binary(artifact: &str) -> Option<&str> {
    let (rest, arch) = artifact.rsplit_once('.')?;
    let (rest, _) = rest.rsplit_once('-')?;
    let (name, _) = rest.rsplit_once('-')?;
    (!matches!(arch, "src" | "nosrc")).then_some(name)
}

fn hash(nevra: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    nevra.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(name: &str, stream: &str, requires: &[(&str, &[&str])], artifact: &str) -> Stream {
        let requires = requires.iter().map(|(module, streams)| {
            ((*module).to_owned(), streams.iter().map(|&stream| stream.to_owned()).collect())
        });
        Stream {
            name: name.to_owned(),
            stream: stream.to_owned(),
            context: String::new(),
            requires: vec![requires.collect()],
            artifacts: vec![artifact.to_owned()],
        }
    }

    fn offer(name: &str, version: &str) -> Offer {
        Offer {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: "x86_64".to_owned(),
            ..Offer::default()
        }
    }

    #[test]
    fn only_active_streams_have_packages() {
        let streams = [
            stream("n", "18", &[("platform", &["el9"])], "node-1:18-1.x86_64"),
            stream("n", "20", &[("platform", &["el9"])], "node-1:20-1.x86_64"),
            stream("d", "1", &[("platform", &["-el8"]), ("n", &["18"])], "dep-0:1-1.x86_64"),
            stream("e", "1", &[("platform", &["el8"])], "old-0:1-1.x86_64"),
        ];
        let default = |module: &str, stream: &str| (module.to_owned(), Some(stream.to_owned()));
        let defaults = BTreeMap::from([default("n", "20"), default("d", "1"), default("e", "1")]);
        let mut states = States::default();
        let check = |states: &States, name: &str, version: &str, hidden: bool| {
            let modules = Modules::of(&streams, states, &defaults, "el9");
            assert_eq!(modules.hide(&offer(name, version)), hidden, "{name} {version}");
        };
        check(&states, "node", "1:20-1", false);
        check(&states, "node", "1:18-1", true);
        check(&states, "node", "9:1-1", true); // not modular, but named like a modular one
        check(&states, "dep", "1-1", true); // needs the other stream
        check(&states, "old", "1-1", true); // for another platform
        check(&states, "other", "1-1", false);
        states.enabled.insert("n".to_owned(), "18".to_owned());
        check(&states, "node", "1:18-1", false);
        check(&states, "dep", "1-1", false);
        states.enabled.clear();
        states.disabled.insert("n".to_owned());
        check(&states, "node", "1:18-1", true);
        check(&states, "node", "9:1-1", false);
        assert!(!Modules::default().hide(&offer("node", "1:18-1")));
    }
}
