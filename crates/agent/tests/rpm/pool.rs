//! Real packages to install in made-up nodes: every name in every version and architecture, built once.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// `alpha` and `beta` are for any architecture, the last one exists as both.
pub const NAMES: [&str; 5] = ["alpha", "beta", "libgamma", "kernel", "delta"];
/// Epoch, version, release.
pub const VERSIONS: [(u32, &str, &str); 7] = [
    (0, "1.0", "1"),
    (0, "1.0~rc1", "1"),
    (0, "1.0^git1", "1"),
    (0, "1.0", "2.el9"),
    (1, "0.5", "1"),
    (0, "2.0", "1"),
    (0, "10.0", "1.el9"),
];

/// Of each version: nobody's, SUSE's or somebody else's.
pub const VENDORS: [&str; 7] = ["", "", "", SUSE, "", "Somebody", ""];
pub const SUSE: &str = "SUSE LLC <https://www.suse.com/>";

pub fn archs(name: usize) -> &'static [&'static str] {
    match name {
        0 | 1 => &["noarch"],
        4 => &["noarch", "x86_64"],
        _ => &["x86_64", "i686"],
    }
}

pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // In the build's own folder, and used again by the next run.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rpm-pool-2");
        std::fs::create_dir_all(&folder).unwrap();
        // Each test is a process: the first one builds, the others wait for it.
        let lock = std::fs::File::create(folder.join(".lock")).unwrap();
        lock.lock().unwrap();
        if folder.join("ready").exists() {
            return folder;
        }
        for (number, version) in VERSIONS.iter().enumerate() {
            for arch in ["noarch", "x86_64", "i686"] {
                build(&folder, number, *version, arch);
            }
        }
        std::fs::write(folder.join("ready"), "").unwrap();
        folder
    })
}

pub fn file(name: usize, version: usize, arch: &str) -> PathBuf {
    folder().join(format!("{}_{version}_{arch}.rpm", NAMES[name]))
}

fn build(folder: &Path, number: usize, (epoch, version, release): (u32, &str, &str), arch: &str) {
    let names = (0..NAMES.len()).filter(|&name| archs(name).contains(&arch));
    let mut spec = format!(
        "Name: pool\nVersion: {version}\nRelease: {release}\nEpoch: {epoch}\nSummary: pool\nLicense: MIT\n%description\npool\n"
    );
    if !VENDORS[number].is_empty() {
        spec = format!("Vendor: {}\n{spec}", VENDORS[number]);
    }
    for name in names.map(|name| NAMES[name]) {
        let provides = if name == "kernel" {
            "Provides: installonlypkg(kernel)\nProvides: multiversion(kernel)\n"
        } else {
            ""
        };
        spec += &format!(
            "%package -n {name}\nSummary: {name}\n{provides}%description -n {name}\n{name}\n%files -n {name}\n"
        );
    }
    let path = folder.join(format!("{number}-{arch}.spec"));
    std::fs::write(&path, spec).unwrap();
    let built = Command::new("rpmbuild")
        .args(["-bb", "--quiet", "--target", &format!("{arch}-linux")])
        .args(["--define", &format!("_topdir {}", folder.display())])
        .args(["--define", &format!("_dbpath {}/db", folder.display())])
        .args(["--define", &format!("_rpmdir {}", folder.display())])
        .args(["--define", &format!("_build_name_fmt %%{{NAME}}_{number}_%%{{ARCH}}.rpm")])
        // There is no compiled file to look at.
        .args(["--define", "__os_install_post %{nil}"])
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .expect("rpmbuild runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}
