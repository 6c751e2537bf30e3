//! `modules.yaml` as repositories publish it: block-style YAML as libmodulemd writes it, read line by line for the few
//! members that decide which packages are there. What follows from them is `modules`' to say.

use super::super::ScanError;
use super::super::decompress::for_each_chunk;
use super::elements::Document;

/// One document that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    Stream(Stream),
    /// The default stream of a module.
    Default {
        module: String,
        stream: String,
    },
}

/// A build of a module stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    pub name: String,
    pub stream: String,
    pub context: String,
    /// Alternatives; each a list of modules with the streams that will do (none named: any).
    pub requires: Vec<Vec<(String, Vec<String>)>>,
    /// `name-epoch:version-release.arch`.
    pub artifacts: Vec<String>,
}

/// Calls `visit` with each document of the file that describes a stream or a default.
pub fn for_each_description(
    document: &Document<'_>,
    visit: &mut dyn FnMut(Description),
) -> Result<(), ScanError> {
    let corrupt = |reason: String| ScanError::Corrupt { path: document.root.shown(document.path), reason };
    let file = document.root.open(document.path)?;
    let file = file.ok_or_else(|| corrupt("vanished from the cache; refresh the metadata".to_owned()))?;
    let (mut parser, mut held) = (Parser::default(), Vec::new());
    for_each_chunk(file, document.compression, &mut |chunk| {
        held.extend_from_slice(chunk);
        let whole = memchr::memrchr(b'\n', &held).map_or(0, |end| end + 1);
        parser.take(&held[..whole], visit);
        held.drain(..whole);
        Ok(())
    })
    .map_err(|error| corrupt(format!("{error}; refresh the metadata")))?;
    parser.take(&held, visit);
    parser.end_document(visit);
    Ok(())
}

#[derive(Default)]
struct Parser {
    /// The keys above the current line, with their indentation.
    path: Vec<(usize, String)>,
    /// Inside a text block: lines indented more than this are its.
    block: Option<usize>,
    kind: String,
    stream: Stream,
    module: String,
}

impl Parser {
    fn take(&mut self, text: &[u8], visit: &mut dyn FnMut(Description)) {
        for line in String::from_utf8_lossy(text).lines() {
            let content = line.trim_start();
            let indent = line.len() - content.len();
            if content.is_empty() || self.block.is_some_and(|block| indent > block) {
                continue;
            }
            self.block = None;
            match content {
                "..." => self.end_document(visit),
                _ if indent == 0 && content.starts_with("---") => self.end_document(visit),
                _ if content.starts_with('#') => {}
                _ => self.line(indent, content.trim_end()),
            }
        }
    }

    fn line(&mut self, indent: usize, content: &str) {
        if let Some(item) = content.strip_prefix("- ").or_else(|| (content == "-").then_some("")) {
            // A list may stand at the indentation of its key.
            self.path.retain(|(known, _)| *known <= indent);
            if self.is_at(&["data", "dependencies"]) {
                self.stream.requires.push(Vec::new());
            }
            let item = item.trim_start();
            match key_of(item) {
                Some((key, value)) => self.member(indent + 2, key, value),
                None => self.item(item),
            }
        } else if let Some((key, value)) = key_of(content) {
            self.member(indent, key, value);
        }
    }

    fn member(&mut self, indent: usize, key: &str, value: &str) {
        self.path.retain(|(known, _)| *known < indent);
        if value.starts_with(['|', '>']) {
            self.block = Some(indent);
            return;
        }
        let key = scalar(key);
        match (self.keys().as_slice(), key) {
            ([], "document") => self.kind = scalar(value).to_owned(),
            (["data"], "name") => self.stream.name = scalar(value).to_owned(),
            (["data"], "module") => self.module = scalar(value).to_owned(),
            (["data"], "stream") => self.stream.stream = scalar(value).to_owned(),
            (["data"], "context") => self.stream.context = scalar(value).to_owned(),
            (["data", "dependencies", "requires"], module) => {
                let streams = flow_list(value);
                if let Some(alternative) = self.stream.requires.last_mut() {
                    alternative.push((module.to_owned(), streams));
                }
            }
            _ => {}
        }
        self.path.push((indent, key.to_owned()));
    }

    fn item(&mut self, item: &str) {
        let value = scalar(item).to_owned();
        match self.keys().as_slice() {
            ["data", "artifacts", "rpms"] => self.stream.artifacts.push(value),
            ["data", "dependencies", "requires", _] => {
                let last = self.stream.requires.last_mut().and_then(|alternative| alternative.last_mut());
                if let Some((_, streams)) = last {
                    streams.push(value);
                }
            }
            _ => {}
        }
    }

    fn keys(&self) -> Vec<&str> {
        self.path.iter().map(|(_, key)| key.as_str()).collect()
    }

    fn is_at(&self, keys: &[&str]) -> bool {
        self.path.iter().map(|(_, key)| key.as_str()).eq(keys.iter().copied())
    }

    fn end_document(&mut self, visit: &mut dyn FnMut(Description)) {
        let Self { kind, stream, module, .. } = std::mem::take(self);
        match kind.as_str() {
            "modulemd" if !stream.name.is_empty() => visit(Description::Stream(stream)),
            "modulemd-defaults" if !module.is_empty() && !stream.stream.is_empty() => {
                visit(Description::Default { module, stream: stream.stream });
            }
            _ => {}
        }
    }
}

/// A key ends at a colon that a blank or the line's end follows.
fn key_of(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let from = quote.and_then(|quote| text[1..].find(quote)).map_or(0, |end| end + 2);
    let rest = text.get(from..)?;
    let at = from + rest.find(": ").or_else(|| rest.ends_with(':').then(|| rest.len() - 1))?;
    Some((&text[..at], text[at + 1..].trim()))
}

fn scalar(text: &str) -> &str {
    let text = text.trim();
    let quoted = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text)
}

fn flow_list(text: &str) -> Vec<String> {
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    inside.split(',').map(scalar).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_streams_and_defaults() {
        let text = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: nodejs\n  stream: \"18\"\n  version: 80\n  context: 'c0'\n  \
                    description: >-\n    name: wrong\n    - x\n  dependencies:\n  - buildrequires:\n      platform: [el9]\n    requires:\n      \
                    platform: [el8, el9]\n      perl: []\n  - requires:\n      platform:\n      - el10\n  api:\n    rpms:\n    - nodejs\n  \
                    artifacts:\n    rpms:\n    - nodejs-1:18.1-1.el9.x86_64\n    - npm-0:1-1.noarch\n...\n\
                    ---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: nodejs\n  stream: '16'\n  profiles:\n    '16': [common]\n...\n\
                    ---\ndocument: modulemd-obsoletes\ndata:\n  module: nodejs\n  stream: 10\n";
        let mut found = Vec::new();
        let mut parser = Parser::default();
        parser.take(text.as_bytes(), &mut |description| found.push(description));
        parser.end_document(&mut |description| found.push(description));
        let requires = |module: &str, streams: &[&str]| {
            (module.to_owned(), streams.iter().map(|&stream| stream.to_owned()).collect::<Vec<_>>())
        };
        let expected = Stream {
            name: "nodejs".to_owned(),
            stream: "18".to_owned(),
            context: "c0".to_owned(),
            requires: vec![
                vec![requires("platform", &["el8", "el9"]), requires("perl", &[])],
                vec![requires("platform", &["el10"])],
            ],
            artifacts: vec!["nodejs-1:18.1-1.el9.x86_64".to_owned(), "npm-0:1-1.noarch".to_owned()],
        };
        let default = Description::Default { module: "nodejs".to_owned(), stream: "16".to_owned() };
        assert_eq!(found, [Description::Stream(expected), default]);
    }
}
