use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mission_neighbours::{Mood, StandIn};
use serde_json::{Value, json};

use super::{client, quick};
use crate::neighbours::{Call, CallError, Client, Limits, RetryPolicy};

const ANNA: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const FAILED: Mood = Mood::Status(500);

/// A call that changes nothing.
async fn read(client: &Client) -> Result<Value, CallError> {
    client
        .json(&Call::get("/users/{id}", ["api", "v1", "users", ANNA]))
        .await
}

/// A call that changes something.
async fn write(client: &Client, repeat: RetryPolicy) -> Result<Value, CallError> {
    let path = ["api", "v1", "moderations"];
    client
        .json(&Call::post("/moderations", path, &json!({"fileId": "f"}), repeat).unwrap())
        .await
}

#[tokio::test]
async fn headers_go_along() {
    let neighbour = StandIn::start().await.unwrap();
    let client = client(&neighbour, &quick());
    read(&client).await.unwrap();
    write(&client, RetryPolicy::Keyed("k-1".to_owned()))
        .await
        .unwrap();
    let seen = neighbour.seen();
    for seen in &seen {
        assert_eq!(seen.headers["authorization"], "Bearer hunter2");
        assert!(!seen.headers["x-correlation-id"].is_empty());
        let parent = seen.headers["traceparent"].to_str().unwrap();
        let lengths: Vec<usize> = parent.split('-').map(str::len).collect();
        assert_eq!(lengths, [2, 32, 16, 2], "{parent}");
    }
    assert!(!seen[0].headers.contains_key("idempotency-key"));
    assert_eq!(seen[1].headers["idempotency-key"], "k-1");
    assert_eq!(seen[1].body, json!({"fileId": "f"}));
}

#[tokio::test]
async fn what_is_safe_is_repeated_and_nothing_else() {
    let neighbour = StandIn::start().await.unwrap();
    let client = client(&neighbour, &quick());
    for mood in [
        Mood::Status(503),
        Mood::Status(429),
        Mood::Cut,
        Mood::Slow(Duration::from_millis(500)),
    ] {
        let before = neighbour.seen().len();
        neighbour.next(vec![mood, FAILED]);
        assert!(read(&client).await.is_ok(), "{mood:?}");
        assert_eq!(neighbour.seen().len() - before, 3, "{mood:?}");
    }
    let before = neighbour.seen().len();
    neighbour.next(vec![FAILED]);
    let failed = write(&client, RetryPolicy::Never).await.unwrap_err();
    assert_eq!(failed.outcome(), "failed");
    assert_eq!(neighbour.seen().len() - before, 1, "it might count twice");
    neighbour.next(vec![FAILED]);
    write(&client, RetryPolicy::Keyed("k-2".to_owned()))
        .await
        .unwrap();
    let keys: Vec<_> = neighbour.seen()[before + 1..]
        .iter()
        .map(|seen| seen.headers["idempotency-key"].clone())
        .collect();
    assert_eq!(keys, ["k-2", "k-2"]);
}

#[tokio::test]
async fn an_answer_that_says_no_is_not_asked_for_again() {
    let neighbour = StandIn::start().await.unwrap();
    let client = client(&neighbour, &quick());
    for (mood, outcome) in [
        (Mood::Status(404), "refused"),
        (Mood::Status(401), "refused"),
        (Mood::Status(501), "failed"),
        (Mood::Redirect, "refused"),
        (Mood::Huge(200_000, true), "too_large"),
        (Mood::Huge(200_000, false), "too_large"),
        (Mood::Huge(1_000, true), "unreadable"),
    ] {
        let before = neighbour.seen().len();
        neighbour.mood(mood);
        let error = read(&client).await.unwrap_err();
        assert_eq!(error.outcome(), outcome, "{mood:?}");
        assert_eq!(
            neighbour.seen().len() - before,
            1,
            "{mood:?}: nothing is repeated or followed"
        );
    }
}

#[tokio::test]
async fn time_outs_hold() {
    let neighbour = StandIn::start().await.unwrap();
    neighbour.mood(Mood::Slow(Duration::from_secs(30)));
    let limits = Limits {
        total: Duration::from_millis(700),
        ..quick()
    };
    let client = client(&neighbour, &limits);
    let began = Instant::now();
    assert_eq!(read(&client).await.unwrap_err(), CallError::TimedOut);
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(550) && took < Duration::from_secs(2),
        "{took:?}"
    );
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    let mut neighbour = StandIn::start().await.unwrap();
    neighbour.url = "http://127.0.0.1:1".to_owned();
    let error = read(&client(&neighbour, &quick())).await.unwrap_err();
    assert_eq!(error.outcome(), "unreachable", "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn the_breaker_opens_and_closes() {
    let neighbour = StandIn::start().await.unwrap();
    let limits = Limits {
        failures: 3,
        ..quick()
    };
    let client = client(&neighbour, &limits);
    assert!(client.health().report().up, "nothing was asked yet");
    // Answers, and such as say no, are no failures.
    for mood in [Mood::Status(404), Mood::Status(401), Mood::Good] {
        neighbour.mood(mood);
        for _ in 0..4 {
            let _ = read(&client).await;
        }
    }
    assert!(client.health().report().up);
    neighbour.mood(FAILED);
    assert_eq!(
        read(&client).await.unwrap_err().outcome(),
        "failed",
        "with its repetitions three"
    );
    let before = neighbour.seen().len();
    assert_eq!(read(&client).await.unwrap_err(), CallError::Open);
    assert_eq!(neighbour.seen().len(), before, "it is left alone");
    let report = client.health().report();
    assert!(
        !report.up
            && report
                .detail
                .as_ref()
                .is_some_and(|detail| detail.contains("in a row")),
        "{report:?}"
    );
    neighbour.mood(Mood::Good);
    tokio::time::sleep(Duration::from_millis(700)).await;
    read(&client).await.unwrap();
    let report = client.health().report();
    assert!(report.up && report.detail.is_none(), "{report:?}");
}

#[tokio::test]
async fn a_failed_trial_keeps_the_breaker_open() {
    let neighbour = StandIn::start().await.unwrap();
    let limits = Limits {
        failures: 1,
        retries: 0,
        ..quick()
    };
    let client = client(&neighbour, &limits);
    neighbour.mood(FAILED);
    assert_eq!(read(&client).await.unwrap_err().outcome(), "failed");
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(read(&client).await.unwrap_err().outcome(), "failed", "the trial");
    assert_eq!(read(&client).await.unwrap_err(), CallError::Open);
}

#[tokio::test]
async fn calls_over_the_limit_wait_and_give_up() {
    let neighbour = StandIn::start().await.unwrap();
    neighbour.mood(Mood::Slow(Duration::from_millis(300)));
    let limits = Limits {
        at_once: 1,
        attempt: Duration::from_millis(500),
        total: Duration::from_millis(1000),
        ..quick()
    };
    let client = client(&neighbour, &limits);
    let outcomes = join_all((0..6).map(|_| read(&client))).await;
    let good = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let busy = outcomes
        .iter()
        .filter(|outcome| **outcome == Err(CallError::Busy))
        .count();
    assert!((1..=2).contains(&good) && busy >= 3, "{outcomes:?}");
    assert!(neighbour.seen().len() <= 4);
}
