//! Answers that depend on the catalog alone, kept as bytes until it changes.

use std::sync::Arc;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use mission_core::engine::Catalog;
use moka::sync::Cache;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Problem;

/// Bytes that are kept at most.
const CAPACITY: u64 = 16 << 20;

/// A reader may keep the answer, and has to ask whether it still holds.
const REVALIDATE: (HeaderName, HeaderValue) = (
    header::CACHE_CONTROL,
    HeaderValue::from_static("private, no-cache"),
);
const BY_LANGUAGE: (HeaderName, HeaderValue) = (header::VARY, HeaderValue::from_static("accept-language"));

/// What was asked: the path with its query, and the languages that the reader wants.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    path_and_query: String,
    languages: String,
}

#[derive(Clone)]
struct Rendered {
    /// What it was rendered of.
    catalog: Arc<Catalog>,
    etag: HeaderValue,
    body: Bytes,
}

/// Rendered answers, as users see them.
pub(super) struct RenderedCache {
    answers: Cache<Key, Rendered>,
}

impl Default for RenderedCache {
    fn default() -> Self {
        let weight = |key: &Key, rendered: &Rendered| {
            let bytes = key.path_and_query.len() + key.languages.len() + rendered.body.len();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        RenderedCache {
            answers: Cache::builder().max_capacity(CAPACITY).weigher(weight).build(),
        }
    }
}

impl RenderedCache {
    /// The answer to a request, rendered now where it was not since the catalog changed; 304 where the reader has it
    /// already. What is rendered is a value and, where it has one, its own `ETag`.
    ///
    /// # Errors
    /// What rendering says.
    pub(super) fn respond<T: Serialize>(
        &self,
        catalog: &Arc<Catalog>,
        uri: &Uri,
        headers: &HeaderMap,
        render: impl FnOnce() -> Result<(T, Option<HeaderValue>), Problem>,
    ) -> Result<Response, Problem> {
        let languages = headers.get(header::ACCEPT_LANGUAGE);
        let key = Key {
            path_and_query: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            languages: languages
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
        };
        let kept = self.answers.get(&key);
        let rendered = match kept.filter(|kept| Arc::ptr_eq(&kept.catalog, catalog)) {
            Some(rendered) => rendered,
            None => {
                let (value, etag) = render()?;
                let rendered = Rendered::of(&value, etag, Arc::clone(catalog))?;
                self.answers.insert(key, rendered.clone());
                rendered
            }
        };
        Ok(rendered.respond(headers))
    }
}

impl Rendered {
    fn of<T: Serialize>(
        value: &T,
        etag: Option<HeaderValue>,
        catalog: Arc<Catalog>,
    ) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(|error| {
            tracing::error!(%error, "an answer cannot be written as JSON");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "something went wrong here",
            )
        })?;
        let etag = etag.unwrap_or_else(|| etag_of(&body));
        Ok(Rendered {
            catalog,
            etag,
            body: body.into(),
        })
    }

    fn respond(self, headers: &HeaderMap) -> Response {
        let about = [(header::ETAG, self.etag.clone()), REVALIDATE, BY_LANGUAGE];
        if is_held(headers, &self.etag) {
            return (StatusCode::NOT_MODIFIED, about).into_response();
        }
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (about, json, self.body).into_response()
    }
}

/// The `ETag` of a body.
pub(super) fn etag_of(body: &[u8]) -> HeaderValue {
    let hash = HEXLOWER.encode(&Sha256::digest(body)[..8]);
    // Weak: it may be sent compressed.
    HeaderValue::from_str(&format!("W/\"{hash}\"")).unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// Whether `If-None-Match` names an `ETag`, by the weak comparison of RFC 9110.
pub(super) fn is_held(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(etag) = etag.to_str().map(opaque) else {
        return false;
    };
    let held = headers.get_all(header::IF_NONE_MATCH).iter();
    held.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || opaque(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        let etag = HeaderValue::from_static("W/\"1a\"");
        let held = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            is_held(&headers, &etag)
        };
        for value in ["W/\"1a\"", "\"1a\"", "\"0\", W/\"1a\"", "*"] {
            assert!(held(value), "{value}");
        }
        for value in ["\"1b\"", "1a", ""] {
            assert!(!held(value), "{value}");
        }
        assert!(!is_held(&HeaderMap::new(), &etag));
    }
}
