//! A neighbour that behaves as a test tells it to: all the calls of the contract, answered well, late, wrongly or not
//! at all.
//!
//! Shared by unit and integration tests by way of `#[path]`.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// How it behaves.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    /// As agreed.
    Good,
    /// As agreed, so much later.
    Slow(Duration),
    /// With this status.
    Status(u16),
    /// The connection ends in the middle of the answer.
    Cut,
    /// With JSON that was not agreed on.
    WrongJson,
    /// With this many bytes; the length is told beforehand or not.
    Huge(usize, bool),
    /// With a redirect to itself.
    Redirect,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

#[derive(Debug)]
struct World {
    mood: Mood,
    /// What the next requests meet instead, one each.
    next: Vec<Mood>,
    seen: Vec<Seen>,
    unknown: BTreeSet<Uuid>,
    friends: BTreeMap<Uuid, Vec<Uuid>>,
    page: usize,
}

/// The server; it ends with the runtime.
#[derive(Clone)]
pub(crate) struct Misbehaving {
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
}

impl Misbehaving {
    /// Starts it on a free port, in good mood.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::new(Mutex::new(World {
            mood: Mood::Good,
            next: Vec::new(),
            seen: Vec::new(),
            unknown: BTreeSet::new(),
            friends: BTreeMap::new(),
            page: 100,
        }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Misbehaving { url, world }
    }

    /// Behaves so from now on.
    pub(crate) fn mood(&self, mood: Mood) {
        self.world.lock().unwrap().mood = mood;
    }

    /// The next requests meet these, one each; later ones the mood.
    pub(crate) fn next(&self, mut moods: Vec<Mood>) {
        moods.reverse();
        self.world.lock().unwrap().next = moods;
    }

    /// Nobody has this id.
    pub(crate) fn unknown(&self, user: Uuid) {
        self.world.lock().unwrap().unknown.insert(user);
    }

    /// Somebody's friends, in pages of so many.
    pub(crate) fn friends(&self, user: Uuid, friends: Vec<Uuid>, page: usize) {
        let mut world = self.world.lock().unwrap();
        world.friends.insert(user, friends);
        world.page = page;
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.world.lock().unwrap().seen.clone()
    }
}

async fn answer(State(world): State<Arc<Mutex<World>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let mood = {
        let mut world = world.lock().unwrap();
        world.seen.push(seen.clone());
        world.next.pop().unwrap_or_else(|| world.mood.clone())
    };
    match mood {
        Mood::Good => good(&world, &seen),
        Mood::Slow(time) => {
            tokio::time::sleep(time).await;
            good(&world, &seen)
        }
        Mood::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Mood::Cut => {
            let parts = [
                Ok(Bytes::from_static(b"{\"users\":[")),
                Err(std::io::Error::other("cut")),
            ];
            Body::from_stream(futures_util::stream::iter(parts)).into_response()
        }
        Mood::WrongJson => {
            axum::Json(json!({"users": 7, "items": "none", "verdict": "perhaps"})).into_response()
        }
        Mood::Huge(bytes, true) => vec![b' '; bytes].into_response(),
        Mood::Huge(bytes, false) => {
            let part = move |_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1000]));
            let parts = (0..bytes / 1000).map(part);
            Body::from_stream(futures_util::stream::iter(parts)).into_response()
        }
        Mood::Redirect => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
    }
}

fn profile(user: &str) -> Value {
    json!({
        "id": user, "email": "someone@mail.example", "displayName": format!("User {}", &user[..8]),
        "avatarUrl": format!("https://pictures.example/{user}"), "createdAt": "2026-01-05T10:00:00Z", "more": {},
    })
}

fn good(world: &Mutex<World>, seen: &Seen) -> Response {
    let world = world.lock().unwrap();
    let known = |user: &str| {
        user.parse()
            .is_ok_and(|user: Uuid| !world.unknown.contains(&user))
    };
    let segments: Vec<&str> = seen.path.trim_start_matches("/api/v1/").split('/').collect();
    match (seen.method.as_str(), segments.as_slice()) {
        ("POST", ["users", "batch"]) => {
            let ids = seen.body["ids"].as_array().unwrap();
            if ids.len() > 200 {
                return StatusCode::BAD_REQUEST.into_response();
            }
            let ids = ids.iter().filter_map(Value::as_str).filter(|user| known(user));
            let users: Vec<Value> = ids.map(profile).collect();
            axum::Json(json!({ "users": users })).into_response()
        }
        ("GET", ["users", user]) if known(user) => axum::Json(profile(user)).into_response(),
        ("GET", ["users", user, "friends"]) => {
            let user: Uuid = user.parse().unwrap();
            let parameter = |name: &str| {
                let mut pairs = url::form_urlencoded::parse(seen.query.as_bytes());
                pairs.find_map(|(key, value)| (key == name).then(|| value.parse::<usize>().unwrap()))
            };
            let from = parameter("cursor").unwrap_or(0);
            let limit = parameter("limit").unwrap().min(world.page);
            let all = world.friends.get(&user).cloned().unwrap_or_default();
            let items: Vec<Uuid> = all.iter().skip(from).take(limit).copied().collect();
            let next = (from + limit < all.len()).then(|| (from + limit).to_string());
            axum::Json(json!({"items": items, "nextCursor": next})).into_response()
        }
        ("POST", ["moderations"]) => {
            (StatusCode::ACCEPTED, axum::Json(json!({"moderationId": "m-1"}))).into_response()
        }
        ("GET", ["moderations", "m-1"]) => axum::Json(json!({
            "moderationId": "m-1", "fileId": "f-1", "verdict": "rejected", "reason": "too dark",
        }))
        .into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
