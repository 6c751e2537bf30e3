//! Which files describe this node: apt's configuration files in apt's order, and the paths and options they lead to.
//! Source: apt.conf(5); the defaults are those of Debian's apt.

use std::path::{Path, PathBuf};

use super::super::ScanError;
use super::super::root::Root;
use super::config::Config;

const MAX_INCLUDE_DEPTH: usize = 10;

const DEFAULTS: &[(&str, &str)] = &[
    ("Dir", "/"),
    ("Dir::State", "var/lib/apt"),
    ("Dir::State::lists", "lists/"),
    ("Dir::State::extended_states", "extended_states"),
    ("Dir::Cache", "var/cache/apt"),
    ("Dir::Cache::archives", "archives/"),
    ("Dir::Etc", "etc/apt"),
    ("Dir::Etc::sourcelist", "sources.list"),
    ("Dir::Etc::sourceparts", "sources.list.d"),
    ("Dir::Etc::main", "apt.conf"),
    ("Dir::Etc::parts", "apt.conf.d"),
    ("Dir::Etc::preferences", "preferences"),
    ("Dir::Etc::preferencesparts", "preferences.d"),
];

#[derive(Debug)]
pub struct Settings {
    pub lists: PathBuf,
    pub status: PathBuf,
    pub extended_states: PathBuf,
    /// The main file, then the parts, in the order in which apt reads them.
    pub source_files: Vec<PathBuf>,
    pub preference_files: Vec<PathBuf>,
    pub default_release: Option<String>,
    /// From the configuration; when absent, dpkg's own answer counts.
    pub native_arch: Option<String>,
    pub architectures: Vec<String>,
    pub barbarian_architectures: Vec<String>,
    pub phasing: PhasingSettings,
    /// What apt gives to every call of dpkg.
    pub dpkg_options: Vec<String>,
    /// Where downloaded packages are kept.
    pub archives: Option<PathBuf>,
    /// The dpkg that apt calls, where one is named.
    pub dpkg: Option<String>,
}

#[derive(Debug, Default)]
pub struct PhasingSettings {
    pub machine_id: Option<String>,
    pub machine_id_file: PathBuf,
    /// Phasing lowers a version's priority (apt 2.2 to 2.4) and does not merely keep `upgrade` from it.
    pub lowers_priority: bool,
    pub always_include: bool,
    pub never_include: bool,
}

/// Environment of the running machine that apt itself would heed.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `APT_CONFIG`.
    pub apt_config: Option<PathBuf>,
}

impl Environment {
    pub fn of_process() -> Self {
        let apt_config = std::env::var_os("APT_CONFIG").filter(|path| !path.is_empty());
        Self { apt_config: apt_config.map(PathBuf::from) }
    }
}

impl Settings {
    /// Reads the configuration. `environment` counts only on the running machine's own root.
    pub fn load(root: &Root, environment: &Environment) -> Result<Self, ScanError> {
        let mut loader = Loader { root };
        let mut config = Config::default();
        for (name, value) in DEFAULTS {
            config.set(name, value);
        }
        if let Some(file) = environment.apt_config.as_deref().filter(|_| root.is_host()) {
            loader.read_file(&mut config, file, 0)?;
        }
        if let Some(parts) = config.path("Dir::Etc::parts") {
            loader.read_directory(&mut config, Path::new(&parts), 0)?;
        }
        if let Some(main) = config.path("Dir::Etc::main") {
            loader.read_file(&mut config, Path::new(&main), 0)?;
        }
        Self::resolve(root, &config)
    }

    fn resolve(root: &Root, config: &Config) -> Result<Self, ScanError> {
        let status =
            || format!("{}/var/lib/dpkg/status", config.get("Dir").unwrap_or_default().trim_end_matches('/'));
        let path = |name: &str| config.path(name).map(PathBuf::from);
        let required = |name: &str| {
            path(name).ok_or_else(|| ScanError::Settings(format!("apt configuration: {name} is empty")))
        };
        let mut source_files: Vec<PathBuf> = path("Dir::Etc::sourcelist").into_iter().collect();
        if let Some(parts) = path("Dir::Etc::sourceparts") {
            source_files.extend(parts_of(root, &parts, &["list", "sources"])?);
        }
        let mut preference_files: Vec<PathBuf> = path("Dir::Etc::preferences").into_iter().collect();
        if let Some(parts) = path("Dir::Etc::preferencesparts") {
            preference_files.extend(parts_of(root, &parts, &["pref", ""])?);
        }
        let text = |name: &str| config.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
        Ok(Self {
            lists: required("Dir::State::lists")?,
            status: path("Dir::State::status").unwrap_or_else(|| PathBuf::from(status())),
            extended_states: required("Dir::State::extended_states")?,
            source_files,
            preference_files,
            default_release: text("APT::Default-Release"),
            native_arch: text("APT::Architecture"),
            architectures: config.list("APT::Architectures"),
            barbarian_architectures: config.list("APT::BarbarianArchitectures"),
            phasing: phasing(config),
            dpkg_options: config.list("DPkg::Options"),
            archives: path("Dir::Cache::archives"),
            dpkg: config.path("Dir::Bin::dpkg"),
        })
    }
}

fn phasing(config: &Config) -> PhasingSettings {
    let either = |what: &str| {
        let apt = config.flag(&format!("APT::Get::{what}-Include-Phased-Updates"));
        apt.or_else(|| config.flag(&format!("Update-Manager::{what}-Include-Phased-Updates")))
            .unwrap_or(false)
    };
    let etc = config.path("Dir::Etc").unwrap_or_default();
    let beside_etc = Path::new(&etc).parent().map(|parent| parent.join("machine-id"));
    PhasingSettings {
        machine_id: config.get("APT::Machine-ID").filter(|id| !id.is_empty()).map(str::to_owned),
        machine_id_file: config
            .path("Dir::Etc::machine-id")
            .map(PathBuf::from)
            .or(beside_etc)
            .unwrap_or_default(),
        lowers_priority: config.flag("APT::Get::Phase-Policy").unwrap_or(false),
        always_include: either("Always"),
        never_include: either("Never"),
    }
}

struct Loader<'a> {
    root: &'a Root,
}

impl Loader<'_> {
    fn read_file(&mut self, config: &mut Config, path: &Path, depth: usize) -> Result<(), ScanError> {
        let Some(bytes) = self.root.read(path)? else { return Ok(()) };
        let text = String::from_utf8_lossy(&bytes);
        let shown = self.root.shown(path);
        config.parse(&text, &shown, &mut |config, included| {
            if depth >= MAX_INCLUDE_DEPTH {
                return Err(ScanError::Settings(format!("{}: too many nested includes", shown.display())));
            }
            if included.ends_with('/') {
                self.read_directory(config, Path::new(included), depth + 1)
            } else {
                self.read_file(config, Path::new(included), depth + 1)
            }
        })
    }

    fn read_directory(&mut self, config: &mut Config, path: &Path, depth: usize) -> Result<(), ScanError> {
        for file in parts_of(self.root, path, &["conf", ""])? {
            self.read_file(config, &file, depth)?;
        }
        Ok(())
    }
}

/// The files of a `.d` directory that apt reads, sorted: with one of these extensions, where the empty one means none,
/// and a name of letters, digits and `_-:.` only.
fn parts_of(root: &Root, directory: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, ScanError> {
    let mut names = root.list_files(directory)?;
    names.retain(|name| {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'.');
        let plain = !name.starts_with('.') && !name.ends_with('.') && name.bytes().all(valid);
        plain && extensions.contains(&extension)
    });
    names.sort_unstable();
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_blocks_lists_clears_and_relative_paths() {
        let mut config = Config::default();
        let text = r#"
            // comment
            Dir "/bed"; # another
            Dir::State "var/lib/apt/"; Dir::State::Lists "lists";
            APT { Default-Release "stable"; /* gone */ Architectures { "amd64"; "i386"; }; };
            apt::get::assume-yes yes;
            Old::Thing "x"; Old::Thing::Below "y";
            #clear Old::Thing;
            Acquire::Url "http://x//y";
        "#;
        let mut no_include = |_: &mut Config, _: &str| Ok(());
        config.parse(text, Path::new("apt.conf"), &mut no_include).unwrap();
        assert_eq!(config.path("dir::state::lists").as_deref(), Some("/bed/var/lib/apt/lists"));
        assert_eq!(config.list("APT::Architectures"), ["amd64", "i386"]);
        assert_eq!(config.get("apt::default-release"), Some("stable"));
        assert_eq!(config.flag("APT::Get::Assume-Yes"), Some(true));
        assert_eq!(config.get("Old::Thing::Below"), None);
        assert_eq!(config.get("Acquire::Url"), Some("http://x//y"));
    }

    #[test]
    fn names_the_line_of_a_statement_without_an_end() {
        let mut no_include = |_: &mut Config, _: &str| Ok(());
        let error =
            Config::default().parse("A \"b\";\nC \"d\"", Path::new("apt.conf"), &mut no_include).unwrap_err();
        assert!(error.to_string().starts_with("apt.conf:2: "), "{error}");
    }
}
