//! Tables of a SQLite file, read row by row: rpm's database and yum's `primary_db`. Only what a full read of one table
//! needs; no locks, no writes, no shared memory, so that read-only and foreign roots work like the running machine's own.
//! What stands in a write-ahead log counts (`wal`); that nothing changed in between is checked by [`Sqlite::is_unchanged`].
//! Source: the SQLite file format, version 3.

mod page;
mod record;
#[cfg(test)]
mod tests;
mod wal;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::super::ScanError;
use super::super::root::{Identity, Root};
use page::{Cell, Page};
pub use record::Row;
use wal::Wal;

const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// Reads of neighbouring pages at once: rows of rpm's database span many.
const WINDOW_BYTES: usize = 32 << 10;
/// A table of 2^31 pages is less deep.
const MAX_DEPTH: usize = 24;
/// A row longer than any rpm header may be.
const MAX_ROW_BYTES: u64 = 512 << 20;

/// An open database.
pub struct Sqlite {
    file: File,
    identity: Identity,
    path: PathBuf,
    shown: PathBuf,
    page_bytes: usize,
    /// Without the bytes at the end of each page that are not SQLite's.
    usable_bytes: usize,
    page_count: u32,
    wal: Option<Wal>,
    wal_identity: Option<Identity>,
}

/// Where a table begins, and the names of its columns.
pub struct Table {
    root_page: u32,
    pub columns: Vec<String>,
}

impl Table {
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }
}

impl Sqlite {
    /// `None` when there is no such file.
    pub fn open(root: &Root, path: &Path) -> Result<Option<Self>, ScanError> {
        let shown = root.shown(path);
        let (Some(identity), Some(file)) = (root.identity(path)?, root.open(path)?) else { return Ok(None) };
        let corrupt = |reason: &str| ScanError::Corrupt { path: shown.clone(), reason: reason.to_owned() };
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).map_err(|_| corrupt("too short for a database"))?;
        if !header.starts_with(MAGIC) {
            return Err(corrupt("not an SQLite database"));
        }
        let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65536,
            size if size >= 512 && size.is_power_of_two() => usize::from(size),
            _ => return Err(corrupt("a page size that SQLite does not have")),
        };
        if header[18] > 2 || header[19] > 2 {
            return Err(corrupt("written by a newer SQLite than this agent reads"));
        }
        check_journal(root, path)?;
        let wal_path = sibling(path, "-wal");
        let wal_identity = root.identity(&wal_path)?;
        let wal = match header[19] {
            2 => Wal::open(root, &wal_path, page_bytes)?,
            _ => None,
        };
        let in_file = u32::try_from(identity.size_bytes / page_bytes as u64).unwrap_or(u32::MAX);
        let page_count = wal.as_ref().map_or(in_file, |wal| wal.page_count);
        let usable_bytes = page_bytes - usize::from(header[20]);
        if usable_bytes < 480 {
            return Err(corrupt("pages without room"));
        }
        let path = path.to_owned();
        Ok(Some(Self {
            file,
            identity,
            path,
            shown,
            page_bytes,
            usable_bytes,
            page_count,
            wal,
            wal_identity,
        }))
    }

    /// Whether the file and its log are still what they were when they were opened.
    pub fn is_unchanged(&self, root: &Root) -> bool {
        let now = root.identity(&self.path).ok().flatten();
        let wal = root.identity(&sibling(&self.path, "-wal")).ok().flatten();
        now == Some(self.identity) && wal == self.wal_identity
    }

    pub fn corrupt(&self, reason: impl Into<String>) -> ScanError {
        ScanError::Corrupt { path: self.shown.clone(), reason: reason.into() }
    }

    pub fn table(&self, name: &str) -> Result<Option<Table>, ScanError> {
        let mut found = None;
        let schema = Table { root_page: 1, columns: Vec::new() };
        self.for_each_row(&schema, &mut |row| {
            let is_it = row.text(0) == Some("table")
                && row.text(1).is_some_and(|other| other.eq_ignore_ascii_case(name));
            if is_it {
                let root_page = row.integer(3).and_then(|page| u32::try_from(page).ok());
                let root_page = root_page.ok_or_else(|| self.corrupt("a table without a page"))?;
                found = Some(Table { root_page, columns: record::columns(row.text(4).unwrap_or_default()) });
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Every row, in the order of their ids.
    pub fn for_each_row(
        &self,
        table: &Table,
        visit: &mut dyn FnMut(&Row<'_>) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        let mut reader = Reader { database: self, window: Vec::new(), window_at: 0, pages_read: 0 };
        let mut payload = Vec::new();
        // Pages still to be read, with how deep they stand; the last is next.
        let mut waiting = vec![(table.root_page, 0)];
        while let Some((number, depth)) = waiting.pop() {
            if depth > MAX_DEPTH || reader.pages_read > self.page_count.saturating_add(1) {
                return Err(self.corrupt("its pages form a loop"));
            }
            reader.pages_read += 1;
            let bytes = reader.page(number)?.to_vec();
            let page = Page::parse(&bytes, number, self.usable_bytes).map_err(|why| self.corrupt(why))?;
            let first_child = waiting.len();
            for at in 0..page.cells() {
                match page.cell(at).map_err(|why| self.corrupt(why))? {
                    Cell::Child(child) => waiting.push((child, depth + 1)),
                    Cell::Row { id, length, local, overflow } => {
                        payload.clear();
                        payload.extend_from_slice(local);
                        reader.read_overflow(&mut payload, length, overflow)?;
                        let row = Row::parse(id, &payload).map_err(|why| self.corrupt(why))?;
                        visit(&row)?;
                    }
                }
            }
            waiting[first_child..].reverse();
        }
        Ok(())
    }
}

/// Reads pages, several neighbours at once.
struct Reader<'a> {
    database: &'a Sqlite,
    window: Vec<u8>,
    window_at: u64,
    pages_read: u32,
}

impl Reader<'_> {
    fn page(&mut self, number: u32) -> Result<&[u8], ScanError> {
        let database = self.database;
        if number == 0 || number > database.page_count {
            return Err(database.corrupt(format!("page {number} of {} is asked for", database.page_count)));
        }
        let bytes = database.page_bytes;
        if let Some(wal) = &database.wal
            && let Some(offset) = wal.offset(number)
        {
            self.window.resize(bytes, 0);
            // A page of the log is no neighbour of any page of the file.
            self.window_at = u64::MAX;
            wal.read(&mut self.window, offset)?;
            return Ok(&self.window);
        }
        let offset = u64::from(number - 1) * bytes as u64;
        let end = offset + bytes as u64;
        let has_it = self.window_at <= offset && end - self.window_at <= self.window.len() as u64;
        if self.window_at == u64::MAX || self.window.is_empty() || !has_it {
            self.fill(offset)?;
        }
        let start = (offset - self.window_at) as usize;
        self.window
            .get(start..start + bytes)
            .ok_or_else(|| database.corrupt(format!("ends before page {number}")))
    }

    fn fill(&mut self, offset: u64) -> Result<(), ScanError> {
        self.window.resize(WINDOW_BYTES.max(self.database.page_bytes), 0);
        self.window_at = offset;
        let mut filled = 0;
        while filled < self.window.len() {
            match self.database.file.read_at(&mut self.window[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => return Err(ScanError::Io { path: self.database.shown.clone(), source }),
            }
        }
        self.window.truncate(filled);
        Ok(())
    }

    /// The rest of a row, which stands in a chain of pages of its own.
    fn read_overflow(&mut self, payload: &mut Vec<u8>, length: u64, first: u32) -> Result<(), ScanError> {
        let database = self.database;
        let longest = u64::from(database.page_count).saturating_mul(database.page_bytes as u64);
        if length > longest.min(MAX_ROW_BYTES) {
            return Err(database.corrupt("a row longer than the database"));
        }
        let (length, mut next) = (length as usize, first);
        payload.reserve(length.saturating_sub(payload.len()));
        while payload.len() < length {
            if next == 0 {
                return Err(database.corrupt("a row that ends early"));
            }
            let usable = database.usable_bytes;
            let page = self.page(next)?;
            let (link, rest) = page[..usable].split_at(4);
            next = u32::from_be_bytes([link[0], link[1], link[2], link[3]]);
            payload.extend_from_slice(&rest[..rest.len().min(length - payload.len())]);
        }
        Ok(())
    }
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A journal that was not undone belongs to a transaction that broke off: the file itself holds half of it.
fn check_journal(root: &Root, path: &Path) -> Result<(), ScanError> {
    let journal = sibling(path, "-journal");
    let Some(file) = root.open(&journal)? else { return Ok(()) };
    let mut magic = [0; 8];
    match file.read_exact_at(&mut magic, 0) {
        Ok(()) if magic == JOURNAL_MAGIC => Err(ScanError::Corrupt {
            path: root.shown(&journal),
            reason: "a transaction is under way or broke off; any `rpm -q` as root puts it right".to_owned(),
        }),
        _ => Ok(()),
    }
}
