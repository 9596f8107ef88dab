//! Which scripts take this server's time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use axum::{Json, extract::State};
use mission_core::{
    engine::Catalog,
    mission::MissionCode,
    ports::rules::{Hook, HookCost, Script},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    AppState, Problem,
    caller::{AuditRead, Operator},
    page::List,
    query::Query,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(slow))
}

const DEFAULT: usize = 20;
const MOST: usize = 200;

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Top {
    /// 1 to 200; 20 without it.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// What the evaluations of one hook of a script have cost this server.
#[derive(Debug, Serialize, ToSchema)]
struct SlowHook {
    /// The codes of the missions that have this script, as they are now or in an earlier edition.
    #[schema(value_type = Vec<String>)]
    missions: BTreeSet<MissionCode>,
    /// `eligible`, `progress`, `verify` or `reward`.
    #[schema(value_type = String, example = "eligible")]
    hook: Hook,
    /// Whether these evaluations were compiled; else the interpreter's, which take longer. A hook that is compiled can have
    /// both: where it cannot tell, the interpreter is asked.
    compiled: bool,
    evaluations: u64,
    /// All of them together; of compiled ones, of which one in 64 is timed, an estimate.
    total_ms: f64,
    mean_us: f64,
    /// The longest of those that were timed.
    longest_us: f64,
    /// Whether the script is in the slow lane: its evaluations have taken more than 0.2 ms on average of late, so that other
    /// missions' commands do not wait for it.
    slow: bool,
}

impl SlowHook {
    fn new(missions: &BTreeSet<MissionCode>, cost: &HookCost, slow: bool) -> Self {
        let mean = cost.total.as_secs_f64() / cost.evaluations.max(1) as f64;
        SlowHook {
            missions: missions.clone(),
            hook: cost.hook,
            compiled: cost.compiled,
            evaluations: cost.evaluations,
            total_ms: rounded(cost.total, 1e3),
            mean_us: rounded(Duration::from_secs_f64(mean), 1e6),
            longest_us: rounded(cost.longest, 1e6),
            slow,
        }
    }
}

/// So many units of a second, with three digits after the point.
fn rounded(time: Duration, units: f64) -> f64 {
    (time.as_secs_f64() * units * 1e3).round() / 1e3
}

/// The hooks of missions' scripts that have taken most of this server's time, since it began or the script was put in place; those
/// that took most in all first.
#[utoipa::path(get, path = "/rules/slow", operation_id = "slow_scripts", tag = "operations", params(Top), security(("bearer" = ["audit:read"])), responses(
    (status = 200, description = "What they have cost", body = List<SlowHook>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_query`", body = Problem, content_type = "application/problem+json")))]
async fn slow(
    State(state): State<AppState>,
    _operator: Operator<AuditRead>,
    Query(top): Query<Top>,
) -> Result<Json<List<SlowHook>>, Problem> {
    let limit = top.limit.unwrap_or(DEFAULT);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid_query("limit", format!("must be 1 to {MOST}")));
    }
    let catalog = state.engine.catalog();
    Ok(Json(List {
        items: costliest(&catalog, limit),
        next_cursor: None,
    }))
}

fn costliest(catalog: &Catalog, limit: usize) -> Vec<SlowHook> {
    // Missions with the same source have the same script, and it counts for all of them.
    let mut scripts: BTreeMap<*const (), (&Arc<dyn Script>, BTreeSet<MissionCode>)> = BTreeMap::new();
    for compiled in catalog.missions() {
        for script in compiled.scripts() {
            let known = scripts
                .entry(Arc::as_ptr(script).cast())
                .or_insert_with(|| (script, BTreeSet::new()));
            known.1.insert(compiled.mission.definition.code.clone());
        }
    }
    let mut costs: Vec<(HookCost, bool, &BTreeSet<MissionCode>)> = scripts
        .values()
        .flat_map(|(script, missions)| {
            let slow = script.is_slow();
            let costs = script.costs().into_iter();
            costs.map(move |cost| (cost, slow, missions))
        })
        .collect();
    costs.sort_by_key(|(cost, ..)| std::cmp::Reverse(cost.total));
    let costs = costs.iter().take(limit);
    costs
        .map(|(cost, slow, missions)| SlowHook::new(missions, cost, *slow))
        .collect()
}
