use axum::http::HeaderMap;
use chrono::Utc;
use mission_core::{
    FileId,
    fraud::Verdict,
    ports::moderation::{Moderation as _, ModerationRequest},
};
use mission_neighbours::{Moderation, Mood, StandIn};
use serde_json::json;

use super::{client, quick};
use crate::neighbours::{CallbackError, CallbackKey, ModerationCallback, ModerationClient};

const FILE: FileId = FileId(uuid::uuid!("0190163d-8694-739b-aea5-966c26f8ad91"));
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn moderation() -> (StandIn, ModerationClient) {
    let neighbour = StandIn::start().await.unwrap();
    let moderation = ModerationClient::new(client(&neighbour, &quick()));
    (neighbour, moderation)
}

#[tokio::test]
async fn it_is_asked_and_asked_again() {
    let (neighbour, moderation) = moderation().await;
    let request = ModerationRequest {
        file: FILE,
        url: "https://files.example/f-1".to_owned(),
        content_type: "image/png".to_owned(),
        callback_url: "https://mission.example/api/v1/moderation/callback".to_owned(),
    };
    neighbour.next(vec![Mood::Status(503)]);
    neighbour.moderate(Moderation {
        verdict: mission_neighbours::Verdict::Rejected,
        reason: Some("too dark".to_owned()),
        ..Moderation::default()
    });
    let begun = moderation.submit(&request).await.unwrap();
    assert_eq!((begun.moderation.as_str(), begun.verdict), ("m-1", None));
    let seen = neighbour.seen();
    assert_eq!(seen.len(), 2, "once more, by the same key");
    assert!(
        seen.iter()
            .all(|seen| seen.headers["idempotency-key"] == FILE.to_string())
    );
    assert_eq!(
        seen[1].body,
        json!({
            "fileId": FILE, "url": "https://files.example/f-1", "contentType": "image/png",
            "callbackUrl": "https://mission.example/api/v1/moderation/callback",
        })
    );
    let report = moderation.report("m-1").await.unwrap().unwrap();
    assert_eq!(
        (report.verdict, report.reason.as_deref()),
        (Some(Verdict::Rejected), Some("too dark"))
    );
    assert_eq!(neighbour.moderations(), 1);
    assert_eq!(moderation.report("m-2").await.unwrap(), None);
    neighbour.mood(Mood::WrongJson);
    let unreadable = moderation.report("m-1").await.unwrap_err();
    assert!(unreadable.reason.contains("cannot be read"), "{unreadable}");
}

/// The headers of a body that was signed so many seconds ago.
fn signed(secret: &str, body: &[u8], seconds_ago: i64) -> HeaderMap {
    let at = Utc::now().timestamp() - seconds_ago;
    let signature = CallbackKey::parse(secret)
        .unwrap()
        .sign("msg-1", at, body)
        .unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", "msg-1".to_owned()),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", format!("v1,AAAA {signature}")),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    headers
}

#[test]
fn a_callback_is_believed_if_it_is_signed() {
    let key = CallbackKey::parse(SECRET).unwrap();
    let body = br#"{"moderationId":"m-1","fileId":"0190163d-8694-739b-aea5-966c26f8ad91","verdict":"approved","more":1}"#;
    let callback = ModerationCallback::read(&key, &signed(SECRET, body, 0), body).unwrap();
    assert_eq!(callback.file, Some(FILE));
    assert_eq!(
        (callback.report.verdict, callback.report.reason),
        (Some(Verdict::Approved), None)
    );
    let stranger = br#"{"moderationId":"m-1","fileId":"f-1","verdict":"pending"}"#;
    let callback = ModerationCallback::read(&key, &signed(SECRET, stranger, 0), stranger).unwrap();
    assert_eq!((callback.file, callback.report.verdict), (None, None));
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";
    let altered = br#"{"moderationId":"m-1","fileId":"f-2","verdict":"approved"}"#;
    let mut overflowing = signed(SECRET, body, 0);
    overflowing.insert("webhook-timestamp", i64::MIN.to_string().parse().unwrap());
    let mut unsigned = signed(SECRET, body, 0);
    unsigned.remove("webhook-signature");
    for (headers, body) in [
        (signed(other, body, 0), &body[..]),
        (signed(SECRET, body, 400), &body[..]),
        (signed(SECRET, body, -400), &body[..]),
        (signed(SECRET, body, 0), &altered[..]),
        (HeaderMap::new(), &body[..]),
        (overflowing, &body[..]),
        (unsigned, &body[..]),
    ] {
        let error = ModerationCallback::read(&key, &headers, body).unwrap_err();
        assert!(matches!(error, CallbackError::Signature(_)), "{error}");
    }
    let nothing = b"{}";
    let error = ModerationCallback::read(&key, &signed(SECRET, nothing, 0), nothing).unwrap_err();
    assert!(matches!(error, CallbackError::Unreadable(_)), "{error}");
}
