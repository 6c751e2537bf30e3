//! The zypper bed: one package for each thing that can happen, read as zypper reads it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use agent::packages::rpm::lacking::Kinds;
use domain::facts::FactSet;
use domain::patch::version_rpm::is_newer;

use crate::bed::{Bed, lacking_of, package};
use crate::oracle;

/// The cells of all tables that zypper prints, without their heads.
pub fn table(text: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        if line.contains("-+-") {
            rows.pop();
        } else if line.contains(" | ") {
            rows.push(line.split('|').map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}

/// Patches that list a newer version of an installed package.
fn patches(facts: &FactSet) -> BTreeSet<String> {
    let newer = facts.packages.iter().flat_map(|package| {
        let newer = package.notices.iter().filter(|notice| is_newer(&notice.version, &package.version));
        newer.map(|notice| &facts.advisories[notice.advisory as usize])
    });
    newer
        .map(|advisory| {
            let severity = if advisory.severity.is_empty() { "unspecified" } else { &advisory.severity };
            format!("{} {} {}", advisory.id, advisory.kind, severity.to_lowercase())
        })
        .collect()
}

fn assert_equal(bed: &Bed) -> FactSet {
    let (facts, observation) = bed.facts();
    assert!(observation.failed_repositories.is_empty());
    let rpm = bed.tool().with_file_name("rpm");
    let output = Command::new(rpm).args(["-qa", "--qf", oracle::RPM_QUERY]).output().unwrap();
    assert_eq!(oracle::installed(&facts), oracle::rpm_query(&String::from_utf8(output.stdout).unwrap()));

    let listed = table(&bed.must(&["list-patches", "--with-optional"]));
    let listed: BTreeSet<_> = listed.iter().map(|row| format!("{} {} {}", row[1], row[2], row[3])).collect();
    assert_eq!(patches(&facts), listed);
    let lacking = lacking_of(&bed.root(), Kinds::All).into_iter().map(|entry| entry.advisory);
    let ids = listed.iter().filter_map(|line| line.split(' ').next());
    assert_eq!(lacking.collect::<BTreeSet<_>>(), ids.map(str::to_owned).collect());
    // Without those that could only be had by removing something: that is for the solver to say.
    let listed = table(&bed.must(&["list-updates"]));
    let listed: BTreeSet<_> = listed.iter().map(|row| format!("{} {}", row[2], row[4])).collect();
    let own = facts.packages.iter().filter(|package| !package.held && package.name != "tb-stays");
    let own = own.filter_map(|package| {
        let candidate =
            package.candidate.as_ref().filter(|candidate| is_newer(candidate, &package.version))?;
        Some(format!("{} {candidate}", package.name))
    });
    assert_eq!(own.collect::<BTreeSet<_>>(), listed);
    facts
}

#[test]
fn a_node_of_zypper_is_read_as_zypper_reads_it() {
    let Some(bed) = Bed::zypper() else { return };
    let facts = assert_equal(&bed);
    assert!(package(&facts, "tb-locked").held && !package(&facts, "tb-ssl").held);
    let ssl = package(&facts, "tb-ssl");
    let advisory = &facts.advisories[ssl.notices[0].advisory as usize];
    assert_eq!(advisory.cve_ids, ["CVE-2024-11111", "CVE-2024-11112"]);
    assert_eq!(facts.repositories[advisory.repository as usize].suite, "bed-updates");

    bed.must(&["install", "tb-ssl"]);
    bed.must(&["removelock", "tb-locked"]);
    let facts = assert_equal(&bed);
    assert!(!package(&facts, "tb-locked").held);
    assert_eq!(package(&facts, "tb-ssl").version, "1.1-1.bed");
}

#[test]
fn what_came_as_a_dependency_is_zyppers() {
    let Some(bed) = Bed::zypper() else { return };
    let own = |facts: FactSet| -> BTreeSet<String> {
        facts.packages.into_iter().filter(|package| package.automatic).map(|package| package.name).collect()
    };
    assert_eq!(own(bed.facts().0), BTreeSet::new());
    bed.must(&["remove", "tb-app", "tb-ssl"]);
    bed.must(&["install", "tb-app"]);
    // What somebody asked for is marked with a plus.
    let listed = table(&bed.must(&["packages", "--installed-only"]));
    let listed: BTreeSet<_> = listed.iter().filter(|row| row[0] == "i").map(|row| row[2].clone()).collect();
    assert_eq!(listed, BTreeSet::from(["tb-ssl".to_owned()]));
    assert_eq!(own(bed.facts().0), listed);
}

#[test]
fn priorities_and_vendors_are_zyppers() {
    let Some(bed) = Bed::zypper() else { return };
    let repo = bed.root().join("etc/zypp/repos.d/bed-base.repo");
    let text = fs::read_to_string(&repo).unwrap();
    fs::write(&repo, format!("{text}priority=10\n")).unwrap();
    let facts = assert_equal(&bed);
    assert_eq!(package(&facts, "tb-ssl").candidate.as_deref(), Some("1.0-1.bed"));

    // Another vendor's packages are no updates, unless that is allowed.
    fs::write(&repo, text).unwrap();
    let raw = bed.root().join("var/cache/zypp/raw/bed-updates/repodata");
    let entries = fs::read_dir(&raw).unwrap().flatten().map(|entry| entry.path());
    let primary = entries.into_iter().find(|path| path.to_string_lossy().contains("-primary.xml")).unwrap();
    let unpacked = Command::new("zcat").arg(&primary).output().unwrap();
    let changed = String::from_utf8(unpacked.stdout).unwrap();
    let changed = changed.replace("<rpm:vendor></rpm:vendor>", "<rpm:vendor>Somebody</rpm:vendor>");
    assert!(changed.contains("Somebody"));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, changed.as_bytes()).unwrap();
    fs::write(&primary, packed.finish().unwrap()).unwrap();
    let (facts, _) = bed.facts();
    assert_eq!(package(&facts, "tb-ssl").candidate.as_deref(), Some("1.0-1.bed"));
    assert_eq!(package(&facts, "tb-ssl").available[0].version, "1.1-1.bed", "it is offered all the same");
    let config = bed.root().join("etc/zypp/zypp.conf");
    fs::write(config, "[main]\nsolver.allowVendorChange = true\n").unwrap();
    let (facts, _) = bed.facts();
    assert_eq!(package(&facts, "tb-ssl").candidate.as_deref(), Some("1.1-1.bed"));
}

/// The headers that rpm has stored.
fn headers(path: &Path) -> Vec<Vec<u8>> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut query = connection.prepare("SELECT blob FROM Packages").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// An ndb database of these headers, laid out as rpm documents it: Debian's rpm is built without this form.
fn as_ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let slot = u32::from_le_bytes(*b"Slot");
    let mut slots = words(&[u32::from_le_bytes(*b"RpmP"), 0, 7, 1, headers.len() as u32 + 1, 0, 0, 0]);
    let mut blobs = Vec::new();
    for (number, header) in (1..).zip(headers) {
        let block = (4096 + blobs.len() as u32) / 16;
        let blocks = (header.len() as u32 + 16 + 12).div_ceil(16);
        // Every other slot is a free one, as after removals.
        slots.extend(words(&[slot, 0, 0, 0, slot, number, block, blocks]));
        let start = blobs.len();
        blobs.extend(words(&[u32::from_le_bytes(*b"BlbS"), number, 0, header.len() as u32]));
        blobs.extend_from_slice(header);
        blobs.resize(start + blocks as usize * 16 - 12, 0);
        blobs.extend(words(&[0, header.len() as u32, u32::from_le_bytes(*b"BlbE")]));
    }
    while slots.len() < 4096 {
        slots.extend(words(&[slot, 0, 0, 0]));
    }
    [slots, blobs].concat()
}

#[test]
fn the_database_that_suse_uses_is_read() {
    let Some(bed) = Bed::zypper() else { return };
    let (before, _) = bed.facts();
    let folder = bed.root().join("var/lib/rpm");
    let sqlite = folder.join("rpmdb.sqlite");
    fs::write(folder.join("Packages.db"), as_ndb(&headers(&sqlite))).unwrap();
    fs::remove_file(&sqlite).unwrap();
    let (after, _) = bed.facts();
    assert_eq!(before, after);

    let path = folder.join("Packages.db");
    let sound = fs::read(&path).unwrap();
    for length in [10, 40, 5000, sound.len() / 2] {
        fs::write(&path, &sound[..length]).unwrap();
        let told = bed.error();
        assert!(told.contains("Packages.db"), "{told}");
    }
    let mut damaged = sound;
    let blob = damaged.windows(4).position(|bytes| bytes == b"BlbS").unwrap();
    damaged[blob] = b'X';
    fs::write(&path, damaged).unwrap();
    assert!(bed.error().contains("its blob begins otherwise"), "{}", bed.error());
}
