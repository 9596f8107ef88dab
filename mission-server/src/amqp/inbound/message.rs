//! One message: a CloudEvent in structured or binary mode, or a bare payload.

use chrono::{DateTime, Utc};
use lapin::{BasicProperties, message::Delivery, types::ShortString};
use mission_core::{
    UserId,
    engine::{ActivateReferral, ApplyEvent, Command, EraseUser, RegisterUser},
    event::{ActivityEvent, CloudEvent},
    ports::iam::Person,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    amqp::{
        failed_delivery::{origin, text_of},
        topology::ACTIVITY_PREFIX,
    },
    cloud_event,
};

/// A message as it was sent at first.
pub(super) struct OriginalMessage<'d> {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) properties: &'d BasicProperties,
    pub(super) body: &'d [u8],
}

impl<'d> OriginalMessage<'d> {
    pub(super) fn of(delivery: &'d Delivery) -> Self {
        let (exchange, routing_key) = origin(delivery);
        OriginalMessage {
            exchange,
            routing_key,
            properties: &delivery.properties,
            body: &delivery.data,
        }
    }
}

/// An inbound message, decoded.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// `UserRegisteredEvent`.
    Registered(RegisterUser),
    /// `UserDeletedEvent`.
    Deleted(EraseUser),
    /// `ReferralActivatedEvent`, which moves missions as well.
    Referral(ActivateReferral, ActivityEvent),
    /// What a user did.
    Activity(ActivityEvent),
}

/// The data of `UserRegisteredEvent`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::amqp) struct Registered {
    user_id: UserId,
    #[expect(dead_code, reason = "it is not kept")]
    email: Option<String>,
    display_name: Option<String>,
    registered_at: Option<DateTime<Utc>>,
}

/// The data of `UserDeletedEvent`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::amqp) struct Deleted {
    user_id: UserId,
    #[expect(dead_code, reason = "what counts is when it arrives")]
    deleted_at: Option<DateTime<Utc>>,
}

/// The data of `ReferralActivatedEvent`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::amqp) struct Referral {
    inviter_id: UserId,
    invitee_id: UserId,
    invite_code: Option<String>,
    activated_at: Option<DateTime<Utc>>,
}

impl Message {
    /// Reads a message that arrived at a moment.
    ///
    /// # Errors
    /// Why it cannot be read, for whoever looks at the dead letters.
    pub(super) fn read(sent: &OriginalMessage<'_>, now: DateTime<Utc>) -> Result<Self, String> {
        let body: Value =
            serde_json::from_slice(sent.body).map_err(|error| format!("the body is no JSON: {error}"))?;
        if let Some(pointer) = cloud_event::with_nul(&body) {
            return Err(format!("`{pointer}` {}", cloud_event::NO_NUL));
        }
        let event = if body.get("specversion").is_some() {
            read_event(body)?
        } else if let Some(attributes) = binary(sent.properties) {
            let mut event = attributes;
            event.insert("data".to_owned(), body);
            read_event(Value::Object(event))?
        } else {
            bare(sent, body, now)?
        };
        event.validate().map_err(|error| error.to_string())?;
        Self::of(event, now)
    }

    fn of(event: CloudEvent, now: DateTime<Utc>) -> Result<Self, String> {
        Ok(match event.event_type.as_str() {
            "UserRegisteredEvent" | "user.registered" => {
                let data: Registered = data_of(&event)?;
                Message::Registered(RegisterUser {
                    user: data.user_id,
                    registered_at: data.registered_at.or(event.time),
                    display_name: data.display_name.as_deref().and_then(Person::name_of),
                })
            }
            "UserDeletedEvent" | "user.deleted" => {
                let data: Deleted = data_of(&event)?;
                Message::Deleted(EraseUser { user: data.user_id })
            }
            REFERRAL => {
                let (referral, activity) = referral(event, now)?;
                Message::Referral(referral, activity)
            }
            _ => {
                let event = ActivityEvent::from_cloud_event(event, now).map_err(|error| error.to_string())?;
                Message::Activity(event)
            }
        })
    }

    /// What it asks for, in order.
    pub(super) fn commands(self) -> Vec<Command> {
        match self {
            Message::Registered(command) => vec![command.into()],
            Message::Deleted(command) => vec![command.into()],
            Message::Referral(referral, event) => vec![referral.into(), ApplyEvent { event }.into()],
            Message::Activity(event) => vec![ApplyEvent { event }.into()],
        }
    }
}

fn read_event(item: Value) -> Result<CloudEvent, String> {
    cloud_event::read(item).map_err(|(pointer, message)| format!("`{pointer}` {message}"))
}

/// The type of the event that tells of an invitee who became active.
pub(crate) const REFERRAL: &str = "ReferralActivatedEvent";

/// What such an event asks for: the inviter is paid, and it is an activity of theirs.
///
/// # Errors
/// Why its data cannot be read.
pub(crate) fn referral(
    event: CloudEvent,
    now: DateTime<Utc>,
) -> Result<(ActivateReferral, ActivityEvent), String> {
    let data: Referral = data_of(&event)?;
    let at = data.activated_at.or(event.time).unwrap_or(now);
    let activity = ActivityEvent {
        id: event.id,
        source: event.source,
        event_type: "referral.activated".to_owned(),
        user_id: data.inviter_id,
        time: at,
        data: match event.data {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        },
    };
    let referral = ActivateReferral {
        inviter: data.inviter_id,
        invitee: data.invitee_id,
        invite_code: data.invite_code,
        activated_at: at,
    };
    Ok((referral, activity))
}

fn data_of<T: DeserializeOwned>(event: &CloudEvent) -> Result<T, String> {
    let data = event.data.clone().unwrap_or_default();
    serde_json::from_value(data).map_err(|error| format!("`/data` {error}"))
}

/// The attributes of an event in binary mode: headers with a prefix, of which two are in use.
fn binary(properties: &BasicProperties) -> Option<Map<String, Value>> {
    let headers = properties.headers().as_ref()?;
    let mut event = Map::new();
    for (name, value) in headers.inner() {
        let name = name.as_str();
        let attribute = name
            .strip_prefix("cloudEvents:")
            .or_else(|| name.strip_prefix("cloudEvents_"));
        if let (Some(attribute), Some(text)) = (attribute, text_of(value)) {
            event.insert(attribute.to_owned(), Value::String(text));
        }
    }
    event.contains_key("specversion").then_some(event)
}

/// The envelope that a bare payload would have: its id is the message's, its source the exchange.
fn bare(sent: &OriginalMessage<'_>, body: Value, now: DateTime<Utc>) -> Result<CloudEvent, String> {
    let Value::Object(data) = body else {
        return Err("the body must be a JSON object".to_owned());
    };
    let id = sent
        .properties
        .message_id()
        .as_ref()
        .map(ShortString::to_string)
        .filter(|id| !id.is_empty())
        .ok_or("a payload without a CloudEvents envelope needs the AMQP property `message_id`")?;
    let seconds = sent.properties.timestamp();
    let time = seconds.and_then(|seconds| DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0));
    let event_type = match sent.routing_key.as_str() {
        // As a type, the key is that of an activity event.
        "referral.activated" => "ReferralActivatedEvent",
        key => key.strip_prefix(ACTIVITY_PREFIX).unwrap_or(key),
    };
    let subject = data.get("userId").and_then(Value::as_str).map(str::to_owned);
    Ok(CloudEvent {
        specversion: "1.0".to_owned(),
        id,
        source: sent.exchange.clone(),
        event_type: event_type.to_owned(),
        subject,
        time: Some(time.unwrap_or(now)),
        datacontenttype: None,
        grantid: None,
        correlationid: None,
        data: Some(Value::Object(data)),
    })
}

/// The id that follows a message through logs and events.
pub(super) fn correlation_id(delivery: &Delivery) -> Option<String> {
    let id = delivery.properties.correlation_id().as_ref()?.to_string();
    crate::http::correlation::acceptable(&id).then_some(id)
}
