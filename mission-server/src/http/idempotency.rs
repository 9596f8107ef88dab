//! `Idempotency-Key`: the same key and body give the same answer, and take effect once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use mission_core::{
    CommandId,
    engine::{IdempotencyKey, ReceiptKey, Rejection},
    ports::store::{RECEIPT_LIFETIME, StoreError},
};
use uuid::Uuid;

use super::{AppState, Problem, body::Body};
use crate::auth::Caller;

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
        Ok(header_value(&parts.headers)?.map(|key| KeyHeader {
            key,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
        }))
    }
}

impl KeyHeader {
    /// The key with what it is used for.
    fn idempotency_key(&self, caller: &Caller, body: &Body) -> Result<IdempotencyKey, Problem> {
        Ok(IdempotencyKey {
            caller: caller.user.0,
            command: CommandId(Uuid::new_v5(&caller.user.0, self.key.as_bytes())),
            fingerprint: body.fingerprint(&self.method, &self.uri)?,
        })
    }

    /// Tells [`layer`] what the key is used for.
    pub(super) fn report_use(&self, parts: &Parts, caller: &Caller, body: &Body) {
        if let (Some(used), Ok(key)) = (
            parts.extensions.get::<KeyUse>(),
            self.idempotency_key(caller, body),
        ) {
            // Of one request there is one use.
            let _ = used.0.set(key);
        }
    }
}

fn header_value(headers: &HeaderMap) -> Result<Option<String>, Problem> {
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

/// The use of a request's idempotency key, as seen by the response layer.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyUse(Arc<OnceLock<IdempotencyKey>>);

/// Answers a request that was refused for its form under a key that was used for another one: that is the fault to
/// tell of. Only such requests cost a look at the receipts.
pub(super) async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    let used = KeyUse::default();
    request.extensions_mut().insert(used.clone());
    let response = next.run(request).await;
    let malformed = [
        StatusCode::UNPROCESSABLE_ENTITY,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
    ];
    if !malformed.contains(&response.status()) || response.headers().contains_key(REPLAYED) {
        return response;
    }
    let Some(key) = used.0.get() else {
        return response;
    };
    match was_used_otherwise(&state, key).await {
        Ok(true) => Problem::from(Rejection::IdempotencyKeyReused).into_response(),
        // What the request is refused for stands, whatever the key was used for.
        Ok(false) | Err(_) => response,
    }
}

/// Whether a key, or its first part, was used for another request within its life.
async fn was_used_otherwise(state: &AppState, key: &IdempotencyKey) -> Result<bool, StoreError> {
    let now = state.engine.now();
    for command in [key.command, part_of(key.command, 0)] {
        let receipt = ReceiptKey {
            caller: key.caller,
            command,
        };
        let receipt = state.queries.receipt(receipt).await?;
        let receipt = receipt.filter(|receipt| now - receipt.at < RECEIPT_LIFETIME);
        if let Some(receipt) = receipt {
            return Ok(receipt.fingerprint != key.fingerprint);
        }
    }
    Ok(false)
}

/// The key of one part of a request that makes several commands.
fn part_of(command: CommandId, number: usize) -> CommandId {
    CommandId(Uuid::new_v5(&command.0, &number.to_be_bytes()))
}

/// The keys whose first request is still being served by this process.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlightKeys(Arc<Mutex<HashSet<(Uuid, CommandId)>>>);

/// A key in use; let go when dropped.
pub(super) struct Key {
    pub(super) key: Option<IdempotencyKey>,
    running: InFlightKeys,
}

impl InFlightKeys {
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
        let key = named.idempotency_key(caller, body)?;
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
            command: part_of(key.command, number),
            ..key
        })
    }
}

/// Marks an answer that was given before.
pub(super) fn replayed_header(replayed: bool) -> Option<[(HeaderName, HeaderValue); 1]> {
    replayed.then_some([(REPLAYED, HeaderValue::from_static("true"))])
}
