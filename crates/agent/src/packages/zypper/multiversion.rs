//! Which packages zypper lets stay installed in several versions.
//! Source: the comments of zypp.conf on `multiversion` and `multiversiondir`.

use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;
use super::super::rpm::header::Installed;
use super::super::rpm::ini;

const PROVIDES: &str = "provides:";

/// Names of packages; after `provides:` what packages say of themselves.
#[derive(Debug, Default)]
pub struct Multiversion {
    entries: Vec<String>,
}

impl Multiversion {
    /// `entries` are those of zypp.conf; every line of a file in the folder is one more.
    pub fn load(root: &Root, mut entries: Vec<String>, folder: &Path) -> Result<Self, ScanError> {
        for file in ini::files(root, folder, "")? {
            let bytes = root.read(&file)?.unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            entries.extend(lines.map(str::to_owned));
        }
        Ok(Self { entries })
    }

    /// Of a package of which nobody knows what it provides, the best is assumed.
    pub fn keeps_several(&self, installed: &Installed) -> bool {
        let Some(provided) = &installed.beside_others else { return true };
        self.entries.iter().any(|entry| match entry.strip_prefix(PROVIDES) {
            Some(capability) => provided.iter().any(|known| known == capability.trim()),
            None => *entry == installed.name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_packages_provide() {
        let folder = tempfile::tempdir().unwrap();
        let extra = folder.path().join("etc/zypp/multiversion.d");
        std::fs::create_dir_all(&extra).unwrap();
        std::fs::write(extra.join("own"), "# c\n\ntool\n").unwrap();
        let root = Root::at(folder.path()).unwrap();
        let configured = vec!["provides:multiversion(kernel)".to_owned()];
        let multiversion =
            Multiversion::load(&root, configured, Path::new("/etc/zypp/multiversion.d")).unwrap();
        let package = |name: &str, provided: Option<&str>| Installed {
            name: name.to_owned(),
            beside_others: Some(provided.into_iter().map(str::to_owned).collect()),
            ..Installed::default()
        };
        assert!(multiversion.keeps_several(&package("tool", None)));
        assert!(multiversion.keeps_several(&package("kernel-default", Some("multiversion(kernel)"))));
        assert!(!multiversion.keeps_several(&package("kernel-default", Some("installonlypkg(kernel)"))));
        assert!(multiversion.keeps_several(&Installed { name: "x".to_owned(), ..Installed::default() }));
    }
}
