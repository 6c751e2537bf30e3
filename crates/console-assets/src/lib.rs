//! The files of the web console, as its build left them; none where it was not built. A crate of its own, so that
//! a server without the console needs no build of it, and one with it is compiled again only when it changes.
//! Which file answers which request is the server's.

/// One file of the console.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// From `/console/` on, without a leading slash.
    pub path: &'static str,
    /// Changes with the content; with its quotes.
    pub tag: &'static str,
    pub content: Content,
}

#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// Text: compressed when it was built.
    Packed { brotli: &'static [u8], gzip: &'static [u8] },
    /// Compressed by its nature.
    Plain(&'static [u8]),
}

/// In the order of their paths.
pub static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Whether this server was built with the console.
pub fn is_built() -> bool {
    find("index.html").is_some()
}

pub fn find(path: &str) -> Option<&'static Asset> {
    let at = ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok()?;
    ASSETS.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_by_its_path() {
        for asset in ASSETS {
            assert_eq!(find(asset.path).map(|found| found.tag), Some(asset.tag), "{}", asset.path);
        }
        assert!(find("no such file").is_none());
    }
}
