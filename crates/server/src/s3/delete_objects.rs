//! DeleteObject and DeleteObjects. What is not there is deleted already.
//! Source: S3 API reference, DeleteObject, DeleteObjects.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use domain::object::{BucketName, ObjectKey};
use store::objects;

use super::error::S3Error;
use super::request::Target;
use super::xml::{self, Document};
use super::{answer, buckets, retry};
use crate::ctx::Ctx;
use crate::objects::leave;

const MOST_KEYS: usize = 1000;

pub async fn delete_object(ctx: &Ctx, target: &Target) -> Result<Response<Body>, S3Error> {
    delete(ctx, target.bucket()?, std::slice::from_ref(target.key()?)).await?;
    Ok(answer(StatusCode::NO_CONTENT))
}

pub async fn delete_objects(ctx: &Ctx, target: &Target, body: &[u8]) -> Result<Response<Body>, S3Error> {
    let request = xml::read(body, "Delete")?;
    let mut named = Vec::new();
    for object in request.all("Object") {
        let key = object.text_of("Key").ok_or_else(|| S3Error::malformed_xml("an Object has no Key"))?;
        named.push((key.to_owned(), key.parse::<ObjectKey>()));
    }
    if named.is_empty() || named.len() > MOST_KEYS {
        return Err(S3Error::malformed_xml(format!("1 to {MOST_KEYS} objects can be deleted at a time")));
    }
    let keys: Vec<ObjectKey> = named.iter().filter_map(|(_, key)| key.clone().ok()).collect();
    delete(ctx, target.bucket()?, &keys).await?;
    let is_quiet = request.text_of("Quiet") == Some("true");
    let mut document = Document::new("DeleteResult");
    for (text, key) in named {
        match key {
            Ok(_) if is_quiet => {}
            Ok(_) => drop(document.group("Deleted", |group| {
                group.element("Key", &text);
            })),
            Err(invalid) => drop(document.group("Error", |group| {
                let error = S3Error::from(invalid);
                group.element("Key", &text).element("Code", error.code).element("Message", &error.message);
            })),
        }
    }
    Ok(document.into_response())
}

async fn delete(ctx: &Ctx, bucket: &BucketName, keys: &[ObjectKey]) -> Result<(), S3Error> {
    retry(ctx, || async {
        let mut tx = ctx.store.write().await?;
        buckets::require(&mut tx, ctx, bucket).await?;
        let contents = objects::delete_many(&mut tx, (&ctx.account, bucket), keys).await?;
        leave(&mut tx, &contents, ctx.now).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}
