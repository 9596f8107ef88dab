//! From an `Authorization` header to a caller.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::{
    AuthError, Caller,
    cache::VerifiedTokens,
    claims::{Claims, RequiredClaims, VerifiedToken},
    jwks::{Jwks, Source},
    refusals::RefusalLog,
};
use crate::config::{JwtKeys, JwtSettings};

/// The longest token that is looked at.
const TOKEN_BYTES: usize = 8 * 1024;
/// The shortest time between two fetches that tokens with unknown keys bring about.
const FETCH_PAUSE: Duration = Duration::from_secs(5);
/// How often a file of keys is read again.
const FILE_REFRESH: Duration = Duration::from_secs(5);

/// Verifies tokens.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use mission_server::{auth::{AuthError, Authenticator}, config::JwtSettings};
/// let authenticator = Authenticator::new(&JwtSettings::with_secret("a secret of thirty-two bytes or so")).await?;
/// assert_eq!(authenticator.authenticate(None).await, Err(AuthError::Missing));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Authenticator {
    keys: Keys,
    demands: RequiredClaims,
    verified: VerifiedTokens,
    refusals: RefusalLog,
}

/// Either kind of keys, never both: a public key must not serve as a secret.
enum Keys {
    Secret(Box<DecodingKey>),
    Published { jwks: Arc<Jwks>, refresh: Duration },
}

/// The keys cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum UnusableKeys {
    /// The file cannot be read, or holds no key.
    #[error("the JWKS file `{path}` cannot be used: {reason}")]
    File {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// No HTTP client can be made.
    #[error("no HTTP client for the JWKS: {0}")]
    Client(#[from] reqwest::Error),
}

impl Authenticator {
    /// An authenticator. A JWKS file is read at once; an address is asked when a token first needs it.
    ///
    /// # Errors
    /// When a file of keys is of no use.
    pub async fn new(settings: &JwtSettings) -> Result<Self, UnusableKeys> {
        Self::with_pause(settings, FETCH_PAUSE).await
    }

    pub(super) async fn with_pause(settings: &JwtSettings, pause: Duration) -> Result<Self, UnusableKeys> {
        let verified = VerifiedTokens::new();
        let keys = match &settings.keys {
            JwtKeys::Secret(secret) => Keys::Secret(Box::new(DecodingKey::from_secret(
                secret.expose_secret().as_bytes(),
            ))),
            JwtKeys::File(path) => {
                let jwks = Jwks::new(Source::File(path.clone()), pause, verified.clone());
                jwks.read().await.map_err(|reason| unusable(path, reason))?;
                Keys::Published {
                    jwks: Arc::new(jwks),
                    refresh: FILE_REFRESH.min(settings.refresh),
                }
            }
            JwtKeys::Url(url) => {
                let jwks = Jwks::new(Source::url(url.clone())?, pause, verified.clone());
                Keys::Published {
                    jwks: Arc::new(jwks),
                    refresh: settings.refresh,
                }
            }
        };
        let demands = RequiredClaims {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            leeway: i64::try_from(settings.leeway.as_secs()).unwrap_or(i64::MAX),
        };
        Ok(Authenticator {
            keys,
            demands,
            verified,
            refusals: RefusalLog::default(),
        })
    }

    /// Reads published keys again now and then, until it is cancelled. With a secret there is nothing to do.
    pub async fn refresh_keys(&self, stop: CancellationToken) {
        let Keys::Published { jwks, refresh } = &self.keys else {
            return;
        };
        let mut wait = Duration::ZERO;
        while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
            wait = match jwks.read().await {
                Ok(()) => *refresh,
                Err(reason) => {
                    tracing::warn!(
                        reason,
                        "the keys for tokens could not be read; the last good ones stay in force"
                    );
                    FETCH_PAUSE.min(*refresh)
                }
            };
        }
    }

    /// The caller that an `Authorization` header stands for. Refusals are counted and logged.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<Caller, AuthError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let judged = self.authenticate_at(authorization, now).await;
        if let Err(error) = &judged {
            self.refusals.note(error);
        }
        judged
    }

    /// The same at an instant (Unix time in seconds).
    pub(super) async fn authenticate_at(
        &self,
        authorization: Option<&str>,
        now: i64,
    ) -> Result<Caller, AuthError> {
        let token = bearer(authorization)?;
        let key = VerifiedTokens::key(token);
        if let Some(caller) = self.verified.get(&key, now) {
            return Ok(caller);
        }
        let generation = self.verified.generation();
        let verified = match &self.keys {
            Keys::Secret(secret) => self.verify_by_secret(token, secret, now)?,
            Keys::Published { jwks, .. } => self.verify_by_jwks(token, jwks, now).await?,
        };
        self.verified.put(key, generation, verified);
        Ok(verified.caller)
    }

    fn verify_by_secret(
        &self,
        token: &str,
        secret: &DecodingKey,
        now: i64,
    ) -> Result<VerifiedToken, AuthError> {
        let header = header(token)?;
        if header.alg != Algorithm::HS256 {
            return Err(AuthError::Algorithm("sign it with HS256"));
        }
        claims(token, secret, Algorithm::HS256)?.verify(&self.demands, now)
    }

    async fn verify_by_jwks(&self, token: &str, jwks: &Jwks, now: i64) -> Result<VerifiedToken, AuthError> {
        let header = header(token)?;
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
            return Err(AuthError::Algorithm("sign it with RS256, ES256 or EdDSA"));
        }
        let known = jwks.current();
        match self.verify_by_set(token, &header, &known, now) {
            // A key that is not known may be a new one; one that is known and does not fit stays wrong.
            Err(AuthError::UnknownKey) => {
                jwks.refresh(&known).await;
                let known = jwks.current();
                if known.is_empty() {
                    return Err(AuthError::KeysUnavailable);
                }
                self.verify_by_set(token, &header, &known, now)
            }
            settled => settled,
        }
    }

    fn verify_by_set(
        &self,
        token: &str,
        header: &jsonwebtoken::Header,
        keys: &super::key_set::KeySet,
        now: i64,
    ) -> Result<VerifiedToken, AuthError> {
        let mut outcome = Err(AuthError::UnknownKey);
        for key in keys.candidates(header.kid.as_deref(), header.alg) {
            outcome = claims(token, key, header.alg);
            if !matches!(outcome, Err(AuthError::Signature)) {
                break;
            }
        }
        outcome?.verify(&self.demands, now)
    }
}

fn unusable(path: &Path, reason: String) -> UnusableKeys {
    UnusableKeys::File {
        path: path.display().to_string(),
        reason,
    }
}

fn bearer(authorization: Option<&str>) -> Result<&str, AuthError> {
    let value = authorization.ok_or(AuthError::Missing)?;
    let (scheme, token) = value.split_once(' ').ok_or(AuthError::NotBearer)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains(' ') {
        return Err(AuthError::NotBearer);
    }
    if token.len() > TOKEN_BYTES {
        return Err(AuthError::TooLong(TOKEN_BYTES));
    }
    Ok(token)
}

fn header(token: &str) -> Result<jsonwebtoken::Header, AuthError> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
        // Unknown names of algorithms, `none` among them, do not even parse.
        ErrorKind::Json(_) => AuthError::Malformed("its header names no algorithm that is taken"),
        _ => AuthError::Malformed("it is not of the form `header.claims.signature`"),
    })?;
    if header.crit.is_some() {
        return Err(AuthError::Malformed(
            "it demands extensions (`crit`) that are not known here",
        ));
    }
    Ok(header)
}

/// The claims of a token whose signature fits. What they say is verified by [`Claims::verify`].
fn claims(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Claims, AuthError> {
    let mut signature_only = Validation::new(algorithm);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    jsonwebtoken::decode::<Claims>(token, key, &signature_only)
        .map(|data| data.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature | ErrorKind::Base64(_) => AuthError::Signature,
            ErrorKind::InvalidAlgorithm => AuthError::Signature,
            ErrorKind::Json(_) | ErrorKind::Utf8(_) => {
                AuthError::Malformed("its claims are not of the known form")
            }
            _ => AuthError::Signature,
        })
}
