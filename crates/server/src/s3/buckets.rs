//! ListBuckets, CreateBucket, HeadBucket, GetBucketLocation, DeleteBucket.
//! Source: S3 API reference.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use domain::ids::Region;
use domain::object::BucketName;
use store::Tx;
use store::objects::buckets::{self, Bucket};
use store::objects::{self, uploads};

use super::error::S3Error;
use super::request::Target;
use super::xml::{self, Document};
use super::{answer, header, retry};
use crate::ctx::Ctx;
use crate::objects::leave;

/// The region that answers as if it were none.
const UNNAMED_REGION: &str = "us-east-1";
/// More than anyone keeps; a list that was cut would look whole.
const MOST_BUCKETS: i64 = 10_000;

/// The bucket a request is about, which must be there.
pub async fn require(tx: &mut Tx, ctx: &Ctx, name: &BucketName) -> Result<Bucket, S3Error> {
    let found = buckets::find(tx, &ctx.account, name).await?;
    found.ok_or_else(|| S3Error::no_such_bucket(name))
}

pub async fn list_buckets(ctx: &Ctx) -> Result<Response<Body>, S3Error> {
    let mut tx = ctx.store.read_each().await?;
    let found = buckets::list(&mut tx, &ctx.account, "", MOST_BUCKETS).await?;
    let mut document = Document::new("ListAllMyBucketsResult");
    document.group("Owner", |owner| {
        owner.element("ID", ctx.account.as_str());
    });
    document.group("Buckets", |list| {
        for bucket in &found {
            list.group("Bucket", |one| {
                one.element("Name", bucket.name.as_str());
                one.element("CreationDate", bucket.created_at.to_iso_millis());
                one.element("BucketRegion", bucket.region.as_str());
            });
        }
    });
    Ok(document.into_response())
}

pub async fn create_bucket(ctx: &Ctx, target: &Target, body: &[u8]) -> Result<Response<Body>, S3Error> {
    let name = target.bucket()?;
    let region = match location(body)? {
        Some(region) => region,
        None => ctx.region.clone(),
    };
    let bucket = Bucket { name: name.clone(), region, created_at: ctx.now };
    let is_new = retry(ctx, || async {
        let mut tx = ctx.store.write().await?;
        let is_new = buckets::insert(&mut tx, &ctx.account, &bucket).await?;
        tx.commit().await?;
        Ok(is_new)
    })
    .await?;
    if !is_new {
        let message = format!("the bucket {name} exists already and is yours");
        return Err(S3Error::new("BucketAlreadyOwnedByYou", 409, message));
    }
    let mut response = answer(StatusCode::OK);
    header(&mut response, "location", &format!("/{name}"));
    Ok(response)
}

fn location(body: &[u8]) -> Result<Option<Region>, S3Error> {
    if body.is_empty() {
        return Ok(None);
    }
    let configuration = xml::read(body, "CreateBucketConfiguration")?;
    let Some(named) = configuration.text_of("LocationConstraint").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let invalid = |_| {
        let message = format!("`{named}` is not the name of a region");
        S3Error::new("InvalidLocationConstraint", 400, message)
    };
    named.parse().map(Some).map_err(invalid)
}

pub async fn head_bucket(ctx: &Ctx, target: &Target) -> Result<Response<Body>, S3Error> {
    let mut tx = ctx.store.read_each().await?;
    let bucket = require(&mut tx, ctx, target.bucket()?).await?;
    let mut response = answer(StatusCode::OK);
    header(&mut response, "x-amz-bucket-region", bucket.region.as_str());
    Ok(response)
}

pub async fn get_bucket_location(ctx: &Ctx, target: &Target) -> Result<Response<Body>, S3Error> {
    let mut tx = ctx.store.read_each().await?;
    let bucket = require(&mut tx, ctx, target.bucket()?).await?;
    let mut document = Document::new("LocationConstraint");
    if bucket.region.as_str() != UNNAMED_REGION {
        document.text(bucket.region.as_str());
    }
    Ok(document.into_response())
}

/// An empty one. What was being uploaded to it is given up.
pub async fn delete_bucket(ctx: &Ctx, target: &Target) -> Result<Response<Body>, S3Error> {
    let name = target.bucket()?;
    retry(ctx, || async {
        let mut tx = ctx.store.write().await?;
        require(&mut tx, ctx, name).await?;
        if !objects::list(&mut tx, (&ctx.account, name), b"", None, 1).await?.is_empty() {
            let message = format!("the bucket {name} is not empty: delete its objects first");
            return Err(S3Error::new("BucketNotEmpty", 409, message));
        }
        // A few, if any: what clients left behind.
        for upload_id in uploads::list_ids(&mut tx, &ctx.account, name).await? {
            let upload = (&ctx.account, upload_id.as_str());
            let parts = uploads::list_parts(&mut tx, upload).await?;
            let contents: Vec<_> = parts.into_iter().map(|part| part.content).collect();
            leave(&mut tx, &contents, ctx.now).await?;
            uploads::delete(&mut tx, upload).await?;
        }
        buckets::delete(&mut tx, &ctx.account, name).await?;
        tx.commit().await?;
        Ok(())
    })
    .await?;
    Ok(answer(StatusCode::NO_CONTENT))
}
