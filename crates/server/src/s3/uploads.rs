//! Objects in parts: CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload. Completing one
//! moves no bytes: the object has the parts' contents, one after the other.
//! Source: S3 API reference; S3 user guide, multipart upload limits.

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use store::Tx;
use store::objects::uploads::{self, Part, Upload};
use store::objects::{self, Content, Object, ObjectRef};

use super::body;
use super::checksum::tag_of_parts;
use super::error::S3Error;
use super::put_object::{condition, discard_all, object_of, said};
use super::request::Target;
use super::xml::{self, Document, Element};
use super::{answer, buckets, header, retry};
use crate::auth::s3::BodyProof;
use crate::ctx::Ctx;
use crate::objects::{keep, leave};

const PART_NUMBERS: std::ops::RangeInclusive<i64> = 1..=10_000;
/// Of every part but the last.
const MIN_PART_BYTES: u64 = 5 << 20;
/// 5 TiB, as AWS has it.
const MAX_TOTAL_BYTES: u64 = 5 << 40;

pub async fn create_multipart_upload(
    ctx: &Ctx,
    target: &Target,
    headers: &HeaderMap,
) -> Result<Response<Body>, S3Error> {
    let upload = Upload {
        object: object_of(ctx, target)?,
        upload_id: hex::encode(crate::keyring::random::<16>()),
        headers: said(headers)?,
        started_at: ctx.now,
    };
    retry(ctx, || async {
        let mut tx = ctx.store.write().await?;
        buckets::require(&mut tx, ctx, &upload.object.bucket).await?;
        uploads::insert(&mut tx, &upload).await?;
        tx.commit().await?;
        Ok(())
    })
    .await?;
    let mut document = Document::new("InitiateMultipartUploadResult");
    document.element("Bucket", upload.object.bucket.as_str()).element("Key", upload.object.key.as_str());
    document.element("UploadId", &upload.upload_id);
    Ok(document.into_response())
}

/// The upload that a request names, if it is of this object.
async fn require(tx: &mut Tx, object: &ObjectRef, upload_id: &str) -> Result<Upload, S3Error> {
    let upload = uploads::find(tx, (&object.account, upload_id)).await?;
    upload.filter(|upload| upload.object == *object).ok_or_else(S3Error::no_such_upload)
}

pub async fn upload_part(
    ctx: &Ctx,
    target: &Target,
    headers: &HeaderMap,
    body: Body,
    proof: BodyProof,
) -> Result<Response<Body>, S3Error> {
    let object = object_of(ctx, target)?;
    let upload_id = target.query.get("uploadId").unwrap_or_default();
    let number = target.query.get("partNumber").and_then(|text| text.parse().ok());
    let number = number
        .filter(|number| PART_NUMBERS.contains(number))
        .ok_or_else(|| S3Error::invalid_argument("partNumber must be a number from 1 to 10000"))?;
    {
        let mut tx = ctx.store.read().await?;
        buckets::require(&mut tx, ctx, &object.bucket).await?;
        require(&mut tx, &object, upload_id).await?;
    }
    let written = body::write(&ctx.app, headers, body, proof).await?;
    let part = Part { number, content: written.content, etag: written.etag };
    let placed = retry(ctx, || async {
        let mut tx = ctx.store.write().await?;
        require(&mut tx, &object, upload_id).await?;
        let upload = (&object.account, upload_id);
        let earlier = uploads::list_parts(&mut tx, upload).await?;
        let earlier: Vec<Content> =
            earlier.into_iter().filter(|known| known.number == number).map(|known| known.content).collect();
        leave(&mut tx, &earlier, ctx.now).await?;
        if !keep(&ctx.app, &mut tx, &part.content).await? {
            return Err(S3Error::new("RequestTimeout", 400, "the upload took too long and was given up"));
        }
        uploads::put_part(&mut tx, upload, &part).await?;
        tx.commit().await?;
        Ok(())
    })
    .await;
    if let Err(error) = placed {
        discard_all(ctx, std::slice::from_ref(&part.content)).await;
        return Err(error);
    }
    let mut response = answer(StatusCode::OK);
    if let Some((algorithm, value)) = written.checksum {
        header(&mut response, algorithm.header(), &value);
    }
    header(&mut response, "etag", &format!("\"{}\"", part.etag));
    Ok(response)
}

pub async fn abort_multipart_upload(ctx: &Ctx, target: &Target) -> Result<Response<Body>, S3Error> {
    let object = object_of(ctx, target)?;
    let upload_id = target.query.get("uploadId").unwrap_or_default();
    retry(ctx, || async {
        let mut tx = ctx.store.write().await?;
        require(&mut tx, &object, upload_id).await?;
        let upload = (&object.account, upload_id);
        let parts = uploads::list_parts(&mut tx, upload).await?;
        let contents: Vec<Content> = parts.into_iter().map(|part| part.content).collect();
        leave(&mut tx, &contents, ctx.now).await?;
        uploads::delete(&mut tx, upload).await?;
        tx.commit().await?;
        Ok(())
    })
    .await?;
    Ok(answer(StatusCode::NO_CONTENT))
}

pub async fn complete_multipart_upload(
    ctx: &Ctx,
    target: &Target,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response<Body>, S3Error> {
    let object = object_of(ctx, target)?;
    let upload_id = target.query.get("uploadId").unwrap_or_default();
    let named = named_parts(&xml::read(body, "CompleteMultipartUpload")?)?;
    let etag = tag_of_parts(named.iter().map(|(_, etag)| etag.as_str()));
    let condition = condition(headers)?;
    retry(ctx, || async {
        let mut tx = ctx.store.write().await?;
        buckets::require(&mut tx, ctx, &object.bucket).await?;
        let old = objects::find(&mut tx, &object).await?;
        let upload = match require(&mut tx, &object, upload_id).await {
            Ok(upload) => upload,
            // The answer to the first such request was lost.
            Err(_) if old.as_ref().is_some_and(|old| old.etag == etag) => return Ok(()),
            Err(error) => return Err(error),
        };
        if old.is_some() && condition == super::put_object::Condition::IsNew {
            return Err(S3Error::new("PreconditionFailed", 412, "the key exists already"));
        }
        let sent = uploads::list_parts(&mut tx, (&object.account, upload_id)).await?;
        let (contents, unused) = chosen(sent, &named)?;
        let new = Object {
            key: object.key.clone(),
            size_bytes: contents.iter().map(|content| content.size_bytes).sum(),
            contents,
            headers: upload.headers,
            etag: etag.clone(),
            modified_at: ctx.now,
        };
        leave(&mut tx, &unused, ctx.now).await?;
        if let Some(old) = old {
            leave(&mut tx, &old.contents, ctx.now).await?;
        }
        uploads::delete(&mut tx, (&object.account, upload_id)).await?;
        objects::put(&mut tx, &object.account, &object.bucket, &new).await?;
        tx.commit().await?;
        Ok(())
    })
    .await?;
    let mut document = Document::new("CompleteMultipartUploadResult");
    document.element("Location", format!("{}/{}/{}", ctx.endpoint, object.bucket, object.key));
    document.element("Bucket", object.bucket.as_str()).element("Key", object.key.as_str());
    document.element("ETag", format!("\"{etag}\""));
    Ok(document.into_response())
}

/// Numbers and entity tags, in ascending order.
pub(super) fn named_parts(request: &Element) -> Result<Vec<(i64, String)>, S3Error> {
    let mut named: Vec<(i64, String)> = Vec::new();
    for part in request.all("Part") {
        let number = part.text_of("PartNumber").and_then(|text| text.parse().ok());
        let etag = part.text_of("ETag").map(|text| text.trim_matches('"').to_ascii_lowercase());
        let (Some(number), Some(etag)) = (number, etag) else {
            return Err(S3Error::malformed_xml("a Part needs a PartNumber and an ETag"));
        };
        if named.last().is_some_and(|(last, _)| *last >= number) {
            let message = "the list of parts was not in ascending order of part numbers";
            return Err(S3Error::new("InvalidPartOrder", 400, message));
        }
        named.push((number, etag));
    }
    if named.is_empty() {
        return Err(S3Error::malformed_xml("the list of parts is empty"));
    }
    Ok(named)
}

/// The contents of the named parts, and of those that were sent and are not named.
fn chosen(sent: Vec<Part>, named: &[(i64, String)]) -> Result<(Vec<Content>, Vec<Content>), S3Error> {
    let is_named =
        |part: &Part| named.iter().any(|(number, etag)| (*number, etag) == (part.number, &part.etag));
    let (used, unused): (Vec<Part>, Vec<Part>) = sent.into_iter().partition(is_named);
    if used.len() != named.len() {
        let missing = named.iter().find(|(number, _)| !used.iter().any(|part| part.number == *number));
        let number = missing.map(|(number, _)| number.to_string()).unwrap_or_default();
        let message = format!("part {number} was not uploaded, or has another entity tag");
        return Err(S3Error::new("InvalidPart", 400, message));
    }
    let (last, others) =
        used.split_last().ok_or_else(|| S3Error::malformed_xml("the list of parts is empty"))?;
    if let Some(small) = others.iter().find(|part| part.content.size_bytes < MIN_PART_BYTES) {
        let message = format!(
            "part {} has {} bytes; every part but the last has at least {MIN_PART_BYTES}",
            small.number, small.content.size_bytes
        );
        return Err(S3Error::new("EntityTooSmall", 400, message));
    }
    let total: u64 = others.iter().map(|part| part.content.size_bytes).sum::<u64>() + last.content.size_bytes;
    if total > MAX_TOTAL_BYTES {
        let message = format!("{total} bytes are more than the {MAX_TOTAL_BYTES} of an object");
        return Err(S3Error::new("EntityTooLarge", 400, message));
    }
    let contents = |parts: Vec<Part>| parts.into_iter().map(|part| part.content).collect();
    Ok((contents(used), contents(unused)))
}
