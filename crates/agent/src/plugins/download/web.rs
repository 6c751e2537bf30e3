//! Files from web servers: https, redirected from https to https only; plain HTTP where a document says that it may be.
//! Source: spec agent-protocol 7.5.

use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::flag;
use super::place::{Bounded, Bounds, NewFile, Place};
use crate::patch_run::Session;
use crate::transport::http::{Http as Client, Saved};
use crate::transport::objects::{self, ObjectStore};

pub const TIMEOUT: Duration = Duration::from_secs(30 * 60);
const MOST_REDIRECTS: usize = 5;

/// Names as in documents; `sha256` is ours: documents for AWS do without. May hold a secret, so that nothing prints it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    pub url: String,
    auth_method: String,
    username: String,
    password: String,
    allow_insecure_download: Option<Value>,
    sha256: Option<String>,
}

pub fn fetch(session: &Session, source: &Http, place: &Place, bounds: &Bounds) -> anyhow::Result<()> {
    let url = source.url.trim();
    let mut file = place.file(name_of(url)?, bounds)?;
    if let Some(address) = objects::of_server(&session.caller.endpoint, url) {
        let ours = ObjectStore::of_server(&session.caller, &session.credentials);
        super::store::save(&ours, &address, &mut file, bounds)?;
    } else {
        let insecure = flag(source.allow_insecure_download.as_ref());
        let headers = authorization(source)?;
        save(session, url, &headers, insecure, (&mut file, bounds))?;
    }
    file.expect(source.sha256.as_deref())?;
    file.keep()
}

/// The last part of an address, decoded: what the file is called.
pub fn name_of(url: &str) -> anyhow::Result<&str> {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let rest = path.split_once("://").map_or(path, |(_, rest)| rest);
    match rest.split_once('/').map(|(_, path)| path.rsplit('/').next().unwrap_or_default()) {
        Some(name) if !name.is_empty() => Ok(name),
        // The address of a folder, or of a host.
        _ => Ok("download"),
    }
}

fn authorization(source: &Http) -> anyhow::Result<Vec<(String, String)>> {
    match source.auth_method.as_str() {
        "" | "None" => Ok(Vec::new()),
        "Basic" => Ok(vec![("authorization".to_owned(), basic(&source.username, &source.password))]),
        other => bail!("authMethod `{other}` is not supported; use None or Basic"),
    }
}

pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Follows redirects. Credentials go to the first host alone.
pub fn save(
    session: &Session,
    url: &str,
    headers: &[(String, String)],
    insecure: bool,
    (file, bounds): (&mut NewFile, &Bounds),
) -> anyhow::Result<()> {
    let mut address = url.to_owned();
    let client = client(session, &address, insecure)?;
    for _ in 0..=MOST_REDIRECTS {
        let is_first = origin(&address) == origin(url);
        let headers = if is_first { headers } else { &[] };
        let mut to = Bounded { to: &mut *file, bounds };
        let answer = client.save(&address, headers, TIMEOUT, bounds.bytes_left(), &mut to)?;
        match (answer.status, &answer.location) {
            (200, _) => return Ok(()),
            (301 | 302 | 303 | 307 | 308, Some(location)) => {
                address = redirected(&address, location)?;
                check_scheme(&address, insecure)?;
            }
            _ => bail!("{}: the answer has status {}", shown(url), answer.status),
        }
    }
    bail!("{}: more than {MOST_REDIRECTS} redirects", shown(url))
}

/// From an address that carries its own proof: of the node's server, which may be spoken to in plain HTTP, or another one.
pub fn save_from(session: &Session, url: &str, file: &mut NewFile, bounds: &Bounds) -> anyhow::Result<()> {
    if !url.starts_with(&session.caller.endpoint.url("/")) {
        return save(session, url, &[], false, (file, bounds));
    }
    let mut to = Bounded { to: file, bounds };
    let answer = session.caller.http().save(url, &[], TIMEOUT, bounds.bytes_left(), &mut to)?;
    match answer.status {
        200 => Ok(()),
        status => bail!("{}: the answer has status {status}", shown(url)),
    }
}

/// The way to the server itself may be plain HTTP; whom to trust was said at enrolment all the same.
fn client(session: &Session, url: &str, insecure: bool) -> anyhow::Result<Client> {
    check_scheme(url, insecure)?;
    Ok(Client::with_tls(&session.trust)?)
}

fn check_scheme(url: &str, insecure: bool) -> anyhow::Result<()> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("https") => Ok(()),
        Some("http") if insecure => Ok(()),
        Some("http") => bail!("{}: plain http is used only with allowInsecureDownload", shown(url)),
        _ => bail!("{}: expected an address that begins with https://", shown(url)),
    }
}

/// What stands before the path.
fn origin(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/").to_ascii_lowercase()
}

/// Path and query may be secrets.
pub fn shown(url: &str) -> String {
    origin(url)
}

fn redirected(from: &str, location: &str) -> anyhow::Result<String> {
    if location.contains("://") {
        return Ok(location.to_owned());
    }
    let path = location.strip_prefix('/').context("the redirect leads nowhere")?;
    if path.starts_with('/') {
        bail!("the redirect names a host without a scheme");
    }
    Ok(format!("{}/{path}", origin(from)))
}

/// A short answer as bytes; fails unless it says 200.
pub fn small(session: &Session, url: &str, headers: &[(String, String)]) -> anyhow::Result<Vec<u8>> {
    const MOST_BYTES: u64 = 8 << 20;
    let client = Client::with_tls(&session.trust)?;
    let mut bytes = Vec::new();
    let Saved { status, refusal, .. } = client.save(url, headers, TIMEOUT, MOST_BYTES, &mut bytes)?;
    if status == 200 {
        return Ok(bytes);
    }
    let text: String =
        String::from_utf8_lossy(&refusal).chars().filter(|c| !c.is_control()).take(300).collect();
    bail!("{}: the answer has status {status}: {text}", shown(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_as_in_their_address() {
        let check = |url: &str, expected: &str| assert_eq!(name_of(url).unwrap(), expected, "{url}");
        check("https://example.org/a/b.sh", "b.sh");
        check("https://example.org/a/b.sh?token=x/y#z", "b.sh");
        check("https://example.org/a/", "download");
        check("https://example.org", "download");
    }

    #[test]
    fn redirects_stay_with_tls() {
        let redirect = |location: &str| redirected("https://a.example/x", location);
        assert_eq!(redirect("https://b.example/y").unwrap(), "https://b.example/y");
        assert_eq!(redirect("/y?z").unwrap(), "https://a.example/y?z");
        assert!(redirect("//b.example/y").is_err() && redirect("y").is_err());
        assert!(check_scheme("http://b.example/y", false).is_err());
        assert!(check_scheme("http://b.example/y", true).is_ok());
        assert!(check_scheme("HTTPS://b.example/y", false).is_ok());
        assert!(check_scheme("file:///etc/passwd", true).is_err());
        assert_ne!(origin("https://a.example/x"), origin("https://a.example:444/x"));
    }

    #[test]
    fn knows_two_ways_to_say_who_asks() {
        let with = |method: &str| Http {
            auth_method: method.to_owned(),
            username: "a".into(),
            password: "b".into(),
            ..Http::default()
        };
        assert_eq!(authorization(&with("Basic")).unwrap()[0].1, "Basic YTpi");
        assert!(authorization(&with("")).unwrap().is_empty());
        assert!(authorization(&with("NTLM")).is_err());
    }
}
