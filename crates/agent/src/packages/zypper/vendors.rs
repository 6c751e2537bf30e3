//! Which vendors count as one for libzypp: an update may go from one to another of these.
//! Source: the comments of zypp.conf on `vendordir`; zypper(8), vendor change.

use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;
use super::super::rpm::ini;

/// Beginnings of names, in groups.
#[derive(Debug)]
pub struct Vendors {
    groups: Vec<Vec<String>>,
}

impl Default for Vendors {
    fn default() -> Self {
        Self { groups: vec![vec!["suse".to_owned()]] }
    }
}

impl Vendors {
    /// Every file of the folder may name a group; groups that share a name are one.
    pub fn load(root: &Root, folder: &Path) -> Result<Self, ScanError> {
        let mut vendors = Self::default();
        for file in ini::files(root, folder, "")? {
            let sections = ini::read(root, &file)?;
            let listed = sections.iter().find(|section| section.name == "main");
            let listed = listed.and_then(|section| section.get("vendors")).unwrap_or_default();
            vendors.add(listed);
        }
        Ok(vendors)
    }

    fn add(&mut self, listed: &str) {
        let names = listed.split(',').map(|name| name.trim().to_lowercase());
        let mut group: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        if group.is_empty() {
            return;
        }
        let (joined, others) = std::mem::take(&mut self.groups)
            .into_iter()
            .partition(|known: &Vec<String>| known.iter().any(|name| group.contains(name)));
        self.groups = others;
        group.extend(joined.into_iter().flatten());
        self.groups.push(group);
    }

    pub fn are_one(&self, left: &str, right: &str) -> bool {
        if left == right {
            return true;
        }
        let (left, right) = (left.to_lowercase(), right.to_lowercase());
        left == right || self.group(&left).is_some_and(|group| self.group(&right) == Some(group))
    }

    /// The one with the longest beginning. Names that begin with `opensuse` must be equal.
    fn group(&self, vendor: &str) -> Option<usize> {
        let is_of = |name: &&String| match vendor.starts_with("opensuse") {
            true => **name == vendor,
            false => vendor.starts_with(name.as_str()),
        };
        let named =
            self.groups.iter().enumerate().flat_map(|(at, group)| group.iter().map(move |name| (at, name)));
        named.filter(|(_, name)| is_of(name)).max_by_key(|(_, name)| name.len()).map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_are_one_by_their_beginning() {
        let mut vendors = Vendors::default();
        let suse = "SUSE LLC <https://www.suse.com/>";
        assert!(vendors.are_one(suse, "suse linux") && vendors.are_one("Somebody", "SOMEBODY"));
        assert!(
            !vendors.are_one(suse, "openSUSE") && !vendors.are_one(suse, "") && !vendors.are_one("a", "b")
        );
        vendors.add("openSUSE, SUSE");
        assert!(vendors.are_one(suse, "opensuse") && !vendors.are_one(suse, "openSUSE Build Service"));
        vendors.add("Some, a");
        assert!(vendors.are_one("somebody", "a") && !vendors.are_one("a", "b"));
    }
}
