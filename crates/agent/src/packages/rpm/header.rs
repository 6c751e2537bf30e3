//! One package as rpm's database has it: a header of tagged values.
//! Source: rpm's description of the package format, the header structure.

use super::evr::Evr;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const BUILD_TIME: u32 = 1006;
const INSTALL_TIME: u32 = 1008;
const VENDOR: u32 = 1011;
const ARCH: u32 = 1022;
const SOURCE_RPM: u32 = 1044;
const PROVIDE_NAME: u32 = 1047;
const PROVIDE_VERSION: u32 = 1113;

const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// An installed package, as far as patching cares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    pub name: String,
    pub evr: Evr,
    /// `noarch` included; empty for keys and other things without one.
    pub arch: String,
    pub installed_at: Option<i64>,
    pub vendor: String,
    /// `openssl-3.0.7-1.el9.src.rpm`.
    pub source_rpm: String,
    /// What it provides to say that it stays beside other versions, as kernels do: `multiversion(kernel)`. `None` if nobody asked.
    pub beside_others: Option<Vec<String>>,
    /// In the database: what came later has a greater one.
    pub number: usize,
    /// What it says `$releasever` is, and how much that counts: the lowest number wins.
    pub release: Option<(usize, String)>,
}

/// Provided by the package that knows the system's release, in the order in which dnf looks for them.
pub const RELEASE_PROVIDES: [&str; 6] = [
    "system-release(releasever)",
    "system-release",
    "distribution-release(releasever)",
    "distribution-release",
    "redhat-release",
    "suse-release",
];

impl Installed {
    /// From the header that a database row holds.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let header = Header::parse(bytes)?;
        let text = |tag| header.text(tag).map(str::to_owned);
        let required = |tag, missing| text(tag).filter(|text| !text.is_empty()).ok_or(missing);
        let name = required(NAME, "a package without a name")?;
        let version = required(VERSION, "a package without a version")?;
        let release = if name.contains("release") { header.system_release(&name, &version) } else { None };
        Ok(Self {
            name,
            evr: Evr {
                epoch: header.number(EPOCH).unwrap_or(0),
                version,
                release: required(RELEASE, "a package without a release")?,
            },
            release,
            beside_others: Some(
                header.texts(PROVIDE_NAME).filter(|name| is_of_several(name)).map(str::to_owned).collect(),
            ),
            number: 0,
            arch: text(ARCH).unwrap_or_default(),
            installed_at: header.number(INSTALL_TIME).or_else(|| header.number(BUILD_TIME)).map(i64::from),
            vendor: text(VENDOR).unwrap_or_default(),
            source_rpm: text(SOURCE_RPM).unwrap_or_default(),
        })
    }

    /// By its own word, or for all that is known.
    pub fn stays_beside_others(&self) -> bool {
        self.beside_others.as_ref().is_none_or(|provided| !provided.is_empty())
    }

    /// A signing key that rpm keeps as if it were a package.
    pub fn is_key(&self) -> bool {
        self.name == "gpg-pubkey"
    }
}

/// What dnf and zypper look for.
fn is_of_several(provided: &str) -> bool {
    provided.starts_with("installonlypkg(") || provided.starts_with("multiversion(")
}

struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        const SHORT: &str = "a header that ends early";
        let entries = number_at(bytes, 0).ok_or(SHORT)? as usize;
        let data_bytes = number_at(bytes, 4).ok_or(SHORT)? as usize;
        let index_bytes = entries.checked_mul(16).ok_or(SHORT)?;
        let (index, data) = bytes[8..].split_at_checked(index_bytes).ok_or(SHORT)?;
        let data = data.get(..data_bytes).ok_or(SHORT)?;
        Ok(Self { index, data })
    }

    /// The version of what it provides counts, unless that is the package itself.
    fn system_release(&self, name: &str, version: &str) -> Option<(usize, String)> {
        let provided = || self.texts(PROVIDE_NAME).zip(self.texts(PROVIDE_VERSION));
        let (rank, known) = RELEASE_PROVIDES.iter().enumerate().find_map(|(rank, wanted)| {
            let (_, version) = provided().find(|(provided, _)| provided == wanted)?;
            Some((rank, version))
        })?;
        let plain = known.rsplit_once(':').map_or(known, |(_, plain)| plain);
        let plain = plain.split_once('-').map_or(plain, |(plain, _)| plain);
        let is_own = plain.is_empty() || RELEASE_PROVIDES[rank] == name;
        Some((rank, if is_own { version.to_owned() } else { plain.to_owned() }))
    }

    /// Type, count and values of a tag.
    fn find(&self, wanted: u32) -> Option<(u32, u32, &'a [u8])> {
        self.index.chunks_exact(16).find_map(|entry| {
            if number_at(entry, 0)? != wanted {
                return None;
            }
            let (kind, offset, count) = (number_at(entry, 4)?, number_at(entry, 8)?, number_at(entry, 12)?);
            Some((kind, count, self.data.get(offset as usize..)?))
        })
    }

    fn number(&self, tag: u32) -> Option<u32> {
        match self.find(tag)? {
            (INT32, 1.., data) => number_at(data, 0),
            _ => None,
        }
    }

    fn text(&self, tag: u32) -> Option<&'a str> {
        self.texts(tag).next()
    }

    fn texts(&self, tag: u32) -> impl Iterator<Item = &'a str> + use<'a> {
        let (count, mut rest) = match self.find(tag) {
            Some((STRING | STRING_ARRAY | I18N_STRING, count, data)) => (count, data),
            _ => (0, &[][..]),
        };
        (0..count).map_while(move |_| {
            let end = memchr::memchr(0, rest)?;
            let text = std::str::from_utf8(&rest[..end]).ok()?;
            rest = &rest[end + 1..];
            Some(text)
        })
    }
}

fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(tags: &[(u32, &str)], epoch: u32) -> Vec<u8> {
        let mut index = Vec::new();
        let mut data = epoch.to_be_bytes().to_vec();
        let mut entry = |tag: u32, kind: u32, offset: usize| {
            index.extend([tag, kind, offset as u32, 1].map(u32::to_be_bytes).concat());
        };
        entry(EPOCH, INT32, 0);
        for (tag, text) in tags {
            entry(*tag, STRING, data.len());
            data.extend_from_slice(text.as_bytes());
            data.push(0);
        }
        let lengths = [index.len() as u32 / 16, data.len() as u32].map(u32::to_be_bytes).concat();
        [lengths, index, data].concat()
    }

    #[test]
    fn reads_a_package() {
        let bytes = header(&[(NAME, "bash"), (VERSION, "5.1"), (RELEASE, "2.el9"), (ARCH, "x86_64")], 3);
        let package = Installed::parse(&bytes).unwrap();
        assert_eq!((package.name.as_str(), package.evr.to_string().as_str()), ("bash", "3:5.1-2.el9"));
        assert_eq!((package.arch.as_str(), package.installed_at), ("x86_64", None));
        for end in 0..bytes.len() {
            assert!(Installed::parse(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0usize..120, byte: u8, end in 0usize..160) {
            let mut bytes = header(&[(NAME, "bash"), (VERSION, "5.1"), (RELEASE, "2.el9")], 0);
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(end);
            // An answer or an error: both are fine.
            let _ = Installed::parse(&bytes);
        }
    }
}
