//! Requests that ask for a change: who asks, under which key, with which body. Each is carried out once.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::HeaderMap,
};
use mission_core::engine::{ExecuteError, Executed, Rejection, Signals, TypedCommand};
use serde::de::DeserializeOwned;

use super::{
    AppState, Problem,
    body::{Body, BodyLimit},
    idempotency::{Key, KeyHeader},
    query::{NoQuery, Query},
};
use crate::auth::Caller;

/// The requester of a change: a user or an operator.
pub(super) trait Requester: FromRequestParts<AppState, Rejection = Problem> + Send + Sync {
    /// Who, with their permissions.
    fn caller(&self) -> &Caller;

    /// What came with the request.
    fn signals(&self) -> Signals;

    /// Logs a command that was carried out for them, where it is one that others want to know of.
    fn log(&self, _command: &'static str, _path: &str) {}

    /// How a refusal of the domain is told to them.
    fn refused(&self, _state: &AppState, rejection: Rejection) -> impl Future<Output = Problem> + Send {
        std::future::ready(rejection.into())
    }
}

/// An HTTP request that changes something. Who may not ask at all is refused before anything else of it is looked at.
pub(super) struct Command<Who, Q = NoQuery> {
    pub(super) state: AppState,
    pub(super) who: Who,
    pub(super) query: Q,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    path: String,
    key: Option<KeyHeader>,
}

impl<Who: Requester, Q: DeserializeOwned + Send> FromRequest<AppState> for Command<Who, Q> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let who = Who::from_request_parts(&mut parts, state).await?;
        let Query(query) = Query::from_request_parts(&mut parts, state).await?;
        let key = KeyHeader::of(&parts)?;
        let limit = BodyLimit::of(&parts.extensions, state.settings.body_limit);
        let body = Body::receive(&parts.headers, body, limit).await;
        if let Some(key) = &key {
            key.report_use(&parts, who.caller(), &body);
        }
        Ok(Command {
            state: state.clone(),
            who,
            query,
            headers: parts.headers,
            body,
            path: parts.uri.path().to_owned(),
            key,
        })
    }
}

impl<Who: Requester, Q> Command<Who, Q> {
    /// Takes the request's key, if it has one, into use.
    ///
    /// # Errors
    /// 409 while another request with the key is being served.
    pub(super) fn begin(&self) -> Result<Key, Problem> {
        self.state
            .in_flight_keys()
            .begin(self.key.as_ref(), self.who.caller(), &self.body)
    }

    /// Carries it out, once for each key.
    ///
    /// # Errors
    /// What the domain refuses, and what [`mission_core::engine::Engine::execute`] could not do.
    pub(super) async fn execute<I: TypedCommand>(&self, intent: I) -> Result<Executed<I::Reply>, Problem> {
        self.execute_or_note(intent, |_| None::<I>).await
    }

    /// The same; what is to be written down of a refusal is carried out afterwards, once for each key as well.
    ///
    /// # Errors
    /// As [`Command::execute`].
    pub(super) async fn execute_or_note<I: TypedCommand, N: TypedCommand>(
        &self,
        intent: I,
        note: impl FnOnce(&Rejection) -> Option<N>,
    ) -> Result<Executed<I::Reply>, Problem> {
        let key = self.begin()?;
        let done = self.state.engine.execute(intent, self.who.signals(), key.key);
        match done.await {
            Ok(done) => {
                for fault in &done.failures {
                    self.state.rule_health.note(fault, self.state.engine.now());
                }
                if !done.replayed {
                    self.who.log(I::NAME, &self.path);
                }
                Ok(done)
            }
            Err(ExecuteError::Rejected(rejection)) => {
                if let Rejection::RuleFailed(fault) = &rejection {
                    self.state.rule_health.note(fault, self.state.engine.now());
                }
                if let Some(note) = note(&rejection)
                    && let Err(error) = self
                        .state
                        .engine
                        .execute(note, self.who.signals(), key.part(0))
                        .await
                {
                    tracing::debug!(command = N::NAME, %error, "a refusal was not written down");
                }
                Err(self.who.refused(&self.state, rejection).await)
            }
            Err(error) => Err(error.into()),
        }
    }
}
