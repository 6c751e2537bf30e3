//! How results and refusals are written.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::error::ApiError;

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
const REST_JSON: HeaderValue = HeaderValue::from_static("application/json");
const XML: HeaderValue = HeaderValue::from_static("text/xml");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

pub fn json(request_id: &str, body: Vec<u8>) -> Response<Body> {
    write(StatusCode::OK, JSON, request_id, body)
}

/// Of services whose operations have routes.
pub fn rest_json(request_id: &str, body: Vec<u8>) -> Response<Body> {
    write(StatusCode::OK, REST_JSON, request_id, body)
}

pub fn rest_json_error(request_id: &str, error: &ApiError) -> Response<Body> {
    let mut response = json_error(request_id, error);
    response.headers_mut().insert(header::CONTENT_TYPE, REST_JSON);
    response
}

pub fn xml(status: StatusCode, request_id: &str, body: String) -> Response<Body> {
    write(status, XML, request_id, body.into_bytes())
}

pub fn json_error(request_id: &str, error: &ApiError) -> Response<Body> {
    let status = StatusCode::from_u16(error.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = write(status, JSON, request_id, error.to_json());
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(error.code.name));
    response
}

fn write(status: StatusCode, kind: HeaderValue, request_id: &str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// Text inside an XML element.
pub fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
