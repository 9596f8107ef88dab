//! What is sent: the domain's things in their contract form.

mod mission;
mod person;
mod reward;
mod task;
mod zone_change;

use chrono::{DateTime, Utc};
use mission_core::engine::Catalog;

pub(super) use mission::{MissionState, MissionView};
pub(super) use person::PersonView;
pub(super) use reward::{ClaimView, RewardView};
pub(super) use task::TaskView;
pub(super) use zone_change::ZoneChange;

/// The code of an answer that waits for a reviewer.
pub(super) const UNDER_REVIEW: &str = "under_review";

/// The context in which records are rendered: the catalog and the instant.
#[derive(Clone, Copy)]
pub(super) struct ResponseView<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) now: DateTime<Utc>,
}
