//! Small stand-ins for the services around a mission server: IAM, social, storage, moderation and mining, behind one
//! address. They answer as agreed, or late, wrongly or not at all, as they are told to.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use mission_neighbours::{Mood, StandIn};
//!
//! let neighbour = StandIn::start().await?;
//! neighbour.mood(Mood::Status(500));
//! let answer = reqwest::get(format!("{}/api/v1/users/anna/friends", neighbour.url)).await;
//! assert_eq!(answer.map(|answer| answer.status().as_u16()).ok(), Some(500));
//! # Ok::<(), std::io::Error>(())
//! # }).unwrap();
//! ```

mod control;
mod mood;
mod services;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
};
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::net::TcpListener;
use uuid::Uuid;

pub use mood::Mood;
pub use services::{Moderation, Service, Verdict};
use state::ServiceState;

/// All services at one address. Copies share them; they end with the runtime.
#[derive(Clone)]
pub struct StandIn {
    /// Where they are.
    pub url: String,
    state: Arc<Mutex<ServiceState>>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, where it was JSON.
    pub body: Value,
}

/// Bytes of a request at most: more than any upload.
const BODY_BYTES: usize = 64 << 20;
/// Requests that are remembered at most.
const MOST_SEEN: usize = 10_000;

impl StandIn {
    /// Starts the services on a free port of this machine.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start() -> std::io::Result<Self> {
        Self::listen(TcpListener::bind("127.0.0.1:0").await?)
    }

    /// Starts the services where something listens.
    ///
    /// # Errors
    /// When it has no address.
    pub fn listen(listener: TcpListener) -> std::io::Result<Self> {
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(Mutex::new(ServiceState::default()));
        let stand_in = StandIn { url, state };
        let services = services::router()
            .fallback(|| async { StatusCode::NOT_FOUND })
            .layer(middleware::from_fn_with_state(stand_in.clone(), behave));
        let router = Router::new()
            .merge(services)
            .merge(control::router())
            .with_state(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(stand_in)
    }

    fn state(&self) -> MutexGuard<'_, ServiceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All behave so from now on.
    pub fn mood(&self, mood: Mood) {
        for service in Service::ALL {
            self.mood_of(service, mood);
        }
    }

    /// One behaves so from now on.
    pub fn mood_of(&self, service: Service, mood: Mood) {
        self.state().moods.insert(service, mood);
    }

    /// The next requests meet these, one each; later ones the mood.
    pub fn next(&self, mut moods: Vec<Mood>) {
        moods.reverse();
        self.state().next = moods;
    }

    /// Nobody has this id.
    pub fn unknown(&self, user: Uuid) {
        self.state().unknown.insert(user);
    }

    /// Somebody's friends, in pages of so many.
    pub fn friends(&self, user: Uuid, friends: Vec<Uuid>, page: usize) {
        let mut state = self.state();
        state.friends.insert(user, friends);
        state.page = page;
    }

    /// How uploads are judged from now on.
    pub fn moderate(&self, moderation: Moderation) {
        self.state().moderation = moderation;
    }

    /// How many moderations there are.
    #[must_use]
    pub fn moderations(&self) -> usize {
        self.state().cases.len()
    }

    /// Knows of no moderation any more.
    pub fn forget_moderations(&self) {
        self.state().cases.clear();
    }

    /// How many files are kept.
    #[must_use]
    pub fn files(&self) -> usize {
        self.state().files.len()
    }

    /// The requests so far, but for those that tell it how to behave.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }
}

/// Notes a request, and answers it by the mood of the service that it is for.
async fn behave(State(stand_in): State<StandIn>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_BYTES).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let mood = {
        let mut state = stand_in.state();
        if state.seen.len() < MOST_SEEN {
            state.seen.push(Seen {
                method: parts.method.to_string(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                headers: parts.headers.clone(),
                body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
                path: path.clone(),
            });
        }
        let usual = state.moods.get(&Service::of(&path)).copied();
        state.next.pop().or(usual).unwrap_or(Mood::Good)
    };
    match mood.answer().await {
        Some(answer) => answer,
        None => next.run(Request::from_parts(parts, Body::from(bytes))).await,
    }
}
