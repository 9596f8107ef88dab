//! Looks whether the streak of a followed user is at risk, and tells it once a day.

use chrono::{DateTime, Duration, Utc};
use mission_core::{EventId, UserId, event::CloudEvent, ports::store::StoreError, user::User};
use serde::Serialize;
use uuid::Uuid;

use crate::{feed::NewFeedEvent, http::AppState, outbox::SOURCE, webhooks::envelope_body};

const EVENT_TYPE: &str = "StreakAtRiskEvent";

/// Zones and policies change: a streak is looked at anew after so long, even within a day.
const LONGEST: Duration = Duration::hours(1);

/// What is told of a streak that is lost without a check-in today.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StreakAtRisk {
    user_id: UserId,
    current_streak: u32,
    /// Until when a check-in keeps it.
    ends_at: DateTime<Utc>,
}

/// Watches the streak of one user.
pub(super) struct StreakWatch {
    state: AppState,
    user: UserId,
    /// When it is to be looked at again.
    next: Option<DateTime<Utc>>,
}

impl StreakWatch {
    pub(super) fn new(state: AppState, user: UserId) -> Self {
        StreakWatch {
            state,
            user,
            next: None,
        }
    }

    /// Tells it where the streak is at risk by now. Where that fails, the next look tries again.
    pub(super) async fn look(&mut self) {
        let now = self.state.engine.now();
        // A test clock may have been set back.
        if self.next.is_some_and(|next| now < next && next - now <= LONGEST) {
            return;
        }
        match self.look_at(now).await {
            Ok(next) => self.next = Some(next),
            Err(error) => tracing::debug!(%error, "a streak could not be looked at"),
        }
    }

    async fn look_at(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        let record = self.state.cache.user(&*self.state.queries, self.user).await?;
        let Some(user) = (**record).as_ref().filter(|user| !user.is_erased()) else {
            return Ok(now + LONGEST);
        };
        let catalog = self.state.engine.catalog();
        let (zones, policy) = (
            user.zone_history(catalog.check_in.default_zone()),
            catalog.check_in.as_ref(),
        );
        let zone = zones.at(now);
        let today = zone.date(now);
        let ends_at = zone.end_of(today);
        if user.check_in.is_at_risk_on(today, &zones, policy) {
            let current_streak = user.check_in.streak_on(today, &zones, policy);
            let event = at_risk(user, current_streak, today, ends_at, now)?;
            self.state.feed.tell(event).await?;
        }
        Ok(ends_at.min(now + LONGEST))
    }
}

/// The event, which has the same id all day: it is put into the feed once.
fn at_risk(
    user: &User,
    current_streak: u32,
    today: chrono::NaiveDate,
    ends_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<NewFeedEvent, StoreError> {
    let id = EventId(Uuid::new_v5(
        &user.id.0,
        format!("streak at risk {today}").as_bytes(),
    ));
    let data = StreakAtRisk {
        user_id: user.id,
        current_streak,
        ends_at,
    };
    let data = serde_json::to_value(data).map_err(|error| StoreError::Refused(error.to_string()))?;
    let event = CloudEvent {
        specversion: "1.0".to_owned(),
        id: id.to_string(),
        source: SOURCE.to_owned(),
        event_type: EVENT_TYPE.to_owned(),
        subject: Some(user.id.to_string()),
        time: Some(now),
        datacontenttype: Some("application/json".to_owned()),
        grantid: None,
        correlationid: None,
        data: Some(data),
    };
    Ok(NewFeedEvent {
        event: id,
        event_type: event.event_type.clone(),
        user: user.id,
        body: envelope_body(&event)?,
    })
}
