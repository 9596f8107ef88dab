//! Tokens over HTTP, with a shared secret and with published keys: what is refused, and how keys come and go.
#![expect(
    clippy::needless_pass_by_value,
    reason = "claims are written where they are used"
)]

mod forged;
mod keys;
mod provider;

use reqwest::{Method, header::HeaderValue};
use serde_json::{Value, json};
use uuid::Uuid;

use self::provider::{Provider, now};
use crate::support::{Answer, Server};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "mission";

/// A server that takes tokens of a provider's keys.
async fn with_provider(provider: &Provider, settings: &[(&str, &str)]) -> Server {
    let mut all = vec![("MISSION_JWT_JWKS_URL", provider.url.as_str())];
    all.extend(settings);
    Server::with(&all).await
}

/// Good claims, some of them changed; null takes one away.
fn claims(user: Uuid, changes: Value) -> Value {
    let mut claims = json!({"sub": user, "exp": now() + 600, "iss": ISSUER, "aud": AUDIENCE});
    let all = claims.as_object_mut().unwrap();
    all.extend(changes.as_object().unwrap().clone());
    all.retain(|_, value| !value.is_null());
    claims
}

/// A request that shows an `Authorization` header, if any.
async fn request(server: &Server, method: Method, path: &str, authorization: Option<HeaderValue>) -> Answer {
    let mut request = server
        .http
        .request(method, format!("{}/api/v1{path}", server.url));
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.json().await.unwrap_or(Value::Null),
    }
}

/// The answer to a user's request with a token.
async fn ask(server: &Server, token: &str) -> Answer {
    let header = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    request(server, Method::GET, "/tasks", Some(header)).await
}

/// Checks that a token is refused, with a challenge that repeats nothing of it.
#[track_caller]
fn assert_challenged(answer: &Answer, what: &str) {
    assert_eq!(
        (answer.status, answer.code()),
        (401, "unauthorized"),
        "{what}: {answer:?}"
    );
    answer.refused(401, "unauthorized");
    let challenge = answer.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("Bearer realm="), "{what}: {challenge}");
}
