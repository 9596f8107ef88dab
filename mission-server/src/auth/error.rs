//! Why a caller is not let in.

/// Why a request has no known caller. The texts never repeat anything of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There is no `Authorization` header.
    #[error("a token is required: send the header `Authorization: Bearer <token>`")]
    Missing,
    /// The header is not of the form `Bearer <token>`.
    #[error("the `Authorization` header must have the form `Bearer <token>`")]
    NotBearer,
    /// The token is longer than any that is taken.
    #[error("the token has more than {0} bytes")]
    TooLong(usize),
    /// It is no JSON web token, or not with the claims that are needed.
    #[error("the token cannot be read: {0}")]
    Malformed(&'static str),
    /// It is signed by an algorithm that is not taken here.
    #[error("the token's algorithm is not taken here; {0}")]
    Algorithm(&'static str),
    /// It is signed by a key that nobody knows.
    #[error("the token names a key that is not among the published ones")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    Signature,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It comes from somebody else.
    #[error("the token's issuer (`iss`) is not the expected one")]
    Issuer,
    /// It is meant for somebody else.
    #[error("the token is meant for another audience (`aud`)")]
    Audience,
    /// The keys could not be fetched so far, so that no token can be judged.
    #[error("the keys for tokens cannot be fetched at the moment; try again soon")]
    KeysUnavailable,
}

impl AuthError {
    /// Whether the fault is not the caller's: the same token may be good in a moment (503 rather than 401).
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        *self == AuthError::KeysUnavailable
    }

    /// The reason in a word, for metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            AuthError::Missing => "missing",
            AuthError::NotBearer => "not_bearer",
            AuthError::TooLong(_) => "too_long",
            AuthError::Malformed(_) => "malformed",
            AuthError::Algorithm(_) => "algorithm",
            AuthError::UnknownKey => "unknown_key",
            AuthError::Signature => "signature",
            AuthError::Expired => "expired",
            AuthError::NotYetValid => "not_yet_valid",
            AuthError::Issuer => "issuer",
            AuthError::Audience => "audience",
            AuthError::KeysUnavailable => "keys_unavailable",
        }
    }

    /// The value of the `WWW-Authenticate` header (RFC 6750).
    #[must_use]
    pub fn challenge(&self) -> String {
        match self {
            AuthError::Missing => "Bearer realm=\"mission\"".to_owned(),
            AuthError::NotBearer => "Bearer realm=\"mission\", error=\"invalid_request\"".to_owned(),
            other => {
                let description = other.to_string().replace(['"', '\\'], "'");
                format!(
                    "Bearer realm=\"mission\", error=\"invalid_token\", error_description=\"{description}\""
                )
            }
        }
    }
}
