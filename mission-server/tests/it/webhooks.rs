//! Webhooks, with a receiver on this machine.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::HeaderMap,
    routing::post,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Server};

/// One request that a receiver got.
#[derive(Clone, Debug)]
struct Received {
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Takes deliveries, and answers as it is told.
#[derive(Clone, Default)]
struct Receiver {
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<Vec<StatusCode>>>,
}

impl Receiver {
    /// A receiver that gives these answers first, the last of them first, and 204 afterwards.
    async fn start(answers: &[StatusCode]) -> (Receiver, String) {
        let receiver = Receiver {
            answers: Arc::new(Mutex::new(answers.to_vec())),
            ..Receiver::default()
        };
        let app = Router::new()
            .route("/hooks", post(take))
            .with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (receiver, url)
    }

    /// Waits until so many were received, and a moment longer for those that should not come.
    async fn wait_for(&self, count: usize) -> Vec<Received> {
        for _ in 0..400 {
            if self.received.lock().unwrap().len() >= count {
                tokio::time::sleep(Duration::from_millis(300)).await;
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let received = self.received.lock().unwrap().clone();
        assert_eq!(received.len(), count, "{received:?}");
        received
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.received.lock().unwrap().push(Received { headers, body });
    receiver
        .answers
        .lock()
        .unwrap()
        .pop()
        .unwrap_or(StatusCode::NO_CONTENT)
}

async fn server() -> Server {
    Server::with(&[("MISSION_WEBHOOKS_ALLOWED_ADDRESSES", "127.0.0.0/8")]).await
}

async fn make(admin: &Client<'_>, url: &str, events: Value) -> Value {
    let body = json!({"url": url, "events": events});
    admin.post("/webhooks", body).await.ok(201)
}

fn verify(secret: &str, received: &Received) -> bool {
    let webhook = standardwebhooks::Webhook::new(secret).unwrap();
    webhook.verify(&received.body, &received.headers).is_ok()
}

#[tokio::test]
async fn an_event_is_told_signed_and_once_a_webhook() {
    let (server, (receiver, url)) = (server().await, Receiver::start(&[]).await);
    let admin = server.admin();
    let rewards = make(&admin, &url, json!(["RewardClaimedEvent"])).await;
    let all = make(&admin, &url, json!([])).await;
    let user = server.user();
    let checked_in = user.post("/checkin", json!(null)).await.ok(200);
    let received = receiver.wait_for(3).await;
    let mut ids: HashMap<String, Vec<String>> = HashMap::new();
    for one in &received {
        let event = one.event();
        assert_eq!(
            event["id"],
            one.header("webhook-id"),
            "the event's id is the delivery's"
        );
        assert_eq!(event["subject"], json!(user.user));
        assert_eq!(one.header("content-type"), "application/cloudevents+json");
        let by = [&rewards, &all].map(|webhook| verify(webhook["secret"].as_str().unwrap(), one));
        assert_eq!(
            by.iter().filter(|signed| **signed).count(),
            1,
            "signed by one of the two"
        );
        let kind = event["type"].as_str().unwrap().to_owned();
        ids.entry(kind)
            .or_default()
            .push(one.header("webhook-id").to_owned());
    }
    assert_eq!(ids["RewardClaimedEvent"].len(), 2);
    assert_eq!(
        ids["RewardClaimedEvent"][0], ids["RewardClaimedEvent"][1],
        "one reward, one delivery id"
    );
    assert_eq!(ids["CheckInCompletedEvent"].len(), 1);
    let reward = received
        .iter()
        .map(Received::event)
        .find(|event| event["type"] == "RewardClaimedEvent")
        .unwrap();
    assert_eq!(reward["data"]["totalPoints"], checked_in["points"]);

    let list = admin.get("/webhooks").await.ok(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert!(
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|webhook| webhook.get("secret").is_none())
    );
    let id = all["id"].as_str().unwrap();
    let log = admin
        .get(&format!("/webhooks/{id}/deliveries?limit=1"))
        .await
        .ok(200);
    assert_eq!(log["items"][0]["status"], "delivered");
    assert_eq!(log["items"][0]["response_status"], 204);
    let cursor = log["next_cursor"].as_str().unwrap();
    let rest = admin
        .get(&format!("/webhooks/{id}/deliveries?cursor={cursor}"))
        .await
        .ok(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);

    // One of them is made again, under the same id.
    let delivery = log["items"][0]["id"].as_str().unwrap();
    let again = admin
        .post(
            &format!("/webhooks/{id}/deliveries/{delivery}/redeliver"),
            json!(null),
        )
        .await;
    assert_eq!(again.status, 202);
    let received = receiver.wait_for(4).await;
    assert_eq!(received[3].header("webhook-id"), delivery);

    // Who is gone is told no more.
    for webhook in [&rewards, &all] {
        let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
        assert_eq!(admin.delete(&path).await.status, 204);
        admin.delete(&path).await.refused(404, "not_found");
    }
    server.user().post("/checkin", json!(null)).await.ok(200);
    receiver.wait_for(4).await;
    let audit = admin.get(&format!("/audit?subject={id}")).await.ok(200);
    let actions: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    assert_eq!(actions, ["DeleteWebhook", "CreateWebhook"]);
    assert!(!audit.to_string().contains("whsec_"), "{audit}");
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_under_the_same_id() {
    let answers = [StatusCode::INTERNAL_SERVER_ERROR];
    let (server, (receiver, url)) = (server().await, Receiver::start(&answers).await);
    let admin = server.admin();
    let webhook = make(&admin, &url, json!(["RewardClaimedEvent"])).await;
    server.user().post("/checkin", json!(null)).await.ok(200);
    receiver.wait_for(1).await;
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    let log = admin.get(&format!("{path}/deliveries")).await.ok(200);
    assert_eq!(log["items"][0]["status"], "waiting");
    assert_eq!(log["items"][0]["response_status"], 500);
    assert!(admin.get(&path).await.ok(200)["failing_since"].is_string());
    let received = receiver.wait_for(2).await;
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    assert!(
        received
            .iter()
            .all(|one| verify(webhook["secret"].as_str().unwrap(), one))
    );
    assert!(admin.get(&path).await.ok(200)["failing_since"].is_null());
}

#[tokio::test]
async fn a_receiver_that_is_gone_disables_its_webhook_until_it_is_enabled() {
    let (server, (receiver, url)) = (server().await, Receiver::start(&[StatusCode::GONE]).await);
    let admin = server.admin();
    let webhook = make(&admin, &url, json!(["RewardClaimedEvent"])).await;
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    server.user().post("/checkin", json!(null)).await.ok(200);
    receiver.wait_for(1).await;
    let known = admin.get(&path).await.ok(200);
    assert_eq!(known["status"], "disabled");
    assert!(known["disabled_reason"].as_str().unwrap().contains("410"));
    // What comes within half a second more is written down, and waits.
    tokio::time::sleep(Duration::from_millis(600)).await;
    server.user().post("/checkin", json!(null)).await.ok(200);
    receiver.wait_for(1).await;
    assert_eq!(
        admin.post(&format!("{path}/enable"), json!(null)).await.ok(200)["status"],
        "enabled"
    );
    tokio::time::sleep(Duration::from_millis(600)).await;
    server.user().post("/checkin", json!(null)).await.ok(200);
    receiver.wait_for(2).await;
}

#[tokio::test]
async fn for_a_day_both_secrets_sign_after_a_rotation() {
    let (server, (receiver, url)) = (server().await, Receiver::start(&[]).await);
    let admin = server.admin();
    let first = make(&admin, &url, json!(["RewardClaimedEvent"])).await;
    let path = format!("/webhooks/{}", first["id"].as_str().unwrap());
    let second = admin.post(&format!("{path}/rotate"), json!(null)).await.ok(200);
    assert_ne!(first["secret"], second["secret"]);
    server.user().post("/checkin", json!(null)).await.ok(200);
    let received = receiver.wait_for(1).await;
    for secret in [&first, &second] {
        assert!(verify(secret["secret"].as_str().unwrap(), &received[0]));
    }
}

/// Waits until a webhook has no deliveries.
async fn until_forgotten(admin: &Client<'_>, log: &str) {
    for _ in 0..100 {
        if admin.get(log).await.ok(200)["items"] == json!([]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the delivery is still there");
}

#[tokio::test]
async fn what_was_delivered_of_an_erased_user_is_forgotten() {
    let (server, (receiver, url)) = (server().await, Receiver::start(&[]).await);
    let admin = server.admin();
    let webhook = make(&admin, &url, json!(["RewardClaimedEvent"])).await;
    let user = server.user();
    user.post("/checkin", json!(null)).await.ok(200);
    receiver.wait_for(1).await;
    let log = format!("/webhooks/{}/deliveries", webhook["id"].as_str().unwrap());
    assert_eq!(
        admin.get(&log).await.ok(200)["items"].as_array().unwrap().len(),
        1
    );
    user.delete("/me").await;
    until_forgotten(&admin, &log).await;
}

#[tokio::test]
async fn what_waits_of_an_erased_user_is_sent_and_then_forgotten() {
    let answers = [StatusCode::SERVICE_UNAVAILABLE];
    let (server, (receiver, url)) = (server().await, Receiver::start(&answers).await);
    let admin = server.admin();
    let webhook = make(&admin, &url, json!(["RewardClaimedEvent"])).await;
    let user = server.user();
    user.post("/checkin", json!(null)).await.ok(200);
    receiver.wait_for(1).await;
    user.delete("/me").await.ok(200);
    let received = receiver.wait_for(2).await;
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    let log = format!("/webhooks/{}/deliveries", webhook["id"].as_str().unwrap());
    until_forgotten(&admin, &log).await;
}

#[tokio::test]
async fn the_beginning_of_an_answer_without_an_end_is_kept() {
    let endless = || async {
        let parts = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("no ".repeat(1000)));
        (StatusCode::INTERNAL_SERVER_ERROR, Body::from_stream(parts))
    };
    let app = Router::new().route("/hooks", post(endless));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let server = server().await;
    let admin = server.admin();
    let webhook = make(&admin, &url, json!(["RewardClaimedEvent"])).await;
    server.user().post("/checkin", json!(null)).await.ok(200);
    let log = format!("/webhooks/{}/deliveries", webhook["id"].as_str().unwrap());
    for _ in 0..400 {
        let deliveries = admin.get(&log).await.ok(200);
        if let Some(error) = deliveries["items"][0]["error"].as_str() {
            let beginning: String = "no ".repeat(100).chars().take(200).collect();
            assert_eq!(error, format!("answered 500 Internal Server Error: {beginning}"));
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the delivery was not answered");
}

#[tokio::test]
async fn bad_webhooks_are_refused_field_by_field() {
    let server = Server::start().await;
    let admin = server.admin();
    let body = json!({"url": "http://example.org/x", "events": ["RewardClaimed"], "secret": "short"});
    let refused = admin.post("/webhooks", body).await;
    refused.refused(422, "invalid_body");
    let pointers: Vec<&str> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|error| error["pointer"].as_str())
        .collect();
    assert_eq!(pointers, ["/events/0", "/url", "/secret"]);
    for private in [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/x",
        "https://[::1]/x",
    ] {
        admin
            .post("/webhooks", json!({"url": private}))
            .await
            .refused(422, "invalid_body");
    }
    admin
        .post("/webhooks", json!({"url": "https://8.8.8.8/x", "colour": 1}))
        .await
        .refused(422, "invalid_body");
    let own = json!({"url": "https://8.8.8.8/x", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    assert_eq!(
        admin.post("/webhooks", own.clone()).await.ok(201)["secret"],
        own["secret"]
    );
    server
        .user()
        .post("/webhooks", own)
        .await
        .refused(403, "forbidden");
    server.user().get("/webhooks").await.refused(403, "forbidden");
    admin.get("/webhooks/nothing").await.refused(404, "not_found");
}

#[tokio::test]
async fn what_followers_alone_are_told_goes_to_no_webhook() {
    let (server, (receiver, url)) = (server().await, Receiver::start(&[]).await);
    let (admin, user) = (server.admin(), server.user());
    let body = json!({"url": url, "events": ["TaskProgressedEvent"]});
    let refused = admin.post("/webhooks", body).await;
    refused.refused(422, "invalid_body");
    make(&admin, &url, json!([])).await;
    let follower = server.http.get(format!("{}/api/v1/stream", server.url));
    let follower = follower.bearer_auth(&admin.token).send().await.unwrap();
    let mission = admin.mission("moves", json!({"target": 2})).await;
    user.complete(&mission).await;
    let received = receiver.wait_for(1).await;
    assert_eq!(received[0].event()["type"], "TaskStartedEvent");
    drop(follower);
}
