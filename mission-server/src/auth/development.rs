//! The key of development servers. Everybody knows it, so it protects nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use mission_core::UserId;
pub use mission_core::development::DEVELOPMENT_SECRET;
use serde_json::json;

/// A token for a development server.
///
/// # Errors
/// When it cannot be signed.
///
/// ```
/// use mission_server::auth::development_token;
/// let token = development_token(uuid::Uuid::from_u128(1).into(), &["admin"], std::time::Duration::from_secs(60))?;
/// assert_eq!(token.split('.').count(), 3);
/// # Ok::<(), jsonwebtoken::errors::Error>(())
/// ```
pub fn development_token(
    user: UserId,
    roles: &[&str],
    lifetime: Duration,
) -> Result<String, jsonwebtoken::errors::Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let claims = json!({
        "sub": user.to_string(),
        "iat": now.as_secs(),
        "exp": (now + lifetime).as_secs(),
        "roles": roles,
    });
    let key = EncodingKey::from_secret(DEVELOPMENT_SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
}
