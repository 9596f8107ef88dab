//! Signatures of callbacks, as Standard Webhooks have them.

use std::{fmt, sync::Arc};

use axum::http::HeaderMap;
use standardwebhooks::{HEADER_WEBHOOK_TIMESTAMP, Webhook};

/// Keys of fewer bytes can be guessed (Standard Webhooks ask for 24 to 64).
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A callback that is not believed, or says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// No callback is believed, for there is no key.
    #[error("no callback is taken: MISSION_MODERATION_SECRET is not set")]
    NoKey,
    /// It is not signed by this key, or not within the last five minutes.
    #[error("the signature is not good: {0}")]
    Signature(String),
    /// It is signed, and no verdict.
    #[error("the body is no verdict: {0}")]
    Unreadable(String),
}

/// A key that callbacks are signed with. `Debug` does not show it.
#[derive(Clone)]
pub struct CallbackKey(Arc<Webhook>);

impl fmt::Debug for CallbackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackKey(***)")
    }
}

impl CallbackKey {
    /// The key of a text `whsec_` + base64, of 24 to 64 bytes.
    ///
    /// # Errors
    /// What is wrong with the text, without it.
    pub fn parse(text: &str) -> Result<Self, String> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let help = "must be `whsec_` and 24 to 64 bytes in base64; `echo whsec_$(openssl rand -base64 32)` makes one";
        let key = text
            .strip_prefix("whsec_")
            .and_then(|key| STANDARD.decode(key).ok())
            .filter(|key| KEY_BYTES.contains(&key.len()))
            .ok_or(help)?;
        let webhook = Webhook::from_bytes(key).map_err(|_| help)?;
        Ok(CallbackKey(Arc::new(webhook)))
    }

    /// Verifies headers `webhook-id`, `webhook-timestamp` and `webhook-signature` of a body, in constant time.
    ///
    /// # Errors
    /// When the signature is missing or not by this key, or the timestamp is more than five minutes away from now.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), CallbackError> {
        let refused = |reason: &str| Err(CallbackError::Signature(reason.to_owned()));
        // The crate subtracts timestamps without looking for an overflow.
        let seconds = headers
            .get(HEADER_WEBHOOK_TIMESTAMP)
            .and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        if seconds.is_none() {
            return refused("`webhook-timestamp` is missing or no time in seconds");
        }
        match self.0.verify(body, headers) {
            Ok(()) => Ok(()),
            Err(error) => refused(&error.to_string()),
        }
    }

    /// What `webhook-signature` says of a body, for tests and for whoever signs callbacks.
    ///
    /// # Errors
    /// When the body is no UTF-8.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> Result<String, CallbackError> {
        let signed = self.0.sign(id, seconds, body);
        signed.map_err(|error| CallbackError::Signature(error.to_string()))
    }
}
