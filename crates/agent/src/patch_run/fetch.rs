//! Files that an operation's parameters name: override lists and baselines, from https and s3 addresses.
//! What is in them is for others to read.

use std::time::Duration;

use anyhow::{Context, bail};
use domain::object::{ObjectAddress, SCHEME};

use super::Session;
use super::patience::{Failure, patiently};
use crate::transport::http::Http;
use crate::transport::machine;
use crate::transport::objects::{self, ObjectError, ObjectStore};

const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Far more than a list of patches or baselines needs.
const MAX_FILE_BYTES: usize = 4 << 20;

/// The file at an address that a person gave.
pub fn bring(session: &Session, url: &str) -> anyhow::Result<Vec<u8>> {
    if url.starts_with(SCHEME) {
        return object(session, &url.parse()?);
    }
    if let Some(address) = objects::of_server(&session.caller.endpoint, url) {
        let ours = ObjectStore::of_server(&session.caller, &session.credentials);
        return Ok(patiently(|| ours.get(&address, MAX_FILE_BYTES))?);
    }
    if url.starts_with("https://") {
        // The way to the server itself may be plain HTTP; whom to trust was said at enrolment all the same.
        let file = get(&Http::with_tls(&session.trust)?, url)?;
        if file.len() > MAX_FILE_BYTES {
            bail!("it has more than {MAX_FILE_BYTES} bytes");
        }
        return Ok(file);
    }
    bail!("files are fetched from https:// and s3:// addresses");
}

/// From the store that the node's settings name, else from the node's server.
fn object(session: &Session, address: &ObjectAddress) -> anyhow::Result<Vec<u8>> {
    let Some(elsewhere) = machine::store(&session.caller.region, &session.trust)? else {
        let ours = ObjectStore::of_server(&session.caller, &session.credentials);
        return Ok(patiently(|| ours.get(address, MAX_FILE_BYTES))?);
    };
    match patiently(|| elsewhere.get(address, MAX_FILE_BYTES)) {
        Err(ObjectError::OtherRegion { region, .. }) => {
            let there = machine::store_in(&region, &session.trust)?;
            let there = there.context("the setting of the store is gone")?;
            Ok(patiently(|| there.get(address, MAX_FILE_BYTES))?)
        }
        outcome => Ok(outcome?),
    }
}

impl Failure for ObjectError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Transport { source, .. } => source.may_pass(),
            Self::Refused { status, .. } => matches!(status, 502..=504),
            Self::TooLarge { .. }
            | Self::OtherRegion { .. }
            | Self::Unsigned { .. }
            | Self::Kept { .. }
            | Self::List { .. } => false,
        }
    }
}

/// Addresses carry their own proof; no signature.
pub fn download(session: &Session, url: &str) -> anyhow::Result<Vec<u8>> {
    get(session.caller.http(), url)
}

fn get(http: &Http, url: &str) -> anyhow::Result<Vec<u8>> {
    let answer = patiently(|| http.get(url, DOWNLOAD_TIMEOUT))?;
    match answer.status {
        200 => Ok(answer.body),
        status => bail!("the answer has status {status}"),
    }
}
