//! `$releasever`, `$basearch` and the other variables in repository addresses.
//! Source: dnf.conf(5), repo variables; libdnf's order of looking for the release.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;
use super::arch::Architecture;

#[derive(Clone, Debug, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
}

impl Variables {
    /// Files of the folders win over what was found out; of two folders the later.
    pub fn load(
        root: &Root,
        folders: &[String],
        architecture: &Architecture,
        release: Option<&str>,
    ) -> Result<Self, ScanError> {
        let mut variables = Self::default();
        variables.set("arch", &architecture.native);
        variables.set("basearch", &architecture.base);
        if let Some(release) = release {
            variables.set("releasever", release);
        }
        for folder in folders {
            for name in root.list_files(Path::new(folder))? {
                let bytes = root.read(&Path::new(folder).join(&name))?.unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                variables.set(&name, text.lines().next().unwrap_or_default().trim());
            }
        }
        if let Some(release) = variables.get("releasever").map(str::to_owned) {
            let (major, minor) = release.split_once('.').unwrap_or((&release, ""));
            variables.set("releasever_major", major);
            variables.set("releasever_minor", minor);
        }
        Ok(variables)
    }

    /// The same, but for one of them.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut variables = self.clone();
        variables.set(name, value);
        variables
    }

    fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Replaces `$name` and `${name}`; unknown ones stay as they are.
    pub fn substitute(&self, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            result.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let (name, skipped) = match after.strip_prefix('{') {
                Some(braced) => (braced.split('}').next().unwrap_or_default(), 2),
                None => {
                    let end =
                        after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                    (&after[..end], 0)
                }
            };
            let is_whole = skipped == 0 || after.len() > name.len() + 1;
            match self.get(name).filter(|_| is_whole && !name.is_empty()) {
                Some(value) => {
                    result.push_str(value);
                    rest = &after[name.len() + skipped..];
                }
                None => {
                    result.push('$');
                    rest = after;
                }
            }
        }
        result + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substitutes() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("etc/dnf/vars");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("awsregion"), "eu-west-1\n").unwrap();
        std::fs::write(folder.join("releasever"), "9.2").unwrap();
        let root = Root::at(root.path()).unwrap();
        let architecture = Architecture::of("x86_64");
        let variables = Variables::load(
            &root,
            &["/etc/yum/vars".to_owned(), "/etc/dnf/vars".to_owned()],
            &architecture,
            Some("9"),
        )
        .unwrap();
        let check = |text: &str, expected: &str| assert_eq!(variables.substitute(text), expected);
        check(
            "https://r-$awsregion/$releasever/${basearch}/$nothing/$",
            "https://r-eu-west-1/9.2/x86_64/$nothing/$",
        );
        check("${releasever_major}x $releasever_minor ${arch", "9x 2 ${arch");
    }
}
