//! One request on the wire, and its answer.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use mission_core::ports::storage::NewFile;
use reqwest::{
    Client, RequestBuilder, Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    multipart::{Form, Part},
};
use url::Url;

use super::{Call, CallError, RetryPolicy, call::Body};
use crate::http::correlation::{self, HttpHeaders};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The request of a call.
pub(super) fn request(http: &Client, base: &Url, call: &Call) -> Result<RequestBuilder, CallError> {
    let mut url = base.clone();
    // It has a host, so that it has segments too.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(&call.path);
    }
    if !call.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&call.query);
    }
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, JSON);
    if let Ok(id) = HeaderValue::from_str(&call.origin.correlation_id) {
        headers.insert(correlation::HEADER, id);
    }
    correlation::follow(&call.origin.trace, &mut HttpHeaders(&mut headers));
    if let RetryPolicy::Keyed(key) = &call.repeat
        && let Ok(key) = HeaderValue::from_str(key)
    {
        headers.insert("idempotency-key", key);
    }
    let request = http.request(call.method.clone(), url);
    Ok(match &call.body {
        Some(Body::Json(body)) => {
            headers.insert(CONTENT_TYPE, JSON);
            request.headers(headers).body(body.clone())
        }
        Some(Body::Form(file)) => request.headers(headers).multipart(form(file)?),
        None => request.headers(headers),
    })
}

/// The form of a file, streamed from its beginning.
fn form(file: &NewFile) -> Result<Form, CallError> {
    let content = file
        .content
        .open()
        .map_err(|error| CallError::File(error.to_string()))?;
    let content = reqwest::Body::wrap_stream(content);
    let part = Part::stream_with_length(content, file.content.size_bytes())
        .file_name(file.file_name.clone())
        .mime_str(&file.content_type)?;
    Ok(Form::new().part("file", part))
}

/// Sends a request; gives the body of a success, which has at most so many bytes.
pub(super) async fn send(request: RequestBuilder, most: usize) -> Result<Bytes, CallError> {
    let response = request.send().await?;
    let status = response.status();
    if !status.is_success() {
        return Err(CallError::Status {
            status: status.as_u16(),
            retry_after: retry_after(&response),
        });
    }
    if response
        .content_length()
        .is_some_and(|length| length > most as u64)
    {
        return Err(CallError::TooLarge(most));
    }
    let body = reqwest::Body::from(response);
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(CallError::TooLarge(most)),
        Err(error) => Err(match error.downcast::<reqwest::Error>() {
            Ok(error) => CallError::from(*error),
            Err(other) => CallError::Cut(other.to_string()),
        }),
    }
}

/// The pause that the service asks for, in whole seconds.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
