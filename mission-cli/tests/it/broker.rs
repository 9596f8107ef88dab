//! `mission broker`, against a server that says what it is told to.

use serde_json::{Value, json};

use crate::{
    mission, run,
    server::{Answer, asks},
};

fn letter(id: &str) -> Value {
    json!({"id": id, "reason": "the body is no JSON", "attempts": 0, "exchange": "activity.events",
        "routing_key": "activity.video", "message_id": null, "content_type": null,
        "died_at": "2026-01-05T10:00:00Z", "published_at": null, "body": "{", "bytes": 1})
}

fn parked() -> Value {
    json!({"event_id": "0190163d-8694-739b-aea5-966c26f8ad91", "type": "RewardClaimedEvent", "root_kind": "user",
        "root_id": "0190163d-8694-739b-aea5-966c26f8ad92", "reason": "no queue takes `reward.claimed`", "attempts": 3,
        "since": "2026-01-05T10:00:00Z", "last_attempt_at": "2026-01-05T10:01:00Z",
        "retry_at": "2026-01-05T10:01:10Z", "behind": 2})
}

fn lines(answers: Vec<Answer>, args: &[&str]) -> (i32, String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (run, seen) = asks(folder.path(), args, "", answers);
    let lines = seen.into_iter().map(|seen| seen.line).collect();
    (run.code, run.out + run.err.as_str(), lines)
}

#[test]
fn inspect_shows_every_page_of_both_with_the_reasons() {
    let pages = || {
        vec![
            ("200 OK", json!({"items": [parked()], "next_cursor": null})),
            (
                "200 OK",
                json!({"items": [letter("one")], "next_cursor": "more", "total": 2}),
            ),
            (
                "200 OK",
                json!({"items": [letter("two")], "next_cursor": null, "total": 2}),
            ),
        ]
    };
    let (code, out, asked) = lines(pages(), &["broker", "inspect"]);
    assert_eq!(code, 0, "{out}");
    assert_eq!(
        asked,
        [
            "GET /api/v1/outbox/parked?limit=200 HTTP/1.1",
            "GET /api/v1/inbound/dead?limit=200 HTTP/1.1",
            "GET /api/v1/inbound/dead?limit=200&cursor=more HTTP/1.1"
        ]
    );
    for part in [
        "2 dead letters",
        "one  2026-01-05T10:00:00Z  activity.events/activity.video",
        "  the body is no JSON\n  \"{\"",
        "mission broker requeue ID",
        "1 event could not leave",
        "RewardClaimedEvent of user 0190163d-8694-739b-aea5-966c26f8ad92, 3 tries, again at 2026-01-05T10:01:10Z, 2 behind it",
        "no queue takes `reward.claimed`",
    ] {
        assert!(out.contains(part), "`{part}` is missing:\n{out}");
    }
    let (code, out, _) = lines(pages(), &["broker", "inspect", "--format", "json"]);
    assert_eq!(code, 0, "{out}");
    let all: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        all,
        json!({"dead_letters": [letter("one"), letter("two")], "parked_events": [parked()]})
    );
}

#[test]
fn letters_are_settled_one_or_all() {
    let settled = |letters, left| ("200 OK", json!({"letters": letters, "left": left}));
    let (code, out, asked) = lines(vec![settled(1, 2)], &["broker", "requeue", "one"]);
    assert_eq!((code, out.as_str()), (0, "1 dead letter sent back, 2 left\n"));
    assert_eq!(asked, ["POST /api/v1/inbound/dead/one/requeue HTTP/1.1"]);
    let (code, out, asked) = lines(vec![settled(2, 1)], &["broker", "drop", "one"]);
    assert_eq!((code, out.as_str()), (0, "2 dead letters dropped, 1 left\n"));
    assert_eq!(asked, ["DELETE /api/v1/inbound/dead/one HTTP/1.1"]);

    // What dies again at once is not sent back without an end.
    let calls = vec![settled(1000, 500), settled(1000, 500)];
    let (code, out, asked) = lines(calls, &["broker", "requeue", "--all"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "2000 dead letters sent back, 500 left\n")
    );
    assert_eq!(asked, ["POST /api/v1/inbound/dead/requeue HTTP/1.1"; 2]);
    let calls = vec![settled(1000, 500), settled(500, 0)];
    let (code, out, asked) = lines(calls, &["broker", "drop", "--all"]);
    assert_eq!((code, out.as_str()), (0, "1500 dead letters dropped, 0 left\n"));
    assert_eq!(asked, ["DELETE /api/v1/inbound/dead HTTP/1.1"; 2]);
}

#[test]
fn parked_events_are_tried_again_one_or_all() {
    let answer = || vec![("200 OK", json!({"retried": 1}))];
    let (code, out, asked) = lines(answer(), &["broker", "retry"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.starts_with("1 event tried again"), "{out}");
    assert_eq!(asked, ["POST /api/v1/outbox/parked/retry HTTP/1.1"]);
    let (_, _, asked) = lines(answer(), &["broker", "retry", "an-id"]);
    assert_eq!(asked, ["POST /api/v1/outbox/parked/an-id/retry HTTP/1.1"]);
}

#[test]
fn a_refusal_is_told_and_a_letter_has_to_be_named() {
    let gone = json!({"code": "not_found", "detail": "there is no dead letter `x`"});
    let (code, out, _) = lines(vec![("404 Not Found", gone)], &["broker", "drop", "x"]);
    assert_eq!(code, 1);
    assert!(out.contains("there is no dead letter `x`"), "{out}");
    let folder = tempfile::tempdir().unwrap();
    for args in [
        ["broker", "drop", "--server", "http://127.0.0.1:9"].as_slice(),
        &[
            "broker",
            "requeue",
            "x",
            "--all",
            "--server",
            "http://127.0.0.1:9",
        ],
        &["broker"],
    ] {
        let run = run(&mut mission(folder.path(), args));
        assert_eq!(run.code, 2, "{args:?}: {}", run.err);
    }
}
