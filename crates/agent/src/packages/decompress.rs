//! The compressed forms in which package managers keep lists and metadata, as chunks of plain text in bounded memory.
//! A stream that ends early is an error in every format.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};

/// One read of a file: larger than the usual stanza by far, small enough to stay in the cache.
const CHUNK_BYTES: usize = 128 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Lz4,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

/// Hands over the decompressed text chunk by chunk, until `visit` fails.
pub fn for_each_chunk(
    file: File,
    compression: Compression,
    visit: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let buffered = |file| BufReader::with_capacity(CHUNK_BYTES, file);
    match compression {
        Compression::None => read_chunks(file, visit),
        Compression::Gzip => read_chunks(flate2::bufread::MultiGzDecoder::new(buffered(file)), visit),
        Compression::Bzip2 => read_chunks(bzip2::bufread::MultiBzDecoder::new(buffered(file)), visit),
        Compression::Zstd => read_zstd(buffered(file), visit),
        Compression::Lz4 => read_lz4(&mut buffered(file), visit),
        Compression::Xz => read_chunks(lzma_rust2::XzReader::new(buffered(file), true), visit),
    }
}

fn read_chunks(mut reader: impl Read, visit: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => visit(&buffer[..count])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn read_zstd(mut reader: impl BufRead, visit: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    while !reader.fill_buf()?.is_empty() {
        let decoder = ruzstd::decoding::StreamingDecoder::new(&mut reader);
        let decoder = decoder.map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))?;
        read_chunks(decoder, visit)?;
    }
    Ok(())
}

/// How far back a block may refer into the blocks before it.
const LZ4_WINDOW_BYTES: usize = 64 << 10;
const LZ4_MAGIC: u32 = 0x184d_2204;
const LZ4_STORED: u32 = 1 << 31;

/// Frames one after another. Checksums are passed over: apt writes its own files without any.
fn read_lz4(reader: &mut impl BufRead, visit: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    while !reader.fill_buf()?.is_empty() {
        if read_u32(reader)? != LZ4_MAGIC {
            return Err(invalid("not an lz4 frame"));
        }
        let mut descriptor = [0; 2];
        reader.read_exact(&mut descriptor)?;
        let [flags, block_size] = descriptor;
        let (has_size, has_dictionary) = (flags & 0x08 != 0, flags & 0x01 != 0);
        if flags >> 6 != 1 || has_dictionary {
            return Err(invalid("an lz4 frame of an unknown kind"));
        }
        let max_block_bytes = match (block_size >> 4) & 7 {
            size @ 4..=7 => 1usize << (8 + 2 * size),
            _ => return Err(invalid("an lz4 frame of an unknown block size")),
        };
        skip(reader, if has_size { 9 } else { 1 })?;
        let frame =
            Lz4Frame { max_block_bytes, linked: flags & 0x20 == 0, block_checksums: flags & 0x10 != 0 };
        frame.read(reader, visit)?;
        skip(reader, if flags & 0x04 != 0 { 4 } else { 0 })?;
    }
    Ok(())
}

struct Lz4Frame {
    max_block_bytes: usize,
    linked: bool,
    block_checksums: bool,
}

impl Lz4Frame {
    fn read(
        &self,
        reader: &mut impl BufRead,
        visit: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut packed = vec![0; self.max_block_bytes];
        let mut text = vec![0; self.max_block_bytes];
        // The block before this one, or more than one when blocks are short: at least the window, if there is as much.
        let mut before: Vec<u8> = Vec::with_capacity(self.max_block_bytes);
        loop {
            let header = read_u32(reader)?;
            if header == 0 {
                return Ok(());
            }
            let length = (header & !LZ4_STORED) as usize;
            if length > self.max_block_bytes {
                return Err(invalid("an lz4 block larger than its frame allows"));
            }
            let count = if header & LZ4_STORED != 0 {
                reader.read_exact(&mut text[..length])?;
                length
            } else {
                reader.read_exact(&mut packed[..length])?;
                let window = &before[before.len().saturating_sub(LZ4_WINDOW_BYTES)..];
                let unpacked =
                    lz4_flex::block::decompress_into_with_dict(&packed[..length], &mut text, window);
                unpacked.map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))?
            };
            if self.block_checksums {
                skip(reader, 4)?;
            }
            visit(&text[..count])?;
            if !self.linked {
                continue;
            }
            if count >= LZ4_WINDOW_BYTES {
                std::mem::swap(&mut before, &mut text);
                before.truncate(count);
                text.resize(self.max_block_bytes, 0);
            } else {
                let surplus = (before.len() + count).saturating_sub(LZ4_WINDOW_BYTES).min(before.len());
                before.drain(..surplus);
                before.extend_from_slice(&text[..count]);
            }
        }
    }
}

fn read_u32(reader: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn skip(reader: &mut impl Read, count: usize) -> io::Result<()> {
    let mut bytes = [0; 9];
    reader.read_exact(&mut bytes[..count])
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
