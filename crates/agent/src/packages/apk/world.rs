//! What somebody wants installed, and of which version or repository: apk's world.
//! Source: apk-world(5).

use std::cmp::Ordering;

use domain::patch::version_apk::{compare, compare_to_prefix};

/// Within the root.
pub const PATH: &str = "/etc/apk/world";

/// `[!]NAME[@TAG][OPERATOR VERSION]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub tag: Option<String>,
    /// Not installed at all.
    pub is_conflict: bool,
    /// Empty for any version.
    pub operator: String,
    pub version: String,
    /// As it is written.
    pub text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    pub entries: Vec<Entry>,
}

impl World {
    /// Total over any text: what apk would refuse is an entry that holds nothing.
    pub fn parse(text: &str) -> Self {
        Self { entries: text.split_ascii_whitespace().map(Entry::parse).collect() }
    }

    pub fn has(&self, name: &str) -> bool {
        self.of(name).any(|entry| !entry.is_conflict)
    }

    /// The repositories that somebody chose for it.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.of(name).find_map(|entry| entry.tag.as_deref())
    }

    /// At one version, or one package file; not within a range, which chooses a branch.
    pub fn is_pinned(&self, name: &str) -> bool {
        self.of(name).any(|entry| entry.holds() && matches!(entry.operator.as_str(), "=" | "==" | "><"))
    }

    pub fn admits(&self, name: &str, version: &str) -> bool {
        self.of(name).all(|entry| entry.admits(version))
    }

    fn of<'w>(&'w self, name: &str) -> impl Iterator<Item = &'w Entry> {
        self.entries.iter().filter(move |entry| entry.name == name)
    }
}

impl Entry {
    pub fn parse(text: &str) -> Self {
        let is_operator = |sign: char| matches!(sign, '<' | '>' | '=' | '~');
        let (is_conflict, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let (head, constraint) = rest.split_at(rest.find(is_operator).unwrap_or(rest.len()));
        let (operator, version) =
            constraint.split_at(constraint.find(|sign| !is_operator(sign)).unwrap_or(constraint.len()));
        let (name, before) = head.split_once('@').map_or((head, None), |(name, tag)| (name, Some(tag)));
        let (version, behind) =
            version.split_once('@').map_or((version, None), |(version, tag)| (version, Some(tag)));
        Self {
            name: name.to_owned(),
            tag: before.or(behind).map(str::to_owned),
            is_conflict,
            operator: operator.to_owned(),
            version: version.to_owned(),
            text: text.to_owned(),
        }
    }

    /// It wants certain versions.
    fn holds(&self) -> bool {
        !self.is_conflict && !self.operator.is_empty() && !self.version.is_empty()
    }

    fn admits(&self, version: &str) -> bool {
        if !self.holds() {
            return true;
        }
        // `><` names one package file by its checksum: no other version is that.
        if self.operator == "><" {
            return false;
        }
        let order = match self.operator.contains('~') {
            true => compare_to_prefix(version, &self.version),
            false => compare(version, &self.version),
        };
        match order {
            Ordering::Less => self.operator.contains('<'),
            Ordering::Greater => self.operator.contains('>'),
            Ordering::Equal => self.operator.contains(['=', '~']),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_admitted_or_not() {
        let check = |entry: &str, version: &str, expected: bool| {
            assert_eq!(World::parse(entry).admits("a", version), expected, "{entry} {version}");
        };
        check("a", "9-r0", true);
        check("a@edge", "9-r0", true);
        check("a=1.0-r0", "1.0-r0", true);
        check("a=1.0-r0", "1.0-r1", false);
        check("a<2", "1.9-r5", true);
        check("a<2", "2-r0", false);
        check("a>=2", "2", true);
        check("a>2", "2-r0", true);
        check("a<=2", "2-r0", false); // a revision is more than none
        check("a~1.6", "1.6.4-r0", true);
        check("a~=1.6", "1.7", false);
        check("a=~1.6", "1.6.1", true);
        check("a>~1.6", "1.7", true);
        check("a><Q1abc=", "1.0", false);
        check("b=1", "9", true);
        check("!a", "9", true);
        check("a>1 a<2", "1.5", true);
        check("a>1 a<2", "2.5", false);
        check("a@edge=1.0", "2.0", false);
        check("a=1.0@edge", "1.0", true);
    }

    #[test]
    fn entries_are_taken_apart() {
        let world = World::parse("busybox~1.36\n!telnet\ncurl@edge=8-r0\n.build-deps=20240101.1\n");
        assert!(world.has("busybox") && !world.has("telnet") && world.has(".build-deps"));
        assert_eq!((world.tag("curl"), world.tag("busybox")), (Some("edge"), None));
        assert!(world.is_pinned("curl") && !world.is_pinned("busybox") && !world.is_pinned("telnet"));
        assert_eq!(world.entries[2].text, "curl@edge=8-r0");
    }

    proptest! {
        #[test]
        fn takes_any_text(text in any::<String>(), version in any::<String>()) {
            let world = World::parse(&text);
            prop_assert!(world.entries.iter().all(|entry| text.contains(&entry.text)));
            let _ = world.admits("a", &version);
        }
    }
}
