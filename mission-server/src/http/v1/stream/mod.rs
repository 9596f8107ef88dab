//! Events as they happen, as server-sent events.

mod streak_watch;

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use mission_core::{UserId, ports::store::StoreError};
use serde::Deserialize;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, Interval, MissedTickBehavior},
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::streak_watch::StreakWatch;
use crate::{
    auth::Permission,
    feed::{EventFeed, FeedEvent, PAGE},
    http::{AppState, Problem, admission::InFlight, caller::Session, query::Query},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// After so long a stream ends, and its client comes again with a token that is looked at anew.
const LONGEST: Duration = Duration::from_secs(30 * 60);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often it is looked whether a user's streak is at risk by now.
const STREAK: Duration = Duration::from_secs(1);

/// Whose events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// Of one user alone; of anybody but the caller it needs `users:read`.
    user: Option<UserId>,
}

/// Follows events as they happen: the caller's own, and with `users:read` those of all users. Besides what other services are
/// told there is `TaskProgressedEvent`, whenever a task's progress, target or status has changed, and, of the one user who is
/// followed, `StreakAtRiskEvent`: once a day, where the streak is lost without a check-in on it. `id` is to be sent as
/// `Last-Event-ID` by who comes again, and then nothing is missed for 24 hours; where something was, the first event is `gap`.
#[utoipa::path(get, path = "/stream", operation_id = "stream", tag = "events", params(Whose,
    ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was received")), responses(
    (status = 200, description = "`event` is the CloudEvents type, `data` the CloudEvent", body = String, content_type = "text/event-stream"),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 410, description = "`user_erased`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_query`, `invalid_header`", body = Problem, content_type = "application/problem+json")))]
async fn follow(
    State(state): State<AppState>,
    session: Session,
    Query(whose): Query<Whose>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    session.record(&state).await?;
    let may_see_all = session.caller.has(Permission::UsersRead);
    let user = match whose.user {
        Some(user) if user == session.user() || may_see_all => Some(user),
        Some(_) => {
            let detail = "another user's events need the permission `users:read`";
            return Err(Problem::new(
                axum::http::StatusCode::FORBIDDEN,
                "forbidden",
                detail,
            ));
        }
        None => (!may_see_all).then(|| session.user()),
    };
    let last = last_event_id(&headers)?;
    let in_flight = state.admission().admit_stream()?;
    let feed = Arc::clone(&state.feed);
    let live = feed.follow().await?;
    let range = feed.store().fed_range().await?;
    let (oldest, latest) = range.unwrap_or((0, 0));
    let mut waiting = VecDeque::new();
    if last.is_some_and(|last| last < oldest - 1 || last > latest) {
        waiting.push_back(Event::default().event("gap").data("{}"));
    }
    let mut ticks = tokio::time::interval(STREAK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let follower = Follower {
        feed,
        live,
        user,
        streak: user.map(|user| StreakWatch::new(state.clone(), user)),
        ticks,
        last: last.map_or(latest, |last| last.min(latest)),
        waiting,
        behind: true,
        until: Instant::now() + LONGEST,
        _in_flight: in_flight,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(follower.into_stream())
        .keep_alive(keep_alive)
        .into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let detail = "`Last-Event-ID` must be the `id` of an event of this stream";
        Problem::new(
            axum::http::StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_header",
            detail,
        )
    })
}

/// One who follows.
struct Follower {
    feed: Arc<EventFeed>,
    live: Receiver<Arc<FeedEvent>>,
    user: Option<UserId>,
    streak: Option<StreakWatch>,
    ticks: Interval,
    /// The number of the last event that was told, or passed over.
    last: i64,
    waiting: VecDeque<Event>,
    /// Whether the store may have events that did not come live.
    behind: bool,
    until: Instant,
    _in_flight: InFlight,
}

impl Follower {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut follower| async move {
            let event = follower.next().await?;
            Some((Ok(event), follower))
        })
    }

    /// The next event; `None` where the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.behind {
                // Whoever is let go here comes again with the last id.
                self.catch_up().await.ok()?;
                continue;
            }
            let received = tokio::select! {
                () = self.feed.stopping().cancelled() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
                received = self.live.recv() => received,
                _ = self.ticks.tick(), if self.streak.is_some() => {
                    if let Some(streak) = &mut self.streak {
                        streak.look().await;
                    }
                    continue;
                }
            };
            match received {
                Ok(event) => self.take(&event),
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let found = self.feed.store().fed_after(self.last, self.user, PAGE).await?;
        self.behind = found.len() == PAGE;
        for event in found {
            self.take(&event);
        }
        Ok(())
    }

    fn take(&mut self, event: &FeedEvent) {
        if event.number <= self.last {
            return;
        }
        self.last = event.number;
        if self.user.is_none_or(|user| user == event.user) {
            let id = event.number.to_string();
            self.waiting
                .push_back(Event::default().id(id).event(&event.event_type).data(&event.body));
        }
    }
}
