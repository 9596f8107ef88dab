//! The one way to call a neighbour.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable};
use failsafe::{Error as BreakerError, futures::CircuitBreaker};
use reqwest::{
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect,
};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tracing::{Instrument as _, Span};
use url::Url;

use super::{
    AddressGuard, Call, CallError, NeighbourSettings, RefusedAddress, RetryPolicy, ServiceHealth, attempt,
    guard::GuardedResolver,
    service_health::{self, Breaker},
};
use crate::http::correlation;

/// Limits of a neighbour's client.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a connection may take.
    pub connect: Duration,
    /// How long one try may take, with the whole answer.
    pub attempt: Duration,
    /// How long a call may take, with all tries and pauses.
    pub total: Duration,
    /// How often a call that can be repeated is repeated at most.
    pub retries: usize,
    /// The first pause before a repetition; each further one is twice as long, all with jitter.
    pub pause: Duration,
    /// Calls that run at once at most; further ones wait, as long as there is time for a whole try.
    pub at_once: usize,
    /// The largest answer that is read, in bytes.
    pub answer_bytes: usize,
    /// So many failures in a row stop further calls for a while.
    pub failures: u32,
    /// How long at first, with up to as much again by jitter.
    pub open_first: Duration,
    /// How long at most, after several such whiles; jitter likewise.
    pub open_longest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(1),
            attempt: Duration::from_secs(2),
            total: Duration::from_secs(5),
            retries: 2,
            pause: Duration::from_millis(50),
            at_once: 32,
            answer_bytes: 1 << 20,
            failures: 5,
            open_first: Duration::from_secs(5),
            open_longest: Duration::from_secs(30),
        }
    }
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The service's address may not be called.
    #[error("{service}: {address}")]
    Address {
        /// Which service.
        service: &'static str,
        /// What is wrong.
        address: RefusedAddress,
    },
    /// The token cannot be sent in a header.
    #[error("the service token has characters that a header cannot hold")]
    Token,
    /// TLS cannot be set up.
    #[error("no HTTP client can be made: {0}")]
    Http(#[from] reqwest::Error),
}

/// Calls one neighbour.
pub struct Client {
    service: &'static str,
    base: Url,
    http: reqwest::Client,
    limits: Limits,
    at_once: Semaphore,
    breaker: Breaker,
    health: Arc<ServiceHealth>,
}

impl Client {
    /// A client of the service at an address. Nothing is asked yet.
    ///
    /// # Errors
    /// When the address may not be called, the token is none, or TLS cannot be set up.
    pub fn new(
        service: &'static str,
        base: Url,
        settings: &NeighbourSettings,
        limits: &Limits,
    ) -> Result<Self, ClientError> {
        let guard = Arc::new(AddressGuard::new(settings.allowed.clone()));
        guard
            .check(&base)
            .map_err(|address| ClientError::Address { service, address })?;
        let mut headers = HeaderMap::new();
        if let Some(token) = &settings.token {
            let bearer = format!("Bearer {}", token.expose_secret());
            let mut bearer = HeaderValue::try_from(bearer).map_err(|_| ClientError::Token)?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("mission-server/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(limits.connect)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            // A proxy would resolve names itself, past the guard.
            .no_proxy()
            .dns_resolver(Arc::new(GuardedResolver(guard)))
            .build()?;
        let health = Arc::new(ServiceHealth::new(service));
        Ok(Client {
            service,
            base,
            http,
            at_once: Semaphore::new(limits.at_once),
            breaker: service_health::breaker(limits, &health),
            limits: limits.clone(),
            health,
        })
    }

    /// How the service did lately.
    pub(super) fn health(&self) -> &Arc<ServiceHealth> {
        &self.health
    }

    /// Makes a call and reads its answer as JSON.
    ///
    /// # Errors
    /// When there is no good answer, after as many repetitions as the call and the limits allow.
    pub async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, CallError> {
        let deadline = Instant::now() + self.limits.total;
        let began = Instant::now();
        let outcome = self.with_retries(call, deadline).await;
        // Where nobody was asked, the reason for that stays what is told.
        if !matches!(outcome, Err(CallError::Open)) {
            self.health.note(began.elapsed(), client_error(&outcome));
        }
        outcome
    }

    async fn with_retries<T: DeserializeOwned>(
        &self,
        call: &Call,
        deadline: Instant,
    ) -> Result<T, CallError> {
        // A whole try must be possible after it: a shorter one would blame the service.
        let last_turn = deadline - self.limits.attempt.min(self.limits.total);
        let turn = tokio::time::timeout_at(last_turn.into(), self.at_once.acquire());
        let Ok(turn) = turn.await else {
            self.count(call, "busy");
            return Err(CallError::Busy);
        };
        // A semaphore that is never closed always gives a turn.
        let _turn = turn.map_err(|_| CallError::Busy)?;
        let retries = match call.repeat {
            RetryPolicy::Never => 0,
            RetryPolicy::Safe | RetryPolicy::Keyed(_) => self.limits.retries,
        };
        let pauses = ExponentialBuilder::default()
            .with_min_delay(self.limits.pause)
            .with_max_times(retries)
            .with_jitter();
        let attempt = || self.guarded(call, deadline);
        attempt
            .retry(pauses)
            .when(CallError::is_retryable)
            // Not sooner than the service asks for, and not beyond the deadline.
            .adjust(|error, pause| {
                let pause = pause?.max(error.retry_after().unwrap_or_default());
                (Instant::now() + pause < deadline).then_some(pause)
            })
            .await
    }

    /// One try, unless the breaker is open.
    async fn guarded<T: DeserializeOwned>(&self, call: &Call, deadline: Instant) -> Result<T, CallError> {
        let span = tracing::debug_span!(
            "call",
            otel.kind = "client",
            otel.name = format!("{} {}", call.method, call.route),
            peer.service = self.service,
            otel.status_code = tracing::field::Empty,
        );
        correlation::put_into(&span, &call.origin.trace);
        let attempt = self.attempt(call, deadline).instrument(span);
        let outcome = self
            .breaker
            .call_with(CallError::is_of_the_service, attempt)
            .await;
        outcome.map_err(|error| match error {
            BreakerError::Inner(error) => error,
            BreakerError::Rejected => {
                self.count(call, CallError::Open.outcome());
                CallError::Open
            }
        })
    }

    async fn attempt<T: DeserializeOwned>(&self, call: &Call, deadline: Instant) -> Result<T, CallError> {
        let began = Instant::now();
        let time = deadline.saturating_duration_since(began).min(self.limits.attempt);
        let answer = match attempt::request(&self.http, &self.base, call) {
            Ok(request) => attempt::send(request.timeout(time), self.limits.answer_bytes).await,
            Err(error) => Err(error),
        };
        let outcome = answer.and_then(|body| {
            // Nothing of the answer itself, which may be personal.
            serde_json::from_slice(&body).map_err(|error| {
                let (line, column) = (error.line(), error.column());
                CallError::Unreadable(format!("it is not as agreed at line {line}, column {column}"))
            })
        });
        let labels = [("service", self.service), ("route", call.route)];
        metrics::histogram!("mission_neighbour_request_seconds", &labels)
            .record(began.elapsed().as_secs_f64());
        self.count(call, outcome.as_ref().map_or_else(CallError::outcome, |_| "ok"));
        if let Err(error) = &outcome {
            Span::current().record("otel.status_code", "ERROR");
            tracing::debug!(service = self.service, route = call.route, %error, "a call of a neighbour failed");
        }
        outcome
    }

    fn count(&self, call: &Call, outcome: &'static str) {
        let labels = [
            ("service", self.service),
            ("route", call.route),
            ("outcome", outcome),
        ];
        metrics::counter!("mission_neighbour_requests_total", &labels).increment(1);
    }
}

/// What of an outcome is trouble: that something is not there is an answer like any other.
fn client_error<T>(outcome: &Result<T, CallError>) -> Option<&CallError> {
    let error = outcome.as_ref().err()?;
    (!matches!(error, CallError::Status { status: 404, .. })).then_some(error)
}
