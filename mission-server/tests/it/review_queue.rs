//! The queue of reviews: what a reviewer looks for, takes on and decides.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Server};

/// Evidence and a check-in of one user, and evidence of another, that wait for a reviewer.
async fn flagged(server: &Server) -> [Uuid; 2] {
    let (admin, first, second) = (server.admin(), server.user(), server.user());
    let demand = json!({"type": "social", "evidence": {"type": "social_proof", "review": "manual"}});
    let mission = admin.mission("post", demand).await;
    for user in [&first, &second] {
        let task = user.start(&mission).await;
        let picture = format!("https://pictures.example/{}.png", user.user);
        let evidence = json!({"type": "social_proof", "data": "look", "screenshot_url": picture});
        let path = format!("/tasks/{task}/evidence");
        user.post(&path, evidence).await.ok(202);
    }
    first
        .header("x-device-id", "phone")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    server.set_clock("2026-01-06T10:00:00Z").await;
    first
        .header("x-device-id", "tablet")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    [first.user, second.user]
}

async fn server() -> Server {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    server
}

fn reviewer(server: &Server) -> Client<'_> {
    server.client(Uuid::new_v4(), json!({"permissions": ["reviews:write"]}))
}

/// The kinds of the reviews of a query, with whose they are.
async fn listed(reviewer: &Client<'_>, query: &str) -> Vec<(String, Value)> {
    let found = reviewer.get(&format!("/reviews?{query}")).await.ok(200);
    let of = |review: &Value| {
        (
            review["kind"].as_str().unwrap().to_owned(),
            review["user_id"].clone(),
        )
    };
    found["items"].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn the_queue_is_narrowed_down() {
    let server = server().await;
    let [first, second] = flagged(&server).await;
    let reviewer = reviewer(&server);
    let one = |kind: &str, user: Uuid| (kind.to_owned(), json!(user));
    let all = [
        one("evidence", first),
        one("evidence", second),
        one("check_in", first),
    ];
    assert_eq!(listed(&reviewer, "").await, all);
    assert_eq!(listed(&reviewer, "kind=evidence").await, all[..2]);
    assert_eq!(
        listed(&reviewer, &format!("kind=evidence&user={second}&status=open")).await,
        all[1..2]
    );
    assert_eq!(listed(&reviewer, "kind=grant").await, []);
    assert_eq!(listed(&reviewer, "kind=evidence&status=approved").await, []);
    assert_eq!(listed(&reviewer, "assigned_to=nobody").await, all);
    assert_eq!(listed(&reviewer, "assigned_to=me").await, []);

    let page = reviewer.get("/reviews?kind=evidence&limit=1").await.ok(200);
    let next = page["next_cursor"].as_str().unwrap();
    let next = listed(&reviewer, &format!("kind=evidence&limit=1&cursor={next}")).await;
    assert_eq!(next, all[1..2]);

    for bad in ["kind=other", "user=x", "assigned_to=them"] {
        let refused = reviewer.get(&format!("/reviews?{bad}")).await;
        refused.refused(422, "invalid_query");
        let name = bad.split_once('=').unwrap().0;
        assert!(refused.body.to_string().contains(name), "{refused:?}");
    }
}
