//! The secret under which a log is masked.

use std::{fs, path::Path};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::failure::Failure;

/// The shortest key in a file, in bytes.
const SHORTEST: usize = 16;

/// The secret. Who has it can find out whose a pseudonym is, by trying ids.
pub(in crate::commands::export_log) struct MaskKey(Hmac<Sha256>);

impl MaskKey {
    /// One that nobody knows, and nobody will.
    pub(in crate::commands::export_log) fn random() -> Result<MaskKey, Failure> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|error| Failure::Failed(format!("cannot draw a random key: {error}")))?;
        MaskKey::new(&key)
    }

    /// That in a file; white space around it does not count.
    pub(in crate::commands::export_log) fn read(path: &Path) -> Result<MaskKey, Failure> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::Unusable(format!("cannot read the key `{shown}`: {error}")))?;
        let key = text.trim();
        if key.len() < SHORTEST {
            return Err(Failure::Unusable(format!(
                "the key `{shown}` has fewer than {SHORTEST} characters: write a random one, as by `openssl rand -hex 32`"
            )));
        }
        MaskKey::new(key.as_bytes())
    }

    fn new(key: &[u8]) -> Result<MaskKey, Failure> {
        Hmac::new_from_slice(key)
            .map(MaskKey)
            .map_err(|error| Failure::Failed(format!("cannot use the key: {error}")))
    }

    /// The hash of something, another one for each purpose.
    pub(super) fn hash(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}
