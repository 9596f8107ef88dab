//! Admission control: how many requests are served at once. One more is refused at once, before its body is read and before
//! anything waits for the database, so that those that are served keep their time.
//!
//! It is judged after the token: users cannot use up what is kept for operators and services. (The limits of `tower` are
//! judged before a service sees the request, so they cannot tell the two apart.)

use std::sync::Arc;

use metrics::{Counter, Gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::{HttpSettings, Problem, v1};
use crate::auth::Caller;

/// Commands of activity events that may wait for the writer at once, of all requests: enough to fill its batches, and few
/// enough for the commands of users behind them.
pub(super) const EVENT_COMMANDS: usize = 512;

/// The limits of one server.
pub(super) struct Admission {
    users: ConcurrencyLimit,
    operators: ConcurrencyLimit,
    events: ConcurrencyLimit,
    uploads: ConcurrencyLimit,
    streams: ConcurrencyLimit,
    event_commands: Semaphore,
}

impl Admission {
    pub(super) fn new(settings: &HttpSettings) -> Self {
        let users = settings.max_requests;
        Admission {
            users: ConcurrencyLimit::new("users", users),
            operators: ConcurrencyLimit::new("operators", users / 8),
            events: ConcurrencyLimit::new("events", users / 16),
            uploads: ConcurrencyLimit::new("uploads", users / 32),
            streams: ConcurrencyLimit::new("streams", settings.max_connections / 2),
            event_commands: Semaphore::new(EVENT_COMMANDS),
        }
    }

    /// Admits a request to a route. It is in flight until the guard is dropped, which is to be when its answer begins.
    ///
    /// # Errors
    /// 503 `busy` where there are enough of its kind.
    pub(super) fn admit(&self, caller: &Caller, route: &str) -> Result<InFlight, Problem> {
        let limit = match (caller.is_privileged(), route) {
            (_, v1::UPLOAD) => &self.uploads,
            (true, v1::EVENTS) => &self.events,
            (true, _) => &self.operators,
            (false, _) => &self.users,
        };
        limit.admit()
    }

    /// Admits one who follows events, for as long as the guard lives.
    ///
    /// # Errors
    /// 503 `busy` where there are enough.
    pub(super) fn admit_stream(&self) -> Result<InFlight, Problem> {
        self.streams.admit()
    }

    /// Waits until so many commands of events, of [`EVENT_COMMANDS`] at most, may be given to the writer. Requests get their
    /// turns in order.
    pub(super) async fn event_commands(&self, commands: usize) -> Result<SemaphorePermit<'_>, Problem> {
        let commands = u32::try_from(commands.min(EVENT_COMMANDS)).unwrap_or(u32::MAX);
        // A semaphore that is never closed always gives a turn.
        self.event_commands
            .acquire_many(commands)
            .await
            .map_err(|_| Problem::busy())
    }
}

/// How many requests of a kind are served at once.
struct ConcurrencyLimit {
    permits: Arc<Semaphore>,
    in_flight: Gauge,
    shed: Counter,
}

impl ConcurrencyLimit {
    fn new(kind: &'static str, most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let shown = u32::try_from(most).unwrap_or(u32::MAX);
        metrics::gauge!("mission_http_requests_max", "kind" => kind).set(shown);
        let in_flight = metrics::gauge!("mission_http_requests_in_flight", "kind" => kind);
        // What an alert asks for must be there before it first happens.
        in_flight.set(0.0);
        let shed = metrics::counter!("mission_http_requests_shed_total", "kind" => kind);
        shed.increment(0);
        ConcurrencyLimit {
            permits: Arc::new(Semaphore::new(most)),
            in_flight,
            shed,
        }
    }

    fn admit(&self) -> Result<InFlight, Problem> {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            self.shed.increment(1);
            return Err(Problem::busy());
        };
        self.in_flight.increment(1.0);
        Ok(InFlight {
            in_flight: self.in_flight.clone(),
            _permit: permit,
        })
    }
}

/// A request that is being served, until this is dropped.
pub(super) struct InFlight {
    in_flight: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Drop for InFlight {
    /// Before the permit is given back, so that the gauge never shows more than there may be.
    fn drop(&mut self) {
        self.in_flight.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use axum::{http::StatusCode, response::IntoResponse};
    use futures_util::FutureExt as _;
    use mission_core::UserId;
    use uuid::Uuid;

    use super::*;
    use crate::auth::{Permission, PermissionSet};

    fn caller(permissions: PermissionSet) -> Caller {
        Caller {
            user: UserId(Uuid::nil()),
            permissions,
            zone: None,
        }
    }

    #[test]
    fn users_use_up_their_own_limit_alone() {
        let settings = HttpSettings {
            max_requests: 16,
            ..HttpSettings::default()
        };
        let admission = Admission::new(&settings);
        let user = caller(PermissionSet::default());
        let mut served: Vec<InFlight> = (0..16)
            .map(|_| admission.admit(&user, "/api/v1/checkin").unwrap())
            .collect();
        let refused = admission
            .admit(&user, "/api/v1/me")
            .err()
            .unwrap()
            .into_response();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "1");
        let service = caller([Permission::EventsWrite].into_iter().collect());
        let event = admission.admit(&service, v1::EVENTS).unwrap();
        assert!(admission.admit(&service, v1::EVENTS).is_err(), "a sixteenth");
        let operators = [(); 2].map(|()| admission.admit(&service, "/api/v1/reviews").unwrap());
        assert!(admission.admit(&service, "/api/v1/reviews").is_err(), "an eighth");
        let uploads = admission.admit(&user, v1::UPLOAD).unwrap();
        assert!(
            admission.admit(&user, v1::UPLOAD).is_err(),
            "a thirty-second, and one at least"
        );
        drop((event, operators, uploads, served.pop()));
        assert!(admission.admit(&service, v1::EVENTS).is_ok());
        assert!(admission.admit(&user, "/api/v1/me").is_ok());
    }

    #[tokio::test]
    async fn events_wait_for_their_turn_at_the_writer() {
        let admission = Admission::new(&HttpSettings::default());
        let first = admission.event_commands(EVENT_COMMANDS).await.unwrap();
        let mut second = Box::pin(admission.event_commands(1));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert!(second.await.is_ok());
    }
}
