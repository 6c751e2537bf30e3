//! Which repositories a node has, and where apk keeps what it fetched of them.
//! Source: apk-repositories(5), apk-cache(5); the cache's file names as apk 2.14 and 3.0 write them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::facts::RepositoryFailure;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::super::ScanError;
use super::super::root::{Identity, Root};
use super::super::rpm::uri::without_credentials;

const FILE: &str = "/etc/apk/repositories";
/// A file in the first hides one of its name in the second.
const FOLDERS: [&str; 2] = ["/etc/apk/repositories.d", "/lib/apk/repositories.d"];
/// Where somebody has apk keep packages too; else the second is used.
const CACHES: [&str; 2] = ["/etc/apk/cache", "/var/cache/apk"];
/// Bytes of the hash that tells two repositories' indexes apart.
const HASH_BYTES: usize = 4;

/// A line of the files, or one component of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Without the slash at its end.
    pub address: String,
    /// Of the index.
    pub index: String,
    /// Packages come from it only where somebody asked for this tag.
    pub tag: Option<String>,
}

/// Where the index lies, if it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    At(PathBuf, Identity),
    /// With the first of the places where it was looked for.
    Nowhere(PathBuf),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repositories {
    pub all: Vec<Repository>,
    /// Lines that apk does not understand: it passes over what follows them in that file.
    pub refused: Vec<RepositoryFailure>,
}

impl Repositories {
    pub fn load(root: &Root, arch: &str) -> Result<Self, ScanError> {
        let mut found = Self::default();
        let mut variables = BTreeMap::from([("APK_ARCH".to_owned(), arch.to_owned())]);
        let mut files = vec![PathBuf::from(FILE)];
        let mut seen: Vec<String> = Vec::new();
        for folder in FOLDERS {
            let mut names = root.list_files(Path::new(folder))?;
            names.retain(|name| name.ends_with(".list") && !name.starts_with('.') && !seen.contains(name));
            names.sort_unstable();
            files.extend(names.iter().map(|name| Path::new(folder).join(name)));
            seen.append(&mut names);
        }
        for file in files {
            let bytes = root.read(&file)?.unwrap_or_default();
            found.read(&String::from_utf8_lossy(&bytes), &file.display().to_string(), arch, &mut variables);
        }
        Ok(found)
    }

    /// One file alone.
    pub fn parse(text: &str, file: &str, arch: &str) -> Self {
        let mut found = Self::default();
        found.read(text, file, arch, &mut BTreeMap::from([("APK_ARCH".to_owned(), arch.to_owned())]));
        found
    }

    fn read(&mut self, text: &str, file: &str, arch: &str, variables: &mut BTreeMap<String, String>) {
        for (number, line) in text.lines().enumerate() {
            match read_line(line, arch, variables) {
                Ok(repositories) => self.all.extend(repositories),
                Err(reason) => {
                    self.refused.push(RepositoryFailure {
                        uri: String::new(),
                        suite: format!("{file}:{}", number + 1),
                        error: format!("{reason}; apk passes over this line and those after it"),
                    });
                    return;
                }
            }
        }
    }
}

fn read_line(
    line: &str,
    arch: &str,
    variables: &mut BTreeMap<String, String>,
) -> Result<Vec<Repository>, String> {
    if line.starts_with('#') {
        return Ok(Vec::new());
    }
    let mut words = line.split_ascii_whitespace().peekable();
    let Some(first) = words.peek().copied() else { return Ok(Vec::new()) };
    let is_keyword = !first.starts_with(['@', '$', '/']) && !first.contains("://");
    let keyword = words.next_if(|_| is_keyword);
    if keyword == Some("set") {
        return set(words, variables).map(|()| Vec::new());
    }
    let tag = words.next_if(|word| word.starts_with('@')).map(|word| word[1..].to_owned());
    let written = words.next().ok_or("no address")?;
    let file = match keyword {
        None if written.ends_with(".adb") || written.ends_with(".tar.gz") => None,
        Some("ndx") => None,
        None | Some("v2") => Some("APKINDEX.tar.gz"),
        Some("v3") => Some("Packages.adb"),
        Some(other) => return Err(format!("`{other}` is neither an address nor a known word")),
    };
    let address = substitute(written, variables)?;
    let address = address.trim_end_matches('/');
    if !address.starts_with('/') && !address.contains("://") && !address.starts_with("file:") {
        return Err(format!("`{address}` is not an address"));
    }
    let whole = |address: String| Repository {
        index: match file {
            Some(file) => format!("{address}/{arch}/{file}"),
            None => address.clone(),
        },
        tag: tag.clone(),
        address,
    };
    let components: Vec<&str> = words.collect();
    if components.is_empty() {
        return Ok(vec![whole(address.to_owned())]);
    }
    components.iter().map(|part| Ok(whole(format!("{address}/{}", substitute(part, variables)?)))).collect()
}

/// `set [-default] NAME=VALUE`
fn set<'l>(
    words: impl Iterator<Item = &'l str>,
    variables: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    let mut keeps_known = false;
    for word in words {
        if word == "-default" {
            keeps_known = true;
            continue;
        }
        let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}` sets nothing"))?;
        let is_name = name.starts_with(|sign: char| sign.is_ascii_alphabetic())
            && name.bytes().all(|sign| sign.is_ascii_alphanumeric() || sign == b'_');
        if !is_name || name.starts_with("APK_") {
            return Err(format!("`{name}` cannot be set"));
        }
        let value = substitute(value, variables)?;
        if !keeps_known || !variables.contains_key(name) {
            variables.insert(name.to_owned(), value);
        }
        return Ok(());
    }
    Err("nothing is set".to_owned())
}

/// Replaces `${NAME}`.
fn substitute(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let (mut written, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once("${") {
        let (name, after) = behind.split_once('}').ok_or_else(|| format!("`{text}`: a brace is missing"))?;
        let value = variables.get(name).ok_or_else(|| format!("`{name}` is not set"))?;
        written.push_str(before);
        written.push_str(value);
        rest = after;
    }
    written.push_str(rest);
    Ok(written)
}

impl Repository {
    /// On this machine: read where it lies, without a cache.
    pub fn local_path(&self) -> Option<PathBuf> {
        let path = self
            .index
            .strip_prefix("file:")
            .map_or(self.index.as_str(), |path| path.strip_prefix("//").unwrap_or(path));
        path.starts_with('/').then(|| PathBuf::from(path))
    }

    /// As people know it: the branch, if there is one, and the part of it.
    pub fn name(&self) -> String {
        name(&self.address)
    }

    pub fn shown_address(&self) -> String {
        without_credentials(&self.address)
    }

    /// `cache` is the folder in use.
    pub fn place(&self, root: &Root, cache: &Path) -> Result<Place, ScanError> {
        let paths = match self.local_path() {
            Some(path) => vec![path],
            None => self.cache_names().iter().map(|name| cache.join(name)).collect(),
        };
        let mut newest: Option<(PathBuf, Identity)> = None;
        for path in &paths {
            let Some(identity) = root.identity(path)? else { continue };
            if newest.as_ref().is_none_or(|(_, known)| identity.modified_ns > known.modified_ns) {
                newest = Some((path.clone(), identity));
            }
        }
        Ok(match newest {
            Some((path, identity)) => Place::At(path, identity),
            None => Place::Nowhere(paths.into_iter().next().unwrap_or_default()),
        })
    }

    /// apk has named them by SHA-1, and changes to SHA-256; after an upgrade of it both may be there.
    fn cache_names(&self) -> [String; 2] {
        let name = |hash: &[u8]| format!("APKINDEX.{}.tar.gz", hex::encode(&hash[..HASH_BYTES]));
        [name(&Sha1::digest(&self.index)), name(&Sha256::digest(&self.index))]
    }
}

/// The last two parts of an address's path.
pub fn name(address: &str) -> String {
    let path = address
        .split_once("://")
        .map_or(address, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts[parts.len().saturating_sub(2)..].join("/") {
        name if name.is_empty() => address.to_owned(),
        name => name,
    }
}

/// The folder where apk keeps indexes.
pub fn cache(root: &Root) -> PathBuf {
    let [chosen, usual] = CACHES.map(Path::new);
    let has_chosen = root.directory(chosen).is_some();
    if has_chosen { chosen.to_owned() } else { usual.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<(String, Option<String>)> {
        let found = Repositories::parse(text, "r", "x86_64");
        assert_eq!(found.refused, [], "{text}");
        found.all.into_iter().map(|repository| (repository.index, repository.tag)).collect()
    }

    #[test]
    fn reads_lines_of_both_generations() {
        let check = |text: &str, expected: &[(&str, Option<&str>)]| {
            let expected: Vec<_> =
                expected.iter().map(|(index, tag)| ((*index).to_owned(), tag.map(str::to_owned))).collect();
            assert_eq!(lines(text), expected, "{text}");
        };
        check("# http://a\n\n  \n", &[]);
        check("http://a/v3.20/main/\n", &[("http://a/v3.20/main/x86_64/APKINDEX.tar.gz", None)]);
        check("@edge https://a/edge", &[("https://a/edge/x86_64/APKINDEX.tar.gz", Some("edge"))]);
        check("/media/cdrom/apks", &[("/media/cdrom/apks/x86_64/APKINDEX.tar.gz", None)]);
        check("https://a/b.adb", &[("https://a/b.adb", None)]);
        check("v3 @x http://a main", &[("http://a/main/x86_64/Packages.adb", Some("x"))]);
        check(
            "set -default m=http://a\nset m=http://b\nset -default m=http://c\nv2 ${m} main ${APK_ARCH}\n",
            &[
                ("http://b/main/x86_64/APKINDEX.tar.gz", None),
                ("http://b/x86_64/x86_64/APKINDEX.tar.gz", None),
            ],
        );
    }

    #[test]
    fn lines_that_apk_refuses_are_told() {
        for line in [
            "v9 http://a",
            "${nowhere}/a",
            "set APK_ARCH=x",
            "set 1=x",
            "set",
            "@edge",
            "v2",
            "a/b",
            "http://${a",
        ] {
            let text = format!("http://first\n{line}\nhttp://never\n");
            let found = Repositories::parse(&text, "r", "x86_64");
            assert_eq!((found.all.len(), found.refused.len()), (1, 1), "{line}");
            assert_eq!(found.refused[0].suite, "r:2", "{line}");
        }
    }

    #[test]
    fn an_index_is_found_by_its_address() {
        let of = |text: &str| Repositories::parse(text, "r", "x86_64").all.remove(0);
        // As apk 3.0.8 named them.
        assert_eq!(of("http://127.0.0.1:8931/base/").cache_names()[0], "APKINDEX.cdcfda31.tar.gz");
        assert_eq!(of("http://127.0.0.1:8931/updates").cache_names()[0], "APKINDEX.99ede9ea.tar.gz");
        assert_eq!(of("http://127.0.0.1:8931/base").cache_names()[1], "APKINDEX.a7c101f2.tar.gz");
        assert_eq!(of("/repo/base").local_path().unwrap(), Path::new("/repo/base/x86_64/APKINDEX.tar.gz"));
        assert_eq!(of("file:///repo").local_path().unwrap(), Path::new("/repo/x86_64/APKINDEX.tar.gz"));
        assert_eq!(of("http://a/repo").local_path(), None);
    }

    #[test]
    fn names_are_short_and_addresses_keep_no_secrets() {
        let of = |text: &str| Repositories::parse(text, "r", "x86_64").all.remove(0);
        assert_eq!(of("https://dl.example.org/alpine/v3.20/main").name(), "v3.20/main");
        assert_eq!(of("@edge http://dl.example.org/edge/testing").name(), "edge/testing");
        assert_eq!(of("/repo").name(), "repo");
        assert_eq!(of("http://dl.example.org").name(), "http://dl.example.org");
        assert_eq!(of("https://me:secret@dl.example.org/a").shown_address(), "https://dl.example.org/a");
    }

    proptest! {
        #[test]
        fn takes_any_text(text in any::<String>()) {
            let _ = Repositories::parse(&text, "r", "x86_64");
        }
    }
}
