//! The secret that a webhook's deliveries are signed with.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use standardwebhooks::Webhook;
use uuid::Uuid;

/// Keys of fewer bytes can be guessed (Standard Webhooks ask for 24 to 64).
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret of a webhook: `whsec_` and 24 to 64 bytes in base64. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// The secret of 32 random bytes.
    #[must_use]
    pub fn of_bytes(bytes: [u8; 32]) -> Self {
        WebhookSecret(format!("whsec_{}", STANDARD.encode(bytes)))
    }

    /// 32 bytes of the operating system's random generator.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        for part in bytes.chunks_mut(16) {
            // Version 4 leaves 122 of 128 bits to chance.
            part.copy_from_slice(&Uuid::new_v4().as_bytes()[..part.len()]);
        }
        WebhookSecret::of_bytes(bytes)
    }

    /// The text, for who is to verify signatures.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What `webhook-signature` says of a body.
    ///
    /// # Errors
    /// When the body is no UTF-8.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> Result<String, String> {
        let webhook = Webhook::new(&self.0).map_err(|error| error.to_string())?;
        webhook.sign(id, seconds, body).map_err(|error| error.to_string())
    }
}

impl TryFrom<String> for WebhookSecret {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let key = text
            .strip_prefix("whsec_")
            .and_then(|key| STANDARD.decode(key).ok());
        if key.is_some_and(|key| KEY_BYTES.contains(&key.len())) {
            Ok(WebhookSecret(text))
        } else {
            Err("must be `whsec_` and 24 to 64 bytes in base64; without one the server makes it".to_owned())
        }
    }
}

impl From<WebhookSecret> for String {
    fn from(secret: WebhookSecret) -> String {
        secret.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(***)")
    }
}
