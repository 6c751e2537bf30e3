//! CopyObject: another object's bytes under a new key.
//! Source: S3 API reference, CopyObject.

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use futures_util::StreamExt;
use store::objects::{self, Content, Object, ObjectRef};

use super::authorise::may_copy;
use super::body::MAX_OBJECT_BYTES;
use super::checksum::{Algorithm, Tag};
use super::error::S3Error;
use super::put_object::{self, Condition};
use super::request::Target;
use super::xml::Document;
use super::{buckets, get_object};
use crate::ctx::Ctx;
use crate::objects::Pending;

pub async fn copy_object(ctx: &Ctx, target: &Target, headers: &HeaderMap) -> Result<Response<Body>, S3Error> {
    let object = put_object::object_of(ctx, target)?;
    let source = source(ctx, headers)?;
    may_copy(ctx, &source.bucket, &source.key).await?;
    let found = {
        let mut tx = ctx.store.read().await?;
        buckets::require(&mut tx, ctx, &object.bucket).await?;
        buckets::require(&mut tx, ctx, &source.bucket).await?;
        objects::find(&mut tx, &source).await?.ok_or_else(|| S3Error::no_such_key(&source.key))?
    };
    if found.size_bytes > MAX_OBJECT_BYTES {
        let message = format!("{} bytes are more than can be copied in one request", found.size_bytes);
        return Err(S3Error::invalid_request(message));
    }
    let is_replaced = headers.get("x-amz-metadata-directive").is_some_and(|value| value == "REPLACE");
    if source == object && !is_replaced {
        let message =
            "an object can be copied onto itself only with other metadata: x-amz-metadata-directive: REPLACE";
        return Err(S3Error::invalid_request(message));
    }
    let mut said = if is_replaced { put_object::said(headers)? } else { found.headers.clone() };
    for algorithm in Algorithm::ALL {
        if let Some(value) = found.headers.get(algorithm.header()) {
            said.insert(algorithm.header().to_owned(), value.clone());
        }
    }
    let (content, etag) = copy(ctx, &found).await?;
    let new = Object {
        key: object.key.clone(),
        size_bytes: content.size_bytes,
        contents: vec![content],
        headers: said,
        etag: etag.clone(),
        modified_at: ctx.now,
    };
    put_object::place(ctx, &object, &new, Condition::Any).await?;
    let mut document = Document::new("CopyObjectResult");
    document.element("ETag", format!("\"{etag}\"")).element("LastModified", ctx.now.to_iso_millis());
    Ok(document.into_response())
}

/// `BUCKET/KEY`, percent-encoded, with or without a slash before it.
fn source(ctx: &Ctx, headers: &HeaderMap) -> Result<ObjectRef, S3Error> {
    let invalid =
        || S3Error::invalid_argument("x-amz-copy-source must have the form BUCKET/KEY, percent-encoded");
    if let Some(name) = headers.keys().find(|name| name.as_str().starts_with("x-amz-copy-source-")) {
        return Err(S3Error::not_implemented(&format!("`{name}`")));
    }
    let given = headers.get("x-amz-copy-source").and_then(|value| value.to_str().ok()).ok_or_else(invalid)?;
    if given.contains("?versionId=") {
        return Err(S3Error::not_implemented("versions"));
    }
    let bytes = api::sigv4::percent_decode_bytes(given);
    let plain = String::from_utf8(bytes).map_err(|_| invalid())?;
    let (bucket, key) = plain.trim_start_matches('/').split_once('/').ok_or_else(invalid)?;
    Ok(ObjectRef { account: ctx.account.clone(), bucket: bucket.parse()?, key: key.parse()? })
}

async fn copy(ctx: &Ctx, found: &Object) -> Result<(Content, String), S3Error> {
    let mut bytes = get_object::read(&ctx.app, &found.contents, 0..found.size_bytes).await?;
    let mut pending = Pending::begin(&ctx.app).await?;
    let mut tag = Tag::default();
    while let Some(piece) = bytes.next().await {
        let written = match piece {
            Ok(piece) => {
                tag.update(&piece);
                pending.write(&piece).await.map_err(S3Error::from)
            }
            Err(error) => Err(crate::objects::ContentError::Io(error).into()),
        };
        if let Err(error) = written {
            pending.give_up().await;
            return Err(error);
        }
    }
    Ok((pending.finish().await?, hex::encode(tag.finish())))
}
