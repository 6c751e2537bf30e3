//! Manifests of packages: which of their files is for a machine, and what each file must be. Fetching and installing is the
//! agent's, keeping the files the server's.
//! Source: spec systems-manager 8, agent-protocol 9.3.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::check::unexpected;
use super::{DocumentError, Platform};

const ANY: [&str; 2] = ["_any", "*"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub version: String,
    /// Platform, version of it, architecture: the file.
    packages: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    pub files: BTreeMap<String, FileSum>,
}

/// What a file must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSum {
    /// Hexadecimal digits, in lower case.
    pub sha256: String,
    pub size_bytes: Option<u64>,
}

/// A machine as manifests name it, the best name first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub platforms: Vec<&'static str>,
    pub version: String,
    pub architectures: Vec<&'static str>,
}

#[derive(Deserialize)]
struct Written {
    version: Option<Value>,
    packages: BTreeMap<String, BTreeMap<String, BTreeMap<String, WrittenPackage>>>,
    files: BTreeMap<String, WrittenFile>,
}

#[derive(Deserialize)]
struct WrittenPackage {
    file: String,
}

#[derive(Deserialize)]
struct WrittenFile {
    checksums: BTreeMap<String, String>,
    size: Option<u64>,
}

impl Manifest {
    pub fn from_json(value: &Value) -> Result<Self, DocumentError> {
        let form =
            "a manifest: version, packages by platform, version and architecture, files with checksums";
        let Written { version, packages, files } =
            Written::deserialize(value).map_err(|_| unexpected("the document", form))?;
        let version = match version {
            Some(Value::String(text)) if !text.trim().is_empty() => text,
            Some(Value::Number(number)) => number.to_string(),
            _ => return Err(unexpected("version", "the version of the package")),
        };
        let sum = |(name, file): (String, WrittenFile)| {
            let sha256 = file.checksums.get("sha256").map(|sum| sum.trim().to_ascii_lowercase());
            let is_sum = |sum: &String| sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
            let path = format!("files.{name}.checksums.sha256");
            let sha256 = sha256.filter(is_sum).ok_or_else(|| unexpected(&path, "64 hexadecimal digits"))?;
            Ok((name, FileSum { sha256, size_bytes: file.size }))
        };
        let files = files.into_iter().map(sum).collect::<Result<BTreeMap<_, _>, DocumentError>>()?;
        let mut read: BTreeMap<_, BTreeMap<_, BTreeMap<_, _>>> = BTreeMap::new();
        for (platform, versions) in packages {
            for (of, architectures) in versions {
                for (architecture, package) in architectures {
                    if !files.contains_key(&package.file) {
                        let path = format!("packages.{platform}.{of}.{architecture}.file");
                        return Err(unexpected(&path, "the name of a file among `files`"));
                    }
                    let of_version: &mut BTreeMap<String, String> =
                        read.entry(platform.clone()).or_default().entry(of.clone()).or_default();
                    of_version.insert(architecture, package.file);
                }
            }
        }
        if read.is_empty() {
            return Err(unexpected("packages", "at least one platform"));
        }
        Ok(Self { version, packages: read, files })
    }

    /// The file for a machine: the most particular entry wins, first by platform, then by version, then by architecture.
    pub fn file_for(&self, machine: &Machine) -> Option<&str> {
        let platforms = machine.platforms.iter().copied().chain(ANY);
        platforms.filter_map(|platform| self.packages.get(platform)).find_map(|versions| {
            by_version(versions, &machine.version).into_iter().find_map(|architectures| {
                let names = machine.architectures.iter().copied().chain(ANY);
                let mut found = names.filter_map(|name| architectures.get(name));
                found.next().map(String::as_str)
            })
        })
    }

    /// Where some file of it can be installed.
    pub fn platforms(&self) -> Vec<Platform> {
        let is_for = |platform: &Platform| {
            self.packages.keys().any(|name| match name.as_str() {
                "windows" => *platform == Platform::Windows,
                "macos" => *platform == Platform::MacOs,
                name if ANY.contains(&name) => true,
                _ => *platform == Platform::Linux,
            })
        };
        Platform::ALL.into_iter().filter(is_for).collect()
    }
}

/// The entry of this very version, those of its beginnings (`7.*`) from the longest on, the one of any.
fn by_version<'m, T>(versions: &'m BTreeMap<String, T>, version: &str) -> Vec<&'m T> {
    let mut found: Vec<(usize, &T)> = Vec::new();
    for (name, entry) in versions {
        if name == version {
            found.push((usize::MAX, entry));
        } else if ANY.contains(&name.as_str()) {
            found.push((0, entry));
        } else if let Some(beginning) = name.strip_suffix(".*")
            && version.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        {
            found.push((1 + beginning.len(), entry));
        }
    }
    found.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    found.into_iter().map(|(_, entry)| entry).collect()
}

impl Machine {
    /// From what the system calls itself and what Rust calls the processor.
    pub fn of(platform_type: &str, name: &str, version: &str, arch: &str) -> Self {
        let architectures = match arch {
            "x86_64" => vec!["x86_64", "amd64"],
            "x86" => vec!["386", "i386", "x86"],
            "aarch64" => vec!["arm64", "aarch64"],
            _ => vec![],
        };
        Self { platforms: platforms(platform_type, name), version: version.to_owned(), architectures }
    }
}

fn platforms(platform_type: &str, name: &str) -> Vec<&'static str> {
    match platform_type {
        "Windows" => return vec!["windows"],
        "MacOS" => return vec!["macos"],
        _ => {}
    }
    // By what a name contains: the first that fits.
    let known: [(&str, &[&str]); 16] = [
        ("ubuntu", &["ubuntu"]),
        ("raspbian", &["raspbian", "debian"]),
        ("debian", &["debian"]),
        ("amazon", &["amazon"]),
        ("red hat", &["redhat"]),
        ("centos", &["centos"]),
        ("oracle", &["oracle"]),
        ("rocky", &["rocky"]),
        ("alma", &["almalinux", "alma"]),
        ("fedora", &["fedora"]),
        ("opensuse leap", &["opensuseleap", "opensuse"]),
        ("opensuse", &["opensuse"]),
        ("sles", &["suse"]),
        ("suse", &["suse"]),
        ("alpine", &["alpine"]),
        ("arch", &["arch"]),
    ];
    let name = name.to_lowercase();
    known.iter().find(|(part, _)| name.contains(part)).map(|(_, codes)| codes.to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SUM: &str = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";

    fn manifest(packages: Value) -> Result<Manifest, DocumentError> {
        let file = |size: u64| json!({"checksums": {"sha256": SUM}, "size": size});
        Manifest::from_json(
            &json!({"schemaVersion": "2.0", "version": "1.0", "publisher": "x", "packages": packages,
            "files": {"a.zip": file(1), "b.zip": file(2), "c.zip": file(3), "d.zip": file(4), "e.zip": file(5)}}),
        )
    }

    #[test]
    fn the_most_particular_file_wins() {
        let file = |name: &str| json!({"file": name});
        let manifest = manifest(json!({
            "redhat": {"7.9": {"x86_64": file("a.zip")}, "7.*": {"x86_64": file("b.zip"), "_any": file("c.zip")},
                "_any": {"x86_64": file("d.zip")}},
            "_any": {"_any": {"arm64": file("e.zip")}}
        }))
        .unwrap();
        let check = |name: &str, version: &str, arch: &str, expected: Option<&str>| {
            let machine = Machine::of("Linux", name, version, arch);
            assert_eq!(manifest.file_for(&machine), expected, "{name} {version} {arch}");
        };
        let rhel = "Red Hat Enterprise Linux Server";
        check(rhel, "7.9", "x86_64", Some("a.zip"));
        check(rhel, "7.8", "x86_64", Some("b.zip"));
        check(rhel, "7.9", "aarch64", Some("c.zip"));
        check(rhel, "8.1", "x86_64", Some("d.zip"));
        check(rhel, "70.1", "x86_64", Some("d.zip"));
        check(rhel, "8.1", "aarch64", Some("e.zip"));
        check("Debian GNU/Linux", "12", "aarch64", Some("e.zip"));
        check("Debian GNU/Linux", "12", "x86_64", None);
        assert_eq!(manifest.platforms(), Platform::ALL);
    }

    #[test]
    fn systems_have_their_codes() {
        let check = |kind: &str, name: &str, expected: &[&str]| {
            assert_eq!(platforms(kind, name), expected, "{name}");
        };
        check("Linux", "Ubuntu", &["ubuntu"]);
        check("Linux", "AlmaLinux", &["almalinux", "alma"]);
        check("Linux", "openSUSE Leap", &["opensuseleap", "opensuse"]);
        check("Linux", "SLES", &["suse"]);
        check("Linux", "Oracle Linux Server", &["oracle"]);
        check("Linux", "Something else", &[]);
        check("Windows", "Microsoft Windows Server 2022 Datacenter", &["windows"]);
        check("MacOS", "macOS", &["macos"]);
    }

    #[test]
    fn broken_manifests_name_the_place() {
        let missing = manifest(json!({"debian": {"_any": {"_any": {"file": "z.zip"}}}})).unwrap_err();
        assert!(missing.to_string().starts_with("packages.debian._any._any.file"), "{missing}");
        assert!(manifest(json!({})).unwrap_err().to_string().starts_with("packages"));
        let sum = Manifest::from_json(&json!({"version": "1", "packages": {},
            "files": {"a.zip": {"checksums": {"sha256": "abc"}}}}));
        assert!(sum.unwrap_err().to_string().starts_with("files.a.zip"));
        for wrong in [json!({}), json!([]), json!({"version": "", "packages": {}, "files": {}})] {
            assert!(Manifest::from_json(&wrong).is_err(), "{wrong}");
        }
        let manifest = manifest(json!({"debian": {"_any": {"_any": {"file": "a.zip"}}}})).unwrap();
        assert_eq!((manifest.files["a.zip"].sha256.as_str()), SUM.to_lowercase());
        assert_eq!((manifest.platforms(), manifest.version.as_str()), (vec![Platform::Linux], "1.0"));
    }
}
