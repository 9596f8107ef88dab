//! The AsyncAPI document: every message that leaves or comes in, with its schema and an example, out of the types that
//! write and read them.

use std::collections::BTreeMap;

use mission_core::{
    EventId, Percent, Points,
    event::{
        CheckInCompleted, IntegrationEvent, MissionCompleted, RewardClaimed, RewardRevoked, TaskStarted,
        UserErased,
    },
    mission::MissionType,
    reward::RewardType,
};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::{
    inbound::{Deleted, Referral, Registered},
    topology::{CLOUD_EVENT, EVENTS_EXCHANGE, INBOUND_QUEUE, PERSISTENT, is_mandatory},
};
use crate::outbox::SOURCE;

/// The document, as it is served at `/asyncapi.json`.
#[must_use]
pub fn document() -> Value {
    let mut document = Document::default();
    for event in samples() {
        document.sent(&event);
    }
    document.received::<Registered>(
        "UserRegisteredEvent",
        ("iam.events", "user.registered"),
        "A user came. Makes the profile; e-mail and name are not kept.",
        &json!({"userId": USER, "email": "ana@example.org", "displayName": "Ana", "registeredAt": AT}),
    );
    document.received::<Deleted>(
        "UserDeletedEvent",
        ("iam.events", "user.deleted"),
        "A user is gone. Erases what is held on them.",
        &json!({"userId": USER, "deletedAt": AT}),
    );
    document.received::<Referral>(
        "ReferralActivatedEvent",
        ("mining.events", "referral.activated"),
        "An invitee became active. Pays the inviter, once for each invitee, and moves missions.",
        &json!({"inviterId": USER, "inviteeId": OTHER, "inviteCode": "ABCD2345", "activatedAt": AT}),
    );
    document.activity();
    document.finish()
}

const AT: &str = "2026-01-05T10:00:00Z";
const USER: &str = "6f98cac5-1e72-4059-be97-4eb7449af3ec";
const OTHER: &str = "2ffdc7ba-1a9a-415f-9c02-d42dd4f2b1c3";

/// One event of each kind.
fn samples() -> Vec<IntegrationEvent> {
    let id = |last: u128| Uuid::from_u128(0x019b_8d99_691b_7000_8000_0000_0000_0000 | last);
    let user = USER.parse().unwrap_or_default();
    let user_id = mission_core::UserId(user);
    let at = AT.parse().unwrap_or_default();
    let (task, mission, reward) = (id(1), id(2), id(3));
    let (ten, currency) = (Points::from(10), "POINTS".to_owned());
    vec![
        IntegrationEvent::TaskStarted(TaskStarted {
            task_id: task.into(),
            user_id,
            mission_id: mission.into(),
            started_at: at,
        }),
        IntegrationEvent::MissionCompleted(MissionCompleted {
            task_id: task.into(),
            user_id,
            mission_id: mission.into(),
            mission_type: MissionType::WatchVideo,
            points_earned: Decimal::new(125, 1),
            completed_at: at,
            reward_id: reward.into(),
            mining_boost_percent: Percent::ZERO,
            experience_points: 20,
            badge_id: Some("ambassador".to_owned()),
            mission_version: Some(3),
        }),
        IntegrationEvent::CheckInCompleted(CheckInCompleted {
            user_id,
            check_in_id: id(4).into(),
            date: at.date_naive(),
            streak_days: 7,
            base_points: ten,
            streak_bonus: Points::from(1),
            milestone_bonus: Decimal::from(50),
            total_points: Decimal::from(61),
            checked_in_at: at,
            daily_reward_id: id(5).into(),
            milestone_reward_id: Some(id(6).into()),
        }),
        IntegrationEvent::RewardClaimed(RewardClaimed {
            reward_id: id(5).into(),
            user_id,
            source_id: id(4),
            reward_type: RewardType::CheckInDaily,
            points: ten,
            bonus_points: Points::from(1),
            total_points: Decimal::from(11),
            currency: currency.clone(),
            claimed_at: at,
            mission_version: None,
        }),
        IntegrationEvent::RewardRevoked(RewardRevoked {
            reward_id: reward.into(),
            user_id,
            total_points: Decimal::new(125, 1),
            currency,
            experience_points: 20,
            mining_boost_percent: Percent::ZERO,
            badge_id: None,
            reason: "the evidence was somebody else's".to_owned(),
            revoked_at: at,
        }),
        IntegrationEvent::UserErased(UserErased {
            user_id,
            erased_at: at,
        }),
    ]
}

#[derive(Default)]
struct Document {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: BTreeMap<String, Value>,
}

impl Document {
    fn sent(&mut self, event: &IntegrationEvent) {
        let (summary, data) = match event {
            IntegrationEvent::TaskStarted(_) => ("A task was started.", self.schema::<TaskStarted>()),
            IntegrationEvent::MissionCompleted(_) => (
                "A completed mission was claimed.",
                self.schema::<MissionCompleted>(),
            ),
            IntegrationEvent::CheckInCompleted(_) => (
                "A check-in's rewards were granted.",
                self.schema::<CheckInCompleted>(),
            ),
            IntegrationEvent::RewardClaimed(_) => (
                "A reward was granted: all that a wallet needs, once for each `rewardId`.",
                self.schema::<RewardClaimed>(),
            ),
            IntegrationEvent::RewardRevoked(_) => {
                ("A granted reward was taken back.", self.schema::<RewardRevoked>())
            }
            IntegrationEvent::UserErased(_) => (
                "A user was erased: forget whose the sums were.",
                self.schema::<UserErased>(),
            ),
            // It goes to the stream, not to the broker.
            IntegrationEvent::TaskProgressed(_) => return,
        };
        let name = event.event_type();
        let id = EventId(Uuid::from_u128(0x019b_8d99_691b_72b4_80fd_10c8_572e_8d23));
        let example = event
            .to_cloud_event(id, SOURCE, Some("a-request"))
            .and_then(serde_json::to_value)
            .unwrap_or_default();
        let mut payload = envelope(
            &json!({"const": name}),
            &data,
            &["subject", "time", "datacontenttype"],
        );
        if event.grant_id().is_some() {
            payload["required"]
                .as_array_mut()
                .into_iter()
                .for_each(|required| required.push(json!("grantid")));
        }
        self.message(name, summary, &payload, &example);
        self.channel("send", name, (EVENTS_EXCHANGE, event.routing_key()));
    }

    fn received<T: ToSchema>(&mut self, name: &str, at: (&str, &str), summary: &str, data: &Value) {
        let schema = self.schema::<T>();
        let payload = envelope(&json!({"enum": [name, at.1]}), &schema, &[]);
        let example = json!({
            "specversion": "1.0", "id": "e-1", "source": "/iam", "type": name, "time": AT, "data": data,
        });
        self.message(name, summary, &payload, &example);
        self.channel("receive", name, at);
    }

    fn activity(&mut self) {
        let name = "ActivityEvent";
        let any = json!({"type": "string", "minLength": 1, "maxLength": 255});
        let payload = envelope(&any, &json!({"type": "object"}), &["subject"]);
        let example = json!({
            "specversion": "1.0", "id": "e-2", "source": "/videos", "type": "video.watched", "subject": USER,
            "time": AT, "data": {"seconds": 35},
        });
        let summary =
            "What a user did elsewhere, as in `POST /api/v1/events`. Moves the missions that it triggers.";
        self.message(name, summary, &payload, &example);
        self.channel("receive", name, ("activity.events", "activity.#"));
    }

    /// A reference to a type's schema, which is put among the document's with all that it refers to.
    fn schema<T: ToSchema>(&mut self) -> Value {
        let mut found = vec![(T::name().into_owned(), <T as PartialSchema>::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            if let Ok(schema) = serde_json::to_value(schema) {
                self.schemas.insert(name, schema);
            }
        }
        json!({"$ref": format!("#/components/schemas/{}", T::name())})
    }

    fn message(&mut self, name: &str, summary: &str, payload: &Value, example: &Value) {
        let message = json!({
            "name": name,
            "summary": summary,
            "contentType": CLOUD_EVENT,
            "payload": payload,
            "examples": [{"name": name, "payload": example}],
        });
        self.messages.insert(name.to_owned(), message);
    }

    fn channel(&mut self, action: &str, message: &str, (exchange, key): (&str, &str)) {
        let channel = key.replace('#', "any");
        let name = format!("{exchange}.{channel}").replace('.', "-");
        let reference = |to: String| json!({"$ref": to});
        self.channels.insert(
            name.clone(),
            json!({
                "address": key,
                "messages": {message: reference(format!("#/components/messages/{message}"))},
                "bindings": {"amqp": {
                    "bindingVersion": "0.3.0",
                    "is": "routingKey",
                    "exchange": {"name": exchange, "type": "topic", "durable": true, "autoDelete": false},
                }},
            }),
        );
        let mut operation = json!({
            "action": action,
            "channel": reference(format!("#/channels/{name}")),
            "messages": [reference(format!("#/channels/{name}/messages/{message}"))],
        });
        if action == "receive" {
            operation["description"] = json!(format!("Taken out of the queue `{INBOUND_QUEUE}`."));
        } else {
            operation["bindings"] = json!({"amqp": {
                "bindingVersion": "0.3.0", "deliveryMode": PERSISTENT, "mandatory": is_mandatory(key),
            }});
        }
        self.operations.insert(format!("{action}-{name}"), operation);
    }

    fn finish(self) -> Value {
        json!({
            "asyncapi": "3.0.0",
            "info": {
                "title": "Mission engine",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "What the mission engine tells through RabbitMQ, and what it hears. Delivery is at least once, \
                    under ids that stay the same; the events of one user come in order.",
                "license": {"name": "MIT OR Apache-2.0"},
            },
            "defaultContentType": CLOUD_EVENT,
            "channels": self.channels,
            "operations": self.operations,
            "components": {"messages": self.messages, "schemas": self.schemas},
        })
    }
}

/// A CloudEvent of a type with some data.
fn envelope(event_type: &Value, data: &Value, also_required: &[&str]) -> Value {
    let text = json!({"type": "string", "minLength": 1, "maxLength": 255});
    let mut required = vec!["specversion", "id", "source", "type", "data"];
    required.extend(also_required);
    json!({
        "type": "object",
        "required": required,
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": text,
            "type": event_type,
            "subject": {"type": "string", "format": "uuid", "description": "The user."},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "grantid": {"type": "string", "format": "uuid", "description": "The reward whose points move."},
            "correlationid": {"type": "string", "description": "The id of the request that led to this."},
            "data": data,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference in a document, as JSON pointers.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    found.push(to.trim_start_matches('#').to_owned());
                }
                fields.values().for_each(|field| references(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20, "{found:?}");
        for pointer in found {
            assert!(document.pointer(&pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn every_example_is_as_its_schema_says_and_nothing_else_is() {
        let document = document();
        let messages = document["components"]["messages"].as_object().unwrap();
        assert_eq!(messages.len(), 10);
        for (name, message) in messages {
            let mut schema = message["payload"].clone();
            schema["components"] = document["components"].clone();
            let validator = jsonschema::validator_for(&schema).unwrap();
            for example in message["examples"].as_array().unwrap() {
                let mut payload = example["payload"].clone();
                validator
                    .validate(&payload)
                    .map_err(|error| format!("{name}: {error}"))
                    .unwrap();
                for required in ["id", "type", "data"] {
                    let kept = payload[required].take();
                    payload.as_object_mut().unwrap().remove(required);
                    assert!(!validator.is_valid(&payload), "{name} without {required}");
                    payload[required] = kept;
                }
            }
        }
    }
}
