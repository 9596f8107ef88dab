//! Events as they happen.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{Client, Server, event};

/// Reads a stream event by event.
struct Stream {
    response: Response,
    text: String,
}

/// One event of a stream.
#[derive(Debug)]
struct Told {
    id: String,
    event: String,
    data: Value,
}

impl Stream {
    async fn open(server: &Server, client: &Client<'_>, path: &str, last: Option<&str>) -> Stream {
        let url = format!("{}/api/v1{path}", server.url);
        let mut request = server.http.get(url).bearer_auth(&client.token);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(
            response.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/event-stream")
        );
        Stream {
            response,
            text: String::new(),
        }
    }

    /// The next event; `None` where none comes for a second.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    let mut lines = message.lines();
                    lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
                };
                if let Some(event) = field("event:") {
                    return Some(Told {
                        id: field("id:").unwrap_or_default(),
                        event,
                        data: serde_json::from_str(&field("data:").unwrap()).unwrap(),
                    });
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(1), self.response.chunk())
                .await
                .ok()?;
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    /// The next streak at risk; `None` where a second brings no event at all.
    async fn risk(&mut self) -> Option<Told> {
        loop {
            let told = self.next().await?;
            if told.event == "StreakAtRiskEvent" {
                return Some(told);
            }
        }
    }

    async fn types(&mut self, count: usize) -> Vec<String> {
        let mut types = Vec::new();
        for _ in 0..count {
            types.push(self.next().await.expect("an event").event);
        }
        types.sort();
        types
    }
}

const OF_A_CHECK_IN: [&str; 2] = ["CheckInCompletedEvent", "RewardClaimedEvent"];

#[tokio::test]
async fn a_user_follows_their_own_events_and_an_operator_everybodys() {
    let server = Server::start().await;
    let (user, other) = (server.user(), server.user());
    let mut own = Stream::open(&server, &user, "/stream", None).await;
    let mut all = Stream::open(&server, &server.admin(), "/stream", None).await;
    let mut others = Stream::open(
        &server,
        &server.admin(),
        &format!("/stream?user={}", other.user),
        None,
    )
    .await;
    user.post("/checkin", json!(null)).await.ok(200);
    other.post("/checkin", json!(null)).await.ok(200);
    let first = own.next().await.unwrap();
    assert_eq!(first.data["subject"], json!(user.user));
    assert_eq!(first.data["type"], json!(first.event));
    own.next().await.unwrap();
    assert!(own.next().await.is_none(), "another's events are not shown");
    assert_eq!(all.types(4).await.len(), 4);
    assert_eq!(others.types(2).await, OF_A_CHECK_IN);
    assert!(others.next().await.is_none());
    let path = format!("/stream?user={}", other.user);
    user.get(&path).await.refused(403, "forbidden");
    user.get("/stream?colour=red").await.refused(422, "invalid_query");
    user.header("last-event-id", "yesterday")
        .get("/stream")
        .await
        .refused(422, "invalid_header");
}

#[tokio::test]
async fn nothing_is_missed_where_a_stream_is_resumed() {
    let server = Server::start().await;
    let user = server.user();
    let mut stream = Stream::open(&server, &user, "/stream", None).await;
    user.post("/checkin", json!(null)).await.ok(200);
    let first = stream.next().await.unwrap();
    drop(stream);
    server.set_clock("2030-01-01T12:00:00Z").await;
    user.post("/checkin", json!(null)).await.ok(200);
    let mut resumed = Stream::open(&server, &user, "/stream", Some(&first.id)).await;
    let told = [resumed.next().await, resumed.next().await, resumed.next().await]
        .map(|told| told.unwrap().id.parse::<i64>().unwrap());
    assert!(told.is_sorted() && told[0] > first.id.parse().unwrap());
    assert!(resumed.next().await.is_none(), "each is told once");
    // What is no longer there is said to be missing.
    let mut gap = Stream::open(&server, &user, "/stream", Some("999999")).await;
    assert_eq!(gap.next().await.unwrap().event, "gap");
}

#[tokio::test]
async fn many_events_come_whole_and_in_order() {
    let server = Server::start().await;
    let mut all = Stream::open(&server, &server.admin(), "/stream", None).await;
    let check_ins = futures_util::stream::iter(0..300)
        .map(|_| async { server.user().post("/checkin", json!(null)).await.ok(200) });
    check_ins.buffer_unordered(16).collect::<Vec<_>>().await;
    let mut last = 0;
    for _ in 0..600 {
        let told = all.next().await.expect("an event");
        let id: i64 = told.id.parse().unwrap();
        assert!(id > last, "{id} after {last}");
        last = id;
    }
    assert!(all.next().await.is_none());
}

#[tokio::test]
async fn another_servers_events_are_shown_too() {
    let server = Server::start().await;
    let second = server.second().await;
    let user = second.user();
    let mut all = Stream::open(&server, &server.admin(), "/stream", None).await;
    user.post("/checkin", json!(null)).await.ok(200);
    assert_eq!(all.types(2).await, OF_A_CHECK_IN);
}

#[tokio::test]
async fn a_followed_users_progress_is_told_and_resumed() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let watched = async |times: usize| {
        for _ in 0..times {
            let event = event(user.user, "video.watched", "2026-01-05T10:00:00Z", json!({}));
            admin.post("/events", event).await.ok(200);
        }
    };
    server.set_clock("2026-01-05T10:00:00Z").await;
    let mission = json!({"type": "watch_video", "target": 4, "auto_start": true, "trigger": {"event": "video.watched"}});
    let mission = admin.mission("watch", mission).await;
    watched(1).await;
    let mut own = Stream::open(&server, &user, "/stream", None).await;
    watched(1).await;
    let mut second = own.next().await.expect("an event");
    // That of the first one may be told a moment after it was answered.
    if second.event == "TaskStartedEvent" {
        second = own.next().await.expect("an event");
    }
    assert_eq!(second.event, "TaskProgressedEvent");
    assert_eq!(second.data["subject"], json!(user.user));
    let mut shown = second.data["data"].clone();
    let fields = shown.as_object_mut().unwrap();
    assert!(fields.remove("taskId").is_some_and(|id| id.is_string()));
    assert_eq!(
        shown,
        json!({"userId": user.user, "missionId": mission, "progress": 2, "target": 4, "status": "in_progress",
            "movedAt": shown["movedAt"]})
    );
    drop(own);
    watched(2).await;
    let mut resumed = Stream::open(&server, &user, "/stream", Some(&second.id)).await;
    for (progress, status) in [(3, "in_progress"), (4, "completed")] {
        let told = resumed.next().await.expect("an event").data["data"].clone();
        assert_eq!(
            (&told["progress"], &told["status"]),
            (&json!(progress), &json!(status))
        );
    }
    assert!(resumed.next().await.is_none());
}

#[tokio::test]
async fn a_streak_at_risk_is_told_once_a_day() {
    let server = Server::start().await;
    let user = server.user();
    for day in ["2026-01-05", "2026-01-06"] {
        server.set_clock(&format!("{day}T10:00:00Z")).await;
        user.post("/checkin", json!(null)).await.ok(200);
    }
    let mut safe = Stream::open(&server, &user, "/stream", None).await;
    assert!(safe.risk().await.is_none(), "today is done");
    // It becomes so while somebody follows.
    server.set_clock("2026-01-07T00:00:05Z").await;
    let risk = match safe.risk().await {
        Some(risk) => risk,
        None => safe.risk().await.expect("within two seconds"),
    };
    assert_eq!(risk.data["subject"], json!(user.user));
    assert_eq!(
        risk.data["data"],
        json!({"userId": user.user, "currentStreak": 2, "endsAt": "2026-01-08T00:00:00Z"})
    );
    let mut again = Stream::open(&server, &user, "/stream", None).await;
    assert!(
        again.risk().await.is_none() && safe.risk().await.is_none(),
        "once a day"
    );
    drop((again, safe));
    let mut resumed = Stream::open(&server, &user, "/stream", Some("0")).await;
    assert_eq!(resumed.risk().await.unwrap().id, risk.id, "it can be resumed");
    drop(resumed);
    user.post("/checkin", json!(null)).await.ok(200);
    // It is so when somebody begins to follow.
    server.set_clock("2026-01-08T10:00:00Z").await;
    let mut late = Stream::open(&server, &user, "/stream", None).await;
    assert_eq!(late.risk().await.unwrap().data["data"]["currentStreak"], 3);
    server.set_clock("2026-01-09T10:00:00Z").await;
    assert!(late.risk().await.is_none(), "it is lost, and no longer at risk");
}
