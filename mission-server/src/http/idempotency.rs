//! `Idempotency-Key`: the same key and body give the same answer, and take effect once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, request::Parts};
use mission_core::{CommandId, engine::IdempotencyKey};
use uuid::Uuid;

use super::{Problem, body::Body, caller::Caller};

const HEADER: &str = "idempotency-key";
/// On an answer that was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A request's key, with the route at which it is used.
pub(super) struct KeyHeader {
    key: String,
    method: Method,
    uri: Uri,
}

impl KeyHeader {
    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// 422 where it is none that can be taken.
    pub(super) fn of(parts: &Parts) -> Result<Option<KeyHeader>, Problem> {
        Ok(given(&parts.headers)?.map(|key| KeyHeader {
            key,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
        }))
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
    pub(super) fn begin(
        &self,
        header: Option<&KeyHeader>,
        caller: &Caller,
        body: &Body,
    ) -> Result<Key, Problem> {
        let Some(named) = header else {
            return Ok(Key {
                key: None,
                running: self.clone(),
            });
        };
        let command = CommandId(Uuid::new_v5(&caller.user.0, named.key.as_bytes()));
        let key = IdempotencyKey {
            caller: caller.user.0,
            command,
            fingerprint: body.fingerprint(&named.method, &named.uri)?,
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
