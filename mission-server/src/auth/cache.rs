//! Tokens that were verified, so that a signature is checked once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::{Caller, claims::VerifiedToken};

/// So many tokens are remembered.
const TOKENS: u64 = 10_000;

/// A bounded memory of tokens by their hash, never by their text. Clones share it.
#[derive(Clone)]
pub(super) struct VerifiedTokens {
    tokens: Cache<[u8; 32], (KeySetVersion, VerifiedToken)>,
    generation: Arc<AtomicU64>,
}

/// The version of the key set that a token was verified with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct KeySetVersion(u64);

impl VerifiedTokens {
    pub(super) fn new() -> Self {
        VerifiedTokens {
            tokens: Cache::new(TOKENS),
            generation: Arc::default(),
        }
    }

    pub(super) fn key(token: &str) -> [u8; 32] {
        Sha256::digest(token.as_bytes()).into()
    }

    /// The generation of keys in force. Take it before a token is verified.
    pub(super) fn generation(&self) -> KeySetVersion {
        KeySetVersion(self.generation.load(Ordering::Acquire))
    }

    /// The caller of a token that was verified by the keys in force and has not expired.
    pub(super) fn get(&self, key: &[u8; 32], now: i64) -> Option<Caller> {
        let (generation, verified) = self.tokens.get(key)?;
        (generation == self.generation() && verified.until > now).then_some(verified.caller)
    }

    pub(super) fn put(&self, key: [u8; 32], generation: KeySetVersion, verified: VerifiedToken) {
        self.tokens.insert(key, (generation, verified));
    }

    /// Forgets every token, because a key may have been withdrawn.
    pub(super) fn forget(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }
}
