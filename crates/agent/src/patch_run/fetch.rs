//! Files that an operation's parameters name: override lists and baselines, from https and s3 addresses.
//! What is in them is for others to read.

use std::time::Duration;

use anyhow::bail;

use super::Session;
use super::patience::patiently;

const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// The file at an address that a person gave.
pub fn bring(session: &Session, url: &str) -> anyhow::Result<Vec<u8>> {
    if url.starts_with("https://") {
        return download(session, url);
    }
    bail!("this version of the agent downloads from https:// addresses only");
}

/// Addresses carry their own proof; no signature.
pub fn download(session: &Session, url: &str) -> anyhow::Result<Vec<u8>> {
    let answer = patiently(|| session.caller.http().get(url, DOWNLOAD_TIMEOUT))?;
    match answer.status {
        200 => Ok(answer.body),
        status => bail!("the answer has status {status}"),
    }
}
