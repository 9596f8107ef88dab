//! The public keys of a JWKS that can be used here.

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// So many keys are tried for a token that names none.
const TRIES: usize = 4;
/// So many keys are kept of one document.
const KEYS: usize = 100;

/// One public key.
#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Public keys by id. Secrets (`oct`), keys for encryption and unknown kinds are left out, so that nothing that was
/// published can be used as a shared secret.
#[derive(Clone, Default)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// The document that they were read from, to notice changes.
    document: Vec<u8>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a JWKS.
    pub(super) fn read(document: &[u8]) -> Result<Self, String> {
        let parsed: Document = serde_json::from_slice(document)
            .map_err(|error| format!("it is no JWKS (`{{\"keys\": [...]}}`): {error}"))?;
        let keys: Vec<Key> = parsed.keys.into_iter().filter_map(usable).take(KEYS).collect();
        if keys.is_empty() {
            return Err("it holds no public key for RS256, ES256 or EdDSA".to_owned());
        }
        Ok(KeySet {
            keys,
            document: document.to_vec(),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn differs_from(&self, other: &KeySet) -> bool {
        self.document != other.document
    }

    /// The keys that a token may be signed with: the one that it names, or some of its algorithm where it names none.
    pub(super) fn candidates(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<&DecodingKey> {
        self.keys
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id))
            .take(TRIES)
            .map(|key| &key.key)
            .collect()
    }
}

/// The key of one entry, if it is a public one for signatures of a kind that is taken.
fn usable(entry: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(entry).ok()?;
    if jwk
        .common
        .public_key_use
        .as_ref()
        .is_some_and(|purpose| *purpose != PublicKeyUse::Signature)
    {
        return None;
    }
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    if jwk.common.key_algorithm.is_some_and(|given| given != named) {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key {
        id: jwk.common.key_id,
        algorithm,
        key,
    })
}
