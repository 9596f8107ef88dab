//! The OpenAPI document, generated from the handlers, and the page that shows it.

use axum::{
    Json, Router,
    http::{HeaderValue, header},
    routing::get,
};
use serde_json::Value;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::{
    OpenApi,
    openapi::{
        Content, Header, Object, OpenApi as Document, Ref, RefOr, ResponseBuilder, Type,
        path::{Operation, PathItem},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_swagger_ui::SwaggerUi;

use crate::amqp;

use super::{
    AppState, examples, ops,
    problem::{FieldError, Problem},
    v1,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mission engine",
        description = "Missions that users do for rewards, daily check-ins with streaks and bonuses, and a review queue. \
            Errors are RFC 9457 problems; see `code`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "The server that this comes from")),
    components(schemas(Problem, FieldError)),
    tags(
        (name = "missions", description = "What users can be asked to do"),
        (name = "tasks", description = "One user's attempts"),
        (name = "check-in", description = "Daily visits and streaks"),
        (name = "rewards", description = "What was earned"),
        (name = "me", description = "The caller's own"),
        (name = "leaderboards", description = "Who has claimed the most"),
        (name = "events", description = "What users did elsewhere"),
        (name = "authoring", description = "Missions, packs and rules"),
        (name = "reviews", description = "Flagged commands"),
        (name = "users", description = "What rules may read of users"),
        (name = "analytics", description = "What happens"),
        (name = "webhooks", description = "Who is told of events by HTTP"),
        (name = "operations", description = "For operators' machines"),
    )
)]
struct Base;

/// The OpenAPI 3.1 document; with the routes of the clock where it can be set.
#[must_use]
pub fn document(with_clock: bool) -> Document {
    let (_, v1) = v1::routes().split_for_parts();
    let (_, signed) = v1::signed_routes().split_for_parts();
    let (_, ops) = ops::routes(with_clock).split_for_parts();
    let mut document = Base::openapi().merge_from(v1).merge_from(signed).merge_from(ops);
    let components = document.components.get_or_insert_default();
    let bearer = SecurityScheme::Http(
        Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build(),
    );
    components.add_security_scheme("bearer", bearer);
    document.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    for (path, item) in &mut document.paths.paths {
        let methods = [
            (false, &mut item.get),
            (true, &mut item.post),
            (true, &mut item.put),
            (true, &mut item.delete),
        ];
        for (changes, operation) in methods {
            if let Some(operation) = operation {
                name(operation);
                add_common_responses(operation, path, changes);
            }
        }
    }
    for (method, path, body) in examples::bodies() {
        let item = document.paths.paths.get_mut(path);
        if let Some(operation) = item.and_then(|item| operation_mut(item, method)) {
            add_example(operation, &body);
        }
    }
    document
}

/// Gives an operation an id of its own: handlers of different groups may share a name.
fn name(operation: &mut Operation) {
    let group = operation.tags.iter().flatten().next();
    if let (Some(group), Some(handler)) = (group, &operation.operation_id) {
        operation.operation_id = Some(format!("{}_{handler}", group.replace('-', "_")));
    }
}

fn operation_mut<'i>(item: &'i mut PathItem, method: &str) -> Option<&'i mut Operation> {
    match method {
        "post" => item.post.as_mut(),
        "put" => item.put.as_mut(),
        _ => None,
    }
}

/// Shows a body under each media type that it can be sent as.
fn add_example(operation: &mut Operation, body: &Value) {
    let Some(RefOr::T(request)) = &mut operation.request_body else {
        return;
    };
    for (media_type, content) in &mut request.content {
        if let RefOr::T(content) = content {
            content.example = Some(if media_type.contains("batch") {
                Value::Array(vec![body.clone()])
            } else {
                body.clone()
            });
        }
    }
}

/// What any operation can answer, so that no handler has to repeat it.
fn add_common_responses(operation: &mut Operation, path: &str, changes: bool) {
    let api = path.starts_with("/api/");
    let mut common = vec![("500", "`internal`")];
    if api {
        common.extend([
            ("401", "`unauthorized`"),
            ("410", "`user_erased`"),
            ("503", "`busy`, `unavailable`, `timeout`"),
        ]);
        common.push(("422", "`invalid_query`, `invalid_body`, `idempotency_key_reused`"));
    }
    if api && changes {
        common.extend([
            ("409", "`idempotency_in_progress`"),
            ("429", "`rate_limited`, `cooldown`"),
        ]);
    }
    if changes {
        common.extend([
            ("400", "`incomplete_body`"),
            ("413", "`payload_too_large`"),
            ("415", "`unsupported_media_type`"),
            ("422", "`invalid_body`"),
        ]);
    }
    for (status, codes) in common {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| {
                let content = Content::new(Some(Ref::from_schema_name("Problem")));
                RefOr::T(
                    ResponseBuilder::new()
                        .description(codes)
                        .content("application/problem+json", content)
                        .build(),
                )
            });
    }
    for status in ["429", "503"] {
        if let (true, Some(RefOr::T(response))) = (api, operation.responses.responses.get_mut(status)) {
            let mut seconds = Header::new(Object::with_type(Type::Integer));
            seconds.description = Some("Seconds after which another try makes sense".to_owned());
            response
                .headers
                .insert("Retry-After".to_owned(), RefOr::T(seconds));
        }
    }
}

/// All that the page may load is this server's own. The viewer sets styles in the page, and has its icons in data URLs.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

pub(super) fn routes(with_clock: bool) -> Router<AppState> {
    // Without `none` it would send the document's address to a validator on the internet.
    let config = utoipa_swagger_ui::Config::from("/openapi.json").validator_url("none");
    let page = Router::<AppState>::from(SwaggerUi::new("/docs").config(config));
    Router::new()
        .route(
            "/openapi.json",
            get(move || async move { Json(document(with_clock)) }),
        )
        .route("/asyncapi.json", get(|| async { Json(amqp::asyncapi()) }))
        .merge(page.layer(SetResponseHeaderLayer::overriding(
            header::CONTENT_SECURITY_POLICY,
            POLICY,
        )))
}
