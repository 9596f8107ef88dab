//! What rules may read of a user, as the identity service or an operator says it.

use axum::{http::StatusCode, response::Response};
use mission_core::{UserId, check_in::Zone, engine::DescribeUser};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::{Id, answer};
use crate::http::{
    AppState, FieldError, Problem,
    caller::{Operator, UsersWrite},
    command::Command,
    view::ZoneChange,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(describe))
}

/// What is said of a user; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Attributes {
    /// From 1.
    #[schema(minimum = 1)]
    level: Option<u32>,
    /// ISO 3166 country code.
    #[schema(pattern = "^[A-Z]{2}$")]
    country: Option<String>,
    /// All tags, at most 100.
    #[schema(max_items = 100)]
    tags: Option<Vec<String>>,
    /// All other attributes.
    attributes: Option<Map<String, Value>>,
    /// The zone that is asked for; it holds once the current day has ended in the old and the new one.
    #[schema(value_type = Option<String>, example = "Asia/Ho_Chi_Minh")]
    zone: Option<Zone>,
}

impl Attributes {
    fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut fault = |pointer: &str, message: &str| {
            faults.push(FieldError {
                pointer: pointer.to_owned(),
                message: message.to_owned(),
            });
        };
        if self.level == Some(0) {
            fault("/level", "must be 1 or more");
        }
        let is_code = |text: &String| text.len() == 2 && text.bytes().all(|c| c.is_ascii_uppercase());
        if self.country.as_ref().is_some_and(|country| !is_code(country)) {
            fault(
                "/country",
                "must be an ISO 3166 code of two capital letters, such as `VN`",
            );
        }
        let is_tag = |tag: &String| (1..=255).contains(&tag.chars().count());
        if self
            .tags
            .as_ref()
            .is_some_and(|tags| tags.len() > 100 || !tags.iter().all(is_tag))
        {
            fault("/tags", "must be at most 100 texts of 1 to 255 characters");
        }
        faults
    }
}

/// What is said of a user now.
#[derive(Debug, Serialize, ToSchema)]
struct Described {
    user_id: UserId,
    level: u32,
    country: Option<String>,
    tags: Vec<String>,
    attributes: Map<String, Value>,
    /// The zone that was asked for last.
    #[schema(value_type = String)]
    zone: Zone,
    /// From when it holds, where it does not yet.
    zone_change: Option<ZoneChange>,
}

/// Says what rules may read of a user.
#[utoipa::path(put, path = "/users/{id}/attributes", tag = "users", params(("id" = UserId, Path)),
    request_body = Attributes, responses(
    (status = 200, description = "What is said now", body = Described),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn describe(Id(user): Id<UserId>, asked: Command<Operator<UsersWrite>>) -> Result<Response, Problem> {
    let said: Attributes = asked.body.read()?;
    let faults = said.faults();
    if !faults.is_empty() {
        return Err(Problem::invalid_body(faults));
    }
    let Attributes {
        level,
        country,
        tags,
        attributes,
        zone,
    } = said;
    let command = DescribeUser {
        user,
        level,
        country,
        tags,
        attributes,
        zone,
    };
    let done = asked.execute(command).await?;
    let (known, book) = (done.reply.user, asked.state.engine.book());
    let described = Described {
        user_id: user,
        level: known.level(&book.levels),
        zone_change: ZoneChange::of(&known, asked.state.engine.now()),
        zone: known.zone_line(book.check_in.default_zone()).wanted(),
        country: known.description.country,
        tags: known.description.tags,
        attributes: known.description.attributes,
    };
    Ok(answer(StatusCode::OK, described, done.replayed))
}
