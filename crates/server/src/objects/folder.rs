//! Contents as files of a folder: `ab/abcdef…`, readable by the server's user alone.

use std::io::{self, ErrorKind, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use futures_util::stream;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::{ByteStream, ContentError};

/// Written and read in pieces of this size: what one transfer holds in memory.
const PIECE_BYTES: usize = 256 << 10;
/// Between looks at the room that is left.
const LOOK_EVERY_BYTES: u64 = 8 << 20;
/// Left free, or a twentieth of the file system if that is less: the database writes there as well, and must go on.
const RESERVE_BYTES: u64 = 256 << 20;

pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder when it is missing.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        make_private(&root)?;
        Ok(Self { root })
    }

    fn path(&self, id: &str) -> PathBuf {
        // Ids are minted by this server: 32 hexadecimal digits.
        self.root.join(id.get(..2).unwrap_or("--")).join(id)
    }

    pub async fn create(&self, id: &str) -> Result<FileWriter, ContentError> {
        check_room(&self.root)?;
        let path = self.path(id);
        let parent = path.parent().unwrap_or(&self.root).to_owned();
        make_private(&parent).map_err(full_or_io)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(&path).await.map_err(full_or_io)?;
        let buffer = Vec::with_capacity(PIECE_BYTES);
        Ok(FileWriter { file, parent, root: self.root.clone(), buffer, until_look: LOOK_EVERY_BYTES })
    }

    pub async fn read(&self, id: &str, range: Range<u64>) -> Result<ByteStream, ContentError> {
        let mut file = match File::open(self.path(id)).await {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(ContentError::Missing(id.to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).await?;
        }
        let left = range.end.saturating_sub(range.start);
        Ok(Box::pin(stream::try_unfold((file, left), |(mut file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let most = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let mut piece = vec![0; most];
            let count = file.read(&mut piece).await?;
            if count == 0 {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "a content is shorter than it was"));
            }
            piece.truncate(count);
            Ok(Some((Bytes::from(piece), (file, left - count as u64))))
        })))
    }

    pub async fn delete(&self, id: &str) -> Result<(), ContentError> {
        match fs::remove_file(self.path(id)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

pub struct FileWriter {
    file: File,
    parent: PathBuf,
    root: PathBuf,
    buffer: Vec<u8>,
    until_look: u64,
}

impl FileWriter {
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        for piece in bytes.chunks(PIECE_BYTES) {
            if self.buffer.len() + piece.len() > PIECE_BYTES {
                self.flush().await?;
            }
            self.buffer.extend_from_slice(piece);
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ContentError> {
        let count = self.buffer.len() as u64;
        if self.until_look < count {
            check_room(&self.root)?;
            self.until_look = LOOK_EVERY_BYTES;
        }
        self.until_look -= count;
        self.file.write_all(&self.buffer).await.map_err(full_or_io)?;
        self.buffer.clear();
        Ok(())
    }

    pub async fn finish(mut self) -> Result<(), ContentError> {
        self.flush().await?;
        self.file.flush().await.map_err(full_or_io)?;
        self.file.sync_all().await.map_err(full_or_io)?;
        // The names of the file and of its folder.
        for folder in [&self.parent, &self.root] {
            File::open(folder).await?.sync_all().await?;
        }
        Ok(())
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn check_room(root: &Path) -> Result<(), ContentError> {
    let room = rustix::fs::statvfs(root).map_err(io::Error::from)?;
    let bytes = |blocks: u64| blocks.saturating_mul(room.f_frsize);
    let (free, reserve) = (bytes(room.f_bavail), (bytes(room.f_blocks) / 20).min(RESERVE_BYTES));
    if free < reserve {
        let text = format!("{free} bytes are free where objects are kept, and {reserve} are held back");
        return Err(ContentError::Full(text));
    }
    Ok(())
}

fn full_or_io(error: io::Error) -> ContentError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            ContentError::Full(error.to_string())
        }
        _ => ContentError::Io(error),
    }
}
