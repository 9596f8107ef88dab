//! Redis: what is cached there and for how long, limits that servers share, and going on without it.

use std::time::{Duration, Instant};

use redis::AsyncTypedCommands as _;
use serde_json::{Value, json};

use crate::{
    own_redis::OwnRedis,
    services::REDIS,
    support::{Client, Server},
};

async fn connect(url: &str) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// Waits until something holds; it must within a second.
async fn within_a_second(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(1), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn check_ins(client: &Client<'_>) -> Value {
    client.get("/checkin").await.ok(200)["total_check_ins"].clone()
}

#[tokio::test]
async fn reads_fill_the_cache_and_writes_empty_it() {
    let Some(url) = REDIS.find() else { return };
    let server = Server::with(&[("MISSION_REDIS_URL", url)]).await;
    let mut redis = connect(url).await;
    let (admin, user) = (server.admin(), server.user());
    server.set_clock("2026-01-05T22:30:00Z").await;
    let mission = admin.mission("cached", json!({})).await;
    user.start(&mission).await;
    // Marks of those writes stand in the way for a while.
    tokio::time::sleep(Duration::from_millis(3100)).await;
    user.get("/tasks").await.ok(200);
    user.get("/checkin").await.ok(200);
    user.get("/missions").await.ok(200);
    user.get(&format!("/missions/{mission}")).await.ok(200);
    let lives = [
        (format!("mission:{mission}"), 3600),
        ("missions:active".to_owned(), 300),
        (format!("user:{}:tasks", user.user), 600),
        // Until the user's midnight.
        (format!("user:{}:checkin", user.user), 5400),
        ("config:missions".to_owned(), 1800),
    ];
    for (key, life) in &lives {
        let left = redis.ttl(key).await.unwrap();
        let redis::IntegerReplyOrNoOp::IntegerReply(left) = left else {
            panic!("{key} has no life: {left:?}");
        };
        assert!((life - 30..=*life).contains(&left), "{key} lives for {left} s");
        let text = redis.get(key).await.unwrap().unwrap();
        serde_json::from_str::<Value>(&text).expect(key);
    }
    assert_eq!(check_ins(&user).await, 0);
    user.post("/checkin", Value::Null).await.ok(200);
    assert_eq!(check_ins(&user).await, 1, "seen at once on the same server");
    let key = format!("user:{}:checkin", user.user);
    within_a_second("the old value is gone", async || {
        redis.get(&key).await.unwrap().as_deref() == Some("-")
    })
    .await;
}

#[tokio::test]
async fn a_write_is_seen_on_other_servers_within_a_second() {
    let Some(url) = REDIS.find() else { return };
    let one = Server::with(&[("MISSION_REDIS_URL", url)]).await;
    let two = one.second_with(&[("MISSION_REDIS_URL", url)]).await;
    let here = one.user();
    let there = two.client(here.user, json!({}));
    assert_eq!(
        (check_ins(&here).await, check_ins(&there).await),
        (json!(0), json!(0))
    );
    here.post("/checkin", Value::Null).await.ok(200);
    assert_eq!(check_ins(&here).await, 1);
    within_a_second("seen there", async || check_ins(&there).await == 1).await;
    // It stays so: nobody brings the old value back.
    for _ in 0..20 {
        assert_eq!(check_ins(&there).await, 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn servers_share_rate_limits() {
    let Some(url) = REDIS.find() else { return };
    let settings = [
        ("MISSION_REDIS_URL", url),
        ("MISSION_FRAUD_RATE_LIMIT_PER_USER", "3/h"),
    ];
    let one = Server::with(&settings).await;
    let two = one.second_with(&settings).await;
    let here = one.user();
    let there = two.client(here.user, json!({}));
    here.post("/checkin", Value::Null).await.ok(200);
    there
        .post("/checkin", Value::Null)
        .await
        .refused(400, "already_checked_in");
    here.post("/checkin", Value::Null)
        .await
        .refused(400, "already_checked_in");
    let refused = there.post("/checkin", Value::Null).await;
    refused.refused(429, "rate_limited");
    let wait: u32 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(
        (1190..=1200).contains(&wait),
        "one comes back in 20 min, not {wait} s"
    );
    let other = two.user();
    other.post("/checkin", Value::Null).await.ok(200);
}

async fn dependency(server: &Server, name: &str) -> (u16, Value) {
    let health = server.user().get("/health").await;
    let all = health.body["dependencies"].as_array().unwrap().clone();
    let found = all.into_iter().find(|one| one["name"] == name);
    (health.status, found.unwrap()["status"].clone())
}

#[tokio::test]
async fn without_redis_everything_goes_on() {
    let Some(mut redis) = OwnRedis::start() else {
        return;
    };
    let url = redis.url();
    let server = Server::with(&[
        ("MISSION_REDIS_URL", &url),
        ("MISSION_FRAUD_RATE_LIMIT_PER_USER", "3/h"),
    ])
    .await;
    let tolerant = server
        .second_with(&[
            ("MISSION_REDIS_URL", &url),
            ("MISSION_READY_REQUIRES", "database"),
        ])
        .await;
    assert_eq!(dependency(&server, "redis").await, (200, json!("up")));
    redis.stop();
    assert_eq!(dependency(&server, "redis").await, (503, json!("down")));
    assert_eq!(dependency(&tolerant, "redis").await, (200, json!("down")));
    assert_eq!(server.user().get("/health/ready").await.status, 503);
    assert_eq!(
        tolerant.user().get("/health/ready").await.ok(200)["status"],
        "degraded"
    );
    let user = server.user();
    user.post("/checkin", Value::Null).await.ok(200);
    assert_eq!(check_ins(&user).await, 1);
    user.post("/checkin", Value::Null)
        .await
        .refused(400, "already_checked_in");
    user.post("/checkin", Value::Null)
        .await
        .refused(400, "already_checked_in");
    user.post("/checkin", Value::Null)
        .await
        .refused(429, "rate_limited");
    redis.start_again();
    within_a_second("Redis is there again", async || {
        dependency(&server, "redis").await == (200, json!("up"))
    })
    .await;
    assert_eq!(check_ins(&user).await, 1);
}
