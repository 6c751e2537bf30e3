//! Documents kept as compressed JSON: content that is only ever read whole.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, StoreError};

/// Nothing larger was ever accepted.
const LIMIT_BYTES: u64 = 64 << 20;

pub(crate) fn compress(document: &impl Serialize) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(document).map_err(|error| StoreError::Backend(error.into()))?;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(&json)
        .and_then(|()| encoder.finish())
        .map_err(|error| StoreError::Backend(error.into()))
}

pub(crate) fn expand<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut json = Vec::new();
    let read = ZlibDecoder::new(bytes).take(LIMIT_BYTES).read_to_end(&mut json);
    read.map_err(|error| StoreError::Corrupt(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| StoreError::Corrupt(error.to_string()))
}
