//! `mission token`: a token signed with a shared secret.

use std::{
    fs,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use mission_core::{check_in::Zone, development::DEVELOPMENT_SECRET};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::{
    cli::Token,
    failure::{CommandResult, Failure},
    output,
};

#[derive(Serialize)]
struct Claims<'a> {
    sub: String,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    roles: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    permissions: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    zoneinfo: Option<&'a str>,
}

/// The permissions that a server knows; another one is no error, for a later server may know more.
const PERMISSIONS: [&str; 11] = [
    "events:write",
    "missions:write",
    "rewards:write",
    "reviews:write",
    "analytics:read",
    "users:write",
    "users:read",
    "audit:read",
    "messages:read",
    "messages:write",
    "webhooks:write",
];

pub(crate) fn run(args: &Token) -> CommandResult {
    for unknown in args
        .permissions
        .iter()
        .filter(|permission| !PERMISSIONS.contains(&permission.as_str()))
    {
        output::note(&format!(
            "no route asks for the permission `{unknown}`; the permissions are {}",
            PERMISSIONS.join(", ")
        ));
    }
    let secret = secret(args)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let claims = Claims {
        sub: args.sub.to_string(),
        iat: now,
        exp: now + args.expires.0,
        roles: &args.roles,
        permissions: &args.permissions,
        zoneinfo: args.zone.map(Zone::name),
    };
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| Failure::Failed(format!("cannot sign the token: {error}")))?;
    output::line(&token)?;
    Ok(ExitCode::SUCCESS)
}

fn secret(args: &Token) -> Result<SecretString, Failure> {
    if let Some(file) = &args.secret_file {
        let text = fs::read_to_string(file).map_err(|error| {
            Failure::Unusable(format!("cannot read the secret `{}`: {error}", file.display()))
        })?;
        return Ok(text.trim().into());
    }
    let set = std::env::var("MISSION_JWT_SECRET")
        .ok()
        .filter(|secret| !secret.is_empty());
    Ok(set.map_or_else(|| DEVELOPMENT_SECRET.into(), Into::into))
}
