//! A feed's bytes: from a file or an address, unpacked, and which format they are in.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

use api::fettle::AdvisoryFormat;

use super::ReadError;

/// A feed of some 50 MB over a slow line.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const BUFFER_BYTES: usize = 128 << 10;
/// What the format is told from; more than any blank beginning.
const LOOK_BYTES: usize = 4 << 10;

/// An opened feed, unpacked as it is read.
pub struct Feed {
    pub format: AdvisoryFormat,
    pub reader: Box<dyn BufRead>,
}

/// Opens a file, or an address that begins with `http://` or `https://`. Packed ones are known by their first bytes.
pub fn open(place: &str, format: Option<AdvisoryFormat>, client: &ureq::Agent) -> Result<Feed, ReadError> {
    let raw: Box<dyn Read + Send> = if place.starts_with("http://") || place.starts_with("https://") {
        download(place, client)?
    } else {
        Box::new(File::open(place)?)
    };
    let mut reader = unpack(BufReader::with_capacity(BUFFER_BYTES, raw))?;
    let format = match format {
        Some(format) => format,
        None => detect(&mut *reader)?,
    };
    Ok(Feed { format, reader })
}

fn download(url: &str, client: &ureq::Agent) -> Result<Box<dyn Read + Send>, ReadError> {
    let answer =
        client.get(url).config().timeout_global(Some(DOWNLOAD_TIMEOUT)).max_redirects(5).build().call();
    let answer = answer.map_err(|error| ReadError::Unusable(format!("cannot be fetched: {error}")))?;
    match answer.status().as_u16() {
        200 => Ok(Box::new(answer.into_body().into_reader())),
        status => Err(ReadError::Unusable(format!("cannot be fetched: HTTP status {status}"))),
    }
}

fn unpack(mut packed: BufReader<Box<dyn Read + Send>>) -> Result<Box<dyn BufRead>, ReadError> {
    let beginning = packed.fill_buf()?;
    let begins = |magic: &[u8]| beginning.starts_with(magic);
    let buffered = |reader: Box<dyn Read>| Box::new(BufReader::with_capacity(BUFFER_BYTES, reader));
    Ok(if begins(&[0x1f, 0x8b]) {
        buffered(Box::new(flate2::bufread::MultiGzDecoder::new(packed)))
    } else if begins(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let unpacked = ruzstd::decoding::StreamingDecoder::new(packed);
        buffered(Box::new(unpacked.map_err(|error| ReadError::Malformed(error.to_string()))?))
    } else if begins(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        buffered(Box::new(unpack_xz(packed)?))
    } else if matches!(beginning, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]) {
        buffered(Box::new(flate2::bufread::ZlibDecoder::new(packed)))
    } else {
        Box::new(packed)
    })
}

/// The decoder wants to write where others read: it works on a thread of its own, through a pipe.
fn unpack_xz(mut packed: BufReader<Box<dyn Read + Send>>) -> io::Result<impl Read> {
    let (reader, writer) = io::pipe()?;
    let decoder = std::thread::spawn(move || {
        let mut writer = io::BufWriter::new(writer);
        lzma_rs::xz_decompress(&mut packed, &mut writer).map_err(|error| match error {
            lzma_rs::error::Error::IoError(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, format!("{other:?}")),
        })?;
        writer.flush()
    });
    Ok(Unpacking { reader, decoder: Some(decoder) })
}

/// At the end of the pipe it asks how the decoder ended: a packed file that ends early is an error.
struct Unpacking {
    reader: io::PipeReader,
    decoder: Option<std::thread::JoinHandle<io::Result<()>>>,
}

impl Read for Unpacking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if count == 0
            && !buffer.is_empty()
            && let Some(decoder) = self.decoder.take()
        {
            decoder.join().unwrap_or_else(|_| Err(io::Error::other("the decoder failed")))?;
        }
        Ok(count)
    }
}

/// debsecan's begins with its version; an OSV record with one of its members, a list of them with a bracket; what is left
/// is the tracker's object of packages.
fn detect(reader: &mut dyn BufRead) -> Result<AdvisoryFormat, ReadError> {
    let beginning = reader.fill_buf()?;
    let text = String::from_utf8_lossy(&beginning[..beginning.len().min(LOOK_BYTES)]);
    let text = text.trim_start();
    let unknown = || {
        let formats = "the Debian security tracker's JSON, debsecan's format and OSV are read here";
        ReadError::Malformed(format!("its format is not known: {formats}"))
    };
    if text.starts_with("VERSION") {
        return Ok(AdvisoryFormat::Debsecan);
    }
    if text.starts_with('[') {
        return Ok(AdvisoryFormat::Osv);
    }
    let rest = text.strip_prefix('{').ok_or_else(unknown)?.trim_start();
    let first = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(member, _)| member);
    const MEMBERS: [&str; 12] = [
        "schema_version",
        "id",
        "modified",
        "published",
        "withdrawn",
        "aliases",
        "related",
        "upstream",
        "summary",
        "details",
        "affected",
        "severity",
    ];
    match first {
        Some(member) if MEMBERS.contains(&member) => Ok(AdvisoryFormat::Osv),
        Some(_) => Ok(AdvisoryFormat::DebianTracker),
        None => Err(unknown()),
    }
}
