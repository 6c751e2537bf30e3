//! The machine's own credentials for an object store that is not this node's server: from the environment, a credentials
//! file, or the cloud that the machine runs in. Never those of the node, and never printed.
//! Source: AWS SDK reference, credential providers; EC2 user guide, instance metadata version 2.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use api::sigv4::Credentials;
use serde::Deserialize;

use super::endpoint::Endpoint;
use super::http::{Http, Trust};
use super::objects::ObjectStore;

/// The store: `aws`, or the address of one that speaks S3. Unset: this node's server.
pub const ENDPOINT: &str = "FETTLE_AGENT_S3_ENDPOINT";
/// Its region; the node's own if unset.
const REGION: &str = "FETTLE_AGENT_S3_REGION";
/// In place of `~/.aws/credentials`. `AWS_SHARED_CREDENTIALS_FILE` is the node's own, set for scripts.
const FILE: &str = "FETTLE_AGENT_S3_CREDENTIALS";
const METADATA: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const METADATA_ADDRESS: &str = "http://169.254.169.254";
/// Of a cloud that is not there.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);
const MOST_BYTES: u64 = 64 << 10;

/// The settings of this process.
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The store that the node's settings name, if they name one.
pub fn store(node_region: &str, trust: &Trust) -> anyhow::Result<Option<ObjectStore>> {
    let Some(named) = setting(ENDPOINT) else { return Ok(None) };
    let region = setting(REGION).unwrap_or_else(|| node_region.to_owned());
    Ok(Some(in_region(&named, &region, trust)?))
}

/// The same store, of another region.
pub fn store_in(region: &str, trust: &Trust) -> anyhow::Result<Option<ObjectStore>> {
    setting(ENDPOINT).map(|named| in_region(&named, region, trust)).transpose()
}

fn in_region(named: &str, region: &str, trust: &Trust) -> anyhow::Result<ObjectStore> {
    let endpoint: Endpoint = match named {
        "aws" => format!("https://s3.{region}.amazonaws.com").parse(),
        address => address.parse(),
    }
    .with_context(|| format!("{ENDPOINT}: expected `aws`, or an address such as https://s3.example.org"))?;
    let http = Http::to(&endpoint, trust)?;
    let credentials = credentials()?;
    Ok(ObjectStore { endpoint, region: region.to_owned(), credentials, http })
}

fn credentials() -> anyhow::Result<Credentials> {
    if let (Some(access_key_id), Some(secret_access_key)) =
        (setting("AWS_ACCESS_KEY_ID"), setting("AWS_SECRET_ACCESS_KEY"))
    {
        return Ok(Credentials {
            access_key_id,
            secret_access_key,
            session_token: setting("AWS_SESSION_TOKEN"),
        });
    }
    let path = setting(FILE).map(PathBuf::from);
    let path = path.or_else(|| setting("HOME").map(|home| PathBuf::from(home).join(".aws/credentials")));
    if let Some(path) = path {
        let text = crate::files::read_if_present(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let profile = setting("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
        if let Some(found) = text.and_then(|text| of_profile(&text, &profile)) {
            return Ok(found);
        }
    }
    if setting("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        bail!(
            "this machine has no credentials for the store of {ENDPOINT}: set AWS_ACCESS_KEY_ID, or {FILE}"
        );
    }
    of_cloud().with_context(|| {
        format!(
            "this machine has no credentials for the store of {ENDPOINT}: neither AWS_ACCESS_KEY_ID nor a credentials \
             file ({FILE}), and no cloud gives it a role"
        )
    })
}

/// A section of the usual credentials file.
pub fn of_profile(text: &str, profile: &str) -> Option<Credentials> {
    let mut inside = false;
    let (mut id, mut secret, mut token) = (None, None, None);
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = section.trim() == profile;
        } else if let (true, Some((name, value))) = (inside, line.split_once('=')) {
            let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            match name.trim() {
                "aws_access_key_id" => id = value,
                "aws_secret_access_key" => secret = value,
                "aws_session_token" => token = value,
                _ => {}
            }
        }
    }
    Some(Credentials { access_key_id: id?, secret_access_key: secret?, session_token: token })
}

/// Of the role that the cloud gave to this machine.
fn of_cloud() -> anyhow::Result<Credentials> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Role {
        access_key_id: String,
        secret_access_key: String,
        token: String,
    }
    let base = setting(METADATA).unwrap_or_else(|| METADATA_ADDRESS.to_owned());
    let base = base.trim_end_matches('/');
    let http = Http::without_tls();
    let lifetime = [("x-aws-ec2-metadata-token-ttl-seconds".to_owned(), "300".to_owned())];
    let token = http.put_empty(&format!("{base}/latest/api/token"), &lifetime, METADATA_TIMEOUT)?;
    let headers = [("x-aws-ec2-metadata-token".to_owned(), text(token.status, &token.body)?)];
    let roles = format!("{base}/latest/meta-data/iam/security-credentials/");
    let ask = |url: &str| http.get_signed(url, &headers, METADATA_TIMEOUT, MOST_BYTES);
    let named = ask(&roles)?;
    let named = text(named.status, &named.body)?;
    let role = named.lines().next().unwrap_or_default();
    if role.is_empty() || role.contains(['/', '?', '#', ' ']) {
        bail!("the cloud names no role");
    }
    let answer = ask(&format!("{roles}{role}"))?;
    let Role { access_key_id, secret_access_key, token } =
        serde_json::from_str(&text(answer.status, &answer.body)?)
            .context("the cloud's answer is not understood")?;
    Ok(Credentials { access_key_id, secret_access_key, session_token: Some(token) })
}

fn text(status: u16, body: &[u8]) -> anyhow::Result<String> {
    match status {
        200 => Ok(String::from_utf8_lossy(body).trim().to_owned()),
        status => bail!("the cloud's metadata answered with status {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_profile_of_a_file() {
        let text = "[other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = x\n\n[default]\n\
                    aws_access_key_id=AKIADEFAULT\naws_secret_access_key =  a/b=c \n";
        let found = of_profile(text, "default").unwrap();
        assert_eq!(
            (found.access_key_id.as_str(), found.secret_access_key.as_str()),
            ("AKIADEFAULT", "a/b=c")
        );
        assert_eq!(of_profile(text, "other").unwrap().session_token, None);
        assert!(of_profile(text, "none").is_none());
        assert!(of_profile("[default]\naws_access_key_id = A\n", "default").is_none());
    }
}
