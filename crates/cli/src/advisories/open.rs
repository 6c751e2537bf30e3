//! Where feeds come from: a file, a folder, an archive, or an address; and which format each is in.
//! Unpacking is `unpack`'s and `archive`'s.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufRead, Cursor, Read, Seek};
use std::path::Path;
use std::time::Duration;

use api::fettle::AdvisoryFormat;

use super::{ReadError, archive, unpack};

/// A feed of some 50 MB over a slow line.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// What packing and format are told from; more than any blank beginning.
const LOOK_BYTES: u64 = 4 << 10;
/// Archives are read from their end, so that those from an address are first put on the disk.
const MAX_ARCHIVE_BYTES: u64 = 8 << 30;

/// An opened feed, unpacked as it is read.
pub struct Feed<'f> {
    pub format: AdvisoryFormat,
    pub reader: Box<dyn BufRead + 'f>,
}

/// A file, a folder of files, or an address that begins with `http://` or `https://`. Packed ones and archives are known
/// by their first bytes.
pub struct Source<'s> {
    pub place: &'s str,
    /// `None`: told from the content.
    pub format: Option<AdvisoryFormat>,
    pub client: &'s ureq::Agent,
    pub meter: &'s Meter,
}

/// How much was read, packed as it came.
#[derive(Debug, Default)]
pub struct Meter {
    pub read_bytes: Cell<u64>,
    /// Where it is known beforehand.
    pub total_bytes: Cell<Option<u64>>,
}

/// Takes the feeds of a source one by one; an error ends the reading.
pub type Visit<'a> = &'a mut dyn FnMut(Feed<'_>) -> Result<(), ReadError>;

/// Calls `visit` with each feed: one of a file or address, one for each file of a folder or archive, by their names.
pub fn for_each_feed(source: &Source<'_>, visit: Visit<'_>) -> Result<(), ReadError> {
    source.meter.read_bytes.set(0);
    source.meter.total_bytes.set(None);
    if source.place.starts_with("http://") || source.place.starts_with("https://") {
        let (length, raw) = download(source.place, source.client)?;
        source.meter.total_bytes.set(length);
        let (beginning, mut whole) = look(source.metered(raw))?;
        if !archive::is_archive(&beginning) {
            return source.one(beginning, whole, visit);
        }
        let mut file = tempfile::tempfile()?;
        if io::copy(&mut whole.by_ref().take(MAX_ARCHIVE_BYTES), &mut file)? == MAX_ARCHIVE_BYTES {
            return Err(ReadError::Unusable(format!("has more than {MAX_ARCHIVE_BYTES} bytes")));
        }
        file.rewind()?;
        return archive::for_each_entry(file, &mut |_| (), &mut |reader| {
            let (beginning, whole) = look(reader)?;
            source.one(beginning, whole, visit)
        });
    }
    let path = Path::new(source.place);
    match fs::metadata(path)?.is_dir() {
        true => source.folder(path, visit),
        false => {
            source.meter.total_bytes.set(Some(fs::metadata(path)?.len()));
            source.file(path, visit)
        }
    }
}

impl<'s> Source<'s> {
    fn metered<'r>(&'r self, reader: Box<dyn Read + 'r>) -> Box<dyn Read + 'r> {
        Box::new(Metered { reader, meter: self.meter })
    }

    /// Every feed below it, by name; what does not end like one is no feed (a licence, a list of changes).
    fn folder(&self, folder: &Path, visit: Visit<'_>) -> Result<(), ReadError> {
        let mut paths =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort_unstable();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            // Follows links to files, not to folders: those may lead in a circle.
            let is_folder = fs::symlink_metadata(&path)?.is_dir();
            if is_folder {
                self.folder(&path, visit)?;
            } else if archive::is_feed_name(&name) && path.is_file() {
                self.file(&path, visit).map_err(|error| error.inside(path.display()))?;
            }
        }
        Ok(())
    }

    fn file(&self, path: &Path, visit: Visit<'_>) -> Result<(), ReadError> {
        let (beginning, whole) = look(self.metered(Box::new(File::open(path)?)))?;
        if !archive::is_archive(&beginning) {
            return self.one(beginning, whole, visit);
        }
        drop(whole);
        let count = &mut |bytes| self.meter.read_bytes.set(self.meter.read_bytes.get() + bytes);
        archive::for_each_entry(File::open(path)?, count, &mut |reader| {
            let (beginning, whole) = look(reader)?;
            self.one(beginning, whole, visit)
        })
    }

    fn one(&self, beginning: Vec<u8>, whole: Box<dyn Read + '_>, visit: Visit<'_>) -> Result<(), ReadError> {
        let (beginning, unpacked) = look(unpack::unpack(&beginning, whole)?)?;
        let format = match &self.format {
            Some(format) => format.clone(),
            None => detect(&beginning)?,
        };
        visit(Feed { format, reader: unpack::buffered(unpacked) })
    }
}

/// The first bytes, and the whole with them.
fn look<'r>(mut reader: Box<dyn Read + 'r>) -> io::Result<(Vec<u8>, Box<dyn Read + 'r>)> {
    let mut beginning = Vec::new();
    reader.by_ref().take(LOOK_BYTES).read_to_end(&mut beginning)?;
    let whole = Cursor::new(beginning.clone()).chain(reader);
    Ok((beginning, Box::new(whole)))
}

struct Metered<'m, R> {
    reader: R,
    meter: &'m Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.meter.read_bytes.set(self.meter.read_bytes.get() + count as u64);
        Ok(count)
    }
}

type Download = (Option<u64>, Box<dyn Read>);

fn download(url: &str, client: &ureq::Agent) -> Result<Download, ReadError> {
    let answer =
        client.get(url).config().timeout_global(Some(DOWNLOAD_TIMEOUT)).max_redirects(5).build().call();
    let answer = answer.map_err(|error| ReadError::Unusable(format!("cannot be fetched: {error}")))?;
    match answer.status().as_u16() {
        200 => {
            let body = answer.into_body();
            Ok((body.content_length(), Box::new(body.into_reader())))
        }
        status => Err(ReadError::Unusable(format!("cannot be fetched: HTTP status {status}"))),
    }
}

/// debsecan's begins with its version; an OSV record and Alpine's secdb with one of their members, a list of OSV records
/// with a bracket, as Arch's list of groups, which names one soon; what is left is Debian's object of packages.
fn detect(beginning: &[u8]) -> Result<AdvisoryFormat, ReadError> {
    let text = String::from_utf8_lossy(beginning);
    let text = text.trim_start();
    let unknown = || {
        let formats = "the security trackers of Debian and Arch, debsecan's format, OSV and Alpine's secdb are read here";
        ReadError::Malformed(format!("its format is not known: {formats}"))
    };
    if text.starts_with("VERSION") {
        return Ok(AdvisoryFormat::Debsecan);
    }
    if text.starts_with('[') {
        let has_group = text.contains("\"AVG-");
        return Ok(if has_group { AdvisoryFormat::ArchTracker } else { AdvisoryFormat::Osv });
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
    const SECDB_MEMBERS: [&str; 6] =
        ["apkurl", "archs", "reponame", "urlprefix", "distroversion", "packages"];
    match first {
        Some(member) if MEMBERS.contains(&member) => Ok(AdvisoryFormat::Osv),
        Some(member) if SECDB_MEMBERS.contains(&member) => Ok(AdvisoryFormat::AlpineSecdb),
        Some(_) => Ok(AdvisoryFormat::DebianTracker),
        None => Err(unknown()),
    }
}
