//! Links to files that hold for a while, signed with a key of this server.

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Makes and checks links `/files/{id}?expires=<unix seconds>&signature=<base64url>`.
///
/// ```
/// use std::time::Duration;
/// use mission_server::uploads::LinkSigner;
///
/// let links = LinkSigner::new(b"a secret of the server");
/// let now = chrono::DateTime::UNIX_EPOCH;
/// let link = links.link(uuid::Uuid::nil(), now, Duration::from_secs(60));
/// assert!(link.starts_with("/files/00000000-0000-0000-0000-000000000000?expires=60&signature="));
/// ```
pub struct LinkSigner {
    key: SecretBox<[u8; 32]>,
}

/// Why a link is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLink {
    /// It was not made by this server, or was changed.
    #[error("the link's signature does not fit")]
    Signature,
    /// Its time is over.
    #[error("the link has expired; ask for a new one")]
    Expired,
}

impl fmt::Debug for LinkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Links")
    }
}

/// What the key is derived for, so that no other use of the secret can make links.
const PURPOSE: &[u8] = b"mission-server: links to files, version 1";

impl LinkSigner {
    /// Signs with a key that is derived from a secret, which all servers of one deployment share.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let key = mac(&Sha256::digest(secret).into(), &[PURPOSE])
            .finalize()
            .into_bytes();
        LinkSigner {
            key: SecretBox::new(Box::new(key.into())),
        }
    }

    /// A link that holds until `ttl` from `now` on, to the second; relative to this server.
    #[must_use]
    pub fn link(&self, id: Uuid, now: DateTime<Utc>, ttl: Duration) -> String {
        let ttl = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let expires = now.timestamp().saturating_add(ttl);
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.mac(id, expires).finalize().into_bytes());
        format!("/files/{id}?expires={expires}&signature={signature}")
    }

    /// Checks the query of a link; answers how long it still holds.
    ///
    /// # Errors
    /// Where the link is refused. The signature is compared in constant time, and before the time is looked at.
    pub fn check(&self, id: Uuid, query: &str, now: DateTime<Utc>) -> Result<Duration, InvalidLink> {
        let field = |name| {
            let mut fields = form_urlencoded::parse(query.as_bytes());
            fields.find(|(field, _)| field == name).map(|(_, value)| value)
        };
        let expires = field("expires").and_then(|text| text.parse::<i64>().ok());
        let signature =
            field("signature").and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text.as_bytes()).ok());
        let (Some(expires), Some(signature)) = (expires, signature) else {
            return Err(InvalidLink::Signature);
        };
        self.mac(id, expires)
            .verify_slice(&signature)
            .map_err(|_| InvalidLink::Signature)?;
        match u64::try_from(expires.saturating_sub(now.timestamp())) {
            Ok(left) if left > 0 => Ok(Duration::from_secs(left)),
            _ => Err(InvalidLink::Expired),
        }
    }

    fn mac(&self, id: Uuid, expires: i64) -> Hmac<Sha256> {
        mac(self.key.expose_secret(), &[id.as_bytes(), &expires.to_be_bytes()])
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC fills a key up with zeros to its block.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac
}
