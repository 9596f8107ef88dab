//! `Idempotency-Key`: the same key and body give the same answer, and take effect once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts},
};
use mission_core::{CommandId, engine::IdempotencyKey};
use uuid::Uuid;

use super::{Problem, body::Body, caller::Caller};

const HEADER: &str = "idempotency-key";
/// On an answer that was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A request's key with the route at which it is used, if it has one.
pub(super) struct KeyHeader(Option<Named>);

struct Named {
    key: String,
    method: String,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for KeyHeader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(KeyHeader(given(&parts.headers)?.map(|key| Named {
            key,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
        })))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for KeyHeader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        <Self as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map(Some)
    }
}

fn given(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_idempotency_key",
            "`Idempotency-Key` must have 1 to 255 visible ASCII characters",
        )),
    }
}

/// Keys whose first request is still being served by this process.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<HashSet<(Uuid, CommandId)>>>);

/// A key in use; let go when dropped.
pub(super) struct Key {
    pub(super) key: Option<IdempotencyKey>,
    running: Running,
}

impl Running {
    /// Takes a request's key into use.
    ///
    /// # Errors
    /// 409 while another request with the key is being served.
    pub(super) fn begin(&self, header: KeyHeader, caller: &Caller, body: &Body) -> Result<Key, Problem> {
        let Some(named) = header.0 else {
            return Ok(Key {
                key: None,
                running: self.clone(),
            });
        };
        let command = CommandId(Uuid::new_v5(&caller.user.0, named.key.as_bytes()));
        let key = IdempotencyKey {
            caller: caller.user.0,
            command,
            fingerprint: body.fingerprint(&named.method, &named.path),
        };
        if !self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((key.caller, key.command))
        {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "idempotency_in_progress",
                "the first request with this Idempotency-Key is still being served",
            )
            .retry_after(1));
        }
        Ok(Key {
            key: Some(key),
            running: self.clone(),
        })
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut running = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
            running.remove(&(key.caller, key.command));
        }
    }
}

impl Key {
    /// The key of one part of a request that makes several commands.
    pub(super) fn part(&self, number: usize) -> Option<IdempotencyKey> {
        self.key.map(|key| IdempotencyKey {
            command: CommandId(Uuid::new_v5(&key.command.0, &number.to_be_bytes())),
            ..key
        })
    }
}

/// Marks an answer that was given before.
pub(super) fn replayed_header(replayed: bool) -> Option<[(HeaderName, HeaderValue); 1]> {
    replayed.then_some([(REPLAYED, HeaderValue::from_static("true"))])
}
