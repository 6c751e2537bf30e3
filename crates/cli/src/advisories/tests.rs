//! Each format with made-up feeds: what they say, what is passed over, and what is refused with its place.

use std::io::{Cursor, Write};

use api::fettle::PackageKind;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::*;

/// CVE, distribution, package with `b:` before a binary, introduced-fixed, severity; of a notice its id, distribution,
/// package and version.
fn lines(
    format: AdvisoryFormat,
    text: &str,
    distribution: Option<&str>,
) -> Result<(Vec<String>, PassedOver), String> {
    let mut lines = Vec::new();
    let kind = |kind: Option<PackageKind>| if kind == Some(PackageKind::Binary) { "b:" } else { "" };
    let take = &mut |said: Said| {
        let said = match said {
            Said::Hole(said) => said,
            Said::Notice(said) => {
                let AdvisoryNotice { advisory_id, distribution, package, package_kind, version } = said;
                let package = format!("{}{package}", kind(package_kind));
                lines.push(format!("{advisory_id} {distribution} {package} {version}"));
                return true;
            }
        };
        let kind = kind(said.package_kind.clone());
        let mut fixed = said.fixed.unwrap_or_default();
        said.also_fixed.iter().flatten().for_each(|version| fixed = format!("{fixed}|{version}"));
        lines.push(format!(
            "{} {} {kind}{} {}..{fixed} {}",
            &said.cve_id[4..],
            said.distribution,
            said.package,
            said.introduced.unwrap_or_default(),
            said.severity.unwrap_or_default()
        ));
        true
    };
    let passed_over =
        read(&format, &mut Cursor::new(text), distribution, take).map_err(|error| error.to_string())?;
    Ok((lines, passed_over))
}

const TRACKER: &str = r#"{
 "curl": {
  "CVE-2026-0001": {"description": "x", "scope": "remote", "releases": {
    "bookworm": {"status": "resolved", "repositories": {"bookworm": "7.88.1-10"}, "fixed_version": "7.88.1-10+deb12u5", "urgency": "high"},
    "bullseye": {"status": "open", "repositories": {}, "urgency": "not yet assigned"},
    "sid": {"status": "resolved", "fixed_version": "0", "urgency": "low"},
    "trixie": {"status": "undetermined", "urgency": "low"}}},
  "TEMP-0000000-ABCDEF": {"releases": {"bookworm": {"status": "open"}}}},
 "openssl": {"CVE-2026-0002": {"releases": {"bookworm": {"status": "resolved", "fixed_version": "3.0.15-1~deb12u1"}}}}
}"#;

#[test]
fn the_tracker() {
    let (said, passed_over) = lines(AdvisoryFormat::DebianTracker, TRACKER, None).unwrap();
    assert_eq!(
        said,
        [
            "2026-0001 debian:bookworm curl ..7.88.1-10+deb12u5 high",
            "2026-0001 debian:bullseye curl .. not yet assigned",
            "2026-0002 debian:bookworm openssl ..3.0.15-1~deb12u1 ",
        ]
    );
    assert_eq!(passed_over.0.values().sum::<u64>(), 3);
}

#[test]
fn what_is_no_tracker_is_refused_with_its_place() {
    let check = |text: &str, expected: &[&str]| {
        let error = lines(AdvisoryFormat::DebianTracker, text, None).unwrap_err();
        for part in expected {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    };
    check(
        &TRACKER.replace("7.88.1-10+deb12u5", "7.88 1"),
        &["curl, CVE-2026-0001, releases.bookworm.fixed_version", "line"],
    );
    check(&TRACKER.replace("undetermined", "maybe"), &["releases.trixie.status", "`maybe`"]);
    check(
        &TRACKER.replace("\"fixed_version\": \"3.0.15-1~deb12u1\"", "\"x\": 1"),
        &["openssl", "fixed_version is missing"],
    );
    check(&TRACKER[..TRACKER.len() / 2], &["line", "column"]);
    check("[]", &["line 1"]);
    check(&format!("{TRACKER} x"), &["trailing"]);
}

const DEBSECAN: &str = "VERSION 1\nCVE-2026-0001,,a hole in curl\nCVE-2026-0002,,another, with a comma\nTEMP-1,,x\n\ncurl,0,SH?F,8.0.0-1,7.88.1-10+deb12u5 7.88.1-10+deb12u6\nlibcurl4,1,BL  ,,\ncurl,2,S   ,9,\n\ncurl,libcurl4 curl\n\n";

#[test]
fn debsecan() {
    let (said, passed_over) = lines(AdvisoryFormat::Debsecan, DEBSECAN, Some("debian:bookworm")).unwrap();
    assert_eq!(
        said,
        [
            "2026-0001 debian:bookworm curl ..7.88.1-10+deb12u5|7.88.1-10+deb12u6|8.0.0-1 high",
            "2026-0002 debian:bookworm b:libcurl4 .. low",
        ]
    );
    assert_eq!(passed_over.0.values().sum::<u64>(), 1);
    let check = |text: &str, expected: &str| {
        let error = lines(AdvisoryFormat::Debsecan, text, Some("debian:bookworm")).unwrap_err();
        assert!(error.contains(expected), "{expected} is not in: {error}");
    };
    check("VERSION 2\n", "line 1: `VERSION 2`");
    check(&DEBSECAN.replace("curl,0,", "curl,7,"), "line 6: `7` is the number of no hole");
    check(&DEBSECAN.replace("SH?F", "XH?F"), "line 6: flags");
    check(&DEBSECAN.replace("curl,2,S   ,9,", "curl,2"), "line 8: 2 fields");
    let error = lines(AdvisoryFormat::Debsecan, DEBSECAN, None).unwrap_err();
    assert!(error.contains("--distribution"), "{error}");
}

const SECDB: &str = r#"{"apkurl": "{{urlprefix}}/{{distroversion}}", "archs": ["x86_64"], "reponame": "main", "distroversion": "v3.22",
 "packages": [
  {"pkg": {"name": "openssl", "secfixes": {"3.5.1-r0": ["CVE-2026-0001", "CVE-2026-0002 (+ a regression)"], "3.5.0_p1-r10": ["CVE-2026-0003 GHSA-aaaa-bbbb-cccc"],
    "0": ["CVE-2025-0001"], "3.0-r0": ["XSA-1"], "2.9-r0": null}}},
  {"pkg": {"name": "gtk+3.0", "secfixes": {}}}]}"#;

#[test]
fn secdb() {
    let (said, passed_over) = lines(AdvisoryFormat::AlpineSecdb, SECDB, None).unwrap();
    let expected = [
        "2026-0003 alpine:3.22 openssl ..3.5.0_p1-r10 ",
        "2026-0001 alpine:3.22 openssl ..3.5.1-r0 ",
        "2026-0002 alpine:3.22 openssl ..3.5.1-r0 ",
    ];
    assert_eq!(said, expected);
    assert_eq!(passed_over.0.values().sum::<u64>(), 2);
    // The branch may be named behind the packages, or be the one that becomes the next.
    let behind = SECDB.replace("\"distroversion\": \"v3.22\",", "");
    let behind = format!("{},\"distroversion\":\"edge\"}}", behind.strip_suffix('}').unwrap());
    let (said, _) = lines(AdvisoryFormat::AlpineSecdb, &behind, None).unwrap();
    assert_eq!(said, expected.map(|line| line.replace("alpine:3.22", "alpine:edge")));
    let check = |text: &str, expected: &str| {
        let error = lines(AdvisoryFormat::AlpineSecdb, text, None).unwrap_err();
        assert!(error.contains(expected), "{expected} is not in: {error}");
    };
    check(&SECDB.replace("v3.22", "main"), "distroversion: `main`");
    check(&SECDB.replace("distroversion", "version"), "no distroversion");
    check(&SECDB.replace("3.5.1-r0", "3.5 1"), "openssl, secfixes: `3.5 1` is not a version");
    check(&SECDB.replace("\"openssl\"", "\"../x\""), "pkg.name: `../x`");
    check(&SECDB[..SECDB.len() / 2], "line");
    check("[]", "line 1");
}

const USN: &str = r#"{"schema_version": "1.6.0", "id": "USN-7000-1", "modified": "2026-01-01T00:00:00Z", "related": ["CVE-2026-0003"],
 "affected": [{"package": {"ecosystem": "Ubuntu:22.04:LTS", "name": "curl"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "7.81.0-1ubuntu1.20"}]}]},
  {"package": {"ecosystem": "Ubuntu:Pro:16.04:LTS", "name": "curl"}, "ranges": []}]}
{"id": "UBUNTU-CVE-2026-0004", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}, {"type": "Ubuntu", "score": "medium"}],
 "affected": [{"package": {"ecosystem": "Ubuntu:22.04:LTS", "name": "curl"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "7.0"}, {"fixed": "7.1"}, {"introduced": "7.2"}]},
  {"type": "GIT", "events": [{"introduced": "0"}]}]}]}
{"id": "USN-1", "withdrawn": "2026-01-01T00:00:00Z", "aliases": ["CVE-2026-0005"]}"#;

#[test]
fn osv_one_after_another_and_as_a_list() {
    let expected = [
        "USN-7000-1 ubuntu:22.04 curl 7.81.0-1ubuntu1.20",
        "2026-0003 ubuntu:22.04 curl ..7.81.0-1ubuntu1.20 ",
        "2026-0004 ubuntu:22.04 curl 7.0..7.1 medium",
        "2026-0004 ubuntu:22.04 curl 7.2.. medium",
    ];
    let list = format!(" [{}]", USN.replace("}\n{\"id\"", "},\n{\"id\""));
    for text in [USN, &list] {
        let (said, passed_over) = lines(AdvisoryFormat::Osv, text, None).unwrap();
        assert_eq!(said, expected);
        assert_eq!(passed_over.0.values().sum::<u64>(), 2);
    }
    let debian = r#"{"id": "DSA-1-1", "aliases": ["CVE-2026-0006"], "affected": [{"package": {"ecosystem": "Debian:12", "name": "curl"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1"}]}], "ecosystem_specific": {"urgency": "high"}}]}"#;
    let expected = ["DSA-1-1 debian:12 curl 1", "2026-0006 debian:12 curl ..1 high"];
    assert_eq!(lines(AdvisoryFormat::Osv, debian, None).unwrap().0, expected);
    // A notice without a CVE, of a regression, announces a version all the same; what names neither says nothing.
    let regression = debian.replace("\"CVE-2026-0006\"", "");
    assert_eq!(lines(AdvisoryFormat::Osv, &regression, None).unwrap().0, expected[..1]);
    let check = |text: String, expected: &str| {
        let error = lines(AdvisoryFormat::Osv, &text, None).unwrap_err();
        assert!(error.contains(expected), "{expected} is not in: {error}");
    };
    check(USN.replace("7.81.0-1ubuntu1.20", "7 81"), "USN-7000-1: affected[0].ranges: `7 81`");
    check(
        USN.replace("{\"introduced\": \"0\"}, {\"fixed\": \"7.81", "{\"fixed\": \"7.81"),
        "without introduced",
    );
    check(USN[..USN.len() - 9].to_owned(), "EOF");
}

/// As the tracker serves it.
const ARCH: &str = r#"[
  {"name": "AVG-2001", "packages": ["curl"], "status": "Fixed", "severity": "High", "type": "arbitrary code execution", "affected": "8.9.0-1",
   "fixed": "8.9.1-1", "ticket": null, "issues": ["CVE-2026-0001", "CVE-2026-0002"], "advisories": ["ASA-202601-1"]},
  {"name": "AVG-2002", "packages": ["samba", "libwbclient"], "status": "Testing", "severity": "Unknown", "type": "unknown", "affected": "1:4.20.0-1",
   "fixed": "1:4.20.1-2", "ticket": "1", "issues": ["CVE-2026-0003"], "advisories": ["ASA-202601-2", "ASA-202601-3"]},
  {"name": "AVG-2003", "packages": ["podman"], "status": "Vulnerable", "severity": "Low", "type": "information disclosure", "affected": "5.0.0-1",
   "fixed": null, "ticket": null, "issues": ["CVE-2026-0004"], "advisories": []},
  {"name": "AVG-2004", "packages": ["vim"], "status": "Not affected", "severity": "Low", "type": "unknown", "affected": "9.0-1",
   "fixed": null, "ticket": null, "issues": ["CVE-2026-0005"], "advisories": []},
  {"name": "AVG-2005", "packages": ["vim"], "status": "Unknown", "severity": "Low", "type": "unknown", "affected": "9.0-1",
   "fixed": null, "ticket": null, "issues": ["CVE-2026-0006"], "advisories": []}
]"#;

#[test]
fn arch() {
    let (said, passed_over) = lines(AdvisoryFormat::ArchTracker, ARCH, None).unwrap();
    let expected = [
        "2026-0001 arch:rolling b:curl ..8.9.1-1 High",
        "2026-0002 arch:rolling b:curl ..8.9.1-1 High",
        "AVG-2001 arch:rolling b:curl 8.9.1-1",
        "ASA-202601-1 arch:rolling b:curl 8.9.1-1",
        "2026-0003 arch:rolling b:samba ..1:4.20.1-2 ",
        "AVG-2002 arch:rolling b:samba 1:4.20.1-2",
        "2026-0003 arch:rolling b:libwbclient ..1:4.20.1-2 ",
        "AVG-2002 arch:rolling b:libwbclient 1:4.20.1-2",
        "2026-0004 arch:rolling b:podman .. Low",
    ];
    assert_eq!(said, expected);
    assert_eq!(passed_over.0.values().sum::<u64>(), 4, "{passed_over:?}");
    let check = |text: &str, expected: &str| {
        let error = lines(AdvisoryFormat::ArchTracker, text, None).unwrap_err();
        assert!(error.contains(expected), "{expected} is not in: {error}");
    };
    check(&ARCH.replace("\"8.9.1-1\"", "null"), "AVG-2001.fixed is missing");
    check(&ARCH.replace("Testing", "Perhaps"), "AVG-2002.status: `Perhaps` is not known");
    check(&ARCH.replace("8.9.1-1", "8.9 1"), "AVG-2001.fixed: `8.9 1` is not a version");
    check(&ARCH.replace("\"podman\"", "\"../x\""), "AVG-2003.packages: `../x`");
    check(&ARCH.replace("ASA-202601-1", "ASA 1"), "AVG-2001.advisories: `ASA 1`");
    check(&ARCH[..ARCH.len() / 2], "line");
    check("{}", "line 1");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Two streams, as `xz` makes of two files that are put together.
fn xz(text: &str) -> Vec<u8> {
    let halves = text.split_at(text.len() / 2);
    let pack = |half: &str| {
        let mut packed = Vec::new();
        lzma_rs::xz_compress(&mut half.as_bytes(), &mut packed).unwrap();
        packed
    };
    [pack(halves.0), pack(halves.1)].concat()
}

/// Two frames, and one between them that stands for nothing.
fn zstd(text: &str) -> Vec<u8> {
    let halves = text.split_at(text.len() / 2);
    let pack = |half: &str| {
        ruzstd::encoding::compress_to_vec(half.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
    };
    [pack(halves.0), b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), pack(halves.1)].concat()
}

/// An archive with these entries, every other one stored.
fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (at, (name, text)) in entries.iter().enumerate() {
        let is_stored = at % 2 == 1;
        let method =
            if is_stored { rawzip::CompressionMethod::STORE } else { rawzip::CompressionMethod::DEFLATE };
        let (mut entry, config) = archive.new_file(*name).compression_method(method).start().unwrap();
        let descriptor = if is_stored {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(text.as_bytes()).unwrap();
            writer.finish().unwrap().1
        } else {
            let mut writer = config.wrap(flate2::write::DeflateEncoder::new(&mut entry, Compression::fast()));
            writer.write_all(text.as_bytes()).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        };
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

/// How many statements a place has.
fn count(place: &std::path::Path) -> Result<usize, ReadError> {
    count_at(place.to_str().unwrap())
}

fn count_at(place: &str) -> Result<usize, ReadError> {
    let (client, meter) = (crate::client::fetcher().unwrap(), Meter::default());
    let source = Source { place, format: None, client: &client, meter: &meter };
    let mut said = 0;
    for_each_feed(&source, &mut |mut feed| {
        let take = &mut |_| {
            said += 1;
            true
        };
        read(&feed.format, &mut *feed.reader, Some("debian:bookworm"), take).map(drop)
    })?;
    assert!(meter.read_bytes.get() > 0);
    Ok(said)
}

#[test]
fn packed_feeds_are_known_by_their_beginning_and_cut_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed");
    let read_file = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        count(&path)
    };
    let long = format!("{DEBSECAN}{}", "curl,curl\n".repeat(20_000));
    for (text, expected) in [(TRACKER, 3), (long.as_str(), 2), (USN, 4), (ARCH, 9)] {
        assert_eq!(read_file(text.as_bytes()).unwrap(), expected);
        for packed in [gzip(text), zlib(text), xz(text), zstd(text)] {
            assert_eq!(read_file(&packed).unwrap(), expected);
            assert!(read_file(&packed[..packed.len() - 12]).is_err(), "cut short");
        }
    }
    assert!(matches!(read_file(b"<html>"), Err(ReadError::Malformed(_))));
    assert!(matches!(read_file(b""), Err(ReadError::Malformed(_))));
    assert!(count_at("/nonexistent/feed").is_err());
}

/// OSV is published as a folder, or an archive, of one file a record.
#[test]
fn folders_and_archives_are_read_file_by_file() {
    let records: Vec<&str> = USN.split_inclusive("}\n").collect();
    let [first, second, third] = records[..] else { panic!("three records") };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let archive =
        zip(&[("a/", ""), ("a/1.json", first), ("2.json", second), ("3.json", third), ("README", "x")]);
    let path = write("all.zip", &archive);
    assert_eq!(count(&path).unwrap(), 4);
    write("osv/a/1.json", first.as_bytes());
    write("osv/a/2.json.gz", &gzip(second));
    write("osv/b.zip", &zip(&[("3.json", third)]));
    write("osv/.git/x.json", b"no feed");
    write("osv/LICENSE", b"no feed");
    assert_eq!(count(&folder.path().join("osv")).unwrap(), 4);

    // What is wrong is told with the file it is in; a damaged archive is never a shorter feed.
    let named = |place: &std::path::Path, name: &str| {
        let error = anyhow::Error::from(count(place).unwrap_err());
        let told = format!("{error:#}");
        assert!(told.contains(name), "{told}");
    };
    write("osv/a/4.json", b"{\"id\": 7}");
    named(&folder.path().join("osv"), "4.json");
    named(&write("bad.zip", &zip(&[("1.json", first), ("4.json", "{\"id\": 7}")])), "4.json");
    let mut damaged = archive.clone();
    let at = damaged.windows(8).position(|bytes| bytes == b"CVE-2026").unwrap();
    damaged[at] ^= 1;
    named(&write("sum.zip", &damaged), "a/1.json");
    assert!(count(&write("cut.zip", &archive[..archive.len() - 30])).is_err());
}

/// Answers requests on loopback, one connection each: the first with these bytes, then with what they stand for.
#[test]
fn feeds_come_from_addresses() {
    let archive = zip(&[("1.json", USN)]);
    let packed = gzip(TRACKER);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let bodies = [
        ("200 OK", packed.clone(), packed.len()),
        ("200 OK", archive.clone(), archive.len()),
        ("404 Not Found", vec![], 0),
        ("200 OK", packed[..packed.len() / 2].to_vec(), packed.len()),
    ];
    let server = std::thread::spawn(move || {
        for (status, body, length) in bodies {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = std::io::Read::read(&mut stream, &mut request).unwrap();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
        }
    });
    let url = format!("http://{address}/feed");
    assert_eq!(count_at(&url).unwrap(), 3, "packed");
    assert_eq!(count_at(&url).unwrap(), 4, "an archive");
    assert!(count_at(&url).unwrap_err().to_string().contains("404"));
    assert!(count_at(&url).is_err(), "a line that breaks");
    server.join().unwrap();
}

#[test]
fn reading_ends_when_no_more_is_wanted() {
    for (format, text) in [
        (AdvisoryFormat::DebianTracker, TRACKER),
        (AdvisoryFormat::Osv, USN),
        (AdvisoryFormat::AlpineSecdb, SECDB),
        (AdvisoryFormat::ArchTracker, ARCH),
        (AdvisoryFormat::Debsecan, DEBSECAN),
    ] {
        let ended = read(&format, &mut Cursor::new(text), Some("debian:12"), &mut |_| false);
        assert!(matches!(ended, Err(ReadError::Stopped)), "{ended:?}");
    }
}
