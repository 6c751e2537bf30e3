//! A package's `desc`, of the local database and of the lists alike: `%KEY%` in a line, its values in the next ones, a blank line.
//! Source: libalpm's database layout, versions 9 of the local and 0 of sync databases.

use api::Timestamp;

/// What is taken of a package; empty is what does not stand there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desc {
    pub name: String,
    pub version: String,
    pub base: String,
    pub arch: String,
    pub built_at: Option<Timestamp>,
    /// Local only.
    pub installed_at: Option<Timestamp>,
    /// Local only: installed because something needed it.
    pub is_dependency: bool,
    pub groups: Vec<String>,
    /// On disk.
    pub size_bytes: u64,
    /// As written, with versions: `foo<2`.
    pub replaces: Vec<String>,
}

impl Desc {
    /// `None` when name or version is missing, without which it describes nothing.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut desc = Self::default();
        let mut key = "";
        for line in text.lines().map(str::trim_end) {
            if line.is_empty() {
                key = "";
            } else if let Some(begun) = line.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'))
                && key.is_empty()
            {
                key = begun;
            } else {
                desc.take(key, line);
            }
        }
        (!desc.name.is_empty() && !desc.version.is_empty()).then_some(desc)
    }

    fn take(&mut self, key: &str, value: &str) {
        let seconds = || value.parse().ok().filter(|at| *at > 0).map(Timestamp::from_seconds);
        match key {
            "NAME" => value.clone_into(&mut self.name),
            "VERSION" => value.clone_into(&mut self.version),
            "BASE" => value.clone_into(&mut self.base),
            "ARCH" => value.clone_into(&mut self.arch),
            "BUILDDATE" => self.built_at = seconds(),
            "INSTALLDATE" => self.installed_at = seconds(),
            "REASON" => self.is_dependency = value == "1",
            "ISIZE" | "SIZE" => self.size_bytes = value.parse().unwrap_or(0),
            "GROUPS" => self.groups.push(value.to_owned()),
            "REPLACES" => self.replaces.push(value.to_owned()),
            _ => {}
        }
    }
}

/// A dependency on a name, perhaps on versions of it: `foo`, `foo>=1:2.0-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish<'a> {
    pub name: &'a str,
    condition: Option<(&'a str, &'a str)>,
}

impl<'a> Wish<'a> {
    pub fn parse(text: &'a str) -> Self {
        let Some(at) = text.find(['<', '>', '=']) else { return Self { name: text, condition: None } };
        let (name, rest) = text.split_at(at);
        let length = rest.find(|c: char| !matches!(c, '<' | '>' | '=')).unwrap_or(rest.len()).min(2);
        Self { name, condition: Some(rest.split_at(length)) }
    }

    pub fn is_met_by(self, version: &str) -> bool {
        let Some((sign, wanted)) = self.condition else { return true };
        let order = domain::patch::version_pacman::compare(version, wanted);
        match sign {
            "=" => order.is_eq(),
            "<" => order.is_lt(),
            ">" => order.is_gt(),
            "<=" => order.is_le(),
            ">=" => order.is_ge(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_knows() {
        let text = "%NAME%\nlinux\n\n%VERSION%\n6.6.1.arch1-1\n\n%DESC%\n%NAME% of a kernel\n\n%ARCH%\nx86_64\n\n\
                    %BUILDDATE%\n1700000000\n\n%INSTALLDATE%\n1700000100\n\n%REASON%\n1\n\n%GROUPS%\nbase\nkernels\n\n\
                    %REPLACES%\nold<2\nolder\n";
        let desc = Desc::parse(text.as_bytes()).unwrap();
        assert_eq!((desc.name.as_str(), desc.version.as_str()), ("linux", "6.6.1.arch1-1"));
        assert_eq!(desc.built_at, Some(Timestamp::from_seconds(1_700_000_000)));
        assert_eq!(desc.installed_at, Some(Timestamp::from_seconds(1_700_000_100)));
        assert!(desc.is_dependency);
        assert_eq!(
            (desc.groups.len(), desc.replaces.as_slice()),
            (2, &["old<2".to_owned(), "older".to_owned()][..])
        );
        assert_eq!(Desc::parse(b"%NAME%\nx\n"), None);
        assert_eq!(Desc::parse(b""), None);
    }

    #[test]
    fn wishes_are_met_by_versions() {
        let rows = [
            ("foo", "1-1", true),
            ("foo=1", "1-1", true),
            ("foo=1-2", "1-1", false),
            ("foo<2", "1-1", true),
            ("foo<2", "2-1", false),
            ("foo<=2", "2-1", true),
            ("foo>1:0", "9-1", false),
            ("foo>=1:0", "1:0-1", true),
        ];
        for (text, version, expected) in rows {
            let wish = Wish::parse(text);
            assert_eq!(wish.name, "foo");
            assert_eq!(wish.is_met_by(version), expected, "{text} {version}");
        }
        assert_eq!(Wish::parse("").name, "");
    }
}
