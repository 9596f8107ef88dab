//! The secret that a webhook's deliveries are signed with.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use standardwebhooks::Webhook;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Keys of fewer bytes can be guessed (Standard Webhooks ask for 24 to 64).
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret of a webhook: `whsec_` and 24 to 64 bytes in base64. `Debug` does not show it, and its memory is
/// overwritten when it is dropped.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "SecretString", into = "String")]
pub struct WebhookSecret(SecretString);

/// In a time that does not tell where two secrets differ.
impl PartialEq for WebhookSecret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for WebhookSecret {}

impl WebhookSecret {
    /// The secret of 32 random bytes.
    #[must_use]
    pub fn of_bytes(bytes: [u8; 32]) -> Self {
        WebhookSecret(format!("whsec_{}", STANDARD.encode(bytes)).into())
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
        self.0.expose_secret()
    }

    /// What `webhook-signature` says of a body.
    ///
    /// # Errors
    /// When the body is no UTF-8.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> Result<String, String> {
        let webhook = Webhook::new(self.expose()).map_err(|error| error.to_string())?;
        webhook.sign(id, seconds, body).map_err(|error| error.to_string())
    }
}

impl TryFrom<SecretString> for WebhookSecret {
    type Error = String;
    fn try_from(text: SecretString) -> Result<Self, String> {
        let key = text
            .expose_secret()
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
        secret.expose().to_owned()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_whole_and_shown_to_nobody() {
        let secret = WebhookSecret::of_bytes([7; 32]);
        let written = serde_json::to_string(&secret).unwrap();
        assert_eq!(written, format!("{:?}", secret.expose()));
        let read: WebhookSecret = serde_json::from_str(&written).unwrap();
        assert!(read == secret && read != WebhookSecret::of_bytes([8; 32]));
        assert_ne!(WebhookSecret::random(), WebhookSecret::random());
        for refused in [
            "",
            "whsec_",
            "whsec_aHVudGVyMg==",
            "aHVudGVyaHVudGVyaHVudGVyaHVudGVy",
        ] {
            let error = WebhookSecret::try_from(SecretString::from(refused)).unwrap_err();
            assert!(
                refused.is_empty() || !error.contains(refused) || refused == "whsec_",
                "{error}"
            );
        }
        assert_eq!(format!("{secret:?}"), "WebhookSecret(***)");
    }
}
