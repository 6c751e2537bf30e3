//! sources.list(5): which repositories a node uses, and which package lists belong to each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::super::ScanError;
use super::super::root::Root;
use super::config::{split_word, to_bool};
use super::deb822::{self, Stanza};
use super::uri::{Uri, file_name};

/// One suite of one repository, in the order in which apt first meets it.
#[derive(Debug)]
pub struct Source {
    pub uri: Uri,
    /// Beginning of the names of its files among the lists.
    pub list_name: String,
    pub indexes: Vec<Index>,
}

/// One package list that a source may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Empty in a repository without components, as is `arch`.
    pub component: String,
    pub arch: String,
    /// Below the suite's folder: `main/binary-amd64/Packages`.
    pub name: String,
}

/// What the sources say depends on which architectures a node has.
#[derive(Debug)]
pub struct Architectures<'a> {
    pub native: &'a str,
    /// All that a package may have, the native one included.
    pub all: &'a [String],
}

/// Reads the files in order. Absent ones are passed over.
pub fn load(
    root: &Root,
    files: &[PathBuf],
    architectures: &Architectures<'_>,
) -> Result<Vec<Source>, ScanError> {
    let mut sources = Sources { list: Vec::new(), architectures };
    for path in files {
        let Some(bytes) = root.read(path)? else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let read = match path.extension() {
            Some(extension) if extension == "sources" => sources.read_stanzas(&text),
            _ => sources.read_lines(&text),
        };
        read.map_err(|(line, reason)| ScanError::Malformed { path: root.shown(path), line, reason })?;
    }
    Ok(sources.list)
}

type Refusal = (u64, String);
type Options = HashMap<String, String>;

struct Sources<'a> {
    list: Vec<Source>,
    architectures: &'a Architectures<'a>,
}

impl Sources<'_> {
    fn read_lines(&mut self, text: &str) -> Result<(), Refusal> {
        for (index, line) in text.lines().enumerate() {
            let line = line[..comment_start(line)].trim_matches([' ', '\t', '\r']);
            if !line.is_empty() {
                self.read_line(line).map_err(|reason| (index as u64 + 1, reason))?;
            }
        }
        Ok(())
    }

    fn read_line(&mut self, line: &str) -> Result<(), String> {
        let (kind, rest) = line.split_once([' ', '\t', '\x0b']).ok_or("malformed entry")?;
        let is_binary = is_binary_kind(kind)?;
        let (options, mut rest) = split_options(rest.trim_start())?;
        let mut word = |what: &str| {
            let (word, after) = split_word(rest).ok_or_else(|| format!("malformed entry ({what})"))?;
            rest = after;
            Ok::<_, String>(word)
        };
        let (uri, suite) = (word("URI")?, word("Suite")?);
        let mut components = Vec::new();
        while let Ok(component) = word("Component") {
            components.push(component);
        }
        let suite = if suite.ends_with('/') { self.with_arch(&suite) } else { suite };
        self.add(is_binary, &uri, &suite, &components, &options)
    }

    fn read_stanzas(&mut self, text: &str) -> Result<(), Refusal> {
        for stanza in deb822::stanzas(text).map_err(|(line, reason)| (line, reason.to_owned()))? {
            self.read_stanza(&stanza).map_err(|reason| (stanza.line, reason))?;
        }
        Ok(())
    }

    fn read_stanza(&mut self, stanza: &Stanza) -> Result<(), String> {
        if stanza.get("Types").is_none() {
            return Err("malformed stanza (type)".to_owned());
        }
        let kinds = stanza.words("Types");
        let kinds = kinds.into_iter().map(is_binary_kind).collect::<Result<Vec<_>, _>>()?;
        if stanza.get("Enabled").and_then(to_bool) == Some(false) {
            return Ok(());
        }
        let mut options = Options::new();
        for (field, option) in [("Architectures", "arch"), ("Targets", "target")] {
            for (suffix, sign) in [("", ""), ("-Add", "+"), ("-Remove", "-")] {
                let field = format!("{field}{suffix}");
                if stanza.get(&field).is_some() {
                    options.insert(format!("{option}{sign}"), stanza.words(&field).join(","));
                }
            }
        }
        let (uris, suites) = (stanza.words("URIs"), stanza.words("Suites"));
        if uris.is_empty() || suites.is_empty() {
            return Err(format!("malformed stanza ({})", if uris.is_empty() { "URIs" } else { "Suites" }));
        }
        let components: Vec<_> = stanza.words("Components").into_iter().map(str::to_owned).collect();
        for is_binary in kinds {
            for uri in &uris {
                for suite in &suites {
                    self.add(is_binary, uri, &self.with_arch(suite), &components, &options)?;
                }
            }
        }
        Ok(())
    }

    fn with_arch(&self, text: &str) -> String {
        text.replace("$(ARCH)", self.architectures.native)
    }

    fn add(
        &mut self,
        is_binary: bool,
        uri: &str,
        suite: &str,
        components: &[String],
        options: &Options,
    ) -> Result<(), String> {
        let uri =
            Uri::parse(&self.with_arch(uri)).ok_or_else(|| format!("malformed entry (`{uri}` is no URI)"))?;
        let flat = suite.ends_with('/');
        if flat != components.is_empty() {
            return Err(format!(
                "malformed entry ({})",
                if flat { "absolute Suite Component" } else { "Component" }
            ));
        }
        let list_name = uri.list_name(suite);
        let known = self.list.iter().position(|source| source.list_name == list_name);
        let at = known.unwrap_or_else(|| {
            self.list.push(Source { uri, list_name, indexes: Vec::new() });
            self.list.len() - 1
        });
        if !is_binary || !wants_packages(options) {
            return Ok(());
        }
        let archs = self.archs(options);
        let indexes = &mut self.list[at].indexes;
        let mut push = |index: Index| {
            if !indexes.iter().any(|known| known.name == index.name) {
                indexes.push(index);
            }
        };
        if flat {
            push(Index { component: String::new(), arch: String::new(), name: "Packages".to_owned() });
        }
        for component in components {
            for arch in &archs {
                let name = format!("{component}/binary-{arch}/Packages");
                push(Index { component: component.clone(), arch: arch.clone(), name });
            }
        }
        Ok(())
    }

    /// `all` comes last unless it is named, and not at all when it is taken away by name.
    fn archs(&self, options: &Options) -> Vec<String> {
        let list =
            |key: &str| options.get(key).map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>());
        let mut archs = list("arch").unwrap_or_else(|| self.architectures.all.to_vec());
        for more in list("arch+").unwrap_or_default() {
            if !archs.contains(&more) {
                archs.push(more);
            }
        }
        let less = list("arch-").unwrap_or_default();
        archs.retain(|arch| !less.contains(arch));
        if !archs.iter().any(|arch| arch == "all") && !less.iter().any(|arch| arch == "all") {
            archs.push("all".to_owned());
        }
        archs
    }
}

impl Source {
    /// Where the file of an index would lie among the lists, without a compression's extension.
    pub fn index_file(&self, lists: &Path, index: &Index) -> PathBuf {
        lists.join(format!("{}{}", self.list_name, file_name(&index.name)))
    }
}

fn is_binary_kind(kind: &str) -> Result<bool, String> {
    match kind {
        "deb" => Ok(true),
        "deb-src" => Ok(false),
        other => Err(format!("type `{other}` is not known")),
    }
}

fn wants_packages(options: &Options) -> bool {
    let names = |key: &str| options.get(key).map(|value| value.split(',').any(|target| target == "Packages"));
    names("target").unwrap_or(true) && names("target-") != Some(true)
}

/// A `#` begins a comment unless it stands inside the brackets of the options.
fn comment_start(line: &str) -> usize {
    let count = |text: &str, wanted: u8| text.bytes().filter(|&byte| byte == wanted).count();
    let starts = line.match_indices('#').map(|(at, _)| at);
    starts.into_iter().find(|&at| count(&line[..at], b'[') <= count(&line[..at], b']')).unwrap_or(line.len())
}

/// `[ key=value key=value ]` at the start of an entry, and what follows it.
fn split_options(text: &str) -> Result<(Options, &str), String> {
    let mut options = Options::new();
    let Some(inside) = text.strip_prefix('[') else { return Ok((options, text)) };
    let end = inside.find(']').ok_or("malformed entry ([option] without an end)")?;
    for option in inside[..end].split_ascii_whitespace() {
        match option.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                options.insert(key.to_owned(), value.to_owned());
            }
            _ => return Err(format!("malformed entry ([option] `{option}`)")),
        }
    }
    Ok((options, inside[end + 1..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<Source>, ScanError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        let root = Root::at(folder.path()).unwrap();
        let all = ["amd64".to_owned(), "i386".to_owned()];
        load(&root, &[Path::new("/").join(name)], &Architectures { native: "amd64", all: &all })
    }

    fn names(source: &Source) -> Vec<&str> {
        source.indexes.iter().map(|index| index.name.as_str()).collect()
    }

    #[test]
    fn reads_lines() {
        let text = "# c\ndeb [arch=amd64 signed-by=/k#1] http://a.example.org/d stable main contrib # x\n\
            deb-src http://a.example.org/d stable main\ndeb [ arch-=i386 ] http://a.example.org/d stable extra\n\
            deb http://b.example.org/flat ./\n";
        let sources = read("x.list", text).unwrap();
        assert_eq!(sources.len(), 2);
        let expected = [
            "main/binary-amd64/Packages",
            "main/binary-all/Packages",
            "contrib/binary-amd64/Packages",
            "contrib/binary-all/Packages",
            "extra/binary-amd64/Packages",
            "extra/binary-all/Packages",
        ];
        assert_eq!(names(&sources[0]), expected);
        assert_eq!(
            (names(&sources[1]), sources[1].list_name.as_str()),
            (vec!["Packages"], "b.example.org_flat_._")
        );
    }

    #[test]
    fn reads_stanzas() {
        let text = "Types: deb deb-src\nURIs: http://a.example.org/d\nSuites: s t\nComponents: main\n\
            Architectures-Remove: i386 all\n\nTypes: deb\nEnabled: no\nURIs: http://c.example.org\nSuites: x\nComponents: y\n";
        let sources = read("x.sources", text).unwrap();
        assert_eq!(sources.len(), 2);
        assert_eq!(names(&sources[1]), ["main/binary-amd64/Packages"]);
    }

    #[test]
    fn names_file_and_line_of_what_it_refuses() {
        let check = |name: &str, text: &str, expected: &str| {
            let error = read(name, text).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error}");
        };
        check("x.list", "\nrpm http://a.example.org b c\n", "x.list:2: type `rpm` is not known");
        check("x.list", "deb http://a.example.org b\n", "x.list:1: malformed entry (Component)");
        check(
            "x.list",
            "deb [arch] http://a.example.org b c\n",
            "x.list:1: malformed entry ([option] `arch`)",
        );
        check(
            "x.list",
            "deb http://a.example.org/ b/ main\n",
            "x.list:1: malformed entry (absolute Suite Component)",
        );
        check("x.sources", "\nURIs: x\n", "x.sources:2: malformed stanza (type)");
        check(
            "x.sources",
            "Types: deb\nURIs: http://x.example.org\n",
            "x.sources:1: malformed stanza (Suites)",
        );
    }
}
