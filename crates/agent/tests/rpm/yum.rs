//! A node of yum: the dnf bed's own repositories, laid out as yum keeps them. There is no yum to hold the answer against, so
//! dnf's is what it has to be.

use std::fs;
use std::process::Command;

use crate::bed::Bed;

#[test]
fn the_metadata_of_yum_reads_like_that_of_dnf() {
    let Some(bed) = Bed::dnf() else { return };
    let (of_dnf, _) = bed.facts();
    let root = bed.root();
    let yum = root.join("var/cache/yum");
    for entry in fs::read_dir(root.join("var/cache/dnf")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let Some((id, _)) = name.rsplit_once('-').filter(|_| entry.path().join("repodata").is_dir()) else {
            continue;
        };
        let (from, to) = (entry.path().join("repodata"), yum.join(std::env::consts::ARCH).join("9").join(id));
        fs::create_dir_all(to.join("gen")).unwrap();
        for file in fs::read_dir(from).unwrap().flatten() {
            if !file.file_name().to_string_lossy().contains("-primary.xml") {
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
        // The database, unpacked as yum leaves it.
        let published =
            bed.tool().with_file_name(format!("repo-{}", id.trim_start_matches("bed-"))).join("repodata");
        let packed = fs::read_dir(published).unwrap().flatten().map(|file| file.path());
        let packed =
            packed.into_iter().find(|path| path.to_string_lossy().contains("-primary.sqlite")).unwrap();
        let unpacked = Command::new("bzip2").arg("-dc").arg(packed).output().expect("bzip2 runs");
        assert!(unpacked.status.success() && !unpacked.stdout.is_empty());
        fs::write(to.join("gen/primary_db.sqlite"), unpacked.stdout).unwrap();
    }
    fs::remove_dir_all(root.join("etc/dnf")).unwrap();
    fs::create_dir_all(root.join("etc/yum/vars")).unwrap();
    fs::write(root.join("etc/yum/vars/releasever"), "9\n").unwrap();
    fs::write(root.join("etc/yum.conf"), "[main]\ncachedir=/var/cache/yum/$basearch/$releasever\n").unwrap();
    let (of_yum, observation) = bed.facts();
    assert!(observation.failed_repositories.is_empty());
    assert_eq!(of_dnf.packages, of_yum.packages);
    assert_eq!(of_dnf.advisories, of_yum.advisories);

    let copy = yum.join(std::env::consts::ARCH).join("9/bed-updates/gen/primary_db.sqlite");
    let sound = fs::read(&copy).unwrap();
    fs::write(&copy, [&sound[..], b"x"].concat()).unwrap();
    assert!(bed.error().contains("refresh the metadata"), "{}", bed.error());
    let mut damaged = sound;
    damaged[100] = 7;
    fs::write(&copy, damaged).unwrap();
    assert!(bed.error().contains("primary_db.sqlite"), "{}", bed.error());
}
