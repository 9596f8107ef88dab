//! Query strings: unknown and malformed parameters are refused, and named.

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Problem,
    body::{NO_NUL, of_time},
};

/// For operations without parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoQuery {}

/// The query string as a struct.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = || form_urlencoded::parse(query.as_bytes());
        if let Some((name, _)) = pairs().find(|(_, value)| value.contains('\0')) {
            return Err(Problem::invalid_query(&name, NO_NUL));
        }
        serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs()))
            .map(Query)
            .map_err(|error| {
                let name = error.path().to_string();
                let sent = pairs().find(|(sent, _)| *sent == name);
                let sent = sent.map(|(_, value)| value).unwrap_or_default();
                Problem::invalid_query(&name, of_time(&error.inner().to_string(), &sent))
            })
    }
}
