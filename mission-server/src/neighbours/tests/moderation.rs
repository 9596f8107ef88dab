use axum::http::HeaderMap;
use chrono::Utc;
use mission_neighbours::{Moderation, Mood, StandIn};
use serde_json::json;

use super::{client, quick};
use crate::neighbours::{CallbackError, CallbackKey, ModerationClient, ModerationRequest, Verdict};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn moderation() -> (StandIn, ModerationClient) {
    let neighbour = StandIn::start().await.unwrap();
    let key = CallbackKey::parse(SECRET).unwrap();
    let moderation = ModerationClient::new(client(&neighbour, &quick()), Some(key));
    (neighbour, moderation)
}

#[tokio::test]
async fn it_is_asked_and_asked_again() {
    let (neighbour, moderation) = moderation().await;
    let request = ModerationRequest {
        file_id: "f-1".to_owned(),
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
    assert_eq!(moderation.ask(&request).await.unwrap(), "m-1");
    let seen = neighbour.seen();
    assert_eq!(seen.len(), 2, "once more, by the same key");
    assert!(seen.iter().all(|seen| seen.headers["idempotency-key"] == "f-1"));
    assert_eq!(
        seen[1].body,
        json!({
            "fileId": "f-1", "url": "https://files.example/f-1", "contentType": "image/png",
            "callbackUrl": "https://mission.example/api/v1/moderation/callback",
        })
    );
    let report = moderation.poll("m-1").await.unwrap().unwrap();
    assert_eq!(
        (report.verdict, report.reason.as_deref(), report.file_id.as_str()),
        (Verdict::Rejected, Some("too dark"), "f-1")
    );
    assert_eq!(neighbour.moderations(), 1);
    assert_eq!(moderation.poll("m-2").await.unwrap(), None);
    neighbour.mood(Mood::WrongJson);
    assert_eq!(moderation.poll("m-1").await.unwrap_err().outcome(), "unreadable");
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

#[tokio::test]
async fn a_callback_is_believed_if_it_is_signed() {
    let (_neighbour, moderation) = moderation().await;
    let body = br#"{"moderationId":"m-1","fileId":"f-1","verdict":"approved","more":1}"#;
    let report = moderation.read_callback(&signed(SECRET, body, 0), body).unwrap();
    assert_eq!((report.verdict, report.reason), (Verdict::Approved, None));
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
        let error = moderation.read_callback(&headers, body).unwrap_err();
        assert!(matches!(error, CallbackError::Signature(_)), "{error}");
    }
    let nothing = b"{}";
    let error = moderation
        .read_callback(&signed(SECRET, nothing, 0), nothing)
        .unwrap_err();
    assert!(matches!(error, CallbackError::Unreadable(_)), "{error}");
    let (neighbour, _) = self::moderation().await;
    let keyless = ModerationClient::new(client(&neighbour, &quick()), None);
    let refused = keyless.read_callback(&signed(SECRET, body, 0), body);
    assert_eq!(refused.unwrap_err(), CallbackError::NoKey);
}
