//! PutObject, and the transaction in which every new object takes its key.
//! Source: S3 API reference, PutObject.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use store::objects::{self, Content, Object, ObjectRef};

use super::error::S3Error;
use super::request::Target;
use super::{answer, body, buckets, header, retry};
use crate::auth::s3::BodyProof;
use crate::ctx::Ctx;
use crate::objects::{discard, keep, leave};

const CONTENT_TYPE: &str = "content-type";
const UNKNOWN_TYPE: &str = "binary/octet-stream";
/// Said with an object and given back with it, besides `x-amz-meta-…`.
const KEPT_HEADERS: [&str; 6] =
    [CONTENT_TYPE, "content-encoding", "content-language", "content-disposition", "cache-control", "expires"];
pub const META: &str = "x-amz-meta-";
/// Of names and values of `x-amz-meta-…` together.
const MAX_META_BYTES: usize = 2048;
/// The encoding of the request, not of the object.
const CHUNKED: &str = "aws-chunked";

/// Headers that ask for more than storage, and the values under which they ask for nothing.
const WITHOUT_EFFECT: [(&str, &[&str]); 8] = [
    ("x-amz-acl", &["private", "bucket-owner-full-control"]),
    ("x-amz-storage-class", &["STANDARD"]),
    ("x-amz-server-side-encryption", &[]),
    ("x-amz-server-side-encryption-customer-algorithm", &[]),
    ("x-amz-tagging", &[]),
    ("x-amz-website-redirect-location", &[]),
    ("x-amz-object-lock-mode", &[]),
    ("x-amz-object-lock-legal-hold", &["OFF"]),
];

pub async fn put_object(
    ctx: &Ctx,
    target: &Target,
    headers: &HeaderMap,
    body: Body,
    proof: BodyProof,
) -> Result<Response<Body>, S3Error> {
    let object = object_of(ctx, target)?;
    let mut said = said(headers)?;
    let condition = condition(headers)?;
    check_before(ctx, &object, condition).await?;
    let written = body::write(&ctx.app, headers, body, proof).await?;
    let mut response = answer(StatusCode::OK);
    if let Some((algorithm, value)) = written.checksum {
        header(&mut response, algorithm.header(), &value);
        said.insert(algorithm.header().to_owned(), value);
    }
    header(&mut response, "etag", &format!("\"{}\"", written.etag));
    let new = Object {
        key: object.key.clone(),
        size_bytes: written.content.size_bytes,
        contents: vec![written.content],
        headers: said,
        etag: written.etag,
        modified_at: ctx.now,
    };
    place(ctx, &object, &new, condition).await?;
    Ok(response)
}

pub fn object_of(ctx: &Ctx, target: &Target) -> Result<ObjectRef, S3Error> {
    let (bucket, key) = (target.bucket()?.clone(), target.key()?.clone());
    Ok(ObjectRef { account: ctx.account.clone(), bucket, key })
}

/// Whether an object may take the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Any,
    /// `If-None-Match: *`
    IsNew,
}

pub fn condition(headers: &HeaderMap) -> Result<Condition, S3Error> {
    if headers.contains_key("if-match") {
        return Err(S3Error::not_implemented("If-Match on writing"));
    }
    match headers.get("if-none-match").map(|value| value.as_bytes()) {
        None => Ok(Condition::Any),
        Some(b"*") => Ok(Condition::IsNew),
        Some(_) => Err(S3Error::not_implemented("If-None-Match on writing with anything but `*`")),
    }
}

/// What would be refused after the body is refused before it.
async fn check_before(ctx: &Ctx, object: &ObjectRef, condition: Condition) -> Result<(), S3Error> {
    let mut tx = ctx.store.read().await?;
    buckets::require(&mut tx, ctx, &object.bucket).await?;
    if condition == Condition::IsNew && objects::find(&mut tx, object).await?.is_some() {
        return Err(exists(object));
    }
    Ok(())
}

fn exists(object: &ObjectRef) -> S3Error {
    let message = format!("the key {} exists already, and the request is for a new one", object.key);
    S3Error::new("PreconditionFailed", 412, message)
}

/// Gives a key what was written, once; what it named before becomes waste. On an error what was written is discarded.
pub async fn place(ctx: &Ctx, object: &ObjectRef, new: &Object, condition: Condition) -> Result<(), S3Error> {
    let placed = retry(ctx, || async {
        let mut tx = ctx.store.write().await?;
        buckets::require(&mut tx, ctx, &object.bucket).await?;
        if let Some(old) = objects::find(&mut tx, object).await? {
            if condition == Condition::IsNew {
                return Err(exists(object));
            }
            leave(&mut tx, &old.contents, ctx.now).await?;
        }
        for content in &new.contents {
            if !keep(&ctx.app, &mut tx, content).await? {
                return Err(S3Error::new("RequestTimeout", 400, "the upload took too long and was given up"));
            }
        }
        objects::put(&mut tx, &object.account, &object.bucket, new).await?;
        tx.commit().await?;
        Ok(())
    })
    .await;
    if placed.is_err() {
        discard_all(ctx, &new.contents).await;
    }
    placed
}

pub async fn discard_all(ctx: &Ctx, contents: &[Content]) {
    for content in contents {
        discard(&ctx.app, &content.id).await;
    }
}

/// What a request says of the object that is to be kept with it.
pub fn said(headers: &HeaderMap) -> Result<BTreeMap<String, String>, S3Error> {
    for (name, allowed) in WITHOUT_EFFECT {
        let given = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        if let Some(given) = given.filter(|given| !allowed.contains(&given.as_ref())) {
            return Err(S3Error::not_implemented(&format!("`{name}: {given}`")));
        }
    }
    let mut said = BTreeMap::new();
    let mut meta_bytes = 0;
    for (name, value) in headers {
        let name = name.as_str();
        let is_meta = name.starts_with(META);
        if !is_meta && !KEPT_HEADERS.contains(&name) {
            continue;
        }
        let value = value
            .to_str()
            .map_err(|_| S3Error::invalid_argument(format!("the value of {name} is not printable ASCII")))?;
        if is_meta {
            meta_bytes += name.len() - META.len() + value.len();
        }
        said.insert(name.to_owned(), value.to_owned());
    }
    if meta_bytes > MAX_META_BYTES {
        let message = format!("{meta_bytes} bytes of metadata are more than {MAX_META_BYTES}");
        return Err(S3Error::new("MetadataTooLarge", 400, message));
    }
    if let Some(encoding) = said.remove("content-encoding") {
        let rest: Vec<&str> = encoding.split(',').map(str::trim).filter(|word| *word != CHUNKED).collect();
        if !rest.is_empty() {
            said.insert("content-encoding".to_owned(), rest.join(","));
        }
    }
    said.entry(CONTENT_TYPE.to_owned()).or_insert_with(|| UNKNOWN_TYPE.to_owned());
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn keeps_what_is_said_of_the_object() {
        let said = said(&headers(&[
            ("content-encoding", "gzip,aws-chunked"),
            ("x-amz-meta-owner", "ops"),
            ("x-amz-acl", "private"),
            ("user-agent", "x"),
        ]))
        .unwrap();
        let said: Vec<(&str, &str)> =
            said.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected =
            [("content-encoding", "gzip"), ("content-type", UNKNOWN_TYPE), ("x-amz-meta-owner", "ops")];
        assert_eq!(said, expected);
    }

    #[test]
    fn refuses_what_would_be_left_undone() {
        let check = |name, value, code| assert_eq!(said(&headers(&[(name, value)])).unwrap_err().code, code);
        check("x-amz-server-side-encryption", "aws:kms", "NotImplemented");
        check("x-amz-acl", "public-read", "NotImplemented");
        check("x-amz-storage-class", "GLACIER", "NotImplemented");
        let long: &'static str = Box::leak("x".repeat(MAX_META_BYTES + 1).into_boxed_str());
        check("x-amz-meta-a", long, "MetadataTooLarge");
    }
}
