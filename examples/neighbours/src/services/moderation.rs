//! Judges files as it is told to, and calls back as often as it is told to.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use uuid::Uuid;

use crate::StandIn;

/// What is found of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing yet.
    Pending,
    /// It is good.
    #[default]
    Approved,
    /// It is not.
    Rejected,
    /// A person shall decide.
    Review,
}

/// How files are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Moderation {
    /// What is found of each.
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<String>,
    /// How often it calls back with each of these verdicts, in this order; with none, it stays silent.
    pub callbacks: Vec<Verdict>,
    /// How long it takes before the first call, and between two.
    pub delay_ms: u64,
    /// What the calls are signed with: `whsec_` and base64.
    pub secret: String,
}

/// A file that is judged.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    file: String,
    key: Option<String>,
}

pub(super) fn router() -> Router<StandIn> {
    Router::new()
        .route("/api/v1/moderations", post(begin))
        .route("/api/v1/moderations/{id}", get(look))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    file_id: String,
    callback_url: Option<String>,
}

async fn begin(State(stand_in): State<StandIn>, headers: HeaderMap, Json(asked): Json<Asked>) -> Response {
    let key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .map(str::to_owned);
    let mut state = stand_in.state();
    let known = state
        .cases
        .iter()
        .find(|(_, case)| key.is_some() && case.key == key);
    let (id, is_new) = match known {
        Some((id, _)) => (id.clone(), false),
        None => (format!("m-{}", state.cases.len() + 1), true),
    };
    if is_new {
        let case = Case {
            file: asked.file_id.clone(),
            key,
        };
        state.cases.insert(id.clone(), case);
        if let Some(url) = asked.callback_url {
            let manner = state.moderation.clone();
            tokio::spawn(call_back(manner, url, id.clone(), asked.file_id));
        }
    }
    (StatusCode::ACCEPTED, Json(json!({"moderationId": id}))).into_response()
}

fn report(moderation: &str, file: &str, verdict: Verdict, reason: Option<&String>) -> Value {
    json!({"moderationId": moderation, "fileId": file, "verdict": verdict, "reason": reason})
}

async fn look(State(stand_in): State<StandIn>, Path(id): Path<String>) -> Result<Json<Value>, StatusCode> {
    let state = stand_in.state();
    let case = state.cases.get(&id).ok_or(StatusCode::NOT_FOUND)?;
    let manner = &state.moderation;
    Ok(Json(report(
        &id,
        &case.file,
        manner.verdict,
        manner.reason.as_ref(),
    )))
}

async fn call_back(manner: Moderation, url: String, moderation: String, file: String) {
    let key = manner
        .secret
        .strip_prefix("whsec_")
        .and_then(|key| BASE64_STANDARD.decode(key).ok());
    let Some(webhook) = key.and_then(|key| Webhook::from_bytes(key).ok()) else {
        return;
    };
    let http = reqwest::Client::new();
    for verdict in manner.callbacks {
        tokio::time::sleep(Duration::from_millis(manner.delay_ms)).await;
        let body = report(&moderation, &file, verdict, manner.reason.as_ref()).to_string();
        let (id, at) = (Uuid::new_v4().to_string(), Utc::now().timestamp());
        let Ok(signature) = webhook.sign(&id, at, body.as_bytes()) else {
            return;
        };
        let call = http
            .post(&url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", signature)
            .body(body);
        // Whoever was not there asks by itself.
        drop(call.send().await);
    }
}
