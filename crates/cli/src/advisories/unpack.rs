//! Packed feeds as streams of bounded memory: gzip, zlib, zstd and xz, told apart by their first bytes.
//! A stream that ends early is an error in each of them.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::ReadError;

const BUFFER_BYTES: usize = 128 << 10;
/// What xz may want to look back at: `xz -9` wants 64 MiB.
const MAX_DICTIONARY_BYTES: u64 = 128 << 20;

pub fn buffered<'r>(reader: impl Read + 'r) -> Box<dyn BufRead + 'r> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, reader))
}

/// `beginning` is how `packed` begins.
pub fn unpack<'r>(beginning: &[u8], packed: Box<dyn Read + 'r>) -> Result<Box<dyn Read + 'r>, ReadError> {
    Ok(match beginning {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(buffered(packed))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Box::new(Zstd { packed: buffered(packed), decoder: FrameDecoder::new(), frame: Frame::Ended })
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            if let Some(bytes) = xz_dictionary_bytes(beginning).filter(|&bytes| bytes > MAX_DICTIONARY_BYTES)
            {
                let (bytes, most) = (bytes >> 20, MAX_DICTIONARY_BYTES >> 20);
                let hint = format!(
                    "is packed with a dictionary of {bytes} MiB, and {most} are read here: pack it with xz -9 or less"
                );
                return Err(ReadError::Unusable(hint));
            }
            Box::new(lzma_rust2::XzReader::new(buffered(packed), true))
        }
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
            Box::new(flate2::bufread::ZlibDecoder::new(buffered(packed)))
        }
        _ => packed,
    })
}

/// zstd's frames, one after another: tools that work in parallel write several. Their sums are passed over: damage shows in
/// what the text says.
struct Zstd<'r> {
    packed: Box<dyn BufRead + 'r>,
    decoder: FrameDecoder,
    frame: Frame,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Open,
    /// Between two frames, or after the last.
    Ended,
}

impl Read for Zstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.frame == Frame::Ended {
                if self.packed.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin()?;
                continue;
            }
            while self.decoder.can_collect() < buffer.len() && !self.decoder.is_finished() {
                let wanted = BlockDecodingStrategy::UptoBytes(buffer.len() - self.decoder.can_collect());
                self.decoder.decode_blocks(&mut self.packed, wanted).map_err(invalid)?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.frame = Frame::Ended;
        }
    }
}

impl Zstd<'_> {
    /// Frames that stand for nothing are passed over.
    fn begin(&mut self) -> io::Result<()> {
        match self.decoder.reset(&mut self.packed) {
            Ok(()) => self.frame = Frame::Open,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                let skipped = io::copy(&mut self.packed.by_ref().take(length.into()), &mut io::sink())?;
                if skipped < length.into() {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
            Err(error) => return Err(invalid(error)),
        }
        Ok(())
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

/// How far back the first block of an xz file may refer; `None` where it does not say so.
/// Source: the .xz file format, 3.1 and 5.3.1.
fn xz_dictionary_bytes(beginning: &[u8]) -> Option<u64> {
    const LZMA2: u64 = 0x21;
    let block = beginning.get(12..)?;
    let (&size, &flags) = (block.first()?, block.get(1)?);
    let mut rest = block.get(2..(usize::from(size) + 1) * 4)?;
    // Sizes of the block, where they are told.
    for flag in [0x40, 0x80] {
        if flags & flag != 0 {
            xz_number(&mut rest)?;
        }
    }
    for _ in 0..=flags & 3 {
        let (filter, length) = (xz_number(&mut rest)?, xz_number(&mut rest)?);
        let (properties, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        rest = after;
        if filter == LZMA2 {
            let &bits = properties.first().filter(|&&bits| bits <= 40)?;
            return Some((2 | u64::from(bits & 1)) << (bits / 2 + 11));
        }
    }
    None
}

/// Seven bits a byte, the lowest first.
fn xz_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, after) = bytes.split_first()?;
        *bytes = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stream header, then a block header of one LZMA2 filter with these bits for its dictionary.
    fn xz(flags: u8, sizes: &[u8], bits: u8) -> Vec<u8> {
        let mut file = vec![0; 12];
        file.extend([5, flags]);
        file.extend(sizes);
        file.extend([0x21, 1, bits]);
        file.resize(12 + 24, 0);
        file
    }

    #[test]
    fn xz_says_how_far_it_looks_back() {
        let check = |file: &[u8], expected| assert_eq!(xz_dictionary_bytes(file), expected, "{file:?}");
        check(&xz(0, &[], 22), Some(8 << 20));
        check(&xz(0xc0, &[0x80, 1, 0xff, 0xff, 1], 28), Some(64 << 20));
        check(&xz(0, &[], 39), Some(3 << 30));
        check(&xz(0, &[], 41), None);
        check(&xz(1, &[3, 1, 0], 0), Some(4096)); // behind a filter of another kind
        check(&xz(0x40, &[0xff; 12], 22), None);
        check(&xz(0, &[], 22)[..20], None);
        let bytes = [b"\xfd7zXZ\0".as_slice(), &xz(0, &[], 39)[6..]].concat();
        let refused = unpack(&bytes, Box::new(io::empty())).err().unwrap().to_string();
        assert!(refused.contains("3072 MiB"), "{refused}");
    }
}
