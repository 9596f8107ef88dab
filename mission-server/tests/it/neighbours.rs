//! The server with other services around it, good ones and bad ones.

use std::time::{Duration, Instant};

use mission_neighbours::{Mood, StandIn};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Server;

async fn with_neighbours() -> (Server, StandIn, StandIn) {
    let (iam, social) = (StandIn::start().await.unwrap(), StandIn::start().await.unwrap());
    let server = Server::with(&[
        ("MISSION_IAM_URL", &iam.url),
        ("MISSION_SOCIAL_URL", &social.url),
        ("MISSION_SERVICE_TOKEN", "hunter2"),
    ])
    .await;
    (server, iam, social)
}

fn name_of(user: Uuid) -> String {
    format!("User {}", &user.to_string()[..8])
}

#[tokio::test]
async fn leaderboards_and_pages_of_users_show_who_they_are() {
    let (server, iam, _social) = with_neighbours().await;
    let (one, other, nobody) = (server.user(), server.user(), server.user());
    iam.unknown(nobody.user);
    for user in [&one, &other, &nobody] {
        user.post("/checkin", Value::Null).await.ok(200);
    }
    let with_trace = one.header("x-correlation-id", "c-1").header(
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    let board = with_trace.get("/leaderboards/all_time").await.ok(200);
    for row in board["items"].as_array().unwrap() {
        let user: Uuid = row["user_id"].as_str().unwrap().parse().unwrap();
        if user == nobody.user {
            assert!(row.get("display_name").is_none(), "{row}");
        } else {
            assert_eq!(row["display_name"], name_of(user));
            assert_eq!(row["avatar_url"], format!("https://pictures.example/{user}"));
        }
    }
    assert_eq!(board["me"]["display_name"], name_of(one.user));
    let seen = iam.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].headers["authorization"], "Bearer hunter2");
    assert_eq!(seen[0].headers["x-correlation-id"], "c-1");
    let parent = seen[0].headers["traceparent"].to_str().unwrap();
    assert!(
        parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"),
        "{parent}"
    );
    let page = server
        .admin()
        .get(&format!("/users/{}", other.user))
        .await
        .ok(200);
    assert_eq!(page["display_name"], name_of(other.user));
    assert_eq!(page["id"], json!(other.user));
    let metrics = server.metrics().await;
    let line = "mission_neighbour_requests_total{service=\"iam\",route=\"/users/batch\",outcome=\"ok\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn names_never_stop_or_delay_an_answer() {
    let (server, iam, _social) = with_neighbours().await;
    let user = server.user();
    for mood in [
        Mood::Slow(Duration::from_secs(30)),
        Mood::Status(500),
        Mood::WrongJson,
        Mood::Cut,
        Mood::Redirect,
        Mood::Huge(3_000_000, false),
    ] {
        iam.mood(mood);
        let began = Instant::now();
        let board = user.get("/leaderboards/weekly").await.ok(200);
        assert!(began.elapsed() < Duration::from_secs(3), "{mood:?}");
        assert!(board["me"].get("display_name").is_none(), "{mood:?}: {board}");
        server
            .admin()
            .get(&format!("/users/{}", Uuid::new_v4()))
            .await
            .refused(404, "not_found");
    }
}

#[tokio::test]
async fn friends_are_ranked_among_each_other() {
    let (server, _iam, social) = with_neighbours().await;
    let (me, friend, stranger) = (server.user(), server.user(), server.user());
    for user in [&friend, &stranger] {
        user.post("/checkin", Value::Null).await.ok(200);
    }
    social.friends(me.user, vec![friend.user, Uuid::new_v4()], 1);
    let board = me.get("/leaderboards/all_time?scope=friends").await.ok(200);
    let rows: Vec<(&Value, &Value)> = board["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["user_id"], &row["rank"]))
        .collect();
    assert_eq!(
        rows,
        [(&json!(friend.user), &json!(1)), (&json!(me.user), &json!(2))]
    );
    social.mood(Mood::Status(500));
    let friendly = "/leaderboards/all_time?scope=friends";
    friend.get(friendly).await.refused(503, "unavailable");
    friend.get("/leaderboards/all_time").await.ok(200);
    me.get(friendly).await.ok(200);
}

#[tokio::test]
async fn health_shows_neighbours_and_readiness_does_not_need_them() {
    let (server, _iam, social) = with_neighbours().await;
    let state = async |name: &str| {
        let health = server.admin().get("/health").await.ok(200);
        let all = health["dependencies"].as_array().unwrap().clone();
        all.into_iter()
            .find(|dependency| dependency["name"] == name)
            .unwrap()
    };
    for name in ["iam", "social"] {
        let state = state(name).await;
        assert_eq!(
            (&state["status"], &state["required"]),
            (&json!("up"), &json!(false))
        );
    }
    social.mood(Mood::Status(500));
    for _ in 0..3 {
        server
            .user()
            .get("/leaderboards/weekly?scope=friends")
            .await
            .refused(503, "unavailable");
    }
    let away = state("social").await;
    assert_eq!(away["status"], "down");
    assert!(away["detail"].as_str().unwrap().contains("500"), "{away}");
    server.admin().get("/health/ready").await.ok(200);
}

#[tokio::test]
async fn the_erased_are_asked_about_no_more() {
    let (server, iam, _social) = with_neighbours().await;
    let user = server.user();
    user.post("/checkin", Value::Null).await.ok(200);
    user.get("/leaderboards/weekly").await.ok(200);
    user.delete("/me").await.ok(200);
    let before = iam.seen().len();
    let board = server.user().get("/leaderboards/weekly").await.ok(200);
    assert!(!board.to_string().contains(&user.user.to_string()));
    let asked: Vec<_> = iam.seen().into_iter().skip(before).collect();
    assert!(
        asked
            .iter()
            .all(|seen| !seen.body.to_string().contains(&user.user.to_string()))
    );
}

#[tokio::test]
async fn without_a_social_service_events_tell_who_is_friends() {
    let server = Server::start().await;
    let (admin, me, friend) = (server.admin(), server.user(), server.user());
    let board = async || {
        let board = me.get("/leaderboards/weekly?scope=friends").await.ok(200);
        let rows = board["items"].as_array().unwrap().clone();
        rows.into_iter()
            .map(|row| row["user_id"].clone())
            .collect::<Vec<_>>()
    };
    friend.post("/checkin", Value::Null).await.ok(200);
    server.user().post("/checkin", Value::Null).await.ok(200);
    assert_eq!(board().await, [json!(me.user)]);
    let tell = async |id: &str, kind: &str, user: Uuid, other: Uuid| {
        let event = json!({
            "specversion": "1.0", "id": id, "source": "/social", "type": kind, "subject": user,
            "data": {"friendId": other},
        });
        let told = admin.post("/events", event).await.ok(200);
        told["results"][0]["status"].clone()
    };
    assert_eq!(
        tell("1", "friendship.created", friend.user, me.user).await,
        "applied"
    );
    assert_eq!(
        tell("1", "friendship.created", friend.user, me.user).await,
        "duplicate"
    );
    assert_eq!(board().await, [json!(friend.user), json!(me.user)]);
    let export = me.get("/me/export").await.ok(200);
    assert_eq!(export["friends"], json!([friend.user]));
    assert_eq!(
        tell("2", "friendship.created", me.user, me.user).await,
        "rejected"
    );
    assert_eq!(
        tell("3", "friendship.ended", me.user, friend.user).await,
        "applied"
    );
    assert_eq!(board().await, [json!(me.user)]);
}

#[tokio::test]
async fn boosts_last_as_long_as_the_mission_says() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    for (code, reward) in [
        (
            "week",
            json!({"points": 1, "mining_boost_percent": 2.5, "mining_boost_days": 7}),
        ),
        ("ever", json!({"points": 1, "mining_boost_percent": 1})),
        ("none", json!({"points": 1, "mining_boost_days": 7})),
    ] {
        let mission = admin.mission(code, json!({"reward": reward})).await;
        let task = user.start(&mission).await;
        user.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
            .await
            .ok(200);
        user.post(&format!("/tasks/{task}/complete"), Value::Null)
            .await
            .ok(200);
        user.post(&format!("/tasks/{task}/claim"), Value::Null)
            .await
            .ok(200);
    }
    let path = format!("/users/{}/boosts", user.user);
    let boosts = admin.get(&path).await.ok(200)["items"].clone();
    let percents: Vec<_> = boosts
        .as_array()
        .unwrap()
        .iter()
        .map(|boost| boost["percent"].clone())
        .collect();
    assert_eq!(percents, [json!(2.5), json!(1)]);
    assert!(
        boosts[0]["until"].is_string() && boosts[1]["until"].is_null(),
        "{boosts}"
    );
    assert_eq!(user.get("/me").await.ok(200)["boosts"], boosts);
    user.get(&path).await.refused(403, "forbidden");
    let revoke = format!("/rewards/{}/revoke", boosts[1]["reward_id"].as_str().unwrap());
    admin.post(&revoke, json!({"reason": "test"})).await.ok(200);
    assert_eq!(
        admin.get(&path).await.ok(200)["items"].as_array().unwrap().len(),
        1
    );
    let until = boosts[0]["until"].clone();
    server.set_clock(until.as_str().unwrap()).await;
    assert_eq!(admin.get(&path).await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn rules_read_friends_and_nothing_else_waits_for_them() {
    let (server, _iam, social) = with_neighbours().await;
    let (admin, user, friend) = (server.admin(), server.user(), server.user());
    let rule = json!({"rule_type": "event.friends", "operator": "contains", "value": friend.user});
    let played = json!({
        "frequency": "unlimited", "auto_start": true, "trigger": {"event": "game.played"}, "rules": [rule],
    });
    admin.mission("played", played).await;
    let watched =
        json!({"frequency": "unlimited", "auto_start": true, "trigger": {"event": "video.watched"}});
    admin.mission("watched", watched).await;
    social.friends(user.user, vec![friend.user], 100);
    let event = |id: &str, kind: &str, who: Uuid| {
        json!({
            "specversion": "1.0", "id": id, "source": "/games", "type": kind, "subject": who,
            "data": {"friend_id": friend.user},
        })
    };
    let applied = admin
        .post("/events", event("1", "game.played", user.user))
        .await
        .ok(200);
    assert_eq!(applied["results"][0]["status"], "applied", "{applied}");
    let stranger = server.user();
    let ignored = admin
        .post("/events", event("2", "game.played", stranger.user))
        .await
        .ok(200);
    assert_eq!(ignored["results"][0]["status"], "ignored", "{ignored}");
    let asked = social.seen().len();
    social.mood(Mood::Status(500));
    let other = server.user();
    let watched = admin
        .post("/events", event("3", "video.watched", other.user))
        .await
        .ok(200);
    assert_eq!(watched["results"][0]["status"], "applied");
    assert_eq!(
        social.seen().len(),
        asked,
        "nobody is asked where no rule reads it"
    );
    let played = || event("4", "game.played", other.user);
    admin.post("/events", played()).await.refused(503, "unavailable");
    social.mood(Mood::Good);
    social.friends(other.user, vec![friend.user], 100);
    let mut again = admin.post("/events", played()).await;
    for _ in 0..100 {
        if again.status != 503 {
            break;
        }
        // Its breaker is open for a while.
        tokio::time::sleep(Duration::from_millis(200)).await;
        again = admin.post("/events", played()).await;
    }
    let again = again.ok(200);
    assert_eq!(again["results"][0]["status"], "applied", "nothing of it was lost");
}
