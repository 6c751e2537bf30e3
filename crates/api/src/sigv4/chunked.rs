//! Bodies that S3 clients send in chunks: each chunk may carry a signature, and headers may follow the last one.
//! Reads a body as it arrives and holds nothing but the line it is in. What the trailing headers promise is for the
//! caller to check. Source: AWS's description of `aws-chunked` uploads with Signature Version 4.

use ring::digest::{Context, SHA256};

use super::{Scope, SigningKey, format_time, payload_hash, same, to_hex};
use crate::Timestamp;

/// `x-amz-content-sha256` of a body in signed chunks.
pub const STREAMING_SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
/// The same with trailing headers, which are signed as well.
pub const STREAMING_SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
/// Chunks without signatures, then trailing headers.
pub const STREAMING_UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// The line before a chunk, or one trailing header.
const MAX_LINE_BYTES: usize = 1024;
const MAX_TRAILERS: usize = 16;
/// The header that signs the trailing ones.
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Not a chunked body, or one that ends early.
    #[error("the chunked body is malformed: {0}")]
    Malformed(&'static str),
    /// A chunk is not what was signed.
    #[error("the signature of a chunk does not match what was sent")]
    Mismatch,
}

/// What chunk signatures continue from: the signature of the request itself.
#[derive(Clone)]
pub struct ChunkSeed {
    pub key: SigningKey,
    pub signed_at: Timestamp,
    pub scope: Scope,
    /// Of the request, lower-case hex.
    pub signature: String,
}

/// Whether chunks carry signatures, and what these continue from.
pub enum Signatures {
    None,
    /// They are there, and nobody has the key to check them.
    Unchecked,
    Checked(Box<ChunkSeed>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the line that gives a chunk's length.
    Head,
    Data {
        left: u64,
    },
    /// The line end after a chunk.
    DataEnd,
    Trailers,
    Done,
}

/// Takes a body apart.
pub struct ChunkDecoder {
    signatures: Signatures,
    state: State,
    line: Vec<u8>,
    /// Of the chunk that is being read.
    hash: Context,
    claimed: String,
    trailers: Vec<(String, String)>,
}

impl ChunkDecoder {
    pub fn new(signatures: Signatures) -> Self {
        Self {
            signatures,
            state: State::Head,
            line: Vec::new(),
            hash: Context::new(&SHA256),
            claimed: String::new(),
            trailers: Vec::new(),
        }
    }

    /// Appends what `input` holds of the content to `out`. Content counts only once [`Self::finish`] has succeeded: a
    /// chunk's signature is checked when the chunk is over.
    pub fn decode(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), ChunkError> {
        while let Some(&first) = input.first() {
            match self.state {
                State::Data { left } => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let (data, rest) = input.split_at(here);
                    if !matches!(self.signatures, Signatures::None) {
                        self.hash.update(data);
                    }
                    out.extend_from_slice(data);
                    input = rest;
                    let left = left - here as u64;
                    self.state = if left == 0 { State::DataEnd } else { State::Data { left } };
                }
                State::Done => return Err(ChunkError::Malformed("there is more after its end")),
                State::Head | State::DataEnd | State::Trailers => {
                    input = &input[1..];
                    if first == b'\n' {
                        self.end_line()?;
                    } else if self.line.len() < MAX_LINE_BYTES {
                        self.line.push(first);
                    } else {
                        return Err(ChunkError::Malformed("a line is too long"));
                    }
                }
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), ChunkError> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").ok_or(ChunkError::Malformed("a line has no proper end"))?;
        let text = std::str::from_utf8(line).map_err(|_| ChunkError::Malformed("a line is no text"))?;
        match self.state {
            State::Head => self.head(text),
            State::DataEnd if text.is_empty() => {
                self.check_chunk()?;
                self.state = State::Head;
                Ok(())
            }
            State::DataEnd => Err(ChunkError::Malformed("a chunk is longer than it says")),
            State::Trailers if text.is_empty() => {
                self.check_trailers()?;
                self.state = State::Done;
                Ok(())
            }
            State::Trailers => self.trailer(text),
            State::Data { .. } | State::Done => Ok(()),
        }
    }

    /// `400;chunk-signature=…`
    fn head(&mut self, line: &str) -> Result<(), ChunkError> {
        let (length, extension) = line.split_once(';').unwrap_or((line, ""));
        let is_number = (1..=16).contains(&length.len()) && length.bytes().all(|b| b.is_ascii_hexdigit());
        let left = is_number.then(|| u64::from_str_radix(length, 16).ok()).flatten();
        let left = left.ok_or(ChunkError::Malformed("a chunk has no length"))?;
        if !matches!(self.signatures, Signatures::None) {
            let claimed = extension.strip_prefix("chunk-signature=");
            claimed.ok_or(ChunkError::Malformed("a chunk has no signature"))?.clone_into(&mut self.claimed);
        }
        if left > 0 {
            self.state = State::Data { left };
            return Ok(());
        }
        self.check_chunk()?;
        self.state = State::Trailers;
        Ok(())
    }

    fn trailer(&mut self, line: &str) -> Result<(), ChunkError> {
        let (name, value) =
            line.split_once(':').ok_or(ChunkError::Malformed("a trailing header has no name"))?;
        if self.trailers.len() >= MAX_TRAILERS {
            return Err(ChunkError::Malformed("it has too many trailing headers"));
        }
        self.trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        Ok(())
    }

    fn check_chunk(&mut self) -> Result<(), ChunkError> {
        let hash = std::mem::replace(&mut self.hash, Context::new(&SHA256)).finish();
        let Signatures::Checked(seed) = &mut self.signatures else { return Ok(()) };
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{}\n{}",
            format_time(seed.signed_at),
            seed.scope,
            seed.signature,
            payload_hash(b""),
            to_hex(hash.as_ref())
        );
        continue_with(seed, &text, &self.claimed)
    }

    /// Without this header nothing vouches for the others, so it is asked for as soon as there are any.
    fn check_trailers(&mut self) -> Result<(), ChunkError> {
        let Signatures::Checked(seed) = &mut self.signatures else { return Ok(()) };
        if self.trailers.is_empty() {
            return Ok(());
        }
        let position = self.trailers.iter().position(|(name, _)| name == TRAILER_SIGNATURE);
        let position = position.ok_or(ChunkError::Malformed("its trailing headers are not signed"))?;
        let (_, claimed) = self.trailers.remove(position);
        let mut signed: Vec<String> =
            self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        signed.sort_unstable();
        let text = format!(
            "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{}",
            format_time(seed.signed_at),
            seed.scope,
            seed.signature,
            payload_hash(signed.concat().as_bytes())
        );
        continue_with(seed, &text, &claimed)
    }

    /// The trailing headers, names in lower case. Fails when the body has not come to its end.
    pub fn finish(self) -> Result<Vec<(String, String)>, ChunkError> {
        match self.state {
            State::Done => Ok(self.trailers),
            _ => Err(ChunkError::Malformed("it ends early")),
        }
    }
}

fn continue_with(seed: &mut ChunkSeed, text: &str, claimed: &str) -> Result<(), ChunkError> {
    let expected = seed.key.signature(text);
    if !same(&expected, claimed) {
        return Err(ChunkError::Mismatch);
    }
    seed.signature = expected;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example that AWS documents: 65 KiB of `a` in two chunks.
    const SIGNATURES: [&str; 3] = [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ];

    fn seed() -> ChunkSeed {
        let signed_at = crate::sigv4::parse_time("20130524T000000Z").unwrap();
        let scope = Scope::new(signed_at, "us-east-1", "s3");
        ChunkSeed {
            key: SigningKey::derive("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &scope),
            signed_at,
            scope,
            signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9".to_owned(),
        }
    }

    fn documented() -> Vec<u8> {
        let [first, second, last] = SIGNATURES;
        let (long, short) = ("a".repeat(65_536), "a".repeat(1024));
        format!(
            "10000;chunk-signature={first}\r\n{long}\r\n400;chunk-signature={second}\r\n{short}\r\n\
             0;chunk-signature={last}\r\n\r\n"
        )
        .into_bytes()
    }

    fn read(body: &[u8], signatures: Signatures, step: usize) -> Result<(Vec<u8>, usize), ChunkError> {
        let mut decoder = ChunkDecoder::new(signatures);
        let mut out = Vec::new();
        for piece in body.chunks(step) {
            decoder.decode(piece, &mut out)?;
        }
        Ok((out, decoder.finish()?.len()))
    }

    #[test]
    fn reads_the_documented_example_however_it_is_cut() {
        for step in [1, 7, 4096, usize::MAX] {
            let (content, trailers) =
                read(&documented(), Signatures::Checked(Box::new(seed())), step).unwrap();
            assert_eq!((content.len(), trailers), (66_560, 0));
            assert!(content.iter().all(|byte| *byte == b'a'));
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let at_data = 100;
        let mut changed = documented();
        changed[at_data] = b'b';
        assert_eq!(read(&changed, Signatures::Checked(Box::new(seed())), 4096), Err(ChunkError::Mismatch));
        assert!(read(&changed, Signatures::Unchecked, 4096).is_ok());
        let mut other = seed();
        other.signature = SIGNATURES[0].to_owned();
        assert_eq!(
            read(&documented(), Signatures::Checked(Box::new(other)), 4096),
            Err(ChunkError::Mismatch)
        );
    }

    #[test]
    fn reads_trailing_headers() {
        let body = b"5\r\nhello\r\n0\r\nX-Amz-Checksum-CRC32:NhCmhg==\r\n\r\n";
        let mut decoder = ChunkDecoder::new(Signatures::None);
        let mut out = Vec::new();
        decoder.decode(body, &mut out).unwrap();
        assert_eq!(out, b"hello");
        assert_eq!(decoder.finish().unwrap(), [("x-amz-checksum-crc32".into(), "NhCmhg==".into())]);
    }

    /// A signed body with trailing headers, as a client makes it.
    fn signed_with_trailer(content: &[u8], value: &str) -> Vec<u8> {
        let mut seed = seed();
        let mut sign = |kind: &str, rest: &str| {
            let text = format!(
                "{kind}\n{}\n{}\n{}\n{rest}",
                format_time(seed.signed_at),
                seed.scope,
                seed.signature
            );
            seed.signature = seed.key.signature(&text);
            seed.signature.clone()
        };
        let chunk = |data: &[u8]| format!("{}\n{}", payload_hash(b""), payload_hash(data));
        let first = sign("AWS4-HMAC-SHA256-PAYLOAD", &chunk(content));
        let last = sign("AWS4-HMAC-SHA256-PAYLOAD", &chunk(b""));
        let header = format!("x-amz-checksum-crc32:{value}");
        let trailer = sign("AWS4-HMAC-SHA256-TRAILER", &payload_hash(format!("{header}\n").as_bytes()));
        let mut body = format!("{:x};chunk-signature={first}\r\n", content.len()).into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(
            format!("\r\n0;chunk-signature={last}\r\n{header}\r\n{TRAILER_SIGNATURE}:{trailer}\r\n\r\n")
                .as_bytes(),
        );
        body
    }

    #[test]
    fn trailing_headers_are_signed_where_chunks_are() {
        let body = signed_with_trailer(b"hello", "NhCmhg==");
        assert_eq!(read(&body, Signatures::Checked(Box::new(seed())), 3), Ok((b"hello".to_vec(), 1)));
        let text = String::from_utf8(body).unwrap();
        let forged = text.replace("NhCmhg==", "AAAAAA==");
        assert_eq!(
            read(forged.as_bytes(), Signatures::Checked(Box::new(seed())), 64),
            Err(ChunkError::Mismatch)
        );
        let from = text.find(TRAILER_SIGNATURE).unwrap();
        let unsigned = format!("{}\r\n", &text[..from]);
        assert!(matches!(
            read(unsigned.as_bytes(), Signatures::Checked(Box::new(seed())), 64),
            Err(ChunkError::Malformed(_))
        ));
    }

    #[test]
    fn says_what_is_wrong_with_a_body() {
        let check = |body: &[u8], part: &str| {
            let error = read(body, Signatures::None, 5).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check(b"", "ends early");
        check(b"5\r\nhel", "ends early");
        check(b"5\r\nhello\r\n0\r\n", "ends early");
        check(b"5\r\nhello!\r\n0\r\n\r\n", "longer than it says");
        check(b"x\r\n", "no length");
        check(b"\r\n", "no length");
        check(b"5\nhello", "no proper end");
        check(b"0\r\n\r\nmore", "more after its end");
        check(b"0\r\nheader\r\n\r\n", "no name");
        check(&[b'1'; 2000], "too long");
        check(b"fffffffffffffffff\r\n", "no length");
        assert!(read(b"5\r\nhello\r\n", Signatures::Unchecked, 5).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200), step in 1usize..50) {
            let _ = read(&body, Signatures::None, step);
            let _ = read(&body, Signatures::Checked(Box::new(seed())), step);
        }

        #[test]
        fn what_is_put_in_comes_out(content in proptest::collection::vec(any::<u8>(), 1..500), step in 1usize..50) {
            let body = signed_with_trailer(&content, "x");
            prop_assert_eq!(read(&body, Signatures::Checked(Box::new(seed())), step), Ok((content, 1)));
        }
    }
}
