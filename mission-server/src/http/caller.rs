//! Who asks: authenticated once a request, before anything else of it is judged.

use std::marker::PhantomData;

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use mission_core::{
    UserId,
    check_in::ZoneHistory,
    engine::{NoteRefusedVisit, RegisterUser, Rejection, ResourceKind, Signals, TypedCommand},
    fraud::{AddressHash, DeviceHash},
    user::User,
};

pub(super) use crate::auth::Caller;
use crate::auth::{AuthError, Permission};

use super::{AppState, Problem, command::Requester, correlation, rate_limit::ClientAddress};

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        // Not the caller's fault: the same token may be good in a moment.
        if error.is_unavailable() {
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string())
                .retry_after(1);
        }
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", error.to_string()).challenge(error.challenge())
    }
}

/// Authenticates every request, admits it or not, and counts those that change something against the rate limits.
pub(super) async fn layer(
    State(state): State<AppState>,
    route: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let caller = match state.auth.authenticate(authorization).await {
        Ok(caller) => caller,
        Err(error) => return Problem::from(error).into_response(),
    };
    let in_flight = match state.admission().admit(&caller, route.as_str()) {
        Ok(in_flight) => in_flight,
        Err(problem) => return problem.into_response(),
    };
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !caller.is_privileged() {
        let address = state.rate_limits.address_of(&request);
        if let Err(problem) = state.rate_limits.check(&caller, address).await {
            return problem.into_response();
        }
        if let Some(address) = address {
            request.extensions_mut().insert(address);
        }
    }
    request.extensions_mut().insert(caller);
    let response = next.run(request).await;
    drop(in_flight);
    response
}

fn caller(parts: &Parts) -> Result<Caller, Problem> {
    let caller = parts.extensions.get::<Caller>().copied();
    caller.ok_or_else(|| AuthError::Missing.into())
}

/// A user on a route for users.
pub(super) struct Session {
    /// Who, with their permissions.
    pub(super) caller: Caller,
    /// The device that the client names.
    device: Option<DeviceHash>,
    /// Where the request comes from.
    address: Option<ClientAddress>,
}

impl Requester for Session {
    fn caller(&self) -> &Caller {
        &self.caller
    }

    fn signals(&self) -> Signals {
        Signals {
            device: self.device.clone(),
            address: self.address.map(|address| AddressHash::of(address.0)),
            zone: self.caller.zone,
            correlation_id: correlation::current(),
            ..Signals::default()
        }
    }

    /// A wish for another zone that came with a refused command is kept all the same: the refusal itself changes
    /// nothing. Nothing is there for an erased user, who is told the reason rather than that.
    async fn refused(&self, state: &AppState, rejection: Rejection) -> Problem {
        if rejection == Rejection::AlreadyCheckedIn {
            let visit = NoteRefusedVisit { user: self.user() };
            self.note(state, visit).await;
        } else {
            self.ask_for_zone(state).await;
        }
        match rejection {
            Rejection::NotFound(thing) => self.not_found(state, thing).await,
            other => other.into(),
        }
    }
}

impl Session {
    pub(super) fn user(&self) -> UserId {
        self.caller.user
    }

    /// 404, or 410 where the caller was erased.
    pub(super) async fn not_found(&self, state: &AppState, thing: ResourceKind) -> Problem {
        match self.record(state).await {
            Ok(_) => Problem::not_found(thing),
            Err(problem) => problem,
        }
    }

    async fn ask_for_zone(&self, state: &AppState) {
        if self.caller.zone.is_none() {
            return;
        }
        let wish = RegisterUser {
            user: self.user(),
            registered_at: None,
            display_name: None,
        };
        self.note(state, wish).await;
    }

    async fn note(&self, state: &AppState, intent: impl TypedCommand) {
        if let Err(error) = state.engine.execute(intent, self.signals(), None).await {
            tracing::debug!(%error, "a wish for another zone was not kept; it comes again with the next request");
        }
    }

    /// The caller's record, if there is one yet.
    ///
    /// # Errors
    /// 410 where the user was erased.
    pub(super) async fn record(&self, state: &AppState) -> Result<Option<User>, Problem> {
        let user = state.cache.user(&*state.queries, self.user()).await?;
        self.require_not_erased(state, (**user).clone()).await
    }

    /// The same, of a record that was read already.
    ///
    /// # Errors
    /// 410 where the user was erased.
    pub(super) async fn require_not_erased(
        &self,
        state: &AppState,
        user: Option<User>,
    ) -> Result<Option<User>, Problem> {
        match user {
            Some(user) if user.is_erased() => Err(Rejection::UserErased.into()),
            Some(user) => {
                let wanted = user.zones.as_ref().map(ZoneHistory::requested);
                if self.caller.zone.is_some() && self.caller.zone != wanted {
                    self.ask_for_zone(state).await;
                }
                Ok(Some(user.asking_for_zone(self.caller.zone, state.engine.now())))
            }
            None => Ok(None),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let device = parts
            .headers
            .get("x-device-id")
            .filter(|id| !id.as_bytes().trim_ascii().is_empty())
            .map(|id| DeviceHash::of(&String::from_utf8_lossy(id.as_bytes())));
        Ok(Session {
            caller: caller(parts)?,
            device,
            address: parts.extensions.get().copied(),
        })
    }
}

/// The permission that a handler requires, as a type: its signature says who may call it.
pub(super) trait Requires: Send + Sync {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($name:ident),*) => { $(
        pub(super) struct $name;
        impl Requires for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )* };
}
permissions!(
    EventsWrite,
    MissionsWrite,
    RewardsWrite,
    ReviewsWrite,
    AnalyticsRead,
    UsersWrite,
    UsersRead,
    AuditRead,
    MessagesRead,
    MessagesWrite,
    WebhooksWrite
);

/// A caller who has a permission.
pub(super) struct Operator<N> {
    /// Who.
    pub(super) caller: Caller,
    need: PhantomData<N>,
}

impl<N: Requires> Requester for Operator<N> {
    fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Events are too many, and tell of users rather than of operators.
    fn log(&self, command: &'static str, path: &str) {
        if N::PERMISSION != Permission::EventsWrite {
            tracing::info!(operator = %self.caller.user, command, path, "an administrative command");
        }
    }

    /// Never a device or zone, which are a user's own.
    fn signals(&self) -> Signals {
        Signals {
            correlation_id: correlation::current(),
            operator: Some(self.caller.user),
            ..Signals::default()
        }
    }
}

impl<N: Requires> FromRequestParts<AppState> for Operator<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        if !caller.has(N::PERMISSION) {
            let needed = N::PERMISSION.as_str();
            let detail = format!("this needs the permission `{needed}`");
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
        }
        state
            .erased_user_guard()
            .check(caller.user, state.queries.as_ref())
            .await?;
        Ok(Operator {
            caller,
            need: PhantomData,
        })
    }
}
