//! Feeds of advisories, and what wraps files: packed feeds, archives, package lists and metadata in every compressed form.

use std::fs::File;
use std::io::{Cursor, Read};

use agent::packages::decompress::{Compression, for_each_chunk};
use api::fettle::AdvisoryFormat;
use cli::advisories::{Meter, Source, for_each_feed};

use crate::node::{choose, folder, write};

const FORMATS: [AdvisoryFormat; 5] = [
    AdvisoryFormat::DebianTracker,
    AdvisoryFormat::Debsecan,
    AdvisoryFormat::Osv,
    AdvisoryFormat::AlpineSecdb,
    AdvisoryFormat::ArchTracker,
];
const COMPRESSIONS: [Compression; 5] =
    [Compression::Lz4, Compression::Gzip, Compression::Zstd, Compression::Xz, Compression::Bzip2];
/// Nothing is unpacked further: short inputs may stand for gigabytes.
const MAX_UNPACKED_BYTES: usize = 4 << 20;
const MAX_STATEMENTS: u32 = 10_000;

/// The formats as text.
pub fn advisories(data: &[u8]) {
    let Some((chosen, text)) = choose(data, FORMATS.len()) else { return };
    read(&FORMATS[chosen], &mut Cursor::new(text));
}

fn read(format: &AdvisoryFormat, reader: &mut dyn std::io::BufRead) {
    let mut taken = 0;
    let _ = cli::advisories::read(format, reader, Some("debian:bookworm"), &mut |_| {
        taken += 1;
        taken < MAX_STATEMENTS
    });
}

/// Compressed files of package managers, and feeds as they lie in files.
pub fn packed(data: &[u8]) {
    let Some((chosen, bytes)) = choose(data, COMPRESSIONS.len() + 1) else { return };
    let path = folder().join("packed");
    write(&path, bytes);
    let Some(compression) = COMPRESSIONS.get(chosen) else {
        let place = path.to_str().expect("made of plain text");
        let (client, meter) = (ureq::Agent::new_with_defaults(), Meter::default());
        let source = Source { place, format: None, client: &client, meter: &meter };
        let _ = for_each_feed(&source, &mut |mut feed| {
            feed.reader = Box::new(feed.reader.take(MAX_UNPACKED_BYTES as u64));
            read(&feed.format, &mut *feed.reader);
            Ok(())
        });
        return;
    };
    let mut unpacked = 0;
    let _ = for_each_chunk(File::open(&path).expect("it was written"), *compression, &mut |chunk| {
        unpacked += chunk.len();
        if unpacked > MAX_UNPACKED_BYTES { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
    });
}
