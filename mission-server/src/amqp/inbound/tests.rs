//! What messages say, in every form in which they are sent.
#![expect(
    clippy::needless_pass_by_value,
    reason = "bodies are written where they are sent"
)]

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use mission_core::{
    engine::{Command, EraseUser, RegisterUser},
    testing::{at, user},
};
use serde_json::{Value, json};

use super::message::{Message, OriginalMessage};

fn read(exchange: &str, key: &str, properties: &BasicProperties, body: &Value) -> Result<Message, String> {
    let body = body.to_string();
    let sent = OriginalMessage {
        exchange: exchange.to_owned(),
        routing_key: key.to_owned(),
        properties,
        body: body.as_bytes(),
    };
    Message::read(&sent, at("2026-01-05T10:00:00Z"))
}

fn event(event_type: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": "e-1", "source": "/iam", "type": event_type, "time": "2026-01-05T09:00:00Z",
        "data": data,
    })
}

fn plain() -> BasicProperties {
    BasicProperties::default()
}

#[test]
fn users_come_and_go() {
    let told = json!({
        "userId": user(1), "email": "a@b.example", "displayName": "A", "registeredAt": "2026-01-04T00:00:00Z"
    });
    let registered = Message::Registered(RegisterUser {
        user: user(1),
        registered_at: Some(at("2026-01-04T00:00:00Z")),
        display_name: Some("A".to_owned()),
    });
    let enveloped = event("UserRegisteredEvent", told.clone());
    let read_as =
        |properties: &BasicProperties, body: &Value| read("iam.events", "user.registered", properties, body);
    assert_eq!(read_as(&plain(), &enveloped), Ok(registered.clone()));
    let bare = plain().with_message_id("m-1".into());
    assert_eq!(read_as(&bare, &told), Ok(registered));
    let deleted = json!({"userId": user(1), "deletedAt": "2026-01-05T00:00:00Z"});
    let deleted = event("UserDeletedEvent", deleted);
    assert_eq!(
        read("iam.events", "user.deleted", &plain(), &deleted),
        Ok(Message::Deleted(EraseUser { user: user(1) }))
    );
}

#[test]
fn a_referral_pays_and_is_an_activity_event() {
    let data = json!({
        "inviterId": user(1), "inviteeId": user(2), "inviteCode": "ABC", "activatedAt": "2026-01-05T08:00:00Z"
    });
    let told = event("ReferralActivatedEvent", data);
    let message = read("mining.events", "referral.activated", &plain(), &told);
    let commands = message.unwrap().commands();
    let [Command::ActivateReferral(referral), Command::ApplyEvent(activity)] = commands.as_slice() else {
        panic!("{commands:?}");
    };
    assert_eq!((referral.inviter, referral.invitee), (user(1), user(2)));
    assert_eq!(referral.invite_code.as_deref(), Some("ABC"));
    assert_eq!(activity.event.event_type, "referral.activated");
    assert_eq!(activity.event.invitee(), Some(user(2)));
    assert_eq!(activity.event.time, at("2026-01-05T08:00:00Z"));
}

#[test]
fn activity_comes_in_three_forms() {
    let expected = |id: &str, source: &str, time: &str, data: &Value| {
        json!([id, source, "video.watched", user(1), at(time), data])
    };
    let read_as = |properties: &BasicProperties, body: &Value| {
        let read = read("activity.events", "activity.video.watched", properties, body);
        let Message::Activity(event) = read.unwrap() else {
            panic!("it is an activity event");
        };
        json!([
            event.id,
            event.source,
            event.event_type,
            event.user_id,
            event.time,
            event.data
        ])
    };
    let data = json!({"seconds": 35});
    let mut structured = event("video.watched", data.clone());
    structured["subject"] = json!(user(1));
    let enveloped = expected("e-1", "/iam", "2026-01-05T09:00:00Z", &data);
    assert_eq!(read_as(&plain(), &structured), enveloped);
    for prefix in ["cloudEvents:", "cloudEvents_"] {
        let mut headers = FieldTable::default();
        for name in ["specversion", "id", "source", "type", "subject", "time"] {
            let text = structured[name].as_str().unwrap();
            let name = format!("{prefix}{name}");
            headers.insert(name.into(), AMQPValue::LongString(text.into()));
        }
        let binary = plain().with_headers(headers);
        assert_eq!(read_as(&binary, &data), enveloped);
    }
    let told = json!({"userId": user(1), "seconds": 35});
    let bare = plain().with_message_id("m-7".into());
    assert_eq!(
        read_as(&bare, &told),
        expected("m-7", "activity.events", "2026-01-05T10:00:00Z", &told)
    );
    let dated = bare.with_timestamp(1_767_600_000);
    assert_eq!(
        read_as(&dated, &told),
        expected("m-7", "activity.events", "2026-01-05T08:00:00Z", &told)
    );
}

#[test]
fn what_cannot_be_read_says_why() {
    let mut nobody = event("video.watched", json!({}));
    nobody["subject"] = json!("somebody");
    let bare = plain().with_message_id("m".into());
    let activity = |properties: &BasicProperties, body: Value| {
        read("activity.events", "activity.a", properties, &body).unwrap_err()
    };
    let registered = |body: Value| read("iam.events", "user.registered", &plain(), &body).unwrap_err();
    for (message, part) in [
        (activity(&plain(), json!({})), "message_id"),
        (activity(&bare, json!([1])), "a JSON object"),
        (activity(&bare, json!({"seconds": 1})), "subject"),
        (activity(&plain(), nobody), "subject"),
        (
            activity(&bare, json!({"a": "\0"})),
            "`/a` must not contain U+0000",
        ),
        (
            registered(event("UserRegisteredEvent", json!({"userId": "x"}))),
            "`/data`",
        ),
        (registered(json!({"specversion": "1.0"})), "`id`"),
    ] {
        assert!(message.contains(part), "{message}");
    }
    let sent = OriginalMessage {
        exchange: "activity.events".to_owned(),
        routing_key: "activity.a".to_owned(),
        properties: &bare,
        body: b"{",
    };
    let message = Message::read(&sent, at("2026-01-05T10:00:00Z")).unwrap_err();
    assert!(message.contains("the body is no JSON"), "{message}");
}
