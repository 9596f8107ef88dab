//! Requests to the server, with tokens of the users.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};
use jsonwebtoken::{EncodingKey, Header, encode};
use mission_core::check_in::Zone;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Result, answer::text, server::SECRET};

/// Speaks to one server over kept connections.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    key: EncodingKey,
    expires: u64,
    /// A token that may do everything.
    admin: String,
}

/// What was answered: the body, or the code of the domain's refusal.
pub(crate) type Answer = std::result::Result<Value, String>;

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let mut client = Client {
            http: reqwest::Client::builder()
                .no_proxy()
                .tcp_nodelay(true)
                .timeout(Duration::from_secs(60))
                .build()?,
            url: format!("http://{address}"),
            key: EncodingKey::from_secret(SECRET.as_bytes()),
            expires: (now + Duration::from_secs(24 * 3600)).as_secs(),
            admin: String::new(),
        };
        client.admin =
            client.sign(&json!({"sub": Uuid::nil(), "exp": client.expires, "roles": ["admin"]}))?;
        Ok(client)
    }

    fn sign(&self, claims: &Value) -> Result<String> {
        Ok(encode(&Header::default(), claims, &self.key)?)
    }

    /// A user's token; with a zone, it asks for that.
    pub(crate) fn token(&self, user: Uuid, zone: Option<Zone>) -> Result<String> {
        let mut claims = json!({"sub": user, "exp": self.expires});
        if let (Some(zone), Some(claims)) = (zone, claims.as_object_mut()) {
            claims.insert("zoneinfo".to_owned(), zone.name().into());
        }
        self.sign(&claims)
    }

    /// Sets the domain's time.
    pub(crate) async fn set_clock(&self, now: DateTime<Utc>) -> Result<()> {
        let request = self.http.put(format!("{}/dev/clock", self.url));
        let response = request.json(&json!({"now": now})).send().await?;
        if response.status() == StatusCode::OK {
            return Ok(());
        }
        Err(format!("the clock cannot be set: {}", response.text().await?).into())
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Result<Value> {
        let answer = self.call(Method::GET, path, token, None).await?;
        Ok(answer.map_err(|code| format!("GET {path}: {code}"))?)
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Option<Value>) -> Result<Answer> {
        self.call(Method::POST, path, token, body).await
    }

    /// A request of an operator, which is never refused.
    pub(crate) async fn operate(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let answer = self.call(method, path, &self.admin, Some(body)).await?;
        Ok(answer.map_err(|code| format!("{path}: {code}"))?)
    }

    /// Whatever is neither 200, 201 nor a refusal of the domain ends the program.
    async fn call(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> Result<Answer> {
        let mut request = self.http.request(method, format!("{}/api/v1/{path}", self.url));
        request = request.bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status();
        let body: Value = serde_json::from_slice(&response.bytes().await?)?;
        match status {
            StatusCode::OK | StatusCode::CREATED => Ok(Ok(body)),
            StatusCode::BAD_REQUEST => Ok(Err(text(&body, "code")?.to_owned())),
            StatusCode::TOO_MANY_REQUESTS if text(&body, "code")? == "cooldown" => {
                Ok(Err("cooldown".to_owned()))
            }
            _ => Err(format!("{path}: {status}: {body}").into()),
        }
    }
}
