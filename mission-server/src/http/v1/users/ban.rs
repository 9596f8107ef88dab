//! Users who were banned with a rejected review, let back in.

use axum::{http::StatusCode, response::Response};
use mission_core::{UserId, engine::LiftBan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::{Id, answer, reviews::check_note};
use crate::http::{
    AppState, Problem,
    caller::{Operator, UsersWrite},
    command::Command,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(unban))
}

/// Why a ban is lifted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Pardon {
    /// For the audit; at most 1,000 characters.
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// A user who is not banned.
#[derive(Debug, Serialize, ToSchema)]
struct Unbanned {
    user_id: UserId,
    /// What is left of the tags.
    tags: Vec<String>,
}

/// Lifts a ban that a reviewer has set: the tag `banned` goes. Where the identity service says it, it is the service's.
#[utoipa::path(post, path = "/users/{id}/unban", tag = "users", security(("bearer" = ["users:write"])), params(("id" = UserId, Path)),
    request_body = Option<Pardon>, responses(
    (status = 200, description = "The user, who is not banned", body = Unbanned),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: the user is not known", body = Problem, content_type = "application/problem+json")))]
async fn unban(Id(user): Id<UserId>, request: Command<Operator<UsersWrite>>) -> Result<Response, Problem> {
    let Pardon { note } = request.body.read_or_default()?;
    let command = LiftBan {
        user,
        note: check_note(note)?,
    };
    let done = request.execute(command).await?;
    let unbanned = Unbanned {
        user_id: user,
        tags: done.reply.user.description.tags,
    };
    Ok(answer(StatusCode::OK, unbanned, done.replayed))
}
