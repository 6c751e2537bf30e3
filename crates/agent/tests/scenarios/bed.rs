//! Roots for nodes, made by the scripts in `testbeds/` once for each distribution and copied for each test.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a node's tools need to know of their surroundings.
type Environment = Vec<(String, String)>;

pub struct Bed {
    pub folder: tempfile::TempDir,
    pub environment: Environment,
    /// With the repositories.
    pub base: PathBuf,
}

impl Bed {
    /// `None`, and a line that says so, where something is missing.
    pub fn apt(system: &str) -> Option<Self> {
        let base = base("apt-local-repo", &["apt-get", "apt-ftparchive", "dpkg-deb"], &[("BED_OS", system)])?;
        Some(Self { folder: copy(&base), environment: vec![("TB_SLOW".into(), "0".into())], base })
    }

    pub fn apk() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return skip("apk changes into the root, which needs root rights");
        }
        // Shared by all beds of apk, since it is fetched.
        let image = Path::new(env!("CARGO_TARGET_TMPDIR")).join("apk-image");
        let settings = [("BED_CACHE", image.to_str().unwrap())];
        let base = base("apk-bed", &["busybox", "openssl", "python3"], &settings)?;
        Some(Self { folder: copy(&base), environment: Vec::new(), base })
    }

    pub fn dnf(scenario: &str) -> Option<Self> {
        Self::rpm("dnf-bed", &["dnf"], scenario)
    }

    pub fn zypper(scenario: &str) -> Option<Self> {
        Self::rpm("zypper-bed", &[], scenario)
    }

    pub fn pacman() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return skip("pacman changes into the root, which needs root rights");
        }
        let base = base("pacman-local-repo", &["pacman", "zstd", "busybox"], &[])?;
        Some(Self { folder: copy(&base), environment: vec![("TB_SLOW".into(), "0".into())], base })
    }

    fn rpm(script: &str, tools: &[&str], scenario: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return skip("rpm changes into the root, which needs root rights");
        }
        let tools: Vec<_> =
            ["rpm", "rpmbuild", "createrepo_c", "busybox"].iter().chain(tools).copied().collect();
        let base = base(script, &tools, &[("BED_SCENARIO", scenario)])?;
        // The bed unpacks zypper itself where it is not installed.
        let path = format!("{}:{}", std::env::var("PATH").unwrap(), base.join("tools/usr/bin").display());
        let environment = vec![
            ("HOME".into(), base.join("home").display().to_string()),
            ("PATH".into(), path),
            ("TB_SLOW".into(), "0".into()),
        ];
        Some(Self { folder: copy(&base), environment, base })
    }
}

fn skip<T>(why: &str) -> Option<T> {
    let required = std::env::var("FETTLE_REQUIRE_BEDS").is_ok_and(|value| value == "1");
    assert!(!required, "a bed is required: {why}");
    eprintln!("SKIPPED: {why}");
    None
}

/// The bed of this script, made when it is not there yet or the scripts have changed since.
fn base(script: &str, tools: &[&str], settings: &[(&str, &str)]) -> Option<PathBuf> {
    let is_there = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    if let Some(tool) = tools.iter().find(|tool| !is_there(tool)) {
        return skip(&format!("{tool} is not installed, so there is no bed"));
    }
    let testbeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbeds").canonicalize().unwrap();
    let mut hasher = DefaultHasher::new();
    settings.hash(&mut hasher);
    for name in [script, "rpm-local-repo"] {
        fs::read(testbeds.join(format!("{name}.sh"))).unwrap().hash(&mut hasher);
    }
    let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{script}-{:016x}", hasher.finish()));
    fs::create_dir_all(&base).unwrap();
    let lock = fs::File::create(base.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let mut make = Command::new(testbeds.join(format!("{script}.sh")));
    let made = make.arg(&base).envs(settings.iter().copied()).env("BED_UNSIGNED", "1").output().unwrap();
    if !made.status.success() {
        return skip(&format!("no bed: {}", String::from_utf8_lossy(&made.stderr)));
    }
    Some(base)
}

fn copy(base: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-a").args([base.join("root"), folder.path().join("root")]).status();
    assert!(copied.unwrap().success());
    folder
}
