//! GetObject and HeadObject: an object or a range of it, under conditions.
//! Source: S3 API reference, GetObject, HeadObject; RFC 9110, ranges and conditional requests.

use std::ops::Range;
use std::sync::Arc;

use api::Timestamp;
use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use futures_util::{StreamExt, TryStreamExt, stream};
use store::objects::{self, Content, Object};

use super::checksum::Algorithm;
use super::error::S3Error;
use super::put_object::object_of;
use super::request::{Query, Target};
use super::{answer, buckets, header};
use crate::app::App;
use crate::ctx::Ctx;
use crate::objects::ByteStream;

/// Headers of the answer that a query may set.
const OVERRIDES: [(&str, &str); 6] = [
    ("response-content-type", "content-type"),
    ("response-content-language", "content-language"),
    ("response-content-disposition", "content-disposition"),
    ("response-content-encoding", "content-encoding"),
    ("response-cache-control", "cache-control"),
    ("response-expires", "expires"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    Content,
    HeadOnly,
}

pub async fn get_object(
    ctx: &Ctx,
    target: &Target,
    headers: &HeaderMap,
    want: Want,
) -> Result<Response<Body>, S3Error> {
    if target.query.has("partNumber") {
        return Err(S3Error::not_implemented("reading an object by its parts"));
    }
    let object = find(ctx, target).await?;
    if let Some(refusal) = check_conditions(headers, &object)? {
        return Ok(refusal);
    }
    let range = range(headers, object.size_bytes)?;
    let mut response = answer(if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    describe(&mut response, headers, &target.query, &object, range.as_ref());
    if want == Want::Content {
        let range = range.unwrap_or(0..object.size_bytes);
        let bytes = read(&ctx.app, &object.contents, range).await?;
        *response.body_mut() = Body::from_stream(bytes);
    }
    Ok(response)
}

pub async fn find(ctx: &Ctx, target: &Target) -> Result<Object, S3Error> {
    let object = object_of(ctx, target)?;
    let mut tx = ctx.store.read().await?;
    buckets::require(&mut tx, ctx, &object.bucket).await?;
    objects::find(&mut tx, &object).await?.ok_or_else(|| S3Error::no_such_key(&object.key))
}

fn describe(
    response: &mut Response<Body>,
    headers: &HeaderMap,
    query: &Query,
    object: &Object,
    range: Option<&Range<u64>>,
) {
    let is_checked = headers.get("x-amz-checksum-mode").is_some_and(|mode| mode == "ENABLED");
    for (name, value) in &object.headers {
        // A checksum is one of the whole.
        let is_checksum = Algorithm::of_header(name).is_some();
        if !is_checksum || (is_checked && range.is_none()) {
            header(response, name, value);
        }
    }
    for (parameter, name) in OVERRIDES {
        if let Some(value) = query.get(parameter) {
            header(response, name, value);
        }
    }
    header(response, "etag", &format!("\"{}\"", object.etag));
    header(response, "last-modified", &object.modified_at.to_http_date());
    header(response, "accept-ranges", "bytes");
    let length = range.map_or(object.size_bytes, |range| range.end - range.start);
    header(response, "content-length", &length.to_string());
    if let Some(range) = range {
        let last = range.end - 1;
        header(response, "content-range", &format!("bytes {}-{last}/{}", range.start, object.size_bytes));
    }
}

/// The bytes of a range, content after content.
pub async fn read(app: &Arc<App>, contents: &[Content], range: Range<u64>) -> Result<ByteStream, S3Error> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for content in contents {
        let end = start + content.size_bytes;
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            pieces.push((content.id.clone(), from - start..to - start));
        }
        start = end;
    }
    let mut pieces = pieces.into_iter();
    // The first now: what is not there at all is told before the answer begins.
    let Some((id, range)) = pieces.next() else { return Ok(Box::pin(stream::empty())) };
    let first = app.objects.contents.read(&id, range).await?;
    let app = Arc::clone(app);
    let rest = stream::iter(pieces).then(move |(id, range)| {
        let app = Arc::clone(&app);
        async move { app.objects.contents.read(&id, range).await.map_err(std::io::Error::other) }
    });
    Ok(Box::pin(first.chain(rest.try_flatten())))
}

/// An answer in place of the object, or a refusal.
fn check_conditions(headers: &HeaderMap, object: &Object) -> Result<Option<Response<Body>>, S3Error> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let names_it = |list: &str| {
        list.split(',').any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == object.etag
        })
    };
    // Whole seconds: that is what headers can say.
    let modified_at = Timestamp::from_seconds(object.modified_at.as_seconds());
    let is_after = |date: &str| api::sigv4::parse_time(date).is_some_and(|at| modified_at > at);
    let failed = match (text("if-match"), text("if-unmodified-since")) {
        (Some(tags), _) => !names_it(tags),
        (None, Some(date)) => is_after(date),
        (None, None) => false,
    };
    if failed {
        let message = "at least one of the preconditions you specified did not hold";
        return Err(S3Error::new("PreconditionFailed", 412, message));
    }
    let is_known = match (text("if-none-match"), text("if-modified-since")) {
        (Some(tags), _) => names_it(tags),
        (None, Some(date)) => !is_after(date),
        (None, None) => false,
    };
    Ok(is_known.then(|| {
        let mut response = answer(StatusCode::NOT_MODIFIED);
        header(&mut response, "etag", &format!("\"{}\"", object.etag));
        header(&mut response, "last-modified", &object.modified_at.to_http_date());
        response
    }))
}

/// `None`: the whole. What is no range of bytes, or more than one, is no range.
pub(super) fn range(headers: &HeaderMap, size_bytes: u64) -> Result<Option<Range<u64>>, S3Error> {
    let text = headers.get("range").and_then(|value| value.to_str().ok());
    let Some((first, last)) = text.and_then(|text| text.strip_prefix("bytes=")?.split_once('-')) else {
        return Ok(None);
    };
    let range = match (first.parse::<u64>().ok(), last.parse::<u64>().ok()) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size_bytes),
        (Some(first), None) if last.is_empty() => first..size_bytes,
        (None, Some(count)) if first.is_empty() => size_bytes.saturating_sub(count)..size_bytes,
        _ => return Ok(None),
    };
    if range.start >= range.end {
        let message = format!("the requested range is not within the object's {size_bytes} bytes");
        return Err(S3Error::new("InvalidRange", 416, message));
    }
    Ok(Some(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stay_within_the_object() {
        let check = |text: &'static str, size: u64, expected: Result<Option<Range<u64>>, &str>| {
            let headers: HeaderMap =
                [("range".parse().unwrap(), text.parse().unwrap())].into_iter().collect();
            assert_eq!(range(&headers, size).map_err(|error| error.code), expected, "{text} of {size}");
        };
        check("bytes=0-4", 10, Ok(Some(0..5)));
        check("bytes=5-", 10, Ok(Some(5..10)));
        check("bytes=5-99", 10, Ok(Some(5..10)));
        check("bytes=5-18446744073709551615", 10, Ok(Some(5..10)));
        check("bytes=-3", 10, Ok(Some(7..10)));
        check("bytes=-30", 10, Ok(Some(0..10)));
        check("bytes=10-", 10, Err("InvalidRange"));
        check("bytes=-0", 10, Err("InvalidRange"));
        check("bytes=0-0", 0, Err("InvalidRange"));
        check("bytes=5-4", 10, Ok(None));
        check("bytes=a-b", 10, Ok(None));
        check("bytes=0-1,3-4", 10, Ok(None));
        check("lines=0-4", 10, Ok(None));
    }
}
