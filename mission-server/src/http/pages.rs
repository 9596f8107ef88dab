//! Pages for people: where to begin, and what each kind of problem means. Programs that ask for no HTML get JSON.

use std::fmt::Write as _;

use axum::{
    Json, Router,
    extract::Path,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;

use super::{AppState, Problem};

/// One kind of problem.
#[derive(Clone, Copy, Debug, Serialize)]
struct Kind {
    code: &'static str,
    status: u16,
    /// What it means.
    meaning: &'static str,
    /// What to do.
    way_out: &'static str,
}

const fn kind(code: &'static str, status: u16, meaning: &'static str, way_out: &'static str) -> Kind {
    Kind {
        code,
        status,
        meaning,
        way_out,
    }
}

/// Every code that this server answers with.
const KINDS: &[Kind] = &[
    kind(
        "already_checked_in",
        400,
        "There was a check-in on this local day, or on a later one.",
        "Come again at `next_check_in_at` of GET /checkin.",
    ),
    kind(
        "already_claimed",
        400,
        "The reward was granted before; a reward is granted once.",
        "Nothing is to be done: GET /rewards shows it.",
    ),
    kind(
        "already_counted",
        400,
        "The mission has counted this before, under the same value of its trigger's `key`.",
        "Nothing is to be done: what is told twice counts once.",
    ),
    kind(
        "already_decided",
        400,
        "A reviewer has decided this review before.",
        "GET /reviews/{id} shows how.",
    ),
    kind(
        "amount_out_of_bounds",
        422,
        "An amount is beyond what points can hold.",
        "Correct the mission's reward or its script.",
    ),
    kind(
        "assigned_to_another",
        409,
        "Another reviewer works on the review.",
        "`detail` says until when it is theirs; take another one, or ask them to release it.",
    ),
    kind(
        "budget_exhausted",
        400,
        "The mission's budget cannot carry another completion.",
        "Progress is kept; try again when the budget was raised or a reward has expired.",
    ),
    kind(
        "busy",
        503,
        "Others were faster every time, or more was asked for than the server can do. Nothing was changed.",
        "Try again after `Retry-After`.",
    ),
    kind(
        "code_taken",
        409,
        "The code belongs to a mission of a pack, or to one that was made over HTTP.",
        "Choose another code; `detail` names the owner.",
    ),
    kind(
        "cooldown",
        429,
        "The mission's cooldown runs since its last completion.",
        "Start it again after `Retry-After`.",
    ),
    kind(
        "device_required",
        400,
        "The operator demands that the client names its device.",
        "Send the header `X-Device-Id`.",
    ),
    kind(
        "evidence_rejected",
        422,
        "The evidence does not show what it must.",
        "`detail` says why; show other evidence.",
    ),
    kind(
        "evidence_reused",
        422,
        "Another task or user has shown the same file or screenshot.",
        "Show evidence of this very task.",
    ),
    kind(
        "forbidden",
        403,
        "The token lacks a permission.",
        "`detail` names it; ask for a token that has it in `permissions`.",
    ),
    kind(
        "idempotency_in_progress",
        409,
        "The first request with this Idempotency-Key is still being served.",
        "Wait, and repeat the request with the same key.",
    ),
    kind(
        "idempotency_key_reused",
        422,
        "The Idempotency-Key was used for another body or route within 24 hours.",
        "Use a new key for each new request.",
    ),
    kind(
        "incomplete_body",
        400,
        "The connection ended before the body did.",
        "Send the request again.",
    ),
    kind(
        "internal",
        500,
        "Something went wrong in this server.",
        "Tell its operators the `correlation_id`.",
    ),
    kind(
        "invalid_body",
        422,
        "The body cannot be taken; nothing was changed.",
        "`errors` names each field by a JSON pointer, and what would be right.",
    ),
    kind(
        "invalid_header",
        422,
        "A header cannot be taken.",
        "`detail` names it, and what would be right.",
    ),
    kind(
        "invalid_idempotency_key",
        422,
        "The header `Idempotency-Key` has no form that can be taken.",
        "Send 1 to 255 visible ASCII characters.",
    ),
    kind(
        "invalid_query",
        422,
        "A query parameter cannot be taken.",
        "`errors` names it, and what would be right.",
    ),
    kind(
        "invalid_transition",
        400,
        "A mission goes from draft to active, between active and paused, and from paused to archived.",
        "GET the mission to see its status.",
    ),
    kind(
        "invalid_upload",
        422,
        "The file is broken, empty or cut off, takes too much to decode, or is two files in one. Nothing was kept.",
        "`detail` says what is wrong; send another file.",
    ),
    kind(
        "link_refused",
        403,
        "The link to a file has expired, or was not made by this server.",
        "GET the task or the review again: it has a new link.",
    ),
    kind(
        "max_completions_reached",
        400,
        "The user has completed the mission as often as a period takes.",
        "Wait for the next period, where there is one.",
    ),
    kind(
        "method_not_allowed",
        405,
        "The route exists, and does not take this method.",
        "See /docs.",
    ),
    kind(
        "mission_not_active",
        400,
        "The mission is a draft, paused or archived, or outside of its window.",
        "GET the mission to see its status and window.",
    ),
    kind(
        "not_claimed",
        400,
        "The reward has expired, or was rejected or revoked before: there is nothing to revoke.",
        "Nothing is to be done.",
    ),
    kind(
        "not_eligible",
        400,
        "The user does not meet the mission's rules, or has not completed what it requires.",
        "`detail` names the rule that decided.",
    ),
    kind(
        "not_found",
        404,
        "There is no such thing, or it is another user's.",
        "Check the id and the token.",
    ),
    kind(
        "payload_too_large",
        413,
        "The body is larger than this server takes.",
        "Send less, or several requests.",
    ),
    kind(
        "policy_taken",
        409,
        "Another pack carries the check-in, referral, level or scale policy.",
        "Only one pack can: take the policy files out of one of the two.",
    ),
    kind(
        "progress_by_events",
        400,
        "The mission is moved by activity events.",
        "Send the event to POST /events.",
    ),
    kind(
        "range_not_satisfiable",
        416,
        "The file ends before the range that was asked for.",
        "The header `Content-Range` tells how many bytes there are.",
    ),
    kind(
        "rate_limited",
        429,
        "There were too many requests.",
        "Try again after `Retry-After`.",
    ),
    kind(
        "referral_counted",
        400,
        "The invitee was counted for an inviter before.",
        "Nothing is to be done.",
    ),
    kind(
        "reward_expired",
        400,
        "The reward was not claimed in time.",
        "Nothing is to be done.",
    ),
    kind(
        "reward_rejected",
        400,
        "A reviewer refused the reward, or an operator revoked it before it was claimed.",
        "Ask the operators.",
    ),
    kind(
        "risk_refused",
        403,
        "The rules of the operator find what was asked for too risky at the moment.",
        "Wait some minutes and try again; if it stays so, ask support.",
    ),
    kind(
        "rule_failed",
        400,
        "The mission's script failed on this request; nothing was awarded.",
        "Its authors see why in `health` of GET /missions/{id}.",
    ),
    kind(
        "second_person_required",
        403,
        "Whoever asked for a grant cannot approve it.",
        "Let another operator approve it, or reject it.",
    ),
    kind(
        "self_referral",
        400,
        "Inviter and invitee are the same user.",
        "Nobody invites themselves.",
    ),
    kind(
        "shadow_fixed",
        409,
        "Whether a mission is a shadow, and of which, cannot be changed once it was active.",
        "Give the mission that is to pay a code of its own.",
    ),
    kind(
        "starting",
        503,
        "The server is starting.",
        "Try again after `Retry-After`.",
    ),
    kind(
        "task_already_open",
        400,
        "The user has an open task of the mission in this period.",
        "Go on with that one: GET /tasks.",
    ),
    kind(
        "task_not_complete",
        400,
        "Progress is not full, or valid evidence is missing.",
        "`detail` says what lacks.",
    ),
    kind(
        "task_not_completed",
        400,
        "The task is not completed, so there is nothing to claim.",
        "Complete it first.",
    ),
    kind(
        "task_not_open",
        400,
        "The task is not in progress, or its period or mission has ended.",
        "GET the task to see its status.",
    ),
    kind(
        "timeout",
        503,
        "The request took too long; whether it was carried out is unknown.",
        "Repeat it with the same Idempotency-Key.",
    ),
    kind(
        "too_many_webhooks",
        400,
        "There are as many webhooks as a server takes.",
        "DELETE one that nobody needs first; GET /webhooks lists them.",
    ),
    kind(
        "unauthorized",
        401,
        "The token is missing, or cannot be taken.",
        "`detail` and the header `WWW-Authenticate` say why.",
    ),
    kind(
        "unavailable",
        503,
        "What the server depends on is away.",
        "Try again after `Retry-After`; where `detail` says that the outcome is unknown, with the same Idempotency-Key.",
    ),
    kind(
        "unsupported_media_type",
        415,
        "The body or the uploaded file has a type that the route does not take, or another one than it claims.",
        "`detail` names those that it does.",
    ),
    kind(
        "user_erased",
        410,
        "The user was erased, and the id stays taken.",
        "Nothing is to be done.",
    ),
    kind(
        "version_conflict",
        412,
        "The mission was changed since the version of `If-Match`.",
        "GET it again, and repeat the change on what is there now.",
    ),
];

/// Whether a code has a page.
pub(super) fn has_page(code: &str) -> bool {
    KINDS.iter().any(|kind| kind.code == code)
}

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(start))
        .route("/problems", get(problems))
        .route("/problems/{code}", get(problem))
}

/// The one thing that pages need, and it stands in them.
const STYLE: &str =
    "body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
code { font-size: .95em } dt { font-weight: bold; margin-top: 1rem } dd { margin: 0 }";

/// That style by its hash, and nothing from anywhere.
const POLICY: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; style-src 'sha256-2VfRV/ltxTIjc12Q5p7ORNpvAEw2902+e5XiD1ncfJ4='; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

fn page(title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    );
    let kind = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    ([kind, POLICY], html).into_response()
}

/// Whether the caller is a browser, more or less.
fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

async fn start() -> Response {
    page(
        "Mission engine",
        "<p>Missions that users do for rewards, and daily check-ins with streaks and bonuses.</p>\n<dl>\n\
         <dt><a href=\"/docs\">/docs</a></dt><dd>every operation, to read and to try</dd>\n\
         <dt><a href=\"/openapi.json\">/openapi.json</a></dt><dd>the same for programs (OpenAPI 3.1)</dd>\n\
         <dt><a href=\"/asyncapi.json\">/asyncapi.json</a></dt><dd>the events that leave and come through RabbitMQ (AsyncAPI 3)</dd>\n\
         <dt><a href=\"/problems\">/problems</a></dt><dd>what each error means, and what to do</dd>\n\
         <dt><a href=\"/health\">/health</a></dt><dd>what the server depends on, and how it is</dd>\n\
         <dt><a href=\"/metrics\">/metrics</a></dt><dd>metrics in Prometheus form</dd>\n</dl>\n",
    )
}

async fn problems(headers: HeaderMap) -> Response {
    if !wants_html(&headers) {
        return Json(KINDS).into_response();
    }
    let mut list = "<p>The <code>code</code> of a problem, and what it means.</p>\n<dl>\n".to_owned();
    for Kind { code, meaning, .. } in KINDS {
        // Writing into a string cannot fail.
        let _ = writeln!(
            list,
            "<dt><a href=\"/problems/{code}\">{code}</a></dt><dd>{}</dd>",
            with_code(meaning)
        );
    }
    list.push_str("</dl>\n");
    page("Problems", &list)
}

async fn problem(headers: HeaderMap, Path(code): Path<String>) -> Response {
    let Some(kind) = KINDS.iter().find(|kind| kind.code == code) else {
        let detail = "there is no such kind of problem; /problems lists them";
        return Problem::new(StatusCode::NOT_FOUND, "not_found", detail).into_response();
    };
    if !wants_html(&headers) {
        return Json(kind).into_response();
    }
    let body = format!(
        "<p>Status {}</p>\n<dl>\n<dt>What it means</dt><dd>{}</dd>\n<dt>What to do</dt><dd>{}</dd>\n</dl>\n\
         <p><a href=\"/problems\">All problems</a></p>\n",
        kind.status,
        with_code(kind.meaning),
        with_code(kind.way_out)
    );
    page(kind.code, &body)
}

/// Words between backticks as code.
fn with_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(n, part)| {
            if n % 2 == 1 {
                format!("<code>{part}</code>")
            } else {
                part.to_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes that stand in a source text behind a mark.
    fn codes_behind<'s>(source: &'s str, mark: &'s str) -> impl Iterator<Item = &'s str> {
        let after = source.split(mark).skip(1);
        after.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
    }

    #[test]
    fn every_refusal_of_the_domain_has_a_page() {
        let source = include_str!("../../../mission-core/src/decision/rejection.rs");
        let (_, codes) = source.split_once("fn code(").unwrap();
        let codes: Vec<&str> = codes_behind(codes, "=>").collect();
        assert!(codes.len() > 25, "{codes:?}");
        for code in codes {
            assert!(has_page(code), "{code}");
        }
    }

    #[test]
    fn the_policy_names_the_style() {
        use base64::{Engine, prelude::BASE64_STANDARD};
        use sha2::{Digest, Sha256};
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        assert!(POLICY.1.contains(&format!("'sha256-{hash}'")), "{hash}");
    }

    #[test]
    fn pages_are_in_order_and_each_code_has_one() {
        assert!(KINDS.is_sorted_by(|a, b| a.code < b.code));
    }
}
