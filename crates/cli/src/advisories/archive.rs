//! zip archives of feeds, as OSV is published: their entries one by one, each checked by its sum.

use std::fs::File;
use std::io::{BufReader, Read};

use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use super::ReadError;

/// No record is this long: an entry that claims it is not what the archive says.
const MAX_ENTRY_BYTES: u64 = 256 << 20;

/// Also one without an entry.
pub fn is_archive(beginning: &[u8]) -> bool {
    beginning.starts_with(b"PK\x03\x04") || beginning.starts_with(b"PK\x05\x06")
}

/// Whether a file among others is a feed, by its name.
pub fn is_feed_name(name: &str) -> bool {
    let name = [".gz", ".xz", ".zst"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(name);
    [".json", ".zip"].iter().any(|ending| name.ends_with(ending))
}

/// Takes the plain bytes of one entry.
type VisitEntry<'a> = &'a mut dyn FnMut(Box<dyn Read + '_>) -> Result<(), ReadError>;

/// Calls `visit` with each entry that is a feed, in the archive's order. `count` is told how many packed bytes each took.
pub fn for_each_entry(
    file: File,
    count: &mut dyn FnMut(u64),
    visit: VisitEntry<'_>,
) -> Result<(), ReadError> {
    let broken = |error: rawzip::Error| ReadError::Malformed(format!("zip archive: {error}"));
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(broken)?;
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(broken)? {
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        if entry.is_dir() || !is_feed_name(&name) {
            continue;
        }
        let inside = |error: ReadError| error.inside(&name);
        if entry.uncompressed_size_hint() > MAX_ENTRY_BYTES {
            let text = format!("is longer than {MAX_ENTRY_BYTES} bytes");
            return Err(inside(ReadError::Unusable(text)));
        }
        let method = entry.compression_method();
        let packed_bytes = entry.compressed_size_hint();
        let found = archive.get_entry(entry.wayfinder()).map_err(broken)?;
        let plain: Box<dyn Read> = match method {
            CompressionMethod::STORE => Box::new(found.reader()),
            CompressionMethod::DEFLATE => {
                Box::new(flate2::bufread::DeflateDecoder::new(BufReader::new(found.reader())))
            }
            other => {
                let text = format!("is packed with zip's method {other}; deflate is read here");
                return Err(inside(ReadError::Unusable(text)));
            }
        };
        let checked = found.verifying_reader(plain).take(MAX_ENTRY_BYTES);
        visit(Box::new(checked)).map_err(inside)?;
        count(packed_bytes);
    }
    Ok(())
}
