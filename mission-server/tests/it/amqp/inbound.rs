//! Messages of other services.

use lapin::{
    BasicProperties, Channel,
    options::{BasicGetOptions, ConfirmSelectOptions},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{connect, eventually, header, own_broker::OwnBroker, publish, told, watched};
use crate::{services::amqp_url, support::Server};

/// The reasons of the dead letters, which are taken out.
async fn reasons_of_the_dead(channel: &Channel) -> Vec<String> {
    let mut reasons = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel
        .basic_get("mission.inbound.dead".into(), options)
        .await
        .unwrap()
    {
        let text = |name| header(&message.delivery, name);
        assert_eq!(text("x-mission-exchange"), "activity.events");
        assert_eq!(text("x-mission-routing-key"), "activity.video.watched");
        reasons.push(text("x-mission-reason"));
    }
    reasons
}

#[tokio::test]
async fn what_other_services_tell_is_acted_on_once() {
    let Some(broker) = OwnBroker::start() else { return };
    let url = amqp_url(broker.port);
    let settings = [("MISSION_AMQP_URL", url.as_str())];
    let server = Server::with(&settings).await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let channel = connect(&url).await;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    let (admin, user) = (server.admin(), server.user());
    let plain = BasicProperties::default;

    let registered = json!({"userId": user.user, "email": "a@b.example", "displayName": "A",
        "registeredAt": "2026-01-01T00:00:00Z"});
    let message = told("UserRegisteredEvent", "r-1", registered);
    publish(&channel, "iam.events", "user.registered", plain(), &message).await;
    let path = format!("/users/{}", user.user);
    eventually("the user is known", async || admin.get(&path).await.status == 200).await;

    let watching = json!({"trigger": {"event": "video.watched"}, "frequency": "unlimited", "auto_start": true,
        "reward": {"points": 3}});
    admin.mission("watching", watching).await;
    let completed = async || {
        let tasks = user.get("/tasks?mission=watching&status=completed").await.ok(200);
        tasks["items"].as_array().unwrap().len()
    };
    let activity = async |properties: BasicProperties, body: Value| {
        publish(
            &channel,
            "activity.events",
            "activity.video.watched",
            properties,
            &body,
        )
        .await;
    };
    let (first, second) = (
        watched(user.user, "both-1", "2026-01-05T09:30:00Z"),
        watched(user.user, "both-2", "2026-01-05T09:31:00Z"),
    );
    for _ in 0..3 {
        activity(plain(), first.clone()).await;
    }
    eventually("it moves the mission", async || completed().await == 1).await;
    let by_http = admin.post("/events", json!([first, second])).await.ok(200);
    let results = by_http["results"].as_array().unwrap().iter();
    let statuses: Vec<&Value> = results.map(|result| &result["status"]).collect();
    assert_eq!(statuses, ["duplicate", "applied"]);
    activity(plain(), second).await;
    let bare = json!({"userId": user.user});
    for _ in 0..2 {
        activity(plain().with_message_id("bare-1".into()), bare.clone()).await;
    }

    let (friend, other) = (server.user(), server.user());
    let referral = |id: &str, invitee: Uuid| {
        let data = json!({"inviterId": user.user, "inviteeId": invitee, "inviteCode": "X",
            "activatedAt": "2026-01-05T09:00:00Z"});
        told("ReferralActivatedEvent", id, data)
    };
    for message in [
        referral("f-1", friend.user),
        referral("f-1", friend.user),
        referral("f-2", friend.user),
        referral("f-3", other.user),
        // Nobody invites themselves.
        referral("f-4", user.user),
    ] {
        publish(&channel, "mining.events", "referral.activated", plain(), &message).await;
    }

    // What comes last is seen last: the queue is in order.
    activity(plain(), json!("{")).await;
    activity(plain(), bare).await;
    activity(plain(), watched(user.user, "late", "2025-01-05T09:00:00Z")).await;
    let mut dead = Vec::new();
    eventually("three are dead", async || {
        dead.extend(reasons_of_the_dead(&channel).await);
        dead.len() == 3
    })
    .await;
    for (reason, part) in dead.iter().zip(["no JSON", "message_id", "too_late"]) {
        assert!(reason.contains(part), "{dead:?}");
    }
    assert_eq!(
        completed().await,
        3,
        "two ids by both ways, and one of a bare payload"
    );
    let rewards = user.get("/rewards").await.ok(200);
    let referrals = rewards["items"].as_array().unwrap().iter();
    let referrals = referrals.filter(|reward| reward["type"] == "REFERRAL_BONUS");
    assert_eq!(referrals.count(), 2, "once for each friend: {rewards}");

    // What came while no server was there is taken by the next.
    let deleted = json!({"userId": user.user, "deletedAt": "2026-01-05T09:00:00Z"});
    let deleted = told("UserDeletedEvent", "d-1", deleted);
    let home = server.kill();
    publish(&channel, "iam.events", "user.deleted", plain(), &deleted).await;
    let server = Server::on(home, &settings).await;
    let admin = server.admin();
    eventually("the user is gone", async || admin.get(&path).await.status == 404).await;
    eventually("it is counted", async || {
        let metrics = server.metrics().await;
        metrics.contains("mission_inbound_messages_total{outcome=\"applied\"} 1")
    })
    .await;
}
