//! What a shadow mission would have done, beside the mission that it is compared with.

use std::{cmp::Reverse, collections::BTreeMap};

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use mission_core::{
    MissionId, UserId,
    engine::ResourceKind,
    mission::{MissionCode, MissionTotals, ShadowComparison},
    ports::queries::Page,
};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::mission_named;
use crate::{
    http::{
        AppState, Problem,
        caller::{MissionsWrite, Operator},
        query::{NoQuery, Query},
    },
    rule_health::Health,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(report))
}

/// The most users of one report.
const MOST_USERS: u64 = 50_000;

/// Users that are read at once.
const USERS_AT_ONCE: usize = 2_000;

/// The most users whose difference is told.
const MOST_DIFFERENCES: usize = 20;

/// What a shadow mission would have done since it was activated, beside the mission that it is compared with.
#[derive(Debug, Serialize, ToSchema)]
struct ShadowReport {
    mission_id: MissionId,
    /// The mission's code.
    mission: MissionCode,
    /// The code of the mission that it is compared with.
    shadow_of: Option<MissionCode>,
    /// The earliest moment of which something is counted; `null` where nothing is.
    since: Option<DateTime<Utc>>,
    /// How many users were looked at; the sums are theirs.
    users: u64,
    /// Whether there are more: then the report is of the first 50,000 by id. `budget_used` of the mission is of all.
    is_partial: bool,
    /// What it would have done.
    shadow: MissionTotals,
    /// What the other did while the shadow mission was running; `null` where it is compared with none.
    live: Option<MissionTotals>,
    /// Who completed which; `null` where it is compared with none.
    completed_by: Option<CompletedBy>,
    /// The users for whom the points differ most, then the completions; at most 20.
    differences: Vec<Difference>,
    /// How its rules do.
    health: Health,
}

/// How many users completed which of two missions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
struct CompletedBy {
    both: u64,
    shadow_only: u64,
    live_only: u64,
}

/// One user for whom the missions did not do the same.
#[derive(Debug, Serialize, ToSchema)]
struct Difference {
    user_id: UserId,
    /// What the shadow mission would have paid, less what the other did.
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    points: Decimal,
    shadow: MissionTotals,
    live: MissionTotals,
}

/// How far two missions differ for a user, the least first: by points, then by completions, then by the user's id.
type Distance = (Decimal, u64, Reverse<UserId>);

/// The sums over users, as they are looked at.
#[derive(Debug, Default)]
struct Sums {
    users: u64,
    since: Option<DateTime<Utc>>,
    shadow: MissionTotals,
    live: MissionTotals,
    completed_by: CompletedBy,
    /// The largest differences.
    largest: BTreeMap<Distance, ShadowComparison>,
}

impl Sums {
    fn add(&mut self, user: UserId, comparison: ShadowComparison) {
        let ShadowComparison { since, shadow, live } = comparison;
        self.users += 1;
        self.since = Some(self.since.map_or(since, |earliest| earliest.min(since)));
        self.shadow = self.shadow.plus(shadow);
        self.live = self.live.plus(live);
        match (shadow.completed > 0, live.completed > 0) {
            (true, true) => self.completed_by.both += 1,
            (true, false) => self.completed_by.shadow_only += 1,
            (false, true) => self.completed_by.live_only += 1,
            (false, false) => {}
        }
        let points = (shadow.points - live.points).abs();
        let completions = shadow.completed.abs_diff(live.completed);
        if !points.is_zero() || completions > 0 {
            self.largest
                .insert((points, completions, Reverse(user)), comparison);
            if self.largest.len() > MOST_DIFFERENCES {
                self.largest.pop_first();
            }
        }
    }

    fn differences(&self) -> Vec<Difference> {
        let largest_first = self.largest.iter().rev();
        let differences = largest_first.map(|((_, _, Reverse(user)), comparison)| Difference {
            user_id: *user,
            points: comparison.shadow.points - comparison.live.points,
            shadow: comparison.shadow,
            live: comparison.live,
        });
        differences.collect()
    }
}

/// What a shadow mission would have done, and where it differs from the mission that it is compared with.
#[utoipa::path(get, path = "/missions/{id}/shadow", operation_id = "shadow_report", tag = "authoring", security(("bearer" = ["missions:write"])),
    params(("id" = String, Path, description = "The mission's id or code")), responses(
    (status = 200, description = "The report", body = ShadowReport),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`, also of a mission that is no shadow mission", body = Problem, content_type = "application/problem+json")))]
async fn report(
    State(state): State<AppState>,
    _operator: Operator<MissionsWrite>,
    Path(name): Path<String>,
    _: Query<NoQuery>,
) -> Result<Json<ShadowReport>, Problem> {
    let catalog = state.engine.catalog();
    let mission = mission_named(&catalog, &name)
        .and_then(|id| catalog.mission(id))
        .map(|compiled| &compiled.mission)
        .filter(|mission| mission.definition.shadow)
        .ok_or_else(|| Problem::not_found(ResourceKind::Mission))?;
    let id = mission.id;
    let mut sums = Sums::default();
    let mut page = Page {
        limit: USERS_AT_ONCE,
        after: None,
    };
    let is_partial = loop {
        let compared = state.queries.shadow_comparisons(id, page).await?;
        let is_last = compared.len() < page.limit;
        for (user, comparison) in compared {
            page.after = Some(user);
            sums.add(user, comparison);
        }
        if is_last || sums.users >= MOST_USERS {
            break !is_last;
        }
    };
    let shadow_of = mission.definition.shadow_of.clone();
    let is_compared = shadow_of.is_some();
    Ok(Json(ShadowReport {
        mission_id: id,
        mission: mission.definition.code.clone(),
        shadow_of,
        since: sums.since,
        users: sums.users,
        is_partial,
        shadow: sums.shadow,
        live: is_compared.then_some(sums.live),
        completed_by: is_compared.then_some(sums.completed_by),
        differences: match is_compared {
            true => sums.differences(),
            false => Vec::new(),
        },
        health: state.rule_health.of(id, state.engine.now()),
    }))
}
