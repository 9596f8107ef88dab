//! The claims of a token, and what they must say.

use mission_core::UserId;
use serde::Deserialize;
use serde_json::{Number, Value};

use super::{AuthError, Caller, Permission, PermissionSet};

/// The claims of a token that the server uses.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    sub: Option<String>,
    exp: Option<Number>,
    nbf: Option<Number>,
    iss: Option<String>,
    aud: Option<OneOrMany>,
    roles: Option<OneOrMany>,
    permissions: Option<OneOrMany>,
    /// Whatever stands here must not keep a user out.
    zoneinfo: Option<Value>,
}

/// A text, or a list of texts: identity providers do both.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            OneOrMany::One(text) => std::slice::from_ref(text),
            OneOrMany::Many(texts) => texts,
        }
    }
}

/// The claims that a token must have besides a valid signature.
#[derive(Clone, Debug, Default)]
pub(super) struct RequiredClaims {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
    /// How far the clocks of issuer and server may be apart, in seconds.
    pub(super) leeway: i64,
}

/// A caller with the second (Unix time) from which the token no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VerifiedToken {
    pub(super) caller: Caller,
    pub(super) until: i64,
}

impl Claims {
    /// Judges the claims at an instant (Unix time in seconds).
    pub(super) fn verify(&self, demands: &RequiredClaims, now: i64) -> Result<VerifiedToken, AuthError> {
        let exp = self.exp.as_ref().ok_or(AuthError::Malformed("it has no `exp`"))?;
        let exp = seconds(exp).ok_or(AuthError::Malformed("`exp` is no time"))?;
        let until = exp.saturating_add(demands.leeway);
        if until <= now {
            return Err(AuthError::Expired);
        }
        if let Some(nbf) = &self.nbf {
            let nbf = seconds(nbf).ok_or(AuthError::Malformed("`nbf` is no time"))?;
            if nbf > now.saturating_add(demands.leeway) {
                return Err(AuthError::NotYetValid);
            }
        }
        if demands.issuer.is_some() && demands.issuer != self.iss {
            return Err(AuthError::Issuer);
        }
        if let Some(audience) = &demands.audience
            && !self
                .aud
                .as_ref()
                .is_some_and(|given| given.as_slice().contains(audience))
        {
            return Err(AuthError::Audience);
        }
        Ok(VerifiedToken {
            caller: self.caller()?,
            until,
        })
    }

    fn caller(&self) -> Result<Caller, AuthError> {
        let sub = self
            .sub
            .as_deref()
            .ok_or(AuthError::Malformed("it has no `sub`"))?;
        let user: UserId = sub
            .parse()
            .map_err(|_| AuthError::Malformed("`sub` is no UUID"))?;
        let texts = |list: &Option<OneOrMany>| list.as_ref().map_or(&[][..], OneOrMany::as_slice).to_vec();
        let permissions = if texts(&self.roles).iter().any(|role| role == "admin") {
            PermissionSet::all()
        } else {
            texts(&self.permissions)
                .iter()
                .filter_map(|name| Permission::named(name))
                .collect()
        };
        let zone = self
            .zoneinfo
            .as_ref()
            .and_then(Value::as_str)
            .and_then(|name| name.parse().ok());
        Ok(Caller {
            user,
            permissions,
            zone,
        })
    }
}

/// Seconds since 1970, of a number that may have a fraction.
fn seconds(number: &Number) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, and a token that ends beyond time is fine"
    )]
    number.as_i64().or_else(|| {
        number
            .as_f64()
            .filter(|time| time.is_finite())
            .map(|time| time as i64)
    })
}
