//! Webhooks: who is told of events by HTTP.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Duration, Utc};
use mission_core::{
    EventId, UserId,
    engine::{AuditEntry, AuditSubject},
    event::IntegrationEventType,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    http::{
        AppState, FieldError, Problem,
        body::Body,
        caller::{Operator, WebhooksWrite},
        correlation,
        page::{self, DeliveryKey, List, Paging},
        query::Query,
    },
    webhooks::{Delivery, Webhook, WebhookDefinition, WebhookSecret},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, remove))
        .routes(routes!(enable))
        .routes(routes!(rotate))
        .routes(routes!(deliveries))
        .routes(routes!(redeliver))
}

/// The most webhooks of a server: each event is looked at for each.
const MOST: usize = 100;
/// How long the secret before a rotation signs as well.
const ROTATION: Duration = Duration::hours(24);

/// A new webhook.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// Where events are sent: https, and no private or link-local address.
    #[schema(format = "uri", max_length = 2048)]
    url: String,
    /// The CloudEvents types that are sent; all without it.
    #[serde(default)]
    #[schema(example = json!(["RewardClaimedEvent", "RewardRevokedEvent"]))]
    events: Vec<String>,
    /// Signs deliveries: `whsec_` and 24 to 64 bytes in base64. The server makes one without it.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<SecretString>,
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
struct WebhookView {
    id: Uuid,
    url: String,
    /// The CloudEvents types that are sent; all where there are none.
    events: Vec<String>,
    status: WebhookStatus,
    /// Since when nothing was taken, where the last delivery was not.
    failing_since: Option<DateTime<Utc>>,
    /// When it was disabled, and why.
    disabled_at: Option<DateTime<Utc>>,
    disabled_reason: Option<String>,
    created_at: DateTime<Utc>,
    created_by: UserId,
    /// What deliveries are signed with; shown once, where it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    secret: Option<WebhookSecret>,
}

/// Whether a webhook is told of events.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WebhookStatus {
    /// It is.
    Enabled,
    /// It is not, since nothing was taken for three days or the receiver said that it is gone.
    Disabled,
}

impl WebhookView {
    fn of(webhook: Webhook) -> Self {
        let Webhook {
            id,
            definition,
            failing_since,
            disabled,
        } = webhook;
        let (disabled_at, disabled_reason) = disabled.unzip();
        WebhookView {
            id,
            url: definition.url,
            events: definition.events,
            status: if disabled_at.is_some() {
                WebhookStatus::Disabled
            } else {
                WebhookStatus::Enabled
            },
            failing_since,
            disabled_at,
            disabled_reason,
            created_at: definition.created_at,
            created_by: definition.created_by,
            secret: None,
        }
    }

    /// With its secret, for who has just made it.
    fn with_secret(definition: &WebhookDefinition, id: Uuid) -> Self {
        WebhookView {
            secret: Some(definition.secret.clone()),
            ..WebhookView::of(Webhook {
                id,
                definition: definition.clone(),
                failing_since: None,
                disabled: None,
            })
        }
    }
}

fn no_webhook() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such webhook")
}

fn id_of(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| no_webhook())
}

async fn webhook(state: &AppState, id: &str) -> Result<Webhook, Problem> {
    let id = id_of(id)?;
    let all = state.webhooks.store.webhooks().await?;
    all.into_iter()
        .find(|webhook| webhook.id == id)
        .ok_or_else(no_webhook)
}

/// Writes an operator's change into the audit. Secrets are not in it.
async fn audit(
    state: &AppState,
    operator: &Operator<WebhooksWrite>,
    action: &str,
    id: Uuid,
    before: Option<&WebhookDefinition>,
    after: Option<&WebhookDefinition>,
) -> Result<(), Problem> {
    let shown = |known: &WebhookDefinition| -> Value { json!({"url": known.url, "events": known.events}) };
    let entry = AuditEntry {
        id: state.engine.next_id(),
        at: state.engine.now(),
        actor: Some(operator.caller.user),
        action: action.to_owned(),
        subject_kind: AuditSubject::Webhook,
        subject: id.to_string(),
        user_id: None,
        before: before.map(shown),
        after: after.map(shown),
        correlation_id: correlation::current(),
    };
    tracing::info!(operator = %operator.caller.user, command = action, webhook = %id, "an administrative command");
    Ok(state.webhooks.store.add_audit(&entry).await?)
}

async fn put(state: &AppState, id: Uuid, definition: &WebhookDefinition) -> Result<(), Problem> {
    state.webhooks.store.put_webhook(id, definition).await?;
    state.webhooks.fan_out.refresh();
    Ok(())
}

/// All webhooks, oldest first, without their secrets.
#[utoipa::path(get, path = "/webhooks", operation_id = "webhooks", tag = "webhooks", security(("bearer" = ["webhooks:write"])), responses(
    (status = 200, description = "All webhooks", body = List<WebhookView>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    _operator: Operator<WebhooksWrite>,
) -> Result<Json<List<WebhookView>>, Problem> {
    let all = state.webhooks.store.webhooks().await?;
    Ok(Json(List {
        items: all.into_iter().map(WebhookView::of).collect(),
        next_cursor: None,
    }))
}

/// The events that a webhook can ask for.
fn offered_events() -> Vec<&'static str> {
    let all = IntegrationEventType::ALL.into_iter();
    all.filter(|kind| !kind.is_live_only())
        .map(IntegrationEventType::name)
        .collect()
}

/// Has events sent to an address from now on. The answer has the secret, once.
#[utoipa::path(post, path = "/webhooks", operation_id = "create_webhook", tag = "webhooks", security(("bearer" = ["webhooks:write"])), request_body = NewWebhook, responses(
    (status = 201, description = "The webhook, with its secret", body = WebhookView),
    (status = 400, description = "`too_many_webhooks`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_body`", body = Problem, content_type = "application/problem+json")))]
async fn create(
    State(state): State<AppState>,
    operator: Operator<WebhooksWrite>,
    body: Body,
) -> Result<Response, Problem> {
    let wanted: NewWebhook = body.read()?;
    let mut faults = Vec::new();
    let mut fault = |pointer: String, message: String| faults.push(FieldError { pointer, message });
    let url = if wanted.url.len() > 2048 {
        Err("must have at most 2048 characters".to_owned())
    } else {
        let checked = state.webhooks.policy.parse(wanted.url.trim()).await;
        checked.map_err(|refused| refused.to_string())
    };
    let secret = wanted
        .secret
        .map_or_else(|| Ok(WebhookSecret::random()), WebhookSecret::try_from);
    for (n, event) in wanted.events.iter().enumerate() {
        let offered = offered_events();
        if !offered.contains(&event.as_str()) {
            let known = offered.join(", ");
            let message = format!("there is no event `{event}`; there are {known}");
            fault(format!("/events/{n}"), message);
        }
    }
    if let Err(message) = &url {
        fault("/url".to_owned(), message.clone());
    }
    if let Err(message) = &secret {
        fault("/secret".to_owned(), message.clone());
    }
    let (Ok(url), Ok(secret), true) = (url, secret, faults.is_empty()) else {
        return Err(Problem::invalid_body(faults));
    };
    if state.webhooks.store.webhooks().await?.len() >= MOST {
        let detail = format!("there are {MOST} webhooks already; delete one first");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "too_many_webhooks", detail));
    }
    let id = state.engine.next_id();
    let definition = WebhookDefinition {
        url: url.into(),
        events: wanted.events,
        secret,
        previous: None,
        created_at: state.webhooks.clock.now(),
        created_by: operator.caller.user,
    };
    audit(&state, &operator, "CreateWebhook", id, None, Some(&definition)).await?;
    put(&state, id, &definition).await?;
    Ok((
        StatusCode::CREATED,
        Json(WebhookView::with_secret(&definition, id)),
    )
        .into_response())
}

/// One webhook, without its secret.
#[utoipa::path(get, path = "/webhooks/{id}", operation_id = "webhook", tag = "webhooks", security(("bearer" = ["webhooks:write"])), params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The webhook", body = WebhookView),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn show(
    State(state): State<AppState>,
    _operator: Operator<WebhooksWrite>,
    Path(id): Path<String>,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(WebhookView::of(webhook(&state, &id).await?)))
}

/// Sends nothing more to a webhook, and forgets its deliveries; those that are waiting are not made.
#[utoipa::path(delete, path = "/webhooks/{id}", operation_id = "delete_webhook", tag = "webhooks", security(("bearer" = ["webhooks:write"])), params(("id" = Uuid, Path)), responses(
    (status = 204, description = "It is gone"),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn remove(
    State(state): State<AppState>,
    operator: Operator<WebhooksWrite>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let known = webhook(&state, &id).await?;
    audit(
        &state,
        &operator,
        "DeleteWebhook",
        known.id,
        Some(&known.definition),
        None,
    )
    .await?;
    if !state.webhooks.store.remove_webhook(known.id).await? {
        return Err(no_webhook());
    }
    state.webhooks.fan_out.refresh();
    Ok(StatusCode::NO_CONTENT)
}

/// Enables a webhook that was disabled. What waits is sent at once; what came while it was disabled is not.
#[utoipa::path(post, path = "/webhooks/{id}/enable", operation_id = "enable_webhook", tag = "webhooks", security(("bearer" = ["webhooks:write"])), params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The webhook", body = WebhookView),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn enable(
    State(state): State<AppState>,
    operator: Operator<WebhooksWrite>,
    Path(id): Path<String>,
) -> Result<Json<WebhookView>, Problem> {
    let known = webhook(&state, &id).await?;
    let definition = &known.definition;
    audit(
        &state,
        &operator,
        "EnableWebhook",
        known.id,
        Some(definition),
        Some(definition),
    )
    .await?;
    put(&state, known.id, definition).await?;
    state.webhooks.notify.notify_one();
    Ok(Json(WebhookView::of(Webhook {
        failing_since: None,
        disabled: None,
        ..known
    })))
}

/// Makes a new secret. For 24 hours deliveries are signed with the one before as well. The answer has the new one, once.
#[utoipa::path(post, path = "/webhooks/{id}/rotate", operation_id = "rotate_webhook_secret", tag = "webhooks", security(("bearer" = ["webhooks:write"])), params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The webhook, with its new secret", body = WebhookView),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn rotate(
    State(state): State<AppState>,
    operator: Operator<WebhooksWrite>,
    Path(id): Path<String>,
) -> Result<Json<WebhookView>, Problem> {
    let known = webhook(&state, &id).await?;
    let before = known.definition;
    let until = state.webhooks.clock.now() + ROTATION;
    let definition = WebhookDefinition {
        previous: Some((before.secret.clone(), until)),
        secret: WebhookSecret::random(),
        ..before.clone()
    };
    audit(
        &state,
        &operator,
        "RotateWebhookSecret",
        known.id,
        Some(&before),
        Some(&definition),
    )
    .await?;
    put(&state, known.id, &definition).await?;
    Ok(Json(WebhookView::with_secret(&definition, known.id)))
}

/// What was sent to a webhook and what is to be, newest first; kept for 30 days.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", operation_id = "webhook_deliveries", tag = "webhooks", security(("bearer" = ["webhooks:write"])),
    params(("id" = Uuid, Path), Paging), responses(
    (status = 200, description = "A page of deliveries", body = List<Delivery>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_query`", body = Problem, content_type = "application/problem+json")))]
async fn deliveries(
    State(state): State<AppState>,
    _operator: Operator<WebhooksWrite>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Delivery>>, Problem> {
    let known = webhook(&state, &id).await?;
    let page = paging.page()?;
    let before = page.after.map(|DeliveryKey(at, event)| (at, event));
    let found = state.webhooks.store.deliveries(known.id, before, page.limit + 1);
    let key = |delivery: &Delivery| DeliveryKey(delivery.created_at, delivery.id);
    Ok(Json(page::list(
        found.await?,
        page.limit,
        key,
        std::convert::identity,
    )))
}

/// Makes a delivery again, whether it was taken or not, under the same id.
#[utoipa::path(post, path = "/webhooks/{id}/deliveries/{delivery}/redeliver", operation_id = "redeliver", tag = "webhooks", security(("bearer" = ["webhooks:write"])),
    params(("id" = Uuid, Path), ("delivery" = Uuid, Path)), responses(
    (status = 202, description = "It is on its way"),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn redeliver(
    State(state): State<AppState>,
    operator: Operator<WebhooksWrite>,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let known = webhook(&state, &id).await?;
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such delivery");
    let event: Uuid = delivery.parse().map_err(|_| unknown())?;
    let now = state.webhooks.clock.now();
    if !state
        .webhooks
        .store
        .redeliver(known.id, EventId(event), now)
        .await?
    {
        return Err(unknown());
    }
    tracing::info!(operator = %operator.caller.user, webhook = %known.id, %event, "a delivery is made again");
    state.webhooks.notify.notify_one();
    Ok(StatusCode::ACCEPTED)
}
