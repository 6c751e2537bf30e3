//! Contents in memory, for servers that forget.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use futures_util::stream;

use super::{ByteStream, ContentError};

/// Of all contents together: a test that puts more means a real server.
const MAX_BYTES: usize = 1 << 30;

#[derive(Default)]
pub struct Memory {
    kept: Arc<Mutex<HashMap<String, Bytes>>>,
}

impl Memory {
    pub fn create(&self, id: &str) -> MemoryWriter {
        MemoryWriter { kept: Arc::clone(&self.kept), id: id.to_owned(), bytes: Vec::new() }
    }

    pub fn read(&self, id: &str, range: Range<u64>) -> Result<ByteStream, ContentError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = || ContentError::Missing(id.to_owned());
        let bytes = kept.get(id).ok_or_else(missing)?;
        let at = |offset: u64| usize::try_from(offset).ok().filter(|at| *at <= bytes.len());
        let (Some(start), Some(end)) = (at(range.start), at(range.end)) else { return Err(missing()) };
        Ok(Box::pin(stream::iter([Ok(bytes.slice(start..end))])))
    }

    pub fn delete(&self, id: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub fn wipe(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

pub struct MemoryWriter {
    kept: Arc<Mutex<HashMap<String, Bytes>>>,
    id: String,
    bytes: Vec<u8>,
}

impl MemoryWriter {
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let others: usize = kept.values().map(Bytes::len).sum();
        if others + self.bytes.len() + bytes.len() > MAX_BYTES {
            return Err(ContentError::Full(format!("a server in memory keeps {MAX_BYTES} bytes at most")));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub fn finish(self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(self.id, self.bytes.into());
    }
}
