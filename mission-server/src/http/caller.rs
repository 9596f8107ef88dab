//! Who asks: authenticated once a request, before anything else of it is judged.

use std::marker::PhantomData;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use mission_core::{
    UserId,
    check_in::ZoneLine,
    engine::{ExecuteError, Executed, Intent, RegisterUser, Rejection, Signals},
    fraud::DeviceHash,
    user::User,
};

pub(super) use crate::auth::Caller;
use crate::auth::{AuthError, Permission};

use super::{AppState, Problem, correlation, idempotency::Key};

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        // Not the caller's fault: the same token may be good in a moment.
        if error.is_unavailable() {
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string())
                .retry_after(1);
        }
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", error.to_string())
    }
}

/// Authenticates every request, and counts those that change something against the rate limits.
pub(super) async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let caller = match state.auth.authenticate(authorization).await {
        Ok(caller) => caller,
        Err(error) => return Problem::from(error).into_response(),
    };
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !caller.is_privileged() {
        let keys = state.rate_limits.keys(&caller, &request);
        if let Err(problem) = state.rate_limits.check(keys).await {
            return problem.into_response();
        }
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn caller(parts: &Parts) -> Result<Caller, Problem> {
    parts.extensions.get::<Caller>().cloned().ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "a bearer token is required",
        )
    })
}

fn signals(caller: &Caller, headers: &HeaderMap) -> Signals {
    let device = headers
        .get("x-device-id")
        .map(|id| DeviceHash::of(&String::from_utf8_lossy(id.as_bytes())));
    Signals {
        device,
        zone: caller.zone,
        correlation_id: correlation::current(),
    }
}

/// A user on a route for users.
pub(super) struct Session {
    /// Who, with their permissions.
    pub(super) caller: Caller,
    /// What came with the request.
    pub(super) signals: Signals,
}

impl Session {
    pub(super) fn user(&self) -> UserId {
        self.caller.user
    }

    /// Carries out a command of the caller. A wish for another zone that came with a refused command is kept all the
    /// same: the refusal itself changes nothing.
    ///
    /// # Errors
    /// What [`mission_core::engine::Engine::execute`] says.
    pub(super) async fn execute<I: Intent>(
        &self,
        state: &AppState,
        intent: I,
        key: &Key,
    ) -> Result<Executed<I::Reply>, Problem> {
        let done = state.engine.execute(intent, self.signals.clone(), key.key).await;
        if matches!(done, Err(ExecuteError::Rejected(_))) {
            self.ask_for_zone(state).await;
        }
        Ok(done?)
    }

    async fn ask_for_zone(&self, state: &AppState) {
        if self.signals.zone.is_none() {
            return;
        }
        let wish = RegisterUser {
            user: self.user(),
            registered_at: None,
        };
        if let Err(error) = state.engine.execute(wish, self.signals.clone(), None).await {
            tracing::debug!(%error, "a wish for another zone was not kept; it comes again with the next request");
        }
    }

    /// The caller's record, if there is one yet.
    ///
    /// # Errors
    /// 410 where the user was erased.
    pub(super) async fn record(&self, state: &AppState) -> Result<Option<User>, Problem> {
        let user = state.queries.user(self.user()).await?;
        match user {
            Some(user) if user.is_erased() => Err(Rejection::UserErased.into()),
            Some(user) => {
                let wanted = user.zones.as_ref().map(ZoneLine::wanted);
                if self.signals.zone.is_some() && self.signals.zone != wanted {
                    self.ask_for_zone(state).await;
                }
                Ok(Some(user.asking_for_zone(self.signals.zone, state.engine.now())))
            }
            None => Ok(None),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        let signals = signals(&caller, &parts.headers);
        Ok(Session { caller, signals })
    }
}

/// A permission as a type, so that a handler's signature says who may call it.
pub(super) trait Needs {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($($name:ident),*) => { $(
        pub(super) struct $name;
        impl Needs for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )* };
}
needs!(
    EventsWrite,
    MissionsWrite,
    RewardsWrite,
    ReviewsWrite,
    AnalyticsRead,
    UsersWrite
);

/// A caller who has a permission.
pub(super) struct Operator<N> {
    /// Who.
    pub(super) caller: Caller,
    /// What came with the request; never a device or zone, which are a user's own.
    pub(super) signals: Signals,
    need: PhantomData<N>,
}

impl<N: Needs, S: Send + Sync> FromRequestParts<S> for Operator<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        if !caller.has(N::PERMISSION) {
            let needed = N::PERMISSION.as_str();
            let detail = format!("this needs the permission `{needed}`");
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
        }
        let signals = Signals {
            correlation_id: correlation::current(),
            ..Signals::default()
        };
        Ok(Operator {
            caller,
            signals,
            need: PhantomData,
        })
    }
}
