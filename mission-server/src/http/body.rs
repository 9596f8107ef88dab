//! JSON bodies: read only after it is clear who asks and for what, and refused with the place of each fault.

use axum::{
    body::{Bytes, HttpBody, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, Method, StatusCode, Uri, header},
};
use chrono::{DateTime, FixedOffset, NaiveDate};
use http_body_util::LengthLimitError;
use mission_core::engine::Fingerprint;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{AppState, Problem};

/// A received request body, not yet parsed.
pub(super) struct Body {
    received: Result<Bytes, Problem>,
    media_type: Option<String>,
}

impl Body {
    /// Receives the body of a request. What goes wrong with that is told when the body is judged.
    pub(super) async fn receive(headers: &HeaderMap, body: axum::body::Body, limit: usize) -> Body {
        let received = if body.is_end_stream() {
            Ok(Bytes::new())
        } else {
            to_bytes(body, limit).await.map_err(not_received)
        };
        Body {
            received,
            media_type: media_type(headers),
        }
    }
}

impl Body {
    /// What stands for a body that was taken as a stream: the hash of what it held.
    pub(super) fn of_hash(sha256: [u8; 32]) -> Body {
        Body {
            received: Ok(Bytes::copy_from_slice(&sha256)),
            media_type: None,
        }
    }
}

/// The bytes that a route takes where they are more than any other's; put on it as an extension.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimit(pub(super) usize);

impl BodyLimit {
    pub(super) fn of(extensions: &axum::http::Extensions, general: usize) -> usize {
        extensions
            .get()
            .map_or(general, |BodyLimit(own)| general.max(*own))
    }
}

impl FromRequest<AppState> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        Ok(Body::receive(&parts.headers, body, state.settings.body_limit).await)
    }
}

fn not_received(error: axum::Error) -> Problem {
    if error.into_inner().is::<LengthLimitError>() {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            "the body is too large",
        )
    } else {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "incomplete_body",
            "the body could not be received",
        )
    }
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or("?");
    Some(
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
    )
}

impl Body {
    /// What a caller's key is used for: this body, at this route.
    pub(super) fn fingerprint(&self, method: &Method, uri: &Uri) -> Result<Fingerprint, Problem> {
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        let route = [method.as_str(), path, query].map(str::as_bytes);
        Ok(Fingerprint::of(route.into_iter().chain([self.bytes()?])))
    }

    /// What was received.
    pub(super) fn bytes(&self) -> Result<&[u8], Problem> {
        self.received.as_deref().map_err(Problem::clone)
    }

    /// No store that we keep texts in takes U+0000 in them. In JSON it can only be written as an escape.
    fn check_texts(&self) -> Result<(), Problem> {
        let bytes = self.bytes()?;
        if !bytes.windows(NUL.len()).any(|part| part == NUL) {
            return Ok(());
        }
        let found = serde_json::from_slice(bytes).ok();
        match found.and_then(|body: Value| with_nul(&body)) {
            Some(pointer) => Err(Problem::invalid_field(pointer, NO_NUL)),
            None => Ok(()),
        }
    }

    /// What was sent at a JSON pointer, where the body is JSON at all.
    fn sent_at(&self, pointer: &str) -> Option<Value> {
        let mut body: Value = serde_json::from_slice(self.bytes().ok()?).ok()?;
        body.pointer_mut(pointer).map(Value::take)
    }

    fn is_blank(&self) -> Result<bool, Problem> {
        self.bytes().map(|bytes| bytes.trim_ascii().is_empty())
    }

    /// Reads the body as JSON.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.read_as(&["application/json"])
    }

    /// Reads the body as JSON under one of these media types.
    pub(super) fn read_as<T: DeserializeOwned>(&self, media_types: &[&str]) -> Result<T, Problem> {
        self.check_media_type(media_types)?;
        let mut json = serde_json::Deserializer::from_slice(self.bytes()?);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let pointer = pointer(error.path());
            let sent = self.sent_at(&pointer);
            let message = validate_text(error.inner(), sent.as_ref());
            Problem::invalid_field(pointer, message)
        })?;
        json.end()
            .map_err(|error| Problem::invalid_field("", error.to_string()))?;
        self.check_texts()?;
        Ok(value)
    }

    /// Reads the body as JSON, whatever JSON it says to be (`application/json`, `…+json`, or nothing); `None` where
    /// there is none.
    pub(super) fn read_json_of_any_type(&self) -> Result<Option<Value>, Problem> {
        if self.is_blank()? {
            return Ok(None);
        }
        let given = self.media_type.as_deref().unwrap_or("application/json");
        if !given.ends_with("/json") && !given.ends_with("+json") {
            return self.check_media_type(&["application/json"]).map(|()| None);
        }
        self.read_as(&[given]).map(Some)
    }

    /// Reads the body as JSON; none, or `null`, is the default.
    pub(super) fn read_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.is_blank()? {
            Ok(T::default())
        } else {
            Ok(self.read::<Option<T>>()?.unwrap_or_default())
        }
    }

    /// For operations without a body: none, or an empty object.
    pub(super) fn expect_none(&self) -> Result<(), Problem> {
        if self.is_blank()? {
            return Ok(());
        }
        let fields: serde_json::Map<String, Value> = self.read()?;
        match fields.keys().next() {
            None => Ok(()),
            Some(field) => Err(Problem::invalid_field(
                format!("/{}", escape(field)),
                "this operation takes no fields",
            )),
        }
    }

    fn check_media_type(&self, allowed: &[&str]) -> Result<(), Problem> {
        match self.media_type.as_deref() {
            None => Ok(()),
            Some(given) if allowed.contains(&given) => Ok(()),
            Some(given) => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                format!("send {}, not `{given}`", allowed.join(" or ")),
            )),
        }
    }
}

const NUL: &[u8] = b"\\u0000";

/// What is said of a text with U+0000.
pub(crate) const NO_NUL: &str = "must not contain U+0000; leave the character out";

/// Where the first text or name with U+0000 is.
pub(crate) fn with_nul(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(n, item)| with_nul(item).map(|below| format!("/{n}{below}"))),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            if name.contains('\0') {
                return Some(String::new());
            }
            with_nul(field).map(|below| format!("/{}{below}", escape(name)))
        }),
        _ => None,
    }
}

/// Why a field was refused. Where the JSON itself is sound, the pointer says better than line and column where it is.
pub(crate) fn validate_text(error: &serde_json::Error, sent: Option<&Value>) -> String {
    let full = error.to_string();
    if !error.is_data() {
        return full;
    }
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = full.strip_suffix(&place).unwrap_or(&full);
    of_time(message, sent.and_then(Value::as_str).unwrap_or_default())
}

/// The message, or a better one where a text was read as a time or date that it is not.
pub(super) fn of_time(message: &str, text: &str) -> String {
    let is_error_of =
        |error: Option<chrono::ParseError>| error.is_some_and(|error| error.to_string() == message);
    if is_error_of(text.parse::<DateTime<FixedOffset>>().err()) {
        format!("`{text}` is no time: write date, time and offset, such as `2026-01-05T10:00:00Z`")
    } else if is_error_of(text.parse::<NaiveDate>().err()) {
        format!("`{text}` is no date: write `YYYY-MM-DD`, such as `2026-01-05`")
    } else {
        message.to_owned()
    }
}

/// A JSON pointer (RFC 6901) to where reading stopped.
pub(crate) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
            Segment::Enum { variant } => pointer.push_str(&format!("/{}", escape(variant))),
            Segment::Unknown => {}
        }
    }
    pointer
}

pub(super) fn escape(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}
