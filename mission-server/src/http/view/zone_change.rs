//! A zone that is yet to come.

use chrono::{DateTime, Utc};
use mission_core::{check_in::Zone, user::User};
use serde::Serialize;
use utoipa::ToSchema;

/// A change of the zone that waits for the current day to end in the old zone and in the new one.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ZoneChange {
    /// The zone that was asked for.
    #[schema(value_type = String, example = "Asia/Tokyo")]
    zone: Zone,
    /// From when it holds.
    effective_at: DateTime<Utc>,
}

impl ZoneChange {
    /// The change that a user waits for, if there is one.
    pub(in crate::http) fn of(user: &User, now: DateTime<Utc>) -> Option<Self> {
        let (effective_at, zone) = user.zones.as_ref()?.pending(now)?;
        Some(ZoneChange { zone, effective_at })
    }
}
