//! apt_preferences(5): pins, which versions they are about, and the priority they give.
//! Choosing a candidate by them belongs to `policy`.

use std::path::PathBuf;

use super::super::ScanError;
use super::super::root::Root;
use super::deb822::{self, Stanza};
use super::pattern::Pattern;
use super::release::Release;

/// `Pin-Priority: never`, below every number that can be written.
pub const NEVER: i32 = i16::MIN as i32;

#[derive(Debug, Default)]
pub struct Preferences {
    /// For whole package lists (`Package: *`), in order: the first that matches a list counts.
    pub general: Vec<GeneralPin>,
    /// For packages by name, in order: the first that matches a version counts.
    pub specific: Vec<SpecificPin>,
}

#[derive(Debug)]
pub struct GeneralPin {
    pub target: Target,
    pub priority: i32,
}

#[derive(Debug)]
pub struct SpecificPin {
    pub names: Vec<PackageName>,
    pub target: Target,
    pub priority: i32,
}

/// One name of a `Package` field.
#[derive(Debug)]
pub struct PackageName {
    /// The name is a source package's.
    pub of_source: bool,
    pub name: NameMatch,
    /// `None`: the native architecture only.
    pub arch: Option<String>,
}

#[derive(Debug)]
pub enum NameMatch {
    Exactly(String),
    Like(Pattern),
}

/// What a `Pin` field is about.
#[derive(Debug)]
pub enum Target {
    Version {
        text: String,
        pattern: Pattern,
    },
    /// Every list, and what is installed.
    Everything,
    Release(Box<ReleaseTarget>),
    Host(Pattern),
    Nothing,
}

/// The conditions of `Pin: release`; all that are given must hold.
#[derive(Debug, Default)]
pub struct ReleaseTarget {
    version: Option<VersionMatch>,
    origin: Option<Pattern>,
    suite: Option<Pattern>,
    codename: Option<Pattern>,
    label: Option<Pattern>,
    component: Option<Pattern>,
    arch: Option<Pattern>,
    /// A word alone: suite or codename.
    either_name: Option<Pattern>,
}

#[derive(Debug)]
struct VersionMatch {
    text: String,
    pattern: Pattern,
}

/// The package list, or dpkg's status file, that a version stands in.
#[derive(Clone, Copy, Debug)]
pub struct ListIdentity<'a> {
    /// `None` for dpkg's status file.
    pub release: Option<&'a Release>,
    pub host: &'a str,
    /// `now` for dpkg's status file.
    pub component: &'a str,
    pub arch: Option<&'a str>,
}

impl Preferences {
    /// Reads the files in order, after the pin that `APT::Default-Release` stands for.
    pub fn load(root: &Root, files: &[PathBuf], default_release: Option<&str>) -> Result<Self, ScanError> {
        let mut preferences = Self::default();
        if let Some(release) = default_release {
            preferences.general.push(GeneralPin { target: Target::release(release), priority: 990 });
        }
        for path in files {
            let Some(bytes) = root.read(path)? else { continue };
            let failed =
                |line: u64, reason: String| ScanError::Malformed { path: root.shown(path), line, reason };
            let text = String::from_utf8_lossy(&bytes);
            for stanza in deb822::stanzas(&text).map_err(|(line, reason)| failed(line, reason.to_owned()))? {
                preferences.add(&stanza).map_err(|reason| failed(stanza.line, reason))?;
            }
        }
        Ok(preferences)
    }

    fn add(&mut self, stanza: &Stanza) -> Result<(), String> {
        let names =
            stanza.get("Package").filter(|names| !names.is_empty()).ok_or("pin without a Package field")?;
        let general = names == "*";
        let Some(pin) = stanza.get("Pin") else { return Ok(()) };
        let (kind, data) = pin
            .split_once(|c: char| c.is_ascii_whitespace())
            .map_or((pin, ""), |(kind, data)| (kind, data.trim()));
        let target = match kind.to_ascii_lowercase().as_str() {
            "version" if !general => Target::version(data),
            "release" => Target::release(data),
            "origin" => Target::host(data),
            // apt warns and goes on.
            _ => return Ok(()),
        };
        let priority = parse_priority(stanza.get("Pin-Priority").unwrap_or_default())?;
        if general {
            self.general.push(GeneralPin { target, priority });
        } else if priority == NEVER {
            return Err("`Pin-Priority: never` is for `Package: *` only".to_owned());
        } else {
            let names = names.split_ascii_whitespace().map(PackageName::parse).collect();
            self.specific.push(SpecificPin { names, target, priority });
        }
        Ok(())
    }
}

fn parse_priority(text: &str) -> Result<i32, String> {
    if text == "never" {
        return Ok(NEVER);
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = &digits[..digits.bytes().take_while(u8::is_ascii_digit).count()];
    let number = if digits.is_empty() { Ok(0) } else { digits.parse::<i64>().map(|number| sign * number) };
    match number {
        Ok(0) => Err("no priority (or zero) for a pin".to_owned()),
        Ok(number) if number == i64::from(NEVER) => Ok(NEVER + 1),
        Ok(number) if (i64::from(i16::MIN)..=i64::from(i16::MAX)).contains(&number) => Ok(number as i32),
        _ => Err(format!("`{text}` is outside the range of pin priorities")),
    }
}

impl PackageName {
    fn parse(text: &str) -> Self {
        let (of_source, text) = text.strip_prefix("src:").map_or((false, text), |name| (true, name));
        let (name, arch) =
            text.rsplit_once(':').map_or((text, None), |(name, arch)| (name, Some(arch.to_owned())));
        let name = if Pattern::is_needed_for(name) {
            NameMatch::Like(Pattern::new(name))
        } else {
            NameMatch::Exactly(name.to_owned())
        };
        Self { of_source, name, arch }
    }

    pub fn covers(&self, package: &PinnedPackage<'_>) -> bool {
        let name = if self.of_source { package.source } else { package.name };
        let (named, also_as_any) = match &self.name {
            NameMatch::Exactly(wanted) => (wanted == name, false),
            // apt knows a package that may be depended on as `name:any` under that name too, and a pattern that fits it
            // pins every architecture.
            NameMatch::Like(pattern) => {
                let any = package.known_as_any && self.arch.is_none() && !self.of_source;
                (pattern.matches(name), any && pattern.matches(&format!("{name}:any")))
            }
        };
        also_as_any || (named && arch_fits(self.arch.as_deref().unwrap_or(package.native_arch), package.arch))
    }
}

/// One version of a package, as pins by name see it.
#[derive(Clone, Copy, Debug)]
pub struct PinnedPackage<'a> {
    pub name: &'a str,
    pub source: &'a str,
    pub arch: &'a str,
    pub native_arch: &'a str,
    /// Some version of it, of any architecture, is `Multi-Arch: allowed`.
    pub known_as_any: bool,
}

/// `any`, `any-amd64` and `linux-any` stand for many.
fn arch_fits(wanted: &str, arch: &str) -> bool {
    fn split(arch: &str) -> (&str, &str) {
        arch.split_once('-').unwrap_or(if arch == "any" { ("any", "any") } else { ("linux", arch) })
    }
    let ((wanted_os, wanted_cpu), (os, cpu)) = (split(wanted), split(arch));
    wanted == arch || ((wanted_os == "any" || wanted_os == os) && (wanted_cpu == "any" || wanted_cpu == cpu))
}

impl Target {
    fn version(data: &str) -> Self {
        if data.is_empty() {
            return Self::Nothing;
        }
        Self::Version { text: data.to_owned(), pattern: Pattern::new(data) }
    }

    fn host(data: &str) -> Self {
        let bare = data.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Self::Host(Pattern::new(bare.unwrap_or(data)))
    }

    pub fn release(data: &str) -> Self {
        if data == "*" {
            return Self::Everything;
        }
        let mut target = ReleaseTarget::default();
        let version = |text: &str| Some(VersionMatch { text: text.to_owned(), pattern: Pattern::new(text) });
        if !data.contains('=') {
            match data.bytes().next() {
                None => {}
                Some(b'0'..=b'9') => target.version = version(data),
                Some(_) => target.either_name = Some(Pattern::new(data)),
            }
            return Self::Release(Box::new(target));
        }
        for condition in data.split(',').map(str::trim) {
            let Some((key, value)) =
                condition.split_once('=').filter(|(key, value)| key.len() == 1 && !value.is_empty())
            else {
                continue;
            };
            let pattern = Some(Pattern::new(value));
            match key.to_ascii_lowercase().as_str() {
                "v" => target.version = version(value),
                "o" => target.origin = pattern,
                "a" => target.suite = pattern,
                "n" => target.codename = pattern,
                "l" => target.label = pattern,
                "c" => target.component = pattern,
                "b" => target.arch = pattern,
                _ => continue,
            }
        }
        Self::Release(Box::new(target))
    }

    /// Whether a version string is meant; always false for the other kinds.
    pub fn fits_version(&self, version: &str) -> bool {
        match self {
            Self::Version { text, pattern } => version_fits(text, pattern, version),
            _ => false,
        }
    }

    pub fn fits_list(&self, list: &ListIdentity<'_>) -> bool {
        match self {
            Self::Version { .. } | Self::Nothing => false,
            Self::Everything => true,
            Self::Host(pattern) => list.release.is_some() && pattern.matches(list.host),
            Self::Release(target) => target.fits(list),
        }
    }
}

impl ReleaseTarget {
    fn is_empty(&self) -> bool {
        let patterns = [
            &self.origin,
            &self.suite,
            &self.codename,
            &self.label,
            &self.component,
            &self.arch,
            &self.either_name,
        ];
        self.version.is_none() && patterns.into_iter().all(Option::is_none)
    }

    /// Without any condition no list fits, yet what is installed does: apt has it so.
    fn fits(&self, list: &ListIdentity<'_>) -> bool {
        if self.is_empty() {
            return list.release.is_none();
        }
        let fits = |pattern: &Option<Pattern>, text: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| text.is_some_and(|text| pattern.matches(text)))
        };
        let of_release = match list.release {
            Some(release) => {
                let (suite, codename) = (release.suite.as_deref(), release.codename.as_deref());
                let version = release.version.as_deref();
                self.version.as_ref().is_none_or(|wanted| {
                    version.is_some_and(|version| version_fits(&wanted.text, &wanted.pattern, version))
                }) && fits(&self.origin, release.origin.as_deref())
                    && fits(&self.suite, suite)
                    && fits(&self.codename, codename)
                    && fits(&self.label, release.label.as_deref())
                    && (fits(&self.either_name, suite) || fits(&self.either_name, codename))
            }
            // What is installed has no release; its suite goes by the name `now`.
            None => {
                let rest = [&self.origin, &self.label, &self.codename];
                fits(&self.suite, Some(list.component))
                    && fits(&self.either_name, Some(list.component))
                    && self.version.is_none()
                    && rest.iter().all(|pattern| pattern.is_none())
            }
        };
        of_release && fits(&self.component, Some(list.component)) && fits(&self.arch, list.arch)
    }
}

/// Equal, or beginning with what stands before a final star, or matching as a pattern.
fn version_fits(text: &str, pattern: &Pattern, version: &str) -> bool {
    let literal = match text.strip_suffix('*') {
        Some(prefix) => {
            version.len() >= prefix.len()
                && version.as_bytes()[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes())
        }
        None => version.eq_ignore_ascii_case(text),
    };
    literal || pattern.matches(version)
}
