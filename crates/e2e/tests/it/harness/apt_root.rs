//! A small Debian 12: three packages, one of them with a security fix to be had.

use std::fs;
use std::path::Path;

/// The package that lacks its fix, and the fix.
pub const MISSING: (&str, &str, &str) = ("openssl", "3.0.11-1~deb12u1", "3.0.15-1~deb12u1");

const OS_RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"
NAME=\"Debian GNU/Linux\"
VERSION_ID=\"12\"
VERSION=\"12 (bookworm)\"
VERSION_CODENAME=bookworm
ID=debian
";

const SOURCES: &str = "deb http://deb.example/debian bookworm main
deb http://deb.example/debian-security bookworm-security main
";

pub fn write(root: &Path) {
    let status = [
        installed("openssl", MISSING.1, "optional", "utils"),
        installed("bash", "5.2.15-2+b2", "required", "shells"),
        installed("dpkg", "1.21.22", "required", "admin"),
    ];
    let main = [
        available("openssl", MISSING.1, "optional", "utils"),
        available("bash", "5.2.15-2+b2", "required", "shells"),
        available("dpkg", "1.21.22", "required", "admin"),
    ];
    let security = [available("openssl", MISSING.2, "optional", "utils")];
    let lists = "var/lib/apt/lists/deb.example_";
    let files = [
        ("etc/os-release".to_owned(), OS_RELEASE.to_owned()),
        ("etc/hostname".to_owned(), "made-up\n".to_owned()),
        ("etc/apt/sources.list".to_owned(), SOURCES.to_owned()),
        ("var/lib/dpkg/status".to_owned(), status.concat()),
        ("var/lib/dpkg/arch".to_owned(), "amd64\n".to_owned()),
        (format!("{lists}debian_dists_bookworm_InRelease"), release("Debian", "bookworm", "stable")),
        (format!("{lists}debian_dists_bookworm_main_binary-amd64_Packages"), main.concat()),
        (
            format!("{lists}debian-security_dists_bookworm-security_InRelease"),
            release("Debian-Security", "bookworm-security", "stable-security"),
        ),
        (
            format!("{lists}debian-security_dists_bookworm-security_main_binary-amd64_Packages"),
            security.concat(),
        ),
    ];
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn installed(name: &str, version: &str, priority: &str, section: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok installed\nPriority: {priority}\nSection: {section}\n\
         Maintainer: nobody\nArchitecture: amd64\nVersion: {version}\nDescription: made up\n\n"
    )
}

fn available(name: &str, version: &str, priority: &str, section: &str) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nPriority: {priority}\nSection: {section}\nMaintainer: nobody\n\
         Architecture: amd64\nFilename: pool/{name}.deb\nSize: 1\nSHA256: 00\nDescription: made up\n\n"
    )
}

fn release(label: &str, codename: &str, suite: &str) -> String {
    format!(
        "Origin: Debian\nLabel: {label}\nSuite: {suite}\nVersion: 12\nCodename: {codename}\n\
         Date: Sat, 07 Nov 2026 10:00:00 UTC\nArchitectures: amd64\nComponents: main\n"
    )
}
