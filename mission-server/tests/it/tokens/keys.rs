//! Published keys that change, vanish, or cannot be had.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{
    ask, assert_challenged, claims,
    provider::{Conduct, Provider, RSA_1, RSA_2, SigningKey, key_set},
    with_provider,
};
use crate::support::Server;

/// Asks until the status is the expected one, for ten seconds at most.
async fn until(server: &Server, token: &str, status: u16) {
    let begun = Instant::now();
    loop {
        let answer = ask(server, token).await;
        if answer.status == status {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn keys_are_rotated_without_a_restart_and_withdrawn_ones_end() {
    let (old, new) = (SigningKey::rsa("1", RSA_1), SigningKey::rsa("2", RSA_2));
    let provider = Provider::start(Conduct::publishes(&[&old])).await;
    let server = with_provider(&provider, &[("MISSION_JWT_REFRESH", "1s")]).await;
    let user = Uuid::new_v4();
    let (of_old, of_new) = (
        old.sign(&claims(user, json!({}))),
        new.sign(&claims(user, json!({}))),
    );
    assert_eq!(ask(&server, &of_old).await.status, 200);

    provider.now(Conduct::publishes(&[&old, &new]));
    assert_eq!(
        ask(&server, &of_new).await.status,
        200,
        "a new key is asked for at once"
    );
    assert_eq!(ask(&server, &of_old).await.status, 200);

    provider.now(Conduct::publishes(&[&new]));
    until(&server, &of_old, 401).await;
    assert_challenged(&ask(&server, &of_old).await, "withdrawn");
    assert_eq!(ask(&server, &of_new).await.status, 200);
    // The name of the old key with the new key's bytes, and the other way round.
    assert_challenged(
        &ask(&server, &new.sign_as(Some("1"), &claims(user, json!({})))).await,
        "1",
    );
    assert_challenged(
        &ask(&server, &old.sign_as(Some("2"), &claims(user, json!({})))).await,
        "2",
    );
}

#[tokio::test]
async fn a_file_of_keys_is_rotated_without_a_restart() {
    let (old, new) = (SigningKey::ec("1"), SigningKey::ed("2"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::fs::write(&path, key_set(&[&old]).to_string()).unwrap();
    let settings = [
        ("MISSION_JWT_JWKS_FILE", path.to_str().unwrap()),
        ("MISSION_JWT_REFRESH", "1s"),
    ];
    let server = Server::with(&settings).await;
    let user = Uuid::new_v4();
    let (of_old, of_new) = (
        old.sign(&claims(user, json!({}))),
        new.sign(&claims(user, json!({}))),
    );
    assert_eq!(ask(&server, &of_old).await.status, 200);
    std::fs::write(&path, "{\"keys\": [").unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(
        ask(&server, &of_old).await.status,
        200,
        "half a file changes nothing"
    );
    std::fs::write(&path, key_set(&[&new]).to_string()).unwrap();
    until(&server, &of_old, 401).await;
    assert_eq!(ask(&server, &of_new).await.status, 200);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_hardly_asks_the_provider() {
    let key = SigningKey::ed("1");
    let provider = Provider::start(Conduct::publishes(&[&key])).await;
    let server = with_provider(&provider, &[]).await;
    let good = key.sign(&claims(Uuid::new_v4(), json!({})));
    assert_eq!(ask(&server, &good).await.status, 200);
    let (before, begun) = (provider.asked(), Instant::now());
    let flood = (0..300).map(|n| {
        let token = key.sign_as(Some(&format!("unknown-{n}")), &claims(Uuid::new_v4(), json!({})));
        let (server, good) = (&server, &good);
        async move {
            assert_challenged(&ask(server, &token).await, "unknown");
            assert_eq!(ask(server, good).await.status, 200);
        }
    });
    futures_util::future::join_all(flood).await;
    let fetches = provider.asked() - before;
    // One at once, and one more each five seconds.
    let allowed = 1 + usize::try_from(begun.elapsed().as_secs() / 5).unwrap();
    assert!(fetches <= allowed, "{fetches} fetches in {:?}", begun.elapsed());
}

#[tokio::test]
async fn known_keys_stay_in_force_while_the_provider_fails() {
    let key = SigningKey::rsa("1", RSA_1);
    let provider = Provider::start(Conduct::publishes(&[&key])).await;
    let server = with_provider(&provider, &[("MISSION_JWT_REFRESH", "1s")]).await;
    let token = |n: u32| key.sign(&claims(Uuid::new_v4(), json!({"n": n})));
    assert_eq!(ask(&server, &token(0)).await.status, 200);
    let failures = [
        Conduct::Answers(StatusCode::SERVICE_UNAVAILABLE, String::new()),
        Conduct::Answers(StatusCode::OK, "<html>not found</html>".to_owned()),
        Conduct::Answers(StatusCode::OK, json!({"keys": []}).to_string()),
        // A secret that was published is none.
        Conduct::Answers(
            StatusCode::OK,
            json!({"keys": [{"kty": "oct", "k": "AAAA", "kid": "1", "alg": "HS256"}]}).to_string(),
        ),
        Conduct::Floods,
    ];
    for (conduct, n) in failures.into_iter().zip(1..) {
        let before = provider.asked();
        provider.now(conduct);
        while provider.asked() < before + 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(ask(&server, &token(n)).await.status, 200, "failure {n}");
        let stranger = key.sign_as(Some("2"), &claims(Uuid::new_v4(), json!({})));
        assert_challenged(&ask(&server, &stranger).await, "unknown");
    }
    let metrics = server.metrics().await;
    assert!(
        metrics.contains("mission_jwks_reads_total{result=\"failed\"}"),
        "{metrics}"
    );
}

#[tokio::test]
async fn without_any_keys_no_token_can_be_judged_until_they_come() {
    let key = SigningKey::rsa("1", RSA_1);
    let provider = Provider::start(Conduct::Answers(StatusCode::BAD_GATEWAY, String::new())).await;
    let server = with_provider(&provider, &[("MISSION_JWT_REFRESH", "1s")]).await;
    let token = key.sign(&claims(Uuid::new_v4(), json!({})));
    let answer = ask(&server, &token).await;
    answer.refused(503, "unavailable");
    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    // What no key could make good is refused all the same.
    assert_challenged(&ask(&server, "no.good.token").await, "malformed");
    provider.now(Conduct::publishes(&[&key]));
    until(&server, &token, 200).await;
}

#[tokio::test]
async fn a_provider_that_hangs_holds_up_nobody_for_longer_than_one_question() {
    let key = SigningKey::ed("1");
    let provider = Provider::start(Conduct::publishes(&[&key])).await;
    let server = with_provider(&provider, &[]).await;
    let good = key.sign(&claims(Uuid::new_v4(), json!({})));
    assert_eq!(ask(&server, &good).await.status, 200);
    provider.now(Conduct::Hangs);
    let (before, begun) = (provider.asked(), Instant::now());
    let flood = (0..20).map(|n| {
        let token = key.sign_as(Some(&format!("unknown-{n}")), &claims(Uuid::new_v4(), json!({})));
        let server = &server;
        async move { assert_challenged(&ask(server, &token).await, "unknown") }
    });
    let known = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let fresh = key.sign(&claims(Uuid::new_v4(), json!({})));
        let asked = Instant::now();
        assert_eq!(ask(&server, &fresh).await.status, 200);
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    };
    tokio::join!(futures_util::future::join_all(flood), known);
    // A question may take five seconds.
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert_eq!(provider.asked() - before, 1);
}
