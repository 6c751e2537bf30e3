//! One page of a table's tree: its cells. Reading pages is the parent module's.

const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

pub struct Page<'a> {
    bytes: &'a [u8],
    is_leaf: bool,
    /// Where the cell pointers begin.
    pointers: usize,
    count: usize,
    right_child: Option<u32>,
}

pub enum Cell<'a> {
    Child(u32),
    /// A row: its id, its length, the part that stands here, and the page where it goes on (0: nowhere).
    Row {
        id: i64,
        length: u64,
        local: &'a [u8],
        overflow: u32,
    },
}

impl<'a> Page<'a> {
    pub fn parse(page: &'a [u8], number: u32, usable_bytes: usize) -> Result<Self, &'static str> {
        let bytes = page.get(..usable_bytes).ok_or("a page that ends early")?;
        // The first page begins with the file's header.
        let start = if number == 1 { super::HEADER_BYTES } else { 0 };
        let header = bytes.get(start..start + 12).ok_or("a page without a header")?;
        let is_leaf = match header[0] {
            LEAF => true,
            INTERIOR => false,
            _ => return Err("a page that is none of a table's"),
        };
        let count = usize::from(u16::from_be_bytes([header[3], header[4]]));
        let right = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        let pointers = start + if is_leaf { 8 } else { 12 };
        if pointers + 2 * count > bytes.len() {
            return Err("a page with more rows than it has room for");
        }
        Ok(Self { bytes, is_leaf, pointers, count, right_child: (!is_leaf).then_some(right) })
    }

    /// The child to the right of all others counts as one.
    pub fn cells(&self) -> usize {
        self.count + usize::from(self.right_child.is_some())
    }

    pub fn cell(&self, at: usize) -> Result<Cell<'a>, &'static str> {
        if at == self.count {
            return self.right_child.map(Cell::Child).ok_or("a row that is not there");
        }
        let pointer = self.pointers + 2 * at;
        let offset = usize::from(u16::from_be_bytes([self.bytes[pointer], self.bytes[pointer + 1]]));
        let cell = self.bytes.get(offset..).ok_or("a row outside its page")?;
        if !self.is_leaf {
            let child = cell.first_chunk::<4>().ok_or("a row outside its page")?;
            return Ok(Cell::Child(u32::from_be_bytes(*child)));
        }
        let (length, cell) = varint(cell).ok_or("a row outside its page")?;
        let (id, cell) = varint(cell).ok_or("a row outside its page")?;
        let local_bytes = self.local_bytes(length);
        let local = cell.get(..local_bytes).ok_or("a row that ends outside its page")?;
        let overflow = match local_bytes as u64 == length {
            true => 0,
            false => {
                let link = cell.get(local_bytes..).and_then(|rest| rest.first_chunk::<4>());
                u32::from_be_bytes(*link.ok_or("a row that ends outside its page")?)
            }
        };
        Ok(Cell::Row { id: id as i64, length, local, overflow })
    }

    /// How much of a row of this length stands in the page itself.
    fn local_bytes(&self, length: u64) -> usize {
        let usable = self.bytes.len() as u64;
        let most = usable - 35;
        if length <= most {
            return length as usize;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let wanted = least + (length - least) % (usable - 4);
        (if wanted <= most { wanted } else { least }) as usize
    }
}

/// A number of one to nine bytes, and what follows it.
pub fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().enumerate().take(9) {
        if at == 8 {
            return Some((value << 8 | u64::from(byte), &bytes[9..]));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}
