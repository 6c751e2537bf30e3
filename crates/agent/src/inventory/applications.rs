//! Installed packages as applications: from the databases of dpkg, rpm, apk and pacman, read as patching reads them.
//! Source: deb-control(5), apk-package(5); spec agent-protocol 6.3.

use std::path::Path;

use api::Timestamp;

use super::{Entry, entry};
use crate::packages::ScanError;
use crate::packages::apk;
use crate::packages::pacman::local::Local;
use crate::packages::root::Root;
use crate::packages::rpm::database::Database;

const DPKG_STATUS: &str = "/var/lib/dpkg/status";
const DPKG_INFO: &str = "/var/lib/dpkg/info";
const PACMAN: &str = "/var/lib/pacman";

/// Packages of AWS's own, which are listed apart from other applications; of ours the agent.
pub fn is_component(entry: &Entry) -> bool {
    let name = entry.get("Name").map(String::as_str).unwrap_or_default();
    [
        "amazon-ssm-agent",
        "amazon-cloudwatch-agent",
        "amazon-efs-utils",
        "ec2-instance-connect",
        "fettle-agent",
    ]
    .contains(&name)
        || ["aws-cfn-bootstrap", "aws-apitools-", "aws-cli", "awscli", "aws-kinesis-agent"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// Of whichever databases there are. None is an empty list: a node need not have a package manager.
pub fn gather(root: &Root) -> Result<Vec<Entry>, ScanError> {
    let mut found = Vec::new();
    if let Some(status) = root.read(Path::new(DPKG_STATUS))? {
        found.extend(of_dpkg(root, &String::from_utf8_lossy(&status)));
    }
    if let Some(database) = Database::find(root)? {
        found.extend(of_rpm(&database, root)?);
    }
    if apk::has_database(root)? {
        found.extend(apk::installed(root)?.iter().map(of_apk));
    }
    if root.identity(&Path::new(PACMAN).join("local/ALPM_DB_VERSION"))?.is_some() {
        found.extend(of_pacman(root)?);
    }
    found.push(entry([
        ("Name", crate::AGENT_NAME.to_owned()),
        ("Version", crate::VERSION.to_owned()),
        ("Publisher", "Fettle".to_owned()),
        ("Architecture", machine(std::env::consts::ARCH).to_owned()),
    ]));
    found.retain(|entry| entry.contains_key("Name") && entry.contains_key("Version"));
    // The agent's own package would be told twice.
    found.sort_by(|left, right| identity(left).cmp(&identity(right)));
    found.dedup_by(|later, earlier| identity(later) == identity(earlier));
    Ok(found)
}

fn identity(entry: &Entry) -> [Option<&String>; 4] {
    ["Name", "Architecture", "Version", "Release"].map(|name| entry.get(name))
}

/// As applications are listed everywhere: by the names that kernels have for machines.
fn machine(arch: &str) -> &str {
    match arch {
        "amd64" => "x86_64",
        "arm64" | "aarch64" => "arm64",
        "i386" | "i686" | "x86" => "i386",
        "all" | "any" | "noarch" => "noarch",
        other => other,
    }
}

fn time(seconds: Option<i64>) -> String {
    seconds.filter(|at| *at > 0).map(|at| Timestamp::from_seconds(at).to_iso_seconds()).unwrap_or_default()
}

/// Stanza by stanza; of a package that is half removed nothing is installed.
fn of_dpkg(root: &Root, status: &str) -> Vec<Entry> {
    let info = root.directory(Path::new(DPKG_INFO));
    let installed_at = |package: &str, arch: &str| {
        let info = info.as_ref()?;
        let list = |name: String| info.identity(&name).map(|identity| identity.modified_seconds());
        list(format!("{package}.list")).or_else(|| list(format!("{package}:{arch}.list")))
    };
    status.split("\n\n").filter_map(|stanza| dpkg_entry(stanza, &installed_at)).collect()
}

fn dpkg_entry(stanza: &str, installed_at: &dyn Fn(&str, &str) -> Option<i64>) -> Option<Entry> {
    let field = |wanted: &str| {
        let line = stanza.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then_some(value.trim())
        });
        line.unwrap_or_default()
    };
    if !field("Status").ends_with(" installed") {
        return None;
    }
    let (package, arch) = (field("Package"), field("Architecture"));
    let (epoch, rest) = field("Version").split_once(':').unwrap_or(("", field("Version")));
    let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
    let source = field("Source").split_whitespace().next().unwrap_or(package);
    Some(entry([
        ("Name", package.to_owned()),
        ("ApplicationType", field("Section").to_owned()),
        ("Publisher", field("Maintainer").to_owned()),
        ("Version", version.to_owned()),
        ("Release", release.to_owned()),
        ("Epoch", epoch.to_owned()),
        ("InstalledTime", time(installed_at(package, arch))),
        ("Architecture", machine(arch).to_owned()),
        ("URL", field("Homepage").to_owned()),
        ("Summary", field("Description").to_owned()),
        ("PackageId", source.to_owned()),
    ]))
}

fn of_rpm(database: &Database, root: &Root) -> Result<Vec<Entry>, ScanError> {
    let of = |package: &crate::packages::rpm::header::Installed| {
        let epoch = package.evr.epoch;
        entry([
            ("Name", package.name.clone()),
            ("Publisher", package.vendor.clone()),
            ("Version", package.evr.version.clone()),
            ("Release", package.evr.release.clone()),
            ("Epoch", if epoch == 0 { String::new() } else { epoch.to_string() }),
            ("InstalledTime", time(package.installed_at)),
            ("Architecture", machine(&package.arch).to_owned()),
            ("PackageId", package.source_rpm.clone()),
        ])
    };
    Ok(database.installed(root)?.iter().map(of).collect())
}

fn of_apk(package: &apk::records::Record) -> Entry {
    let (version, release) = package.version.rsplit_once("-r").unwrap_or((&package.version, ""));
    entry([
        ("Name", package.name.clone()),
        ("Version", version.to_owned()),
        ("Release", release.to_owned()),
        ("Architecture", machine(&package.arch).to_owned()),
        ("PackageId", package.origin.clone()),
    ])
}

fn of_pacman(root: &Root) -> Result<Vec<Entry>, ScanError> {
    let local = Local::load(root, Path::new(PACMAN))?;
    let of = |package: &crate::packages::pacman::desc::Desc| {
        let (epoch, rest) = package.version.split_once(':').unwrap_or(("", &package.version));
        let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
        entry([
            ("Name", package.name.clone()),
            ("Version", version.to_owned()),
            ("Release", release.to_owned()),
            ("Epoch", epoch.to_owned()),
            ("InstalledTime", time(package.installed_at.map(|at| at.as_millis() / 1000))),
            ("Architecture", machine(&package.arch).to_owned()),
            ("PackageId", package.base.clone()),
        ])
    };
    Ok(local.packages.iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: openssl\nStatus: install ok installed\nSection: utils\nMaintainer: Debian OpenSSL \
        Team <x@example.org>\nArchitecture: amd64\nSource: openssl (3.0.15-1)\nVersion: 1:3.0.15-1~deb12u1\n\
        Description: Secure Sockets Layer toolkit\n two lines\nHomepage: https://www.openssl.org/\n\n\
        Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1.0\n\n\
        Package: native\nStatus: install ok installed\nArchitecture: all\nVersion: 2.0\n";

    #[test]
    fn reads_dpkgs_stanzas() {
        let at = |package: &str, _: &str| (package == "openssl").then_some(1_700_000_000);
        let found: Vec<Entry> = STATUS.split("\n\n").filter_map(|stanza| dpkg_entry(stanza, &at)).collect();
        assert_eq!(found.len(), 2);
        let expected = entry([
            ("Name", "openssl".to_owned()),
            ("ApplicationType", "utils".to_owned()),
            ("Publisher", "Debian OpenSSL Team <x@example.org>".to_owned()),
            ("Version", "3.0.15".to_owned()),
            ("Release", "1~deb12u1".to_owned()),
            ("Epoch", "1".to_owned()),
            ("InstalledTime", "2023-11-14T22:13:20Z".to_owned()),
            ("Architecture", "x86_64".to_owned()),
            ("URL", "https://www.openssl.org/".to_owned()),
            ("Summary", "Secure Sockets Layer toolkit".to_owned()),
            ("PackageId", "openssl".to_owned()),
        ]);
        assert_eq!(found[0], expected);
        assert_eq!((found[1].get("Version").unwrap().as_str(), found[1].get("Release")), ("2.0", None));
    }

    #[test]
    fn a_root_without_packages_has_the_agent() {
        let dir = tempfile::tempdir().unwrap();
        let found = gather(&Root::at(dir.path()).unwrap()).unwrap();
        assert_eq!(found.len(), 1);
        assert!(is_component(&found[0]) && found[0]["Version"] == crate::VERSION, "{found:?}");
    }

    #[test]
    fn entries_have_the_attributes_of_their_type() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("var/lib/dpkg")).unwrap();
        std::fs::write(dir.path().join("var/lib/dpkg/status"), STATUS).unwrap();
        let known = domain::inventory::InventoryType::find("AWS:Application").unwrap();
        let found = gather(&Root::at(dir.path()).unwrap()).unwrap();
        assert_eq!((found.len(), known.check_all(&found)), (3, Ok(())));
    }
}
