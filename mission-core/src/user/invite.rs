//! Invite codes: short names of users that they hand to others.

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::UserId;

/// A user's invite code: twelve characters out of `A-Z` and `2-7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InviteCode(String);

impl InviteCode {
    /// The code of a user. Sixty bits of a hash: no id can be read out of it, and two users never share one in
    /// practice; the store's exclusive claim makes sure of it.
    ///
    /// ```
    /// use mission_core::{UserId, user::InviteCode};
    /// let user: UserId = "0190163d-8694-739b-aea5-966c26f8ad91".parse()?;
    /// assert_eq!(InviteCode::of(user).as_str().len(), 12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(user: UserId) -> InviteCode {
        let hash = Sha256::new()
            .chain_update(b"invite\0")
            .chain_update(user.0.as_bytes())
            .finalize();
        let mut code = BASE32_NOPAD.encode(&hash[..8]);
        code.truncate(12);
        InviteCode(code)
    }

    /// The code that somebody typed: case and surrounding blanks do not matter.
    #[must_use]
    pub fn typed(text: &str) -> InviteCode {
        InviteCode(text.trim().to_ascii_uppercase())
    }

    /// Whether a user may have this as their own code by [`InviteCode::of`].
    #[must_use]
    pub fn may_be_generated(&self) -> bool {
        self.0.len() == 12 && self.0.bytes().all(|c| matches!(c, b'A'..=b'Z' | b'2'..=b'7'))
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for InviteCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
