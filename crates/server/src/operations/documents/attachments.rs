//! Files that come with documents: taken from this server's own object store, checked, and kept as contents of their own, so
//! that a package stays what it was whatever becomes of the bucket. Rows are `store::document_attachments`'.
//! Source: systems-manager.md 8, 2.3; agent-protocol.md 9.2. Decision: docs/decisions, packages.

use std::collections::BTreeMap;

use api::Timestamp;
use api::ssm::{AttachmentContent, AttachmentHashType, AttachmentsSource, AttachmentsSourceKey, ErrorCode};
use domain::document::package::Manifest;
use domain::ids::{AccountId, DocumentName, Region};
use domain::object::{ObjectAddress, of_aws_url};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::document_attachments::{self, Attachment};
use store::objects::{self, Content, ObjectRef, buckets};
use store::{Scope, Tx};

use super::found::{Found, Owner};
use super::{find, scope};
use crate::app::App;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::Keyring;
use crate::objects::{Pending, discard, keep, leave};

const MOST_FILES: usize = 20;
/// Read and written once when the document is made.
const MOST_BYTES: u64 = 5 << 30;
/// For so long an address may be used, as a day's rollout needs it.
const ADDRESS_SECONDS: i64 = 24 * 3600;
const PURPOSE: &str = "attachment";

/// A file that is to be attached, where it is now.
struct Source {
    file_name: String,
    contents: Vec<Content>,
    size_bytes: u64,
}

/// Copies what a request names. Nothing refers to the copies yet: [`keep_all`] does, or [`discard_all`].
pub async fn gather(
    ctx: &Ctx,
    given: Option<&[AttachmentsSource]>,
    manifest: Option<&Manifest>,
) -> Result<Vec<Attachment>, ApiError> {
    let given = given.unwrap_or_default();
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for one in given {
        for source in resolve(ctx, one, manifest).await? {
            if sources.contains_key(&source.file_name) {
                return Err(invalid(format!("Attachments: `{}` is named twice", source.file_name)));
            }
            sources.insert(source.file_name.clone(), source);
        }
    }
    if let Some(missing) =
        manifest.and_then(|manifest| manifest.files.keys().find(|name| !sources.contains_key(*name)))
    {
        let message = format!("the manifest's file `{missing}` is not among the attachments");
        return Err(ApiError::new(ErrorCode::InvalidDocumentContent, message));
    }
    if sources.len() > MOST_FILES {
        return Err(invalid(format!("a document has at most {MOST_FILES} attachments")));
    }
    if sources.values().map(|source| source.size_bytes).sum::<u64>() > MOST_BYTES {
        return Err(invalid(format!("the attachments have more than {MOST_BYTES} bytes together")));
    }
    let mut kept: Vec<Attachment> = Vec::new();
    for source in sources.values() {
        let outcome = match copy(ctx, source).await {
            Ok(attachment) => {
                kept.push(attachment);
                check(&kept[kept.len() - 1], manifest)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            discard_all(ctx, &kept).await;
            return Err(error);
        }
    }
    Ok(kept)
}

fn invalid(message: String) -> ApiError {
    error::validation(message)
}

async fn resolve(
    ctx: &Ctx,
    one: &AttachmentsSource,
    manifest: Option<&Manifest>,
) -> Result<Vec<Source>, ApiError> {
    let value = one.values.as_deref().unwrap_or_default().first().map(String::as_str).unwrap_or_default();
    match &one.key {
        Some(AttachmentsSourceKey::SourceUrl) => folder(ctx, value, manifest).await,
        Some(AttachmentsSourceKey::S3FileUrl) => {
            let address = address(ctx, value)?;
            let last = address.key.as_str().rsplit('/').next().unwrap_or_default().to_owned();
            let file_name = one.name.clone().unwrap_or(last);
            Ok(vec![object(ctx, &address, file_name).await?])
        }
        Some(AttachmentsSourceKey::AttachmentReference) => {
            Ok(vec![attached(ctx, value, one.name.clone()).await?])
        }
        _ => Err(invalid("Attachments: Key is SourceUrl, S3FileUrl or AttachmentReference".to_owned())),
    }
}

/// An object of this server: as such, by the server's own address, or in the form in which AWS writes it.
fn address(ctx: &Ctx, value: &str) -> Result<ObjectAddress, ApiError> {
    let own = || crate::s3::of_server(&ctx.endpoint, value);
    value.parse().ok().or_else(own).or_else(|| of_aws_url(value)).ok_or_else(|| {
        invalid(format!(
            "Attachments: `{value}` is no object of this server: give s3://BUCKET/KEY, and put the file there with \
             `aws s3 cp`"
        ))
    })
}

/// Everything that the manifest wants of a folder; without one, all files directly in it.
async fn folder(ctx: &Ctx, value: &str, manifest: Option<&Manifest>) -> Result<Vec<Source>, ApiError> {
    let value = value.trim_end_matches('/');
    // A bucket by itself is a folder, too.
    let (bucket, prefix) = match value.strip_prefix("s3://").filter(|rest| !rest.contains('/')) {
        Some(bucket) => (bucket.parse()?, String::new()),
        None => {
            let address = address(ctx, value)?;
            (address.bucket, format!("{}/", address.key))
        }
    };
    if let Some(manifest) = manifest {
        let mut found = Vec::new();
        for name in manifest.files.keys() {
            let key = format!("{prefix}{name}").parse().map_err(|error| {
                ApiError::new(ErrorCode::InvalidDocumentContent, format!("files.{name}: {error}"))
            })?;
            let address = ObjectAddress { bucket: bucket.clone(), key };
            found.push(object(ctx, &address, name.clone()).await?);
        }
        return Ok(found);
    }
    let mut tx = ctx.store.read().await?;
    let limit = i64::try_from(MOST_FILES).unwrap_or(i64::MAX) + 1;
    let listed = objects::list(&mut tx, (&ctx.account, &bucket), prefix.as_bytes(), None, limit).await?;
    let of_folder = listed.into_iter().filter_map(|object| {
        let name = object.key.as_str().strip_prefix(&prefix).filter(|name| !name.contains('/'))?;
        let file_name = Some(name.to_owned()).filter(|name| !name.is_empty())?;
        Some(Source { file_name, contents: object.contents, size_bytes: object.size_bytes })
    });
    let found: Vec<Source> = of_folder.collect();
    match found.is_empty() {
        true => Err(invalid(format!("Attachments: there is nothing in s3://{bucket}/{prefix}"))),
        false => found.into_iter().map(named).collect(),
    }
}

fn named(source: Source) -> Result<Source, ApiError> {
    let name = &source.file_name;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    if (3..=128).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with("..") {
        return Ok(source);
    }
    let rule = "3 to 128 of letters, digits, `_`, `-` and `.`";
    Err(invalid(format!("Attachments: `{name}` is not the name of an attachment: {rule}")))
}

async fn object(ctx: &Ctx, address: &ObjectAddress, file_name: String) -> Result<Source, ApiError> {
    let mut tx = ctx.store.read().await?;
    let reference =
        ObjectRef { account: ctx.account.clone(), bucket: address.bucket.clone(), key: address.key.clone() };
    let found = objects::find(&mut tx, &reference).await?;
    let Some(found) = found else {
        let has_bucket = buckets::find(&mut tx, &ctx.account, &address.bucket).await?.is_some();
        let lacks = if has_bucket { "there is no such object" } else { "there is no such bucket" };
        return Err(invalid(format!("Attachments: {address}: {lacks} on this server")));
    };
    named(Source { file_name, contents: found.contents, size_bytes: found.size_bytes })
}

/// `DOCUMENT/VERSION/FILE`, of a document that the account may use.
async fn attached(ctx: &Ctx, value: &str, name: Option<String>) -> Result<Source, ApiError> {
    let form = || invalid(format!("Attachments: `{value}` does not have the form DOCUMENT/VERSION/FILE"));
    let (rest, file) = value.rsplit_once('/').ok_or_else(form)?;
    let (document, version) = rest.rsplit_once('/').ok_or_else(form)?;
    let found = find(ctx, document, Some(version), None).await?;
    let missing = || invalid(format!("Attachments: `{document}` has no file `{file}` in version {version}"));
    let listed = list(ctx, &found).await?;
    let attachment = listed.into_iter().find(|known| known.file_name == file).ok_or_else(missing)?;
    let Attachment { file_name, contents, size_bytes, .. } = attachment;
    named(Source { file_name: name.unwrap_or(file_name), contents, size_bytes })
}

async fn copy(ctx: &Ctx, source: &Source) -> Result<Attachment, ApiError> {
    let ours = |reason: String| {
        tracing::error!(reason, file = source.file_name, "an attachment could not be copied");
        ApiError::new(ErrorCode::InternalServerError, "the object store failed")
    };
    let mut pending = Pending::begin(&ctx.app).await.map_err(|error| ours(error.to_string()))?;
    let mut hash = Sha256::new();
    for content in &source.contents {
        let bytes = ctx.app.objects.contents.read(&content.id, 0..content.size_bytes).await;
        let mut failure = None;
        match bytes {
            Err(error) => failure = Some(error.to_string()),
            Ok(mut bytes) => {
                while let (None, Some(piece)) = (&failure, bytes.next().await) {
                    match piece {
                        Ok(piece) => {
                            hash.update(&piece);
                            failure = pending.write(&piece).await.err().map(|error| error.to_string());
                        }
                        Err(error) => failure = Some(error.to_string()),
                    }
                }
            }
        }
        if let Some(reason) = failure {
            pending.give_up().await;
            return Err(ours(reason));
        }
    }
    let content = pending.finish().await.map_err(|error| ours(error.to_string()))?;
    Ok(Attachment {
        file_name: source.file_name.clone(),
        size_bytes: content.size_bytes,
        contents: vec![content],
        sha256: hex::encode(hash.finalize()),
    })
}

/// That it is what the manifest says.
fn check(attachment: &Attachment, manifest: Option<&Manifest>) -> Result<(), ApiError> {
    let Some(sum) = manifest.and_then(|manifest| manifest.files.get(&attachment.file_name)) else {
        return Ok(());
    };
    let name = &attachment.file_name;
    let wrong = if sum.sha256 != attachment.sha256 {
        format!("`{name}` has the SHA-256 {}, the manifest says {}", attachment.sha256, sum.sha256)
    } else if sum.size_bytes.is_some_and(|size| size != attachment.size_bytes) {
        format!("`{name}` has {} bytes, the manifest says otherwise", attachment.size_bytes)
    } else {
        return Ok(());
    };
    Err(ApiError::new(ErrorCode::InvalidDocumentContent, wrong))
}

/// Writes the rows; from the commit on the copies belong to the version.
pub async fn keep_all(
    ctx: &Ctx,
    tx: &mut Tx,
    name: &DocumentName,
    version: i64,
    attachments: &[Attachment],
) -> Result<(), ApiError> {
    for content in attachments.iter().flat_map(|attachment| &attachment.contents) {
        if !keep(&ctx.app, tx, content).await? {
            let message = "copying the attachments took too long and was given up: try again";
            return Err(ApiError::new(ErrorCode::InternalServerError, message));
        }
    }
    Ok(document_attachments::insert_many(tx, scope(ctx), name, version, attachments).await?)
}

/// Of a document that did not come to be.
pub async fn discard_all(ctx: &Ctx, attachments: &[Attachment]) {
    for content in attachments.iter().flat_map(|attachment| &attachment.contents) {
        discard(&ctx.app, &content.id).await;
    }
}

/// Of one version, or of all; their contents go with the next sweep.
pub async fn remove(
    ctx: &Ctx,
    tx: &mut Tx,
    name: &DocumentName,
    version: Option<i64>,
) -> Result<(), ApiError> {
    let contents = document_attachments::delete(tx, scope(ctx), name, version).await?;
    Ok(leave(tx, &contents, ctx.now).await?)
}

async fn list(ctx: &Ctx, found: &Found) -> Result<Vec<Attachment>, ApiError> {
    let Owner::Account(owner) = &found.owner else { return Ok(Vec::new()) };
    if found.version.detail.attachments.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = ctx.store.read().await?;
    let scope = (owner, &ctx.region);
    Ok(document_attachments::list(&mut tx, scope, &found.document.name, found.version.version).await?)
}

/// As GetDocument tells of them, each with an address that is good for a day.
pub async fn describe(ctx: &Ctx, found: &Found) -> Result<Option<Vec<AttachmentContent>>, ApiError> {
    let Owner::Account(owner) = &found.owner else { return Ok(None) };
    let listed = list(ctx, found).await?;
    let told = listed.into_iter().map(|attachment| {
        let address = Address {
            account: owner.clone(),
            region: ctx.region.clone(),
            name: found.document.name.clone(),
            version: found.version.version,
            file_name: attachment.file_name.clone(),
            expires_at_ms: ctx.now.plus_seconds(ADDRESS_SECONDS).as_millis(),
        };
        let token = ctx.app.keyring.seal_text(PURPOSE, json!(address).to_string().as_bytes());
        AttachmentContent {
            size: i64::try_from(attachment.size_bytes).ok(),
            hash: Some(attachment.sha256),
            hash_type: Some(AttachmentHashType::Sha256),
            url: Some(format!("{}/_fettle/attachments/{token}/{}", ctx.endpoint, attachment.file_name)),
            name: Some(attachment.file_name),
        }
    });
    Ok(Some(told.collect()).filter(|told: &Vec<_>| !told.is_empty()))
}

/// The same of a document that is stored, by the file's name.
pub async fn text_of(ctx: &Ctx, found: &Found, name: &str, most_bytes: u64) -> Result<String, String> {
    let listed = list(ctx, found).await.map_err(|error| error.to_string())?;
    let file = listed.into_iter().find(|file| file.file_name == name);
    text(ctx, &file.ok_or_else(|| format!("the document has no attachment `{name}`"))?, most_bytes).await
}

/// A file that is a text of at most so many bytes. The reason, where it is none.
pub async fn text(ctx: &Ctx, file: &Attachment, most_bytes: u64) -> Result<String, String> {
    let name = &file.file_name;
    if file.size_bytes > most_bytes {
        return Err(format!("`{name}` has {} bytes; at most {most_bytes} are read", file.size_bytes));
    }
    let mut bytes = Vec::new();
    for content in &file.contents {
        let read = ctx.app.objects.contents.read(&content.id, 0..content.size_bytes).await;
        let mut pieces = read.map_err(|error| format!("`{name}` cannot be read: {error}"))?;
        while let Some(piece) = pieces.next().await {
            bytes.extend(piece.map_err(|error| format!("`{name}` cannot be read: {error}"))?);
        }
    }
    String::from_utf8(bytes).map_err(|_| format!("`{name}` is no UTF-8 text"))
}

/// What an address says, once unsealed.
#[derive(Serialize, Deserialize)]
struct Address {
    account: AccountId,
    region: Region,
    name: DocumentName,
    version: i64,
    file_name: String,
    expires_at_ms: i64,
}

/// What a genuine address leads to that is not too old. `Ok(None)`: it was deleted since.
pub async fn open(
    app: &App,
    token: &str,
    now: Timestamp,
) -> Option<Result<Option<Attachment>, store::StoreError>> {
    let address = unsealed(&app.keyring, token, now)?;
    let scope: Scope<'_> = (&address.account, &address.region);
    let found = async {
        let mut tx = app.store().read_each().await?;
        document_attachments::list(&mut tx, scope, &address.name, address.version).await
    };
    let of = |listed: Vec<Attachment>| listed.into_iter().find(|one| one.file_name == address.file_name);
    Some(found.await.map(of))
}

fn unsealed(keyring: &Keyring, token: &str, now: Timestamp) -> Option<Address> {
    let address: Address = serde_json::from_slice(&keyring.open_text(PURPOSE, token)?).ok()?;
    (now.as_millis() < address.expires_at_ms).then_some(address)
}
