//! GetCallerIdentity, in the query protocol: who the signature says is calling.
//! Source: STS API reference, GetCallerIdentity.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::http::answer;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Answers a form body `Action=…&Version=…` with XML.
pub fn dispatch(ctx: &Ctx, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    match field(body, "Action").as_deref() {
        Some("GetCallerIdentity") => Ok(get_caller_identity(ctx).into_bytes()),
        Some(other) => Err(error::operation_not_served(&other.chars().take(128).collect::<String>())),
        None => Err(error::validation("the form has no Action")),
    }
}

fn get_caller_identity(ctx: &Ctx) -> String {
    let user_id = match &ctx.caller {
        Caller::User { arn, access_key_id } if !arn.ends_with(":root") => access_key_id.clone(),
        Caller::Node { node, .. } => format!("AROA:{node}"),
        _ => ctx.account.to_string(),
    };
    let (arn, user_id) = (answer::escape_xml(ctx.caller.arn()), answer::escape_xml(&user_id));
    format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult>\
         <Arn>{arn}</Arn><UserId>{user_id}</UserId><Account>{}</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        ctx.account, ctx.request_id
    )
}

/// The query protocol's error body. STS leaves out the suffix that JSON services use.
pub fn error_response(request_id: &str, error: &ApiError) -> Response<Body> {
    let code = match error.code.name {
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "UnknownOperationException" => "InvalidAction",
        "ValidationException" => "ValidationError",
        name => name.strip_suffix("Exception").unwrap_or(name),
    };
    let (kind, status) = if error.code.status >= 500 { ("Receiver", 500) } else { ("Sender", 403) };
    let message = answer::escape_xml(&error.message);
    let body = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{kind}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    );
    answer::xml(StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), request_id, body)
}

/// The first value of a form field, percent-decoded.
fn field(body: &[u8], name: &str) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    body.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| decode(value))
    })
}

fn decode(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = (first == b'%')
            .then(|| tail.get(..2).and_then(|two| std::str::from_utf8(two).ok()))
            .flatten()
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, escaped) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', None) => bytes.push(b' '),
            (byte, None) => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_form_fields() {
        let form = b"Action=GetCallerIdentity&Version=2011-06-15&Name=a%20b+c%2&Empty";
        assert_eq!(field(form, "Action").as_deref(), Some("GetCallerIdentity"));
        assert_eq!(field(form, "Name").as_deref(), Some("a b c%2"));
        assert_eq!(field(form, "Empty").as_deref(), Some(""));
        assert_eq!(field(form, "Other"), None);
        assert_eq!(field(&[0xff, b'='], "x"), None);
    }
}
