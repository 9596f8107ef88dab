//! Tells the services how to behave while they run.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::put,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{Moderation, Mood, Service, StandIn};

pub(crate) fn router() -> Router<StandIn> {
    Router::new()
        .route("/control/moods/{service}", put(mood))
        .route("/control/friends/{user}", put(friends))
        .route("/control/moderation", put(moderation))
        .route("/control/server", put(server))
}

type Answer = Result<StatusCode, (StatusCode, String)>;

fn bad(reason: impl Into<String>) -> (StatusCode, String) {
    (StatusCode::UNPROCESSABLE_ENTITY, reason.into() + "\n")
}

async fn mood(State(stand_in): State<StandIn>, Path(service): Path<String>, text: String) -> Answer {
    let mood: Mood = text.trim().parse().map_err(bad)?;
    match (service.as_str(), Service::named(&service)) {
        ("all", _) => stand_in.mood(mood),
        (_, Some(service)) => stand_in.mood_of(service, mood),
        (_, None) => {
            return Err(bad(
                "a service is `iam`, `social`, `storage`, `moderation`, `mining` or `all`",
            ));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn friends(
    State(stand_in): State<StandIn>,
    Path(user): Path<Uuid>,
    Json(friends): Json<Vec<Uuid>>,
) -> StatusCode {
    stand_in.friends(user, friends, 0);
    StatusCode::NO_CONTENT
}

async fn moderation(State(stand_in): State<StandIn>, Json(told): Json<Moderation>) -> StatusCode {
    // Who is only told what to find keeps the key.
    let secret = stand_in.state().moderation.secret.clone();
    let secret = if told.secret.is_empty() {
        secret
    } else {
        told.secret.clone()
    };
    stand_in.moderate(Moderation { secret, ..told });
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Server {
    url: String,
    token: String,
}

/// Where the mission server is, and a token with `users:read`: for the mining service.
async fn server(State(stand_in): State<StandIn>, Json(server): Json<Server>) -> StatusCode {
    stand_in.state().server = Some((server.url, server.token));
    StatusCode::NO_CONTENT
}
