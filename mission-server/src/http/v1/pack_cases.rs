//! The cases of a pack, run without putting it in place.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use axum::{Json, extract::State};
use mission_rules::{
    Scripts,
    pack::{CaseOutcome, Pack, PackFiles, PackLimits},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{packs::refused, rules::run_scripts};
use crate::http::{
    AppState, Problem,
    body::{Body, BodyLimit},
    caller::{MissionsWrite, Operator},
    query::{NoQuery, Query},
};

/// How long the cases of one request may take together: what is left then is told.
const LONGEST: Duration = Duration::from_secs(5);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    let limit = BodyLimit(PackLimits::default().max_total_bytes.saturating_mul(2));
    OpenApiRouter::new()
        .routes(routes!(run))
        .layer(axum::Extension(limit))
}

/// A pack's files.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tried {
    /// Text by path, such as `pack.toml`, `missions/watch.toml` and `tests/watch.toml`.
    files: BTreeMap<String, String>,
}

/// The outcomes of a pack's cases.
#[derive(Debug, Serialize, ToSchema)]
struct CaseReport {
    /// Whether all cases ran and came out as expected.
    ok: bool,
    /// Those that ran, in the order in which they stand.
    cases: Vec<CaseView>,
    /// How many did not run, because those before took too long.
    left_out: usize,
    /// How many properties the pack has: `mission test` tries them.
    properties: usize,
}

/// The outcome of one case.
#[derive(Debug, Serialize, ToSchema)]
struct CaseView {
    file: String,
    name: String,
    passed: bool,
    mismatches: Vec<MismatchView>,
    /// What was refused on the way.
    refusals: Vec<String>,
}

/// What came out otherwise than expected.
#[derive(Debug, Serialize, ToSchema)]
struct MismatchView {
    /// Such as `points`.
    what: String,
    expected: String,
    found: String,
}

impl From<CaseOutcome> for CaseView {
    fn from(outcome: CaseOutcome) -> Self {
        let passed = outcome.passed();
        let mismatches = outcome.mismatches.into_iter().map(|mismatch| MismatchView {
            what: mismatch.what,
            expected: mismatch.expected,
            found: mismatch.found,
        });
        CaseView {
            file: outcome.file,
            name: outcome.name,
            passed,
            mismatches: mismatches.collect(),
            refusals: outcome.refusals,
        }
    }
}

/// Runs the cases of a pack, which is not put in place.
#[utoipa::path(post, path = "/rules/test", operation_id = "test_pack", tag = "authoring", security(("bearer" = ["missions:write"])), request_body = Tried, responses(
    (status = 200, description = "What came out", body = CaseReport),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_body`: the pack has errors", body = Problem, content_type = "application/problem+json")))]
async fn run(
    State(state): State<AppState>,
    _operator: Operator<MissionsWrite>,
    _: Query<NoQuery>,
    body: Body,
) -> Result<Json<CaseReport>, Problem> {
    let tried: Tried = body.read()?;
    let files = PackFiles::from_map(tried.files);
    let now = state.engine.now();
    let report = run_scripts(move || {
        let (pack, findings) = Pack::load_at(&files, &state.scripts, now);
        let pack = pack.ok_or_else(|| refused(&findings, &files))?;
        Ok(cases_of(&pack, &state.scripts))
    });
    report.await?.map(Json)
}

fn cases_of(pack: &Pack, scripts: &Scripts) -> CaseReport {
    let begun = Instant::now();
    let cases = pack.all_cases();
    let ran = cases.iter().map(|case| pack.run_case(*case, scripts));
    let outcomes: Vec<CaseOutcome> = ran.take_while(|_| begun.elapsed() < LONGEST).collect();
    let left_out = cases.len() - outcomes.len();
    CaseReport {
        ok: left_out == 0 && outcomes.iter().all(CaseOutcome::passed),
        cases: outcomes.into_iter().map(CaseView::from).collect(),
        left_out,
        properties: pack.properties.len(),
    }
}
