//! The places where contents are kept, each held to the same.

use futures_util::TryStreamExt;

use super::*;

const ID: &str = "ab0123456789abcdef0123456789abcd";

async fn read(contents: &Contents, range: Range<u64>) -> Vec<u8> {
    let pieces: Vec<Bytes> = contents.read(ID, range).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

fn places(folder: &std::path::Path) -> [Contents; 2] {
    let folder = Folder::open(folder.join("objects")).unwrap();
    [Contents::Folder(folder), Contents::Memory(Memory::default())]
}

#[tokio::test]
async fn what_is_written_is_read_back_in_any_range() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    for contents in places(folder.path()) {
        let mut writer = contents.create(ID).await.unwrap();
        for piece in bytes.chunks(100_003) {
            writer.write(piece).await.unwrap();
        }
        writer.finish().await.unwrap();
        assert!(read(&contents, 0..1_000_000).await == bytes);
        assert_eq!(read(&contents, 999_998..1_000_000).await, &bytes[999_998..]);
        assert_eq!(read(&contents, 250..260).await, &bytes[250..260]);
        assert!(read(&contents, 5..5).await.is_empty());
        contents.delete(ID).await.unwrap();
        assert!(matches!(contents.read(ID, 0..1).await, Err(ContentError::Missing(_))));
        contents.delete(ID).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_not_finished_can_be_deleted_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    for contents in places(folder.path()) {
        let mut writer = contents.create(ID).await.unwrap();
        writer.write(&[7; 3_000_000]).await.unwrap();
        drop(writer);
        contents.delete(ID).await.unwrap();
        assert!(contents.read(ID, 0..1).await.is_err());
    }
    let left = std::fs::read_dir(folder.path().join("objects/ab")).unwrap().count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn only_the_servers_user_can_read_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let [contents, _] = places(folder.path());
    let mut writer = contents.create(ID).await.unwrap();
    writer.write(b"secret").await.unwrap();
    writer.finish().await.unwrap();
    let path = folder.path().join("objects/ab").join(ID);
    for (path, mode) in [(path.as_path(), 0o600), (path.parent().unwrap(), 0o700)] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
}
