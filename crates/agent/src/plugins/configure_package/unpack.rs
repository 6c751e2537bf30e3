//! Unpacks a package's zip archive into a folder: files and folders alone, none beside it, no more than a package may be.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use crate::platform;
use crate::plugins::download::{NewFile, within};

/// Unpacked, all files together.
const MOST_BYTES: u64 = 16 << 30;
const MOST_FILES: usize = 20_000;

pub fn unpack(archive: &Path, folder: &Path) -> anyhow::Result<()> {
    limited(archive, folder, (MOST_FILES, MOST_BYTES))
}

fn limited(archive: &Path, folder: &Path, (files, mut bytes_left): (usize, u64)) -> anyhow::Result<()> {
    let file = File::open(archive).with_context(|| format!("{}", archive.display()))?;
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let zip = ZipArchive::from_file(file, &mut buffer).context("it is not a zip archive")?;
    platform::create_private_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let mut entries = zip.entries(&mut buffer);
    let mut count = 0;
    while let Some(entry) = entries.next_entry().context("the zip archive is damaged")? {
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).replace('\\', "/");
        count += 1;
        if count > files {
            bail!("the archive has more than {files} files");
        }
        let mode = entry.mode();
        if mode.is_symlink() {
            bail!("`{}` of the archive is a link; files and folders are unpacked only", name.escape_debug());
        }
        let relative = within(&name).context("the archive")?;
        if entry.is_dir() {
            fs::create_dir_all(folder.join(relative))?;
            continue;
        }
        let method = entry.compression_method();
        let found = zip.get_entry(entry.wayfinder()).context("the zip archive is damaged")?;
        let plain: Box<dyn Read + '_> = match method {
            CompressionMethod::STORE => Box::new(found.reader()),
            CompressionMethod::DEFLATE => {
                Box::new(flate2::bufread::DeflateDecoder::new(BufReader::new(found.reader())))
            }
            other => bail!("`{}` is packed with zip's method {other}; deflate is read", name.escape_debug()),
        };
        let mut from = found.verifying_reader(plain);
        let mut to = NewFile::create(folder.join(relative))?;
        let mut chunk = vec![0; 64 << 10];
        loop {
            let length = from.read(&mut chunk).with_context(|| format!("`{}`", name.escape_debug()))?;
            if length == 0 {
                break;
            }
            let too_large = || format!("the archive has more than {MOST_BYTES} bytes when it is unpacked");
            bytes_left = bytes_left.checked_sub(length as u64).with_context(too_large)?;
            to.write_all(&chunk[..length])?;
        }
        to.keep()?;
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A zip archive of these files, each with a Unix mode.
    pub fn archive(files: &[(&str, &str, u32)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        // The writer would make harmless names of these: they take the places of others of their length.
        let alias = |at: usize, name: &str| "ABCDEFGH"[at..=at].repeat(name.len());
        for (at, (name, content, mode)) in files.iter().enumerate() {
            let alias = alias(at, name);
            let builder = archive.new_file(alias.as_str()).unix_permissions(*mode);
            let (mut entry, config) = builder.compression_method(CompressionMethod::STORE).start().unwrap();
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content.as_bytes()).unwrap();
            let (_, output) = writer.finish().unwrap();
            entry.finish(output).unwrap();
        }
        archive.finish().unwrap();
        for (at, (name, _, mode)) in files.iter().enumerate() {
            let alias = alias(at, name);
            while let Some(found) = bytes.windows(alias.len()).position(|window| window == alias.as_bytes()) {
                bytes[found..found + alias.len()].copy_from_slice(name.as_bytes());
            }
            let record = bytes.windows(4).enumerate().filter(|(_, window)| window == b"PK\x01\x02").nth(at);
            let record = record.unwrap().0;
            // Made on Unix, with this mode; the writer knows permissions only.
            bytes[record + 5] = 3;
            bytes[record + 38..record + 42].copy_from_slice(&(mode << 16).to_le_bytes());
        }
        bytes
    }

    fn write(dir: &Path, files: &[(&str, &str, u32)]) -> std::path::PathBuf {
        let path = dir.join("a.zip");
        fs::write(&path, archive(files)).unwrap();
        path
    }

    #[test]
    fn files_come_out_as_they_went_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), &[("install.sh", "echo hi", 0o100_644), ("sub/a", "A", 0o100_600)]);
        unpack(&path, &dir.path().join("out")).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("out/install.sh")).unwrap(), "echo hi");
        assert_eq!(fs::read_to_string(dir.path().join("out/sub/a")).unwrap(), "A");
    }

    #[test]
    fn nothing_leads_out() {
        let dir = tempfile::tempdir().unwrap();
        for (name, mode) in [
            ("../out-of-it", 0o100_644),
            ("/abs", 0o100_644),
            ("a\\..\\..\\b", 0o100_644),
            ("link", 0o120_777),
        ] {
            let path = write(dir.path(), &[(name, "/etc/passwd", mode)]);
            assert!(unpack(&path, &dir.path().join("out")).is_err(), "{name}");
        }
        assert!(!dir.path().join("out-of-it").exists() && !dir.path().join("out/link").exists());
    }

    #[test]
    fn more_than_a_package_may_be_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), &[("a.sh", "12345", 0o100_644), ("b.sh", "12345", 0o100_644)]);
        let out = dir.path().join("out");
        assert!(limited(&path, &out, (2, 10)).is_ok());
        assert!(limited(&path, &out, (1, 10)).unwrap_err().to_string().contains("1 files"));
        assert!(limited(&path, &out, (2, 9)).is_err());
        fs::write(&path, "no archive").unwrap();
        assert!(unpack(&path, &out).unwrap_err().to_string().contains("not a zip archive"));
    }
}
