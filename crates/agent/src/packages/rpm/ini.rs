//! The INI dialect of dnf, yum and zypper: sections of options, values that go on in indented lines.

use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;

/// One section, options in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    pub name: String,
    options: Vec<(String, String)>,
}

impl Section {
    /// The last value given.
    pub fn get(&self, option: &str) -> Option<&str> {
        self.options.iter().rev().find(|(name, _)| name == option).map(|(_, value)| value.as_str())
    }

    /// `None` where it is not set, or to nothing that means yes or no.
    pub fn flag(&self, option: &str) -> Option<bool> {
        match self.get(option)?.trim().to_ascii_lowercase().as_str() {
            "1" | "yes" | "true" | "on" => Some(true),
            "0" | "no" | "false" | "off" => Some(false),
            _ => None,
        }
    }

    pub fn number(&self, option: &str) -> Option<i32> {
        self.get(option)?.trim().parse().ok()
    }

    /// Words between commas, blanks and line ends.
    pub fn list(&self, option: &str) -> Vec<String> {
        let value = self.get(option).unwrap_or_default();
        value.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    pub fn override_with(&mut self, other: &Self) {
        self.options.extend(other.options.iter().cloned());
    }
}

/// Empty where there is no such file.
pub fn read(root: &Root, path: &Path) -> Result<Vec<Section>, ScanError> {
    let Some(bytes) = root.read(path)? else { return Ok(Vec::new()) };
    parse(&String::from_utf8_lossy(&bytes)).map_err(|(line, reason)| ScanError::Malformed {
        path: root.shown(path),
        line,
        reason: reason.to_owned(),
    })
}

pub fn parse(text: &str) -> Result<Vec<Section>, (u64, &'static str)> {
    let mut sections: Vec<Section> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let is_indented = line.starts_with([' ', '\t']);
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[').filter(|_| !is_indented) {
            let (name, _) = rest.split_once(']').ok_or((number, "a section without `]`"))?;
            sections.push(Section { name: name.trim().to_owned(), options: Vec::new() });
            continue;
        }
        let section = sections.last_mut().ok_or((number, "an option outside a section"))?;
        if is_indented && let Some((_, value)) = section.options.last_mut() {
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        let (name, value) = trimmed.split_once('=').ok_or((number, "neither a section nor an option"))?;
        section.options.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(sections)
}

/// The files of a folder with this ending, sorted by name.
pub fn files(root: &Root, folder: &Path, ending: &str) -> Result<Vec<std::path::PathBuf>, ScanError> {
    let mut names = root.list_files(folder)?;
    names.retain(|name| name.ends_with(ending));
    names.sort_unstable();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sections() {
        let text = "# c\n[main]\nexclude=kernel* ,\n  foo\n\tbar\ngpgcheck = True\n\n[updates]\nname=Up; dates\nbaseurl=http://x/\n    http://y/\nenabled=0\n";
        let sections = parse(text).unwrap();
        assert_eq!(sections[0].list("exclude"), ["kernel*", "foo", "bar"]);
        assert_eq!((sections[0].flag("gpgcheck"), sections[0].flag("exclude")), (Some(true), None));
        assert_eq!(sections[1].list("baseurl"), ["http://x/", "http://y/"]);
        assert_eq!((sections[1].get("name"), sections[1].flag("enabled")), (Some("Up; dates"), Some(false)));
        assert_eq!(parse("a=b\n"), Err((1, "an option outside a section")));
        assert_eq!(parse("[m]\nnonsense\n").unwrap_err().0, 2);
    }
}
