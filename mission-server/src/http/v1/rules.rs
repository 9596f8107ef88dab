//! Rules tried out: a script checked, a hook evaluated on a context.

use axum::{Json, extract::State, http::StatusCode};
use mission_core::{mission::MissionCode, ports::rules::Hook};
use mission_rules::{Diagnostic, FieldSchema, ScriptHooks, Severity, TraceStep, diagnostic::line_column};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    AppState, Problem,
    body::Body,
    caller::{MissionsWrite, Operator},
    query::{NoQuery, Query},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(check)).routes(routes!(eval))
}

/// A script.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Source {
    /// The source.
    #[schema(example = "fn eligible(ctx) { ctx.user.level >= 3 }")]
    script: String,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
struct Diagnostics {
    /// Whether the script can be used.
    ok: bool,
    diagnostics: Vec<DiagnosticView>,
    /// The hooks of a script that compiles.
    hooks: Vec<HookView>,
}

/// How a hook runs.
#[derive(Debug, Serialize, ToSchema)]
struct HookView {
    /// `eligible`, `progress`, `verify` or `reward`.
    #[schema(value_type = String, example = "eligible")]
    hook: Hook,
    /// Whether it is compiled; else it runs in the interpreter, which takes longer.
    compiled: bool,
    /// Why it is not compiled.
    reason: Option<String>,
    /// The line of that, from 1, where it is in one place.
    line: Option<usize>,
}

impl HookView {
    fn all(script: &ScriptHooks) -> Vec<Self> {
        let hooks = script.hooks().map(|(hook, interpreted)| HookView {
            hook,
            compiled: interpreted.is_none(),
            reason: interpreted.map(|because| because.reason.clone()),
            line: interpreted.and_then(|because| because.line),
        });
        hooks.collect()
    }
}

/// One finding.
#[derive(Debug, Serialize, ToSchema)]
struct DiagnosticView {
    code: &'static str,
    /// `error` or `warning`.
    severity: &'static str,
    message: String,
    help: Option<String>,
    /// From 1; `null` where it is about the whole script.
    line: Option<usize>,
    /// From 1, in characters.
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
}

impl DiagnosticView {
    fn of(found: Diagnostic, source: &str) -> Self {
        let start = found.span.as_ref().map(|span| line_column(source, span.start));
        let end = found.span.as_ref().map(|span| line_column(source, span.end));
        DiagnosticView {
            code: found.code.as_str(),
            severity: match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: found.message,
            help: found.help,
            line: start.map(|(line, _)| line),
            column: start.map(|(_, column)| column),
            end_line: end.map(|(line, _)| line),
            end_column: end.map(|(_, column)| column),
        }
    }
}

/// Checks a script.
#[utoipa::path(post, path = "/rules/check", tag = "authoring", security(("bearer" = ["missions:write"])), request_body = Source, responses(
    (status = 200, description = "What was found", body = Diagnostics),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn check(
    State(state): State<AppState>,
    _operator: Operator<MissionsWrite>,
    _: Query<NoQuery>,
    body: Body,
) -> Result<Json<Diagnostics>, Problem> {
    let source: Source = body.read()?;
    let (found, script) = state
        .scripts
        .diagnose_script(&source.script, &FieldSchema::default());
    Ok(Json(Diagnostics {
        ok: found
            .iter()
            .all(|diagnostic| diagnostic.severity != Severity::Error),
        diagnostics: found
            .into_iter()
            .map(|diagnostic| DiagnosticView::of(diagnostic, &source.script))
            .collect(),
        hooks: script.map(|script| HookView::all(&script)).unwrap_or_default(),
    }))
}

/// A hook and the context to evaluate it on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Trial {
    /// The source; or name a `mission` that has one.
    script: Option<String>,
    /// The code of a mission whose script is meant.
    mission: Option<MissionCode>,
    /// `eligible`, `progress`, `verify` or `reward`.
    #[schema(value_type = String, example = "eligible")]
    hook: Hook,
    /// The fields of `ctx`; what is left out reads as `()`.
    #[schema(example = json!({"user": {"level": 4}}))]
    context: Map<String, Value>,
}

/// What the hook gave.
#[derive(Debug, Serialize, ToSchema)]
struct Evaluated {
    /// The value.
    value: Value,
    /// Each statement that ran, with the values that it saw.
    trace: Vec<StepView>,
    /// Whether there were more steps than are shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// One statement that ran.
#[derive(Debug, Serialize, ToSchema)]
struct StepView {
    line: usize,
    column: usize,
    /// The line of the source.
    code: String,
    /// What the statement reads, and its value at that moment.
    values: Vec<ValueView>,
}

/// Something that a statement reads.
#[derive(Debug, Serialize, ToSchema)]
struct ValueView {
    /// As it is written in the source.
    name: String,
    value: Value,
}

impl From<TraceStep> for StepView {
    fn from(step: TraceStep) -> Self {
        let values = step
            .values
            .into_iter()
            .map(|(name, value)| ValueView { name, value });
        StepView {
            line: step.line,
            column: step.column,
            code: step.code,
            values: values.collect(),
        }
    }
}

/// Evaluates one hook of a script.
#[utoipa::path(post, path = "/rules/eval", tag = "authoring", security(("bearer" = ["missions:write"])), request_body = Trial, responses(
    (status = 200, description = "What the hook gave", body = Evaluated),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_body`, `rule_failed`", body = Problem, content_type = "application/problem+json")))]
async fn eval(
    State(state): State<AppState>,
    _operator: Operator<MissionsWrite>,
    _: Query<NoQuery>,
    body: Body,
) -> Result<Json<Evaluated>, Problem> {
    let trial: Trial = body.read()?;
    let source = match (trial.script, trial.mission) {
        (Some(script), None) => script,
        (None, Some(code)) => script_of(&state, &code)?,
        _ => {
            return Err(Problem::invalid_field(
                "/script",
                "give either a `script` or the code of a `mission`",
            ));
        }
    };
    let context = Value::Object(trial.context);
    let traced = run_scripts(move || state.scripts.trace_hook(&source, trial.hook, &context))
        .await?
        .map_err(|error| Problem::invalid_field("/script", error.to_string()))?;
    match traced.result {
        Ok(value) => {
            let trace = traced.steps.into_iter().map(StepView::from).collect();
            Ok(Json(Evaluated {
                value,
                trace,
                truncated: traced.truncated,
            }))
        }
        Err(failure) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "rule_failed",
            failure.to_string(),
        )),
    }
}

/// Runs what evaluates scripts, each of which may take up to its limits: not on the threads that serve everybody.
pub(super) async fn run_scripts<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        let detail = "the evaluation panicked";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    })
}

fn script_of(state: &AppState, code: &MissionCode) -> Result<String, Problem> {
    let catalog = state.engine.catalog();
    let listed = catalog.id_of(code).and_then(|id| catalog.mission(id));
    listed
        .and_then(|listed| listed.mission.definition.script.clone())
        .ok_or_else(|| {
            Problem::invalid_field("/mission", format!("there is no mission `{code}` with a script"))
        })
}
