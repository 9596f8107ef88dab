//! Uploads with the moderation and the storage service around the server.

use std::{sync::Arc, time::Duration};

use mission_core::{
    FileId, MissionId,
    engine::{AttachUpload, CreateMission, EngineBuilder, MoveMission, Signals, StartTask},
    fraud::{self, Review, ReviewStatus},
    memory::MemoryStore,
    mission::StatusTransition,
    ports::queries::Queries,
    task::{ContentHash, TaskStatus, UploadedFile},
    testing::{self, RuleModeration},
};
use mission_neighbours::{Moderation, Mood, Service, StandIn, Verdict};
use mission_server::{
    moderation::Moderator,
    uploads::{FileStore, Limits, LinkSigner, Location, Uploads},
};
use serde_json::{Value, json};

use crate::{
    support::Server,
    uploads::{open_reviews, photos, pixel, upload},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server whose uploads are judged in a manner.
async fn moderated(manner: Moderation) -> (Server, StandIn) {
    let service = StandIn::start().await.unwrap();
    service.moderate(Moderation {
        secret: SECRET.to_owned(),
        ..manner
    });
    let server = Server::with(&[
        ("MISSION_MODERATION_URL", &service.url),
        ("MISSION_MODERATION_SECRET", SECRET),
        ("MISSION_SERVICE_TOKEN", "hunter2"),
    ])
    .await;
    (server, service)
}

/// The task once it is no longer as it was, at the latest after a while.
async fn settled(client: &crate::support::Client<'_>, task: &str, wanted: &str) -> Value {
    let mut last = Value::Null;
    for _ in 0..300 {
        last = client.get(&format!("/tasks/{task}")).await.ok(200);
        if last["uploads"][0]["status"] == wanted {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it should be {wanted}: {last}");
}

#[tokio::test]
async fn a_verdict_counts_once_however_often_and_in_which_order_it_comes() {
    use Verdict::{Approved, Pending, Rejected};
    let (server, service) = moderated(Moderation {
        callbacks: vec![Pending, Approved, Rejected, Approved, Pending],
        reason: Some("a sunrise".to_owned()),
        ..Moderation::default()
    })
    .await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin.mission("photo", photos()).await;
    let task = user.start(&mission).await;
    let taken = upload(&user, &task, "file", "image/png", &pixel()).await.ok(202);
    let done = settled(&user, &task, "approved").await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["verification"]["method"], "moderation");
    assert_eq!(done["uploads"][0]["method"], "moderation");
    // The rest of the calls has come by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(user.get(&format!("/tasks/{task}")).await.ok(200), done);
    let claim = format!("/tasks/{task}/claim");
    assert_eq!(user.post(&claim, Value::Null).await.ok(200)["points_earned"], 7);
    user.post(&claim, Value::Null)
        .await
        .refused(400, "already_claimed");
    let review = admin.get("/reviews?status=approved").await.ok(200)["items"][0].clone();
    assert_eq!(review["note"], "a sunrise");
    assert_eq!(review["moderation_id"], "m-1");
    assert_eq!(review["decided_by"], Value::Null);
    let asked: Vec<_> = service
        .seen()
        .into_iter()
        .filter(|seen| seen.method == "POST")
        .collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].body["fileId"], taken["file_id"]);
    assert_eq!(asked[0].body["contentType"], "image/png");
    assert_eq!(asked[0].headers["authorization"], "Bearer hunter2");
    let read = server
        .http
        .get(asked[0].body["url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(read.bytes().await.unwrap().as_ref(), pixel());
}

#[tokio::test]
async fn what_is_not_told_is_asked_for_and_what_was_lost_is_asked_about_again() {
    let (server, service) = moderated(Moderation {
        verdict: Verdict::Pending,
        ..Moderation::default()
    })
    .await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin.mission("photo", photos()).await;
    let task = user.start(&mission).await;
    upload(&user, &task, "file", "image/png", &pixel()).await.ok(202);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if service.moderations() == 1 {
            break;
        }
    }
    assert!(open_reviews(&admin).await.is_empty());
    let waiting = admin.get("/reviews?status=in_moderation").await.ok(200);
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1);
    service.forget_moderations();
    service.moderate(Moderation {
        verdict: Verdict::Rejected,
        reason: Some("too dark".to_owned()),
        ..Moderation::default()
    });
    let left = settled(&user, &task, "rejected").await;
    assert_eq!(left["status"], "in_progress");
    assert_eq!(left["uploads"][0]["reason"], "too dark");
    assert_eq!(service.moderations(), 1, "it was asked about again");
}

#[tokio::test]
async fn moderation_that_is_away_delays_the_verdict_and_nothing_else() {
    let (server, service) = moderated(Moderation {
        callbacks: vec![Verdict::Review],
        reason: Some("hard to say".to_owned()),
        ..Moderation::default()
    })
    .await;
    service.mood(Mood::Status(500));
    let (admin, user) = (server.admin(), server.user());
    let mission = admin.mission("photo", photos()).await;
    let task = user.start(&mission).await;
    upload(&user, &task, "file", "image/png", &pixel()).await.ok(202);
    tokio::time::sleep(Duration::from_millis(500)).await;
    service.mood(Mood::Good);
    let mut reviews = Vec::new();
    for _ in 0..300 {
        reviews = open_reviews(&admin).await;
        if !reviews.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(reviews[0]["reasons"], json!([{"moderation": "hard to say"}]));
    let approve = format!("/reviews/{}/approve", reviews[0]["id"].as_str().unwrap());
    admin.post(&approve, json!({})).await.ok(200);
    assert_eq!(
        user.get(&format!("/tasks/{task}")).await.ok(200)["status"],
        "completed"
    );
}

#[tokio::test]
async fn a_callback_that_nobody_signed_is_refused() {
    let (server, _service) = moderated(Moderation::default()).await;
    let url = format!("{}/api/v1/moderation/callback", server.url);
    let body = json!({"moderationId": "m-1", "fileId": uuid::Uuid::new_v4(), "verdict": "approved"});
    let refused = server.http.post(&url).json(&body).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "unauthorized");
    let key = mission_server::neighbours::CallbackKey::parse(SECRET).unwrap();
    let signed = async |body: String| {
        let at = chrono::Utc::now().timestamp();
        let signature = key.sign("msg-1", at, body.as_bytes()).unwrap();
        let call = server.http.post(&url).header("content-type", "application/json");
        let call = call
            .header("webhook-id", "msg-1")
            .header("webhook-timestamp", at.to_string());
        let answer = call
            .header("webhook-signature", signature)
            .body(body)
            .send()
            .await
            .unwrap();
        answer.status().as_u16()
    };
    assert_eq!(signed(body.to_string()).await, 404, "there is no such upload");
    assert_eq!(signed("{}".to_owned()).await, 422);
    let unmoderated = Server::start().await;
    let url = format!("{}/api/v1/moderation/callback", unmoderated.url);
    let nobody = unmoderated.http.post(url).json(&body).send().await.unwrap();
    assert_eq!(nobody.status(), 401);
}

#[tokio::test]
async fn files_can_be_kept_by_the_storage_service() {
    let service = StandIn::start().await.unwrap();
    let server = Server::with(&[("MISSION_STORAGE_URL", &service.url)]).await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin.mission("photo", photos()).await;
    let task = user.start(&mission).await;
    service.mood_of(Service::Storage, Mood::Status(500));
    let away = upload(&user, &task, "file", "image/png", &pixel()).await;
    assert!(away.headers.contains_key("retry-after"));
    away.refused(503, "unavailable");
    user.get("/me").await.ok(200);
    service.mood_of(Service::Storage, Mood::Good);
    let mut taken = upload(&user, &task, "file", "image/png", &pixel()).await;
    for _ in 0..100 {
        if taken.status != 503 {
            break;
        }
        // Its breaker is open for a while.
        tokio::time::sleep(Duration::from_millis(200)).await;
        taken = upload(&user, &task, "file", "image/png", &pixel()).await;
    }
    let taken = taken.ok(202);
    assert_eq!(service.files(), 1);
    let read = server
        .http
        .get(taken["url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(read.headers()["content-type"], "image/png");
    assert_eq!(read.bytes().await.unwrap().as_ref(), pixel());
    let sent = service
        .seen()
        .into_iter()
        .rfind(|seen| seen.path == "/api/v1/upload")
        .unwrap();
    assert!(sent.headers.contains_key("idempotency-key"));
    let health = admin.get("/health").await.ok(200);
    assert!(
        health["dependencies"].to_string().contains("\"storage\""),
        "{health}"
    );
}

/// Without a service: rules in its place, a folder, and an engine in memory.
#[tokio::test]
async fn moderation_by_rules_judges_at_once() {
    let moderation = RuleModeration::default()
        .rule("no pictures of animals", |request| {
            (request.content_type == "image/gif").then_some(fraud::Verdict::Rejected)
        })
        .rule("a photograph", |request| {
            (request.content_type == "image/jpeg").then_some(fraud::Verdict::Approved)
        });
    let store = MemoryStore::default();
    let (engine, writer) = EngineBuilder::system(store.clone()).build();
    tokio::spawn(writer.run());
    let folder = tempfile::tempdir().unwrap();
    let files = FileStore::open(&Location::Folder(folder.path().to_owned())).unwrap();
    let uploads = Arc::new(Uploads::new(files, Limits::default(), LinkSigner::new(b"secret")));
    let public_url = "https://mission.example".parse().unwrap();
    let queries: Arc<dyn Queries> = Arc::new(store);
    let moderator = Moderator::new(
        Arc::new(moderation),
        None,
        engine.clone(),
        Arc::clone(&queries),
        uploads,
        public_url,
    );
    let moderator = Arc::new(moderator);
    let mission = MissionId(engine.next_id());
    let definition = serde_json::from_value(json!({
        "code": "photo", "type": "upload", "frequency": "one_time", "evidence": {"type": "uploaded_content"}, "reward": {"points": "7"},
        "title": {"en": "A photo"}, "description": {"en": "Of anything."},
    }));
    let create = CreateMission {
        mission,
        definition: definition.unwrap(),
    };
    engine.execute(create, Signals::default(), None).await.unwrap();
    let activate = MoveMission {
        mission,
        asked: StatusTransition::Activate,
        expected_version: None,
    };
    engine.execute(activate, Signals::default(), None).await.unwrap();
    for (number, content_type, status, reason) in [
        (1, "image/jpeg", ReviewStatus::Approved, Some("a photograph")),
        (
            2,
            "image/gif",
            ReviewStatus::Rejected,
            Some("no pictures of animals"),
        ),
        (3, "application/pdf", ReviewStatus::Open, None),
    ] {
        let user = testing::user(number);
        let start = StartTask { user, mission };
        let started = engine.execute(start, Signals::default(), None).await.unwrap();
        let file = FileId(engine.next_id());
        let attach = AttachUpload {
            user,
            task: started.reply.task.id,
            file: UploadedFile {
                id: file,
                stored_as: None,
                sha256: ContentHash([u8::try_from(number).unwrap(); 32]),
                perceptual_hash: None,
                content_type: content_type.to_owned(),
                size_bytes: 70,
            },
            moderated: true,
            near_copy_of: None,
        };
        engine.execute(attach, Signals::default(), None).await.unwrap();
        moderator.submit(file);
        let review = async || {
            queries
                .review(Review::id_for_upload(file))
                .await
                .unwrap()
                .unwrap()
        };
        for _ in 0..500 {
            if review().await.status != ReviewStatus::InModeration {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let review = review().await;
        assert_eq!(
            (review.status, review.note.as_deref()),
            (status, reason),
            "{review:?}"
        );
        let task = queries.task(user, started.reply.task.id).await.unwrap().unwrap();
        assert_eq!(
            task.status == TaskStatus::Completed,
            status == ReviewStatus::Approved,
            "{task:?}"
        );
    }
}
