//! Nodes put together at random: what `pacman -Qu` says of them is what we find.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bed::{can, facts_of, pacman};

/// Small numbers in a fixed sequence (Marsaglia's xorshift), so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn version(&mut self) -> String {
        let epoch = self.pick(&["", "", "", "0:", "1:"]);
        let tail = self.pick(&["", "", ".1", "a", "rc1", ".a", "+git", ".10", ".9"]);
        format!("{epoch}{}{tail}-{}", self.below(3), self.below(2) + 1)
    }
}

const NAMES: [&str; 12] = [
    "bash",
    "glibc",
    "kde-a",
    "kde-b",
    "lib32-x",
    "linux",
    "linux-lts",
    "openssl",
    "zlib",
    "zsh",
    "a+b",
    "new",
];
const GROUPS: [&str; 3] = ["base", "kde", "kde-apps"];
const COMPRESSORS: [(&str, &[&str]); 6] = [
    ("cat", &[]),
    ("gzip", &["-c"]),
    ("zstd", &["-q", "-c"]),
    ("xz", &["-c"]),
    ("bzip2", &["-c"]),
    ("lz4", &["-q", "-c"]),
];

fn desc(dice: &mut Dice, name: &str, version: &str, is_local: bool) -> String {
    let mut text = format!(
        "%NAME%\n{name}\n\n%VERSION%\n{version}\n\n%BASE%\n{name}\n\n%DESC%\nx\n\n%ARCH%\nany\n\n%BUILDDATE%\n1700000000\n\n"
    );
    if dice.below(3) == 0 {
        let _ = writeln!(text, "%GROUPS%\n{}\n", dice.pick(&GROUPS));
    }
    match is_local {
        true => text.push_str("%INSTALLDATE%\n1700000001\n\n%REASON%\n1\n\n"),
        false => {
            let _ = writeln!(text, "%FILENAME%\n{name}-{version}-any.pkg.tar.zst\n\n%CSIZE%\n1\n");
        }
    }
    text
}

fn make(root: &Path, dice: &mut Dice) {
    for folder in ["etc", "var/lib/pacman/local", "var/lib/pacman/sync", "build"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("etc/os-release"), "ID=arch\nNAME=\"Arch Linux\"\n").unwrap();
    fs::write(root.join("var/lib/pacman/local/ALPM_DB_VERSION"), "9\n").unwrap();
    let mut config = "[options]\nArchitecture = auto\nSigLevel = Never\n".to_owned();
    for _ in 0..dice.below(3) {
        let pattern = dice.pick(&["linux*", "zsh", "lib32-?", "[bk]*", "a+b", "*ssl"]);
        let _ = writeln!(config, "IgnorePkg = {pattern}");
    }
    if dice.below(2) == 0 {
        let _ = writeln!(config, "IgnoreGroup = {}", dice.pick(&["kde", "kde*", "none"]));
    }
    for name in &NAMES[..NAMES.len() - 1] {
        if dice.below(4) > 0 {
            let version = dice.version();
            let folder = root.join("var/lib/pacman/local").join(format!("{name}-{version}"));
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("desc"), desc(dice, name, &version, true)).unwrap();
            fs::write(folder.join("files"), "%FILES%\n").unwrap();
        }
    }
    for repository in ["testing", "core", "extra"].iter().skip(dice.below(2)) {
        let _ = writeln!(config, "[{repository}]\nServer = file:///nowhere");
        if dice.below(3) == 0 {
            let usage = dice.pick(&["Sync Search", "Upgrade", "All", "Install Upgrade"]);
            let _ = writeln!(config, "Usage = {usage}");
        }
        list(root, repository, dice);
    }
    fs::write(root.join("etc/pacman.conf"), config).unwrap();
}

fn list(root: &Path, repository: &str, dice: &mut Dice) {
    let build = root.join("build").join(repository);
    fs::create_dir_all(&build).unwrap();
    for name in NAMES {
        if dice.below(3) > 0 {
            let version = dice.version();
            let folder = build.join(format!("{name}-{version}"));
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("desc"), desc(dice, name, &version, false)).unwrap();
        }
    }
    let (program, arguments) = COMPRESSORS[dice.below(COMPRESSORS.len())];
    let format = dice.pick(&["gnu", "pax", "ustar"]);
    let archive = root.join("build").join(format!("{repository}.tar"));
    let mut tar = Command::new("tar");
    tar.arg(format!("--format={format}")).arg("-cf").arg(&archive).arg("-C").arg(&build);
    for entry in fs::read_dir(&build).unwrap() {
        tar.arg(entry.unwrap().file_name());
    }
    let made = tar.status().unwrap();
    assert!(made.success());
    let packed = Command::new(program).args(arguments).arg(&archive).output().unwrap();
    assert!(packed.status.success());
    fs::write(root.join("var/lib/pacman/sync").join(format!("{repository}.db")), packed.stdout).unwrap();
}

#[test]
fn updates_are_those_that_pacman_finds() {
    if !can(&["pacman", "tar", "gzip", "zstd", "xz", "bzip2", "lz4"]) {
        return;
    }
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let (mut updates, mut ignored) = (0, 0);
    for round in 0..60 {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &mut dice);
        let output = pacman(folder.path(), &["-Qu"]);
        let said = String::from_utf8(output.stdout).unwrap();
        let expected: BTreeMap<&str, (&str, &str, bool)> = said
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                (words[0], (words[1], words[3], words.get(4) == Some(&"[ignored]")))
            })
            .collect();
        let facts = facts_of(folder.path());
        let found: BTreeMap<&str, (&str, &str, bool)> = facts
            .packages
            .iter()
            .filter_map(|package| {
                let candidate =
                    package.candidate.as_deref().filter(|candidate| *candidate != package.version)?;
                Some((package.name.as_str(), (package.version.as_str(), candidate, package.held)))
            })
            .collect();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            found,
            expected,
            "round {round}: {errors}\n{}",
            fs::read_to_string(folder.path().join("etc/pacman.conf")).unwrap()
        );
        updates += found.len();
        ignored += found.values().filter(|(.., is_ignored)| *is_ignored).count();
    }
    assert!(updates > 100 && ignored > 10, "{updates} {ignored}: the nodes say too little");
}
