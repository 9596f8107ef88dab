//! A user who leaves something in every table of users, as a user and as an operator.

use mission_core::{
    engine::{EngineBuilder, RegisterUser, Signals},
    fraud::DeviceHash,
    ports::store::Store,
};
use mission_server::store::{
    postgres::{PostgresOptions, PostgresStore},
    sqlite::{SqliteOptions, SqliteStore},
};
use reqwest::multipart;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    rings,
    support::{Client, Server, event},
    uploads::{photos, striped},
};

/// The person's own: name, e-mail, device, address and what they wrote; and what was written about them.
pub(super) const WORDS: [&str; 13] = [
    "wordofname",
    "wordofmail",
    "wordofplan",
    "wordoftag",
    "wordofdevice",
    "wordofevidence",
    "wordofshot",
    "wordofnote",
    "wordofreason",
    "wordoffile",
    "wordofevent",
    "wordofcode",
    ADDRESS,
];
const ADDRESS: &str = "203.0.113.77";

/// The device, as it is kept.
pub(super) fn device() -> String {
    DeviceHash::of("wordofdevice").as_str().to_owned()
}

/// Registers the person as the identity service's message does.
async fn register(url: &str, person: Uuid) {
    async fn on(store: impl Store + 'static, person: Uuid) {
        let (engine, writer) = EngineBuilder::system(store).build();
        let writing = tokio::spawn(writer.run());
        let registered = RegisterUser {
            user: person.into(),
            registered_at: Some(chrono::Utc::now()),
            display_name: Some("Ada Wordofname".to_owned()),
        };
        engine
            .execute(registered, Signals::default(), None)
            .await
            .unwrap();
        writing.abort();
    }
    if url.starts_with("sqlite:") {
        let store = SqliteStore::open(url, SqliteOptions::default()).await.unwrap();
        on(store, person).await;
    } else {
        let store = PostgresStore::open(url, PostgresOptions::default())
            .await
            .unwrap();
        on(store, person).await;
    }
}

/// What `done` is told of, now.
fn told(user: Uuid, kind: &str, data: Value) -> Value {
    event(user, kind, &chrono::Utc::now().to_rfc3339(), data)
}

/// Evidence that a person looks at; gives the review.
async fn flagged(admin: &Client<'_>, user: &Client<'_>, mission: &str, evidence: Value) -> String {
    let task = user.start(mission).await;
    let sent = user.post(&format!("/tasks/{task}/evidence"), evidence).await;
    sent.ok(202);
    let open = admin.get("/reviews").await.ok(200);
    let mut open = open["items"].as_array().unwrap().iter();
    let review = open.find(|review| review["user_id"] == json!(user.user));
    review.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Leads the person's life. `hook` is an address that webhooks may call.
pub(super) async fn live(server: &Server, person: &Client<'_>, hook: &str) {
    let (admin, id) = (server.admin(), person.user);
    let person = person
        .header("x-device-id", "wordofdevice")
        .header("x-forwarded-for", ADDRESS);
    register(server.database(), id).await;
    let described = json!({"country": "DE", "tags": ["wordoftag"],
        "attributes": {"plan": "wordofplan", "email": "ada@wordofmail.example"}});
    admin
        .put(&format!("/users/{id}/attributes"), described)
        .await
        .ok(200);
    as_operator(server, id, hook).await;
    person
        .header("idempotency-key", "visit")
        .post("/checkin", Value::Null)
        .await
        .ok(200);

    // A reward that is claimed and taken back, and one that stays.
    for (code, reason) in [("kept", None), ("taken-back", Some("wordofreason"))] {
        let mission = admin.mission(code, json!({})).await;
        let task = person.complete(&mission).await;
        let claimed = person
            .post(&format!("/tasks/{task}/claim"), Value::Null)
            .await
            .ok(200);
        if let Some(reason) = reason {
            let path = format!("/rewards/{}/revoke", claimed["reward_id"].as_str().unwrap());
            admin.post(&path, json!({"reason": reason})).await.ok(200);
        }
    }

    let demand = json!({"type": "social", "evidence": {"type": "social_proof", "review": "manual"}});
    let mission = admin.mission("looked-at", demand).await;
    let evidence = json!({"type": "social_proof", "data": "wordofevidence",
        "screenshot_url": "https://pictures.example/wordofshot.png"});
    let review = flagged(&admin, &person, &mission, evidence).await;
    admin
        .header("idempotency-key", "judged")
        .post(
            &format!("/reviews/{review}/reject"),
            json!({"note": "wordofnote"}),
        )
        .await
        .ok(200);

    let mission = admin.mission("photo", photos()).await;
    let task = person.start(&mission).await;
    let part = multipart::Part::bytes(striped(0)).file_name("wordoffile.png");
    let sent = server
        .http
        .post(format!("{}/api/v1/tasks/{task}/upload", server.url))
        .bearer_auth(&person.token)
        .header("x-device-id", "wordofdevice")
        .multipart(multipart::Form::new().part("file", part))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 202);

    let watching = json!({"auto_start": true, "target": 9, "trigger": {"event": "video.watched"}});
    admin.mission("watch", watching).await;
    let data = json!({"title": "wordofevent", "email": "ada@wordofmail.example"});
    let applied = admin
        .post("/events", told(id, "video.watched", data))
        .await
        .ok(200);
    assert_eq!(applied["results"][0]["status"], "applied", "{applied}");
    with_others(server, id).await;
    in_a_ring(server, &person).await;
}

/// The person is one of many on a phone, and has invited another of them.
async fn in_a_ring(server: &Server, person: &Client<'_>) {
    let admin = server.admin();
    let mission = admin.mission("on-the-phone", json!({})).await;
    let task = person.start(&mission).await;
    person
        .header("x-device-id", "a phone of many")
        .post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await
        .ok(200);
    let others = rings::farm(server, "a phone of many", 9).await;
    let event = json!({
        "specversion": "1.0", "id": Uuid::new_v4(), "source": "/mining", "type": "ReferralActivatedEvent",
        "data": {"inviterId": person.user, "inviteeId": others[0].user, "activatedAt": null},
    });
    let paid = admin.post("/events", event).await.ok(200);
    assert_eq!(paid["results"][0]["status"], "applied", "{paid}");
    rings::open_ring(&admin, 10).await;
}

/// What the person does with others, and they with the person.
async fn with_others(server: &Server, person: Uuid) {
    let (admin, friend) = (server.admin(), server.user().user);
    for (one, other) in [(person, friend), (friend, person)] {
        let event = told(one, "friendship.created", json!({"friendId": other}));
        admin.post("/events", event).await.ok(200);
    }
    for (inviter, invitee, code) in [(person, friend, "wordofcode"), (friend, person, "of-the-friend")] {
        let event = json!({
            "specversion": "1.0", "id": Uuid::new_v4(), "source": "/mining", "type": "ReferralActivatedEvent",
            "data": {"inviterId": inviter, "inviteeId": invitee, "inviteCode": code, "activatedAt": null},
        });
        let paid = admin.post("/events", event).await.ok(200);
        assert_eq!(paid["results"][0]["status"], "applied", "{paid}");
    }
}

/// The person is an operator too.
async fn as_operator(server: &Server, person: Uuid, hook: &str) {
    let operator = server.client(person, json!({"roles": ["admin"]}));
    let demand = json!({"type": "social", "evidence": {"type": "social_proof", "review": "manual"}});
    let mission = operator.mission("of-the-operator", demand).await;
    operator
        .post("/webhooks", json!({"url": hook, "events": []}))
        .await
        .ok(201);
    let other = server.user();
    let evidence = json!({"type": "social_proof", "screenshot_url": "https://pictures.example/other.png"});
    let review = flagged(&operator, &other, &mission, evidence).await;
    operator
        .header("idempotency-key", "approved")
        .post(&format!("/reviews/{review}/approve"), json!({}))
        .await
        .ok(200);
}
