//! Where a server keeps objects, as its command line and environment say.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use domain::object::{BucketName, SCHEME};

use crate::objects::{Contents, Folder, Objects, Remote, RemoteSettings};

/// Inside the data folder.
const FOLDER: &str = "objects";
const REGION: &str = "us-east-1";

#[derive(Args, Default)]
pub struct ObjectArguments {
    /// Where objects are kept: a folder, or `s3://BUCKET/PREFIX`; the folder `objects` in the data folder if not given.
    #[arg(long, env = "FETTLE_OBJECTS", value_name = "PLACE", conflicts_with = "ephemeral")]
    objects: Option<String>,
    /// The address of the store that has the bucket; AWS if not given.
    #[arg(long, env = "FETTLE_OBJECTS_ENDPOINT", value_name = "URL")]
    objects_endpoint: Option<String>,
    /// The bucket's region; us-east-1 if not given.
    #[arg(long, env = "FETTLE_OBJECTS_REGION", value_name = "REGION")]
    objects_region: Option<String>,
    /// Below this host name buckets are hosts: `BUCKET.DOMAIN`.
    #[arg(long, env = "FETTLE_OBJECTS_DOMAIN", value_name = "DOMAIN")]
    objects_domain: Option<String>,
}

impl ObjectArguments {
    /// `None`: in memory.
    pub async fn open(&self, data: Option<&Path>) -> anyhow::Result<Objects> {
        let domain = self.objects_domain.as_ref().map(|domain| domain.trim_matches('.').to_ascii_lowercase());
        if domain.as_ref().is_some_and(|domain| domain.is_empty() || domain.contains([':', '/'])) {
            bail!("--objects-domain: expected a host name such as objects.example.org, without port or path");
        }
        let Some(data) = data else {
            return Ok(Objects { domain, ..Objects::in_memory() });
        };
        let remote = self.objects.as_deref().and_then(|place| place.strip_prefix(SCHEME));
        if remote.is_none() && (self.objects_endpoint.is_some() || self.objects_region.is_some()) {
            bail!("--objects-endpoint and --objects-region go with --objects s3://BUCKET/PREFIX");
        }
        let contents = match remote {
            Some(place) => self.open_remote(place).await?,
            None => open_folder(self.objects.as_ref().map_or_else(|| data.join(FOLDER), PathBuf::from))?,
        };
        Ok(Objects { contents, domain })
    }

    async fn open_remote(&self, place: &str) -> anyhow::Result<Contents> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let bucket: BucketName =
            bucket.parse().context("--objects: expected s3://BUCKET or s3://BUCKET/PREFIX")?;
        let settings = RemoteSettings {
            bucket: bucket.to_string(),
            prefix: prefix.trim_matches('/').to_owned(),
            endpoint: self.objects_endpoint.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
            region: self.objects_region.clone().unwrap_or_else(|| REGION.to_owned()),
            credentials: credentials(|name| std::env::var(name).ok()),
        };
        let unusable = || {
            format!(
                "cannot keep objects in s3://{place}\n  hint: the bucket must exist, and FETTLE_OBJECTS_ACCESS_KEY_ID and \
                 FETTLE_OBJECTS_SECRET_ACCESS_KEY (or the usual AWS variables, or the machine's role) must allow reading, \
                 writing and deleting in it"
            )
        };
        let remote = Remote::open(settings).with_context(unusable)?;
        remote.check().await.with_context(unusable)?;
        Ok(Contents::Remote(remote))
    }
}

fn open_folder(folder: PathBuf) -> anyhow::Result<Contents> {
    let opened = Folder::open(folder.clone())
        .with_context(|| format!("cannot keep objects in {}", folder.display()))?;
    Ok(Contents::Folder(opened))
}

/// A key of the store's own, else what SDKs look for. Nothing else of the environment counts: where operators have set
/// an endpoint for their clients, it is this very server's.
fn credentials(setting: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    const OWN: [(&str, &str); 3] = [
        ("FETTLE_OBJECTS_ACCESS_KEY_ID", "aws_access_key_id"),
        ("FETTLE_OBJECTS_SECRET_ACCESS_KEY", "aws_secret_access_key"),
        ("FETTLE_OBJECTS_SESSION_TOKEN", "aws_session_token"),
    ];
    const USUAL: [&str; 10] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_METADATA_ENDPOINT",
    ];
    let setting = |name: &str| setting(name).filter(|value| !value.is_empty());
    let own: Vec<(String, String)> =
        OWN.iter().filter_map(|(name, key)| Some(((*key).to_owned(), setting(name)?))).collect();
    if !own.is_empty() {
        return own;
    }
    USUAL.iter().filter_map(|name| Some((name.to_ascii_lowercase(), setting(name)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_key_comes_first_and_no_endpoint_of_clients_counts() {
        let usual = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" => Some("AKIACLIENT".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:4510".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some(String::new()),
            _ => None,
        };
        assert_eq!(credentials(usual), [("aws_access_key_id".to_owned(), "AKIACLIENT".to_owned())]);
        let own = |name: &str| match name {
            "FETTLE_OBJECTS_ACCESS_KEY_ID" => Some("AKIASTORE".to_owned()),
            other => usual(other),
        };
        assert_eq!(credentials(own), [("aws_access_key_id".to_owned(), "AKIASTORE".to_owned())]);
    }
}
