//! Files and folders of GitHub repositories, through the contents API: no git is needed for them.
//! Source: GitHub REST API, repository contents; spec agent-protocol 7.5.

use anyhow::{Context, bail};
use api::sigv4::percent_encode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::place::{Bounded, Bounds, Place};
use super::web;
use crate::patch_run::Session;

const API: &str = "https://api.github.com";
/// In place of GitHub's own: the address of an enterprise server's API, such as `https://github.example.org/api/v3`.
pub const SETTING: &str = "FETTLE_AGENT_GITHUB_API";
const DEEPEST: u8 = 20;

/// May hold a secret, so that nothing prints it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitHub {
    owner: String,
    repository: String,
    path: String,
    get_options: String,
    token_info: String,
}

/// What a branch or commit is called in `getOptions`: `branch:NAME` or `commitID:HASH`.
pub fn wanted(options: &str) -> anyhow::Result<Option<&str>> {
    let options = options.trim();
    if options.is_empty() {
        return Ok(None);
    }
    let (kind, name) = options.split_once(':').unwrap_or((options, ""));
    let name = name.trim();
    let is_known = matches!(kind.trim(), "branch" | "commitID");
    let is_plain = !name.is_empty()
        && !name.starts_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    if is_known && is_plain {
        return Ok(Some(name));
    }
    bail!("getOptions `{}`: expected branch:NAME or commitID:HASH", options.escape_debug())
}

pub fn fetch(session: &Session, source: &GitHub, place: &Place, bounds: &Bounds) -> anyhow::Result<()> {
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    if !is_name(&source.owner) || !is_name(&source.repository) || source.repository.starts_with("..") {
        bail!("sourceInfo of GitHub needs owner and repository");
    }
    let api = std::env::var(SETTING).ok().filter(|api| !api.is_empty());
    let api = api.as_deref().unwrap_or(API).trim_end_matches('/');
    let repository = Repository {
        base: format!("{api}/repos/{}/{}/contents", source.owner, source.repository),
        reference: wanted(&source.get_options)?.map(str::to_owned),
        headers: headers(source.token_info.trim(), api)?,
        session,
        bounds,
    };
    let path = source.path.trim_matches('/');
    match repository.ask(path)? {
        Content::File(file) => repository.save(&file, place.file(&file.name, bounds)?),
        Content::Folder(entries) => repository.folder(path, &entries, place, DEEPEST),
    }
}

/// The token goes to the API, and not to where the API sends for a large file: that address carries its own proof.
fn headers(token: &str, api: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut headers = vec![("accept".to_owned(), "application/vnd.github+json".to_owned())];
    if token.is_empty() {
        return Ok(headers);
    }
    if !api.to_ascii_lowercase().starts_with("https://") {
        bail!("{SETTING} is not https: a token is not sent there");
    }
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        bail!("the parameter that tokenInfo names has no token for a value");
    }
    headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    Ok(headers)
}

struct Repository<'a> {
    base: String,
    reference: Option<String>,
    headers: Vec<(String, String)>,
    session: &'a Session,
    bounds: &'a Bounds,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Folder(Vec<Entry>),
    File(Entry),
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    path: String,
    #[serde(default)]
    encoding: Option<String>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    download_url: Option<String>,
}

impl Repository<'_> {
    fn ask(&self, path: &str) -> anyhow::Result<Content> {
        let parts: Vec<String> = path.split('/').map(percent_encode).collect();
        let reference = self.reference.as_deref().map(percent_encode);
        let query = reference.map(|reference| format!("?ref={reference}")).unwrap_or_default();
        let url = format!("{}/{}{query}", self.base, parts.join("/"));
        let said = web::small(self.session, &url, &self.headers)
            .with_context(|| format!("`{path}` of the repository"))?;
        serde_json::from_slice(&said).with_context(|| format!("`{path}`: the answer is not understood"))
    }

    /// Links and repositories within the repository are left out, as the contents API hands them out as names only.
    fn folder(&self, path: &str, entries: &[Entry], place: &Place, deepest: u8) -> anyhow::Result<()> {
        for entry in entries {
            let below = entry.path.strip_prefix(path).context("an entry that is not below its folder")?;
            let relative = below.trim_start_matches('/');
            self.entry(entry, relative, (path, place), deepest)?;
        }
        Ok(())
    }

    fn entry(
        &self,
        entry: &Entry,
        relative: &str,
        (top, place): (&str, &Place),
        deepest: u8,
    ) -> anyhow::Result<()> {
        match entry.kind.as_str() {
            "file" => self.save(entry, place.below(relative, self.bounds)?),
            "dir" if deepest == 0 => bail!("`{}`: folders are nested too deep", entry.path),
            "dir" => {
                let Content::Folder(entries) = self.ask(&entry.path)? else {
                    bail!("`{}` is a folder and not", entry.path);
                };
                for inner in &entries {
                    let relative = inner.path.strip_prefix(top).map(|path| path.trim_start_matches('/'));
                    let relative = relative.context("an entry that is not below its folder")?;
                    self.entry(inner, relative, (top, place), deepest - 1)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn save(&self, entry: &Entry, mut file: super::place::NewFile) -> anyhow::Result<()> {
        let given = entry.content.as_deref().filter(|text| !text.is_empty());
        match (entry.encoding.as_deref(), given, &entry.download_url) {
            (Some("base64"), Some(text), _) => {
                let plain: String = text.split_ascii_whitespace().collect();
                let bytes = STANDARD.decode(plain).with_context(|| format!("`{}`", entry.path))?;
                let mut to = Bounded { to: &mut file, bounds: self.bounds };
                std::io::Write::write_all(&mut to, &bytes)?;
            }
            (_, _, Some(url)) => web::save(self.session, url, &[], false, (&mut file, self.bounds))?,
            _ => bail!("`{}`: the answer has no content", entry.path),
        }
        file.keep()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_wanted() {
        let check = |options: &str, expected: Option<&str>| {
            assert_eq!(wanted(options).unwrap(), expected, "{options}");
        };
        check("", None);
        check("branch:main", Some("main"));
        check(" branch: feature/x-1 ", Some("feature/x-1"));
        check("commitID:0123abc", Some("0123abc"));
        for bad in ["main", "branch:", "tag:x", "branch:--upload-pack=x", "branch:a b", "branch:a;b"] {
            assert!(wanted(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_goes_over_https() {
        assert_eq!(headers("", "http://127.0.0.1").unwrap().len(), 1);
        let sent = headers("abc", "https://api.example.org").unwrap();
        assert_eq!(sent[1], ("authorization".to_owned(), "Bearer abc".to_owned()));
        for (token, api) in [("abc", "http://127.0.0.1"), ("a\nb", "https://api.example.org")] {
            let refused = headers(token, api).unwrap_err().to_string();
            assert!(!refused.contains(token), "{refused}");
        }
    }

    #[test]
    fn tells_files_from_folders() {
        let file = r#"{"type":"file","name":"a.sh","path":"s/a.sh","encoding":"base64","content":"aGk=\n","size":2}"#;
        assert!(matches!(serde_json::from_str(file).unwrap(), Content::File(entry) if entry.name == "a.sh"));
        let folder = format!("[{file},{{\"type\":\"dir\",\"name\":\"b\",\"path\":\"s/b\"}}]");
        assert!(
            matches!(serde_json::from_str(&folder).unwrap(), Content::Folder(entries) if entries.len() == 2)
        );
    }
}
