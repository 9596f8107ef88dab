//! Every error as an RFC 9457 problem: one match from the domain's refusals to statuses.

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use mission_core::{
    engine::{CommandError, ExecuteError, Rejection, ResourceKind},
    ports::{social::SocialError, store::StoreError},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::telemetry::fraud_decision;

/// An error on its way to a client.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
    challenge: Option<String>,
    replayed: bool,
}

/// An error as clients get it: `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "/problems/already_claimed",
    "title": "Bad Request",
    "status": 400,
    "detail": "the reward was claimed before",
    "code": "already_claimed",
    "correlation_id": "0190163d-8694-739b-aea5-966c26f8ad91",
}))]
struct ProblemBody {
    /// A stable address of the kind of problem; ends in `code`.
    #[serde(rename = "type")]
    type_uri: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request, for people.
    detail: String,
    /// What is wrong, for programs.
    code: &'static str,
    /// The id that follows the request through logs and events; quote it when you ask for help.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    /// For 422: what is wrong with each field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        ProblemBody::schema()
    }
}

impl ToSchema for Problem {
    fn name() -> Cow<'static, str> {
        ProblemBody::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ProblemBody::schemas(schemas);
    }
}

/// An error in one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// A JSON pointer into the body, or the name of a query parameter.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Where this server describes the kinds of problems: a reference relative to the address that was asked (RFC 9457).
const TYPE_BASE: &str = "/problems/";

impl Problem {
    /// A problem of a kind.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Problem {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            challenge: None,
            replayed: false,
        }
    }

    /// The same, with the time after which a retry makes sense.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Problem {
            retry_after: Some(seconds.max(1)),
            ..self
        }
    }

    /// The same, with what a token must be like (`WWW-Authenticate`).
    #[must_use]
    pub fn challenge(self, challenge: String) -> Self {
        Problem {
            challenge: Some(challenge),
            ..self
        }
    }

    /// A body that cannot be taken, with what is wrong in which field.
    #[must_use]
    pub fn invalid_body(errors: Vec<FieldError>) -> Self {
        Problem {
            errors,
            ..Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_body",
                "the body was refused; see `errors`",
            )
        }
    }

    /// A body with one bad field.
    #[must_use]
    pub fn invalid_field(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Problem::invalid_body(vec![FieldError {
            pointer: pointer.into(),
            message: message.into(),
        }])
    }

    /// A query parameter that cannot be taken.
    #[must_use]
    pub fn invalid_query(name: &str, message: impl Into<String>) -> Self {
        let errors = vec![FieldError {
            pointer: name.to_owned(),
            message: message.into(),
        }];
        let detail = format!("the query was refused at `{name}`");
        Problem {
            errors,
            ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_query", detail)
        }
    }

    /// More is asked for than can be served; nothing was done.
    #[must_use]
    pub fn busy() -> Self {
        let detail = "too much is going on; try again";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1)
    }

    /// There is no such thing, or it is another's.
    #[must_use]
    pub fn not_found(thing: ResourceKind) -> Self {
        Rejection::NotFound(thing).into()
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let status = match &rejection {
            Rejection::NotFound(_) => StatusCode::NOT_FOUND,
            Rejection::UserErased => StatusCode::GONE,
            Rejection::SecondPersonRequired | Rejection::RiskRefused(_) => StatusCode::FORBIDDEN,
            Rejection::Cooldown { .. } => StatusCode::TOO_MANY_REQUESTS,
            Rejection::FriendsUnknown => StatusCode::SERVICE_UNAVAILABLE,
            Rejection::CodeTaken { .. }
            | Rejection::ShadowFixed { .. }
            | Rejection::PolicyTaken
            | Rejection::AssignedToAnother { .. } => StatusCode::CONFLICT,
            Rejection::VersionConflict { .. } => StatusCode::PRECONDITION_FAILED,
            Rejection::EvidenceRejected(_)
            | Rejection::EvidenceReused
            | Rejection::IdempotencyKeyReused
            | Rejection::AmountOutOfBounds(_) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_REQUEST,
        };
        let problem = Problem::new(status, rejection.code(), rejection.to_string());
        match rejection {
            Rejection::Cooldown {
                retry_after_seconds, ..
            } => problem.retry_after(retry_after_seconds),
            Rejection::FriendsUnknown => problem.retry_after(1),
            _ => problem,
        }
    }
}

impl From<ExecuteError> for Problem {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => rejection.into(),
            ExecuteError::RejectedBefore(rejection) => Problem {
                replayed: true,
                ..rejection.into()
            },
            ExecuteError::Overloaded | ExecuteError::Contended(_) => Problem::busy(),
            ExecuteError::Fault(CommandError::Unknown(why)) => {
                tracing::error!(reason = %why, "the outcome of a command is unknown");
                unavailable(
                    "whether the command was carried out is unknown; repeat it with the same Idempotency-Key",
                )
            }
            ExecuteError::Fault(CommandError::NotWritten(why)) => {
                tracing::error!(reason = %why, "a command failed");
                unavailable("nothing was changed; try again")
            }
            ExecuteError::Stopped => unavailable("the server is stopping; try again"),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(reason = %error, "the store failed");
        unavailable("the database cannot be read; try again")
    }
}

impl From<SocialError> for Problem {
    fn from(error: SocialError) -> Self {
        // The breaker tells that the service is away, once.
        tracing::debug!(reason = %error, "friends cannot be asked for");
        unavailable("who the user's friends are cannot be asked for at the moment; try again")
    }
}

fn unavailable(detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(1)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem {
            status,
            code,
            detail,
            errors,
            retry_after,
            challenge,
            replayed,
        } = self;
        debug_assert!(super::pages::has_page(code), "{code} has no page");
        let body = ProblemBody {
            type_uri: format!("{TYPE_BASE}{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            code,
            correlation_id: super::correlation::current(),
            errors,
        };
        let mut response = (status, serde_json::to_vec(&body).unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if replayed {
            headers.insert(super::idempotency::REPLAYED, HeaderValue::from_static("true"));
        }
        if let Some(challenge) = challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        metrics::counter!("mission_problems_total", "code" => code).increment(1);
        let stage = match code {
            "rate_limited" => Some("rate_limit"),
            "cooldown" => Some("cooldown"),
            "device_required" => Some("device"),
            "risk_refused" => Some("risk"),
            "evidence_rejected" | "evidence_reused" => Some("evidence"),
            _ => None,
        };
        if let (Some(stage), false) = (stage, replayed) {
            fraud_decision(stage, "refused", "on");
        }
        response
    }
}
