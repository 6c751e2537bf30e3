//! Objects: one, or all below a prefix that ends in a slash, from this node's server or the store that its settings name.
//! Source: spec agent-protocol 7.5; docs/decisions, the object store.

use anyhow::{Context, bail};
use domain::object::{ObjectAddress, SCHEME, of_aws_url};
use serde::Deserialize;

use super::place::{Bounded, Bounds, NewFile, Place};
use super::web;
use crate::patch_run::Session;
use crate::patch_run::patience::patiently;
use crate::transport::machine;
use crate::transport::objects::{self, ObjectError, ObjectStore};

/// An `https://` address of AWS or of the server, or `s3://BUCKET/KEY`. `sha256` is ours, for a single object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct S3 {
    path: String,
    sha256: Option<String>,
}

pub fn fetch(session: &Session, source: &S3, place: &Place, bounds: &Bounds) -> anyhow::Result<()> {
    let path = source.path.trim();
    let elsewhere = || machine::store(&session.caller.region, &session.trust);
    let ours = || ObjectStore::of_server(&session.caller, &session.credentials);
    let (store, address) = if let Some(address) = objects::of_server(&session.caller.endpoint, path) {
        (ours(), address)
    } else if let Some(address) = of_aws_url(path) {
        match elsewhere()? {
            Some(store) => (store, address),
            // AWS itself, where anybody may read it.
            None => return public(session, source, place, bounds),
        }
    } else if path.starts_with(SCHEME) {
        (elsewhere()?.unwrap_or_else(ours), path.parse()?)
    } else {
        bail!("sourceInfo.path: expected s3://BUCKET/KEY or the https address of an object");
    };
    if address.key.as_str().ends_with('/') {
        return all(session, store, &address, place, bounds);
    }
    let name = address.key.as_str().rsplit('/').next().unwrap_or_default();
    let mut file = place.file(name, bounds)?;
    save_anywhere(session, &store, &address, &mut file, bounds)?;
    file.expect(source.sha256.as_deref())?;
    file.keep()
}

fn public(session: &Session, source: &S3, place: &Place, bounds: &Bounds) -> anyhow::Result<()> {
    if source.path.ends_with('/') {
        bail!(
            "{}: a folder of AWS is read with credentials: set {}",
            web::shown(&source.path),
            machine::ENDPOINT
        );
    }
    let mut file = place.file(web::name_of(&source.path)?, bounds)?;
    web::save(session, &source.path, &[], false, (&mut file, bounds))?;
    file.expect(source.sha256.as_deref())?;
    file.keep()
}

/// Everything below a prefix, under its own names.
fn all(
    session: &Session,
    mut store: ObjectStore,
    folder: &ObjectAddress,
    place: &Place,
    bounds: &Bounds,
) -> anyhow::Result<()> {
    let keys = match patiently(|| store.list(folder)) {
        Err(ObjectError::OtherRegion { region, .. }) => {
            store = there(session, &region)?;
            patiently(|| store.list(folder))?
        }
        outcome => outcome?,
    };
    if keys.is_empty() {
        bail!("{folder}: there is nothing");
    }
    for key in keys {
        let relative =
            key.as_str().strip_prefix(folder.key.as_str()).context("an object beside the folder")?;
        // What stands for a folder itself.
        if relative.is_empty() || relative.ends_with('/') {
            continue;
        }
        let mut file = place.below(relative, bounds)?;
        let address = ObjectAddress { bucket: folder.bucket.clone(), key: key.clone() };
        save(&store, &address, &mut file, bounds)?;
        file.keep()?;
    }
    Ok(())
}

/// A bucket may be in another region.
fn save_anywhere(
    session: &Session,
    store: &ObjectStore,
    address: &ObjectAddress,
    file: &mut NewFile,
    bounds: &Bounds,
) -> Result<(), anyhow::Error> {
    match save(store, address, file, bounds) {
        Err(ObjectError::OtherRegion { region, .. }) => {
            Ok(save(&there(session, &region)?, address, file, bounds)?)
        }
        outcome => Ok(outcome?),
    }
}

/// Each attempt begins the file anew.
pub fn save(
    store: &ObjectStore,
    address: &ObjectAddress,
    file: &mut NewFile,
    bounds: &Bounds,
) -> Result<(), ObjectError> {
    patiently(|| {
        let kept = |source| ObjectError::Kept { address: address.clone(), source };
        file.restart().map_err(kept)?;
        store.save(address, bounds.bytes_left(), &mut Bounded { to: &mut *file, bounds })
    })
}

fn there(session: &Session, region: &str) -> anyhow::Result<ObjectStore> {
    machine::store_in(region, &session.trust)?.context("the setting of the store is gone")
}
