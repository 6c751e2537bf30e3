//! Where the bytes of objects are: a folder, memory, or a bucket elsewhere. Each content has a name of its own that no
//! client chooses, so that no key can reach anything; which object has which content is the store's to know.
//! A content is written once, whole, and never changed.

mod folder;
mod http_client;
mod memory;
mod remote;
mod whole;
mod write;

use std::io;
use std::ops::Range;
use std::pin::Pin;

use axum::body::Bytes;
use futures_util::Stream;

pub use folder::Folder;
pub use memory::Memory;
pub use remote::{Remote, RemoteSettings};
pub use whole::{etag_of, put_whole, write_whole};
pub use write::{Pending, WriteError, discard, keep, leave};

/// The bytes of a content, as they are read.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// Nothing was kept of what was being written.
    #[error("no room: {0}")]
    Full(String),
    #[error("content {0} is not where it was kept")]
    Missing(String),
    #[error("the object store failed")]
    Io(#[from] io::Error),
}

/// The object store of a server.
pub struct Objects {
    pub contents: Contents,
    /// A host name below which buckets are names of hosts.
    pub domain: Option<String>,
}

impl Objects {
    /// Forgotten with the process.
    pub fn in_memory() -> Self {
        Self { contents: Contents::Memory(Memory::default()), domain: None }
    }
}

/// The one place of this server.
pub enum Contents {
    Folder(Folder),
    Memory(Memory),
    Remote(Remote),
}

/// A content that is being written. Dropped without [`Writer::finish`], what is left of it is deleted by its name.
pub enum Writer {
    Folder(folder::FileWriter),
    Memory(memory::MemoryWriter),
    Remote(remote::RemoteWriter),
}

impl Contents {
    pub async fn create(&self, id: &str) -> Result<Writer, ContentError> {
        match self {
            Self::Folder(folder) => folder.create(id).await.map(Writer::Folder),
            Self::Memory(memory) => Ok(Writer::Memory(memory.create(id))),
            Self::Remote(remote) => Ok(Writer::Remote(remote.create(id))),
        }
    }

    /// What `range` holds of it; the range lies within its size.
    pub async fn read(&self, id: &str, range: Range<u64>) -> Result<ByteStream, ContentError> {
        match self {
            Self::Folder(folder) => folder.read(id, range).await,
            Self::Memory(memory) => memory.read(id, range),
            Self::Remote(remote) => remote.read(id, range).await,
        }
    }

    /// Also of what was never finished; one that is not there is deleted already.
    pub async fn delete(&self, id: &str) -> Result<(), ContentError> {
        match self {
            Self::Folder(folder) => folder.delete(id).await,
            Self::Remote(remote) => remote.delete(id).await,
            Self::Memory(memory) => {
                memory.delete(id);
                Ok(())
            }
        }
    }

    /// Forgets everything; for servers whose store is memory.
    pub fn wipe(&self) {
        if let Self::Memory(memory) = self {
            memory.wipe();
        }
    }
}

impl Writer {
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        match self {
            Self::Folder(writer) => writer.write(bytes).await,
            Self::Memory(writer) => writer.write(bytes),
            Self::Remote(writer) => writer.write(bytes).await,
        }
    }

    /// Lets go of what only its writer can delete.
    pub async fn abort(self) {
        if let Self::Remote(writer) = self {
            writer.abort().await;
        }
    }

    /// Returns when a power cut would no longer take it.
    pub async fn finish(self) -> Result<(), ContentError> {
        match self {
            Self::Folder(writer) => writer.finish().await,
            Self::Remote(writer) => writer.finish().await,
            Self::Memory(writer) => {
                writer.finish();
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
