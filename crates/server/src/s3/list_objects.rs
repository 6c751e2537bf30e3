//! ListObjectsV2: the keys of a bucket in their order, folded at a delimiter, page by page.
//! Source: S3 API reference, ListObjectsV2.

use api::sigv4::percent_encode;
use axum::body::Body;
use axum::http::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::object::BucketName;
use store::Tx;
use store::objects::{self, Object};

use super::buckets;
use super::error::S3Error;
use super::request::{Query, Target};
use super::xml::Document;
use crate::ctx::Ctx;

const MOST_KEYS: usize = 1000;

/// What is listed.
pub(super) struct Wanted {
    prefix: String,
    delimiter: String,
    max_keys: usize,
    /// From this key on.
    from: Vec<u8>,
}

/// A line of the list.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Object(Box<Object>),
    /// What all keys have in common that are folded into it.
    Prefix(String),
}

struct Page {
    entries: Vec<Entry>,
    /// Where the next page begins, if there is more.
    next: Option<Vec<u8>>,
}

pub async fn list_objects_v2(ctx: &Ctx, target: &Target) -> Result<Response<Body>, S3Error> {
    let bucket = target.bucket()?;
    let wanted = wanted(&target.query)?;
    let mut tx = ctx.store.read().await?;
    buckets::require(&mut tx, ctx, bucket).await?;
    let page = page(&mut tx, ctx, bucket, &wanted).await?;
    Ok(document(ctx, bucket, &target.query, &wanted, &page).into_response())
}

pub(super) fn wanted(query: &Query) -> Result<Wanted, S3Error> {
    let text = |name: &str| query.get(name).unwrap_or_default().to_owned();
    let max_keys = match query.get("max-keys") {
        None => MOST_KEYS,
        Some(given) => {
            let invalid = || S3Error::invalid_argument(format!("max-keys: `{given}` is no number of keys"));
            given.parse::<usize>().map_err(|_| invalid())?.min(MOST_KEYS)
        }
    };
    if query.get("encoding-type").is_some_and(|kind| kind != "url") {
        return Err(S3Error::invalid_argument("encoding-type: only `url` is known"));
    }
    let prefix = text("prefix");
    let from = match (query.get("continuation-token"), query.get("start-after")) {
        (Some(token), _) => {
            let invalid = |_| S3Error::invalid_argument("the continuation-token is not one of this server");
            URL_SAFE_NO_PAD.decode(token).map_err(invalid)?
        }
        (None, Some(after)) if !after.is_empty() => following(after.as_bytes()),
        _ => Vec::new(),
    };
    let from = from.max(prefix.clone().into_bytes());
    Ok(Wanted { prefix, delimiter: text("delimiter"), max_keys, from })
}

/// The least key after this one.
fn following(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// The least key after all that begin so; none when there is no such key.
fn beyond(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut beyond = prefix[..=kept].to_vec();
    beyond[kept] += 1;
    Some(beyond)
}

/// One statement for each folded prefix whose keys do not end with the rows at hand: at most as many as the page has lines.
async fn page(tx: &mut Tx, ctx: &Ctx, bucket: &BucketName, wanted: &Wanted) -> Result<Page, S3Error> {
    let mut page = Page { entries: Vec::new(), next: None };
    if wanted.max_keys == 0 {
        return Ok(page);
    }
    let until = beyond(wanted.prefix.as_bytes());
    let mut from = wanted.from.clone();
    loop {
        let limit = wanted.max_keys - page.entries.len() + 1;
        let rows = objects::list(
            tx,
            (&ctx.account, bucket),
            &from,
            until.as_deref(),
            i64::try_from(limit).unwrap_or(i64::MAX),
        )
        .await?;
        let is_last = rows.len() < limit;
        let mut skip_below = Vec::new();
        for row in rows {
            let key = row.key.as_str().as_bytes().to_vec();
            if key < skip_below {
                continue;
            }
            if page.entries.len() == wanted.max_keys {
                page.next = Some(key);
                return Ok(page);
            }
            match folded(row.key.as_str(), wanted) {
                None => {
                    from = following(&key);
                    page.entries.push(Entry::Object(Box::new(row)));
                }
                Some(prefix) => {
                    let Some(beyond) = beyond(prefix.as_bytes()) else { return Ok(page) };
                    page.entries.push(Entry::Prefix(prefix));
                    from.clone_from(&beyond);
                    skip_below = beyond;
                }
            }
        }
        if is_last {
            return Ok(page);
        }
    }
}

/// The beginning of a key up to the first delimiter after the prefix.
fn folded(key: &str, wanted: &Wanted) -> Option<String> {
    if wanted.delimiter.is_empty() {
        return None;
    }
    let rest = key.strip_prefix(wanted.prefix.as_str())?;
    let at = rest.find(&wanted.delimiter)?;
    Some(key[..wanted.prefix.len() + at + wanted.delimiter.len()].to_owned())
}

fn document(ctx: &Ctx, bucket: &BucketName, query: &Query, wanted: &Wanted, page: &Page) -> Document {
    let is_encoded = query.has("encoding-type");
    let shown = |text: &str| match is_encoded {
        // Slashes stay, as with AWS.
        true => text.split('/').map(percent_encode).collect::<Vec<_>>().join("/"),
        false => text.to_owned(),
    };
    let mut document = Document::new("ListBucketResult");
    document.element("Name", bucket.as_str()).element("Prefix", shown(&wanted.prefix));
    if !wanted.delimiter.is_empty() {
        document.element("Delimiter", shown(&wanted.delimiter));
    }
    document.element("MaxKeys", wanted.max_keys.to_string());
    document.element("KeyCount", page.entries.len().to_string());
    document.element("IsTruncated", page.next.is_some().to_string());
    for (parameter, name) in [("continuation-token", "ContinuationToken"), ("start-after", "StartAfter")] {
        if let Some(value) = query.get(parameter) {
            document.element(name, if parameter == "start-after" { shown(value) } else { value.to_owned() });
        }
    }
    if is_encoded {
        document.element("EncodingType", "url");
    }
    if let Some(next) = &page.next {
        document.element("NextContinuationToken", URL_SAFE_NO_PAD.encode(next));
    }
    for entry in &page.entries {
        match entry {
            Entry::Prefix(prefix) => document.group("CommonPrefixes", |group| {
                group.element("Prefix", shown(prefix));
            }),
            Entry::Object(object) => document.group("Contents", |group| {
                group.element("Key", shown(object.key.as_str()));
                group.element("LastModified", object.modified_at.to_iso_millis());
                group.element("ETag", format!("\"{}\"", object.etag));
                group.element("Size", object.size_bytes.to_string());
                group.element("StorageClass", "STANDARD");
                if query.get("fetch-owner") == Some("true") {
                    group.group("Owner", |owner| {
                        owner.element("ID", ctx.account.as_str());
                    });
                }
            }),
        };
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_key_is_the_least_that_follows() {
        assert_eq!(beyond(b"a/"), Some(b"a0".to_vec()));
        assert_eq!(beyond(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!((beyond(b""), beyond(b"\xff")), (None, None));
        assert!(following(b"a") > b"a".to_vec() && following(b"a") < b"a\x01".to_vec());
    }

    #[test]
    fn keys_are_folded_after_the_prefix() {
        let wanted = |prefix: &str, delimiter: &str| Wanted {
            prefix: prefix.into(),
            delimiter: delimiter.into(),
            max_keys: 1,
            from: Vec::new(),
        };
        let check = |key: &str, prefix: &str, delimiter: &str, expected: Option<&str>| {
            assert_eq!(folded(key, &wanted(prefix, delimiter)).as_deref(), expected, "{key} {prefix}");
        };
        check("a/b/c", "", "/", Some("a/"));
        check("a/b/c", "a/", "/", Some("a/b/"));
        check("a/b/c", "a", "/", Some("a/"));
        check("a/b", "a/", "/", None);
        check("a/b", "", "", None);
        check("aéébéé", "a", "éé", Some("aéé"));
    }
}
