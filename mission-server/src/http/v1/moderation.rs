//! Where the moderation service calls back.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    http::{AppState, Problem, body::Body},
    moderation::ModerateError,
    neighbours::CallbackError,
};

/// Routes that need no token: who calls is told by a signature.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(callback))
}

/// What the moderation service found of an upload.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "it is read once its signature is known to be good; this describes it"
)]
struct ModerationVerdict {
    moderation_id: String,
    /// The upload.
    file_id: String,
    /// `pending`, `approved`, `rejected`, or `review`: a person shall decide.
    verdict: String,
    /// Why.
    reason: Option<String>,
}

/// A verdict of the moderation service, signed as Standard Webhooks say: `webhook-id`, `webhook-timestamp`,
/// `webhook-signature`. The first one counts, however many come.
#[utoipa::path(post, path = "/moderation/callback", tag = "operations", security(()), request_body = ModerationVerdict,
    params(("webhook-id" = String, Header), ("webhook-timestamp" = String, Header), ("webhook-signature" = String, Header)),
    responses(
    (status = 204, description = "It was acted on, now or before"),
    (status = 401, description = "`unauthorized`: the signature is missing, wrong or old, or there is no moderation service", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: no such upload", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_body`", body = Problem, content_type = "application/problem+json")))]
async fn callback(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let Some(moderator) = &state.moderator else {
        let nobody =
            "this server asks no moderation service, so no signature is good; see MISSION_MODERATION_URL";
        return Err(unauthorized(nobody));
    };
    match moderator.handle_callback(&headers, body.bytes()?).await {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => {
            let none = "there is no such upload";
            Err(Problem::new(StatusCode::NOT_FOUND, "not_found", none))
        }
        Err(error) => Err(refused(error)),
    }
}

fn unauthorized(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

fn refused(error: ModerateError) -> Problem {
    match error {
        ModerateError::Callback(CallbackError::Unreadable(detail)) => Problem::invalid_field("", detail),
        ModerateError::Callback(error) => unauthorized(error.to_string()),
        ModerateError::Store(error) => error.into(),
        ModerateError::Execute(error) => error.into(),
        ModerateError::Upload(error) => error.into(),
        ModerateError::Moderation(error) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string()).retry_after(1)
        }
    }
}
